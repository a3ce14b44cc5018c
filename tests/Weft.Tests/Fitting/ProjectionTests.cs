using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Fitting;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Fitting;

/// <summary>Closed-form projections of dense matrices onto structures.</summary>
public class ProjectionTests
{
    private const string Toeplitz = """
        operator toeplitz : 3 -> 4
          param t[6]
          = t[2..6] * crop(3, 1, 0) + t[1..5] * crop(3, 1, 1) + t[0..4] * crop(3, 1, 2)
        """;

    private const string Convolution = """
        operator convolution : 11 -> 9
          param w[3]
          y[i] = w[k] * x[i + k]
        """;

    private const string Scaled = """
        operator scaled : 7 -> 5
          param U[5, 3], d[3], V[7, 3], s
          = 2 * s * U * diag(d) * V'
        """;

    // What constants do to both sides is undone; the low rank is that of what they leave.
    private const string Weighted = """
        operator weighted : 7 -> 5
          frozen L[5, 5], e[7], W[5, 7]
          param B[5, 2], A[2, 7]
          = L * B * A * diag(e) - W
        """;

    private const string FrozenBases = """
        operator bases : 7 -> 5
          frozen T[4, 5, 7]
          param c[4], d[5]
          y[i] = c[k] * T[k, i, j] * x[j] + d[i] * T[0, i, j] * x[j]
        """;

    // A sum inside a product is written out.
    private const string Composed = """
        operator composed : 6 -> 6
          frozen P[6, 6]
          param D[6, 6]
          let W[i, j] = P[i, j] + 0.5 * D[i, j]
          = 2 * W * shuffle(2, 3)
        """;

    /// <summary>Formulas that have one, and whether it is the closest of all.</summary>
    private static readonly (string Formula, bool IsOptimal)[] Projectable =
    [
        ("dense(5, 7)", true),
        ("low_rank(9, 7, 3)", true),
        ("low_rank_middle(9, 7, 4, 3)", true),
        ("low_rank_middle(9, 7, 2, 5)", true),
        ("diagonal(6)", true),
        ("block_diagonal(6, 9, 3)", true),
        ("monarch(12, 3)", true),
        ("monarch(20, 4)", true),
        ("monarch_rectangular(8, 24, 2)", true),
        ("monarch_rectangular(24, 12, 3)", true),
        ("monarch_rectangular(15, 21, 3)", true),
        ("monarch_padded(10, 7, 4)", true),
        ("monarch_padded(13, 20, 3)", true),
        ("kronecker([2, 3], [5, 4])", true),
        ("kronecker([2, 3, 2], [3, 2, 2])", false),
        ("kronecker_sum(3, 4)", true),
        ("tucker(9, 7, 3, 2)", true),
        ("tucker_tensor([2, 3], [4, 5], [2, 2], [2, 3])", false),
        ("tensor_train([4, 3], [3, 5], [1, 3, 1])", true),
        ("tensor_train([2, 3, 2], [3, 2, 2], [1, 2, 3, 1])", false),
        ("block_tensor_train([4, 3], [3, 5], [1, 2, 1])", true),
        ("block_tensor_train([2, 3, 2], [3, 2, 2], [1, 1, 1, 1])", false),
        ("cp([4, 3], [3, 5], 1)", false),
        ("blast(12, 10, 3, 2, 1)", false),
        ("lora(6, 8, 2)", true),
        ("lora_frozen_a(6, 8, 2)", true),
        ("lora_xs(6, 8, 3)", true),
        ("moslora(6, 8, 2)", true),
        ("lotr(6, 8, 2)", true),
        ("low_rank(6, 8, 2) + 3 * low_rank(6, 8, 1)", true),
        ("dirsum(low_rank(4, 3, 2), diagonal(3)) * permute([2, 1, 0, 5, 4, 3])", true),
        ("permute([3, 1, 0, 2]) * low_rank(4, 6, 2)", true),
        ("permute([3, 1, 0, 2]) * low_rank(4, 6, 2) * permute([5, 1, 0, 2, 3, 4])", true),
        ("dense(5, 4) * permute([3, 1, 0, 2]) * dense(4, 6)", true),
        (Convolution, true),
        ("kron(eye(2), low_rank(4, 3, 2))", true),
        ("vstack(low_rank(4, 6, 2), hstack(dense(2, 3), dense(2, 3)))", true),
        (Toeplitz, true),
        (Scaled, true),
        (Weighted, true),
        (FrozenBases, true),
        (Composed, true),
    ];

