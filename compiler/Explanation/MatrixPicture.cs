using System.Globalization;
using System.Net;
using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Compiler.Oracle;
using Weft.Compiler.Text;

namespace Weft.Compiler.Explanation;

/// <summary>What a parameter, or its first number, changes of a matrix.</summary>
/// <param name="Parameter">The parameter.</param>
/// <param name="IsOfFirst">Whether it is what the first number changes.</param>
/// <param name="Count">How many entries change.</param>
public sealed record Footprint(Parameter Parameter, bool IsOfFirst, int Count)
{
    /// <summary>What changes them: <c>R</c>, or <c>R[0, 0, 0]</c>.</summary>
    public string Name => IsOfFirst ? $"{Parameter.Name}[{string.Join(", ", Parameter.Shape.Select(_ => "0"))}]" : Parameter.Name;
}

/// <summary>
/// The matrix of a linear map with random parameters, by definition in float64, and footprints: the entries that change with a parameter, and with its first number.
/// Parameters are those that the map itself draws from the same seed, except that one which starts as zeros, or as pairs that cancel, is drawn from
/// the usual distribution: at such a start a map may do nothing that could be seen. A table of positions moves entries and has no footprint.
/// </summary>
public sealed class MatrixPicture
{
    /// <summary>The most rows, and columns, that there is a picture of.</summary>
    public const int LargestSide = 512;

    /// <summary>How many products of numbers the entries take at most.</summary>
    public const long MostProducts = 1 << 26;

    private const int MostParameters = 1 << 22, LargestFactor = 1 << 16;

    private const int Levels = 7, NotFinite = (2 * Levels) + 1;

    private const double Side = 320, LeastSide = 16, Margin = 12, TitleHeight = 24, LegendHeight = 46;

    /// <summary>Blue and orange remain distinct for colour-blind readers.</summary>
    public static readonly (byte Red, byte Green, byte Blue) Positive = (0x2F, 0x80, 0xED), Negative = (0xE8, 0x6A, 0x17);

    /// <summary>
    /// A zero is no colour, and what is small is faint: pictures go with a light background and with a dark one. Positive levels are first, then
    /// negative ones.
    /// </summary>
    private static readonly (byte Red, byte Green, byte Blue, byte Alpha)[] Colours =
    [
        (0, 0, 0, 0),
        .. Enumerable.Range(1, Levels).Select(level => (Positive.Red, Positive.Green, Positive.Blue, Alpha(level))),
        .. Enumerable.Range(1, Levels).Select(level => (Negative.Red, Negative.Green, Negative.Blue, Alpha(level))),
        (0x80, 0x80, 0x80, byte.MaxValue),
    ];

    private readonly TracedMatrix _matrix;

