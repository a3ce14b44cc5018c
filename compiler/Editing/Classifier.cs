using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Editing;

/// <summary>What a piece of a text is, for colours.</summary>
public enum PieceKind
{
    Comment,
    Keyword,
    Text,
    Number,
    Operator,
    Name,
}

/// <summary>A piece of a text.</summary>
/// <param name="Span">The place.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Symbol">What it names, where that is known.</param>
public readonly record struct Piece(TextSpan Span, PieceKind Kind, SymbolUse? Symbol = null);

/// <summary>Cuts a text into pieces with a colour each.</summary>
public static class Classifier
{
    /// <summary>The pieces of a file in order, without brackets and blanks.</summary>
    public static IEnumerable<Piece> Classify(ParsedFile file, SymbolTable symbols)
    {
        var scanner = new Scanner(file.Source, []);
        IReadOnlyList<Token> tokens = scanner.Tokens;
        HashSet<int> starts = [.. scanner.Statements().Select(statement => statement.First)];
        Dictionary<int, SymbolUse> uses = symbols.Uses(file.Source.Path).ToDictionary(use => use.Span.Start);
        int end = 0;
        for (int i = 0; i <= tokens.Count; i++)
        {
            int next = i < tokens.Count ? tokens[i].Span.Start : file.Source.Text.Length;
            foreach (TextSpan comment in Comments(file.Source.Text, end, next))
            {
                yield return new Piece(comment, PieceKind.Comment);
            }

            if (i == tokens.Count)
            {
                yield break;
            }

            Token token = tokens[i];
            end = token.Span.End;
            if (Classify(i) is { } kind)
            {
                yield return new Piece(token.Span, kind, kind == PieceKind.Name && uses.TryGetValue(token.Span.Start, out SymbolUse use) ? use : null);
            }
        }

        PieceKind? Classify(int i) => tokens[i].Kind switch
        {
            '(' or ')' or '[' or ']' or ',' or ';' => null,
            Token.Number => PieceKind.Number,
            Token.String => PieceKind.Text,
            Token.And or Token.Or or Token.Not or Token.If or Token.Then or Token.Else => PieceKind.Keyword,
            Token.Name => IsKeyword(i) ? PieceKind.Keyword : PieceKind.Name,
            _ => PieceKind.Operator,
        };

        bool IsKeyword(int i)
        {
            string word = file.Source.Slice(tokens[i].Span);
            return (starts.Contains(i) && Words.Statements.Contains(word))
                || (i > 0 && starts.Contains(i - 1) && file.Source.Slice(tokens[i - 1].Span) == "shared")
                || (!uses.ContainsKey(tokens[i].Span.Start) && (word == Words.Rate
                    || (Words.Repetitions.Contains(word) && i + 3 < tokens.Count && tokens[i + 1].Kind == '(' && tokens[i + 3].Kind == '<')));
        }
    }

    /// <summary>The comments between two tokens.</summary>
    private static IEnumerable<TextSpan> Comments(string text, int start, int end)
    {
        while (start < end && text.IndexOf("//", start, end - start, StringComparison.Ordinal) is >= 0 and var found)
        {
            int stop = text.IndexOf('\n', found, end - found);
            stop = stop < 0 ? end : stop;
            yield return TextSpan.FromBounds(found, stop);
            start = stop;
        }
    }
}
