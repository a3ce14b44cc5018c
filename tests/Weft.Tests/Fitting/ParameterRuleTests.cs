using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using Weft.Tests.Formulas;

namespace Weft.Tests.Fitting;

/// <summary>Retractions, proximal steps and the Gram penalty.</summary>
public class ParameterRuleTests
{
    private const string Operator = """
        operator f : 9 -> 4
          param V[2, 3, 9], B[4, 3], d[4]
          = diag(d) * B * (V[0] + V[1])
        """;

    public static TheoryData<Retraction, double> Retractions
    {
        get
        {
            var data = new TheoryData<Retraction, double>();
            foreach (Retraction retraction in Enum.GetValues<Retraction>())
            {
                data.Add(retraction, 1e-12);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Retractions))]
    public void RowsStayOrthonormal_WhileTheLossFalls(Retraction retraction, double tolerance)
    {
        Train<double>(retraction, tolerance);
        Train<float>(retraction, 2e-6);
    }

    [Fact]
    public void Qr_IsTheGramSchmidtProcess()
    {
        double[] values = Numbers.Normal(new Random(1), 2 * 3 * 7), before = [.. values];
        new OrthonormalRows<double>("V").Apply(values, 3, 7);
        for (int k = 0; k < 2; k++)
        {
            Matrix<double> v = Rows(before, k, 3, 7), q = Rows(values, k, 3, 7), lower = v * q.Transpose();
            AssertOrthonormal(q, 1e-14);
            Assert.True((lower * q - v).FrobeniusNorm() < 1e-13);
            Assert.All(Enumerable.Range(0, 9), at => Assert.True(at / 3 < at % 3 ? Math.Abs(lower[at / 3, at % 3]) < 1e-13 : at / 3 != at % 3 || lower[at / 3, at % 3] > 0));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.01)]
    [InlineData(1000)]
    public void Polar_IsTheClosest(double scale)
    {
        double[] values = [.. Numbers.Normal(new Random(1), 3 * 7).Select(value => scale * value)];
        var svd = Rows(values, 0, 3, 7).Svd();
        Matrix<double> closest = svd.U * svd.VT.SubMatrix(0, 3, 0, 7);
        new OrthonormalRows<double>("V", Retraction.Polar).Apply(values, 3, 7);
        Assert.True((Rows(values, 0, 3, 7) - closest).FrobeniusNorm() < 1e-12);
    }

    [Fact]
    public void Cayley_IsTheTransformOfTheStep()
    {
        using var compiled = new CompiledMap<double>("operator f : 7 -> 3\n  param V[3, 7]\n  = V");
        LinearMap<double> map = compiled.Map;
        map.Initialize(1);
        using (ParameterEdit<double> edit = map.Edit())
        {
            new OrthonormalRows<double>("V").Apply(edit["V"], 3, 7);
        }

        double[] gradient = Numbers.Normal(new Random(2), 21);
        Matrix<double> v = Rows(map.Parameters.ToArray(), 0, 3, 7), step = -0.3 * Rows(gradient, 0, 3, 7);
        Matrix<double> identity = Matrix<double>.Build.DenseIdentity(7), projection = identity - (0.5 * v.Transpose() * v);
        Matrix<double> a = (projection * step.Transpose() * v) - (v.Transpose() * step * projection);
        Matrix<double> expected = ((identity - (a / 2)).Inverse() * (identity + (a / 2)) * v.Transpose()).Transpose();

        var optimizer = new Sgd<double>(0.3) { Rules = { new OrthonormalRows<double>("V", Retraction.Cayley) } };
        optimizer.Step(map, gradient);

        Assert.True((Rows(map.Parameters.ToArray(), 0, 3, 7) - expected).FrobeniusNorm() < 1e-13);
        Assert.Throws<ArgumentException>(() => new OrthonormalRows<double>("V", Retraction.Cayley).Apply(new double[21], 3, 7));
    }

