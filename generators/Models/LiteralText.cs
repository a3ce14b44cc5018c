using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.Compiler.Text;

namespace Weft.Generators.Models;

/// <summary>
/// The C# source of a string: leads from a range in the string's value back to the characters that wrote it, through escapes
/// and through the indentation that a raw string drops.
/// </summary>
/// <param name="Place">The whole expression.</param>
/// <param name="Token">The literal's text with its quotes; null for anything else, whose parts have no places of their own.</param>
internal sealed record LiteralText(Place Place, string? Token)
{
    public static LiteralText Of(ExpressionSyntax expression)
    {
        while (expression is ParenthesizedExpressionSyntax parenthesized)
        {
            expression = parenthesized.Expression;
        }

        return new LiteralText(
            Place.Of(expression.GetLocation()),
            expression is LiteralExpressionSyntax && expression.IsKind(SyntaxKind.StringLiteralExpression) ? expression.ToString() : null);
    }

    /// <summary>The place of a range of the value.</summary>
    public Place Locate(TextSpan span)
    {
        if (Token is null)
        {
            return Place;
        }

        List<TextSpan> characters = Characters(Token);
        int start = span.Start < characters.Count ? characters[span.Start].Start : EndOf(characters);
        int end = span.Length > 0 && span.End <= characters.Count ? characters[span.End - 1].End : start;
        var token = new SourceText(Place.Path, Token);
        var startPosition = token.PositionAt(start);
        var endPosition = token.PositionAt(end);
        return new Place(
            Place.Path,
            Place.Start + start,
            end - start,
            Place.StartLine + startPosition.Line,
            startPosition.Character + (startPosition.Line == 0 ? Place.StartColumn : 0),
            Place.StartLine + endPosition.Line,
            endPosition.Character + (endPosition.Line == 0 ? Place.StartColumn : 0));
    }

    /// <summary>How the literal writes a text that is to stand in its value; null where it is no literal.</summary>
    public string? Write(string text)
    {
        if (Token is null)
        {
            return null;
        }

        if (Token[0] == '@')
        {
            return text.Replace("\"", "\"\"");
        }

        string quoted = SymbolDisplay.FormatLiteral(text, quote: true);
        return Quotes(Token) < 3 ? quoted.Substring(1, quoted.Length - 2) : text.Replace("\n", "\n" + Token.Substring(Token.LastIndexOf('\n') + 1).TrimEnd('"'));
    }

    private int EndOf(List<TextSpan> characters) => characters.Count > 0 ? characters[characters.Count - 1].End : Token!.IndexOf('"') + 1;

    /// <summary>For each character of the value, the characters of the token that wrote it.</summary>
    private static List<TextSpan> Characters(string token)
    {
        if (token[0] == '@')
        {
            return Verbatim(token);
        }

        int quotes = Quotes(token);
        if (quotes < 3)
        {
            return Regular(token);
        }

        return token.IndexOf('\n') < 0 ? Consecutive(quotes, token.Length - quotes) : Raw(token, quotes);
    }

    private static int Quotes(string token) => token.TakeWhile(character => character == '"').Count();

    private static List<TextSpan> Consecutive(int start, int end) =>
        Enumerable.Range(start, end - start).Select(position => new TextSpan(position, 1)).ToList();

    private static List<TextSpan> Verbatim(string token)
    {
        var characters = new List<TextSpan>();
        for (int i = 2; i < token.Length - 1;)
        {
            int length = token[i] == '"' ? 2 : 1;
            characters.Add(new TextSpan(i, length));
            i += length;
        }

        return characters;
    }

    private static List<TextSpan> Regular(string token)
    {
        var characters = new List<TextSpan>();
        for (int i = 1; i < token.Length - 1;)
        {
            int length = token[i] != '\\' ? 1 : token[i + 1] switch
            {
                'u' => 6,
                'U' => 10,
                'x' => 2 + token.Skip(i + 2).Take(4).TakeWhile(Uri.IsHexDigit).Count(),
                _ => 2,
            };
            characters.Add(new TextSpan(i, length));
            if (length == 10 && int.Parse(token.Substring(i + 2, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture) > char.MaxValue)
            {
                characters.Add(new TextSpan(i, length)); // one escape, a pair of surrogates
            }

            i += length;
        }

        return characters;
    }

    /// <summary>The lines between the quotes' own, without the white space that stands before the closing quotes.</summary>
    private static List<TextSpan> Raw(string token, int quotes)
    {
        var characters = new List<TextSpan>();
        int closing = token.LastIndexOf('\n', token.Length - quotes - 1);
        int indentation = token.Length - quotes - closing - 1;
        int end = token[closing - 1] == '\r' ? closing - 1 : closing;
        int lineStart = token.IndexOf('\n') + 1;
        while (lineStart <= end)
        {
            int newLine = token.IndexOf('\n', lineStart);
            int lineEnd = newLine < closing ? newLine + 1 : end;
            int text = lineStart;
            while (text < lineEnd && text < lineStart + indentation && token[text] is not ('\r' or '\n'))
            {
                text++;
            }

            characters.AddRange(Consecutive(text, lineEnd));
            lineStart = newLine + 1;
        }

        return characters;
    }
}
