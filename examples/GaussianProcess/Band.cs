using System.Globalization;
using Weft.Reports;

namespace Weft.Examples.GaussianProcess;

/// <summary>A point of a line through the field.</summary>
/// <param name="Expected">What the process expects.</param>
/// <param name="Deviation">The standard deviation of that.</param>
/// <param name="Measured">What was measured; NaN for nothing.</param>
/// <param name="Hidden">What is there where nothing was measured; NaN elsewhere.</param>
internal readonly record struct BandPoint(double Expected, double Deviation, double Measured, double Hidden);

/// <summary>What is expected along a line, with two standard deviations to both sides, as SVG.</summary>
/// <param name="points">The points of the line.</param>
internal sealed class Band(IReadOnlyList<BandPoint> points)
{
    private const double Width = 720, Height = 460, Times = 2;

    private static readonly Box Plot = new(90, 60, Width - 20, Height - 60);

    /// <summary>The picture.</summary>
    public string ToSvg()
    {
        IEnumerable<double> all = points.SelectMany(point => new[] { point.Expected - (Times * point.Deviation), point.Expected + (Times * point.Deviation), point.Measured, point.Hidden }).Where(double.IsFinite);
        Scale across = Scale.Counts("Position along the first axis", points.Count - 1), up = Scale.Numbers("Value", all.Min(), all.Max());
        var svg = new Svg(Width, Height, "A line through the field, with two standard deviations");
        svg.Axes(Plot, across, up);
        IEnumerable<string> above = points.Select((point, i) => At(i, point.Expected + (Times * point.Deviation)));
        IEnumerable<string> below = points.Select((point, i) => At(i, point.Expected - (Times * point.Deviation))).Reverse();
        svg.Line($"""<polygon points="{string.Join(' ', above.Concat(below))}" fill="{Svg.Colours[2]}" fill-opacity="0.2"/>""");
        svg.Line($"""<polyline points="{string.Join(' ', points.Select((point, i) => At(i, point.Expected)))}" fill="none" stroke="{Svg.Colours[2]}" stroke-width="1.8"/>""");
        for (int i = 0; i < points.Count; i++)
        {
            bool isHidden = double.IsNaN(points[i].Measured);
            double value = isHidden ? points[i].Hidden : points[i].Measured;
            if (double.IsFinite(value))
            {
                svg.Line($"""<circle cx="{Plot.X(across, i):F1}" cy="{Plot.Y(up, value):F1}" r="3" stroke="{Svg.Colours[isHidden ? 3 : 0]}" fill="{(isHidden ? "white" : Svg.Colours[0])}"/>""");
            }
        }

        svg.Text(Plot.Left, Plot.Top - 8, "start", "measured");
        svg.Text(Plot.Right, Plot.Top - 8, "end", "hidden from the process", $"fill=\"{Svg.Colours[3]}\"");
        return svg.ToString();

        string At(int i, double value) => string.Create(CultureInfo.InvariantCulture, $"{Plot.X(across, i):F1},{Plot.Y(up, value):F1}");
    }
}
