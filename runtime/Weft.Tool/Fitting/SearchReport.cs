using System.Collections.Immutable;
using System.Globalization;
using Spectre.Console;
using Weft.Reports;

namespace Weft.Tool.Fitting;

/// <summary>What a search shows and writes.</summary>
internal static class SearchReport
{
    /// <summary>The front as a table.</summary>
    public static void Print(IAnsiConsole console, DenseMatrix matrix, StructureSearch search)
    {
        double dense = (double)matrix.Rows * matrix.Columns;
        Table table = new Table().Border(TableBorder.Simple).AddColumn("Structure");
        foreach (string heading in new[] { "Parameters", "Of dense", "FLOPs", "Relative error" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned().NoWrap());
        }

        foreach (FittedStructure one in search.Front)
        {
            table.AddRow(
                Markup.Escape(one.Formula),
                Text(one.Parameters, "N0"),
                Text(one.Parameters / dense, "P1"),
                Text(one.Flops, "N0"),
                Text(one.Error, "0.00E-0"));
        }

        console.Write(table);
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"The matrix is {matrix.Rows} × {matrix.Columns}: {dense:N0} numbers, {2 * dense:N0} FLOPs. {search.Count} structures were fitted; one that is shown is at least as good as each that is not, in parameters, FLOPs and error."));
    }

    /// <summary>Errors against parameters and against FLOPs, as SVG.</summary>
    public static string Draw(DenseMatrix matrix, StructureSearch search)
    {
        Scale errors = Scale.Error(search.Front.Select(one => one.Error));
        return new ScatterPlot(
            string.Create(CultureInfo.InvariantCulture, $"Structures that are close to a {matrix.Rows} × {matrix.Columns} matrix"),
            [Panel("Parameters", one => one.Parameters), Panel("FLOPs", one => one.Flops)]).ToSvg();

        PlotPanel Panel(string label, Func<FittedStructure, double> across) => new(
            "", Scale.Amounts(label, search.Front.Select(across)), errors, [.. search.Front.Select(one => new PlotPoint(one.Candidate.Label, across(one), one.Error))]);
    }

    /// <summary>Writes a map as <c>Save</c> does, with its formula among the texts of the file.</summary>
    public static void Save(FittedStructure one, Stream stream)
    {
        using var saved = new MemoryStream();
        one.Map.Save(saved);
        saved.Position = 0;
        TensorFile file = TensorFile.Open(saved);
        ImmutableArray<StoredTensor> tensors = [.. file.Tensors.Values];
        var writer = new TensorWriter(stream, tensors, new Dictionary<string, string>(file.Metadata) { ["formula"] = one.Formula });
        foreach (StoredTensor tensor in tensors)
        {
            writer.Copy(file, tensor.Name);
        }
    }

    private static string Text(IFormattable value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
