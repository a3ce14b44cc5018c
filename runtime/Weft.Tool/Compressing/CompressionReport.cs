using System.Globalization;
using Spectre.Console;
using Weft.Onnx;
using Weft.Reports;

namespace Weft.Tool.Compressing;

/// <summary>What became of a model, as tables and sentences.</summary>
/// <param name="model">What became of it.</param>
/// <param name="name">What it is called.</param>
/// <param name="budget">The share of the layers' bytes that was allowed.</param>
internal sealed class CompressionReport(CompressedModel model, string name, double budget)
{
    public CompressedModel Model => model;

    public string Name => name;

    /// <summary>The heads of <see cref="Rows"/>.</summary>
    public static IReadOnlyList<string> Heads { get; } = ["Layer", "Matrix", "Structure", "Bytes before", "after", "Error", "Of the outputs"];

    /// <summary>A line for each layer.</summary>
    public IEnumerable<string[]> Rows => model.Layers.Select(layer => new[]
    {
        layer.Fitted.Layer.Weight,
        Text($"{layer.Fitted.Layer.Outputs} × {layer.Fitted.Layer.Inputs}"),
        layer.Chosen?.Formula ?? "dense, as it was",
        Text($"{layer.Fitted.Layer.Bytes:N0}"),
        Text($"{layer.Bytes:N0}"),
        layer.Chosen is null ? "0" : Percent(layer.Chosen.Error),
        layer.Chosen is null ? "0" : Percent(layer.Predicted),
    });

    /// <summary>What came of it, a sentence each.</summary>
    public IEnumerable<string> Facts
    {
        get
        {
            yield return Text($"The {model.Layers.Count} large weights took {model.LayerBytesBefore:N0} bytes and take {model.LayerBytesAfter:N0}, {(double)model.LayerBytesAfter / model.LayerBytesBefore:P1}; {budget:P0} were allowed. The whole model took {model.BytesBefore:N0} and takes {model.After.Length:N0}.");
            yield return Text($"A run took {Milliseconds(model.SecondsBefore)} and takes {Milliseconds(model.SecondsAfter)} in ONNX Runtime, on one thread of this computer, for {Shapes(model.Compared)}.");
            foreach (OutputError output in model.Outputs)
            {
                yield return Text($"Output '{output.Name}': relative error {Percent(output.Error)}; in {output.Agreement:P2} of {output.Rows:N0} rows the largest element is at the same place.");
            }

            yield return Text($"From the layers a relative error of {Percent(model.Predicted)} was expected.");
            yield return model.Fitted.IsRandom
                ? "The inputs were random numbers, since no data were given: what they bring into the layers is not what data bring. Give some by --data."
                : model.Fitted == model.Compared
                    ? "Structures were fitted, and outputs compared, for the same inputs, as there was one run."
                    : Text($"Structures were fitted for {model.Fitted.Runs.Count} runs of the data, and the outputs compared for {model.Compared.Runs.Count} others.");
        }
    }

    /// <summary>Weights of as many numbers that were left as they are, and why.</summary>
    /// <param name="least">The least numbers.</param>
    public IReadOnlyList<(string Weight, string Reason)> Left(int least) => [.. model.Before.Fixed
        .Where(pair => !model.Before.Weights.Weights.TryGetValue(pair.Key, out OnnxWeight? weight) || weight.StoredShape.Aggregate(1L, (product, extent) => product * extent) >= least)
        .OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value))];

    /// <summary>Prints all.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="least">Weights of fewer numbers were not looked at.</param>
    public void Print(TextWriter output, int least)
    {
        Table table = new Table().Border(TableBorder.Simple);
        for (int k = 0; k < Heads.Count; k++)
        {
            table.AddColumn(new TableColumn(Heads[k]) { Alignment = k is 0 or 2 ? Justify.Left : Justify.Right, NoWrap = k != 0, Padding = new Padding(0, 0, 1, 0) });
        }

        foreach (string[] row in Rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        ReportConsole.Over(output).Write(table);
        foreach (string fact in Facts)
        {
            output.WriteLine(fact);
        }

        foreach ((string weight, string reason) in Left(least))
        {
            output.WriteLine($"'{weight}' was left as it is. {reason}");
        }
    }

    /// <summary>A share with two digits that count.</summary>
    public static string Percent(double share) => share >= 0.1 ? Text($"{share:P0}") : share >= 0.01 ? Text($"{share:P1}") : share >= 0.001 ? Text($"{share:P2}") : Text($"{share:0.0E0}");

    private static string Milliseconds(double seconds) => Text($"{seconds * 1e3:G3} ms");

    private static string Shapes(ModelData data) => string.Join(" and ", data.Runs[0].Values.Select(tensor => $"[{string.Join(", ", tensor.Shape)}]"));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
