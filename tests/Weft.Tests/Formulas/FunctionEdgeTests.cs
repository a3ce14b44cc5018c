using System.Numerics;
using System.Reflection;
using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Compiler.Text;
using Weft.Kernels;

namespace Weft.Tests.Formulas;

/// <summary>
/// Functions of tensors where they are not smooth, not defined by their formula, or near the ends of the range of numbers: the values and
/// derivatives that the specification states, of the runtime's functions in both precisions, and of the interpreter.
/// </summary>
public sealed unsafe class FunctionEdgeTests
{
    /// <summary>A function at a point: arguments, the gradient for its value, its value and the gradients for the arguments.</summary>
    /// <param name="Function">Its name, and its number behind a blank.</param>
    /// <param name="Arguments">The elements of each argument.</param>
    /// <param name="Shapes">Their shapes.</param>
    /// <param name="Change">The gradient for the value.</param>
    /// <param name="Value">The value.</param>
    /// <param name="Gradients">The gradient for each argument; null for one that has none.</param>
    /// <param name="IsSmooth">Whether differences show the same.</param>
    /// <param name="IsOracles">Whether the interpreter is defined there.</param>
    private sealed record Edge(
        string Function, double[][] Arguments, int[][] Shapes, double[] Change, double[] Value, double[]?[] Gradients, bool IsSmooth = false, bool IsOracles = true);

    private const double Infinity = double.PositiveInfinity;

    private static readonly double[] _third = [1 / Math.Sqrt(14), 2 / Math.Sqrt(14), 3 / Math.Sqrt(14)];

