using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;

namespace Weft.LanguageServer;

/// <summary>Colours of the pieces of a text, by what names mean.</summary>
internal static class Colours
{
    private const int Declares = 1, IsOfLanguage = 2;

    private static readonly string[] s_types =
        ["comment", "keyword", "string", "number", "operator", "function", "property", "typeParameter", "variable", "parameter", "enumMember"];

    public static SemanticTokensLegend Legend { get; } = new(s_types, ["declaration", "defaultLibrary"]);

    public static SemanticTokens Of(Snapshot snapshot, ParsedFile file)
    {
        var data = new List<int>();
        var last = new Position(0, 0);
        foreach (Piece piece in Classifier.Classify(file, snapshot.Symbols))
        {
            string? type = TypeOf(piece);
            Position start = snapshot.Lines(file).PositionOf(piece.Span.Start);
            if (type is null)
            {
                continue;
            }

            int modifiers = piece.Symbol is { } use ? (use.IsDeclaration ? Declares : 0) | (use.Symbol.Source is null || use.Symbol.IsStandard ? IsOfLanguage : 0) : 0;
            data.AddRange([start.Line - last.Line, start.Line == last.Line ? start.Character - last.Character : start.Character, piece.Span.Length, Array.IndexOf(s_types, type), modifiers]);
            last = start;
        }

        return new SemanticTokens([.. data]);
    }

    private static string? TypeOf(Piece piece) => piece.Kind switch
    {
        PieceKind.Comment => "comment",
        PieceKind.Keyword => "keyword",
        PieceKind.Text => "string",
        PieceKind.Number => "number",
        PieceKind.Operator => "operator",
        _ => piece.Symbol?.Symbol.Kind switch
        {
            SymbolKind.Operator or SymbolKind.Layer or SymbolKind.Model or SymbolKind.Function or SymbolKind.Link => "function",
            SymbolKind.Step => "property",
            SymbolKind.Size => "typeParameter",
            SymbolKind.Input or SymbolKind.Output => "parameter",
            SymbolKind.Distribution or SymbolKind.Format or SymbolKind.Property => "enumMember",
            null => null,
            _ => "variable",
        },
    };
}
