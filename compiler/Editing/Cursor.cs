using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Editing;

/// <summary>What is expected at a place.</summary>
public enum Expected
{
    /// <summary>A new name, or the text of a comment: nothing that is known.</summary>
    Nothing,
    Statement,
    Expression,
    Distribution,
    Format,

    /// <summary>The name of a file.</summary>
    File,
}

/// <summary>Where in a text someone types, by the tokens before it: the text is rarely right at that moment.</summary>
/// <param name="Expected">What is expected there.</param>
/// <param name="Word">The place of what is there of a word already.</param>
/// <param name="Call">The place of the name of the innermost call around it; null outside calls.</param>
/// <param name="Argument">Which of the call's arguments it is in, from 0.</param>
/// <param name="Names">The names before it in its statement, which may be indices and counters of it.</param>
public sealed record Cursor(Expected Expected, TextSpan Word, TextSpan? Call, int Argument, IReadOnlyList<string> Names)
{
    /// <summary>The place after so many characters of a text.</summary>
    public static Cursor At(SourceText source, int position)
    {
        var before = new SourceText(source.Path, source.Text.Substring(0, position));
        var scanner = new Scanner(before, []);
        List<Token> tokens = [.. scanner.Tokens];
        bool isTouched = tokens.Count > 0 && tokens[tokens.Count - 1] is { Kind: Token.Name or Token.String } last && last.Span.End == position;
        TextSpan word = isTouched ? tokens[tokens.Count - 1].Span : new TextSpan(position, 0);
        bool isFile = isTouched && tokens[tokens.Count - 1].Kind == Token.String;
        if (isTouched)
        {
            tokens.RemoveAt(tokens.Count - 1);
        }

        int end = tokens.Count > 0 ? tokens[tokens.Count - 1].Span.End : 0;
        string gap = before.Text.Substring(end, word.Start - end);
        int comment = gap.LastIndexOf("//", StringComparison.Ordinal);
        if (comment >= 0 && gap.IndexOf('\n', comment) < 0)
        {
            return new Cursor(Expected.Nothing, word, null, 0, []);
        }

        // What is being typed may begin a statement only once it is a word that does.
        int first = scanner.Statements().Select(statement => statement.First).LastOrDefault();
        first = Math.Min(first, tokens.Count);
        (int opening, int argument) = Innermost(tokens, first);
        TextSpan? call = opening > first && tokens[opening].Kind == '(' && tokens[opening - 1].Kind == Token.Name ? tokens[opening - 1].Span : null;
        bool startsLine = tokens.Count == 0 || gap.Contains('\n');
        Expected expected = isFile ? Expected.File
            : startsLine && opening < 0 ? Expected.Statement
            : ExpectedAfter(source, tokens, first, opening, argument);
        return new Cursor(expected, word, call, argument, [.. tokens.Skip(first).Where(token => token.Kind == Token.Name).Select(token => source.Slice(token.Span)).Distinct()]);
    }

    /// <summary>The bracket of a statement that is open at its end, and how many commas follow it; negative where none is.</summary>
    private static (int Opening, int Commas) Innermost(List<Token> tokens, int first)
    {
        int depth = 0, commas = 0;
        for (int i = tokens.Count - 1; i >= first; i--)
        {
            switch (tokens[i].Kind)
            {
                case ')' or ']':
                    depth++;
                    break;
                case '(' or '[' when depth == 0:
                    return (i, commas);
                case '(' or '[':
                    depth--;
                    break;
                case ',' when depth == 0:
                    commas++;
                    break;
            }
        }

        return (-1, 0);
    }

    private static Expected ExpectedAfter(SourceText source, List<Token> tokens, int first, int opening, int argument)
    {
        string Text(int i) => i >= 0 && i < tokens.Count ? source.Slice(tokens[i].Span) : "";

        int last = tokens.Count - 1;
        if (tokens[last].Kind == '~')
        {
            return Expected.Distribution;
        }

        bool isRole = opening > 0 && opening <= first + 2;
        if (isRole && ((Text(opening - 1) is "param" or "frozen" && argument == 0) || (Text(opening - 1) == "seeded" && argument == 1)))
        {
            return Expected.Format;
        }

        // Behind these words, and between the tensors of a statement, names are new; so they are before the arrow of a signature's ports.
        bool isNew = opening < 0 && Text(first) is var word && (Words.Declarations.Contains(word) || word is "let" or "param" or "frozen" or "seeded" or "shared")
            && (last == first || (word is not ("let" or "import") && !Words.Declarations.Contains(word) && (tokens[last].Kind is ',' or ')' || Words.Statements.Contains(Text(last)))));
        return isNew ? Expected.Nothing : Expected.Expression;
    }
}
