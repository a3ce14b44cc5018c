using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using Weft.Solvers;
using Vector = MathNet.Numerics.LinearAlgebra.Vector<double>;

namespace Weft.Tests.Solvers;

/// <summary>Every solver on every kind of system that it is for, against dense solutions.</summary>
[Collection(nameof(Systems))]
public sealed class SolverTests(Systems systems)
{
    private static readonly (string Name, Tags Needs)[] Solvers =
    [
        ("cg", Tags.Definite),
        ("minres", Tags.Symmetric),
        ("gmres", Tags.Square),
        ("gmres of few steps", Tags.Definite),
        ("lsmr", Tags.None),
    ];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach ((string solver, Tags needs) in Solvers)
            {
                foreach ((string system, Tags tags) in Systems.All)
                {
                    if ((tags & needs) == needs)
                    {
                        data.Add(solver, system);
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void SolutionsAreThoseOfTheDenseMatrix(string solver, string system)
    {
        Check<double>(solver, system, 1e-10, 1e-7);
        Check<float>(solver, system, 1e-5, 5e-3);
    }

    private void Check<T>(string solver, string system, double tolerance, double error)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int Batch = 4;
        using LinearMap<T> map = systems.Create<T>(system);
        using LinearMap<double> exact = systems.Create<double>(system);
        (int m, int n) = (map.Outputs, map.Inputs);
        Matrix<double> dense = Systems.Dense(map), inverse = Systems.Dense(exact).PseudoInverse();
        T[] b = Systems.Normal<T>(5, Batch * m), x = new T[Batch * n];
        b.AsSpan(m, m).Clear();

        SolveReport report = Solve(solver, map.AsOperator(), new SolverOptions { Tolerance = tolerance }, b, x);

        Assert.True(report.IsConverged, $"{report.Rows[0]} {report.Rows[2]} {report.Rows[3]}");
        Assert.Equal(new RowReport(SolveStatus.Converged, 0, 0), report.Rows[1]);
        for (int k = 0; k < Batch; k++)
        {
            Vector right = Systems.Row(b, k, m), expected = inverse * right, found = Systems.Row(x, k, n);
            Assert.InRange((found - expected).L2Norm(), 0, error * (1 + expected.L2Norm()));
            double residual = (right - (dense * found)).L2Norm();
            if (m == n && k != 1)
            {
                // What is reported is true, and at most what was asked for.
                Assert.Equal(residual / right.L2Norm(), report.Rows[k].Residual, typeof(T) == typeof(float) ? 1e-6 : 1e-14);
                Assert.InRange(report.Rows[k].Residual, 0, tolerance);
            }
        }
    }

    private static SolveReport Solve<T>(string solver, ILinearOperator<T> a, SolverOptions options, T[] b, T[] x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => solver switch
        {
            "cg" => new ConjugateGradient<T>(a, options).Solve(b, x),
            "minres" => new Minres<T>(a, options).Solve(b, x),
            "gmres" => new Gmres<T>(a, options).Solve(b, x),
            "gmres of few steps" => new Gmres<T>(a, options, restart: 4).Solve(b, x),
            _ => new Lsmr<T>(a, 0, options).Solve(b, x),
        };

    [Theory]
    [InlineData("tall")]
    [InlineData("wide")]
    public void DampedLeastSquaresAreThoseOfTheNormalEquations(string system)
    {
        const double Damping = 0.7;
        using LinearMap<double> map = systems.Create<double>(system);
        Matrix<double> dense = Systems.Dense(map), normal = dense.TransposeThisAndMultiply(dense);
        double[] b = Systems.Normal<double>(6, 2 * map.Outputs), x = new double[2 * map.Inputs];

        Assert.True(new Lsmr<double>(map.AsOperator(), Damping, new SolverOptions { Tolerance = 1e-11 }).Solve(b, x).IsConverged);

        normal += Damping * Damping * Matrix<double>.Build.DenseIdentity(map.Inputs);
        for (int k = 0; k < 2; k++)
        {
            Vector expected = normal.Solve(dense.TransposeThisAndMultiply(Systems.Row(b, k, map.Outputs)));
            Assert.InRange((Systems.Row(x, k, map.Inputs) - expected).L2Norm(), 0, 1e-9);
        }
    }

    [Fact]
    public void RowsThatAreDoneLeaveTheBatch()
    {
        const int N = 40;
        var a = new Scales<double>([.. Enumerable.Range(1, N).Select(k => (double)k)]);
        double[] b = new double[3 * N], x = new double[3 * N], alone = new double[N];
        b[7] = 2; // an eigenvector: one step
        Systems.Normal<double>(1, N).CopyTo(b, 2 * N);

        SolveReport report = new ConjugateGradient<double>(a).Solve(b, x);

        Assert.True(report.IsConverged);
        Assert.Equal([1, 0], report.Rows.Take(2).Select(row => row.Iterations));
        Assert.Equal(0.25, x[7], 1e-12);
        Assert.Equal(1 + 1 + report.Rows[2].Iterations + 1, a.Rows); // and one each to check
        new ConjugateGradient<double>(a).Solve(b.AsSpan(2 * N), alone);
        Assert.Equal(alone, x[(2 * N)..]);
    }

    [Theory]
    [InlineData("cg")]
    [InlineData("minres")]
    [InlineData("gmres")]
    public void APreconditionerSavesSteps(string solver)
    {
        const int N = 200;
        double[] values = [.. Enumerable.Range(0, N).Select(k => Math.Exp(k / 20.0))];
        var a = new Scales<double>(values);
        var preconditioner = new Scales<double>([.. values.Select((value, k) => (1 + (k % 3 * 0.1)) / value)]);
        double[] b = Systems.Normal<double>(3, 2 * N), x = new double[2 * N];
        SquareSolver<double> plain = Create(solver, a, null), preconditioned = Create(solver, a, preconditioner);

        SolveReport before = plain.Solve(b, x), after = preconditioned.Solve(b, x);

        Assert.True(after.IsConverged);
        Assert.InRange(after.Iterations, 1, before.Iterations / 8);
        Assert.All(Enumerable.Range(0, N), i => Assert.Equal(b[i] / values[i], x[i], 1e-2));

        static SquareSolver<double> Create(string solver, ILinearOperator<double> a, ILinearOperator<double>? preconditioner) => solver switch
        {
            "cg" => new ConjugateGradient<double>(a, null, preconditioner),
            "minres" => new Minres<double>(a, null, preconditioner),
            _ => new Gmres<double>(a, null, preconditioner),
        };
    }

    [Fact]
    public void AMapIsAPreconditioner()
    {
        using LinearMap<double> map = systems.Create<double>("kronecker_definite"), other = systems.Create<double>("diagonal_and_low_rank");
        ILinearOperator<double> a = map.AsOperator().Shift(0.5);
        double[] b = Systems.Normal<double>(3, map.Inputs), x = new double[map.Inputs];
        SolveReport report = new ConjugateGradient<double>(a, new SolverOptions { Tolerance = 1e-9 }, other.AsOperator()).Solve(b, x);
        Assert.True(report.IsConverged);
        Vector expected = (Systems.Dense(map) + (0.5 * Matrix<double>.Build.DenseIdentity(map.Inputs))).Solve(Systems.Row(b, 0, b.Length));
        Assert.InRange((Systems.Row(x, 0, x.Length) - expected).L2Norm(), 0, 1e-7);
    }

    [Fact]
    public void WhatHasNoSolutionIsReported()
    {
        var definite = new Scales<double>([1, 2, 3]);
        var indefinite = new Scales<double>([1, -2, 3]);
        var singular = new Scales<double>([1, 0, 3]);
        double[] x = new double[3];
        Assert.Equal(SolveStatus.Indefinite, Status(new ConjugateGradient<double>(indefinite), [0, 1, 0]));
        Assert.Equal(SolveStatus.Indefinite, Status(new ConjugateGradient<double>(singular), [0, 1, 0]));
        Assert.Equal(SolveStatus.Indefinite, Status(new ConjugateGradient<double>(definite, null, indefinite), [0, 1, 0]));
        Assert.Equal(SolveStatus.Indefinite, Status(new Minres<double>(definite, null, indefinite), [0, 1, 0]));
        Assert.Equal(SolveStatus.NotFinite, Status(new Gmres<double>(definite), [double.NaN, 1, 0]));
        Assert.Equal(SolveStatus.NotFinite, Status(new Gmres<double>(new Scales<double>([1, double.PositiveInfinity, 3])), [1, 1, 0]));
        Assert.Equal(SolveStatus.IterationLimit, Status(new Minres<double>(definite, new SolverOptions { IterationLimit = 2 }), [1, 1, 1]));

        // The part that can be solved is.
        foreach (SquareSolver<double> solver in new SquareSolver<double>[] { new Minres<double>(singular), new Gmres<double>(singular) })
        {
            Assert.Equal(SolveStatus.Stagnated, Status(solver, [2, 1, 3]));
            Assert.Equal([2, 1], new[] { x[0], x[2] }.Select(value => Math.Round(value, 9)));
        }

        // A tolerance that no number of the type can meet.
        SolveReport report = new Minres<double>(definite, new SolverOptions { Tolerance = 0, IterationLimit = 100 }).Solve([1, 1, 1], x);
        Assert.Contains(report.Rows[0].Status, new[] { SolveStatus.Stagnated, SolveStatus.Converged });
        Assert.InRange(report.Residual, 0, 1e-15);

        SolveStatus Status(SquareSolver<double> solver, double[] b) => solver.Solve(b, x).Rows[0].Status;
    }

    [Fact]
    public void TheSizeOfARightHandSideDoesNotMatter()
    {
        var a = new Scales<float>([1, 2, 4]);
        float[] b = [1e-30f, 2e-30f, 4e-30f, 1e30f, 2e30f, 4e30f], x = new float[6];
        foreach (SquareSolver<float> solver in new SquareSolver<float>[] { new ConjugateGradient<float>(a), new Minres<float>(a), new Gmres<float>(a) })
        {
            Assert.True(solver.Solve(b, x).IsConverged);
            Assert.All(x, (value, i) => Assert.Equal(1, value / (i < 3 ? 1e-30f : 1e30f), 1e-4f));
        }

        Assert.True(new Lsmr<float>(a).Solve(b, x).IsConverged);
        Assert.All(x, (value, i) => Assert.Equal(1, value / (i < 3 ? 1e-30f : 1e30f), 1e-4f));
    }

    [Fact]
    public void RefineGoesOnFromWhatIsGiven()
    {
        var a = new Scales<double>([.. Enumerable.Range(1, 30).Select(k => (double)k)]);
        double[] b = Systems.Normal<double>(2, 30), x = new double[30];
        int steps = new ConjugateGradient<double>(a, new SolverOptions { Tolerance = 1e-8 }).Solve(b, x).Iterations;
        b[3] += 1e-6;
        SolveReport report = new ConjugateGradient<double>(a, new SolverOptions { Tolerance = 1e-8 }).Refine(b, x);
        Assert.True(report.IsConverged);
        Assert.InRange(report.Iterations, 1, steps - 10);
    }

    [Fact]
    public void ArgumentsAreChecked()
    {
        var three = new Scales<double>([1, 2, 3]);
        var four = new Scales<double>([1, 2, 3, 4]);
        using LinearMap<double> tall = systems.Create<double>("tall");
        double[] memory = new double[12];
        Assert.Contains("A square operator is expected; a is 8 -> 13", Assert.Throws<ArgumentException>(() => new Gmres<double>(tall.AsOperator())).Message, StringComparison.Ordinal);
        Assert.Contains("3 -> 3 is expected", Assert.Throws<ArgumentException>(() => new Minres<double>(three, null, four)).Message, StringComparison.Ordinal);
        Assert.Contains("rows of 3", Assert.Throws<ArgumentException>("b", () => new ConjugateGradient<double>(three).Solve(new double[4], new double[4])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("x", () => new ConjugateGradient<double>(three).Solve(new double[6], new double[3]));
        Assert.Contains("must not overlap", Assert.Throws<ArgumentException>("x", () => new Lsmr<double>(three).Solve(memory.AsSpan(0, 6), memory.AsSpan(3, 6))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("b", () => three.Plus(four));
        Assert.Throws<ArgumentException>("b", () => three.Times(four));
        Assert.Throws<ArgumentException>("a", () => tall.AsOperator().Shift(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SolverOptions { Tolerance = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new SolverOptions { IterationLimit = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new Gmres<double>(three, restart: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Lsmr<double>(three, double.NaN));
        Assert.Throws<OperationCanceledException>(() => new Gmres<double>(three).Solve([1, 1, 1], memory.AsSpan(0, 3), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void OperatorsAreThoseOfTheirMatrices()
    {
        using LinearMap<double> tall = systems.Create<double>("tall"), wide = systems.Create<double>("wide"), few = systems.Create<double>("few_ranks");
        Matrix<double> t = Systems.Dense(tall), w = Systems.Dense(wide), f = Systems.Dense(few);
        ILinearOperator<double> a = tall.AsOperator(), b = wide.AsOperator(), c = few.AsOperator();
        (ILinearOperator<double> Operator, Matrix<double> Matrix)[] cases =
        [
            (a, t),
            (a.Transpose(), t.Transpose()),
            (a.Plus(c), t + f),
            (a.Times(b), t * w),
            (a.Gram(), t.TransposeThisAndMultiply(t)),
            (b.Times(c).Shift(-0.5), (w * f) - (0.5 * Matrix<double>.Build.DenseIdentity(8))),
        ];
        foreach ((ILinearOperator<double> op, Matrix<double> matrix) in cases)
        {
            Assert.Equal((matrix.ColumnCount, matrix.RowCount), (op.Inputs, op.Outputs));
            double[] x = Systems.Normal<double>(1, 2 * op.Inputs), y = new double[2 * op.Outputs], back = new double[x.Length];
            op.Apply(x, y);
            op.ApplyAdjoint(y, back);
            for (int k = 0; k < 2; k++)
            {
                Vector expected = matrix * Systems.Row(x, k, op.Inputs);
                Assert.InRange((Systems.Row(y, k, op.Outputs) - expected).L2Norm(), 0, 1e-11);
                Assert.InRange((Systems.Row(back, k, op.Inputs) - (matrix.Transpose() * expected)).L2Norm(), 0, 1e-10);
            }
        }
    }

    [Fact]
    public void StepsAllocateNothing()
    {
        const int N = 64;
        var a = new Scales<float>([.. Enumerable.Range(1, N).Select(k => (float)k)]);
        float[] b = Systems.Normal<float>(1, 3 * N), x = new float[3 * N];
        Func<int, Func<SolveReport>>[] solvers =
        [
            limit => Of(new ConjugateGradient<float>(a.Shift(0).Plus(a), Options(limit), a)),
            limit => Of(new Minres<float>(a.Gram(), Options(limit), a)),
            limit => Of(new Gmres<float>(a, Options(limit), a, restart: 5)),
            limit =>
            {
                var solver = new Lsmr<float>(a, 0.1, Options(limit));
                return () => solver.Solve(b, x);
            },
        ];
        foreach (Func<int, Func<SolveReport>> solver in solvers)
        {
            // Reports are as long for one step as for many.
            Assert.Equal(Allocated(solver(1)), Allocated(solver(30)));
        }

        Func<SolveReport> Of(SquareSolver<float> solver) => () => solver.Solve(b, x);

        static SolverOptions Options(int limit) => new() { Tolerance = 0, IterationLimit = limit };

        static long Allocated(Func<SolveReport> solve)
        {
            solve();
            solve();
            long before = GC.GetAllocatedBytesForCurrentThread();
            solve();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void ManyThreadsMayUseASolver()
    {
        using LinearMap<double> map = systems.Create<double>("definite");
        var solver = new ConjugateGradient<double>(map.AsOperator().Plus(map.AsOperator()), new SolverOptions { Tolerance = 1e-9 });
        double[] b = Systems.Normal<double>(1, 5 * map.Inputs), expected = new double[b.Length];
        solver.Solve(b, expected);
        Parallel.For(0, 50, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            double[] x = new double[b.Length];
            solver.Solve(b, x);
            Assert.Equal(expected, x);
        });
    }
}
