using Weft.Compiler;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Oracle;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Fitting;

namespace Weft.Tests.Formulas;

using Weft.Compiler.Algebra;

/// <summary>Values of layers: what depends on the input and has a name, in index notation and in functions.</summary>
public class ValueTests
{
    public static TheoryData<string> Layers =>
    [
        """
        layer squares : 7 -> 7
          y[i] = x[i] * x[i]
        """,
        """
        layer gated : 6 -> 4
          param W[4, 6], G[4, 6], b[4]
          let g[i] = G[i, j] * x[j]
          let s = sigmoid(g)
          y[i] = W[i, j] * x[j] * s[i] + b[i] * s[i] - 0.5 * b[i]
        """,
        """
        // A chain that is applied to a value, and one behind another.
        layer applied : 6 -> 5
          param D[4]
          let v = gelu . bias . dense(8, 6) . x
          let w[i j] = v[i:2 j:4] * D[j]
          = bias . dense(5, 8) . tanh(w)
        """,
        """
        // A value with two uses is computed once; parts, multiples and the diagonal of values.
        layer parts : 12 -> 5
          param A[4, 4, 3], s
          let m[i, j] = A[i, j, k] * x[k i]
          let d = -0.5 * s * m[1..3, :]
          let q = softmax(m)
          y[i:5] = (i < 3) * m[j, j] + (i + 1) * d[k, j] * q[j, j] + (i >= 1) * q[0, j] * m[j, 3]
        """,
        """
        // Functions of several tensors, some of them parameters, and a table.
        layer functions : 12 -> 6
          param P[5, 4], W[3, 4]
          let m[i, j] = W[i, j] * x[i j]
          let T[k:2] = (2 - 2 * k)
          let r = row_norms(m)
          let z = quotient(m, shift(softplus(m), 0.5))
          let u[i] = r[i] * z[i, 1]
          let e = rbf(z, P, 0.25)
          let c = concat(m[2, :], m[1, :], 0)
          y[k a:3] = e[i, l] * u[i] * (k >= 0) * (a >= l) + c[l] * m[T[k], j] * (a == 1)
        """,
        """
        // A band of a score for each pair of positions, and a pass for few rows that reads along rows.
        layer band : 40 -> 40
          param Q[3, 5], K[3, 5]
          let s[i, j] = Q[e, a] * K[e, b] * x[i:8 a:5] * x[j:8 b:5] - 1e30 * (abs(i - j) > 2)
          let p = softmax(s)
          y[i a] = p[i, j] * x[j:8 a:5]
        """,
        """
        // Shadowing: a parameter is called x, and an index is.
        layer shadow : 4 -> 4
          param x[4, 4]
          = tanh . x
        """,
        """
        layer inner(n) : n -> n
          let g = sigmoid . dense(n, n) . x
          y[i] = g[i] * x[i]
        layer outer : 5 -> 5 = add(eye(5), inner(5) . bias . inner(5))
        """,
        """
        // One set of parameters for all parts: linear links, biases, functions of rows, branches, values.
        layer part(n) : n -> 4
          param A[4, n], B[2, n], d[2]
          let b[k, i] = B[k, i] * x[i] * x[i]
          let s = softmax(b)
          let r = quotient(x, 2)
          let z = sigmoid . bias . dense(2, n) . x
          y[i] = A[i, j] * x[j] + A[i, j] * s[k, j] * z[k] * d[k] - 0.5 * r[j] * A[i, j]
        layer parts : 15 -> 12 = each(p < 3) (add(part(5), normalize_rows . shift(2) . sigmoid . bias . dense(4, 5)) . tanh)
        """,
        """
        layer turns : 12 -> 6 = repeat(i < 3) (tanh . bias . each(j < 2) dense(5 - i, 6 - i))
        """,
        """
        layer inverse_of_a_value : 9 -> 9
          let m = tanh(x)
          let a[i, j] = (i == j) * (j >= 0) + 0.2 * m[i:3 j:3]
          let b = inverse(a)
          y[i j] = b[i, j]
        """,
    ];

