using System.Text;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Editing;

/// <summary>
/// The one style of Weft's texts: blanks between tokens, indentation and ends of lines. Words, lines and comments stay where they are, so that the
/// text means what it meant. A size that is written without blanks, <c>t*n</c>, stays so.
/// </summary>
public static class Formatter
{
    /// <summary>The text of a file in that style; null where the file cannot be read, which its diagnostics tell.</summary>
    public static string? Format(ParsedFile file) => file.Diagnostics.Count > 0 ? null : new Writer(file.Source).Write();

    /// <summary>One line break or more before a piece of the text, or none.</summary>
    private readonly record struct Gap(int Start, int End, int LineBreaks)
    {
        public bool IsEmpty => Start == End;
    }

    private readonly record struct Comment(Gap Before, string Text, int Column);

    private sealed class Writer
    {
        private const int Step = 2;

        private readonly SourceText _source;
        private readonly IReadOnlyList<Token> _tokens;
        private readonly StringBuilder _output = new();
        private readonly string _lineEnd;

        /// <summary>For each token the first of its statement, the brackets that are open before it, and what is before it.</summary>
        private readonly int[] _statement;
        private readonly int[] _depth;
        private readonly Gap[] _before;

        /// <summary>The comments before a token, or behind the last.</summary>
        private readonly List<Comment>[] _comments;

        /// <summary>Tokens from the <c>=</c> of a statement on.</summary>
        private readonly HashSet<int> _bodies = [];

        /// <summary>Brackets that close the head of a repetition, behind which a bracket is no suffix.</summary>
        private readonly HashSet<int> _heads = [];

        public Writer(SourceText source)
        {
            _source = source;
            var scanner = new Scanner(source, []);
            _tokens = scanner.Tokens;
            int lineEnd = source.Text.IndexOf('\n');
            _lineEnd = lineEnd > 0 && source.Text[lineEnd - 1] == '\r' ? "\r\n" : "\n";
            _statement = new int[_tokens.Count];
            _depth = new int[_tokens.Count];
            _before = new Gap[_tokens.Count + 1];
            _comments = new List<Comment>[_tokens.Count + 1];
            foreach (Statement statement in scanner.Statements())
            {
                ReadBrackets(statement);
            }

            for (int i = 0; i <= _tokens.Count; i++)
            {
                ReadGap(i);
            }
        }

        public string Write()
        {
            for (int i = 0; i <= _tokens.Count; i++)
            {
                for (int k = 0; k < _comments[i].Count; k++)
                {
                    Comment comment = _comments[i][k];
                    if (comment.Before.LineBreaks == 0 && _output.Length > 0)
                    {
                        _output.Append(' ', Math.Max(1, comment.Before.End - comment.Before.Start));
                    }
                    else
                    {
                        Break(comment.Before, IndentOfComment(i, k));
                    }

                    _output.Append(comment.Text);
                }

                if (i < _tokens.Count)
                {
                    if (_before[i].LineBreaks > 0 || i == 0)
                    {
                        Break(_before[i], IndentOf(i));
                    }
                    else if (HasBlank(i))
                    {
                        _output.Append(' ');
                    }

                    _output.Append(_source.Slice(_tokens[i].Span));
                }
            }

            return _output.Length == 0 ? "" : _output.Append(_lineEnd).ToString();
        }

        private char Kind(int i) => i >= 0 && i < _tokens.Count ? _tokens[i].Kind : Token.End;

        private bool IsWord(int i, string word) => Kind(i) == Token.Name && _source.Slice(_tokens[i].Span) == word;

        private bool IsFirst(int i) => _statement[i] == i;

        private void ReadBrackets(Statement statement)
        {
            var open = new Stack<int>();
            bool isBody = false;
            for (int i = statement.First; i < statement.End; i++)
            {
                _statement[i] = statement.First;
                _depth[i] = open.Count;
                isBody |= open.Count == 0 && Kind(i) == '=';
                if (isBody)
                {
                    _bodies.Add(i);
                }

                if (Kind(i) is '(' or '[')
                {
                    open.Push(i);
                }
                else if (Kind(i) is ')' or ']')
                {
                    int opening = open.Pop();
                    if (Kind(opening + 1) == Token.Name && Kind(opening + 2) == '<' && opening > 0
                        && Kind(opening - 1) == Token.Name && Grammar.Combinators.Contains(_source.Slice(_tokens[opening - 1].Span)))
                    {
                        _heads.Add(i);
                    }
                }
            }
        }

