using System.Text;
using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>Prints the steps of a schedule, one a line.</summary>
public static class SchedulePrinter
{
    public static string Print(Schedule schedule)
    {
        var text = new StringBuilder();
        Print("once", schedule.PrepareFrozen);
        Print("once per update", schedule.Prepare);
        Print("forward, for each chunk of rows", schedule.Forward);
        if (schedule.FewRows is { } few)
        {
            Print($"before the first call for {few.InWords} after an update", few.Prepare);
            Print($"forward, {few.InWords}", few.Schedule.Forward);
        }

        Print("reverse, for each chunk of rows", schedule.Reverse);
        Print("reverse, once", schedule.PrepareGradient);
        return text.ToString();

        void Print(string title, IReadOnlyList<Step> steps)
        {
            if (steps.Count > 0)
            {
                text.Append(title).Append('\n');
                foreach (Step step in steps)
                {
                    text.Append("  ").Append(Describe(step)).Append('\n');
                }
            }
        }
    }

    public static string Describe(Step step) => step switch
    {
        KernelStep kernel => $"{Assign(kernel)}    {Form(kernel.Kernel)}",
        ClearStep clear => $"{Name(clear.C)} = 0",
        WalshHadamardStep transform => $"{Name(transform.C)} = wht {Name(transform.A)}",
        ReflectionsStep chain => $"{Name(chain.C)} = {(chain.Transposed ? "reflections'" : "reflections")}({chain.V.Storage}) {Name(chain.A)}, one after the other",
        FanInStep product => FanIn(product),
        FanInAdjointStep { Matrix: var matrix } adjoint => $"{Name(adjoint.C)}[{matrix.Table.Storage}[i j]] {Assign(adjoint.Accumulates)} {matrix.V.Storage}[i j] {Name(adjoint.Y)}[i]",
        FanInGradientStep { Matrix: var matrix } gradient => $"{Name(gradient.C)}[i j] += Σn {Name(gradient.Y)}[n i] {Name(gradient.X)}[n {matrix.Table.Storage}[i j]]",
        SlicedFanInStep sliced => $"{FanIn(sliced.FanIn)}    lanes i",
        SliceStep { Product: var sliced } => FormattableString.Invariant(
            $"{sliced.FanIn.Matrix.V.Storage} and {sliced.FanIn.Matrix.Table.Storage} packed in slices of {sliced.Lanes} outputs, at most {sliced.Steps} steps"),
        GatherStep gather => Gather(gather),
        PositionStep positions => $"{Name(positions.C)} = positions by {string.Join(", ", positions.Sources.Select(source => Name(source.Place)))}",
        ConstantStep constant => $"{constant.Result} = {AlgebraPrinter.Print(constant.Constant.Value)}",
        CheckStep check => FormattableString.Invariant($"check 0 <= {check.Table} < {check.Size}"),
        PadStep pad => $"{pad.C.Storage} = {Name(pad.A)}, its rows {pad.C.Storage.Pitch} apart",
        ActivationStep activation => $"{Name(activation.C)} = {activation.Function.Name}({Name(activation.A)})",
        DerivativeStep derivative => $"{Name(derivative.C)} = {derivative.Function.Name}'({Name(derivative.Z)}) {Name(derivative.A)}",
        FunctionStep function => $"{Name(function.Target)} = {function.Function.Function} {function.Mode.ToString().ToLowerInvariant()}({string.Join(", ", function.Arguments)})",
        PackStep { Scatter: true } pack => $"∂{pack.Source} += ∂{pack.Packed} unpacked from {string.Join("×", pack.Extents)}",
        PackStep pack => $"{pack.Packed} packed as {string.Join("×", pack.Extents)}{(pack.Packed.PackedFormat is { } format ? $" {format.ToString().ToLowerInvariant()}" : "")}",
        _ => throw new InvalidOperationException(step.ToString()),
    };

    private static string Gather(GatherStep step)
    {
        (string o, string c) = (step.Shape.Outer == 1 && step.Table.Storage.IsPerRow ? "" : "o ", step.Shape.Inner == 1 ? "" : " c");
        (string indirect, string direct) = ($"{o}{step.Table.Storage}[i]{c}", $"{o}i{c}");
        return step.Transposed
            ? $"{Name(step.C)}[{indirect}] += {Name(step.A)}[{direct}]"
            : $"{Name(step.C)}[{direct}] {Assign(step.Accumulate)} {Name(step.A)}[{indirect}]";
    }

    private static string FanIn(FanInStep step) =>
        $"{Name(step.C)}[i] {Assign(step.Accumulates)} Σj {Name(step.Matrix.V)}[i j] {Name(step.X)}[{step.Matrix.Table.Storage}[i j]]";

    private static string Assign(bool accumulates) => accumulates ? "+=" : "=";

    private static string Assign(KernelStep step)
    {
        string description = step.Kernel.Description;
        return step.Addend is null ? description
            : step.Accumulates ? description.Replace("] = ", "] += ")
            : description.Replace("] = ", $"] = {Name(step.Addend)} + ");
    }

    private static string Form(Kernel kernel)
    {
        string lanes = kernel.Lanes.Name.Length == 0 ? "scalar" : $"lanes {kernel.Lanes.Name}";
        return kernel.Form == LaneForm.Dot ? $"{lanes}, summed" : lanes;
    }

    private static string Name(Place place) => (place.Aspect == Aspect.Mirror ? "∂" : "") + place.Storage.Name;
}
