using Weft.Compiler;
using Weft.Compiler.Oracle;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>What the operators of the standard library are, beyond their formulas.</summary>
public class LibraryIdentitiesTests
{
    [Theory]
    [InlineData(3, 5)]
    [InlineData(4, 4)]
    [InlineData(1, 6)]
    public void TheFastFourierTransformIsTheDirectOne(int a, int b) =>
        AssertClose(Dense($"dft({a * b})"), Dense($"fft({a}, {b})"));

    [Theory]
    [InlineData("dct(7)", 1)]
    [InlineData("walsh_hadamard(8)", 1)]
    [InlineData("dft(6)", 6)]
    [InlineData("householder(7, 3)", 1)]
    [InlineData("oft(7, 7, 1)", 1)]
    public void OrthogonalOnesTimesTheirAdjointAreTheIdentity(string formula, double square)
    {
        double[,] q = Dense(formula, identity: "W");
        AssertClose(Scaled(Identity(q.GetLength(0)), square), Multiply(q, Transpose(q)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public void TheSimplexHasUnitVectorsAtEqualAngles(int n)
    {
        double[,] w = Dense($"simplex({n})"), gram = Multiply(w, Transpose(w));
        for (int i = 0; i <= n; i++)
        {
            for (int j = 0; j <= n; j++)
            {
                Assert.Equal(i == j ? 1 : -1.0 / n, gram[i, j], 1e-14);
            }
        }
    }

    [Fact]
    public void ACirculantMatrixIsDiagonalInTheFourierBasis()
    {
        // F C F* on complex vectors, C twice on the diagonal: all that is not on the diagonal of a 2 × 2 grid of blocks is zero.
        double[,] f = Dense("dft(5)"), c = Dense("circulant(5)"), both = new double[10, 10];
        for (int i = 0; i < 25; i++)
        {
            both[i / 5, i % 5] = both[5 + (i / 5), 5 + (i % 5)] = c[i / 5, i % 5];
        }

        double[,] spectrum = Multiply(Multiply(f, both), Transpose(f));
        for (int i = 0; i < 10; i++)
        {
            for (int j = 0; j < 10; j++)
            {
                Assert.True(i % 5 == j % 5 || Math.Abs(spectrum[i, j]) < 1e-13);
            }
        }
    }

    [Theory]
    [InlineData("circulant(15)")]
    [InlineData("circulant(16)")]
    [InlineData("circulant(7)")]
    [InlineData("skew_circulant(11)")]
    [InlineData("toeplitz(5, 9)")]
    [InlineData("toeplitz(9, 4)")]
    [InlineData("toeplitz(1, 1)")]
    [InlineData("hankel(1, 1)")]
    [InlineData("hankel(5, 9)")]
    [InlineData("hankel(9, 4)")]
    [InlineData("symmetric_toeplitz(8)")]
    public void SpectralMatricesAreTheSameByTransforms(string formula)
    {
        Module module = TestModules.Formula(formula);
        var interpreter = new Interpreter(module, Numbers.Values(module, new Random(1)));
        Operator[] ways = [.. ((Alternatives)((LinearLink)module.Links[0]).Operator).Operands];
        Assert.Equal(3, ways.Length);
        Assert.All(ways, way => AssertClose(interpreter.Dense(ways[0]), interpreter.Dense(way)));
    }

    [Fact]
    public void BrauerDiagramsCommuteWithRotationsOfBothAxes()
    {
        double[,] q = Dense("oft(3, 3, 1)", identity: "W"), both = Kronecker(q, q), map = Dense("brauer(3)");
        AssertClose(Multiply(both, map), Multiply(map, both));
    }

    [Fact]
    public void PartitionDiagramsCommuteWithPermutationsOfBothAxes()
    {
        double[,] p = Dense("permute([2, 0, 3, 1])"), both = Kronecker(p, p), map = Dense("partition(4)");
        AssertClose(Multiply(both, map), Multiply(map, both));

        // All 15 are independent: each alone gives a different map.
        Assert.Equal(15, Enumerable.Range(0, 15).Select(k => string.Join(' ', Numbers.Flat(Dense("partition(4)", parameter => parameter.Name == "c" ? k : -1)))).Distinct().Count());
    }

    [Fact]
    public void BlastOfOnesIsOfLowRank()
    {
        Module module = TestModules.Formula("blast(6, 8, 2, 4, 3)");
        Dictionary<string, double[]> values = Start(module);
        Array.Fill(values["S"], 1);
        double[,] blast = new Interpreter(module, values).Dense(), product = new double[6, 8];
        for (int i = 0; i < 6; i++)
        {
            for (int j = 0; j < 8; j++)
            {
                // U[p, a, r] is the matrix B of low_rank, V[q, c, r] its Aᵀ.
                product[i, j] = Enumerable.Range(0, 3).Sum(r => values["U"][(i * 3) + r] * values["V"][(j * 3) + r]);
            }
        }

        AssertClose(product, blast);
    }

    /// <summary>Before it is trained, an adapter is the matrix that it adapts.</summary>
    [Theory]
    [InlineData("lora(5, 7, 3)")]
    [InlineData("lora_frozen_a(5, 7, 3)")]
    [InlineData("fedsa_lora(5, 7, 3)")]
    [InlineData("moslora(5, 7, 3)")]
    [InlineData("lotr(5, 7, 3)")]
    [InlineData("vera(5, 7, 3)")]
    [InlineData("hra(5, 7, 4)")]
    [InlineData("oft(5, 21, 3)")]
    [InlineData("sora(5, 7, 3)")]
    [InlineData("nora(5, 7, 3, 2)")]
    [InlineData("flora(5, 7, 3, 2)")]
    [InlineData("eigen_lora_x(5, 7, 3, 4)")]
    [InlineData("lora_lego(5, 7, 3)")]
    [InlineData("partly_learnable(5, 7, 3, 2)")]
    [InlineData("fuse_gpt(5, 7, 3)")]
    [InlineData("nola(5, 7, 3, 4)")]
    [InlineData("c_poly(6, 10, 3, 4, 2)")]
    [InlineData("atlas(5, 7, 3)")]
    [InlineData("rosa(5, 7, 3, 6)")]
    [InlineData("sara(5, 7, 6)")]
    [InlineData("surm_circulant(7)")]
    [InlineData("surm_toeplitz(7)")]
    [InlineData("surm_displacement(7, 3)")]
    [InlineData("surm_kronecker([3, 5], [7, 2])")]
    public void AdaptersStartAsWhatTheyAdapt(string formula)
    {
        Module module = TestModules.Formula(formula);
        Dictionary<string, double[]> values = Start(module);
        double[,] matrix = new Interpreter(module, values).Dense();
        Numbers.AssertClose(values["W"], Numbers.Flat(matrix), 1e-14, formula);
    }

    /// <summary>A matrix of rank one at the places that masks and ranks leave.</summary>
    [Fact]
    public void RanksAndWidthsCount()
    {
        double[,] whole = Dense("ordered_low_rank(5, 7, 3)"), none = Dense("ordered_low_rank(5, 7, 3)", parameter => parameter.Name == "rank" ? -2 : -1);
        Assert.Contains(Numbers.Flat(whole), value => value != 0);
        Assert.All(Numbers.Flat(none), value => Assert.Equal(0, value));

        // Two of every four along a row.
        double[,] sparse = Dense("n_of_m(5, 12, 2, 4)");
        for (int i = 0; i < 5; i++)
        {
            for (int g = 0; g < 3; g++)
            {
                Assert.Equal(2, Enumerable.Range(4 * g, 4).Count(j => sparse[i, j] != 0));
            }
        }
    }

    private static double[,] Dense(string formula, string identity)
    {
        Module module = TestModules.Formula(formula);
        Dictionary<string, double[]> values = Numbers.Values(module, new Random(3));
        if (values.ContainsKey(identity))
        {
            values[identity] = Numbers.Flat(Identity((int)Math.Sqrt(values[identity].Length)));
        }

        return new Interpreter(module, values).Dense();
    }

    /// <summary>The matrix at the start; of a parameter for which a position is given, one element is 1 and the others are 0, at −2 all are.</summary>
    private static double[,] Dense(string formula, Func<Parameter, int>? only = null)
    {
        Module module = TestModules.Formula(formula);
        Dictionary<string, double[]> values = Start(module);
        foreach (Parameter parameter in module.Parameters.Where(parameter => only is not null && only(parameter) != -1))
        {
            values[parameter.Name] = [.. Enumerable.Range(0, parameter.Length).Select(i => i == only!(parameter) ? 1.0 : 0)];
        }

        return new Interpreter(module, values).Dense();
    }

    /// <summary>Values that begin where the text says.</summary>
    private static Dictionary<string, double[]> Start(Module module)
    {
        Dictionary<string, double[]> values = Numbers.Values(module, new Random(5));
        foreach (Parameter parameter in module.Parameters)
        {
            double[] value = values[parameter.Name];
            for (int i = 0; i < value.Length; i++)
            {
                int length = parameter.Shape.Count == 0 ? 1 : parameter.Shape[parameter.Shape.Count - 1];
                value[i] = parameter.Initializer.Distribution switch
                {
                    Distribution.Zeros => 0,
                    _ when parameter.Initializer is { IsOverFanIn: true, Scale: 0 } => 0,
                    Distribution.Constant => parameter.Initializer.Scale,
                    Distribution.Identity => i / length % parameter.Shape[parameter.Shape.Count - 2] == i % length ? parameter.Initializer.Scale : 0,
                    Distribution.Paired => value[(i / length / 2 * 2 * length) + (i % length)],
                    _ => value[i],
                };
            }
        }

        return values;
    }

    private static void AssertClose(double[,] expected, double[,] actual) => Numbers.AssertClose(Numbers.Flat(expected), Numbers.Flat(actual), 1e-13, "matrix");

    private static double[,] Identity(int size) => Make(size, size, (i, j) => i == j ? 1 : 0);

    private static double[,] Scaled(double[,] a, double factor) => Make(a.GetLength(0), a.GetLength(1), (i, j) => factor * a[i, j]);

    private static double[,] Transpose(double[,] a) => Make(a.GetLength(1), a.GetLength(0), (i, j) => a[j, i]);

    private static double[,] Multiply(double[,] a, double[,] b) =>
        Make(a.GetLength(0), b.GetLength(1), (i, j) => Enumerable.Range(0, a.GetLength(1)).Sum(k => a[i, k] * b[k, j]));

    private static double[,] Kronecker(double[,] a, double[,] b) => Make(
        a.GetLength(0) * b.GetLength(0),
        a.GetLength(1) * b.GetLength(1),
        (i, j) => a[i / b.GetLength(0), j / b.GetLength(1)] * b[i % b.GetLength(0), j % b.GetLength(1)]);

    private static double[,] Make(int rows, int columns, Func<int, int, double> entry)
    {
        double[,] matrix = new double[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                matrix[i, j] = entry(i, j);
            }
        }

        return matrix;
    }
}
