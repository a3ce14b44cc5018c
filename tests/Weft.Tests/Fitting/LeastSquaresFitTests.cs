using MathNet.Numerics.LinearAlgebra;
using Weft.Dynamic;
using Weft.Fitting;

namespace Weft.Tests.Fitting;

public class LeastSquaresFitTests
{
    /// <summary>What a structure can be, it becomes: of structures without a closed form, from a start that is drawn.</summary>
    [Theory]
    [InlineData("cp([3, 4], [5, 2], 3)", 1)]
    [InlineData("blast(12, 10, 2, 2, 3)", 1)]
    [InlineData("kronecker([3, 4], [2, 5]) + kronecker([4, 3], [5, 2])", 2)]
    [InlineData("low_rank(9, 11, 2) + toeplitz(9, 11)", 1)]
    [InlineData("householder(8, 3)", 3)]
    public void AStructure_IsFoundAgain(string formula, int starts)
    {
        using var truth = new CompiledMap<double>(formula);
        using var map = new CompiledMap<double>(formula);
        truth.Map.Initialize(7);
        double[] matrix = truth.Map.Dense();
        Assert.False(map.Map.HasProjection(out _));

        FitReport report = map.Map.Approximate<double>(matrix, options: new FitOptions { Starts = starts, Tolerance = 1e-9, StepLimit = 300 });

        Assert.Equal(FitStatus.Converged, report.Status);
        Assert.InRange(report.RelativeError, 0, 1e-8);
        Formulas.Numbers.AssertClose(matrix, map.Map.Dense(), 1e-6, formula);
        Assert.All(report.Errors.Zip(report.Errors.Skip(1)), pair => Assert.True(pair.Second <= pair.First));
    }

    /// <summary>The closest matrix of a rank where inputs are as samples are: the cut of W S, undone by S, for any root S of their covariance (Yuan et al. 2023, ASVD; Wang et al. 2024, SVD-LLM).</summary>
    [Fact]
    public void Samples_SayWhereTheErrorCounts()
    {
        const int m = 8, n = 6, r = 2;
        var random = new Random(3);
        Matrix<double> w = Random(m, n, random), samples = Random(50, n, random) * Matrix<double>.Build.DenseDiagonal(n, n, i => Math.Pow(3, -i));
        Matrix<double> root = samples.QR().R.SubMatrix(0, n, 0, n).Transpose();
        var svd = (w * root).Svd();
        double expected = svd.S.SubVector(r, n - r).L2Norm() / svd.S.L2Norm();

        using var map = new CompiledMap<double>($"low_rank({m}, {n}, {r})");
        FitReport report = map.Map.Approximate<double>(w.ToRowMajorArray(), samples.ToRowMajorArray(), new FitOptions { Tolerance = 1e-12, StepLimit = 300 });

        Assert.Equal(expected, report.RelativeError, 1e-8);
        double[] x = samples.ToRowMajorArray(), y = new double[50 * m];
        map.Map.Forward(x, y);
        Matrix<double> images = samples * w.Transpose();
        Assert.Equal(expected, (images - Matrix<double>.Build.DenseOfRowMajor(50, m, y)).FrobeniusNorm() / images.FrobeniusNorm(), 1e-8);
    }

    /// <summary>Two thirds of the elements tell the rest (matrix completion).</summary>
    [Theory]
    [InlineData(1e-6)]
    public void Holes_DoNotCount(double tolerance)
    {
        using var truth = new CompiledMap<double>("low_rank(20, 24, 2)");
        using var map = new CompiledMap<double>("low_rank(20, 24, 2)");
        truth.Map.Initialize(5);
        double[] matrix = truth.Map.Dense(), known = [.. matrix];
        var random = new Random(2);
        foreach (ref double element in known.AsSpan())
        {
            element = random.Next(3) == 0 ? double.NaN : element;
        }

        FitReport report = map.Map.Approximate<double>(known, options: new FitOptions { Tolerance = 1e-9, StepLimit = 300 });

        Assert.InRange(report.RelativeError, 0, tolerance);
        Formulas.Numbers.AssertClose(matrix, map.Map.Dense(), 100 * tolerance, "completed");
    }

