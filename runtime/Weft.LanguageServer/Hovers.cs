using Weft.Compiler.Algebra;
using Weft.Compiler.Binding;
using Weft.Compiler.Editing;
using Weft.Compiler.Explanation;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>What is told about a name: its declaration, what it comes to, and what was written about it.</summary>
internal static class Hovers
{
    public static async Task<Hover?> AtAsync(Snapshot snapshot, ParsedFile file, int position)
    {
        if (snapshot.Symbols.At(file.Source.Path, position) is not { } use)
        {
            return Repetition(snapshot, file, position);
        }

        var lines = new List<string?> { Code(Signature(use.Symbol)), Text(use.Symbol) };
        if (!snapshot.IsStandard(file))
        {
            Bound bound = await snapshot.Bound;
            lines.AddRange(Values(snapshot, bound, file, use));
            lines.Add(Costs(bound, use.Symbol, snapshot.Stopped));
        }

        return new Hover(new MarkupContent(string.Join("\n\n", lines.Where(line => line is { Length: > 0 }))), snapshot.Lines(file).RangeOf(use.Span));
    }

    /// <summary>What was written about a symbol, where it is declared or in the specification.</summary>
    public static string? Text(Symbol symbol) =>
        symbol is { IsDeclaration: true, Declaration.Documentation: { Length: > 0 } documentation } ? documentation : Specification.Of(symbol);

    private static Hover? Repetition(Snapshot snapshot, ParsedFile file, int position)
    {
        Piece word = Classifier.Classify(file, snapshot.Symbols).FirstOrDefault(piece => piece.Span.Start <= position && position <= piece.Span.End);
        return word.Kind == PieceKind.Keyword && Specification.OfRepetition(file.Source.Slice(word.Span)) is { } text
            ? new Hover(new MarkupContent(text), snapshot.Lines(file).RangeOf(word.Span))
            : null;
    }

    private static string Code(string text) => $"```weft\n{text}\n```";

    private static string Signature(Symbol symbol) => symbol switch
    {
        { Declaration: MapSyntax { Outputs: { } outputs } map, IsDeclaration: true } => symbol.Source!.Slice(TextSpan.FromBounds(map.Span.Start, outputs.Span.End)),
        { Declaration: BankSyntax bank, IsDeclaration: true } => symbol.Source!.Slice(bank.Span),
        { Kind: SymbolKind.Step } => $"layer {symbol.Signature["layer".Length..].TrimStart()}",
        _ => $"{symbol.Signature}{Kind(symbol.Kind)}",
    };

    private static string Kind(SymbolKind kind) => kind switch
    {
        SymbolKind.Size => "  // a size",
        SymbolKind.Input => "  // an input",
        SymbolKind.Output => "  // an output",
        SymbolKind.Counter => "  // a counter",
        SymbolKind.Index => "  // an index",
        _ => "",
    };

    /// <summary>The size, the shape or the number that the name comes to; where it is declared that of its uses.</summary>
    private static IEnumerable<string> Values(Snapshot snapshot, Bound bound, ParsedFile file, SymbolUse use)
    {
        IEnumerable<SymbolUse> places = use.Symbol.IsDeclaration ? [use] : snapshot.Symbols.UsesOf(use.Symbol, file.Source.Path).Prepend(use);
        IReadOnlyList<BoundPart> parts = places.Select(place => bound.Parts.At(file.Source.Path, place.Whole)).FirstOrDefault(found => found.Count > 0) ?? [];
        return parts.Select(part => $"`{(use.Whole.Length > use.Span.Length ? file.Source.Slice(use.Whole) : use.Symbol.Name)}` : `{part.Text}`{(part.Instance.Length > 0 ? $" in `{part.Instance}`" : "")}");
    }

    /// <summary>Parameters, operations and the plan of a declaration without parameters, as <c>weft explain</c> tells them.</summary>
    private static string? Costs(Bound bound, Symbol symbol, CancellationToken ct)
    {
        int number = bound.Result.Origins.ToList().FindIndex(origin => origin.Path == symbol.Source?.Path && origin.Name == symbol.Span);
        if (number < 0 || !symbol.IsDeclaration)
        {
            return null;
        }

        Module module = bound.Result.Modules[number];
        try
        {
            ExplanationReport report = Lenses.Compile(module, ct).Explanation;
            string plan = string.Concat(report.Lines("Plan").Select(line => $"\n  {line}"));
            return $"{string.Join('\n', report.Ports.Prepend(report.Title))}\n\n{string.Join("  \n", report.Facts)}{(plan.Length == 0 ? "" : $"\n\n```text\nPlan{plan}\n```")}";
        }
        catch (CompilationException exception)
        {
            return exception.Message;
        }
    }
}
