using MathNet.Numerics.LinearAlgebra;
using Weft.Solvers;

namespace Weft.Tests.Solvers;

/// <summary>Estimates of traces, determinants and spectra, and gradients of solutions.</summary>
[Collection(nameof(Systems))]
public sealed class EstimateTests(Systems systems)
{
    /// <summary>More standard errors than a right estimate is off.</summary>
    private const double Errors = 4;

    [Theory]
    [InlineData("definite")]
    [InlineData("kronecker_definite")]
    [InlineData("diagonal_and_low_rank")]
    public void EstimatesAreWithinTheirErrors(string system)
    {
        var options = new EstimateOptions { Probes = 60, Seed = 3 };
        using LinearMap<double> map = systems.Create<double>(system);
        ILinearOperator<double> a = map.AsOperator();
        Matrix<double> dense = Systems.Dense(map);
        double[] eigenvalues = [.. dense.Evd(Symmetricity.Symmetric).EigenValues.Select(value => value.Real)];

        Near(dense.Trace(), a.EstimateTrace(options));
        Near(dense.Trace(), a.EstimateTraceHutchPlusPlus(options));
        Near(eigenvalues.Sum(Math.Log), a.EstimateLogDeterminant(options));
        Near(eigenvalues.Sum(value => 1 / value), a.EstimateTraceOf(value => 1 / value, options));

        double[] diagonal = new double[map.Inputs], errors = new double[map.Inputs];
        a.EstimateDiagonal(diagonal, errors, options);
        Assert.All(diagonal, (value, i) => Near(dense[i, i], new Estimate(value, errors[i])));

        SpectrumRange range = a.EstimateSpectrum();
        Assert.Equal(eigenvalues.Min(), range.Smallest, 1e-8 * eigenvalues.Max());
        Assert.Equal(eigenvalues.Max(), range.Largest, 1e-8 * eigenvalues.Max());
        Assert.InRange(range.Condition, 0.99 * eigenvalues.Max() / eigenvalues.Min(), 1.01 * eigenvalues.Max() / eigenvalues.Min());

        static void Near(double exact, Estimate estimate)
        {
            Assert.InRange(estimate.Value, exact - (Errors * estimate.StandardError) - 1e-9, exact + (Errors * estimate.StandardError) + 1e-9);
            Assert.InRange(estimate.StandardError, 0, 0.3 * Math.Abs(exact) + 0.5);
        }
    }

    [Fact]
    public void AFewStepsSayHowFarTheyAre()
    {
        double[] values = [.. Enumerable.Range(1, 500).Select(k => (double)k)];
        SpectrumRange range = new Scales<double>(values).EstimateSpectrum(new EstimateOptions { Steps = 12 });
        Assert.InRange(range.Largest, 500 - range.LargestError, 500);
        Assert.InRange(range.Smallest, 1, 1 + range.SmallestError);
        Assert.InRange(range.LargestError, 1e-3, 50);
    }

    [Fact]
    public void HutchPlusPlusIsExactWhereTheRankIsSmall()
    {
        double[] values = new double[300];
        (values[5], values[100], values[200]) = (1000, -300, 20);
        var options = new EstimateOptions { Probes = 15 };
        Estimate estimate = new Scales<double>(values).Plus(new Scales<double>([.. values.Select((_, k) => k % 2 == 0 ? 1e-3 : 0)])).EstimateTraceHutchPlusPlus(options);
        Assert.Equal(720.15, estimate.Value, 0.01);
    }

    [Fact]
    public void TheSameSeedGivesTheSame()
    {
        using LinearMap<float> map = systems.Create<float>("definite");
        ILinearOperator<float> a = map.AsOperator();
        Assert.Equal(a.EstimateTrace(), a.EstimateTrace(new EstimateOptions()));
        Assert.NotEqual(a.EstimateTrace(), a.EstimateTrace(new EstimateOptions { Seed = 1 }));
        Assert.Equal(Systems.Dense(map).Determinant(), Math.Exp(a.EstimateLogDeterminant(new EstimateOptions { Probes = 400 }).Value), Systems.Dense(map).Determinant() * 0.5);
    }

