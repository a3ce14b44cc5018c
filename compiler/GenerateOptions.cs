using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Text;

namespace Weft.Compiler;

/// <summary>The element type of a generated map.</summary>
public enum Scalar
{
    Float,
    Double,
}

/// <summary>What a module is compiled for, besides the processor.</summary>
[Flags]
public enum DeviceTargets
{
    None = 0,
    OpenCl = 1,
    Ilgpu = 2,
}

/// <summary>How a module becomes a type.</summary>
/// <param name="TypeName">Name of the class.</param>
/// <param name="Namespace">The namespace of the class; empty for the global one.</param>
/// <param name="Modifiers">What stands before <c>partial class</c>: <c>public sealed</c>; empty when the user's own part says it.</param>
/// <param name="ContainingTypes">Headers of enclosing types, outermost first: <c>partial class Outer</c>.</param>
/// <param name="Scalar">The element type.</param>
/// <param name="Batch">The number of rows that plans are made for.</param>
/// <param name="Targets">The devices that the type also holds a program for.</param>
/// <param name="MapType">Null for the map itself; else the map's type, and what is made is its side for ILGPU.</param>
/// <param name="PlanRank">Which plan of each term is taken: 0 for the cheapest, k for the k-th of those that it rejects, where there are so many.</param>
/// <param name="FewRowsGain">How many times as fast a forward pass of its own for a few rows must promise to be: 0 for always one, infinity for none.</param>
public sealed record GenerateOptions(
    string TypeName,
    string Namespace = "",
    string Modifiers = "public sealed",
    EquatableArray<string> ContainingTypes = default,
    Scalar Scalar = Scalar.Float,
    int Batch = 64,
    DeviceTargets Targets = DeviceTargets.None,
    string? MapType = null,
    int PlanRank = 0,
    double FewRowsGain = 1.2)
{
    /// <summary>The processor that plans and kernels are chosen for.</summary>
    public ProcessorModel Processor { get; init; } = ProcessorModel.Default;

    /// <summary>Elements of a block of what stands between two products, where it is not there whole: <see cref="Variant.BlockElements"/>.</summary>
    public int? BlockElements { get; init; }

    /// <summary>What is compiled for a number of rows.</summary>
    internal Variant Variant(CostModel costs)
    {
        var variant = new Variant(costs, ElementSize, PlanRank);
        return BlockElements is { } elements ? variant with { BlockElements = elements } : variant;
    }

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
