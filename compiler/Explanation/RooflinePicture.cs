using System.Globalization;
using System.Net;
using System.Text;

namespace Weft.Compiler.Explanation;

/// <summary>A forward pass under the roof of a processor's model.</summary>
/// <param name="Label">The processor.</param>
/// <param name="Intensity">FLOPs for each element of weights, x and y.</param>
/// <param name="Share">The predicted share of the processor's peak.</param>
/// <param name="Ridge">The intensity from which the peak is the roof: the model's operations for an element that is moved.</param>
/// <param name="IsBatch">Whether it is of many rows, not of one.</param>
public readonly record struct RooflinePoint(string Label, double Intensity, double Share, double Ridge, bool IsBatch);

/// <summary>
/// Shares of the peak against operations per element, both in logarithms (Williams, Waterman and Patterson 2009). The roof is what the cost model would predict
/// if each element were moved once and nothing else cost anything.
/// </summary>
public static class RooflinePicture
{
    private const double Width = 620, Height = 300, Left = 60, Right = 150, Top = 16, Bottom = 46, LeastShare = 1.0 / 256;

    /// <summary>Colours that remain distinct for colour-blind readers (Okabe and Ito 2008).</summary>
    private static readonly string[] s_colours = ["#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7"];

    /// <summary>Draws points, a colour for each processor, as SVG.</summary>
    public static string Draw(IReadOnlyList<RooflinePoint> points)
    {
        double least = Power(Math.Min(1, points.Min(point => point.Intensity)), Math.Floor), most = Power(Math.Max(16, points.Max(point => point.Intensity)), Math.Ceiling);
        var body = new StringBuilder();
        for (double tick = least; tick <= most; tick *= 4)
        {
            Line($"""<line class="weft-grid" x1="{X(tick):0.#}" y1="{Top}" x2="{X(tick):0.#}" y2="{Height - Bottom}"/><text class="weft-ink" x="{X(tick):0.#}" y="{Height - Bottom + 18}" text-anchor="middle">{tick:0.###}</text>""");
        }

        for (double tick = 1; tick >= LeastShare; tick /= 4)
        {
            Line($"""<line class="weft-grid" x1="{Left}" y1="{Y(tick):0.#}" x2="{Width - Right}" y2="{Y(tick):0.#}"/><text class="weft-ink" x="{Left - 6}" y="{Y(tick) + 4:0.#}" text-anchor="end">{100 * tick:0.#} %</text>""");
        }

        foreach (double ridge in points.Select(point => point.Ridge).Distinct())
        {
            double start = Math.Max(least, ridge * LeastShare);
            Line($"""<polyline class="weft-roof" points="{X(start):0.#},{Y(start / ridge):0.#} {X(ridge):0.#},{Y(1):0.#} {X(most):0.#},{Y(1):0.#}"/>""");
        }

        List<string> labels = [.. points.Select(point => point.Label).Distinct()];
        foreach (RooflinePoint point in points)
        {
            string colour = Colour(point.Label);
            Line($"""<circle cx="{X(point.Intensity):0.#}" cy="{Y(point.Share):0.#}" r="5" stroke="{colour}" stroke-width="2" fill="{(point.IsBatch ? colour : "none")}"><title>{WebUtility.HtmlEncode(point.Label)}: {100 * point.Share:0.#} % at {point.Intensity:0.##}</title></circle>""");
        }

        for (int k = 0; k < labels.Count; k++)
        {
            Line($"""<circle cx="{Width - Right + 16}" cy="{Top + 8 + (18 * k)}" r="5" fill="{Colour(labels[k])}"/><text class="weft-ink" x="{Width - Right + 26}" y="{Top + 12 + (18 * k)}">{WebUtility.HtmlEncode(labels[k])}</text>""");
        }

        Line($"""<text class="weft-ink" x="{(Left + Width - Right) / 2}" y="{Height - 8}" text-anchor="middle">FLOPs per element of weights, x and y</text>""");
        return FormattableString.Invariant($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" width="{Width}" height="{Height}" role="img" font-family="system-ui, sans-serif" font-size="13">""") + "\n"
            + "<title>Share of the peak against operations per element</title>\n"
            + "<style>.weft-ink{fill:#24292f}.weft-grid{stroke:#8886}.weft-roof{fill:none;stroke:#888;stroke-width:2}@media(prefers-color-scheme:dark){.weft-ink{fill:#e6edf3}}</style>\n"
            + body + "</svg>\n";

        void Line(FormattableString line) => body.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

        double X(double intensity) => Left + (Math.Log(intensity / least) / Math.Log(most / least) * (Width - Left - Right));

        double Y(double share) => Top + (Math.Log(1 / Math.Max(LeastShare, share)) / Math.Log(1 / LeastShare) * (Height - Top - Bottom));

        string Colour(string label) => s_colours[labels.IndexOf(label) % s_colours.Length];
    }

    /// <summary>The power of 4 beside a number.</summary>
    private static double Power(double number, Func<double, double> round) => Math.Pow(4, round(Math.Log(number) / Math.Log(4)));
}