    private MatrixPicture(string title, TracedMatrix matrix, IEnumerable<(Parameter Parameter, bool IsOfFirst)> sources)
    {
        (Title, _matrix) = (title, matrix);
        double[] finite = [.. matrix.Entries.Cast<double>().Where(IsFinite)];
        (Least, Most) = finite.Length == 0 ? (0, 0) : (finite.Min(), finite.Max());
        List<(Parameter Parameter, bool IsOfFirst)> of = [.. sources];
        int[] counts = new int[of.Count];
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < Columns; j++)
            {
                foreach (int footprint in At(i, j))
                {
                    counts[footprint]++;
                }
            }
        }

        Footprints = [.. of.Select((source, k) => new Footprint(source.Parameter, source.IsOfFirst, counts[k]))];
    }

    /// <summary>What is shown: <c>mixer: 64 → 64</c>.</summary>
    public string Title { get; }

    /// <summary>The matrix.</summary>
    public double[,] Entries => _matrix.Entries;

    public int Rows => Entries.GetLength(0);

    public int Columns => Entries.GetLength(1);

    /// <summary>The least of the entries that are finite.</summary>
    public double Least { get; }

    /// <summary>The largest of them.</summary>
    public double Most { get; }

    /// <summary>The footprint of each parameter of the module in their order, and after it that of its first number where it has several.</summary>
    public IReadOnlyList<Footprint> Footprints { get; }

    /// <summary>The footprints that an entry is in, by their places in <see cref="Footprints"/>, in order.</summary>
    public EquatableArray<int> At(int row, int column) => _matrix.Sources(row, column);

    /// <summary>Whether an entry is in a footprint, by its place in <see cref="Footprints"/>.</summary>
    public bool IsIn(int footprint, int row, int column) => At(row, column).Contains(footprint);

    /// <summary>Evaluates a linear module, or a part of its operator.</summary>
    /// <param name="module">The bound module.</param>
    /// <param name="parameters">Its parameters in the program that it becomes, where their scales are known.</param>
    /// <param name="seed">The seed of the parameters.</param>
    /// <param name="part">An operator in it; null for all of it.</param>
    /// <param name="mostProducts">How many products of numbers the entries take at most.</param>
    /// <param name="obstacle">Why there is no picture, as a clause.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Null where there is none.</returns>
    public static MatrixPicture? Draw(
        Module module,
        IReadOnlyList<ParameterPlace> parameters,
        int seed,
        Operator? part,
        long mostProducts,
        out string? obstacle,
        CancellationToken cancellationToken = default)
    {
        Operator? node = part ?? module.Operator;
        obstacle = node is null ? $"{module.Name} is not linear: it has no matrix"
            : node.Rows > LargestSide || node.Columns > LargestSide
                ? FormattableString.Invariant($"a matrix of {node.Rows} × {node.Columns} is larger than {LargestSide} × {LargestSide}, the most that is drawn: choose smaller sizes")
            : node.DescendantsAndSelf().Any(inner => inner.Rows > LargestFactor || inner.Columns > LargestFactor)
                ? FormattableString.Invariant($"a factor has more than {LargestFactor} rows or columns: choose smaller sizes")
            : module.Parameters.Sum(parameter => (long)parameter.Length) > MostParameters
                ? FormattableString.Invariant($"there are more than {MostParameters} parameters: choose smaller sizes")
            : null;
        if (obstacle is not null)
        {
            return null;
        }

        var values = parameters
            .Select((place, k) => (place.Parameter.Name, Values: Values(place, place.Parameter.Role == Role.Seeded ? place.Parameter.Seed : RandomNumbers.Combine(seed, k))))
            .ToDictionary(pair => pair.Name, pair => pair.Values, StringComparer.Ordinal);
        (Parameter Parameter, int Place, bool IsOfFirst)[] sources =
        [
            .. module.Parameters.SelectMany((parameter, place) => new[] { (parameter, place, false), (parameter, place, true) }).Where(source => !source.Item3 || source.parameter.Length > 1),
        ];
        if (new Interpreter(module, values).Trace(node!, [.. sources.Select(source => (source.Place, source.IsOfFirst ? 0 : (int?)null))], mostProducts, cancellationToken) is not { } matrix)
        {
            obstacle = FormattableString.Invariant($"its entries take more than {mostProducts} products of numbers: choose smaller sizes");
            return null;
        }

        string title = FormattableString.Invariant($"{(part is null ? module.Name : AlgebraPrinter.Print(part))}: {node!.Columns} → {node.Rows}");
        return new MatrixPicture(title, matrix, sources.Select(source => (source.Parameter, source.IsOfFirst)));
    }

    /// <summary>The picture with a caption, as a file or inside of a page: 344 pixels wide for a square matrix.</summary>
    /// <param name="footprint">A place in <see cref="Footprints"/>: everything else is then faint. Null for the matrix alone.</param>
    public string ToSvg(int? footprint = null)
    {
        double scale = Side / Math.Max(Rows, Columns);
        double width = Math.Max(LeastSide, Columns * scale), height = Math.Max(LeastSide, Rows * scale);
        double full = Side + (2 * Margin), left = (full - width) / 2, bottom = TitleHeight + Margin + height, largest = Math.Max(Math.Abs(Least), Math.Abs(Most));
        string caption = footprint is { } k
            ? $"{Footprints[k].Name} changes {Number(Footprints[k].Count)} of {Number(Rows * (double)Columns)} entries"
            : "random parameters; what is zero is empty";
        string name = WebUtility.HtmlEncode(Title), words = WebUtility.HtmlEncode(caption);
        FormattableString[] lines =
        [
            $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {bottom + Margin + LegendHeight:0.##}" width="{full}" role="img" font-family="system-ui, sans-serif" font-size="13">""",
            $"<title>{name}</title>",
            $"<desc>The matrix, {Rows} × {Columns}, entries from {Number(Least)} to {Number(Most)}; {words}.</desc>",
            $"<style>.weft-ink{{fill:#24292f}}@media(prefers-color-scheme:dark){{.weft-ink{{fill:#e6edf3}}}}</style>",
            $"""<text class="weft-ink" x="{full / 2}" y="20" text-anchor="middle" font-weight="600">{name}</text>""",
            .. footprint is { } only
                ? new FormattableString[] { Image(only, isIn: false), Image(only, isIn: true) }
                : [Image(null, isIn: true)],
            $"""<rect x="{left:0.##}" y="{TitleHeight + Margin}" width="{width:0.##}" height="{height:0.##}" fill="none" stroke="#8b949e"/>""",
            .. Enumerable.Range(-Levels, (2 * Levels) + 1).Where(level => level != 0).Select<int, FormattableString>(level =>
                $"""<rect x="{(full / 2) + (10 * level) - 5}" y="{bottom + Margin}" width="10" height="10" fill="{Hex(level)}" fill-opacity="{Alpha(Math.Abs(level)) / 255.0:0.##}"/>"""),
            $"""<text class="weft-ink" x="{(full / 2) - (10 * Levels) - 11}" y="{bottom + Margin + 10}" text-anchor="end">{Number(-largest)}</text>""",
            $"""<text class="weft-ink" x="{(full / 2) + (10 * Levels) + 11}" y="{bottom + Margin + 10}">{Number(largest)}</text>""",
            $"""<text class="weft-ink" x="{full / 2}" y="{bottom + Margin + 32}" text-anchor="middle">{words}</text>""",
            $"</svg>",
        ];
        return string.Concat(lines.Select(line => line.ToString(CultureInfo.InvariantCulture) + "\n"));

        FormattableString Image(int? of, bool isIn) =>
            $"""<image x="{left:0.##}" y="{TitleHeight + Margin}" width="{width:0.##}" height="{height:0.##}" preserveAspectRatio="none"{(isIn ? "" : " opacity=\"0.2\"")} style="image-rendering:pixelated" href="data:image/png;base64,{Convert.ToBase64String(ToPng(of, isIn))}"/>""";
    }

    /// <summary>The entries alone, a pixel each.</summary>
    /// <param name="footprint">A place in <see cref="Footprints"/>; null for all entries.</param>
    /// <param name="isIn">Whether the entries in that footprint are there, or the others.</param>
    public byte[] ToPng(int? footprint = null, bool isIn = true)
    {
        byte[,] pixels = new byte[Rows, Columns];
        double largest = Math.Max(Math.Abs(Least), Math.Abs(Most));
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < Columns; j++)
            {
                pixels[i, j] = footprint is { } k && IsIn(k, i, j) != isIn ? (byte)0 : Colour(Entries[i, j], largest);
            }
        }

        return IndexedPng.Encode(pixels, Colours);
    }

    /// <summary>The colour of an entry; the least of those that are not zero is seen.</summary>
    private static byte Colour(double entry, double largest)
    {
        if (!IsFinite(entry))
        {
            return NotFinite;
        }

        int level = entry == 0 ? 0 : Math.Max(1, (int)Math.Ceiling(Math.Abs(entry) / largest * Levels));
        return (byte)(entry < 0 ? level + Levels : level);
    }

    private static double[] Values(ParameterPlace place, int seed)
    {
        Parameter parameter = place.Parameter;
        (Distribution distribution, double scale) = parameter.Initializer.Distribution is Distribution.Zeros or Distribution.Paired
            ? (Distribution.Normal, 1 / Math.Sqrt(place.FanIn))
            : (parameter.Initializer.Distribution, place.Scale);
        return [.. RandomTensor.Elements(parameter.Shape, distribution, scale, seed)];
    }

    private static byte Alpha(int level) => (byte)(48 + ((byte.MaxValue - 48) * (level - 1) / (Levels - 1)));

    private static string Hex(int level)
    {
        (byte red, byte green, byte blue) = level > 0 ? Positive : Negative;
        return $"#{red:x2}{green:x2}{blue:x2}";
    }

    private static bool IsFinite(double entry) => !double.IsNaN(entry) && !double.IsInfinity(entry);

    private static string Number(double value) => value.ToString(Math.Abs(value) >= 1e3 ? "#,0" : "G3", CultureInfo.InvariantCulture).Replace('-', '−');
}
