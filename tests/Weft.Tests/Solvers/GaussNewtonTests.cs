using MathNet.Numerics.LinearAlgebra;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Solvers;
using Weft.Tests.Binding;
using Weft.Tests.Runtime;

namespace Weft.Tests.Solvers;

/// <summary>The curvature of losses along parameters, against derivatives by differences and dense products.</summary>
public sealed class GaussNewtonTests
{
    private const int Rows = 5, Classes = 3;

    public static TheoryData<string> Losses => ["squares", "classes", "parts", "yes or no", "straight beyond", "divergence"];

    /// <summary>Jᵀ H J, with J by tangents of each parameter and H by differences of the loss's gradient.</summary>
    [Theory]
    [MemberData(nameof(Losses))]
    public void ProductsAreThoseOfTheDenseMatrix(string name)
    {
        using WeftAssembly assembly = Compile("dense(6, 5) . tanh . bias . dense(5, 4)");
        using Map<double> map = assembly.Create<double>("F");
        Check(name, map, isLinear: false);
    }

    /// <summary>Where outputs are linear in the parameters it is the Hessian of the loss.</summary>
    [Theory]
    [MemberData(nameof(Losses))]
    public void OfALinearMapItIsTheHessian(string name)
    {
        using WeftAssembly assembly = Compile("bias . dense(6, 4)");
        using Map<double> map = assembly.Create<double>("F");
        Check(name, map, isLinear: true);
    }

    /// <summary>A quadratic loss has its minimum one step away.</summary>
    [Fact]
    public void AStepOfConjugateGradientsMinimisesALinearFit()
    {
        using WeftAssembly assembly = Compile("bias . (frozen kronecker([2, 3], [3, 3]) * dense(9, 7))");
        using Map<double> map = assembly.Create<double>("F");
        map.Initialize(1);
        double[] x = Numbers.Draw<double>(40 * map.Inputs, 1), targets = Numbers.Draw<double>(40 * map.Outputs, 2), gradient = new double[map.TrainedCount], step = new double[map.TrainedCount];
        var loss = new MeanSquaredError<double>(targets);
        map.LossGradient(x, loss, gradient);
        SolveReport report = new ConjugateGradient<double>(map.GaussNewtonMatrix(x, loss), new SolverOptions { Tolerance = 1e-12 }).Solve(gradient, step);
        Assert.True(report.IsConverged);
        Move(map, step, -1);
        Array.Clear(gradient);
        map.LossGradient(x, loss, gradient);
        Assert.All(gradient, slope => Assert.Equal(0, slope, 1e-10));
    }

    [Fact]
    public void ArgumentsAreChecked()
    {
        using WeftAssembly assembly = Compile("dense(3, 4)"), other = Compile("frozen dense(3, 4)");
        using Map<double> map = assembly.Create<double>("F"), frozen = other.Create<double>("F");
        map.Initialize(1);
        frozen.Initialize(1);
        Assert.Throws<ArgumentException>("x", () => map.GaussNewtonMatrix(new double[7], new MeanSquaredError<double>(new double[3])));
        Assert.Throws<ArgumentException>("x", () => map.GaussNewtonMatrix(Array.Empty<double>(), new MeanSquaredError<double>(Array.Empty<double>())));
        Assert.Throws<ArgumentException>("targets", () => map.GaussNewtonMatrix(new double[8], new MeanSquaredError<double>(new double[3])));
        Assert.Throws<ArgumentException>("map", () => frozen.GaussNewtonMatrix(new double[4], new MeanSquaredError<double>(new double[3])));
        ILinearOperator<double> matrix = map.GaussNewtonMatrix(new double[4], new MeanSquaredError<double>(new double[3]));
        Assert.Throws<ArgumentException>("y", () => matrix.Apply(new double[12], new double[11]));
    }

    private static WeftAssembly Compile(string formula) =>
        WeftAssembly.Compile([(TestModules.Formula(formula) with { Name = "F" }, new GenerateOptions("F", Scalar: Scalar.Double))]);