    [Fact]
    public void WhatIsNotPositiveDefiniteHasNoLogDeterminant()
    {
        var a = new Scales<double>([1, 2, -3]);
        Assert.Contains("positive definite", Assert.Throws<ArithmeticException>(() => a.EstimateLogDeterminant()).Message, StringComparison.Ordinal);
        Assert.Throws<ArithmeticException>(() => new Scales<double>([1, double.NaN]).EstimateSpectrum());
        Assert.Throws<ArgumentOutOfRangeException>(() => new EstimateOptions { Probes = 1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new EstimateOptions { Steps = 0 });
        Assert.Throws<ArgumentException>("diagonal", () => a.EstimateDiagonal(new double[2]));
    }

    [Theory]
    [InlineData("definite")]
    [InlineData("general")]
    public void GradientsOfSolutionsAreTheirDifferences(string system)
    {
        const int Batch = 3;
        var options = new SolverOptions { Tolerance = 1e-13 };
        using LinearMap<double> map = systems.Create<double>(system);
        ILinearOperator<double> a = map.AsOperator().Shift(0.3);
        int n = map.Inputs;
        double[] b = Systems.Normal<double>(1, Batch * n), dx = Systems.Normal<double>(2, Batch * n), x = new double[b.Length], db = new double[b.Length];
        double[] gradient = new double[map.TrainedCount];
        new Gmres<double>(a, options).Solve(b, x);

        Assert.True(new Gmres<double>(a.Transpose(), options).SolveGradient(map, x, dx, db, gradient).IsConverged);

        double[] direction = Systems.Normal<double>(3, map.TrainedCount), ofB = Systems.Normal<double>(4, b.Length), start = map.Parameters.ToArray();
        const double Step = 1e-5;
        double difference = (Value(Step) - Value(-Step)) / (2 * Step);
        Assert.Equal(difference, Dot(gradient, direction) + Dot(db, ofB), 1e-6 * (1 + Math.Abs(difference)));

        double Value(double step)
        {
            using (ParameterEdit<double> edit = map.Edit())
            {
                start.Select((value, i) => value + (step * direction[i])).ToArray().CopyTo(edit.Trained);
            }

            double[] moved = [.. b.Select((value, i) => value + (step * ofB[i]))], solution = new double[b.Length];
            new Gmres<double>(a, options).Solve(moved, solution);
            return Dot(dx, solution);
        }

        static double Dot(double[] left, double[] right) => left.Zip(right, (l, r) => l * r).Sum();
    }

    [Fact]
    public void TheGradientOfALogDeterminantIsThatOfItsTrace()
    {
        using LinearMap<double> map = systems.Create<double>("definite");
        int n = map.Inputs;
        double[] gradient = new double[map.TrainedCount];
        Matrix<double> a = Matrix<double>.Build.DenseOfRowMajor(n, n, map.Parameters.ToArray());

        var solver = new ConjugateGradient<double>(map.AsOperator(), new SolverOptions { Tolerance = 1e-10 });
        Assert.True(solver.LogDeterminantGradient(map, gradient, new EstimateOptions { Probes = 3000 }).IsConverged);

        // A(W) = ½ Wᵀ W + I: the gradient is W A⁻¹.
        Matrix<double> expected = a * Systems.Dense(map).Inverse(), found = Matrix<double>.Build.DenseOfRowMajor(n, n, gradient);
        Assert.InRange((found - expected).FrobeniusNorm() / expected.FrobeniusNorm(), 0, 0.2);
    }

    [Fact]
    public void GradientsCheckTheirArguments()
    {
        using LinearMap<double> map = systems.Create<double>("definite"), tall = systems.Create<double>("tall");
        var solver = new ConjugateGradient<double>(map.AsOperator());
        double[] x = new double[12], y = new double[12];
        Assert.Throws<ArgumentException>("map", () => solver.SolveGradient(tall, x, x, y, default));
        Assert.Throws<ArgumentException>("db", () => solver.SolveGradient(map, x, y, x, default));
        Assert.Throws<ArgumentException>("gradient", () => solver.SolveGradient(map, x, x, y, new double[3]));
        Assert.Throws<ArgumentException>("gradient", () => solver.LogDeterminantGradient(map, new double[3]));
    }
}
