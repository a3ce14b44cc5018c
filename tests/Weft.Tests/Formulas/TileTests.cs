using Weft.Compiler;

namespace Weft.Tests.Formulas;

/// <summary>Operators wide enough for each shape of register tile: four vectors or two, in panels or rows, sums too long for four, one row in one stream.</summary>
public class TileTests
{
    internal static readonly string[] Texts =
    [
        "dense(70, 130)",
        "dense(64, 1100)",
        "block_diagonal(256, 192, 2)",
        "kronecker([32, 3], [5, 64])",
        "bias . dense(160, 96)",
        "gelu . bias . dense(64, 48)",

        // Rows that lie apart, and rows that may not.
        "softmax . dense(256, 4) . dense(4, 256) . relu . dense(256, 4)",
    ];

    /// <summary>Sums of several blocks, over one index and over two.</summary>
    internal static readonly string[] LongSums = ["dense(2, 17000)", "operator f : 18200 -> 2\n  param W[2, 130, 140]\n  y[i] = W[i, j, k] * x[k j]"];

    [Fact]
    public void SumsOfBlocksAreRight() => Assert.Empty(FormulaBattery.Faults<double>(Scalar.Double, LongSums, [1, 7]));

    [Fact]
    public void AreRightInDouble() => Assert.Empty(FormulaBattery.Faults<double>(Scalar.Double, [.. Texts, "monarch(256, 16)"]));

    [Fact]
    public void AreRightInFloat() => Assert.Empty(FormulaBattery.Faults<float>(Scalar.Float, [.. Texts, "monarch(1024, 32)"]));
}
