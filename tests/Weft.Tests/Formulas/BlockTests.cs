using Weft.Compiler;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>What stands between two products block by block, and the bounds of rows that masks become.</summary>
public class BlockTests
{
    /// <summary>Elements of a block in tests: as few as there must be for blocks of several rows, and for some that do not come out even.</summary>
    internal const int Elements = 30;

    /// <summary>Attention of a few positions, each with another mask or other parts.</summary>
    internal static readonly string[] Texts =
    [
        "attention(7, 5, 2, 3)",
        "causal_attention(11, 5, 2, 3)",
        "cross_attention(7, 9, 6, 4, 3, 2)",
        "kronecker_attention(3, 5, 6)",
        "tensor_attention(5, 4, 2, 3)",
        "each(k < 3) causal_attention(6, 4, 1, 3)",
        Masked("q[i, e] * k[j, e] - 1e30 * (j < i)"),
        Masked("q[i, e] * k[j, e] - 1e30 * (i - j > 2 or j > i + 1)"),
        Masked("-2e30 * (j >= i + 4) - 1e31 * (j + 3 < i) + q[i, e] * k[j, e]"),

        // The first row would be empty: then it is what the sum says.
        Masked("q[i, e] * k[j, e] - 1e30 * (j > i - 1)"),

        // No comparison of a row with its elements.
        Masked("q[i, e] * k[j, e] - 1e30 * (2 * j > i + 3)"),
        Masked("q[i, e] * k[j, e] - 1e30 * (j * i > 9)"),

        // What is added moves with the blocks where nothing trains it.
        Masked("q[i, e] * k[j, e] - 0.1 * abs(i - j)"),
        Masked("q[i, e] * k[j, e] + B[i, j]", "frozen B[11, 11]"),
        Masked("q[i, e] * k[j, e] + B[i, j]", "param B[11, 11]"),

        // Bounds go by one of two indices of the rows, or by one that is gone through one by one.
        """
        layer f : 48 -> 96
          param Q[2, 3, 4], K[3, 4]
          let s[h, l, i, j] = Q[h, e, a] * x[i:4 l:3 a:4] * K[e, b] * x[j:12 b:4] - 1e30 * (j > 2 * i + 3)
          let p = softmax(s)
          y[h l i a] = p[h, l, i, j] * x[j:12 a:4]
        """,
        """
        layer f : 48 -> 96
          param Q[2, 3, 4], K[2, 3, 4]
          let s[h, i, j] = Q[h, e, a] * x[i:12 a:4] * K[h, e, b] * x[j:12 b:4] - 1e30 * (j > 5 + 6 * h)
          let p = softmax(s)
          y[h i a] = p[h, i, j] * x[j:12 a:4]
        """,

        // Two functions, and two products that read what they leave.
        """
        layer f : 48 -> 48
          param Q[3, 4], K[3, 4], V[4, 4]
          let s[i, j] = Q[e, a] * x[i:12 a:4] * K[e, b] * x[j:12 b:4]
          let p = square(softmax(s))
          let v[j, a] = V[a, b] * x[j:12 b:4]
          let g = tanh(v)
          y[i a] = p[i, j] * g[j, a] - 2 * p[i, j] * x[j:12 a:4]
        """,
    ];

    private static string Masked(string scores, string parameter = "param C") =>
        $"""
        layer f : 55 -> 44
          param Q[3, 5], K[3, 5], V[4, 5]
          {parameter}
          let q[i, e] = Q[e, a] * x[i a]
          let k[j, e] = K[e, a] * x[j a]
          let s[i, j] = {scores}
          let p = softmax(s)
          y[i b] = V[b, a] * p[i, j] * x[j a]{(parameter == "param C" ? " + C * (i + b >= 0)" : "")}
        """;

    [Fact]
    public void AreAsDefined()
    {
        Assert.Equal("", FormulaBattery.Faults<float>(Scalar.Float, Texts, blockElements: Elements));
        Assert.Equal("", FormulaBattery.Faults<double>(Scalar.Double, Texts, blockElements: 12));
    }

    /// <summary>Every text but the one with trained addends is done by blocks.</summary>
    [Fact]
    public void AreThere() => Assert.All(Texts, text => Assert.Equal(!text.Contains("param B"), Schedule(text, Elements).Program.Rows.OfType<BlockStep>().Any()));

    /// <summary>Of ten times as many positions, scratch for a row of a batch grows ten times, not a hundred.</summary>
    [Fact]
    public void RoomGrowsWithPositions()
    {
        int[] rooms = [.. new[] { 400, 4000 }.Select(t => Schedule($"causal_attention({t}, 64, 2, 32)").Layout.GradientScratchPerRow)];
        Assert.InRange(rooms[1], rooms[0], 11L * rooms[0]);
    }

    /// <summary>A causal mask is no tensor, and its rows read half of what there is, and a sixteenth.</summary>
    [Fact]
    public void MasksCostNothing()
    {
        Schedule all = Schedule("attention(1024, 64, 2, 32)"), causal = Schedule("causal_attention(1024, 64, 2, 32)");
        Assert.Empty(causal.PrepareFrozen);
        Assert.Equal(9 / 16.0, Products(causal) / Products(all), 2);

        static double Products(Schedule schedule) => schedule.Forward.OfType<LoopStep>()
            .Sum(loop => loop.Count * loop.Body.OfType<KernelStep>().Sum(step => step.Contraction.Indices.Aggregate(1.0, (product, index) => product * Math.Max(1, index.Extent))));
    }

    private static Schedule Schedule(string text, int? elements = null)
    {
        var variant = new Variant(new CostModel(64), 4);
        return Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(text)).Module), elements is { } some ? variant with { BlockElements = some } : variant);
    }
}
