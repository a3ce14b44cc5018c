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
    /// <summary>The zero-based line and column of a position; CR LF and LF both end a line.</summary>
    public LinePosition PositionAt(int position)
    {
        int line = 0, start = 0;
        int end = Math.Min(position, Text.Length);
        for (int i = 0; i < end; i++)
        {
            if (Text[i] == '\n')
            {
                line++;
                start = i + 1;
            }
        }

        return new LinePosition(line, end - start);
    }
}