    private static readonly (Module Module, string Formula)[] Modules =
    [
        .. Projectable.Select((row, i) => (TestModules.Formula(row.Formula) with { Name = string.Create(CultureInfo.InvariantCulture, $"F{i}") }, row.Formula)),
    ];

    private static readonly Lazy<WeftAssembly> InFloat = new(() => Compiled(Scalar.Float)), InDouble = new(() => Compiled(Scalar.Double));

    [Fact]
    public void WhatHasTheStructure_IsMetExactly_InDouble() => Each<double>(Scalar.Double, (map, formula, random) => MeetExactly(map, formula, random, 1e-9));

    [Fact]
    public void WhatHasTheStructure_IsMetExactly_InFloat() => Each<float>(Scalar.Float, (map, formula, random) => MeetExactly(map, formula, random, 2e-4f));

    [Fact]
    public void WhatAnyOperatorOfTheLibraryMakes_IsMetExactly()
    {
        (Module Module, string Formula)[] linear = [.. Library.Modules.Zip(Library.Small).Where(pair => pair.First.IsLinear)];
        int projectable = 0;
        Each<double>(Library.Compiled(Scalar.Double), linear, (map, formula, random) =>
        {
            if (map.HasProjection(out _))
            {
                MeetExactly(map, formula, random, 1e-9);
                projectable++;
            }
        });
        Assert.True(projectable >= 22, $"{projectable} of {linear.Length}");
    }

    [Fact]
    public void NoOtherParametersAreCloser() => Each<double>(Scalar.Double, (map, formula, random) =>
    {
        map.Randomize(random);
        double[] frozen = map.Parameters[map.TrainedCount..].ToArray();
        double[] matrix = Numbers.Normal(random, map.Outputs * map.Inputs);
        ProjectionReport report = map.Project<double>(matrix);

        Assert.True(Projectable.Single(row => row.Formula == formula).IsOptimal == report.IsOptimal, $"{formula}: {report}");
        Assert.Equal((map.TrainedCount, map.Outputs * map.Inputs), (report.Parameters, report.DenseParameters));
        Assert.Equal(frozen, map.Parameters[map.TrainedCount..]);
        double error = Distance(map, matrix);
        Assert.Equal(report.RelativeError * Numbers.Norm(matrix), error, 1e-9);

        // Neither random parameters nor those near what was found. A quasi-optimal one can be improved, but not by more than it says.
        double[] found = map.Parameters[..map.TrainedCount].ToArray();
        for (int k = 0; k < 100; k++)
        {
            double[] noise = Numbers.Normal(random, found.Length);
            map.SetTrained(noise);
            Assert.True(error <= Distance(map, matrix), $"{formula}: random parameters are closer");
            double size = Math.Pow(10, -1 - (k % 4));
            map.SetTrained([.. found.Zip(noise, (value, other) => value + (size * other))]);
            Assert.True(error <= (report.OptimalityFactor * Distance(map, matrix)) + 1e-9, $"{formula}: parameters nearby are closer");
        }
    });

    /// <summary>The same operator of a smaller rank, beside the same weight: what is lost are the small singular values of the trained part.</summary>
    [Theory]
    [InlineData("low_rank(9, 7, 4)", "low_rank(9, 7, 2)", 2)]
    [InlineData("lora(9, 7, 4)", "lora(9, 7, 2)", 2)]
    [InlineData("moslora(9, 7, 4)", "moslora(9, 7, 1)", 1)]
    [InlineData("flora(9, 7, 4, 3)", "flora(9, 7, 2, 2)", 2)]
    [InlineData("tucker(9, 7, 4, 5)", "tucker(9, 7, 3, 2)", 2)]
    [InlineData("tensor_train([9], [7], [1, 1])", "tensor_train([9], [7], [1, 1])", 7)]
    public void ARankIsTruncated(string large, string small, int rank)
    {
        using CompiledMap<double> first = new(large), second = new(small);
        first.Map.Randomize(new Random(1));
        second.Map.Randomize(new Random(2));

        ProjectionReport report = second.Map.Truncate(first.Map);

        double[] target = first.Map.Dense(), weight = new double[target.Length];
        if (first.Map.ParameterCount > first.Map.TrainedCount)
        {
            weight = first.Map["W"].Values.ToArray();
            Assert.Equal(weight, second.Map["W"].Values);
        }

        double[] part = [.. target.Zip(weight, (all, frozen) => all - frozen)];
        double lost = Numbers.Norm(Matrix<double>.Build.DenseOfRowMajor(9, 7, part).Svd(computeVectors: false).S.Skip(rank));
        Assert.Equal(lost, report.RelativeError * Numbers.Norm(target), 1e-10);
    }

