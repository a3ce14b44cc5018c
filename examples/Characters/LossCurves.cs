using System.Globalization;
using Weft.Reports;

namespace Weft.Examples.Characters;

/// <summary>How fast one model learned.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Points">The steps taken, and the mean bits per character over the steps since the point before.</param>
internal sealed record Curve(string Model, IReadOnlyList<(int Step, double Bits)> Points);

/// <summary>Bits per character against steps, as SVG.</summary>
/// <param name="least">What no model can do better than.</param>
/// <param name="curves">A curve for each model.</param>
internal sealed class LossCurves(double least, IReadOnlyList<Curve> curves)
{
    private const double Width = 720, Height = 460, LineHeight = 20;

    private static readonly Box Plot = new(90, 60, Width - 20, Height - 60);

    /// <summary>The picture.</summary>
    public string ToSvg()
    {
        IEnumerable<(int Step, double Bits)> points = curves.SelectMany(curve => curve.Points);
        Scale steps = Scale.Counts("Steps", points.Max(point => point.Step));
        Scale bits = Scale.PowersOfTwo("Bits per character", least, points.Max(point => point.Bits));
        var svg = new Svg(Width, Height, "Four language models of characters");
        svg.Axes(Plot, steps, bits);
        double bottom = Plot.Y(bits, least);
        svg.Line($"""<line x1="{Plot.Left}" y1="{bottom:F1}" x2="{Plot.Right}" y2="{bottom:F1}" stroke="#808080" stroke-dasharray="6 4"/>""");
        svg.Text(Plot.Left + 8, bottom - 6, "start", string.Create(CultureInfo.InvariantCulture, $"the source itself, {least:F3}"), "fill=\"#606060\"");
        for (int i = 0; i < curves.Count; i++)
        {
            string colour = Svg.Colours[i];
            string line = string.Join(' ', curves[i].Points.Select(point =>
                string.Create(CultureInfo.InvariantCulture, $"{Plot.X(steps, point.Step):F1},{Plot.Y(bits, point.Bits):F1}")));
            svg.Line($"""<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>""");
            svg.Text(Plot.Right - 12, Plot.Top + ((i + 1) * LineHeight), "end", curves[i].Model, $"fill=\"{colour}\"");
        }

        return svg.ToString();
    }
}
