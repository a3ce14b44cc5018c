using Weft.Compiler.Text;
using Weft.LanguageServer;

namespace Weft.Tool.Output;

/// <summary>What <c>weft check --json</c> writes.</summary>
internal sealed record DiagnosticJson(IReadOnlyList<DiagnosticJson.Entry> Diagnostics)
{
    public static string Write(IReadOnlyList<Finding> findings) => ToolJson.Write(new DiagnosticJson([.. findings.Select(Of)]));

    private static Entry Of(Finding finding)
    {
        (Diagnostic diagnostic, SourceText? text) = finding;
        return new Entry(
            diagnostic.Path,
            text is null ? null : Region.Of(text, diagnostic.Span),
            diagnostic.Severity.ToString().ToLowerInvariant(),
            diagnostic.Id,
            diagnostic.Message,
            Help(diagnostic.Id),
            text is not null && diagnostic.Fix is { } fix ? new Change(Region.Of(text, fix.Span), fix.Text) : null);
    }

    /// <summary>What the specification says of a diagnostic.</summary>
    public static string Help(string id) =>
        Specification.WithoutLinks(Specification.Rows.Single(row => row.Table == "Id" && row.Cells[0] == id).Cells[2]);

    /// <param name="File">The path as it was given.</param>
    /// <param name="Region">Where it is; null where the text is not one of those that were read.</param>
    /// <param name="Severity">error, warning or info.</param>
    /// <param name="Id"><c>WEFT</c> and four digits.</param>
    /// <param name="Message">What was expected and what was found.</param>
    /// <param name="Help">What all diagnostics of this id mean.</param>
    /// <param name="Fix">What to write instead, where the message tells it.</param>
    public sealed record Entry(string File, Region? Region, string Severity, string Id, string Message, string Help, Change? Fix);

    public sealed record Change(Region Region, string Text);
}

/// <summary>A place: lines and columns count from 1, and the end is the column behind the last character. Columns count UTF-16 units, as editors do.</summary>
internal sealed record Region(int StartLine, int StartColumn, int EndLine, int EndColumn)
{
    public static Region Of(SourceText text, TextSpan span)
    {
        (LinePosition start, LinePosition end) = (text.PositionAt(span.Start), text.PositionAt(span.End));
        return new Region(start.Line + 1, start.Character + 1, end.Line + 1, end.Character + 1);
    }
}
