using System.Xml.Linq;
using MathNet.Numerics.LinearAlgebra;
using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Examples.GaussianProcess;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Examples;

/// <summary>The example that finds what is behind the holes of a grid: its numbers against a dense Cholesky factor, and its command line.</summary>
public sealed class GaussianProcessTests : IDisposable
{
    /// <summary>Responses of cells to ligands at several times and doses, from 0 to 1.</summary>
    private const string Tensor = "../il2_response_tensor.npy";

    private static readonly int[] Shape = [5, 4, 3];

    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    private readonly Field _field = Field.OfWaves(Shape, seed: 3).HoldingBack(0.2, seed: 4);

    private double[] Values => [.. _field.Values.Select(value => double.IsNaN(value) ? 0 : value)];

    private bool[] Known => [.. _field.Values.Select(value => !double.IsNaN(value))];

    [Fact]
    public void SolutionsAndVariancesAreThoseOfADenseFactor()
    {
        using var process = new GridProcess(Shape, Known, tolerance: 1e-13);
        process.Fit(Values, new AdamW<double>(0.1, weightDecay: 0), steps: 3, _ => { });
        Matrix<double> measured = Dense(process);
        int[] known = [.. Enumerable.Range(0, Known.Length).Where(i => Known[i])];
        Matrix<double> covariance = measured - (process.Noise * Matrix<double>.Build.DenseIdentity(measured.RowCount));
        Vector<double> solved = measured.Cholesky().Solve(Vector<double>.Build.Dense(Values));
        Numbers.AssertClose([.. solved], process.Solve(Values), 1e-8, "A⁻¹ y");

        // Where something was measured, the covariance of the field is what A has beside the noise.
        double[] expected = process.Expect(Values), deviations = process.Deviations(known);
        Vector<double> field = covariance * solved;
        Numbers.AssertClose([.. known.Select(i => field[i])], [.. known.Select(i => expected[i])], 1e-8, "expected values");
        Numbers.AssertClose(
            [.. known.Select(i => Math.Sqrt(covariance[i, i] - (covariance.Row(i) * measured.Cholesky().Solve(covariance.Column(i)))))], deviations, 1e-6, "deviations");
    }

    [Fact]
    public void TheLikelihoodIsThatOfADenseFactorAndRises()
    {
        using var process = new GridProcess(Shape, Known, tolerance: 1e-12);
        (double before, double error) = process.MinusLogLikelihood(Values);
        Matrix<double> measured = Dense(process);
        int count = Known.Count(isKnown => isKnown), rest = Known.Length - count;
        Vector<double> y = Vector<double>.Build.Dense(Values);
        double exact = (((y * measured.Cholesky().Solve(y)) + measured.Cholesky().DeterminantLn - (rest * Math.Log(process.Noise))) / 2 / count) + (Math.Log(2 * Math.PI) / 2);
        Assert.Equal(exact, before, (5 * error) + 1e-9);

        process.Fit(Values, new AdamW<double>(0.1, weightDecay: 0), steps: 8, _ => { });
        Assert.InRange(process.MinusLogLikelihood(Values).Value, double.NegativeInfinity, before - 0.05);
    }

    /// <summary>What the language gives for a grid without holes, by the eigenvectors of its axes, is what a dense factor gives.</summary>
    [Fact]
    public void WithoutHolesTheDeterminantAndTheSolutionAreExact()
    {
        string text = new StreamReader(typeof(GridProcess).Assembly.GetManifestResourceStream("field.weft")!).ReadToEnd();
        double[,] Of(string formula)
        {
            Module module = TestModules.Last($"{text}\noperator f : 60 -> 60\n  let C = field([5, 4, 3]) + noise(60)\n  = {formula}");
            return new Interpreter(module, Numbers.Values(module, new Random(5))).Dense();
        }

        Matrix<double> covariance = Matrix<double>.Build.DenseOfArray(Of("C"));
        Numbers.AssertClose(covariance.Inverse().ToRowMajorArray(), Numbers.Flat(Of("inverse(C)")), 1e-8, "the inverse");
        Assert.Equal(covariance.Cholesky().DeterminantLn, Of("logdet(C) * eye(60)")[0, 0], 1e-8);
    }

    [Fact]
    public void TheHolesOfAnInventedFieldAreFound()
    {
        string picture = Path.Combine(_folder, "picture.svg");
        (int exitCode, string output, string error) = Run("--quick", "--svg", picture);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"Behind the [\d,]+ holes the error is 0\.[0-4]", output);
        XNamespace svg = "http://www.w3.org/2000/svg";
        XElement root = XDocument.Load(picture).Root!;
        Assert.Single(root.Elements(svg + "polygon"));
        Assert.Equal(16, root.Elements(svg + "circle").Count());
    }

    [DataFact(Tensor)]
    public void TheHolesOfARealTensorAreFound()
    {
        (int exitCode, string output, string error) = Run("--data", Path.Combine(DataFactAttribute.Folder, Tensor), "--steps", "10", "--svg", Path.Combine(_folder, "real.svg"));
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"Behind the [\d,]+ holes the error is 0\.0", output);
    }

    [Theory]
    [InlineData("--grid: extents of 2 and more", "--grid", "4x1")]
    [InlineData("--steps: a number from 1", "--steps", "0")]
    public void AWrongCommandLine_IsRefused(string message, params string[] arguments)
    {
        (int exitCode, _, string error) = Run(arguments);
        Assert.Equal(1, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatIsNoArray_IsRefused()
    {
        string path = Path.Combine(_folder, "grid.npy");
        File.WriteAllText(path, "not an array");
        (int exitCode, _, string error) = Run("--data", path);
        Assert.Equal((1, $"gaussian-process: it is not a .npy file, which numpy.save writes{Environment.NewLine}"), (exitCode, error));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Matrix<double> Dense(GridProcess process)
    {
        double[] entries = new double[process.Measured.Inputs * process.Measured.Inputs];
        process.Measured.ToDense(entries);
        return Matrix<double>.Build.Dense(process.Measured.Inputs, process.Measured.Inputs, entries);
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        int exitCode = Cli.Run(arguments, output, error);
        return (exitCode, output.ToString(), error.ToString());
    }
}
