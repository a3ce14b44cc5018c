using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Weft.Examples.Digits;

namespace Weft.Tests.Examples;

/// <summary>The main example, by its command line.</summary>
public sealed class DigitsTests : IDisposable
{
    private static readonly string[] Structures = ["Dense", "Low rank", "Monarch", "Kronecker", "Tensor train", "BLAST"];

    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    private string Picture => Path.Combine(_folder, "picture.svg");

    [Fact]
    public void KnownMaps_AreLearnedByTheStructuresThatContainThem()
    {
        (int exitCode, string output, string error) = Run("--quick", "--svg", Picture);

        Assert.Equal((0, ""), (exitCode, error));
        string[] tables = output.Split("Heat equation   ");
        Dictionary<string, double> walshHadamard = Scores(tables[0]), heat = Scores(tables[^1]);
        Assert.InRange(walshHadamard["Low rank"], Math.Sqrt(1 - 32.0 / 1024) - 0.001, 1); // no matrix of rank 32 is nearer; printed to three digits
        Assert.InRange(walshHadamard["Kronecker"], 0, 1e-4);
        Assert.InRange(walshHadamard["Monarch"], 0, 1e-4);
        Assert.InRange(heat["Kronecker"], 0, 1e-2);
        Assert.InRange(heat["Tensor train"], 0, 1e-3);
        CheckPicture(panels: 2);
    }

    [OpenCl.OpenClFact]
    public void ADevice_LearnsTheSame()
    {
        (int exitCode, string output, string error) = Run("--steps", "3", "--device", "gpu", "--svg", Picture);
        (_, string expected, _) = Run("--steps", "3", "--svg", Picture);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("Training on ", output, StringComparison.Ordinal);
        Dictionary<string, double> scores = Scores(expected);
        Assert.All(Scores(output), score => Assert.Equal(scores[score.Key], score.Value, 0.03));
    }

    [DataFact]
    public void Digits_AreLearnedByEveryStructure()
    {
        (int exitCode, string output, string error) = Run("--quick", "--data", DataFactAttribute.Folder, "--svg", Picture);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("8,000 images to train, 2,000 to test", output, StringComparison.Ordinal);
        Assert.All(Scores(output).Values, accuracy => Assert.InRange(accuracy, 80, 100));
        CheckPicture(panels: 1);
    }

    [Fact]
    public void AMissingFile_IsNamed()
    {
        (int exitCode, string output, string error) = Run("--data", _folder, "--svg", Picture);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz", error, StringComparison.Ordinal);
    }

    [Fact]
    public void ADamagedFile_IsNamed()
    {
        // Two images by the header, but the pixels of one.
        byte[] damaged = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28, .. new byte[784]];
        File.WriteAllBytes(Path.Combine(_folder, "t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 2, 3, 4]);
        string plain = Path.Combine(_folder, "t10k-images-idx3-ubyte"), compressed = plain + ".gz";

        File.WriteAllBytes(plain, damaged);
        AssertRefused(plain);
        File.Delete(plain);
        using (var stream = new GZipStream(File.Create(compressed), CompressionLevel.Fastest))
        {
            stream.Write(damaged);
        }

        AssertRefused(compressed);

        void AssertRefused(string path)
        {
            (int exitCode, _, string error) = Run("--data", _folder, "--svg", Picture);
            Assert.Equal(1, exitCode);
            Assert.Contains($"{path} is not an IDX file of bytes with 3 axes", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--steps: a number from 1", "--steps", "none")]
    [InlineData("--steps: a number from 1", "--steps", "0")]
    [InlineData("--epochs is for --data", "--epochs", "1")]
    [InlineData("--steps is for the known maps", "--data", ".", "--steps", "1")]
    [InlineData("--svg: a file in a folder that exists", "--svg", "")]
    [InlineData("--svg: a file in a folder that exists", "--svg", "nowhere/picture.svg")]
    public void AWrongCommandLine_IsRefused(string message, params string[] arguments)
    {
        (int exitCode, _, string error) = Run(arguments);

        Assert.Equal(1, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int exitCode = Cli.Run(arguments, output, error);
        return (exitCode, output.ToString(), error.ToString());
    }

    /// <summary>The fourth column of a table.</summary>
    private static Dictionary<string, double> Scores(string table) => Structures.ToDictionary(structure => structure, structure => double.Parse(
        Regex.Match(table, $@"^ *{structure} +[\d,]+ +[\d,]+ +([\d.E-]+)", RegexOptions.Multiline).Groups[1].Value,
        CultureInfo.InvariantCulture));

    private void CheckPicture(int panels)
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        XElement picture = XDocument.Load(Picture).Root!;
        Assert.Equal(svg + "svg", picture.Name);
        Assert.Equal(panels * Structures.Length, picture.Elements(svg + "circle").Count());
        foreach (string structure in Structures)
        {
            Assert.Equal(panels, picture.Elements(svg + "text").Count(text => text.Value == structure));
        }
    }
}
