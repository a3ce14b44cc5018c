namespace Weft.Compiler.Algebra;

/// <summary>What a linear map's type can have besides its passes: something of its operator, computed with its own parameters.</summary>
/// <param name="Flag">Its bit in the attribute's <c>Members</c>.</param>
/// <param name="Name">The name of the member.</param>
/// <param name="Function">The built-in function of the operator that it is.</param>
/// <param name="IsNumber">Whether it is a number, not an operator.</param>
/// <param name="Summary">What it is.</param>
public sealed record MapMember(int Flag, string Name, string Function, bool IsNumber, string Summary)
{
    public static IReadOnlyList<MapMember> All { get; } =
    [
        new(1, "Inverse", "inverse", IsNumber: false, "A⁻¹ of this map's A, with its parameters: what it makes of b solves A x = b."),
        new(2, "PseudoInverse", "pseudo_inverse", IsNumber: false, "A⁺ of this map's A, with its parameters: what it makes of b is the shortest of the x for which A x is closest to b."),
        new(4, "SquareRoot", "sqrtm", IsNumber: false, "The square root of this map's A, with its parameters."),
        new(8, "Exponential", "expm", IsNumber: false, "The exponential of this map's A, with its parameters."),
        new(16, "LogDeterminant", "logdet", IsNumber: true, "log |det A| of this map's A."),
        new(32, "Trace", "trace", IsNumber: true, "The sum of the diagonal of this map's A."),
    ];

    /// <summary>The class, within the map's own, of the map that computes it.</summary>
    public string TypeName => Name + "Map";

    /// <summary>Those of some flags.</summary>
    public static IEnumerable<MapMember> Of(int flags) => All.Where(member => (flags & member.Flag) != 0);
}