    [Theory]
    [MemberData(nameof(Layers))]
    public void AreAsDefined(string text) => FormulaBattery.AssertHolds(TestModules.Last(text));

    /// <summary>Each function of values, of arguments that it is smooth at or that are the same numbers on both sides of a comparison.</summary>
    private static IEnumerable<(TensorFunction Function, Module Module)> OfValues()
    {
        // x as [3, 4], positive numbers of that, and a matrix near the identity.
        IndexVariable i = new("i", 3, 1), j = new("j", 4, 2), k = new("k", 3, 3);
        EinsumTensor Defined(IndexVariable row, IndexVariable column, params TensorProduct[] terms) =>
            new(EquatableArray.Of(EquatableArray.Of(row), EquatableArray.Of(column)), terms.ToEquatable());
        TensorProduct Of(TensorExpression tensor, double coefficient, params AffineIndex[] at) => new(EquatableArray.Of(new IndexedTensor(tensor, at.ToEquatable())), coefficient);
        EinsumTensor m = Defined(i, j, Of(new InputTensor(12), 1, AffineIndex.Group([i, j])));
        TensorExpression positive = Functions.Of("shift", 0.5, Functions.Of("softplus", m));
        var isDiagonal = new FormulaTensor(EquatableArray.Of(3, 3), new FormulaOperation(FormulaOperator.All["=="], EquatableArray.Of<Formula>(new FormulaIndex(0), new FormulaIndex(1))));
        EinsumTensor near = Defined(i, k, Of(isDiagonal, 1, AffineIndex.Of(i), AffineIndex.Of(k)), Of(Functions.Of("tanh", m), 0.2, AffineIndex.Of(i), AffineIndex.Of(k)));
        var rising = new FormulaTensor(EquatableArray.Of(3), new FormulaIndex(0));
        EquatableArray<IndexedTensor> steps = EquatableArray.Of(
            new IndexedTensor(isDiagonal, EquatableArray.Of(AffineIndex.Of(i), AffineIndex.Of(k))), new IndexedTensor(rising, EquatableArray.Of(AffineIndex.Of(i))));
        EinsumTensor apart = Defined(i, k, [.. near.Terms, new TensorProduct(steps)]);
        var bank = new ParameterTensor(new Parameter("B", EquatableArray.Of(4, 5), Role.Trained, new Initializer(Distribution.Normal)));
        foreach (TensorFunction function in TensorFunction.All.Values.Where(function => !function.IsRounding))
        {
            TensorExpression[] arguments = function.Name switch
            {
                "log" or "sqrt" or "power" => [positive],
                "cayley" or "inverse" or "polar" or "orthonormal_rows" or "pseudo_inverse" or "cholesky" or "sqrtm" or "logm" or "powerm" or "expm" or "eigenvalues"
                    or "singular_values" or "logdet" or "det" or "inverse_spd" or "inverse_lower" or "logdet_spd" => [near],
                "eigenvectors" => [apart],
                "quotient" or "straight_through" or "distances" or "rbf" => [m, positive],
                "where" => [Functions.Of("step", m), m, positive],
                "concat" => [m, m],
                "admix" => [bank, m],
                "take" => [m, new ListTensor(EquatableArray.Of(2.0, 0))],
                _ => [m],
            };
            double number = function.NumberIsSize ? 2 : function.Name switch { "concat" => 1, "distances" => 2, "rms_norm" or "layer_norm" => 1e-3, _ => 0.5 };
            TensorExpression value = function.Number is null ? Functions.Of(function.Name, arguments) : Functions.Of(function.Name, number, arguments);
            int outputs = value.Shape.Aggregate(1, (product, extent) => product * extent);
            yield return (function, Algebras.ModuleOf("Of" + function.Name, 12, outputs, new ValueLink(value)));
        }
    }

