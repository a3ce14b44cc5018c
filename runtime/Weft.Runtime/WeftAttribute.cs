namespace Weft;

/// <summary>The element type of a generated map.</summary>
public enum WeftScalar
{
    /// <summary>32 bits.</summary>
    Float,

    /// <summary>64 bits.</summary>
    Double,
}

/// <summary>What a generated map runs on besides the processor, which it always does.</summary>
[Flags]
public enum WeftTargets
{
    /// <summary>Nothing else.</summary>
    Cpu = 0,

    /// <summary>With the package Weft.OpenCl, the devices that OpenCL drives.</summary>
    OpenCl = 1,

    /// <summary>The accelerators of ILGPU, if the project references it: a class of the map's name and <c>Gpu</c>.</summary>
    Ilgpu = 2,
}

/// <summary>What the type of a linear map has besides its passes, by the laws of the functions of Weft that are named; computed with the map's own parameters.</summary>
[Flags]
public enum WeftMembers
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary><c>Inverse</c>, a map: <c>inverse(A)</c>. What it makes of b solves A x = b.</summary>
    Inverse = 1,

    /// <summary><c>PseudoInverse</c>, a map: <c>pseudo_inverse(A)</c>. What it makes of b is the shortest of the x for which A x is closest to b.</summary>
    PseudoInverse = 2,

    /// <summary><c>SquareRoot</c>, a map: <c>sqrtm(A)</c> of an A that is symmetric by its formula.</summary>
    SquareRoot = 4,

    /// <summary><c>Exponential</c>, a map: <c>expm(A)</c>.</summary>
    Exponential = 8,

    /// <summary><c>LogDeterminant(gradient)</c>, a number: <c>logdet(A)</c>.</summary>
    LogDeterminant = 16,

    /// <summary><c>Trace(gradient)</c>, a number: <c>trace(A)</c>.</summary>
    Trace = 32,
}

/// <summary>
/// Makes a partial class the map that a formula describes. The generated part derives from <c>LinearMap</c> where the
/// formula is linear in its input, else from <c>Map</c>.
/// </summary>
/// <example>
/// <code>
/// [Weft("monarch(1024, 32)")]
/// public partial class Mixer;
/// </code>
/// </example>
/// <param name="formula">
/// An operator of the standard library or of the project's <c>.weft</c> files with its sizes, or any formula over them.
/// </param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class WeftAttribute(string formula) : Attribute
{
    /// <summary>The formula, in Weft.</summary>
    public string Formula { get; } = formula;

    /// <summary>The element type. Where it is not given: the project's <c>WeftScalar</c>, else float.</summary>
    public WeftScalar Scalar { get; set; } = WeftScalar.Float;

    /// <summary>
    /// The number of rows that plans are made for; any other number works too. Where it is not given: the project's
    /// <c>WeftBatch</c>, else 64.
    /// </summary>
    public int Batch { get; set; } = 64;

    /// <summary>What the type has besides its passes, on the processor: solutions, determinants.</summary>
    public WeftMembers Members { get; set; }

    /// <summary>What the map runs on besides the processor. Where it is not given: the project's <c>WeftTargets</c>, else ILGPU.</summary>
    public WeftTargets Targets { get; set; } = WeftTargets.Ilgpu;
}