    private static readonly Edge[] _edges =
    [
        Elementwise("sqrt", [0, 4], [1, 1], [0, 2], [0, 0.25]),
        Elementwise("power 0.5", [0, 4], [1, 1], [0, 2], [0, 0.25]),
        Elementwise("power 0", [0, 4], [1, 1], [1, 1], [0, 0]),
        Elementwise("power 1", [0, -4], [1, 2], [0, -4], [1, 2], isSmooth: true),
        Elementwise("power 2", [0, -3], [1, 1], [0, 9], [0, -6], isSmooth: true),
        Elementwise("power -1", [0, -2], [0, 1], [Infinity, -0.5], [0, -0.25]),
        Elementwise("log", [0, 2], [0, 1], [-Infinity, Math.Log(2)], [0, 0.5]),
        Elementwise("abs", [0, -2, 3], [1, 1, 1], [0, 2, 3], [0, -1, 1]),
        Elementwise("relu", [0, -2, 3], [1, 1, 1], [0, 0, 3], [0, 0, 1]),
        Elementwise("soft_threshold 1", [1, -1, 3], [1, 1, 1], [0, 0, 2], [0, 0, 1]),
        Elementwise("hard_threshold 1", [1, -1, 0.5], [1, 1, 1], [1, -1, 0], [1, 1, 0]),
        Elementwise("sign", [0, -2, 3], [1, 1, 1], [0, -1, 1], null),
        Elementwise("step", [0, -2, 3], [1, 1, 1], [0, 0, 1], null),
        Elementwise("exp", [-1e30, 0], [1, 1], [0, 1], [0, 1], isSmooth: true),
        Elementwise("softplus", [-1e30, 1e30, 0], [1, 1, 1], [0, 1e30, Math.Log(2)], [0, 1, 0.5]),
        new("quotient", [[1, 0, 3], [0, 2, 4]], [[3], [3]], [0, 1, 2], [Infinity, 0, 0.75], [[0, 0.5, 0.5], [0, 0, -0.375]]),
        new("where", [[1, 0, -2], [2, double.NaN, 4], [double.NaN, 5, Infinity]], [[3], [3], [3]], [1, 2, 3], [2, 5, 4], [null, [1, 0, 3], [0, 2, 0]]),
        Rows("row_norms", [3e-30, 4e-30, 0, 0, 3e30, 4e30], 2, [1, 1, 2], [5e-30, 0, 5e30], [0.6, 0.8, 0, 0, 1.2, 1.6]),
        Rows("column_norms", [3e-30, 0, 4e-30, 0], 2, [1, 1], [5e-30, 0], [0.6, 0, 0.8, 0]),
        Rows("normalize_rows", [3e-20, 4e-20, 0, 0, 3e20, 4e20], 2, [1, 2, 1, 2, 1, 2], [0.6, 0.8, 0, 0, 0.6, 0.8], [-6.4e18, 4.8e18, 0, 0, -6.4e-22, 4.8e-22]),
        Rows("normalize_columns", [3e-30, 0, 4e-30, 0], 2, [1, 1, 2, 2], [0.6, 0, 0.8, 0], [-6.4e28, 0, 4.8e28, 0]),
        new("distances 2", [[1, 2], [1, 2, 4, 6]], [[1, 2], [2, 2]], [1, 1], [0, 5], [[-0.6, -0.8], [0, 0, 0.6, 0.8]]),
        new("distances 1", [[1, 2], [1, 3]], [[1, 2], [1, 2]], [1], [1], [[0, -1], [0, 1]]),
        new("distances 3", [[0, 0], [3e-25, 4e-25]], [[1, 2], [1, 2]], [1], [Math.Cbrt(91) * 1e-25],
            [[-9 / Math.Pow(91, 2 / 3.0), -16 / Math.Pow(91, 2 / 3.0)], [9 / Math.Pow(91, 2 / 3.0), 16 / Math.Pow(91, 2 / 3.0)]], IsOracles: false),
        new("rbf 1", [[3e19], [-3e19]], [[1, 1], [1, 1]], [1], [0], [[0], [0]]),
        Rows("softmax", [1e30, -1e30, 1e30], 3, [1, 0, 0], [0.5, 0, 0.5], [0.25, 0, -0.25]),
        Rows("softmax", [-200, -200, -200], 3, [3, 0, 0], [1 / 3.0, 1 / 3.0, 1 / 3.0], [2 / 3.0, -1 / 3.0, -1 / 3.0], isSmooth: true),
        Rows("top_k_softmax 1", [2, 2, -1e30], 3, [1, 2, 3], [1, 0, 0], [0, 0, 0]),
        Rows("largest 2", [2, 2, 2], 3, [1, 1, 1], [1, 1, 0], null),
        Rows("orthonormal_rows", [0.1, 0.2, 0.3, 0.3, 0.6, 0.9], 3, [1, 0, 0, 1, 1, 1], [.. _third, 0, 0, 0],
            [13 / 14.0 / Math.Sqrt(0.14), -2 / 14.0 / Math.Sqrt(0.14), -3 / 14.0 / Math.Sqrt(0.14), 0, 0, 0]),
        Rows("orthonormal_rows", [0, 0, 0, 3e-30, 6e-30, 9e-30], 3, [1, 1, 1, 0, 0, 0], [0, 0, 0, .. _third], [0, 0, 0, 0, 0, 0]),
        Rows("orthonormal_rows", [3e20, 0, 0, 1e20, 1e20, 0], 3, [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]),
        Rows("polar", [1, 2, 2, 4], 2, [1, 0, 0, 0], [0.2, 0.4, 0.4, 0.8], [0.064, 0.048, 0.048, -0.064], isOracles: false),
        Rows("polar", [0, 0, 0, 0], 2, [1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 0], isOracles: false),
        Rows("polar", [3e-30, 0, 0, 4e-30], 2, [1, 0, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0], isOracles: false),
        Rows("sqrtm", [4, 0, 0, 4], 2, [1, 2, 0, 3], [2, 0, 0, 2], [0.25, 0.25, 0.25, 0.75], isOracles: false),
        Rows("sqrtm", [0, 0, 0, 0], 2, [1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 0], isOracles: false),
        Rows("sqrtm", [4e30, 0, 0, 9e30], 2, [0, 0, 0, 0], [2e15, 0, 0, 3e15], [0, 0, 0, 0], isOracles: false),
        Rows("logm", [1, 0, 0, 1], 2, [1, 2, 0, 3], [0, 0, 0, 0], [1, 1, 1, 3]),
        Rows("logm", [1, 0, 0, 1e-30], 2, [0, 1, 0, 0], [0, 0, 0, -30 * Math.Log(10)], [0, 15 * Math.Log(10), 15 * Math.Log(10), 0], isOracles: false),
        Rows("powerm 2", [1, 0, 0, 1e-18], 2, [0, 2, 0, 0], [1, 0, 0, 1e-36], [0, 1, 1, 0], isOracles: false),
        Rows("powerm -1", [1, 0, 0, 1e-18], 2, [0, 2, 0, 0], [1, 0, 0, 1e18], [0, -1e18, -1e18, 0], isOracles: false),
        Rows("powerm 0", [0, 0, 0, 0], 2, [1, 2, 3, 4], [1, 0, 0, 1], [0, 0, 0, 0], isOracles: false),
        Rows("powerm -1", [2, 0, 0, 2], 2, [1, 2, 0, 3], [0.5, 0, 0, 0.5], [-0.25, -0.25, -0.25, -0.75], isOracles: false),
        Rows("powerm 2", [-1, 0, 0, 1], 2, [1, 1, 1, 1], [1, 0, 0, 1], [-2, 0, 0, 2], isOracles: false),
        Rows("expm", [0, 1, 0, 0], 2, [0, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0]),
        Rows("expm", [-1e4, 0, 0, 0], 2, [1, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1], isOracles: false),
        new("eigenvalues", [[1, 0, 0, 1]], [[2, 2]], [2, 2], [1, 1], [[2, 0, 0, 2]]),
        new("eigenvectors", [[3, 0, 0, 1]], [[2, 2]], [1, 0, 0, 0], [0, 1, 1, 0], [[0, -0.25, -0.25, 0]]),
        new("singular_values", [[0, 0, 3, 0, 4, 0]], [[2, 3]], [1, 1], [4, 3], [[0, 0, 1, 0, 1, 0]]),
        new("singular_values", [[1, 2, 2, 4]], [[2, 2]], [1, 1], [5, 0], [[0.2, 0.4, 0.4, 0.8]], IsOracles: false),
        Rows("pseudo_inverse", [1, 2, 2, 4], 2, [0, 0, 0, 0], [0.04, 0.08, 0.08, 0.16], [0, 0, 0, 0], isOracles: false),
        Rows("pseudo_inverse", [0, 0, 0, 0], 2, [1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 0], isOracles: false),
        new("det", [[0, 2, 3, 0]], [[2, 2]], [1], [-6], [[0, -3, -2, 0]], IsSmooth: true),
        new("det", [[0, 0, 0, 0]], [[2, 2]], [0], [0], [[0, 0, 0, 0]], IsOracles: false),
        new("logdet", [[0, 2, 3, 0]], [[2, 2]], [6], [Math.Log(6)], [[0, 3, 2, 0]], IsSmooth: true),
        new("logdet", [[1, 1, 1, 1]], [[2, 2]], [0], [-Infinity], [[0, 0, 0, 0]]),
        Rows("cholesky", [4, 0, 2, 5], 2, [0, 0, 1, 0], [2, 0, 0.5, Math.Sqrt(4.75)], [-0.0625, 0.25, 0.25, 0]),
        Rows("inverse_spd", [4, 0, 2, 5], 2, [0, 0, 1, 0], [5 / 19.0, -1 / 19.0, -1 / 19.0, 4 / 19.0], [5 / 361.0, -10.5 / 361, -10.5 / 361, 4 / 361.0]),
        Rows("inverse_spd", [0, 2, 2, 0], 2, [1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, -0.25]),
        Rows("inverse_lower", [2, 7, 3, 4], 2, [0, 5, 1, 0], [0.5, 0, -0.375, 0.25], [0.1875, 0, -0.125, 0.09375], isSmooth: true),
        new("logdet_spd", [[4, 0, 2, 5]], [[2, 2]], [19], [Math.Log(19)], [[5, -1, -1, 4]], IsSmooth: true),
        new("logdet_spd", [[0, 2, 2, 0]], [[2, 2]], [2], [2 * Math.Log(2)], [[0, 1, 1, 0]]),
        new("logdet_spd", [[1, 1, 1, 1]], [[2, 2]], [0], [-Infinity], [[0, 0, 0, 0]]),
        Rows("quantize_affine 2", [-3e38, 0, 3e38], 3, [1, 2, 3], [-3e38, 1e38, 3e38], [1, 2, 3]),
        Rows("quantize_zero_point 2", [-1.5e38, 0, 3e38, 0, 0, 0], 3, [1, 2, 3, 4, 5, 6], [-1.5e38, 0, 3e38, 0, 0, 0], [1, 2, 3, 4, 5, 6]),
        Rows("quantize 2", [-3e38, 1e38, 0, 0, 0, 0], 3, [1, 2, 3, 4, 5, 6], [-3e38, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]),
        Rows("cayley", [0, 1e20, 0, 0], 2, [0, 0, 0, 0], [-1, -2e-20, 2e-20, -1], [0, 0, 0, 0]),
        Rows("cayley", [0, 0, 0, 0], 2, [0, 1, 0, 0], [1, 0, 0, 1], [0, -2, 2, 0], isSmooth: true),
    ];

