using Spectre.Console;
using Weft.Compiler.Explanation;

namespace Weft.Tool.Output;

/// <summary>
/// A matrix as text: on a terminal with colours half a character for an entry, elsewhere a sign. Where it is too wide, each place stands for several
/// entries, and shows the one of the largest magnitude.
/// </summary>
internal sealed class MatrixText
{
    private static readonly (byte Red, byte Green, byte Blue) Faint = (0x80, 0x80, 0x80);

    private readonly double?[,] _places;
    private readonly double _largest;

    private MatrixText(MatrixPicture picture, int? footprint, int across)
    {
        int step = (picture.Columns + across - 1) / across;
        _places = new double?[(picture.Rows + step - 1) / step, (picture.Columns + step - 1) / step];
        _largest = Math.Max(Math.Abs(picture.Least), Math.Abs(picture.Most));
        for (int i = 0; i < picture.Rows; i++)
        {
            for (int j = 0; j < picture.Columns; j++)
            {
                ref double? place = ref _places[i / step, j / step];
                double entry = picture.Entries[i, j];
                if ((footprint is not { } k || picture.IsIn(k, i, j)) && entry != 0 && !(Math.Abs(place ?? 0) >= Math.Abs(entry)))
                {
                    place = entry;
                }
            }
        }

        Legend = step > 1 ? FormattableString.Invariant($", {step} × {step} entries in one") : "";
    }

    private int Rows => _places.GetLength(0);

    private int Columns => _places.GetLength(1);

    private string Legend { get; }

    /// <summary>Writes the matrix, and below it what it shows.</summary>
    public static void Write(IAnsiConsole console, MatrixPicture picture, int? footprint)
    {
        bool hasColours = console.Profile.Capabilities is { Ansi: true, ColorSystem: not ColorSystem.NoColors };
        int width = console.Profile.Width - 1;
        console.WriteLine(picture.Title);
        string legend;
        if (hasColours)
        {
            var text = new MatrixText(picture, footprint, width);
            console.Write(text.InColours());
            legend = $"blue is positive, orange negative{text.Legend}";
        }
        else
        {
            var text = new MatrixText(picture, footprint, width);
            console.Profile.Out.Writer.Write(text.InSigns(2 * text.Columns <= width ? " " : ""));
            legend = $"+ and - as signs, # and = where larger than half the largest, . where zero{text.Legend}";
        }

        console.Profile.Out.Writer.WriteLine(FormattableString.Invariant($"entries from {picture.Least:G3} to {picture.Most:G3}, parameters are random; {legend}"));
        foreach (Footprint one in picture.Footprints)
        {
            console.Profile.Out.Writer.WriteLine(FormattableString.Invariant($"{one.Name} changes {one.Count:N0} of {picture.Rows * picture.Columns:N0} entries"));
        }
    }

    /// <summary>Two rows in a line: the upper half of a block in one colour, the lower in another.</summary>
    private Paragraph InColours()
    {
        var text = new Paragraph();
        for (int i = 0; i < Rows; i += 2)
        {
            for (int j = 0; j < Columns; j++)
            {
                Color? upper = Colour(_places[i, j]), lower = i + 1 < Rows ? Colour(_places[i + 1, j]) : null;
                _ = (upper, lower) switch
                {
                    (null, null) => text.Append(" "),
                    (null, _) => text.Append("▄", new Style(lower)),
                    _ => text.Append("▀", new Style(upper, lower)),
                };
            }

            text.Append("\n");
        }

        return text;
    }

    private string InSigns(string gap) => string.Concat(Enumerable.Range(0, Rows).Select(i =>
        string.Join(gap, Enumerable.Range(0, Columns).Select(j => Sign(_places[i, j]))) + Environment.NewLine));

    private char Sign(double? entry) => entry switch
    {
        null => '.',
        > 0 => entry > _largest / 2 ? '#' : '+',
        < 0 => -entry > _largest / 2 ? '=' : '-',
        _ => '?',
    };

    /// <summary>Between grey, which is seen on light and on dark, and the colour of the sign.</summary>
    private Color? Colour(double? entry)
    {
        if (entry is not { } value)
        {
            return null;
        }

        double share = double.IsFinite(value) ? 0.25 + (0.75 * Math.Abs(value) / _largest) : 0;
        (byte Red, byte Green, byte Blue) full = value > 0 ? MatrixPicture.Positive : MatrixPicture.Negative;
        return new Color(Mix(Faint.Red, full.Red), Mix(Faint.Green, full.Green), Mix(Faint.Blue, full.Blue));

        byte Mix(byte faint, byte strong) => (byte)(faint + (share * (strong - faint)));
    }
}
