using System.Globalization;
using System.Net;
using System.Text;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Explanation;

/// <summary>
/// A network as a drawing: for each product its tensors as bars, in the order in which they are contracted, and each index as a wire through those
/// that have it. A wire that ends before the result is summed.
/// </summary>
public sealed class NetworkPicture
{
    private const int MostStatements = 64;

    private const double Margin = 12, WireHeight = 22, TitleHeight = 24, HeadHeight = 40, Gap = 18, BarWidth = 14, CharacterWidth = 7.4;

    private const string Kept = "#2f80ed", Summed = "#e86a17";

    private readonly StringBuilder _body = new();
    private readonly IReadOnlyList<TermPlan> _plans;
    private double _top = TitleHeight + Margin, _width;
    private int _drawn;

    private NetworkPicture(IReadOnlyList<TermPlan> plans) => _plans = plans;

    /// <summary>Draws a lowered module as SVG, with what is done to each row of a batch.</summary>
    /// <param name="lowered">The module.</param>
    /// <param name="plans">The orders of its products.</param>
    public static string Draw(LoweredModule lowered, IEnumerable<TermPlan> plans)
    {
        var picture = new NetworkPicture([.. plans]);
        foreach (Statement statement in lowered.Statements)
        {
            picture.Draw(statement, indent: 0);
        }

        if (lowered.All.Count() - picture._drawn is > 0 and var more)
        {
            picture.Words(0, FormattableString.Invariant($"and {more} more statements"));
        }

        string title = FormattableString.Invariant($"{lowered.Module.Name}: {lowered.Module.Inputs} → {lowered.Module.Outputs}");
        double width = Math.Max(picture._width, (title.Length + 2) * CharacterWidth) + Margin;
        string height = picture._top.ToString(CultureInfo.InvariantCulture);
        return FormattableString.Invariant($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:0.#} {height}" width="{width:0.#}" height="{height}" role="img" font-family="system-ui, sans-serif" font-size="13">""") + "\n"
            + $"<title>{WebUtility.HtmlEncode(title)}</title>\n<desc>{WebUtility.HtmlEncode(NetworkPrinter.Print(lowered))}</desc>\n"
            + "<style>.weft-ink{fill:#24292f}@media(prefers-color-scheme:dark){.weft-ink{fill:#e6edf3}}</style>\n"
            + FormattableString.Invariant($"""<text class="weft-ink" x="{Margin}" y="20" font-weight="600">{WebUtility.HtmlEncode(title)}</text>""") + "\n"
            + picture._body + "</svg>\n";
    }

    private void Draw(Statement statement, double indent)
    {
        if (_drawn == MostStatements)
        {
            return;
        }

        _drawn++;
        switch (statement)
        {
            case SumStatement { Terms.Count: > 0 } sum:
                for (int k = 0; k < sum.Terms.Count; k++)
                {
                    Draw(sum.Target, sum.Terms[k], isFirst: k == 0, indent);
                }

                break;

            case ScanStatement scan:
                Words(indent, FormattableString.Invariant($"for each of {scan.Steps} steps"));
                double top = _top;
                foreach (Statement inner in scan.Body)
                {
                    Draw(inner, indent + Gap);
                }

                Line($"""<line x1="{indent + Margin + 4}" y1="{top - Gap}" x2="{indent + Margin + 4}" y2="{_top - Gap}" stroke="#8b949e"/>""");
                break;

            default:
                Words(indent, NetworkPrinter.Print(statement).Split('\n')[0]);
                break;
        }
    }

    private void Words(double indent, string words)
    {
        Text(indent + Margin, _top + 14, "start", words);
        Widen(indent + Margin + (words.Length * CharacterWidth));
        _top += 14 + Gap;
    }

    /// <summary>One product: a column for each tensor and one for the result, a row for each index.</summary>
    private void Draw(RowTensor target, Term term, bool isFirst, double indent)
    {
        Factor[] factors = Ordered(term);
        (string Name, string Shape, IReadOnlyList<Index> Indices, string Position)[] columns =
        [
            .. factors.Select(factor => (factor.Tensor.Name, Shape(factor.Tensor), (IReadOnlyList<Index>)[.. factor.Position.Indices], factor.Position.ToString())),
            (target.Name, Shape(target), [.. term.Output.Indices], term.Output.ToString()),
        ];
        Index[] wires = [.. columns.SelectMany(column => column.Indices).Distinct()];
        double label = wires.Select(Label).Append("").Max(text => text.Length) * CharacterWidth;
        double pitch = Math.Max(label + (2 * BarWidth), columns.Max(column => (Math.Max(column.Name.Length, column.Shape.Length) + 2) * CharacterWidth));
        double left = indent + Margin + Math.Max(label + BarWidth, pitch / 2), wireTop = _top + HeadHeight + (WireHeight / 2);
        string sign = term.Coefficient == 1 ? "" : $"{term.Coefficient.ToString("G4", CultureInfo.InvariantCulture)} · ";

        for (int c = 0; c < columns.Length; c++)
        {
            (string name, string shape, IReadOnlyList<Index> indices, string position) = columns[c];
            bool isTarget = c == columns.Length - 1;
            double x = X(c);
            Line($"<g><title>{WebUtility.HtmlEncode($"{name}[{position}]")}</title>");
            Text(x, _top + 14, "middle", (isTarget ? (isFirst ? "→ " : "+→ ") : c == 0 ? sign : "") + name, "font-weight=\"600\"");
            Text(x, _top + 29, "middle", shape, "font-size=\"11\" opacity=\"0.75\"");
            int[] rows = [.. indices.Select(index => Array.IndexOf(wires, index))];
            (double first, double last) = rows.Length == 0 ? (wireTop, wireTop) : (Y(rows.Min()), Y(rows.Max()));
            Line($"""<rect x="{x - (BarWidth / 2):0.#}" y="{first - 8:0.#}" width="{BarWidth}" height="{last - first + 16:0.#}" rx="{BarWidth / 2}" fill="#8b949e" fill-opacity="0.25" stroke="#8b949e"/>""");
            Line($"</g>");
        }

        for (int r = 0; r < wires.Length; r++)
        {
            int[] at = [.. Enumerable.Range(0, columns.Length).Where(c => columns[c].Indices.Contains(wires[r]))];
            string colour = at[at.Length - 1] == columns.Length - 1 ? Kept : Summed;
            Line($"""<line x1="{X(at[0]):0.#}" y1="{Y(r):0.#}" x2="{X(at[at.Length - 1]):0.#}" y2="{Y(r):0.#}" stroke="{colour}" stroke-width="2"/>""");
            foreach (int c in at)
            {
                Line($"""<circle cx="{X(c):0.#}" cy="{Y(r):0.#}" r="4" fill="{colour}"/>""");
            }

            Text(X(at[0]) - BarWidth, Y(r) + 4, "end", Label(wires[r]), "font-size=\"12\"");
        }

        Widen(X(columns.Length - 1) + (pitch / 2));
        _top += HeadHeight + (WireHeight * Math.Max(1, wires.Length)) + Gap;

        double X(int column) => left + (column * pitch);
        double Y(int row) => wireTop + (row * WireHeight);
    }

    /// <summary>The factors from the left to the right of the chosen order, or the input first where there is none.</summary>
    private Factor[] Ordered(Term term)
    {
        var leaves = new List<Factor>();
        Visit(_plans.FirstOrDefault(plan => plan.Term == term)?.Root);
        return leaves.Count == term.Factors.Count && leaves.TrueForAll(term.Factors.Contains) ? [.. leaves] : [.. term.Factors.Reverse()];

        void Visit(PlanNode? node)
        {
            switch (node)
            {
                case FactorNode factor:
                    leaves.Add(factor.Factor);
                    break;

                case SharedNode shared:
                    Visit(shared.Of);
                    break;

                case ContractionNode contraction:
                    Visit(contraction.Left);
                    Visit(contraction.Right);
                    break;
            }
        }
    }

    private static string Label(Index index) => FormattableString.Invariant($"{index.Name} {index.Extent}");

    private static string Shape(Tensor tensor) => string.Join("×", tensor.Shape.Select(extent => extent.ToString(CultureInfo.InvariantCulture)));

    private void Widen(double right) => _width = Math.Max(_width, right);

    private void Text(double x, double y, string anchor, string text, string attributes = "") =>
        Line($"""<text class="weft-ink" x="{x:0.#}" y="{y:0.#}" text-anchor="{anchor}" {attributes}>{WebUtility.HtmlEncode(text)}</text>""");

    private void Line(FormattableString line) => _body.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