    public static TheoryData<int> Edges => new(Enumerable.Range(0, _edges.Length));

    [Theory]
    [MemberData(nameof(Edges))]
    public void HaveTheStatedValueAndDerivative(int number)
    {
        Edge edge = _edges[number];
        if (Parse(edge).Function.Kernel is not null)
        {
            Check<float>(edge, 5e-6);
            Check<double>(edge, 1e-13);
        }

        if (edge.IsOracles)
        {
            CheckOracle(edge);
        }
    }

    private static Edge Elementwise(string function, double[] x, double[] change, double[] value, double[]? gradient, bool isSmooth = false) =>
        new(function, [x], [[x.Length]], change, value, [gradient], isSmooth);

    private static Edge Rows(string function, double[] x, int length, double[] change, double[] value, double[]? gradient, bool isSmooth = false, bool isOracles = true) =>
        new(function, [x], [[x.Length / length, length]], change, value, [gradient], isSmooth, isOracles);

    private static (TensorFunction Function, double Number) Parse(Edge edge)
    {
        string[] parts = edge.Function.Split(' ');
        return (TensorFunction.All[parts[0]], parts.Length == 1 ? 0 : double.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    private static void Check<T>(Edge edge, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (TensorFunction function, _) = Parse(edge);
        T[][] arguments = [.. edge.Arguments.Select(Convert<T>)], gradients = [.. edge.Arguments.Select(argument => new T[argument.Length])];
        T[] change = Convert<T>(edge.Change), value = new T[edge.Value.Length], tangent = new T[edge.Value.Length];
        Call(edge, "Value", [.. arguments, value]);
        AssertNear(edge.Value, value, tolerance, $"{edge.Function} in {typeof(T).Name}");
        if (!function.HasDerivative)
        {
            Assert.All(edge.Gradients, Assert.Null);
            return;
        }

        T[]?[] wanted = [.. gradients.Zip(edge.Gradients, (gradient, expected) => expected is null ? null : gradient)];
        Call(edge, "Gradient", [.. arguments, value], [.. wanted, change]);
        for (int k = 0; k < wanted.Length; k++)
        {
            if (wanted[k] is { } gradient)
            {
                AssertNear(edge.Gradients[k]!, gradient, tolerance, $"gradient {k} of {edge.Function} in {typeof(T).Name}");

                // One direction at a time, of those that the value is changed in by something finite.
                for (int i = 0; i < gradient.Length; i++)
                {
                    T[]?[] directions = [.. wanted.Select((one, at) => at == k ? one!.Select((_, j) => j == i ? T.One : T.Zero).ToArray() : null)];
                    Call(edge, "Tangent", [.. arguments, value], [.. directions, tangent]);
                    double along = tangent.Zip(change, (t, d) => d == T.Zero ? 0 : double.CreateChecked(t) * double.CreateChecked(d)).Sum();
                    double scale = edge.Gradients[k]!.Select(Math.Abs).Where(size => size > 0).DefaultIfEmpty(1).Min();
                    Assert.True(Math.Abs(along - edge.Gradients[k]![i]) <= 10 * tolerance * Math.Max(scale, Math.Abs(along)), $"tangent {i} of {edge.Function}: {along}, not {edge.Gradients[k]![i]}");
                }
            }
        }

        if (edge.IsSmooth && arguments is [double[] x] && value is double[] y)
        {
            double[] differences = Runtime.Numbers.Differences(
                () =>
                {
                    Call(edge, "Value", [x, y]);
                    return y.Zip(edge.Change, (a, b) => a * b).Sum();
                },
                x);
            AssertNear(edge.Gradients[0]!, differences, 1e-6, $"differences of {edge.Function}");
        }
    }

    private static void CheckOracle(Edge edge)
    {
        (TensorFunction function, double number) = Parse(edge);
        Parameter[] parameters = [.. edge.Shapes.Select((shape, k) => new Parameter($"A{k}", shape.ToEquatable(), Role.Trained, new Compiler.Algebra.Initializer(Distribution.Normal)))];
        var value = new FunctionTensor(
            function, parameters.Select(TensorExpression (parameter) => new ParameterTensor(parameter)).ToEquatable(), function.Number is null ? default : EquatableArray.Of(number));
        IndexVariable[] indices = [.. value.Shape.Select((extent, axis) => new IndexVariable($"i{axis}", extent, -1 - axis))];
        var column = new Column(new EinsumTensor(
            EquatableArray.Of(indices.ToEquatable()), EquatableArray.Of(new IndexedTensor(value, indices.Select(AffineIndex.Of).ToEquatable()))));
        var interpreter = new Interpreter(Algebras.ModuleOf("f", column), edge.Arguments.SelectMany(argument => argument).ToArray());
        AssertNear(edge.Value, interpreter.Evaluate([1]), 1e-13, $"{edge.Function} of the interpreter");
        double[][] gradients = [.. interpreter.Gradient([1], edge.Change).Parameters];
        for (int k = 0; k < gradients.Length; k++)
        {
            AssertNear(edge.Gradients[k] ?? new double[gradients[k].Length], gradients[k], 1e-12, $"gradient {k} of {edge.Function} of the interpreter");
        }
    }

    /// <summary>Calls a method of the runtime's class: with blocks, for a derivative each with its mirror, then the extents, then the number.</summary>
    private static void Call<T>(Edge edge, string method, T[][] blocks, T[]?[]? mirrors = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (TensorFunction function, double number) = Parse(edge);
        Type kernel = typeof(ParameterFunctions<T>).GetNestedType(function.Kernel!)!.MakeGenericType(typeof(T));
        MethodInfo called = kernel.GetMethod(method, BindingFlags.Public | BindingFlags.Static | BindingFlags.FlattenHierarchy)!;
        var handles = new List<System.Runtime.InteropServices.GCHandle>();
        IEnumerable<object> operands = blocks.Select((block, k) => mirrors is null
            ? Pointer.Box((void*)Address(block), typeof(T*))
            : (object)new ParameterFunctions<T>.Dual((T*)Address(block), (T*)Address(mirrors[k])));
        int[] sizes = [.. function.Sizes([.. edge.Shapes.Select(shape => shape.ToEquatable())], number)];
        object extents = sizes switch
        {
            [var one] => one,
            [var one, var two] => (one, two),
            [var one, var two, var three] => (one, two, three),
            [var one, var two, var three, var four] => (one, two, three, four),
            _ => throw new InvalidOperationException(edge.Function),
        };
        object[] all = [.. operands, extents, .. function.Number is null ? Array.Empty<object>() : [function.NumberIsSize ? (object)(int)number : number]];
        called.Invoke(null, [.. all, .. Enumerable.Repeat<object>(Type.Missing, called.GetParameters().Length - all.Length)]);
        handles.ForEach(handle => handle.Free());

        nint Address(T[]? block)
        {
            if (block is null)
            {
                return 0;
            }

            handles.Add(System.Runtime.InteropServices.GCHandle.Alloc(block, System.Runtime.InteropServices.GCHandleType.Pinned));
            return handles[^1].AddrOfPinnedObject();
        }
    }

    private static T[] Convert<T>(double[] values)
        where T : IBinaryFloatingPointIeee754<T> => [.. values.Select(T.CreateChecked)];

    private static void AssertNear<T>(double[] expected, T[] actual, double tolerance, string what)
        where T : IBinaryFloatingPointIeee754<T>
    {
        double least = expected.Select(Math.Abs).Where(size => size > 0).DefaultIfEmpty(1).Min();
        Assert.All(expected.Zip(actual.Select(double.CreateChecked)), pair => Assert.True(
            pair.First.Equals(pair.Second) || Math.Abs(pair.First - pair.Second) <= tolerance * Math.Max(Math.Abs(pair.First), least),
            $"{what}: {string.Join(", ", actual)}, not {string.Join(", ", expected)}"));
    }
}