    private static void Check(string name, Map<double> map, bool isLinear)
    {
        map.Initialize(3);
        double[] targets = Numbers.Draw<double>(Rows * map.Outputs, 4);
        switch (name)
        {
            case "squares":
                Check(map, new MeanSquaredError<double>(targets), isLinear);
                break;
            case "classes":
                Check(map, new CrossEntropy<double>(new[] { 0, 5, 2, 2, 1 }, 0.1, new[] { 1, 0.5, 2, 1, 1, 3 }), isLinear);
                break;
            case "parts":
                Check(map, new CrossEntropy<double>(new[] { 0, 1, 2, 2, 1, 0, 0, 2, 1, 1 }), isLinear);
                break;
            case "yes or no":
                Check(map, new BinaryCrossEntropy<double>(targets.Select(target => 0.5 + (0.5 * Math.Tanh(target))).ToArray()), isLinear);
                break;
            case "straight beyond":
                Check(map, new HuberLoss<double>(targets, 0.7), isLinear);
                break;
            default:
                double[] shares = [.. targets.Chunk(map.Outputs).SelectMany(row => row.Select(target => Math.Exp(target) / row.Sum(Math.Exp)))];
                Check(map, new KullbackLeibler<double>(shares, 2.5), isLinear);
                break;
        }
    }

    private static void Check<TLoss>(Map<double> map, TLoss loss, bool isLinear)
        where TLoss : struct, IConvexLoss<double>
    {
        const double Step = 1e-5;
        double[] x = Numbers.Draw<double>(Rows * map.Inputs, 5);
        (int count, int length) = (map.TrainedCount, Rows * map.Outputs);
        ILinearOperator<double> matrix = map.GaussNewtonMatrix(x, loss);
        double[] products = new double[count * count], units = [.. Matrix<double>.Build.DenseIdentity(count).ToRowMajorArray()];
        matrix.Apply(units, products);
        double[,] expected = new double[count, count];
        if (isLinear)
        {
            for (int k = 0; k < count; k++)
            {
                double[] unit = units[(k * count)..((k + 1) * count)], above = new double[count], below = new double[count];
                Move(map, unit, Step);
                map.LossGradient(x, loss, above);
                Move(map, unit, -2 * Step);
                map.LossGradient(x, loss, below);
                Move(map, unit, Step);
                for (int i = 0; i < count; i++)
                {
                    expected[k, i] = (above[i] - below[i]) / (2 * Step);
                }
            }
        }
        else
        {
            double[] y = new double[length];
            map.Forward(x, y);
            var jacobian = Matrix<double>.Build.Dense(length, count);
            var second = Matrix<double>.Build.Dense(length, length);
            for (int k = 0; k < count; k++)
            {
                double[] dy = new double[length];
                map.Tangent(x, default, units.AsSpan(k * count, count), default, dy);
                jacobian.SetColumn(k, dy);
            }

            for (int k = 0; k < length; k++)
            {
                second.SetColumn(k, [.. Slopes(k, Step).Zip(Slopes(k, -Step), (above, below) => (above - below) / (2 * Step))]);
            }

            expected = (jacobian.TransposeThisAndMultiply(second) * jacobian).ToArray();

            double[] Slopes(int k, double step)
            {
                double[] moved = [.. y], dy = new double[length];
                moved[k] += step;
                loss.Evaluate(moved, dy, 0, Rows, Rows);
                return dy;
            }
        }

        double largest = expected.Cast<double>().Max(Math.Abs);
        Assert.True(largest > 0);
        for (int k = 0; k < count; k++)
        {
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(expected[k, i], products[(k * count) + i], 1e-7 * largest + 1e-9);
                Assert.Equal(products[(k * count) + i], products[(i * count) + k], 1e-12);
            }
        }
    }

    private static void Move(Map<double> map, double[] direction, double step)
    {
        using ParameterEdit<double> edit = map.Edit();
        for (int i = 0; i < direction.Length; i++)
        {
            edit.Trained[i] += step * direction[i];
        }
    }
}
