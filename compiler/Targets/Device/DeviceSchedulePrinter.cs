using System.Globalization;

namespace Weft.Compiler.Targets.Device;

/// <summary>Prints what a device does: kernels with their grids, and launches with what they are handed.</summary>
public static class DeviceSchedulePrinter
{
    /// <summary>Kernels in the text of the IR itself, then the launches of each pass.</summary>
    public static string Print(DeviceSchedule schedule)
    {
        var printer = new Pseudocode();
        IEnumerable<string> kernels = schedule.Kernels.Select((kernel, number) => printer.Print(kernel, KernelPrinter.Name(number)));
        return string.Join("\n", kernels.Concat(
        [
            .. Passes(schedule).Select(pass => pass.Name + "\n" + string.Concat(pass.Launches.Select(launch => $"  {Describe(launch)}\n"))),
        ]));
    }

    /// <summary>Those that do something.</summary>
    public static IEnumerable<(string Name, IReadOnlyList<DeviceLaunch> Launches)> Passes(DeviceSchedule schedule) => new (string Name, IReadOnlyList<DeviceLaunch> Launches)[]
    {
        ("prepare", schedule.Prepare),
        ("forward", schedule.Forward),
        ("forward, few rows", schedule.ForwardFew),
        ("forward, recorded", Unless(schedule.Record, schedule.Forward)),
        ("forward, recorded, few rows", Unless(schedule.RecordFew, schedule.ForwardFew)),
        ("reverse", schedule.Reverse),
        ("reverse, few rows", schedule.ReverseFew),
        ("finish", [.. schedule.FinishGradient, .. schedule.AddGradient]),
        ("mean squared error", schedule.Training.MeanSquaredError),
        ("cross-entropy", schedule.Training.CrossEntropy),
        ("sgd", schedule.Training.Sgd),
        ("adamw", schedule.Training.AdamW),
    }.Where(pass => pass.Launches.Count > 0);

    private static IReadOnlyList<DeviceLaunch> Unless(IReadOnlyList<DeviceLaunch> launches, IReadOnlyList<DeviceLaunch> same) =>
        launches.Select(Describe).SequenceEqual(same.Select(Describe)) ? [] : launches;

    /// <summary>One launch: <c>kernel1(Weights + 1024, Input) → Scratch</c>.</summary>
    public static string Describe(DeviceLaunch launch)
    {
        List<string> operands = [.. launch.Operands.Select(Describe)];
        string target = operands[operands.Count - 1];
        operands.RemoveAt(operands.Count - 1);
        return $"{KernelPrinter.Name(launch.Kernel)}({string.Join(", ", operands)}) {(launch.Accumulate ? "added to" : "→")} {target}";
    }

    /// <summary>An expression in the text of the IR.</summary>
    public static string Describe(Expression expression) => new Pseudocode().Print(expression);

    /// <summary>What the groups share out: <c>grid 4 × rows·32/64 groups of 16 × 16, 8320 bytes of local memory</c>.</summary>
    public static string Shape(DeviceKernel kernel, int elementSize)
    {
        string[] axes = [.. new[] { kernel.X, kernel.Y, kernel.Z }.Where(axis => axis.TimesRows || axis.Extent > axis.Tile).Select(Describe)];
        string grid = axes.Length == 0 ? "one group" : string.Join(" × ", axes) + " groups";
        string group = kernel.GroupY == 1 ? Number(kernel.GroupX) : $"{Number(kernel.GroupX)} × {Number(kernel.GroupY)}";
        int local = kernel.Locals.Sum(array => array.Length) * elementSize;
        return $"{grid} of {group}{(local > 0 ? $", {Number(local)} bytes of local memory" : "")}";
    }

    private static string Describe(GridAxis axis) => axis.TimesRows
        ? (axis.Extent == 1 ? "rows" : $"{Number(axis.Extent)}·rows") + (axis.Tile == 1 ? "" : $"/{Number(axis.Tile)}")
        : Number((axis.Extent + axis.Tile - 1) / axis.Tile);

    private static string Describe(DeviceOperand operand)
    {
        string rows = operand.OffsetPerRow == 0 ? "" : $" + {Number(operand.OffsetPerRow)}·rows";
        return $"{operand.Block}{rows}{(operand.Offset == 0 ? "" : $" + {Number(operand.Offset)}")}";
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The kernel itself, in no target's words.</summary>
    private sealed class Pseudocode() : KernelPrinter("element")
    {
        protected override IEnumerable<string> Attributes(DeviceKernel kernel) => [$"// {Shape(kernel, 4)}."];

        protected override string Header(DeviceKernel kernel, string name) =>
            $"kernel {name}({string.Join(", ", kernel.Operands.Select(operand => (operand.IsWritten ? "out " : "in ") + operand.Name))}, rows, accumulate)";

        protected override IEnumerable<string> Start(DeviceKernel kernel) =>
            kernel.Locals.Select(array => $"local {array.Name}[{Number(array.Length)}];");

        protected override string Widened(Operand operand, string index) => $"{operand.Format!.Name.ToLowerInvariant()} {operand.Name}[{index}]";

        protected override string Widened(Operand operand, string index, int width) =>
            $"{operand.Format!.Name.ToLowerInvariant()}s{Number(width)}({operand.Name})[{index}]";

        protected override string Vector(int width) => Scalar + Number(width);

        protected override string Vectors(string array, int width) => $"{Vector(width)}s({array})";

        protected override string Made(int width) => "";

        protected override string Zeros(int width) => "0";

        protected override string Integer => "int";

        protected override string Wait => "barrier;";

        protected override string Text(WorkItem item) => item switch
        {
            WorkItem.LocalX => "local.x",
            WorkItem.LocalY => "local.y",
            WorkItem.GroupX => "group.x",
            WorkItem.GroupY => "group.y",
            _ => "group.z",
        };

        protected override string Flag(string name) => name;

        protected override string Name(Function function) => function.ToString();
    }
}
