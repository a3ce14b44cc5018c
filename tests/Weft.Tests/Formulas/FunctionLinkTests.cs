using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

using Weft.Compiler.Algebra;

/// <summary>Functions of tensors as links: of each vector, or of groups of its elements.</summary>
public class FunctionLinkTests
{
    /// <summary>Every function that can be a link, for devices.</summary>
    public static IReadOnlyList<string> Formulas =>
    [
        "dense(5, 12) . softmax(4) . dense(12, 9) . quantize(8, 3) . eye(9)",
        "quantize_zero_point(4) . dense(7, 12) . quantize_zero_point(3, 4) . dense(12, 9)",
        "quantize_bipolar(3) . dense(7, 70) . quantize_affine(5) . dense(70, 9)",
        "softmax . dense(70, 5) . normalize_rows . shift(0.5) . sigmoid . dense(5, 9)",
        "hadamard(abs . dense(7, 9), step . dense(7, 9), sign . dense(7, 9), stop_gradient . dense(7, 9), round_ste . (3 * dense(7, 9)))",
        "dense(5, 9) . soft_threshold(0.25) . dense(9, 9) . hard_threshold(0.5) . eye(9)",
        "dense(5, 12) . rms_norm(0.01, 4) . dense(12, 70) . layer_norm(0.5) . gelu_exact . dense(70, 9)",
        "dense(5, 3) . logsumexp(4) . dense(12, 70) . logsumexp(1) . dense(70, 9)",
        "dense(5, 4) . maximum(3) . dense(12, 70) . maximum(1) . dense(70, 9)",
        "hadamard(elu(0.5) . dense(70, 9), hardswish . (3 * dense(70, 9))) . elu(2) . eye(9)",
    ];

    public static TheoryData<string> Layers =>
    [
        "layer first : 12 -> 7 = dense(7, 12) . quantize(8)",
        "layer groups : 12 -> 7 = bias . dense(7, 12) . quantize(4, 3)",
        "layer last : 7 -> 12 = quantize_affine(5) . dense(12, 7)",
        "layer zero : 7 -> 12 = quantize_zero_point(4) . dense(12, 7)",
        "layer bipolar : 7 -> 12 = quantize_bipolar(3, 4) . dense(12, 7) . tanh",
        "layer attention : 7 -> 12 = softmax(4) . dense(12, 7) . normalize_rows . shift(0.5) . sigmoid",
        "layer norms : 7 -> 12 = layer_norm(0.1, 4) . dense(12, 35) . rms_norm(1) . elu(0.5) . dense(35, 7)",
        "layer energy : 7 -> 1 = logsumexp . dense(12, 5) . logsumexp(7) . dense(35, 7)",
        "layer pooled : 7 -> 1 = maximum . dense(12, 5) . maximum(7) . dense(35, 7)",
        "layer gates : 7 -> 12 = hardswish . dense(12, 35) . gelu_exact . hardswish . (2 * dense(35, 7))",
        "layer sparse : 9 -> 5 = dense(5, 9) . soft_threshold(0.25) . dense(9, 9) . hard_threshold(0.5)",
        "layer signs : 9 -> 5 = dense(5, 9) . hadamard(abs, step, dense(9, 9) . sign, stop_gradient, round_ste . (2 * eye(9)))",
        """
        layer named : 6 -> 6
          param softmax[6, 6]
          let bits = 4
          = softmax . quantize(bits + 1, 6 / 2) . normalize_rows(softmax) . quantize(softmax, 3) . quantize(bits)
        """,
    ];

    [Theory]
    [MemberData(nameof(Layers))]
    public void AgreeWithTheirDefinition(string text)
    {
        Assert.Empty(TestModules.Diagnostics(text));
        Module module = Assert.Single(WeftCompiler.Bind([TestModules.File(text)]).Modules) with { Name = "F" };
        Check<double>(module, Scalar.Double);
        Check<float>(module, Scalar.Float);
    }

    [Fact]
    public void FormulasHaveAllOfThem() => Assert.All(
        TensorFunction.All.Values.Where(function => function.IsLink),
        function => Assert.Contains(Formulas, formula => formula.Contains(function.Name, StringComparison.Ordinal)));

