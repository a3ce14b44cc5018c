using System.Globalization;
using System.Net;
using System.Text;

namespace Weft.Reports;

/// <summary>A picture that is written line by line: numbers are as in every culture, texts are escaped.</summary>
internal sealed class Svg
{
    private readonly StringBuilder _lines = new();

    /// <param name="width">The width, in pixels.</param>
    /// <param name="height">The height.</param>
    /// <param name="title">What stands above the picture.</param>
    public Svg(double width, double height, string title)
    {
        Line($"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif" font-size="14">""");
        Line($"""<rect width="{width}" height="{height}" fill="white"/>""");
        Text(width / 2, 30, "middle", title, "font-size=\"18\" font-weight=\"bold\"");
    }

    /// <summary>Colours that remain distinct for colour-blind readers (Okabe and Ito 2008).</summary>
    public static IReadOnlyList<string> Colours { get; } = ["#000000", "#e69f00", "#0072b2", "#d55e00", "#009e73", "#cc79a7"];

    public void Line(FormattableString line) => _lines.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    public void Text(double x, double y, string anchor, string text, string attributes = "") =>
        Line($"""<text x="{x:F1}" y="{y:F1}" text-anchor="{anchor}" {attributes}>{WebUtility.HtmlEncode(text)}</text>""");

    /// <summary>A frame with the marks of both axes, and what these show.</summary>
    /// <param name="box">Where it is.</param>
    /// <param name="across">The horizontal axis.</param>
    /// <param name="up">The vertical axis.</param>
    public void Axes(Box box, Scale across, Scale up)
    {
        foreach ((double value, string label) in across.Ticks)
        {
            double x = box.X(across, value);
            Line($"""<line x1="{x:F1}" y1="{box.Top}" x2="{x:F1}" y2="{box.Bottom}" stroke="#e4e4e4"/>""");
            Text(x, box.Bottom + 20, "middle", label);
        }

        foreach ((double value, string label) in up.Ticks)
        {
            double y = box.Y(up, value);
            Line($"""<line x1="{box.Left}" y1="{y:F1}" x2="{box.Right}" y2="{y:F1}" stroke="#e4e4e4"/>""");
            Text(box.Left - 8, y + 5, "end", label);
        }

        Line($"""<rect x="{box.Left}" y="{box.Top}" width="{box.Right - box.Left}" height="{box.Bottom - box.Top}" fill="none" stroke="#808080"/>""");
        Text((box.Left + box.Right) / 2, box.Bottom + 46, "middle", across.Label);
        double middle = (box.Top + box.Bottom) / 2;
        Text(box.Left - 66, middle, "middle", up.Label, string.Create(CultureInfo.InvariantCulture, $"transform=\"rotate(-90 {box.Left - 66} {middle})\""));
    }

    /// <summary>The picture.</summary>
    public override string ToString() => _lines + "</svg>\n";
}

/// <summary>A part of a picture.</summary>
internal readonly record struct Box(double Left, double Top, double Right, double Bottom)
{
    public static Box Around(double x, double y, double radius) => new(x - radius, y - radius, x + radius, y + radius);

    public double X(Scale scale, double value) => Left + scale.Position(value) * (Right - Left);

    public double Y(Scale scale, double value) => Bottom - scale.Position(value) * (Bottom - Top);

    public Box Moved(double across, double down) => new(Left + across, Top + down, Right + across, Bottom + down);

    public bool IsInside(Box other) => Left >= other.Left && Right <= other.Right && Top >= other.Top && Bottom <= other.Bottom;

    public bool Overlaps(Box other) => Left < other.Right && other.Left < Right && Top < other.Bottom && other.Top < Bottom;
}
