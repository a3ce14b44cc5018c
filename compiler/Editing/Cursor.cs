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

    /// <summary>What a tensor is declared to be, or what else can stand behind its shape.</summary>
    Property,

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
        int first = Math.Min(scanner.Statements().Select(statement => statement.First).LastOrDefault(), tokens.Count);
        List<(int Opening, int Commas)> open = Open(tokens, first);
        (int opening, int argument) = open.Where(bracket => bracket.Opening > first && tokens[bracket.Opening].Kind == '(' && tokens[bracket.Opening - 1].Kind == Token.Name).DefaultIfEmpty((-1, 0)).Last();
        Expected expected = isFile ? Expected.File
            : open.Count == 0 && (tokens.Count == 0 || gap.Contains('\n')) ? Expected.Statement
            : ExpectedAfter(source, tokens, first, open.Count == 0, opening, argument);
        IEnumerable<string> names = tokens.Skip(first).Where(token => token.Kind == Token.Name).Select(token => source.Slice(token.Span)).Distinct();
        return new Cursor(expected, word, opening < 0 ? null : tokens[opening - 1].Span, argument, [.. names]);
    }

    /// <summary>The brackets of a statement that are open at its end, outermost first, and how many commas follow each.</summary>
    private static List<(int Opening, int Commas)> Open(List<Token> tokens, int first)
    {
        var open = new List<(int Opening, int Commas)>();
        for (int i = first; i < tokens.Count; i++)
        {
            int last = open.Count - 1;
            switch (tokens[i].Kind)
            {
                case '(' or '[':
                    open.Add((i, 0));
                    break;
                case ')' or ']' when last >= 0:
                    open.RemoveAt(last);
                    break;
                case ',' when last >= 0:
                    open[last] = (open[last].Opening, open[last].Commas + 1);
                    break;
            }
        }

        return open;
    }

    private static Expected ExpectedAfter(SourceText source, List<Token> tokens, int first, bool isOutside, int opening, int argument)
    {
        string Text(int i) => i >= 0 ? source.Slice(tokens[i].Span) : "";

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

        if (isOutside && tokens[last].Kind == ']' && Text(first) is "param" or "frozen" or "seeded" or "shared")
        {
            return Expected.Property;
        }

        // Names are new behind the words that declare them, and between the tensors of a statement.
        bool declaresTensors = Text(first) is "param" or "frozen" or "seeded" or "shared" or "noise";
        bool isNew = last == first
            ? declaresTensors || Text(first) == "let" || Words.Declarations.Contains(Text(first))
            : declaresTensors && (tokens[last].Kind is ',' or ')' || Words.Statements.Contains(Text(last)));
        return !(isOutside && isNew) ? Expected.Expression : Text(last) == "shared" ? Expected.Statement : Expected.Nothing;
    }
}
