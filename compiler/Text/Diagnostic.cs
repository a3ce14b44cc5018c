namespace Weft.Compiler.Text;

/// <summary>How bad a diagnostic is.</summary>
public enum Severity
{
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
public sealed record Diagnostic(string Id, Severity Severity, string Message, string Path, TextSpan Span);
