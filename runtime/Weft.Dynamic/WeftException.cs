using System.Collections.Immutable;
using Weft.Compiler.Text;

namespace Weft.Dynamic;

/// <summary>A text is not valid Weft.</summary>
public sealed class WeftException : Exception
{
    internal WeftException(IEnumerable<Diagnostic> diagnostics, IEnumerable<SourceText> texts)
        : base(string.Join('\n', diagnostics.Select(diagnostic => DiagnosticText.Format(diagnostic, texts)))) =>
        Diagnostics = [.. diagnostics];

    /// <summary>Everything that is wrong; the message holds the same, a line for each, with line and column.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; }
}
