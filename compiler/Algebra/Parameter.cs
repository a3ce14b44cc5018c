using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>How a parameter starts: a distribution and its one number.</summary>
/// <param name="Distribution">The family of distributions.</param>
/// <param name="Scale">The constant; the standard deviation; the half-width of a uniform; a gain.</param>
public sealed record Initializer(Distribution Distribution, double Scale = 1)
{
    /// <summary>
    /// Whether the scale is divided by the root of how many products an output of the tensor's contraction adds up, which a plan tells: an input of
    /// unit variance stays at unit variance.
    /// </summary>
    public bool IsOverFanIn { get; init; }

    /// <summary>Normal numbers, over the root of the fan-in.</summary>
    public static Initializer FanIn(double gain = 1) => new(Distribution.Normal, gain) { IsOverFanIn = true };
}

/// <summary>A tensor of numbers that a module owns. Its name is unique in the module: <c>stem.W</c>, <c>A[2]</c>.</summary>
/// <param name="Name">The path from the module to the declaration.</param>
/// <param name="Shape">The extent of each axis, row-major. Empty for a scalar.</param>
/// <param name="Role">Trained, frozen or seeded.</param>
/// <param name="Initializer">How it starts (for a seeded one: what it is).</param>
/// <param name="Seed">The seed of a seeded parameter.</param>
/// <param name="Rate">What the learning rate is multiplied by for a trained one.</param>
public sealed record Parameter(string Name, EquatableArray<int> Shape, Role Role, Initializer Initializer, int Seed = 0, double Rate = 1)
{
    /// <summary>What its matrices are known to be.</summary>
    public TensorProperty Property { get; init; }

    public int Length => Shape.Aggregate(1, (product, extent) => checked(product * extent));
}
