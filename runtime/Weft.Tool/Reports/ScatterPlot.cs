namespace Weft.Reports;

/// <summary>A point with a label. Those of one label have one colour, and only the first of them is labelled.</summary>
internal readonly record struct PlotPoint(string Label, double Across, double Up);

/// <summary>One group of points with axes of its own.</summary>
/// <param name="Title">What the panel shows.</param>
/// <param name="Across">The horizontal axis.</param>
/// <param name="Up">The vertical axis.</param>
/// <param name="Points">The points.</param>
internal sealed record PlotPanel(string Title, Scale Across, Scale Up, IReadOnlyList<PlotPoint> Points);

/// <summary>Numbers against others, as SVG: panels side by side, with labelled points.</summary>
/// <param name="title">The title.</param>
/// <param name="panels">The panels, from left to right.</param>
internal sealed class ScatterPlot(string title, IReadOnlyList<PlotPanel> panels)
{
    private const double PanelWidth = 560, Left = 90, Right = 20, Top = 88, PlotHeight = 300, Bottom = 60;
    private const double Radius = 6, LineHeight = 17, CharacterWidth = 7.6;

    /// <summary>The picture.</summary>
    public string ToSvg()
    {
        var svg = new Svg(PanelWidth * panels.Count, Top + PlotHeight + Bottom, title);
        for (int i = 0; i < panels.Count; i++)
        {
            Draw(svg, panels[i], new Box(i * PanelWidth + Left, Top, (i + 1) * PanelWidth - Right, Top + PlotHeight));
        }

        return svg.ToString();
    }

    private void Draw(Svg svg, PlotPanel panel, Box plot)
    {
        svg.Text((plot.Left + plot.Right) / 2, plot.Top - 18, "middle", panel.Title, "font-size=\"15\"");
        svg.Axes(plot, panel.Across, panel.Up);
        List<Box> taken = [.. panel.Points.Select(point => Box.Around(plot.X(panel.Across, point.Across), plot.Y(panel.Up, point.Up), Radius))];
        var colours = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (PlotPoint point in panel.Points)
        {
            bool isFirst = colours.TryAdd(point.Label, Svg.Colours[colours.Count % Svg.Colours.Count]);
            string colour = colours[point.Label];
            double x = plot.X(panel.Across, point.Across), y = plot.Y(panel.Up, point.Up);
            if (isFirst)
            {
                Box label = Place(point.Label, x, y, plot, taken);
                taken.Add(label);
                double centre = (label.Top + label.Bottom) / 2;
                if (centre != y)
                {
                    double end = label.Left > x ? label.Left : label.Right;
                    svg.Line($"""<line x1="{x:F1}" y1="{y:F1}" x2="{end:F1}" y2="{centre:F1}" stroke="{colour}" stroke-width="0.8"/>""");
                }

                svg.Text(label.Left + 2, centre + 5, "start", point.Label, $"fill=\"{colour}\"");
            }

            svg.Line($"""<circle cx="{x:F1}" cy="{y:F1}" r="{Radius}" fill="{colour}" stroke="white"/>""");
        }
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
}
