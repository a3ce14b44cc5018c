using Sprache;
using Weft.Compiler.Text;

namespace Weft.Compiler.Syntax;

/// <summary>From text to syntax. Mistakes are diagnostics; nothing that a text can hold throws.</summary>
public static class WeftParser
{
    /// <summary>The words that start what stands by itself in a file.</summary>
    internal static readonly HashSet<string> Declarations =
        new(StringComparer.Ordinal) { "import", "operator", "layer", "model", "bank" };

    /// <summary>Parses a file. A mistake in one statement does not hide those in others.</summary>
    public static ParsedFile Parse(SourceText source)
    {
        var diagnostics = new List<Diagnostic>();
        var scanner = new Scanner(source, diagnostics);
        var builder = new FileBuilder(source, scanner, diagnostics);
        foreach (Statement statement in scanner.Statements())
        {
            builder.Add(statement, statement.IsBroken ? null : Read(Grammar.StatementParser, source, scanner, statement, diagnostics));
        }

        return new ParsedFile(source, builder.Build(), diagnostics.OrderBy(diagnostic => diagnostic.Span.Start).ToEquatable());
    }

    /// <summary>Parses the text of an attribute when it is one formula: an operator of that name with the formula as its body.</summary>
    /// <returns>Null when the text is a whole file, which starts with a declaration.</returns>
    internal static (EquatableArray<ExpressionSyntax> Links, EquatableArray<Diagnostic> Diagnostics)? ParseFormula(SourceText source)
    {
        var diagnostics = new List<Diagnostic>();
        var scanner = new Scanner(source, diagnostics);
        if (scanner.Tokens.Count == 0)
        {
            diagnostics.Add(DiagnosticDescriptors.NothingDeclared.At(source.Path, default));
            return (default, diagnostics.ToEquatable());
        }

        if (Declarations.Contains(source.Slice(scanner.Tokens[0].Span)))
        {
            return null;
        }

        EquatableArray<ExpressionSyntax> links = default;
        bool isFirst = true;
        foreach (Statement statement in scanner.Statements())
        {
            if (isFirst && !statement.IsBroken)
            {
                links = Read(Grammar.Formula, source, scanner, statement, diagnostics);
            }
            else if (!isFirst)
            {
                TextSpan span = scanner.Tokens[statement.First].Span;
                diagnostics.Add(DiagnosticDescriptors.UnexpectedToken.At(source.Path, span, "the end of the formula", $"'{source.Slice(span)}'"));
            }

            isFirst = false;
        }

        return (links, diagnostics.ToEquatable());
    }

    private static T? Read<T>(Parser<T> parser, SourceText source, Scanner scanner, Statement statement, List<Diagnostic> diagnostics)
    {
        bool isInRange = true;
        for (int i = statement.First; i < statement.End; i++)
        {
            Token token = scanner.Tokens[i];
            if (token.Kind == Token.Number && !IsInRange(source.Slice(token.Span)))
            {
                isInRange = false;
                diagnostics.Add(DiagnosticDescriptors.NumberOutOfRange.At(source.Path, token.Span, source.Slice(token.Span)));
            }
        }

        var state = new StatementState(source, scanner.Tokens, statement.End);
        IResult<T> result = parser(new TokenInput(state, statement.First));
        if (result.WasSuccessful)
        {
            return isInRange ? result.Value : default;
        }

        if (state.TooDeepAt >= 0)
        {
            int at = Math.Min(state.TooDeepAt, statement.End - 1);
            diagnostics.Add(DiagnosticDescriptors.TooDeep.At(source.Path, scanner.Tokens[at].Span, Grammar.MaxDepth));
            return default;
        }

        bool isAtEnd = state.FurthestFailure >= statement.End;
        TextSpan span = isAtEnd
            ? new TextSpan(scanner.Tokens[statement.End - 1].Span.End, 0)
            : scanner.Tokens[Math.Max(state.FurthestFailure, statement.First)].Span;
        bool isEinsum = !isAtEnd && source.Slice(span) is var text && text[0] == '"' && text.Contains("->");
        string found = isAtEnd ? "the end of the statement"
            : $"'{source.Slice(span)}'{(isEinsum ? "; sums over indices are written as y[i] = A[i, j] * x[j]" : "")}";
        diagnostics.Add(DiagnosticDescriptors.UnexpectedToken.At(source.Path, span, Alternatives(state.Expected), found));
        return default;
    }

    private static bool IsInRange(string number) =>
        double.TryParse(number, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out double value)
        && !double.IsInfinity(value);

    private static string Alternatives(IReadOnlyList<string> expected) => expected.Count <= 1
        ? expected.FirstOrDefault() ?? "something else"
        : $"{string.Join(", ", expected.Take(expected.Count - 1))} or {expected[expected.Count - 1]}";
}
