using Weft.Compiler.Algebra;
using Weft.Compiler.Emission;
using Weft.Compiler.Explanation;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Scheduling;

namespace Weft.Compiler;

/// <summary>The element type of a generated map.</summary>
public enum Scalar
{
    Float,
    Double,
}

/// <summary>What a module is compiled for, besides this machine's processor.</summary>
public enum Target
{
    Cpu,
    OpenCl,
}

/// <summary>How a module becomes a type.</summary>
/// <param name="TypeName">Name of the class.</param>
/// <param name="Namespace">Its namespace; empty for the global one.</param>
/// <param name="Modifiers">What stands before <c>partial class</c>: <c>public sealed</c>; empty when the user's own part says it.</param>
/// <param name="ContainingTypes">Headers of enclosing types, outermost first: <c>partial class Outer</c>.</param>
/// <param name="Scalar">Element type.</param>
/// <param name="Batch">The number of rows that plans are made for.</param>
/// <param name="Target">Whether the type also holds a program for a device.</param>
/// <param name="PlanRank">Which plan of each term is taken: 0 for the cheapest, k for the k-th of those that it rejects, where there are so many.</param>
public sealed record GenerateOptions(
    string TypeName,
    string Namespace = "",
    string Modifiers = "public sealed",
    Text.EquatableArray<string> ContainingTypes = default,
    Scalar Scalar = Scalar.Float,
    int Batch = 64,
    Target Target = Target.Cpu,
    int PlanRank = 0);

/// <summary>What the road makes of one module.</summary>
/// <param name="Code">The C# file.</param>
/// <param name="Explanation">What <c>weft explain</c> prints.</param>
public sealed record GeneratedType(string Code, string Explanation);

/// <summary>The road from a bound module to C#: rewrite, lower, plan, schedule, emit.</summary>
public static class ModuleCompiler
{
    public static GeneratedType Compile(Module module, GenerateOptions options, CancellationToken cancellationToken = default)
    {
        (Module rewritten, IReadOnlyList<Law> laws) = Rewriter.Rewrite(module, cancellationToken);
        var costs = new CostModel(options.Batch);
        (rewritten, IReadOnlyList<Route> routes) = RouteSelection.Select(rewritten, costs, cancellationToken);
        if (routes.Count > 0)
        {
            (rewritten, IReadOnlyList<Law> more) = Rewriter.Rewrite(rewritten, cancellationToken);
            laws = [.. laws, .. more];
        }

        LoweredModule lowered = Lowering.Lower(rewritten);
        Schedule schedule = Scheduler.Build(
            lowered, costs, options.Scalar == Scalar.Float ? 4 : 8, options.PlanRank, keepsElements: options.Target == Target.OpenCl, cancellationToken);
        var explainer = new Explainer(schedule, laws, routes, costs, options.Scalar);
        return new GeneratedType(MapEmitter.Emit(schedule, options, explainer.Summary()), explainer.Full());
    }
}