    /// <summary>Kernels in factors, or with an update, merge into one kernel.</summary>
    [Theory]
    [InlineData("one_way_convolution(4, 3, 7, 6, 3, 5)")]
    [InlineData("flora_convolution(4, 3, 7, 6, 3, [3, 2, 2, 2])")]
    public void AConvolution_MergesIntoOneKernel(string formula)
    {
        using CompiledMap<double> factors = new(formula), kernel = new("convolution(4, 3, 7, 6, 3)");
        factors.Map.Randomize(new Random(1));
        Assert.True(kernel.Map.Truncate(factors.Map).RelativeError < 1e-13);
    }

    [Fact]
    public void AMatrixThatNoArrayHolds_IsRefused()
    {
        using CompiledMap<float> large = new("low_rank(65536, 65536, 2)"), small = new("low_rank(65536, 65536, 1)");
        large.Map.Randomize(new Random(1));
        string message = Assert.Throws<NotSupportedException>(() => small.Map.Truncate(large.Map)).Message;
        Assert.Equal("The matrix of F (65536 × 65536) would have 4294967296 elements: an array has at most 2147483591.", message);
    }

    [Fact]
    public void WhatCannotBeTruncated_IsRefused()
    {
        using CompiledMap<double> large = new("hra(5, 7, 4)"), small = new("hra(5, 7, 2)"), other = new("dense(7, 5)");
        small.Map.Randomize(new Random(1));
        double[] before = small.Map.Parameters.ToArray();
        Assert.Throws<NotSupportedException>(() => small.Map.Truncate(large.Map));
        Assert.Throws<ArgumentException>(() => small.Map.Truncate(other.Map));
        Assert.Equal(before, small.Map.Parameters);
    }

    [Fact]
    public void LowRank_LosesTheSmallSingularValues()
    {
        using var compiled = new CompiledMap<double>("low_rank(5, 4, 2)");
        double[] singular = [7, 5, 3, 0.5];
        double[] matrix = new double[20];
        for (int k = 0; k < 4; k++)
        {
            matrix[(((k + 1) % 5) * 4) + k] = singular[k];
        }

        ProjectionReport report = compiled.Map.Project<double>(matrix);

        Assert.Equal(Math.Sqrt(9 + 0.25), report.RelativeError * Numbers.Norm(singular), 1e-12);
    }

    [Theory]
    [InlineData(-60)]
    [InlineData(60)]
    public void LowRank_OfSmallAndLargeNumbers_IsAsClose(int exponent)
    {
        using var compiled = new CompiledMap<double>("low_rank(5, 4, 2)");
        double[] matrix = Numbers.Normal(new Random(1), 20), scaled = [.. matrix.Select(value => Math.ScaleB(value, exponent))];
        Assert.Equal(compiled.Map.Project<double>(matrix).RelativeError, compiled.Map.Project<double>(scaled).RelativeError, 1e-12);
    }

    /// <summary>Few singular vectors of a large matrix are found in a Krylov space, if they can be: none keep more than those of the whole decomposition.</summary>
    [Theory]
    [InlineData(150, 190, 1)]
    [InlineData(190, 150, 3)]
    [InlineData(160, 160, 7)]
    public void LeadingSingularVectors_OfLargeMatrices_AreThoseOfAll(int rows, int columns, int rank)
    {
        using var compiled = new CompiledMap<double>(string.Create(CultureInfo.InvariantCulture, $"low_rank({rows}, {columns}, {rank})"));
        LinearMap<double> map = compiled.Map;
        var random = new Random(rank);
        map.Randomize(random);
        double[] own = map.Dense(), noise = Numbers.Normal(random, own.Length);
        double[][] matrices =
        [
            noise,
            [.. own.Zip(noise, (value, other) => value + (0.05 * other))],
            [.. own.Zip(noise, (value, other) => value + (1e-6 * other))],
            [.. noise.Select((_, at) => 1.0 / (1 + Math.Abs((at / columns) - (at % columns))))],
            [.. noise.Select((_, at) => at / columns == at % columns ? 1.0 : 0.0)],
            [.. noise.Select((_, at) => at / columns == at % columns && at % columns < 20 ? 3.0 : 0.0)],
        ];
        foreach (double[] matrix in matrices)
        {
            double[] singular = [.. Matrix<double>.Build.DenseOfRowMajor(rows, columns, matrix).Svd(computeVectors: false).S];
            ProjectionReport report = map.Project<double>(matrix);
            Assert.True(report.IsOptimal);
            Assert.Equal(Numbers.Norm(singular.Skip(rank)) / Numbers.Norm(singular), report.RelativeError, 1e-11);
        }

        Assert.True(map.Project<double>(own).RelativeError < 1e-13);
        Assert.Equal(0, map.Project<double>(new double[own.Length]).RelativeError);
    }

