using System.Globalization;
using Weft.Reports;
using Weft.Tool.Compressing;

namespace Weft.Tool.Pages;

/// <summary>The report of <c>weft compress</c>: what came of it, the layers, and what was tried on each.</summary>
internal static class CompressionPage
{
    /// <summary>Layers whose structures are drawn; of others the table says all.</summary>
    private const int MostPlots = 12;

    /// <param name="report">What became of the model.</param>
    /// <param name="least">Weights with fewer numbers were not looked at.</param>
    public static string Create(CompressionReport report, int least)
    {
        CompressedModel model = report.Model;
        HtmlPage page = new HtmlPage($"{report.Name}, compressed").Heading(1, $"{report.Name}, compressed").List(report.Facts);
        page.Heading(2, "Bytes").Pictures([Bars(model)]);
        page.Heading(2, "Layers").Table(CompressionReport.Heads, report.Rows);
        page.Paragraph("Error is that of a layer: how much of what it makes of the rows that come in differs, as a share. Of the outputs: what that is expected to change of the model's outputs, as one structure of the layer showed when it alone stood in the model.");
        page.Heading(2, "What was tried");
        page.Paragraph("Each point is a structure with the bytes that it takes in the model. Low rank is the closest where the rows come in; others are the closest to the matrix. The chosen ones are marked in the tables.");
        foreach (CompressedLayer layer in model.Layers.Where(layer => layer.Fitted.Fits.Count > 0).Take(MostPlots))
        {
            page.Heading(3, layer.Fitted.Layer.Weight).Pictures([Plot(layer)]);
        }

        foreach (CompressedLayer layer in model.Layers)
        {
            page.Line($"<details><summary>{HtmlPage.Escape(layer.Fitted.Layer.Weight)}: {layer.Fitted.Fits.Count} structures</summary>");
            page.Paragraph($"{string.Join(", ", layer.Fitted.Layer.Nodes)}");
            page.Table(["Structure", "Bytes", "Error", "Chosen"], layer.Fitted.Fits.Select(fit => new[] { fit.Formula, Text($"{fit.Bytes:N0}"), CompressionReport.Percent(fit.Error), fit == layer.Chosen ? "yes" : "" }));
            if (layer.Fitted.Refused.Count > 0)
            {
                page.List(layer.Fitted.Refused.Select(pair => $"`{pair.Key}`: {pair.Value}"));
            }

            page.Line("</details>");
        }

        if (report.Left(least) is { Count: > 0 } left)
        {
            page.Heading(2, "What was left as it is").Table(["Weight", "Why"], left.Select(one => new[] { one.Weight, one.Reason }));
        }

        return page.ToString();
    }

    /// <summary>The bytes of each layer before and after.</summary>
    private static string Bars(CompressedModel model)
    {
        const double Width = 900, Left = 250, Right = 90, Top = 64, Line = 24;
        double most = model.Layers.Max(layer => layer.Fitted.Layer.Bytes), height = Top + (Line * model.Layers.Count) + 16;
        var svg = new Svg(Width, height, "Bytes of the large weights, before and after");
        for (int k = 0; k < model.Layers.Count; k++)
        {
            CompressedLayer layer = model.Layers[k];
            double y = Top + (k * Line), scale = (Width - Left - Right) / most;
            string name = layer.Fitted.Layer.Weight;
            svg.Text(Left - 8, y + 13, "end", name.Length <= 30 ? name : "…" + name[^29..]);
            svg.Line($"""<rect x="{Left}" y="{y:F1}" width="{layer.Fitted.Layer.Bytes * scale:F1}" height="{Line - 6}" fill="#d0d0d0"/>""");
            svg.Line($"""<rect x="{Left}" y="{y:F1}" width="{layer.Bytes * scale:F1}" height="{Line - 6}" fill="{Svg.Colours[2]}"/>""");
            svg.Text(Left + (layer.Fitted.Layer.Bytes * scale) + 6, y + 13, "start", Text($"{(double)layer.Bytes / layer.Fitted.Layer.Bytes:P0}"));
        }

        return svg.ToString();
    }

    /// <summary>The errors of a layer's structures against their bytes.</summary>
    private static string Plot(CompressedLayer layer)
    {
        PlotPoint[] points = [.. layer.Fitted.Fits.Select(fit => new PlotPoint(fit.Family, fit.Bytes, fit.Error))];
        return new ScatterPlot(
            Text($"{layer.Fitted.Layer.Weight}, {layer.Fitted.Layer.Outputs} × {layer.Fitted.Layer.Inputs}: {layer.Chosen?.Formula ?? "dense, as it was"}"),
            [new PlotPanel("", Scale.Amounts("Bytes", points.Select(point => point.Across)), Scale.Error(points.Select(point => point.Up)), points)]).ToSvg();
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
