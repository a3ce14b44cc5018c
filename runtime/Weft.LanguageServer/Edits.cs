using Weft.Compiler.Binding;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>Changes that are offered, and what is shown between the characters.</summary>
internal static class Edits
{
    /// <summary>The smallest change that gives a text Weft's style; none where it cannot be read.</summary>
    public static TextEdit[]? Format(Snapshot snapshot, ParsedFile file)
    {
        if (Formatter.Format(file) is not { } formatted)
        {
            return null;
        }

        string text = file.Source.Text;
        int most = Math.Min(text.Length, formatted.Length), start = 0, end = 0;
        while (start < most && text[start] == formatted[start])
        {
            start++;
        }

        while (end < most - start && text[^(end + 1)] == formatted[^(end + 1)])
        {
            end++;
        }

        // A line's end of two characters is one place.
        start -= start > 0 && text[start - 1] == '\r' ? 1 : 0;
        end -= end > 0 && text[^end] == '\n' ? 1 : 0;
        return text == formatted ? [] : [new TextEdit(snapshot.Lines(file).RangeOf(TextSpan.FromBounds(start, text.Length - end)), formatted[start..^end])];
    }

    /// <summary>The remedies of what is wrong in a part of a file.</summary>
    public static CodeAction[] Fixes(Snapshot snapshot, Bound bound, ParsedFile file, TextRange range)
    {
        TextLines lines = snapshot.Lines(file);
        TextSpan span = lines.SpanOf(range);
        return
        [
            .. bound.Diagnostics
                .Where(diagnostic => diagnostic.Path == file.Source.Path && diagnostic.Fix is not null && diagnostic.Span.Start <= span.End && span.Start <= diagnostic.Span.End)
                .Select(diagnostic => new CodeAction(
                    diagnostic.Fix!.Title,
                    [Diagnostics.Of(diagnostic, lines)],
                    new WorkspaceEdit(new Dictionary<string, TextEdit[]> { [snapshot.UriOf(file)] = [new TextEdit(lines.RangeOf(diagnostic.Fix.Span), diagnostic.Fix.Text)] }))),
        ];
    }

    /// <summary>The shape of each factor of a product and each link of a chain, where it is the same in all instances.</summary>
    public static InlayHint[] Shapes(Snapshot snapshot, Bound bound, ParsedFile file, TextRange range)
    {
        TextLines lines = snapshot.Lines(file);
        TextSpan span = lines.SpanOf(range);
        return
        [
            .. SyntaxWalk.Rows(file.Syntax)
                .Where(row => row.Count > 1)
                .SelectMany(row => row)
                .Where(part => span.Start <= part.Span.End && part.Span.End <= span.End)
                .Select(part => (part.Span.End, Shape: Shape(bound.Parts.At(file.Source.Path, part.Span))))
                .Where(part => part.Shape is not null)
                .Distinct()
                .OrderBy(part => part.End)
                .Select(part => new InlayHint(lines.PositionOf(part.End), part.Shape!)),
        ];

        static string? Shape(IReadOnlyList<BoundPart> parts) =>
            parts.Count > 0 && parts[0].Map is { } map && parts.All(part => part.Map == map) ? $"{map.Inputs} -> {map.Outputs}" : null;
    }
}
