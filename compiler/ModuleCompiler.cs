using Weft.Compiler.Algebra;
using Weft.Compiler.Emission;
using Weft.Compiler.Explanation;
using Weft.Compiler.Gpu;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Projection;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Scheduling;

namespace Weft.Compiler;

/// <summary>The element type of a generated map.</summary>
public enum Scalar
{
    Float,
    Double,
}

/// <summary>What a module is compiled for, besides the processor.</summary>
[Flags]
public enum Targets
{
    Cpu = 0,
    OpenCl = 1,
    Ilgpu = 2,
}

/// <summary>How a module becomes a type.</summary>
/// <param name="TypeName">Name of the class.</param>
/// <param name="Namespace">Its namespace; empty for the global one.</param>
/// <param name="Modifiers">What stands before <c>partial class</c>: <c>public sealed</c>; empty when the user's own part says it.</param>
/// <param name="ContainingTypes">Headers of enclosing types, outermost first: <c>partial class Outer</c>.</param>
/// <param name="Scalar">Element type.</param>
/// <param name="Batch">The number of rows that plans are made for.</param>
/// <param name="Targets">The devices that the type also holds a program for.</param>
/// <param name="MapType">Null for the map itself; else the map's type, and what is made is its side for ILGPU.</param>
/// <param name="PlanRank">Which plan of each term is taken: 0 for the cheapest, k for the k-th of those that it rejects, where there are so many.</param>
/// <param name="FewRowsGain">How many times as fast a forward pass of its own for a few rows must promise to be: 0 for always one, infinity for none.</param>
public sealed record GenerateOptions(
    string TypeName,
    string Namespace = "",
    string Modifiers = "public sealed",
    Text.EquatableArray<string> ContainingTypes = default,
    Scalar Scalar = Scalar.Float,
    int Batch = 64,
    Targets Targets = Targets.Cpu,
    string? MapType = null,
    int PlanRank = 0,
    double FewRowsGain = 1.2)
{
    /// <summary>Bytes of an element.</summary>
    public int ElementSize => Scalar == Scalar.Float ? 4 : 8;

    /// <summary>What the type of a module derives from: <c>LinearMap&lt;float&gt;</c>.</summary>
    public string BaseType(Module module) => $"{(module.IsLinear ? "LinearMap" : "Map")}<{(Scalar == Scalar.Float ? "float" : "double")}>";

    /// <summary>The type that runs a map on ILGPU's accelerators, beside the map's own.</summary>
    /// <param name="accessibility">The map's: <c>public</c>.</param>
    public GenerateOptions ForIlgpu(string accessibility) => this with
    {
        TypeName = TypeName.TrimStart('@') + "Gpu",
        Modifiers = accessibility + " sealed",
        MapType = TypeName,
    };
}

/// <summary>What the road makes of one module.</summary>
/// <param name="Code">The C# file.</param>
/// <param name="Explanation">What <c>weft explain</c> prints.</param>
public sealed record GeneratedType(string Code, string Explanation);

/// <summary>The road from a bound module to C#: rewrite, lower, plan, schedule, emit.</summary>
public static class ModuleCompiler
{
    public static GeneratedType Compile(Module module, GenerateOptions options, CancellationToken cancellationToken = default)
    {
        var costs = new CostModel(options.Batch);
        (LoweredModule lowered, IReadOnlyList<Law> laws, IReadOnlyList<Route> routes) = Lower(module, costs, cancellationToken);
        Schedule schedule = Scheduler.Build(lowered, costs, options.ElementSize, options.PlanRank, keepsElements: options.Targets != Targets.Cpu, cancellationToken);
        if (options.MapType is null && !double.IsInfinity(options.FewRowsGain))
        {
            LoweredModule few = Lower(module, costs.ForFewRows, cancellationToken).Lowered;
            schedule = FewRows.AddTo(schedule, few, costs, options.ElementSize, options.FewRowsGain, cancellationToken);
        }

        DeviceModel model = DeviceModel.Default with { ElementSize = options.ElementSize };
        DeviceSchedule? device = options.Targets == Targets.Cpu ? null : DeviceScheduler.Build(schedule, options.Batch, model, cancellationToken);
        ProjectionPlan? projection = schedule.Module.IsLinear ? ProjectionPlanner.Plan(schedule) : null;
        var explainer = new Explainer(schedule, laws, routes, costs, projection, options.Scalar);
        string code = options.MapType is null
            ? MapEmitter.Emit(schedule, projection, device, options, explainer.Summary())
            : IlgpuEmitter.Emit(device!, options);
        return new GeneratedType(code, explainer.Full());
    }

    /// <summary>What <c>weft explain --target gpu</c> prints.</summary>
    /// <param name="module">The module.</param>
    /// <param name="options">How it becomes a type.</param>
    /// <param name="device">What the device can do.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static string ExplainDevice(Module module, GenerateOptions options, DeviceModel device, CancellationToken cancellationToken = default)
    {
        device = device with { ElementSize = options.ElementSize };
        var costs = new CostModel(options.Batch);
        Schedule schedule = Scheduler.Build(Lower(module, costs, cancellationToken).Lowered, costs, options.ElementSize, keepsElements: true, cancellationToken: cancellationToken);
        return new DeviceExplainer(
            DeviceScheduler.Build(schedule, options.Batch, device, cancellationToken),
            DeviceScheduler.Build(schedule, 1, device, cancellationToken),
            options.Batch,
            device).Full();
    }

    private static (LoweredModule Lowered, IReadOnlyList<Law> Laws, IReadOnlyList<Route> Routes) Lower(Module module, CostModel costs, CancellationToken cancellationToken)
    {
        (Module rewritten, IReadOnlyList<Law> laws) = Rewriter.Rewrite(module, cancellationToken);
        (rewritten, IReadOnlyList<Route> routes) = RouteSelection.Select(rewritten, costs, cancellationToken);
        if (routes.Count > 0)
        {
            (rewritten, IReadOnlyList<Law> more) = Rewriter.Rewrite(rewritten, cancellationToken);
            laws = [.. laws, .. more];
        }

        return (Lowering.Lower(rewritten, fewRows: costs.IsForFewRows), laws, routes);
    }
}
