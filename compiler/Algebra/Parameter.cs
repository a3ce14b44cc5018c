using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>What happens to a parameter when the module is trained.</summary>
public enum Role
{
    /// <summary>Stored, and has a gradient.</summary>
    Trained,

    /// <summary>Stored, and has none: nothing is computed or kept for it.</summary>
    Frozen,

    /// <summary>Never stored: drawn again from its seed whenever it is needed.</summary>
    Seeded,
}

/// <summary>The distribution that a parameter starts from.</summary>
public enum Distribution
{
    Zeros,
    Constant,
    Normal,
    Uniform,

    /// <summary>Uniform on ±1.</summary>
    Sign,

    /// <summary>Normal rows, each written twice: a chain of reflections that starts as the identity (Yuan et al. 2024).</summary>
    Paired,

    /// <summary>Whole numbers from 0 to below the scale.</summary>
    Whole,

    /// <summary>Whole numbers from 0 to below the scale, all different along the last axis.</summary>
    Distinct,

    /// <summary>Orthonormal rows of the last two axes, or columns where these are fewer, uniform among them.</summary>
    Orthogonal,

    /// <summary>The identity on the last two axes, which need not be equal.</summary>
    Identity,

    /// <summary>Normal, with the standard deviation that keeps a unit-variance input at unit variance.</summary>
    FanIn,
}

/// <summary>How a parameter starts: a distribution and its one number.</summary>
/// <param name="Distribution">The family.</param>
/// <param name="Scale">The constant; the standard deviation; the half-width of a uniform; a gain on <see cref="Distribution.FanIn"/>.</param>
public sealed record Initializer(Distribution Distribution, double Scale = 1);

/// <summary>A tensor of numbers that a module owns. Its name is unique in the module: <c>stem.W</c>, <c>A[2]</c>.</summary>
/// <param name="Name">The path from the module to the declaration.</param>
/// <param name="Shape">The extent of each axis, row-major. Empty for a scalar.</param>
/// <param name="Role">Trained, frozen or seeded.</param>
/// <param name="Initializer">How it starts (for a seeded one: what it is).</param>
/// <param name="Seed">The seed of a seeded parameter.</param>
/// <param name="Rate">What the learning rate is multiplied by for a trained one.</param>
public sealed record Parameter(string Name, EquatableArray<int> Shape, Role Role, Initializer Initializer, int Seed = 0, double Rate = 1)
{
    public int Length => Shape.Aggregate(1, (product, extent) => checked(product * extent));
}