    [Fact]
    public void TheProximalStep_FindsTheMinimum()
    {
        // The minimum of mean((d − t)²) over 4 rows and 4 outputs plus s·Σ|d| is t shrunk by 8 s.
        using var compiled = new CompiledMap<double>("diagonal(4)");
        double[] goal = [3, -2, 0.3, -0.1], x = new double[16], targets = new double[16], gradient = new double[4];
        for (int i = 0; i < 4; i++)
        {
            x[5 * i] = 1;
            targets[5 * i] = goal[i];
        }

        compiled.Map.Initialize(1);
        var optimizer = new Sgd<double>(2) { Rules = { new SoftThreshold<double>("d", 0.05) } };
        for (int step = 0; step < 200; step++)
        {
            Array.Clear(gradient);
            compiled.Map.LossGradient(x, new MeanSquaredError<double>(targets), gradient);
            optimizer.Step(compiled.Map, gradient);
        }

        Assert.Equal([2.6, -1.6, 0, 0], compiled.Map["d"].Values.ToArray(), (left, right) => Math.Abs(left - right) < 1e-12);
        Assert.Equal(0, compiled.Map["d"].Values[3]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void GroupsShrinkTogether(int axis)
    {
        using var compiled = new CompiledMap<double>(Operator);
        LinearMap<double> map = compiled.Map;
        map.Randomize(new Random(1));
        double[] before = map["V"].Values.ToArray(), others = map["B"].Values.ToArray();
        const double Strength = 6, Rate = 0.5;
        var optimizer = new Sgd<double>(Rate) { Rules = { new GroupSoftThreshold<double>("V", Strength, axis) } };
        optimizer.Step(map, new double[map.TrainedCount]);

        int[] strides = [27, 9, 1], extents = [2, 3, 9];
        int Group(int at) => at / strides[axis] % extents[axis];
        double[] norms = [.. Enumerable.Range(0, extents[axis]).Select(group => Numbers.Norm(before.Where((_, at) => Group(at) == group)))];
        double[] expected = [.. before.Select((value, at) => value * Math.Max(0, 1 - (Strength * Rate / norms[Group(at)])))];
        Assert.Equal(expected, map["V"].Values.ToArray(), (left, right) => Math.Abs(left - right) < 1e-14);
        Assert.Equal(others, map["B"].Values);
        Assert.True(axis != 2 || norms.Any(norm => norm < Strength * Rate), "no group became zero");
    }

    [Fact]
    public void TheGramPenalty_HasItsGradient()
    {
        using var compiled = new CompiledMap<double>(Operator);
        LinearMap<double> map = compiled.Map;
        map.Randomize(new Random(1));
        double[] gradient = new double[map.TrainedCount], direction = Numbers.Normal(new Random(2), map.TrainedCount), start = map.Parameters.ToArray();
        double penalty = map.AddGramPenalty("V", 0.25, gradient);

        Matrix<double>[] products = [.. Enumerable.Range(0, 2).Select(k => Rows(map["V"].Values.ToArray(), k, 3, 9)).Select(v => (v * v.Transpose()) - Matrix<double>.Build.DenseIdentity(3))];
        Assert.Equal(0.25 * products.Sum(product => product.PointwisePower(2).Enumerate().Sum()), penalty, 1e-10);
        Assert.Equal(map["V"].Info.Length, gradient.Count(value => value != 0));

        const double Step = 1e-5;
        double At(double step)
        {
            map.SetTrained([.. start.Zip(direction, (value, along) => value + (step * along))]);
            return map.AddGramPenalty<double>("V", 0.25, []);
        }

        double numeric = (At(Step) - At(-Step)) / (2 * Step), analytic = gradient.Zip(direction, (left, right) => left * right).Sum();
        Assert.Equal(1, numeric / analytic, 1e-7);

        // It is added to.
        map.SetTrained(start);
        double[] twice = [.. gradient];
        map.AddGramPenalty("V", 0.25, twice);
        Numbers.AssertClose([.. gradient.Select(value => 2 * value)], twice, 1e-14, "added");
    }

    [Fact]
    public void WrongRules_AreRefused()
    {
        using var compiled = new CompiledMap<double>("lora(5, 7, 3)");
        LinearMap<double> map = compiled.Map;
        map.Initialize(1);
        double[] before = map.Parameters.ToArray(), gradient = [.. Enumerable.Repeat(1.0, map.TrainedCount)];
        foreach (ParameterRule<double> rule in new ParameterRule<double>[]
        {
            new OrthonormalRows<double>("B"), new OrthonormalRows<double>("W"), new OrthonormalRows<double>("Q"), new GroupSoftThreshold<double>("A", 1, 2),
        })
        {
            Assert.Throws<ArgumentException>(() => new Sgd<double>(0.1) { Rules = { rule } }.Step(map, gradient));
        }

        Assert.Equal(before, map.Parameters);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SoftThreshold<double>("A", -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GroupSoftThreshold<double>("A", double.NaN, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GroupSoftThreshold<double>("A", 1, -1));
        Assert.Throws<ArgumentException>(() => new OrthonormalRows<double>("A").Apply(new double[6], 3, 2));
        Assert.Throws<ArgumentException>(() => map.AddGramPenalty("W", 1, gradient));
        Assert.Throws<ArgumentException>(() => map.AddGramPenalty<double>("A", 1, new double[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.AddGramPenalty("A", double.NaN, gradient));
    }

    [Fact]
    public void AfterTheFirstStep_NothingIsAllocated()
    {
        using var compiled = new CompiledMap<float>(Operator);
        LinearMap<float> map = compiled.Map;
        map.Randomize(new Random(1));
        float[] gradient = [.. Numbers.Normal(new Random(2), map.TrainedCount).Select(value => (float)value)];
        var optimizer = new AdamW<float>(1e-3)
        {
            Rules =
            {
                new OrthonormalRows<float>("V"), new OrthonormalRows<float>("V", Retraction.Polar), new OrthonormalRows<float>("V", Retraction.Cayley),
                new SoftThreshold<float>("d", 0.1), new GroupSoftThreshold<float>("B", 0.1, 1),
            },
        };
        optimizer.Step(map, gradient);
        map.AddGramPenalty("V", 1, gradient);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int k = 0; k < 20; k++)
        {
            optimizer.Step(map, gradient);
            map.AddGramPenalty("V", 1, gradient);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Train<T>(Retraction retraction, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var compiled = new CompiledMap<T>(Operator);
        using var goal = new CompiledMap<T>(Operator);
        var random = new Random(1);
        compiled.Map.Randomize(random);
        goal.Map.Randomize(random);
        using (ParameterEdit<T> edit = compiled.Map.Edit())
        {
            new OrthonormalRows<T>("V").Apply(edit["V"], 3, 9);
        }

        T[] x = [.. Numbers.Normal(random, 50 * 9).Select(T.CreateChecked)], targets = new T[50 * 4], gradient = new T[compiled.Map.TrainedCount];
        goal.Map.Forward(x, targets);
        double first = compiled.Map.LossGradient(x, new MeanSquaredError<T>(targets), []);
        var optimizer = new AdamW<T>(0.02, weightDecay: 0) { Rules = { new OrthonormalRows<T>("V", retraction) } };
        T[] start = compiled.Map["V"].Values.ToArray();
        for (int step = 0; step < 400; step++)
        {
            Array.Clear(gradient);
            compiled.Map.LossGradient(x, new MeanSquaredError<T>(targets), gradient);
            optimizer.Step(compiled.Map, gradient);
        }

        Assert.True(compiled.Map.LossGradient(x, new MeanSquaredError<T>(targets), []) < 0.2 * first);
        Assert.False(compiled.Map["V"].Values.SequenceEqual(start));
        double[] values = [.. compiled.Map["V"].Values.ToArray().Select(double.CreateChecked)];
        AssertOrthonormal(Rows(values, 0, 3, 9), tolerance);
        AssertOrthonormal(Rows(values, 1, 3, 9), tolerance);
    }

    private static Matrix<double> Rows(double[] values, int number, int rows, int columns) =>
        Matrix<double>.Build.DenseOfRowMajor(rows, columns, values.Skip(number * rows * columns).Take(rows * columns));

    private static void AssertOrthonormal(Matrix<double> rows, double tolerance) =>
        Assert.True(((rows * rows.Transpose()) - Matrix<double>.Build.DenseIdentity(rows.RowCount)).FrobeniusNorm() < tolerance);
}
