using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Weft.Compiler.Text;
using SourceText = Weft.Compiler.Text.SourceText;
using TextSpan = Weft.Compiler.Text.TextSpan;

namespace Weft.Generators.Models;

/// <summary>A range in a file, by characters and by lines. The empty path is no place at all.</summary>
internal sealed record Place(string Path, int Start, int Length, int StartLine, int StartColumn, int EndLine, int EndColumn)
{
    public static Place None { get; } = new("", 0, 0, 0, 0, 0, 0);

    public static Place In(SourceText text, TextSpan span)
    {
        var start = text.PositionAt(span.Start);
        var end = text.PositionAt(span.End);
        return new Place(text.Path, span.Start, span.Length, start.Line, start.Character, end.Line, end.Character);
    }

    public static Place Of(Location location)
    {
        FileLinePositionSpan lines = location.GetLineSpan();
        return new Place(
            lines.Path,
            location.SourceSpan.Start,
            location.SourceSpan.Length,
            lines.StartLinePosition.Line,
            lines.StartLinePosition.Character,
            lines.EndLinePosition.Line,
            lines.EndLinePosition.Character);
    }

    public Location ToLocation() => Path.Length == 0
        ? Location.None
        : Location.Create(
            Path,
            new Microsoft.CodeAnalysis.Text.TextSpan(Start, Length),
            new LinePositionSpan(
                new Microsoft.CodeAnalysis.Text.LinePosition(StartLine, StartColumn),
                new Microsoft.CodeAnalysis.Text.LinePosition(EndLine, EndColumn)));
}

/// <summary>A diagnostic with its place in the user's own file.</summary>
internal sealed record DiagnosticInfo(string Id, Severity Severity, string Message, Place Place)
{
    public static DiagnosticInfo Of(Compiler.Text.DiagnosticDescriptor descriptor, Place place, params object[] arguments) =>
        new(descriptor.Id, descriptor.Severity, string.Format(CultureInfo.InvariantCulture, descriptor.Format, arguments), place);

    public Microsoft.CodeAnalysis.Diagnostic ToDiagnostic() =>
        Microsoft.CodeAnalysis.Diagnostic.Create(Descriptors.For(Id, Severity), Place.ToLocation(), Message);
}
