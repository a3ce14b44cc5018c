using System.Globalization;
using Spectre.Console;

namespace Weft.Examples.Digits.Report;

/// <summary>Prints results.</summary>
internal static class Tables
{
    /// <param name="console">Where to.</param>
    /// <param name="title">What was learned.</param>
    /// <param name="score">The heading of the scores.</param>
    /// <param name="format">Their numeric format.</param>
    /// <param name="results">A row each.</param>
    public static void Print(IAnsiConsole console, string title, string score, string format, IReadOnlyList<Result> results)
    {
        var table = new Table().Title(Markup.Escape(title)).Border(TableBorder.Simple);
        table.AddColumn("Structure");
        foreach (string heading in new[] { "Parameters", "FLOPs", score, "Forward µs", "Gradient µs" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned().NoWrap());
        }

        foreach (Result result in results)
        {
            table.AddRow(
                result.Structure,
                Text(result.Parameters, "N0"),
                Text(result.Flops, "N0"),
                Text(result.Score, format),
                Text(result.Timing.Forward, "F2"),
                Text(result.Timing.Gradient, "F2"));
        }

        console.Write(table);
    }

    private static string Text(IFormattable value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
