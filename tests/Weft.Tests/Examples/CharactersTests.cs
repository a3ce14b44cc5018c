using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Weft.Examples.Characters;

namespace Weft.Tests.Examples;

/// <summary>The example that learns to tell tales, by its command line.</summary>
public sealed class CharactersTests : IDisposable
{
    private static readonly string[] Models = ["Dense transformer", "Monarch transformer", "Low-rank transformer", "Recurrent"];

    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    [Fact]
    public void EveryModelLearns()
    {
        string picture = Path.Combine(_folder, "picture.svg");
        (int exitCode, string output, string error) = Run("--quick", "--svg", picture);

        Assert.Equal((0, ""), (exitCode, error));
        double least = Number(output, @"have ([\d.]+) bits per character");
        Assert.All(Models, model =>
        {
            // At the start each of the 31 characters is as probable as any other; no model knows more than the source.
            Assert.InRange(Number(output, $@"{model} +[\d,]+ +[\d,]+ +([\d.]+)"), least, 3.5);
            Assert.Contains($"{model}: ", output, StringComparison.Ordinal);
        });

        XNamespace svg = "http://www.w3.org/2000/svg";
        XElement root = XDocument.Load(picture).Root!;
        Assert.All(root.Elements(svg + "polyline"), curve => Assert.Equal(25, ((string)curve.Attribute("points")!).Split(' ').Length));
        Assert.All(Models, model => Assert.Single(root.Elements(svg + "text"), text => text.Value == model));
    }

    /// <summary>Code lengths are those of the grammar: as the text goes on from a beginning, its next characters' shares are 2 to the power of minus their bits.</summary>
    [Fact]
    public void BitsAreThoseOfTheNextCharacter()
    {
        var tales = new Tales(1);
        const int Count = 5000;
        (string Text, double[] Bits)[] drawn = [.. Enumerable.Range(0, Count).Select(_ => tales.Next(24))];
        foreach ((string text, double[] bits) in drawn.Take(5))
        {
            for (int i = 0; i < 6; i++)
            {
                (string, double[])[] same = [.. drawn.Where(other => other.Text.StartsWith(text[..i], StringComparison.Ordinal))];
                double share = same.Count(other => other.Item1[i] == text[i]) / (double)same.Length, expected = Math.Pow(2, -bits[i]);
                Assert.Equal(expected, share, 5 * Math.Sqrt(((expected * (1 - expected)) + (1.0 / same.Length)) / same.Length));
            }
        }
    }

    [Theory]
    [InlineData("--steps: a number from 1", "--steps", "0")]
    [InlineData("--svg: a file in a folder that exists", "--svg", "nowhere/picture.svg")]
    public void AWrongCommandLine_IsRefused(string message, params string[] arguments)
    {
        (int exitCode, _, string error) = Run(arguments);

        Assert.Equal(1, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static double Number(string output, string pattern)
    {
        Match match = Regex.Match(output, pattern);
        Assert.True(match.Success, output);
        return double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int exitCode = Cli.Run(arguments, output, error);
        return (exitCode, output.ToString(), error.ToString());
    }
}
