using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>
/// Where the lines of a text start, as the protocol counts them: behind each LF, CR LF or CR. The compiler's lines end with LF alone.
/// </summary>
internal sealed class TextLines
{
    private readonly string _text;
    private readonly List<int> _starts = [0];

    public TextLines(string text)
    {
        _text = text;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
            {
                _starts.Add(i + 1);
            }
        }
    }

    /// <summary>The place in the text; behind the end of a line is its end, behind the last line the end of the text.</summary>
    public int OffsetOf(Position position)
    {
        if (position.Line < 0)
        {
            return 0;
        }

        if (position.Line >= _starts.Count)
        {
            return _text.Length;
        }

        int start = _starts[position.Line];
        int end = position.Line + 1 < _starts.Count ? _starts[position.Line + 1] : _text.Length;
        while (end > start && _text[end - 1] is '\n' or '\r')
        {
            end--;
        }

        return Math.Clamp(position.Character, 0, end - start) + start;
    }

    public Position PositionOf(int offset)
    {
        int line = _starts.BinarySearch(offset);
        line = line < 0 ? ~line - 1 : line;
        return new Position(line, offset - _starts[line]);
    }

    public TextSpan SpanOf(TextRange range)
    {
        int start = OffsetOf(range.Start);
        return TextSpan.FromBounds(start, Math.Max(start, OffsetOf(range.End)));
    }

    public TextRange RangeOf(TextSpan span) => new(PositionOf(span.Start), PositionOf(span.End));

    /// <summary>A text after an edit.</summary>
    public static string Apply(string text, ContentChange change)
    {
        if (change.Range is not { } range)
        {
            return change.Text;
        }

        TextSpan span = new TextLines(text).SpanOf(range);
        return string.Concat(text.AsSpan(0, span.Start), change.Text, text.AsSpan(span.End));
    }
}
