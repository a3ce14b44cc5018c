using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Weft.Examples.Adapters;

namespace Weft.Tests.Examples;

/// <summary>The example that adapts a network, by its command line.</summary>
public sealed class AdaptersTests : IDisposable
{
    private static readonly string[] Adapters = ["LoRA", "VeRA", "VB-LoRA", "HRA"];

    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    [Fact]
    public void DrawnDigits_AreLearnedByEveryAdapter() => CheckAccuracy(95, "--quick");

    [DataFact]
    public void HandwrittenDigits_AreLearnedByEveryAdapter() => CheckAccuracy(80, "--epochs", "3", "--data", DataFactAttribute.Folder);

    [Fact]
    public void AMissingFile_IsNamed()
    {
        (int exitCode, string output, string error) = Run("--data", _folder);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("adapters: The folder", error, StringComparison.Ordinal);
    }

    [Fact]
    public void AWrongNumber_IsRefused()
    {
        (int exitCode, _, string error) = Run("--epochs", "none");

        Assert.Equal(1, exitCode);
        Assert.Contains("--epochs: a number from 1", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void CheckAccuracy(double least, params string[] arguments)
    {
        string picture = Path.Combine(_folder, "picture.svg");
        (int exitCode, string output, string error) = Run([.. arguments, "--svg", picture]);

        Assert.Equal((0, ""), (exitCode, error));
        double before = Row(output, "none").Accuracy;
        Assert.InRange(before, 0, 50);
        Assert.All(Adapters, adapter => Assert.InRange(Row(output, adapter).Accuracy, Math.Max(before + 30, least - 20), 100));
        Assert.InRange(Row(output, "LoRA").Accuracy, least, 100);

        Assert.All(Adapters, adapter => Assert.Single(XDocument.Load(picture).Root!.Elements(), text => text.Value == adapter));

        // r (m + n) of each layer; m + r; the bank, and one of its vectors' logits for each piece; r n. Of a piece two bytes and a weight are stored.
        int pieces = 4 * (784 + 256) / 16 + 4 * (256 + 256) / 16;
        CheckSize(output, "LoRA", new LoraNetwork(), 4 * (256 + 784) + 4 * (256 + 256), 4 * 6208);
        CheckSize(output, "VeRA", new VeraNetwork(), 2 * (256 + 64), 4 * 640);
        CheckSize(output, "VB-LoRA", new VectorBankNetwork(), 48 * 16 + 48 * pieces, 4 * 48 * 16 + 6 * pieces);
        CheckSize(output, "HRA", new ReflectionNetwork(), 4 * (784 + 256), 4 * 4160);
    }

    /// <summary>The bytes are those of the file, whose numbers take up the given ones.</summary>
    private static void CheckSize(string output, string adapter, Map<float> map, int trained, long numbers)
    {
        using (map)
        {
            map.Initialize(1);
            using var file = new MemoryStream();
            map.Save(file, StoredParameters.Compact);
            file.Position = 0;
            Assert.Equal(numbers, TensorFile.Open(file).Tensors.Values.Sum(tensor => tensor.Bytes));
            (int Trained, long Bytes, double) row = Row(output, adapter);
            Assert.Equal((trained, file.Length), (row.Trained, row.Bytes));
        }
    }

    private static (int Trained, long Bytes, double Accuracy) Row(string output, string adapter)
    {
        Match row = Regex.Match(output, $@"{adapter} +\S +([\d,]+) +\S +([\d,]+) +\S +([\d.]+) %");
        Assert.True(row.Success, output);
        return (
            int.Parse(row.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture),
            long.Parse(row.Groups[2].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture),
            double.Parse(row.Groups[3].Value, CultureInfo.InvariantCulture));
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int exitCode = Cli.Run(arguments, output, error);
        return (exitCode, output.ToString(), error.ToString());
    }
}
