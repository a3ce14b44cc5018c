using System.Numerics;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>Functions whose code is made of their definition alone: values and derivatives at the edges, as links and of parameters.</summary>
public class FunctionDefinitionTests
{
    /// <summary>A function at a point.</summary>
    /// <param name="Link">As a link.</param>
    /// <param name="OfTensor">Of a tensor T.</param>
    /// <param name="Row">The length of its rows.</param>
    /// <param name="X">The argument.</param>
    /// <param name="Change">The gradient for the value.</param>
    /// <param name="Value">The value.</param>
    /// <param name="Gradient">The gradient for the argument.</param>
    private sealed record Edge(string Link, string OfTensor, int Row, double[] X, double[] Change, double[] Value, double[] Gradient);

    private const double Infinity = double.PositiveInfinity;

    private static readonly double _root = Math.Sqrt(1e-5);

    private static readonly Edge[] _edges =
    [
        Elementwise("abs", "abs(T)", [0, -2, 3, -Infinity], [0, 2, 3, Infinity], [0, -1, 1, -1]),
        Elementwise("square", "square(T)", [0, -2, 3], [0, 4, 9], [0, -4, 6]),
        Elementwise("sign", "sign(T)", [0, -2, 3, Infinity], [0, -1, 1, 1], [0, 0, 0, 0]),
        Elementwise("step", "step(T)", [0, -2, 3, 1e-30], [0, 0, 1, 1], [0, 0, 0, 0]),
        Elementwise("shift(-1.5)", "shift(T, -1.5)", [0, 1.5, -Infinity], [-1.5, 0, -Infinity], [1, 1, 1]),
        Elementwise("soft_threshold(1)", "soft_threshold(T, 1)", [1, -1, 3, -3], [0, 0, 2, -2], [0, 0, 1, 1]),
        Elementwise("hard_threshold(1)", "hard_threshold(T, 1)", [1, -1, 0.5, 3], [1, -1, 0, 3], [1, 1, 0, 1]),
        Elementwise("elu(0.5)", "elu(T, 0.5)", [0, -1e30, 1e30, Infinity, -Infinity, 1e-6], [0, -0.5, 1e30, Infinity, -0.5, 1e-6], [0.5, 0, 1, 1, 0, 1]),
        Elementwise("elu(2)", "elu(T, 2)", [-1e-6, -0.5, -1, -20], [-1.9999990000003334e-6, -0.78693868057473315, -1.2642411176571153, -1.9999999958776927],
            [1.999998000001, 1.2130613194252668, 0.73575888234288467, 4.1223072448771156e-9]),
        Elementwise("gelu_exact", "gelu_exact(T)", [0, -1e30, 1e30, Infinity, -Infinity, 1, -1], [0, 0, 1e30, Infinity, 0, 0.84134474606854293, -0.15865525393145707],
            [0.5, 0, 1, 1, 0, 1.0833154705876864, -0.083315470587686291]),
        Elementwise("hardswish", "hardswish(T)", [-3, 3, 0, -1e30, 1e30, Infinity, -Infinity, 1], [0, 3, 0, 0, 1e30, Infinity, 0, 2 / 3.0], [-0.5, 1.5, 0.5, 0, 1, 1, 0, 5 / 6.0]),
        Rows("rms_norm(1e-5, 2)", "rms_norm(T, 1e-5)", [3e29, 4e29, 0, 0, 3e-30, 4e-30], [1, 0, 1, 2, 0, 0],
            [0.6 * Math.Sqrt(2), 0.8 * Math.Sqrt(2), 0, 0, 3e-30 / _root, 4e-30 / _root], [0.64 * Math.Sqrt(2) / 5e29, -0.48 * Math.Sqrt(2) / 5e29, 1 / _root, 2 / _root, 0, 0]),
        Rows("layer_norm(1e-5, 2)", "layer_norm(T, 1e-5)", [0, 0, 1e30, 1e30, 1e30, -1e30], [1, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 1, -1], [0.5 / _root, -0.5 / _root, 0, 0, 0, 0]),
        new("logsumexp(2)", "logsumexp(T)", 2, [1000, 1000, -1e30, 1e30, -Infinity, 0, -Infinity, -Infinity, Infinity, 0], [1, 1, 1, 1, 1],
            [1000 + Math.Log(2), 1e30, 0, -Infinity, Infinity], [0.5, 0.5, 0, 1, 0, 1, double.NaN, double.NaN, double.NaN, 0]),
        new("maximum(2)", "maximum(T)", 2, [3, 1, -2, -2, 1e30, Infinity, -Infinity, -Infinity], [2, 1, 1, 1], [3, -2, Infinity, -Infinity], [2, 0, 0.5, 0.5, 0, 1, 0.5, 0.5]),
    ];

    public static TheoryData<int> Edges => new(Enumerable.Range(0, _edges.Length));

    [Theory]
    [MemberData(nameof(Edges))]
    public void HaveTheStatedValueAndDerivatives(int number)
    {
        Edge edge = _edges[number];
        using CompiledWeft compiled = DynamicMaps.Compile(Text(edge));
        Check<float>(edge, compiled.CreateFloat, 5e-6);
        Check<double>(edge, compiled.CreateDouble, 1e-13);
    }