    [Theory]
    [InlineData(Scalar.Float)]
    [InlineData(Scalar.Double)]
    public void EveryFunctionTakesValues(Scalar scalar)
    {
        Module[] modules = [.. OfValues().Select(pair => pair.Module)];
        using WeftAssembly all = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name, Scalar: scalar))));
        Assert.All(modules, module => Assert.Null(scalar == Scalar.Float ? Fault<float>(module) : Fault<double>(module)));

        string? Fault<T>(Module module)
            where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
        {
            using Map<T> map = all.Create<T>(module.Name);
            return FormulaBattery.Fault(module, map, seed: 1) is { } fault ? $"{module.Name}: {fault}" : null;
        }
    }

    [Fact]
    public void EachIsThePartsOneByOne()
    {
        const int Parts = 3;
        int next = 100;
        foreach ((TensorFunction function, Module module) in OfValues())
        {
            EquatableArray<Link>? lifted = new Lifting(Parts, (name, extent) => new IndexVariable(name, extent, next++)).Links(module.Links);
            Assert.Equal(function.IsBatched, lifted is not null);
            if (lifted is not { } links)
            {
                continue;
            }

            var random = new Random(7);
            Dictionary<string, double[]> values = Numbers.Values(module, random);
            double[] x = Numbers.Normal(random, Parts * module.Inputs);
            double[] each = new Interpreter(module, values).Evaluate(x);
            double[] together = new Interpreter(Algebras.ModuleOf("f", Parts * module.Inputs, Parts * module.Outputs, [.. links]), values).Evaluate(x);
            Assert.True(each.SequenceEqual(together), function.Name);
        }
    }

    [Fact]
    public void AttentionIsThatOfThePaper()
    {
        const int T = 5, N = 6, Heads = 2, C = 3;
        Module module = TestModules.Formula($"attention({T}, {N}, {Heads}, {C})") with { Name = "F" };
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: Scalar.Double))]);
        using Map<double> map = assembly.Create<double>("F");
        map.Randomize(new Random(1));
        double[] x = Numbers.Normal(new Random(2), T * N), y = new double[T * N], expected = new double[T * N];
        map.Forward(x, y);
        double[] q = map["Q"].Values.ToArray(), k = map["K"].Values.ToArray(), v = map["V"].Values.ToArray(), o = map["O"].Values.ToArray();
        double Row(double[] weights, int h, int e, int i) => Enumerable.Range(0, N).Sum(a => weights[(((h * C) + e) * N) + a] * x[(i * N) + a]);
        for (int h = 0; h < Heads; h++)
        {
            for (int i = 0; i < T; i++)
            {
                double[] scores = [.. Enumerable.Range(0, T).Select(j => Enumerable.Range(0, C).Sum(e => Row(q, h, e, i) * Row(k, h, e, j)) / Math.Sqrt(C))];
                double[] weights = [.. scores.Select(score => Math.Exp(score - scores.Max()))];
                for (int e = 0; e < C; e++)
                {
                    double mixed = Enumerable.Range(0, T).Sum(j => weights[j] / weights.Sum() * Row(v, h, e, j));
                    for (int b = 0; b < N; b++)
                    {
                        expected[(i * N) + b] += o[(((b * Heads) + h) * C) + e] * mixed;
                    }
                }
            }
        }

        Assert.True(Numbers.RelativeError(expected, y) < 1e-13);
    }

    [Fact]
    public void AMaskedPositionHasNoInfluence()
    {
        Module module = TestModules.Formula("causal_attention(5, 6, 2, 3)") with { Name = "F" };
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F"))]);
        using Map<float> map = assembly.Create<float>("F");
        map.Randomize(new Random(1));
        float[] x = [.. Numbers.Normal(new Random(2), 30).Select(value => (float)value)], y = new float[30], other = new float[30];
        map.Forward(x, y);
        x.AsSpan(18).Fill(1e6f);
        map.Forward(x, other);
        Assert.Equal(y[..18], other[..18]);
        Assert.NotEqual(y[18..], other[18..]);
    }

    /// <summary>What is used once is a part of the product that it stands in; what is used twice is computed once.</summary>
    [Theory]
    [InlineData("y[i] = q[i] * x[i]", 1)]
    [InlineData("y[i] = q[i] * q[i]", 2)]
    public void NamesAreInlinedWhereTheyAreUsedOnce(string body, int statements) => Assert.Equal(statements, Lowered($"""
        layer f : 4 -> 4
          param A[4, 4]
          let q[i] = A[i, j] * x[j]
          {body}
        """).Statements.Count);

    /// <summary>The order of the product is the planner's: attention that is linear in its positions never has a number for each pair of them.</summary>
    [Theory]
    [InlineData("linear_attention(64, 8, 2, 4)")]
    [InlineData("flow_attention(64, 8, 2, 4)")]
    public void LinearAttentionHasNoPairsOfPositions(string formula)
    {
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module), new Variant(new CostModel(16), 4));
        Assert.All(schedule.Storages.Where(storage => storage.Space == Space.Scratch), storage => Assert.True(storage.Length < 64 * 64, storage.ToString()));
    }

    [Theory]
    [InlineData("layer f : 4 -> 4\n  let v = 2 * x\n  = diag(v)", "3:10 WEFT0110 expected a tensor for 'diag', found a value [4], which depends on the input")]
    [InlineData("layer f : 4 -> 4\n  let v = x + x\n  = v", "2:11 WEFT0110 expected an operator, found a value [4], which depends on the input: products and sums of values are written with their indices, as in 'let v[i] = d[i] * x[i]', and 'A . v' applies an operator to one")]
    [InlineData("layer f : 4 -> 4\n  let v = bf16(x)\n  = v", "2:16 WEFT0110 expected a tensor of parameters for 'bf16(T)', found a value [4], which depends on the input")]
    [InlineData("layer f : 4 -> 4\n  param T[4]\n  let v = gelu(T)\n  = v", "3:11 WEFT0105 'gelu' is a link and cannot be called: write gelu . T")]
    [InlineData("layer f : 4 -> 3\n  let v[i] = x[i] * x[i]\n  = v", "3:3 WEFT0116 the signature of 'f' says 4 -> 3, but its body is 4 -> 4")]
    [InlineData("layer f : 4 -> 3\n  = dense(3, 5) . x", "2:5 WEFT0117 dense(3, 5) : 5 -> 3 takes 5 inputs, but is given 4")]
    [InlineData("operator f : 4 -> 4\n  let v[i] = x[i] * x[i]\n  = eye(4)", "2:14 WEFT0100 unknown name 'x': the input has no name here, a map is written without it")]
    [InlineData("layer f : 4 -> 4\n  y[i] = x[i] / x[i]", "2:17 WEFT0110 expected a number to divide by, found a value [4], which depends on the input")]
    [InlineData("layer f : 4 -> 4\n  param T[3, 4]\n  let v = take(T, x)\n  y[i] = v[i, j]", "3:19 WEFT0110 expected a table of positions: a list, or a tensor that is not trained, found a value [4], which depends on the input")]
    [InlineData("layer f : 8 -> 8 = each(i < 3) dense(4, 4)", "1:29 WEFT0110 expected a divisor of 8, the length of what 'each' is given, found the number 3")]
    [InlineData("layer f : 8 -> 8 = each(i < 2) dense(4, 4 + i)", "1:45 WEFT0110 expected the same links for every part, found 'i', the number of the part; 'dirsum' makes operators of their own")]
    [InlineData("layer g : 4 -> 4\n  let T[k:4] = (3 - k)\n  let v = take(x, T)\n  y[i] = v[i]\nlayer f : 8 -> 8 = each(i < 2) g", "5:32 WEFT0110 expected functions that work on each part by itself, found 'take(T, S)' of a value")]
    [InlineData("operator f : 8 -> 8 = 2 * (each(i < 2) dense(4, 4))", "1:27 WEFT0129 'each' is not linear: it can be a link of a layer, not a part of an operator")]
    [InlineData("layer f : 8 -> 4 = repeat(i < 2) dense(4, 8)", "1:34 WEFT0117 dense(4, 8) : 8 -> 4 takes 8 inputs, but is given 4")]
    public void MistakesAreNamed(string text, string expected) => Assert.Equal([expected], TestModules.Diagnostics(text));

    private static LoweredModule Lowered(string text) => Lowering.Lower(Rewriter.Rewrite(TestModules.Last(text)).Module);
}
