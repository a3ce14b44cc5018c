extern alias edge;
extern alias filters;
extern alias research;

using System.Globalization;
using System.Xml.Linq;

namespace Weft.Tests.Examples;

/// <summary>The small examples, by their command lines: what they print is what is known of it.</summary>
public sealed class SampleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    private string Picture => Path.Combine(_folder, "picture.svg");

    [Fact]
    public void Edge_TheCompressedLayerRecognizesAsWell()
    {
        string output = Run("edge", edge::Weft.Examples.Edge.Recognition.Run);

        double[] dense = Row(output, "Dense"), monarch = Row(output, "Monarch");
        Assert.Equal((38021, 6533), (dense[0], monarch[0])); // 192² or 192 · (16 + 12), a bias of 192, 5 · 193
        Assert.InRange(monarch[1] / dense[1], 0, 0.2);
        Assert.InRange(dense[2], 90, 100);
        Assert.InRange(monarch[2], 85, 100);
        Assert.Equal(3, XDocument.Load(Picture).Root!.Elements().Count(element => element.Name.LocalName == "circle"));
    }

    [Fact]
    public void Filters_NoneIsBetterThanWieners()
    {
        string output = Run("filters", filters::Weft.Examples.Filters.Denoising.Run);

        double least = Row(output, "No linear filter leaves less than")[0];
        double[] circulant = Row(output, "Circulant"), cosine = Row(output, "Cosine gains"), hadamard = Row(output, "Hadamard gains"), dense = Row(output, "Dense");
        Assert.InRange(circulant[2], least, 1.05 * least);
        Assert.InRange(cosine[2], circulant[2], 1.1 * least);
        Assert.InRange(hadamard[2], cosine[2], dense[2]); // of 4,096 numbers the samples tell little
    }

    [Fact]
    public void Research_EachStructureHasItsMatrices()
    {
        string output = Run("research", research::Weft.Examples.Research.Comparison.Run);

        double[] heat = Row(output, "Heat in a rod"), echo = Row(output, "A delay and an echo"), hadamard = Row(output, "Walsh-Hadamard");
        Assert.InRange(heat[0], 0, 0.1);
        Assert.Equal(echo.Min(), echo[3]);
        Assert.Equal(Math.Sqrt(1 - (8 / 64.0)), hadamard[1], 0.01); // no matrix of rank 8 is nearer; printed to two digits
        Assert.InRange(hadamard[2], 0, 1e-12);
    }

    [Fact]
    public void AFolderThatIsNotThere_IsNamed()
    {
        var error = new StringWriter();
        int exitCode = edge::Weft.Examples.SampleCommand.Run("edge", "", (_, _) => "", ["--svg", Path.Combine(_folder, "nowhere", "picture.svg")], TextWriter.Null, error);

        Assert.Equal(1, exitCode);
        Assert.Contains("edge: ", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("nowhere", error.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Run(string name, Func<TextWriter, bool, string> run)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int exitCode = edge::Weft.Examples.SampleCommand.Run(name, "", run, ["--quick", "--svg", Picture], output, error);
        Assert.Equal((0, ""), (exitCode, error.ToString()));
        return output.ToString();
    }

    /// <summary>The numbers of the line that begins with a text.</summary>
    private static double[] Row(string output, string name)
    {
        string line = Assert.Single(output.Split('\n'), line => line.StartsWith(name, StringComparison.Ordinal));
        return [.. line[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => double.TryParse(word.TrimEnd('%'), NumberStyles.Any, CultureInfo.InvariantCulture, out double number) ? number : double.NaN)
            .Where(double.IsFinite)];
    }
}
