namespace Weft.Compiler.Text;

/// <summary>Diagnostics as compilers print them.</summary>
public static class DiagnosticText
{
    /// <summary>
    /// <c>file.weft(2,7): error WEFT0101: message</c>, with the line and the column counted from 1; without them where
    /// the text is not among <paramref name="texts"/>.
    /// </summary>
    public static string Format(Diagnostic diagnostic, IEnumerable<SourceText> texts)
    {
        string place = diagnostic.Path;
        if (texts.FirstOrDefault(text => text.Path == diagnostic.Path) is { } text)
        {
            LinePosition position = text.PositionAt(diagnostic.Span.Start);
            place += $"({position.Line + 1},{position.Character + 1})";
        }

        return $"{place}: {diagnostic.Severity.ToString().ToLowerInvariant()} {diagnostic.Id}: {diagnostic.Message}";
    }
}