    /// <summary>Weights are those of the squared error: a weight of 0 is a hole, and one of 4 as good as four rows.</summary>
    [Fact]
    public void Weights_AreThoseOfTheSquaredError()
    {
        using var weighted = new CompiledMap<double>("diagonal(2)");
        double[] x = [1, 1, 1, 1, 1, 1], y = [3, 7, 8, 5, 9, 6], weights = [4, 1, 1, 0, 0, 3];

        FitReport report = weighted.Map.Fit<double>(x, y, weights, new FitOptions { Tolerance = 0, StepLimit = 20 });

        Assert.Equal([(12 + 8) / 5.0, (7 + 18) / 4.0], weighted.Map.Parameters.ToArray().Select(value => Math.Round(value, 9)));
        Assert.NotEqual(FitStatus.StepLimit, report.Status);
    }

    /// <summary>A layer learns a layer's function from samples, in single precision to single precision.</summary>
    [Fact]
    public void Layers_AreFittedToo()
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula("bias . dense(2, 5) . tanh . bias . dense(5, 3)");
        using Map<float> truth = compiled.CreateFloat("Formula"), map = compiled.CreateFloat("Formula");
        truth.Initialize(4);
        var random = new Random(1);
        float[] x = [.. Formulas.Numbers.Normal(random, 64 * 3).Select(value => (float)value)], y = new float[64 * 2];
        truth.Forward(x, y);
        FitReport report = map.Fit<float>(x, y, options: new FitOptions { Seed = 9, Starts = 4, StepLimit = 400, Tolerance = 1e-4 });

        Assert.InRange(report.RelativeError, 0, 1e-3);
    }

    [Fact]
    public void WhatCannotBeFitted_IsRefused()
    {
        using var map = new CompiledMap<double>("dense(2, 3)");
        using var frozen = new CompiledMap<double>("walsh_hadamard(2)");
        using var lora = new CompiledMap<double>("lora(2, 3, 1)");
        double[] matrix = [1, 2, 3, 4, 5, 6], holes = [1, double.NaN, 3, 4, 5, 6];

        Assert.Throws<ArgumentException>(() => { map.Map.Approximate<double>(new double[5]); });
        Assert.Throws<ArgumentException>(() => { map.Map.Approximate<double>(matrix, new double[4]); });
        Assert.Throws<ArgumentException>(() => { map.Map.Approximate<double>([1, 2, double.PositiveInfinity, 4, 5, 6]); });
        Assert.Throws<ArgumentException>(() => { map.Map.Approximate<double>(holes, new double[6]); });
        Assert.Throws<ArgumentException>(() => { map.Map.Fit<double>(new double[3], new double[2], [1, -1]); });
        Assert.Throws<ArgumentException>(() => { map.Map.Fit<double>(new double[3], new double[2], [1]); });
        using var blocks = new CompiledMap<float>("blast(4, 4, 2, 2, 1)");
        foreach (float scale in new[] { 1e-30f, 1e-18f, 1e30f })
        {
            float[] numbers = [.. Enumerable.Range(1, 16).Select(k => k % 5 * scale)];
            Assert.Contains("squares", Assert.Throws<ArgumentException>("y", () => { blocks.Map.Approximate<float>(numbers); }).Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, blocks.Map.Approximate<float>(new float[16]).RelativeError);
        Assert.Contains("no trained parameters", Assert.Throws<ArgumentException>(() => { frozen.Map.Approximate<double>(new double[4]); }).Message, StringComparison.Ordinal);
        Assert.Contains("never given", Assert.Throws<InvalidOperationException>(() => { lora.Map.Approximate<double>(matrix); }).Message, StringComparison.Ordinal);
        Assert.All(map.Map.Parameters.ToArray(), value => Assert.Equal(0, value));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FitOptions { Starts = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new FitOptions { Tolerance = double.NaN });
    }

    private static Matrix<double> Random(int rows, int columns, Random random) =>
        Matrix<double>.Build.Dense(rows, columns, (_, _) => Formulas.Numbers.Normal(random, 1).First());
}