    [Fact]
    public void AGroupHasItsOwnScale()
    {
        using CompiledWeft compiled = DynamicMaps.Compile("layer q : 6 -> 6 = quantize(2, 3)\nlayer b : 6 -> 6 = quantize_bipolar(2, 3)");
        float[] x = [3, 1, -2, 0.3f, -0.1f, 0.2f], y = new float[6];
        using Map<float> symmetric = compiled.CreateFloat("q"), bipolar = compiled.CreateFloat("b");
        symmetric.Forward(x, y);
        Assert.Equal([3, 0, -3, 0.3f, 0, 0.3f], y);
        bipolar.Forward(x, y);
        Assert.Equal([3, 1, -1, 0.3f, -0.1f, 0.3f], y.Select(value => MathF.Round(value, 5)));

        // Straight through.
        float[] dx = new float[6];
        symmetric.Gradient(x, [1, 2, 3, 4, 5, 6], dx, []);
        Assert.Equal([1, 2, 3, 4, 5, 6], dx);
    }

    /// <summary>Where the transforms are the identity, both sides of the product are rounded by row; where nothing is an outlier too.</summary>
    [Fact]
    public void WeightsAndInputsAreRounded()
    {
        using CompiledWeft compiled = DynamicMaps.Compile("layer flat : 6 -> 4 = flatquant(4, 3, 2, 5, 3)\nlayer int8 : 6 -> 4 = llm_int8(4, 6, 2)");
        double[] x = [0.3, -1, 0.55, 0.1, -0.2, 0.9], large = [0.3, -1, 2.5, 0.1, -0.2, 0.9];
        using Map<double> flat = compiled.CreateDouble("flat"), int8 = compiled.CreateDouble("int8");
        flat.Initialize(1);
        int8.Initialize(2);
        Assert.Equal(Times(Rounded(flat["W"].Values, 6, 15), Rounded(x, 6, 3)), Forward(flat, x), Near);
        Assert.Equal(Times(Rounded(int8["W"].Values, 6, 127), Rounded(x, 6, 127)), Forward(int8, x), Near);

        // The outlier meets W as it is.
        double[] rest = [0.3, -1, 0, 0.1, -0.2, 0.9], column = [.. Enumerable.Range(0, 4).Select(i => 2.5 * int8["W"].Values[(6 * i) + 2])];
        Assert.Equal(
            Times(Rounded(int8["W"].Values, 6, 127), Rounded(rest, 6, 127)).Zip(column, (a, b) => a + b), Forward(int8, large), Near);

        static bool Near(double a, double b) => Math.Abs(a - b) < 1e-12;

        static double[] Forward(Map<double> map, double[] x)
        {
            double[] y = new double[map.Outputs];
            map.Forward(x, y);
            return y;
        }

        static double[] Rounded(ReadOnlySpan<double> rows, int length, int most) =>
            [.. rows.ToArray().Chunk(length).SelectMany(row => row.Select(value => row.Max(Math.Abs) / most * Math.Round(value / (row.Max(Math.Abs) / most))))];

        static double[] Times(double[] matrix, double[] x) => [.. matrix.Chunk(x.Length).Select(row => row.Zip(x, (a, b) => a * b).Sum())];
    }

    [Theory]
    [InlineData("layer f : 6 -> 6 = quantize(9)", "1:29 WEFT0110")]
    [InlineData("layer f : 6 -> 6 = quantize(8, 4)", "1:32 WEFT0110")]
    [InlineData("layer f : 6 -> 6 = abs(3)", "1:24 WEFT0110")]
    [InlineData("layer f : 6 -> 6 = quantize", "1:20 WEFT0104")]
    [InlineData("layer f : 6 -> 6 = softmax(1, 2)", "1:20 WEFT0104")]
    [InlineData("layer f : 6 -> 6\n  param W[6, 6]\n  = quantize(W)", "3:14 WEFT0110")]
    [InlineData("operator f : 6 -> 6 = softmax", "1:23 WEFT0129")]
    [InlineData("operator f : 6 -> 6 = 2 * quantize(8)", "1:27 WEFT0104")]
    [InlineData("layer f : 6 -> 6 = cayley", "1:20 WEFT0110")]
    public void MistakesAreNamedWhereTheyAre(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TestModules.Diagnostics(text)), StringComparison.Ordinal);

    private static void Check<T>(Module module, Scalar scalar)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: scalar))]);
        using Map<T> map = assembly.Create<T>("F");
        string? fault = FormulaBattery.Fault(module, map, 3);
        Assert.True(fault is null, fault);
    }
}
