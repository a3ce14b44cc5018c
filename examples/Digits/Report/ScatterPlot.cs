using System.Globalization;
using System.Net;
using System.Text;

namespace Weft.Examples.Digits.Report;

/// <summary>One group of points with axes of its own.</summary>
/// <param name="Title">What the panel shows.</param>
/// <param name="Results">A point each.</param>
internal sealed record PlotPanel(string Title, IReadOnlyList<Result> Results);

/// <summary>Scores against operations, as SVG: panels side by side, a labelled point for each structure.</summary>
/// <param name="title">The title.</param>
/// <param name="scoreScale">Makes a panel's vertical axis from its scores.</param>
/// <param name="panels">The panels, from left to right.</param>
internal sealed class ScatterPlot(string title, Func<IEnumerable<double>, Scale> scoreScale, IReadOnlyList<PlotPanel> panels)
{
    private const double PanelWidth = 560, Left = 90, Right = 20, Top = 88, PlotHeight = 300, Bottom = 60;
    private const double Radius = 6, LineHeight = 17, CharacterWidth = 7.6;

    /// <summary>Colours that remain distinct for colour-blind readers (Okabe and Ito 2008).</summary>
    private static readonly string[] Colours = ["#000000", "#e69f00", "#0072b2", "#d55e00", "#009e73", "#cc79a7"];

    private readonly StringBuilder _svg = new();

    /// <summary>The picture.</summary>
    public string ToSvg()
    {
        double width = PanelWidth * panels.Count, height = Top + PlotHeight + Bottom;
        _svg.Clear();
        Line($"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif" font-size="14">""");
        Line($"""<rect width="{width}" height="{height}" fill="white"/>""");
        Text(width / 2, 30, "middle", title, "font-size=\"18\" font-weight=\"bold\"");
        for (int i = 0; i < panels.Count; i++)
        {
            Draw(panels[i], new Box(i * PanelWidth + Left, Top, (i + 1) * PanelWidth - Right, Top + PlotHeight));
        }

        Line($"</svg>");
        return _svg.ToString();
    }

    private void Draw(PlotPanel panel, Box plot)
    {
        Scale flops = Scale.Flops(panel.Results.Select(result => (double)result.Flops)), scores = scoreScale(panel.Results.Select(result => result.Score));
        Text((plot.Left + plot.Right) / 2, plot.Top - 18, "middle", panel.Title, "font-size=\"15\"");
        foreach ((double value, string label) in flops.Ticks)
        {
            double x = X(value);
            Line($"""<line x1="{x:F1}" y1="{plot.Top}" x2="{x:F1}" y2="{plot.Bottom}" stroke="#e4e4e4"/>""");
            Text(x, plot.Bottom + 20, "middle", label);
        }

        foreach ((double value, string label) in scores.Ticks)
        {
            double y = Y(value);
            Line($"""<line x1="{plot.Left}" y1="{y:F1}" x2="{plot.Right}" y2="{y:F1}" stroke="#e4e4e4"/>""");
            Text(plot.Left - 8, y + 5, "end", label);
        }

        Line($"""<rect x="{plot.Left}" y="{plot.Top}" width="{plot.Right - plot.Left}" height="{plot.Bottom - plot.Top}" fill="none" stroke="#808080"/>""");
        Text((plot.Left + plot.Right) / 2, plot.Bottom + 46, "middle", flops.Label);
        double middle = (plot.Top + plot.Bottom) / 2;
        Text(plot.Left - 66, middle, "middle", scores.Label, string.Create(CultureInfo.InvariantCulture, $"transform=\"rotate(-90 {plot.Left - 66} {middle})\""));

        List<Box> taken = [.. panel.Results.Select(result => Box.Around(X(result.Flops), Y(result.Score), Radius))];
        for (int i = 0; i < panel.Results.Count; i++)
        {
            Result result = panel.Results[i];
            double x = X(result.Flops), y = Y(result.Score);
            Box label = Place(result.Structure, x, y, plot, taken);
            taken.Add(label);
            string colour = Colours[i % Colours.Length];
            double centre = (label.Top + label.Bottom) / 2;
            if (centre != y)
            {
                double end = label.Left > x ? label.Left : label.Right;
                Line($"""<line x1="{x:F1}" y1="{y:F1}" x2="{end:F1}" y2="{centre:F1}" stroke="{colour}" stroke-width="0.8"/>""");
            }

            Line($"""<circle cx="{x:F1}" cy="{y:F1}" r="{Radius}" fill="{colour}" stroke="white"/>""");
            Text(label.Left + 2, centre + 5, "start", result.Structure, $"fill=\"{colour}\"");
        }

        double X(double value) => plot.Left + flops.Position(value) * (plot.Right - plot.Left);
        double Y(double value) => plot.Bottom - scores.Position(value) * (plot.Bottom - plot.Top);
    }

    /// <summary>The place for a label that is nearest to its point: beside it, else a line up or down, else two, on either side.</summary>
    private static Box Place(string text, double x, double y, Box plot, List<Box> taken)
    {
        double width = text.Length * CharacterWidth + 4;
        var beside = new Box(x + 2 * Radius, y - LineHeight / 2, x + 2 * Radius + width, y + LineHeight / 2);
        for (int line = 0; line < 2 * (int)(PlotHeight / LineHeight); line++)
        {
            double down = (line + 1) / 2 * LineHeight * (line % 2 == 0 ? 1 : -1);
            foreach (double across in new[] { 0, -width - 4 * Radius })
            {
                Box candidate = beside.Moved(across, down);
                if (candidate.IsInside(plot) && !taken.Exists(candidate.Overlaps))
                {
                    return candidate;
                }
            }
        }

        return beside;
    }

    private void Text(double x, double y, string anchor, string text, string attributes = "") =>
        Line($"""<text x="{x:F1}" y="{y:F1}" text-anchor="{anchor}" {attributes}>{WebUtility.HtmlEncode(text)}</text>""");

    private void Line(FormattableString line) => _svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private readonly record struct Box(double Left, double Top, double Right, double Bottom)
    {
        public static Box Around(double x, double y, double radius) => new(x - radius, y - radius, x + radius, y + radius);

        public Box Moved(double across, double down) => new(Left + across, Top + down, Right + across, Bottom + down);

        public bool IsInside(Box other) => Left >= other.Left && Right <= other.Right && Top >= other.Top && Bottom <= other.Bottom;

        public bool Overlaps(Box other) => Left < other.Right && other.Left < Right && Top < other.Bottom && other.Top < Bottom;
    }
}
