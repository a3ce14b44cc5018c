using Weft.Compiler.Oracle;
using Weft.Compiler.Text;
using Weft.Tests.Formulas;

namespace Weft.Tests.Oracle;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>The interpreter against matrices computed by hand, and its derivatives against finite differences.</summary>
public class InterpreterTests
{
    private static readonly ParameterTensor A = Trained("A", 2, 3);
    private static readonly ParameterTensor B = Trained("B", 3, 2);

    private static readonly Dictionary<string, double[]> Values = new(StringComparer.Ordinal)
    {
        ["A"] = [1, 2, 3, 4, 5, 6],
        ["B"] = [7, 8, 9, 10, 11, 12],
        ["d"] = [2, 3, 5],
        ["s"] = [10],
        ["T"] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        ["V"] = [1, 1, 0, 0, 0, 3],
    };

    [Fact]
    public void KroneckerProductVariesItsFirstFactorSlowest() => AssertDense(
        new Kronecker(EquatableArray.Of<Operator>(new Matrix(A), new Matrix(B))),
        [7, 8, 14, 16, 21, 24],
        [9, 10, 18, 20, 27, 30],
        [11, 12, 22, 24, 33, 36],
        [28, 32, 35, 40, 42, 48],
        [36, 40, 45, 50, 54, 60],
        [44, 48, 55, 60, 66, 72]);

    [Fact]
    public void ProductAppliesItsLastFactorFirst() => AssertDense(
        new Product(EquatableArray.Of<Operator>(new Matrix(A), new Matrix(B))),
        [58, 64],
        [139, 154]);

    [Fact]
    public void ShuffleWritesTheTranspose() => AssertDense(
        new Shuffle(2, 3),
        [1, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 1]);

