using Weft.Compiler.Text;

namespace Weft.Compiler.Syntax;

/// <summary>A token. Its kind is one character, so that a grammar over characters reads tokens.</summary>
internal readonly record struct Token(char Kind, TextSpan Span)
{
    public const char Name = 'a';
    public const char Number = '0';
    public const char String = '"';
    public const char Equal = 'E';
    public const char PlusEqual = 'P';
    public const char NotEqual = 'N';
    public const char LessOrEqual = 'L';
    public const char GreaterOrEqual = 'G';
    public const char Arrow = 'R';
    public const char Range = 'D';
    public const char Kronecker = '⊗';
    public const char DirectSum = '⊕';
    public const char Transpose = '\'';
    public const char And = '&';
    public const char Or = '|';
    public const char Not = '!';
    public const char If = 'i';
    public const char Then = 't';
    public const char Else = 'e';
    public const char End = '\0';
}

/// <summary>The tokens of one statement: <c>[First, End)</c>.</summary>
/// <param name="First">The number of the first token.</param>
/// <param name="End">The number of the token behind the last.</param>
/// <param name="Documentation">The <c>///</c> comment before it.</param>
/// <param name="IsBroken">Whether its brackets or characters are wrong, which has been reported.</param>
internal sealed record Statement(int First, int End, string Documentation, bool IsBroken);

/// <summary>
/// Reads tokens, drops comments, pairs brackets and finds where statements start, so that the grammar sees one statement at a
/// time and an error in one does not hide those in the next.
/// </summary>
internal sealed class Scanner
{
    /// <summary>The words that start statements.</summary>
    public static readonly HashSet<string> Keywords =
        new(StringComparer.Ordinal) { "import", "operator", "layer", "model", "bank", "require", "param", "frozen", "seeded", "shared", "noise", "let", "penalty" };

    /// <summary>The words that no name can be, with their kinds of tokens.</summary>
    public static readonly Dictionary<string, char> Reserved = new(StringComparer.Ordinal)
    {
        ["and"] = Token.And,
        ["or"] = Token.Or,
        ["not"] = Token.Not,
        ["if"] = Token.If,
        ["then"] = Token.Then,
        ["else"] = Token.Else,
    };

    private readonly SourceText _source;
    private readonly string _text;
    private readonly List<Token> _tokens = [];
    private readonly List<int> _lineStarts = [];
    private readonly Dictionary<int, string> _documentation = [];
    private readonly HashSet<int> _brokenTokens = [];
    private readonly List<Diagnostic> _diagnostics;
    private readonly List<string> _pendingDocumentation = [];
    private int _position;
    private bool _atLineStart = true;

    public Scanner(SourceText source, List<Diagnostic> diagnostics)
    {
        _source = source;
        _text = source.Text;
        _diagnostics = diagnostics;
        ReadTokens();
    }

    public IReadOnlyList<Token> Tokens => _tokens;

    /// <summary>Splits the tokens into statements: a line that starts one ends the statement before it.</summary>
    public IEnumerable<Statement> Statements()
    {
        int next = 0;
        var open = new List<int>();
        int first = 0;
        bool broken = false;
        for (int i = 0; i < _tokens.Count; i++)
        {
            bool isLineStart = next < _lineStarts.Count && _lineStarts[next] == i;
            if (isLineStart)
            {
                next++;
                if (i > first && StartsStatement(i, open.Count == 0))
                {
                    yield return Finish(first, i, open, broken);
                    (first, broken) = (i, false);
                }
            }

            broken |= _brokenTokens.Contains(i);
            broken |= !Pair(i, open);
        }

        if (_tokens.Count > first)
        {
            yield return Finish(first, _tokens.Count, open, broken);
        }
    }

    private static char Closing(char opening) => opening == '(' ? ')' : ']';

