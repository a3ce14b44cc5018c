using Sprache;
using Weft.Compiler.Text;

namespace Weft.Compiler.Syntax;

/// <summary>What all positions of one statement share: its tokens, and the furthest place where parsing failed.</summary>
internal sealed class StatementState(SourceText source, IReadOnlyList<Token> tokens, int end)
{
    private readonly List<string> _expected = [];

    public SourceText Source => source;

    public IReadOnlyList<Token> Tokens => tokens;

    public int End => end;

    /// <summary>How many nested expressions are being parsed.</summary>
    public int Depth { get; set; }

    /// <summary>Where the nesting became too deep, or negative.</summary>
    public int TooDeepAt { get; set; } = -1;

    public int FurthestFailure { get; private set; }

    public IReadOnlyList<string> Expected => _expected;

    /// <summary>Notes what would have been accepted at a position. Only the furthest position counts.</summary>
    public void Expect(int position, string expected)
    {
        if (position > FurthestFailure)
        {
            FurthestFailure = position;
            _expected.Clear();
        }

        if (position == FurthestFailure && !_expected.Contains(expected))
        {
            _expected.Add(expected);
        }
    }
}

/// <summary>A place between two tokens, as Sprache's input: its characters are the kinds of tokens.</summary>
internal sealed class TokenInput(StatementState state, int position) : IInput
{
    private Dictionary<object, object>? _memos;

    public StatementState State => state;

    public int Position => position;

    public bool AtEnd => position >= state.End;

    public char Current => AtEnd ? Token.End : state.Tokens[position].Kind;

    public Token Token => state.Tokens[position];

    public string Source => state.Source.Text;

    public int Line => state.Source.PositionAt(Token.Span.Start).Line + 1;

    public int Column => state.Source.PositionAt(Token.Span.Start).Character + 1;

    public IDictionary<object, object> Memos => _memos ??= [];

    public IInput Advance() => new TokenInput(state, position + 1);

    public char KindAt(int offset) => position + offset < state.End ? state.Tokens[position + offset].Kind : Token.End;

    public bool Equals(IInput? other) => other is TokenInput input && input.Position == position;

    public override bool Equals(object? obj) => obj is IInput input && Equals(input);

    public override int GetHashCode() => position;
}