    [Fact]
    public void AToeplitzMatrix_TakesTheMeansOfTheDiagonals()
    {
        using var compiled = new CompiledMap<double>(Toeplitz);
        compiled.Map.Project<double>([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        Assert.Equal([3.0, 4.0, 5.0, 8.0, 9.0, 10.0], compiled.Map["t"].Values.ToArray(), (left, right) => Math.Abs(left - right) < 1e-12);
    }

    [Theory]
    [InlineData("blast(12, 10, 3, 2, 2)", "no factor of it can be split off")]
    [InlineData("cp([4, 3], [3, 5], 2)", "no factor of it can be split off")]
    [InlineData("householder(6, 2)", "depends on trained parameters through a function")]
    [InlineData("vera(6, 8, 2)", "no factor of it can be split off")]
    [InlineData("eye(4)", "it has no trained parameters")]
    [InlineData("operator f : 4 -> 4\n  param A[4, 4]\n  let B = stop_gradient(A)\n  = B + A", "stop_gradient(A) depends on trained parameters through a function")]
    [InlineData("operator f : 4 -> 4\n  param A[4, 4]\n  = A * A'", "a trained tensor stands in a product with itself: A")]
    [InlineData("low_rank(6, 8, 2) * lora(8, 6, 2)", "share elements or parameters with other terms")]
    [InlineData("low_rank(6, 6, 2) + diagonal(6)", "share elements or parameters with other terms")]
    public void WithoutAClosedForm_TheReasonIsGiven(string formula, string reason)
    {
        using var compiled = new CompiledMap<double>(formula);
        LinearMap<double> map = compiled.Map;
        map.Initialize(1);
        double[] before = map.Parameters.ToArray();

        Assert.False(map.HasProjection(out string? obstacle));
        Assert.Contains(reason, obstacle, StringComparison.Ordinal);
        NotSupportedException exception = Assert.Throws<NotSupportedException>(() => map.Project<double>(new double[map.Outputs * map.Inputs]));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, map.Parameters);
    }

    [Fact]
    public void WrongMatrices_AreRefused()
    {
        using var compiled = new CompiledMap<double>("lora(3, 4, 1)");
        LinearMap<double> map = compiled.Map;
        map.Initialize(1);
        double[] before = map.Parameters.ToArray();

        Assert.Throws<ArgumentException>(() => map.Project<double>(new double[11]));
        Assert.Throws<ArgumentException>(() => map.Project<double>([1, 2, 3, 4, 5, double.NaN, 7, 8, 9, 10, 11, 12]));
        Assert.Equal(before, map.Parameters);
        map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => map.Project<double>(new double[12]));
    }

    private static void MeetExactly<T>(LinearMap<T> map, string formula, Random random, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        map.Randomize(random);
        T[] matrix = map.Dense();
        map.SetTrained([.. Numbers.Normal(random, map.TrainedCount).Select(T.CreateChecked)]);
        ProjectionReport report = map.Project<T>(matrix);
        Assert.True(report.RelativeError < tolerance, $"{formula}: {report}");
    }

    private static void Each<T>(Scalar scalar, Action<LinearMap<T>, string, Random> check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Each<T>((scalar == Scalar.Float ? InFloat : InDouble).Value, Modules, (map, formula, random) =>
        {
            Assert.True(map.HasProjection(out string? obstacle), $"{formula}: {obstacle}");
            check(map, formula, random);
        });

    private static void Each<T>(WeftAssembly all, (Module Module, string Formula)[] modules, Action<LinearMap<T>, string, Random> check)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < modules.Length; i++)
        {
            using Map<T> map = all.Create<T>(modules[i].Module.Name);
            check(Assert.IsAssignableFrom<LinearMap<T>>(map), modules[i].Formula, new Random(i));
        }
    }

    private static WeftAssembly Compiled(Scalar scalar) => WeftAssembly.Compile(Modules.Select(pair => (pair.Module, new GenerateOptions(pair.Module.Name, Scalar: scalar))));

    private static double Distance(LinearMap<double> map, double[] matrix) =>
        Numbers.Norm(map.Dense().Zip(matrix, (left, right) => left - right));
}