    private Statement Finish(int first, int end, List<int> open, bool broken)
    {
        // One missing bracket is one mistake, however many it leaves open.
        if (open.Count > 0 && !broken)
        {
            Token token = _tokens[open[open.Count - 1]];
            _diagnostics.Add(DiagnosticDescriptors.UnclosedBracket.At(_source.Path, token.Span, token.Kind, Closing(token.Kind)));
            broken = true;
        }

        open.Clear();
        return new Statement(first, end, _documentation.TryGetValue(first, out string? text) ? text : "", broken);
    }

    private bool Pair(int index, List<int> open)
    {
        Token token = _tokens[index];
        if (token.Kind is '(' or '[')
        {
            open.Add(index);
            return true;
        }

        if (token.Kind is not (')' or ']'))
        {
            return true;
        }

        if (open.Count == 0)
        {
            _diagnostics.Add(DiagnosticDescriptors.MismatchedBracket.At(_source.Path, token.Span, "no closing bracket", token.Kind));
            return false;
        }

        char opening = _tokens[open[open.Count - 1]].Kind;
        open.RemoveAt(open.Count - 1);
        if (Closing(opening) == token.Kind)
        {
            return true;
        }

        _diagnostics.Add(DiagnosticDescriptors.MismatchedBracket.At(_source.Path, token.Span, $"'{Closing(opening)}'", token.Kind));
        return false;
    }

    private bool StartsStatement(int index, bool isOutsideBrackets)
    {
        char kind = _tokens[index].Kind;
        if (kind == '=')
        {
            return isOutsideBrackets;
        }

        if (kind != Token.Name)
        {
            return false;
        }

        if (Keywords.Contains(_source.Slice(_tokens[index].Span)))
        {
            // Inside brackets a keyword may be an ordinary name, as in f(\n bank, 2), or show that a bracket is missing.
            return isOutsideBrackets || KindAt(index + 1) is Token.Name or Token.String;
        }

        if (!isOutsideBrackets || KindAt(index + 1) != '[')
        {
            return false;
        }

        int depth = 0;
        for (int i = index + 1; i < _tokens.Count; i++)
        {
            depth += _tokens[i].Kind switch { '[' or '(' => 1, ']' or ')' => -1, _ => 0 };
            if (depth == 0)
            {
                return KindAt(i + 1) is '=' or Token.PlusEqual;
            }
        }

        return false;
    }

    private char KindAt(int index) => index < _tokens.Count ? _tokens[index].Kind : Token.End;

    private void ReadTokens()
    {
        while (_position < _text.Length)
        {
            char c = _text[_position];
            if (c == '\n')
            {
                _atLineStart = true;
                _position++;
            }
            else if (char.IsWhiteSpace(c) || c == '\uFEFF')
            {
                _position++;
            }
            else if (c == '/' && Peek(1) == '/')
            {
                ReadComment();
            }
            else
            {
                ReadToken(c);
            }
        }
    }

    private char Peek(int offset) => _position + offset < _text.Length ? _text[_position + offset] : '\0';

    private void ReadComment()
    {
        int end = _text.IndexOf('\n', _position);
        string comment = _text.Substring(_position, (end < 0 ? _text.Length : end) - _position).TrimEnd();
        _position += end < 0 ? _text.Length - _position : end - _position;
        if (_atLineStart && comment.StartsWith("///", StringComparison.Ordinal))
        {
            _pendingDocumentation.Add(comment.Length > 3 && comment[3] == ' ' ? comment.Substring(4) : comment.Substring(3));
        }
    }

    private void ReadToken(char c)
    {
        int start = _position;
        if (IsNameStart(c))
        {
            while (_position < _text.Length && (IsNameStart(_text[_position]) || char.IsDigit(_text[_position])))
            {
                _position++;
            }

            Add(Reserved.TryGetValue(_text.Substring(start, _position - start), out char word) ? word : Token.Name, start);
        }
        else if (c is >= '0' and <= '9')
        {
            ReadNumber();
            Add(Token.Number, start);
        }
        else if (c == '"')
        {
            ReadString(start);
        }
        else
        {
            (char kind, int length) = Symbol(c);
            _position += length;
            if (kind == Token.End)
            {
                _position += char.IsHighSurrogate(c) && char.IsLowSurrogate(Peek(0)) ? 1 : 0;
                var span = TextSpan.FromBounds(start, _position);
                _diagnostics.Add(DiagnosticDescriptors.UnexpectedCharacter.At(_source.Path, span, _source.Slice(span), RemedyOf(c)));
                _brokenTokens.Add(_tokens.Count == 0 || _atLineStart ? _tokens.Count : _tokens.Count - 1);
                return;
            }

            Add(kind, start);
        }
    }

