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

        // What follows makes something of the zeros beyond bounds.
        Attending(" - 1e30 * (j > i)", "exp(softmax(s))", "p[i, j] * x[j:40 a]"),
        Attending(" - 1e30 * (j > i)", "layer_norm(softmax(s), 0.01)", "p[i, j] * x[j:40 a]"),

        // Blocks are summed up in what another product is of.
        """
        layer f : 24 -> 24
          param Q[4, 3, 2], K[3, 2], V[2, 2]
          let s[h, i, j] = Q[h, e, a] * x[i:12 a:2] * K[e, b] * x[j:12 b:2]
          let p = softmax(s)
          y[i d] = V[d, b] * p[h, i, j] * x[j:12 b:2]
        """,

        // Of an index inside of blocks, some of its values.
        """
        layer f : 24 -> 24
          param Q[6, 3, 2], K[3, 2], W[2]
          let s[h, i, j] = Q[h, e, a] * x[i:12 a:2] * K[e, b] * x[j:12 b:2]
          let p = softmax(s)
          y[i a] = p[1, i, j] * x[j:12 a:2] - W[k] * p[2*k + 2, i, j] * x[j:12 a:2]
        """,
    ];

    /// <summary>What stands there whole: trained addends, rows of other lengths, every other row, and what is read of what is not added up yet.</summary>
    private static readonly string[] s_whole =
    [
        Masked("q[i, e] * k[j, e] + B[i, j]", "param B[11, 11]"),
        Attending("", "softmax(s)", "p[2*i, j] * x[j:40 a]"),
        Attending("", "softmax(s)", "p[i, j] * u[j, a] + u[i, a]", "let u[i, a] = p[i, j] * x[j:40 a]"),
        Attending("", "softmax(s)", "r[i, j, l] * x[j l:4 a]", "let g[i, j, l] = p[i, j l:4]", "let r = normalize_rows(g)"),
        Attending("", "softmax(s)", "r[i j] * x[j:40 a]", "let r = layer_norm(0.1, 8) . p"),
    ];

    private static string Attending(string mask, string function, string result, params string[] lets) =>
        $"""
        layer f : 80 -> {(result.Contains("2*i") ? 40 : 80)}
          param Q[3, 2], K[3, 2]
          let s[i, j] = Q[e, a] * x[i:40 a] * K[e, b] * x[j:40 b]{mask}
          let p = {function}
          {string.Join("\n  ", lets)}
          y[i a] = {result}
        """;

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
        Assert.Equal("", FormulaBattery.Faults<float>(Scalar.Float, [.. Texts, .. s_whole], blockElements: Elements));
        Assert.Equal("", FormulaBattery.Faults<double>(Scalar.Double, [.. Texts, .. s_whole], blockElements: 12));
    }

    [Fact]
    public void AreThere()
    {
        Assert.All(Texts, text => Assert.True(IsInBlocks(text), text));
        Assert.All(s_whole, text => Assert.False(IsInBlocks(text), text));

        static bool IsInBlocks(string text) => Schedule(text, Elements).Program.Rows.OfType<BlockStep>().Any();
    }

    /// <summary>Of ten times as many positions, scratch for a row of a batch grows ten times, not a hundred.</summary>
    [Fact]
    public void RoomGrowsWithPositions()
    {
        int[] rooms = [.. new[] { 400, 4000 }.Select(t => Schedule($"causal_attention({t}, 64, 2, 32)").Layout.GradientScratchPerRow)];
        Assert.InRange(rooms[1], rooms[0], 11L * rooms[0]);
    }

    /// <summary>Of many small matrices, blocks would be as small: they are done at once.</summary>
    [Fact]
    public void SmallMatricesStandThereWhole() => Assert.Empty(Schedule(
        """
        layer f : 131072 -> 131072
          param Q[4, 8], K[4, 8]
          let s[w, i, j] = Q[e, a] * x[w:2048 i:8 a:8] * K[e, b] * x[w:2048 j:8 b:8]
          let p = softmax(s)
          y[w i a] = p[w, i, j] * x[w:2048 j:8 a:8]
        """).Program.Rows.OfType<BlockStep>());

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
