using System.Globalization;
using System.Text;

namespace Weft.Benchmarks;

/// <param name="Label">The operator and the batch.</param>
/// <param name="Intensity">Operations per byte that has to be moved at the least.</param>
/// <param name="Rate">Operations per second.</param>
internal sealed record RooflinePoint(string Label, double Intensity, double Rate);

/// <summary>The roofline of the machine (Williams et al. 2009) with every operator on it, as SVG with logarithmic axes.</summary>
internal sealed class Roofline(MeasuredMachine machine)
{
    private const double Width = 1500, Height = 1000, Left = 80, Right = 30, Top = 30, Bottom = 60;
    private const double LabelHeight = 12, CharacterWidth = 6.2;

    private readonly List<RooflinePoint> _points = [];

    public void Add(string label, double flops, double bytes, double seconds) => _points.Add(new RooflinePoint(label, flops / bytes, flops / seconds));

    public string Svg()
    {
        double least = _points.Select(point => point.Intensity).DefaultIfEmpty(1).Min() / 1.5, most = _points.Select(point => point.Intensity).DefaultIfEmpty(10).Max() * 2;
        double low = _points.Select(point => point.Rate).DefaultIfEmpty(machine.Peak / 10).Min() / 2, high = machine.Peak * 1.5;
        var svg = new StringBuilder();
        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"11\">");
        Line($"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>");
        foreach (double tick in Ticks(least, most))
        {
            Line($"<line x1=\"{X(tick):0.#}\" y1=\"{Top}\" x2=\"{X(tick):0.#}\" y2=\"{Height - Bottom}\" stroke=\"#e4e4e4\"/>");
            Line($"<text x=\"{X(tick):0.#}\" y=\"{Height - Bottom + 16}\" text-anchor=\"middle\">{tick:0.###}</text>");
        }

        foreach (double tick in Ticks(low, high))
        {
            Line($"<line x1=\"{Left}\" y1=\"{Y(tick):0.#}\" x2=\"{Width - Right}\" y2=\"{Y(tick):0.#}\" stroke=\"#e4e4e4\"/>");
            Line($"<text x=\"{Left - 6}\" y=\"{Y(tick) + 4:0.#}\" text-anchor=\"end\">{tick / 1e9:0.###}</text>");
        }

        Line($"<text x=\"{Width / 2}\" y=\"{Height - 18}\" text-anchor=\"middle\" font-size=\"14\">operations per byte of weights, input and output</text>");
        Line($"<text transform=\"translate(22 {Height / 2}) rotate(-90)\" text-anchor=\"middle\" font-size=\"14\">GFLOP/s, one thread</text>");
        var taken = new List<(double X, double Y, double Width)>();
        foreach (MemoryLevel level in machine.Levels)
        {
            double knee = Math.Clamp(machine.Peak / level.Bandwidth, least, most), start = Math.Max(least, low / level.Bandwidth);
            Line($"<line x1=\"{X(start):0.#}\" y1=\"{Y(start * level.Bandwidth):0.#}\" x2=\"{X(knee):0.#}\" y2=\"{Y(knee * level.Bandwidth):0.#}\" stroke=\"#888\"/>");
            string text = Text($"{level.Name} {level.Bandwidth / 1e9:0} GB/s");
            double x = X(start) + 6, y = Y(start * level.Bandwidth) - 6;
            Line($"<text x=\"{x:0.#}\" y=\"{y:0.#}\" fill=\"#555\">{text}</text>");
            taken.Add((x, y, text.Length * CharacterWidth));
        }

        Line($"<line x1=\"{X(Math.Clamp(machine.Peak / machine.Levels[0].Bandwidth, least, most)):0.#}\" y1=\"{Y(machine.Peak):0.#}\" x2=\"{Width - Right}\" y2=\"{Y(machine.Peak):0.#}\" stroke=\"#888\"/>");
        Line($"<text x=\"{Width - Right}\" y=\"{Y(machine.Peak) - 6:0.#}\" text-anchor=\"end\" fill=\"#555\">{machine.Peak / 1e9:0} GFLOP/s</text>");
        taken.Add((Width - Right - 90, Y(machine.Peak) - 6, 90));
        foreach (RooflinePoint point in _points)
        {
            taken.Add((X(point.Intensity) - 4, Y(point.Rate) + 4, 8));
        }

        foreach (RooflinePoint point in _points.OrderByDescending(point => point.Rate))
        {
            (double px, double py, double width) = (X(point.Intensity), Y(point.Rate), point.Label.Length * CharacterWidth);
            (double x, double y) = Free(taken, px, py, width);
            taken.Add((x, y, width));
            Line($"<line x1=\"{px:0.#}\" y1=\"{py:0.#}\" x2=\"{(x > px ? x - 1 : x + width + 1):0.#}\" y2=\"{y - 4:0.#}\" stroke=\"#9bbbe0\"/>");
            Line($"<circle cx=\"{px:0.#}\" cy=\"{py:0.#}\" r=\"3\" fill=\"#1f5fae\"><title>{System.Security.SecurityElement.Escape(point.Label)}: {point.Rate / 1e9:0.0} GFLOP/s</title></circle>");
            Line($"<text x=\"{x:0.#}\" y=\"{y:0.#}\">{System.Security.SecurityElement.Escape(point.Label)}</text>");
        }

        return svg.Append("</svg>\n").ToString();

        double X(double intensity) => Left + ((Width - Left - Right) * Math.Log(intensity / least) / Math.Log(most / least));

        double Y(double rate) => Height - Bottom - ((Height - Top - Bottom) * Math.Log(rate / low) / Math.Log(high / low));

        void Line(FormattableString text) => svg.Append(Text(text)).Append('\n');
    }

    /// <summary>The nearest place beside a point where a label hides nothing.</summary>
    private static (double X, double Y) Free(List<(double X, double Y, double Width)> taken, double px, double py, double width)
    {
        for (int ring = 0; ring < 60; ring++)
        {
            foreach (double dy in new[] { ring * LabelHeight * 0.5, -ring * LabelHeight * 0.5 })
            {
                foreach (double x in new[] { px + 8 + ring, px - 8 - ring - width })
                {
                    double y = py + 4 + dy;
                    if (x > Left && x + width < Width - Right && y > Top && y < Height - Bottom
                        && !taken.Any(other => x < other.X + other.Width && other.X < x + width && Math.Abs(y - other.Y) < LabelHeight))
                    {
                        return (x, y);
                    }
                }
            }
        }

        return (px + 8, py + 4);
    }

    private static IEnumerable<double> Ticks(double from, double to)
    {
        for (double decade = Math.Pow(10, Math.Floor(Math.Log10(from))); decade <= to; decade *= 10)
        {
            foreach (double tick in new[] { decade, 2 * decade, 5 * decade })
            {
                if (tick >= from && tick <= to)
                {
                    yield return tick;
                }
            }
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