    private void ReadNumber()
    {
        SkipDigits();
        if (Peek(0) == '.' && char.IsDigit(Peek(1)))
        {
            _position++;
            SkipDigits();
        }

        int sign = Peek(1) is '+' or '-' ? 1 : 0;
        if (Peek(0) is 'e' or 'E' && char.IsDigit(Peek(1 + sign)))
        {
            _position += 1 + sign;
            SkipDigits();
        }
    }

    private void SkipDigits()
    {
        while (Peek(0) is >= '0' and <= '9')
        {
            _position++;
        }
    }

    private void ReadString(int start)
    {
        do
        {
            _position++;
        }
        while (Peek(0) is not ('"' or '\n' or '\r' or '\0'));

        if (Peek(0) == '"')
        {
            _position++;
        }
        else
        {
            _diagnostics.Add(DiagnosticDescriptors.UnterminatedString.At(_source.Path, TextSpan.FromBounds(start, _position)));
            _brokenTokens.Add(_tokens.Count);
        }

        Add(Token.String, start);
    }

    private void Add(char kind, int start)
    {
        if (_atLineStart)
        {
            _atLineStart = false;
            _lineStarts.Add(_tokens.Count);
            if (_pendingDocumentation.Count > 0)
            {
                _documentation[_tokens.Count] = string.Join("\n", _pendingDocumentation);
                _pendingDocumentation.Clear();
            }
        }

        _tokens.Add(new Token(kind, TextSpan.FromBounds(start, _position)));
    }

    private static bool IsNameStart(char c) => c != 'ᵀ' && (char.IsLetter(c) || c == '_');

    /// <summary>What to write for a symbol of mathematics or of another language.</summary>
    private static Remedy RemedyOf(char symbol) => symbol switch
    {
        '@' or '·' or '×' or '⋅' => new(": a product is written with '*'", "*"),
        '²' => new(": a square is written a^2", "^2"),
        '³' => new(": a cube is written a^3", "^3"),
        '#' => new(": a comment starts with '//'", "//"),
        '∘' => new(": links are joined by '.'", "."),
        '→' => new(": the arrow is written '->'", "->"),
        '≤' => new(": write '<='", "<="),
        '≥' => new(": write '>='", ">="),
        '≠' => new(": write '!='", "!="),
        '!' => new(": write '!=' or 'not'"),
        '&' => new(": write 'and'"),
        '|' => new(": write 'or'"),
        '†' or '⊤' => new(": a transpose is written A'", "'"),
        '{' or '}' => new(": a list or a block is written in [ ], and a declaration needs no braces"),
        _ => new(""),
    };

    private (char Kind, int Length) Symbol(char c) => (c, Peek(1), Peek(2)) switch
    {
        ('=', '=', _) => (Token.Equal, 2),
        ('+', '=', _) => (Token.PlusEqual, 2),
        ('!', '=', _) => (Token.NotEqual, 2),
        ('<', '=', _) => (Token.LessOrEqual, 2),
        ('>', '=', _) => (Token.GreaterOrEqual, 2),
        ('-', '>', _) => (Token.Arrow, 2),
        ('.', '.', _) => (Token.Range, 2),
        ('<', '*', '>') => (Token.Kronecker, 3),
        ('<', '+', '>') => (Token.DirectSum, 3),
        ('ᵀ', _, _) => (Token.Transpose, 1),
        ('⊗' or '⊕' or '(' or ')' or '[' or ']' or ',' or ';' or ':' or '=' or '+' or '-' or '*' or '/' or '%' or '^' or '<' or '>' or '~' or '.' or '\'', _, _) => (c, 1),
        _ => (Token.End, 1),
    };
}