    /// <summary>Whole vectors, narrower ones and single elements, each with a number that is none in one row.</summary>
    [Theory]
    [InlineData("elu(0.5)")]
    [InlineData("gelu_exact")]
    [InlineData("hardswish")]
    [InlineData("rms_norm(0.1, 37)")]
    [InlineData("layer_norm(0.1, 37)")]
    public void NoNumberStaysInItsRow(string link)
    {
        using CompiledWeft compiled = DynamicMaps.Compile($"layer f : 37 -> 37 = {link}");
        using Map<float> map = compiled.CreateFloat("f");
        float[] x = Numbers.Normal(new Random(1), 111).Select(value => (float)value).ToArray(), y = new float[111], dx = new float[111];
        x[50] = float.NaN;
        map.Forward(x, y);
        map.Gradient(x, Enumerable.Repeat(1f, 111).ToArray(), dx, []);
        bool isElementwise = !link.Contains(',', StringComparison.Ordinal);
        for (int i = 0; i < y.Length; i++)
        {
            bool isNone = i == 50 || (!isElementwise && i / 37 == 1);
            Assert.Equal((isNone, isNone), (float.IsNaN(y[i]), float.IsNaN(dx[i]) || (i == 50 && isElementwise)));
        }
    }

    [Fact]
    public void OthersThanTheRuntimesHaveADefinition() => Assert.All(
        TensorFunction.All.Values, function => Assert.False(function.Kernel is null && function.Definition is null, function.Name));

    [Theory]
    [InlineData("layer f : 6 -> 6 = rms_norm(0)", "1:29 WEFT0110 expected more than 0 for 'rms_norm(A, eps)'")]
    [InlineData("layer f : 6 -> 6 = layer_norm(1, 4)", "1:34 WEFT0110 expected a divisor of 6")]
    [InlineData("layer f : 6 -> 6 = elu", "1:20 WEFT0104")]
    [InlineData("layer f : 6 -> 6 = logsumexp(2)", "1:18 WEFT0116 ")]
    public void MistakesAreNamedWhereTheyAre(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TestModules.Diagnostics(text)), StringComparison.Ordinal);

    private static Edge Elementwise(string link, string ofTensor, double[] x, double[] value, double[] gradient) =>
        new(link, ofTensor, 1, x, [.. x.Select(_ => 1.0)], value, gradient);

    private static Edge Rows(string link, string ofTensor, double[] x, double[] change, double[] value, double[] gradient) => new(link, ofTensor, 2, x, change, value, gradient);

    private static string Text(Edge edge)
    {
        int n = edge.X.Length, m = edge.Value.Length;
        string shape = edge.Row == 1 ? $"[{n}]" : $"[{n / edge.Row}, {edge.Row}]";
        (string axes, string places) = edge.Row == 1 || m < n ? ("[i]", "i") : ("[i, j]", $"i:{n / edge.Row} j:{edge.Row}");
        return $"layer link : {n} -> {m} = {edge.Link}\noperator tensor : 1 -> {m}\n  param T{shape}\n  let V = {edge.OfTensor}\n  y[{places}] = V{axes} * x[k:1]";
    }

    private static void Check<T>(Edge edge, Func<string, Map<T>> create, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = edge.X.Length, m = edge.Value.Length;
        T[] x = Convert<T>(edge.X), change = Convert<T>(edge.Change), y = new T[m], gradient = new T[n], tangent = new T[m];
        using Map<T> link = create("link");
        link.Forward(x, y);
        AssertNear(edge.Value, y, tolerance, edge.Link);
        link.Gradient(x, change, gradient, []);
        AssertNear(edge.Gradient, gradient, tolerance, $"the gradient of {edge.Link}");
        for (int i = 0; i < n; i++)
        {
            link.Tangent(x, Direction(i), [], y, tangent);
            AssertAlong(i, edge.Link);
        }

        using Map<T> tensor = create("tensor");
        using (ParameterEdit<T> edit = tensor.Edit())
        {
            x.CopyTo(edit["T"]);
        }

        tensor.Forward([T.One], y);
        AssertNear(edge.Value, y, tolerance, edge.OfTensor);
        gradient.AsSpan().Clear();
        tensor.Gradient([T.One], change, [], gradient);
        AssertNear(edge.Gradient, gradient, tolerance, $"the gradient of {edge.OfTensor}");
        foreach (int i in Enumerable.Range(0, n).Where(i => double.IsFinite(edge.X[i])))
        {
            tensor.Tangent([T.One], [], Direction(i), y, tangent);
            AssertAlong(i, edge.OfTensor);
        }

        T[] Direction(int i) => [.. Enumerable.Range(0, n).Select(j => j == i ? T.One : T.Zero)];

        void AssertAlong(int i, string what)
        {
            double along = tangent.Zip(change, (t, d) => d == T.Zero ? 0 : double.CreateChecked(t) * double.CreateChecked(d)).Where(part => !double.IsNaN(part) || double.IsNaN(edge.Gradient[i])).Sum();
            double scale = edge.Gradient.Where(double.IsFinite).Select(Math.Abs).Where(size => size > 0).DefaultIfEmpty(1).Min();
            Assert.True(
                double.IsNaN(edge.Gradient[i]) || Math.Abs(along - edge.Gradient[i]) <= 10 * tolerance * Math.Max(scale, Math.Abs(along)),
                $"tangent {i} of {what}: {along}, not {edge.Gradient[i]}");
        }
    }

    private static T[] Convert<T>(double[] values)
        where T : IBinaryFloatingPointIeee754<T> => [.. values.Select(T.CreateChecked)];

    private static void AssertNear<T>(double[] expected, T[] actual, double tolerance, string what)
        where T : IBinaryFloatingPointIeee754<T>
    {
        double least = expected.Where(double.IsFinite).Select(Math.Abs).Where(size => size > 0).DefaultIfEmpty(1).Min();
        Assert.All(expected.Zip(actual.Select(double.CreateChecked)), pair => Assert.True(
            pair.First.Equals(pair.Second) || Math.Abs(pair.First - pair.Second) <= tolerance * Math.Max(Math.Abs(pair.First), least),
            $"{what}: {string.Join(", ", actual)}, not {string.Join(", ", expected)}"));
    }
}
