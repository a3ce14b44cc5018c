namespace Weft.Compiler.Text;

/// <summary>How bad a diagnostic is.</summary>
public enum Severity
{
    /// <summary>Nobody is told: it carries a change that editors offer.</summary>
    Hidden,
    Info,
    Warning,
    Error,
}

/// <summary>Something to say about a place in a text. A user's mistake is always one of these, never an exception.</summary>
/// <param name="Id"><c>WEFT</c> and four digits.</param>
/// <param name="Severity">Whether code is still generated.</param>
/// <param name="Message">What was expected and what was found, in the user's own terms.</param>
/// <param name="Path">The <see cref="SourceText.Path"/> that the span is in.</param>
/// <param name="Span">The exact place.</param>
public sealed record Diagnostic(string Id, Severity Severity, string Message, string Path, TextSpan Span)
{
    /// <summary>The change of the text that mends it, where the message tells one.</summary>
    public TextChange? Fix { get; init; }
}

/// <summary>What a place in a text should hold instead.</summary>
public sealed record TextChange(TextSpan Span, string Text)
{
    /// <summary>What an editor calls it.</summary>
    public string Title => Span.Length == 0 ? $"Add '{Text.Trim()}'" : $"Write '{Text}'";
}

/// <summary>The part of a message that says what to write instead.</summary>
/// <param name="Text">The words.</param>
/// <param name="Replacement">What the place should hold; null where the words alone do not tell.</param>
/// <param name="Place">The place, where it is not that of the diagnostic.</param>
internal sealed record Remedy(string Text, string? Replacement = null, TextSpan? Place = null)
{
    public override string ToString() => Text;

    public TextChange? At(TextSpan span) => Replacement is null ? null : new TextChange(Place ?? span, Replacement);
}