    [Fact]
    public void PermutationReadsFromItsTable() => AssertDense(
        new Permutation(EquatableArray.Of(2, 0, 1)),
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 0]);

    [Fact]
    public void CropTakesAWindow() => AssertDense(
        new Crop(4, 1, 2),
        [0, 1, 0, 0],
        [0, 0, 1, 0]);

    [Fact]
    public void PadPutsAWindowBack() => AssertDense(
        new Pad(4, 1, 2),
        [0, 0],
        [1, 0],
        [0, 1],
        [0, 0]);

    [Fact]
    public void DiagonalAndColumn()
    {
        AssertDense(new Diagonal(Trained("d", 3)), [2, 0, 0], [0, 3, 0], [0, 0, 5]);
        AssertDense(new Column(Trained("d", 3)), [2], [3], [5]);
    }

    [Fact]
    public void BlockDiagonalPlacesItsBlocksInOrder() => AssertDense(
        new BlockDiagonal(Trained("T", 2, 2, 3)),
        [1, 2, 3, 0, 0, 0],
        [4, 5, 6, 0, 0, 0],
        [0, 0, 0, 7, 8, 9],
        [0, 0, 0, 10, 11, 12]);

    [Fact]
    public void BlocksStackInBothDirections() => AssertDense(
        new VerticalStack(EquatableArray.Of<Operator>(
            new HorizontalStack(EquatableArray.Of<Operator>(new Matrix(A), new Identity(2))),
            new HorizontalStack(EquatableArray.Of<Operator>(new Zero(1, 2), new Transpose(new Column(Trained("d", 3))))))),
        [1, 2, 3, 1, 0],
        [4, 5, 6, 0, 1],
        [0, 0, 2, 3, 5]);

    [Fact]
    public void DirectSumIsBlockDiagonal() => AssertDense(
        new DirectSum(EquatableArray.Of<Operator>(new Transpose(new Matrix(A)), new Scaled(-2, new Identity(1)))),
        [1, 4, 0],
        [2, 5, 0],
        [3, 6, 0],
        [0, 0, -2]);

    [Fact]
    public void SumAndScaleAddAndMultiply() => AssertDense(
        new Sum(EquatableArray.Of<Operator>(
            new Matrix(A), new ScaledByTensor(Trained("s"), new Transpose(new Matrix(B))))),
        [71, 92, 113],
        [84, 105, 126]);

    [Fact]
    public void EinsumGroupsItsIndices()
    {
        // y[j i] = T[i, j, k] x[k i]
        IndexVariable i = new("i", 2, 1), j = new("j", 2, 2), k = new("k", 3, 3);
        AssertDense(
            new Einsum(
                EquatableArray.Of(j, i),
                EquatableArray.Of(new IndexedTensor(
                    Trained("T", 2, 2, 3),
                    EquatableArray.Of(AffineIndex.Of(i), AffineIndex.Of(j), AffineIndex.Of(k)))),
                EquatableArray.Of(k, i),
                coefficient: 2),
            [2, 0, 4, 0, 6, 0],
            [0, 14, 0, 16, 0, 18],
            [8, 0, 10, 0, 12, 0],
            [0, 20, 0, 22, 0, 24]);
    }

    [Fact]
    public void IndexedSumSubstitutesItsIndex()
    {
        IndexVariable k = new("k", 2, 1);
        var block = new Matrix(new SliceTensor(
            Trained("T", 2, 2, 3),
            EquatableArray.Of<SliceAxis>(new PointAxis(AffineIndex.Of(k)), new RangeAxis(0, 2), new RangeAxis(1, 2))));
        AssertDense(new Indexed(IndexedKind.Sum, k, block), [10, 12], [16, 18]);
        AssertDense(new Indexed(IndexedKind.HorizontalStack, k, block), [2, 3, 8, 9], [5, 6, 11, 12]);
        AssertDense(new Indexed(IndexedKind.VerticalStack, k, block), [2, 3], [5, 6], [8, 9], [11, 12]);
        AssertDense(new Indexed(IndexedKind.DirectSum, k, block), [2, 3, 0, 0], [5, 6, 0, 0], [0, 0, 8, 9], [0, 0, 11, 12]);
    }

    [Fact]
    public void ReflectionsMultiplyFromTheLeft() => AssertDense(
        new Reflections(Trained("V", 2, 3)),
        [0, -1, 0],
        [-1, 0, 0],
        [0, 0, -1]);

    [Fact]
    public void AZeroRowReflectsNothing()
    {
        Module module = Algebras.ModuleOf("Reflection", new Reflections(Trained("V", 1, 2)));
        var interpreter = new Interpreter(module, new double[] { 0, 0 });
        Assert.Equal([1.0, 0, 0, 1], Numbers.Flat(interpreter.Dense()));
    }

    [Fact]
    public void AdmixMixesTheLargestAndPrefersTheLowerIndex()
    {
        var admix = Functions.Of("admix", 2, Trained("bank", 3, 2), Trained("logits", 2, 3));
        Module module = Algebras.ModuleOf("Admix", new Matrix(admix));
        var interpreter = new Interpreter(module, new Dictionary<string, double[]>
        {
            ["bank"] = [1, 2, 10, 20, 100, 200],

            // Three equal ones: the first two are taken. Then weights of 3/4 and 1/4 for the third and the first.
            ["logits"] = [5, 5, 5, 0, -1, Math.Log(3)],
        });
        Numbers.AssertClose([5.5, 11, 75.25, 150.5], Numbers.Flat(interpreter.Dense()), 1e-15, "admix");
    }

    public static TheoryData<string> SmoothFunctions =>
    [
        .. TensorFunction.All.Values
            .Where(function => function is { HasDerivative: true, IsRounding: false })
            .Select(function => function.Name)
            .Except(["round_ste", "straight_through", "quantize", "quantize_affine", "quantize_zero_point", "quantize_bipolar", "normal_float"]) // of what passes straight through
            .Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(SmoothFunctions))]
    public void DerivativesOfFunctionsAgreeWithFiniteDifferences(string name)
    {
        // Square, so that every function takes it; the values are far from singular.
        TensorExpression square = Trained("A", 3, 3), other = Trained("B", 3, 3);
        FunctionTensor positive = Functions.Of("shift", 0.5, Functions.Of("softplus", other));
        FunctionTensor value = name switch
        {
            "log" or "sqrt" => Functions.Of(name, positive),
            "quotient" => Functions.Of(name, square, positive),
            "admix" => Functions.Of(name, 2, square, other),
            "where" => Functions.Of(name, Functions.Of("step", other), square, Functions.Of("square", other)),
            "rbf" => Functions.Of(name, 0.25, square, other),
            "power" => Functions.Of(name, 1.5, positive),
            "soft_threshold" => Functions.Of(name, 0.3, square),
            "distances" => Functions.Of(name, 3, square, other),
            "concat" => Functions.Of(name, 1, square, other),
            "shift" => Functions.Of(name, -1.5, square),
            "take" => Functions.Of(name, square, new ListTensor(EquatableArray.Of(2.0, 0, 2))),
            "top_k_softmax" => Functions.Of(name, 2, square),
            "inverse" or "orthonormal_rows" => Functions.Of(name, Functions.Of("cayley", square)),
            "cholesky" or "sqrtm" or "logm" or "inverse_spd" or "inverse_lower" or "logdet_spd" => Functions.Of(name, Functions.Of("rbf", 0.25, square, square)),
            "powerm" => Functions.Of(name, 1.5, Functions.Of("rbf", 0.25, square, square)),
            _ => Functions.Of(name, square),
        };
        Operator map = value.Shape.Count switch { 2 => new Matrix(value), 1 => new Diagonal(value), _ => new ScaledByTensor(value, new Identity(3)) };
        CheckDerivatives(Algebras.ModuleOf(name, map), rows: 2);
    }

    [Fact]
    public void FunctionsHaveTheirClosedForms()
    {
        double[] a = [3, 4, 0, 0, 0, 0, -1, 2, 2];
        TensorExpression tensor = Trained("A", 3, 3);
        double[] Of(TensorExpression value) => Numbers.Flat(
            new Interpreter(Algebras.ModuleOf("f", value.Shape.Count == 2 ? new Matrix(value) : new Column(value)), a).Dense());
        void Check(double[] expected, TensorExpression value) => Numbers.AssertClose(expected, Of(value), 1e-14, value.ToString());

        Check([5, 0, 3], Functions.Of("row_norms", tensor));
        Check([Math.Sqrt(10), Math.Sqrt(20), 2], Functions.Of("column_norms", tensor));
        Check([0.6, 0.8, 0, 0, 0, 0, -1 / 3.0, 2 / 3.0, 2 / 3.0], Functions.Of("normalize_rows", tensor));
        Check([3, 4, 0, 0, 0, 0, 1, 2, 2], Functions.Of("abs", tensor));
        Check([3, 4, 0, 0, 0, 0, 0, 2, 2], Functions.Of("relu", tensor));
        Check([4, 5, 1, 1, 1, 1, 0, 3, 3], Functions.Of("shift", 1, tensor));
        Check([1, 1, 0, 0, 0, 0, -1, 1, 1], Functions.Of("sign", tensor));
        Check([1, 1, 0, 0, 0, 0, 0, 1, 1], Functions.Of("step", tensor));
        Check([2, 3, 0, 0, 0, 0, 0, 1, 1], Functions.Of("soft_threshold", 1, tensor));
        Check([27, 64, 0, 0, 0, 0, -1, 8, 8], Functions.Of("power", 3, tensor));
        Check([9, 16, 0, 0, 0, 0, 1, 4, 4], Functions.Of("straight_through", Functions.Of("square", tensor), tensor));
        Check([1, 1, 0, 1, 1, 0, 0, 1, 1], Functions.Of("largest", 2, tensor));
        Check([1, 1, 0, 0, 0, 0, 0, 1, 1], Functions.Of("above_quantile", 0.25, tensor));
        Check([0, 1, 0, 0, 0, 0, 0, 0, 0], Functions.Of("above_quantile", 0.75, tensor));
        Check([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0], Functions.Of("prefix", 4, Functions.Of("row_norms", tensor)));
        Check([4, 4, 0, 0, 0, 0, 0, 2, 2], Functions.Of("quantize", 2, tensor));
        Check([4 / 3.0 * 2, 4, 0, 0, 0, 0, -1, 2, 2], Functions.Of("quantize_affine", 2, tensor));
        Check([8 / 3.0, 4, 0, 0, 0, 0, -1, 2, 2], Functions.Of("quantize_zero_point", 2, tensor));
        Check([0, 5, Math.Sqrt(24), 5, 0, 3, Math.Sqrt(24), 3, 0], Functions.Of("distances", 2, tensor, tensor));
        Check([0, 7, 8, 7, 0, 5, 8, 5, 0], Functions.Of("distances", 1, tensor, tensor));
        Check([3, 4, 0, 0.6, 0.8, 0, 0, 0, 0, 0, 0, 0, -1, 2, 2, -1 / 3.0, 2 / 3.0, 2 / 3.0], Functions.Of("concat", 1, tensor, Functions.Of("normalize_rows", tensor)));
        double share = 1 / (1 + Math.E);
        Check([share, 1 - share, 0, 0.5, 0.5, 0, 0, 0.5, 0.5], Functions.Of("top_k_softmax", 2, tensor));

        // Q Qᵀ = I for both, and A A⁻¹ = I.
        TensorExpression shifted = new EinsumTensor(
            EquatableArray.Of(EquatableArray.Of(new IndexVariable("i", 3, 1)), EquatableArray.Of(new IndexVariable("j", 3, 2))),
            EquatableArray.Of(
                Term(tensor, 0.25), Term(Functions.Of("cayley", tensor), 1)));
        double[] identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
        foreach (string name in new[] { "cayley", "orthonormal_rows", "polar" })
        {
            Operator q = new Matrix(Functions.Of(name, shifted));
            Numbers.AssertClose(identity, Numbers.Flat(new Interpreter(
                Algebras.ModuleOf("f", new Product(EquatableArray.Of(q, new Transpose(q)))), a).Dense()), 5e-14, name);
        }

        Numbers.AssertClose(identity, Numbers.Flat(new Interpreter(
            Algebras.ModuleOf("f", new Product(EquatableArray.Of<Operator>(new Matrix(shifted), new Matrix(Functions.Of("inverse", shifted))))), a).Dense()), 1e-13, "inverse");

        static TensorProduct Term(TensorExpression factor, double coefficient) => new(
            EquatableArray.Of(new IndexedTensor(
                factor, EquatableArray.Of(AffineIndex.Of(new IndexVariable("i", 3, 1)), AffineIndex.Of(new IndexVariable("j", 3, 2))))),
            coefficient);
    }

    [Fact]
    public void DerivativesAgreeWithFiniteDifferences()
    {
        IndexVariable i = new("i", 5, 1), r = new("r", 2, 2), k = new("k", 3, 3);
        ParameterTensor v = Trained("V", 2, 5), l = Trained("L", 3, 2, 5), d = Trained("d", 5);
        var folded = new EinsumTensor(
            EquatableArray.Of(EquatableArray.Of(i), EquatableArray.Of(r)),
            EquatableArray.Of(
                new IndexedTensor(v, EquatableArray.Of(AffineIndex.Of(r), AffineIndex.Of(i))),
                new IndexedTensor(d, EquatableArray.Of(AffineIndex.Of(i)))),
            0.5);
        var slice = new SliceTensor(
            l, EquatableArray.Of<SliceAxis>(new PointAxis(AffineIndex.Of(k)), new RangeAxis(0, 2), new RangeAxis(0, 5)));
        var first = new Sum(EquatableArray.Of<Operator>(
            new Product(EquatableArray.Of<Operator>(new Matrix(folded), new Indexed(IndexedKind.Sum, k, new Matrix(slice)))),
            new ScaledByTensor(Trained("s"), new Reflections(v))));
        var admix = Functions.Of("admix", 2, Trained("bank", 4, 5), Trained("logits", 2, 3, 4));
        var second = new Transpose(new BlockDiagonal(new SliceTensor(
            admix, EquatableArray.Of<SliceAxis>(new RangeAxis(0, 1), new RangeAxis(0, 3), new RangeAxis(0, 5)))));
        Activation[] activations = Enum.GetValues<Activation>();
        Link[] links =
        [
            new LinearLink(first),
            .. activations.SelectMany(activation => new Link[] { new BiasLink(d) }.Concat(Algebras.Tame(activation))),
            new LinearLink(new Transpose(second)),
        ];
        CheckDerivatives(Algebras.ModuleOf("Everything", 5, 3, links), rows: 3);
    }

    [Fact]
    public void WrongLengthsAreRefused()
    {
        Module module = Algebras.ModuleOf("Small", new Matrix(A));
        Assert.Throws<ArgumentException>(() => new Interpreter(module, new double[5]));
        Assert.Throws<ArgumentException>(() => new Interpreter(module, new Dictionary<string, double[]>()));
        var interpreter = new Interpreter(module, new double[6]);
        Assert.Throws<ArgumentException>(() => interpreter.Evaluate(new double[4]));
        Assert.Throws<ArgumentException>(() => interpreter.Gradient(new double[3], new double[3]));
        Assert.Throws<ArgumentException>(() => interpreter.Tangent(new double[3], new double[3], []));
    }

    /// <summary>Central differences of the scalar <c>Σ dy · y</c> along random directions, and duality of the two modes.</summary>
    private static void CheckDerivatives(Module module, int rows)
    {
        var random = new Random(11);
        double[] x = Numbers.Rows(module, random, rows), dx = Numbers.Normal(random, x.Length);
        double[] dy = Numbers.Normal(random, rows * module.Outputs);
        double[][] values = module.Parameters.Select(parameter => Numbers.Normal(random, parameter.Length)).ToArray();
        double[][] directions = values.Select(value => Numbers.Normal(random, value.Length)).ToArray();

        const double Step = 1e-5;
        Numbers.AssertClose(
            At(Step).Zip(At(-Step), (forward, backward) => (forward - backward) / (2 * Step)).ToArray(),
            At(0, interpreter => interpreter.Tangent(x, dx, directions)),
            1e-7,
            "tangent");

        double along = Dot(At(0, interpreter => interpreter.Tangent(x, dx, directions)), dy);
        InterpretedGradient gradient = null!;
        At(0, interpreter => (gradient = interpreter.Gradient(x, dy)).Input);
        double against = Dot(gradient.Input, dx) + gradient.Parameters.Zip(directions, Dot).Sum();
        Numbers.AssertClose([along], [against], 1e-12, "gradient");

        double[] At(double step, Func<Interpreter, double[]>? evaluate = null)
        {
            var interpreter = new Interpreter(
                module, values.SelectMany((value, k) => value.Select((v, i) => v + (step * directions[k][i]))).ToArray());
            return evaluate is null ? interpreter.Evaluate(x.Zip(dx, (v, d) => v + (step * d)).ToArray()) : evaluate(interpreter);
        }

        static double Dot(double[] left, double[] right) => left.Zip(right, (l, r) => l * r).Sum();
    }

    private static void AssertDense(Operator node, params double[][] rows)
    {
        Module module = Algebras.ModuleOf("Hand", node);
        double[,] dense = new Interpreter(module, Values).Dense();
        Assert.Equal((rows.Length, rows[0].Length), (dense.GetLength(0), dense.GetLength(1)));
        Assert.Equal((node.Rows, node.Columns), (dense.GetLength(0), dense.GetLength(1)));
        Assert.Equal(rows.SelectMany(row => row), Numbers.Flat(dense));

        // A module evaluates to its matrix times the vector.
        double[] x = Enumerable.Range(1, node.Columns).Select(i => (double)i).ToArray();
        Assert.Equal(rows.Select(row => row.Zip(x, (a, b) => a * b).Sum()), new Interpreter(module, Values).Evaluate(x));
    }

    private static ParameterTensor Trained(string name, params int[] shape) =>
        new(new Parameter(name, shape.ToEquatable(), Role.Trained, new Initializer(Distribution.Normal)));
}