        /// <summary>What stands between two tokens: comments, and breaks of lines before each of them and before the token.</summary>
        private void ReadGap(int token)
        {
            string text = _source.Text;
            int start = token == 0 ? 0 : _tokens[token - 1].Span.End;
            int end = token == _tokens.Count ? text.Length : _tokens[token].Span.Start;
            _comments[token] = [];
            int breaks = 0;
            for (int position = start; position < end; position++)
            {
                if (text[position] == '\n')
                {
                    breaks++;
                }
                else if (text[position] == '/')
                {
                    int stop = text.IndexOf('\n', position, end - position);
                    stop = stop < 0 ? end : stop;
                    int column = position - text.LastIndexOf('\n', position) - 1;
                    _comments[token].Add(new Comment(new Gap(start, position, breaks), text.Substring(position, stop - position).TrimEnd(), column));
                    (start, position, breaks) = (stop, stop - 1, 0);
                }
            }

            _before[token] = new Gap(start, end, breaks);
        }

        /// <summary>Begins a line; of several empty ones before it one stays.</summary>
        private void Break(Gap before, int indent)
        {
            if (_output.Length > 0)
            {
                _output.Append(_lineEnd).Append(before.LineBreaks > 1 ? _lineEnd : "");
            }

            _output.Append(' ', indent);
        }

        private int IndentOf(int token)
        {
            int first = _statement[token];
            bool isStep = IsWord(first, "layer") && Kind(first + 2) == '=';
            bool isTop = Kind(first) == Token.Name && WeftParser.Declarations.Contains(_source.Slice(_tokens[first].Span)) && !isStep;
            int indent = isTop ? 0 : Step;
            if (first == token)
            {
                return indent;
            }

            int depth = _depth[token];
            for (int i = token; Kind(i) is ')' or ']' && _statement[i] == first; i++)
            {
                depth--;
            }

            // The terms of a sum and the links of a chain stand below one another.
            return depth == 0 && Kind(first) == '=' && IsOperator(token) ? indent : indent + Step + (Step * depth);
        }

        /// <summary>A comment goes with what follows it, but one inside a declaration that an empty line ends stays there.</summary>
        private int IndentOfComment(int token, int number)
        {
            Comment comment = _comments[token][number];
            if (token < _tokens.Count && (IndentOf(token) > 0 || token == 0))
            {
                return IndentOf(token);
            }

            bool isApart = token == _tokens.Count || _before[token].LineBreaks > 1 || _comments[token].Skip(number + 1).Any(next => next.Before.LineBreaks > 1);
            return isApart && comment.Column > 0 && token > 0 ? Step : 0;
        }

        private bool HasBlank(int token)
        {
            int before = token - 1;
            (char left, char right) = (Kind(before), Kind(token));
            if (left is '(' or '[' || right is ')' or ']' or ',' or ';')
            {
                return false;
            }

            if (left is ',' or ';')
            {
                return true;
            }

            // A signature's, or that before an extent.
            if (left == ':' || right == ':')
            {
                return _depth[token] == 0 || (IndentOf(_statement[token]) == 0 && !_bodies.Contains(token));
            }

            if (left is Token.Range or '^' || right is Token.Range or '^' or Token.Transpose || IsSign(before))
            {
                return false;
            }

            if (IsArithmetic(before) || IsArithmetic(token))
            {
                // Sizes may be written without blanks: those of a signature, and in brackets.
                int operation = IsArithmetic(before) ? before : token;
                bool isSize = _depth[operation] > 0 || (IndentOf(_statement[operation]) == 0 && !_bodies.Contains(operation));
                return !isSize || !_before[operation].IsEmpty || !_before[operation + 1].IsEmpty;
            }

            if (right is not ('(' or '[') || IsOperator(before))
            {
                return true;
            }

            return left switch
            {
                Token.Name when IsRate(before) => !_before[token].IsEmpty,
                Token.Name => IsFirst(before) && IsWord(before, "require"),
                '=' or Token.PlusEqual or Token.Arrow or '~' or Token.Not or Token.If or Token.Then or Token.Else => true,
                _ => right == '(' || _heads.Contains(before),
            };
        }

        /// <summary>Whether it joins two operands, as in a sum or a chain.</summary>
        private bool IsOperator(int token) =>
            IsArithmetic(token) || Kind(token) is '.' or '<' or '>' or Token.LessOrEqual or Token.GreaterOrEqual or Token.Equal or Token.NotEqual or Token.And or Token.Or or Token.Kronecker or Token.DirectSum;

        private bool IsArithmetic(int token) => Kind(token) is '+' or '*' or '/' or '%' or '-' && !IsSign(token);

        /// <summary>Whether it is a minus before its operand.</summary>
        private bool IsSign(int token) => Kind(token) == '-' && (IsFirst(token)
            || Kind(token - 1) is not (Token.Name or Token.Number or ')' or ']' or Token.Transpose)
            || (IsFirst(token - 1) && IsWord(token - 1, "require"))
            || IsRate(token - 1));

        /// <summary>The word before a rate of learning, or a tensor of that name.</summary>
        private bool IsRate(int token) => IsWord(token, "rate") && _depth[token] == 0
            && Kind(_statement[token]) == Token.Name && _source.Slice(_tokens[_statement[token]].Span) is "param" or "frozen" or "seeded" or "shared";
    }
}
