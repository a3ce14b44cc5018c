namespace Weft.Compiler.Text;

/// <summary>A half-open range of characters in a <see cref="SourceText"/>.</summary>
public readonly record struct TextSpan(int Start, int Length)
{
    public int End => Start + Length;

    public static TextSpan FromBounds(int start, int end) => new(start, Math.Max(0, end - start));
}

/// <summary>A zero-based line and column, as Roslyn counts them.</summary>
public readonly record struct LinePosition(int Line, int Character);

/// <summary>A named text: a <c>.weft</c> file, or the text of an attribute.</summary>
/// <param name="Path">Where the text comes from, as diagnostics show it.</param>
/// <param name="Text">The characters.</param>
public sealed record SourceText(string Path, string Text)
{
    private LineTable? _lines;

    /// <summary>The zero-based line and column of a position; CR LF and LF both end a line.</summary>
    public LinePosition PositionAt(int position)
    {
        LineTable? lines = _lines;
        if (lines is null || !ReferenceEquals(lines.Text, Text))
        {
            _lines = lines = new LineTable(Text);
        }

        return lines.PositionAt(Math.Max(0, Math.Min(position, Text.Length)));
    }

    /// <summary>The characters of a span.</summary>
    public string Slice(TextSpan span) => Text.Substring(span.Start, span.Length);

    public bool Equals(SourceText? other) => other is not null && Path == other.Path && Text == other.Text;

    public override int GetHashCode() => unchecked((Path.GetHashCode() * 31) + Text.GetHashCode());

    /// <summary>Where each line starts: made once, so that a look-up is a binary search.</summary>
    private sealed class LineTable
    {
        private readonly List<int> _starts = [0];

        public LineTable(string text)
        {
            Text = text;
            for (int i = 0; i < text.Length; i++)
            {
                if (text[i] == '\n')
                {
                    _starts.Add(i + 1);
                }
            }
        }

        public string Text { get; }

        public LinePosition PositionAt(int position)
        {
            int line = _starts.BinarySearch(position);
            line = line < 0 ? ~line - 1 : line;
            return new LinePosition(line, position - _starts[line]);
        }
    }
}
