using Weft.Compiler.Text;

namespace Weft.Compiler.Syntax;

/// <summary>A piece of a text as it was written.</summary>
/// <param name="Span">The exact place of the piece, without the blanks around it.</param>
public abstract record SyntaxNode(TextSpan Span);

/// <summary>A name where it is declared.</summary>
public sealed record Identifier(string Text, TextSpan Span) : SyntaxNode(Span);

/// <summary>A parsed text.</summary>
/// <param name="Source">The text that was parsed.</param>
/// <param name="Syntax">The trees of what could be read.</param>
/// <param name="Diagnostics">The reasons why the rest could not be read.</param>
public sealed record ParsedFile(SourceText Source, FileSyntax Syntax, EquatableArray<Diagnostic> Diagnostics);

/// <summary>All of a file.</summary>
public sealed record FileSyntax(
    EquatableArray<ImportSyntax> Imports,
    EquatableArray<DeclarationSyntax> Declarations,
    TextSpan Span) : SyntaxNode(Span);

/// <summary><c>import "file.weft"</c>.</summary>
public sealed record ImportSyntax(string File, TextSpan Span) : SyntaxNode(Span);

/// <summary>A declaration at the top of a file.</summary>
/// <param name="Name">The name that it declares.</param>
/// <param name="Documentation">The text of its <c>///</c> comment.</param>
/// <param name="IsBroken">Whether a part of it could not be read: it is then known by name only.</param>
/// <param name="Span">The place of the whole.</param>
public abstract record DeclarationSyntax(Identifier Name, string Documentation, bool IsBroken, TextSpan Span) : SyntaxNode(Span);

/// <summary><c>bank NAME[h, b] ~ distribution</c>.</summary>
public sealed record BankSyntax(
    Identifier Name,
    string Documentation,
    bool IsBroken,
    EquatableArray<ExpressionSyntax> Shape,
    DistributionSyntax? Distribution,
    TextSpan Span) : DeclarationSyntax(Name, Documentation, IsBroken, Span);

/// <summary>Which of the declarations that become modules one is.</summary>
public enum MapKind
{
    Operator,
    Layer,
    Model,
}

/// <summary>An operator, a layer or a model.</summary>
/// <param name="Kind">Which of the three it is.</param>
/// <param name="Name">The name that it declares.</param>
/// <param name="Documentation">The text of its <c>///</c> comment.</param>
/// <param name="IsBroken">Whether a part of it could not be read.</param>
/// <param name="Parameters">What it is generic over: sizes, tensors and maps.</param>
/// <param name="Inputs">What stands before the arrow; null only when broken.</param>
/// <param name="Outputs">What stands after the arrow; null only when broken.</param>
/// <param name="Clauses">Requirements, tensors and lets, in order.</param>
/// <param name="Body">The formula; null only when broken.</param>
/// <param name="Span">The place of the whole.</param>
public sealed record MapSyntax(
    MapKind Kind,
    Identifier Name,
    string Documentation,
    bool IsBroken,
    EquatableArray<ParameterSyntax> Parameters,
    ExpressionSyntax? Inputs,
    ExpressionSyntax? Outputs,
    EquatableArray<ClauseSyntax> Clauses,
    BodySyntax? Body,
    TextSpan Span) : DeclarationSyntax(Name, Documentation, IsBroken, Span)
{
    /// <summary>The names in statements that could not be read, which may declare them.</summary>
    public EquatableArray<string> Unread { get; init; }
}

/// <summary><c>n</c>, <c>m[]</c>, <c>alpha = r</c>, <c>f : n -> m</c>, <c>T : [m, n]</c>: what a declaration takes.</summary>
/// <param name="Name">The name by which it is known inside.</param>
/// <param name="Kind">What an argument has to be.</param>
/// <param name="Default">What stands for it where it is left out; null where it may not be.</param>
/// <param name="Span">The place of the whole.</param>
public sealed record ParameterSyntax(Identifier Name, ParameterKindSyntax Kind, ExpressionSyntax? Default, TextSpan Span) : SyntaxNode(Span);

/// <summary>What an argument of a declaration has to be.</summary>
public abstract record ParameterKindSyntax(TextSpan Span) : SyntaxNode(Span)
{
    /// <summary>The extents that it mentions. A name among them that is not known before is that of the argument's own.</summary>
    public abstract IEnumerable<ExpressionSyntax> Extents { get; }
}

/// <summary>A number.</summary>
public sealed record NumberKindSyntax(TextSpan Span) : ParameterKindSyntax(Span)
{
    public override IEnumerable<ExpressionSyntax> Extents => [];
}

/// <summary><c>[]</c>: a list of numbers.</summary>
public sealed record ListKindSyntax(TextSpan Span) : ParameterKindSyntax(Span)
{
    public override IEnumerable<ExpressionSyntax> Extents => [];
}

/// <summary><c>: n -> m</c>: an operator, or in what a layer takes any chain.</summary>
public sealed record MapKindSyntax(ExpressionSyntax Inputs, ExpressionSyntax Outputs, TextSpan Span) : ParameterKindSyntax(Span)
{
    public override IEnumerable<ExpressionSyntax> Extents => [Inputs, Outputs];
}

/// <summary><c>: [m, n]</c>: a tensor.</summary>
public sealed record TensorKindSyntax(EquatableArray<ExpressionSyntax> Shape, TextSpan Span) : ParameterKindSyntax(Span)
{
    public override IEnumerable<ExpressionSyntax> Extents => Shape;
}

/// <summary>
/// <c>x[t, n], token[t] &lt; v</c> on one side of a signature: inputs or outputs with names and shapes, which lie one behind the other in a row. As a
/// number it is the length of that row.
/// </summary>
public sealed record PortsSyntax(EquatableArray<PortSyntax> Ports, TextSpan Span) : ExpressionSyntax(Span);

/// <summary>An input or an output with a name and a shape.</summary>
/// <param name="Name">The name of the port; null where what was written is none with a shape.</param>
/// <param name="Shape">The extent of each axis.</param>
/// <param name="Limit">What its elements, which are positions, are below; null for numbers.</param>
/// <param name="Span">The place of the whole.</param>
public sealed record PortSyntax(Identifier? Name, EquatableArray<ExpressionSyntax> Shape, ExpressionSyntax? Limit, TextSpan Span) : SyntaxNode(Span);

/// <summary>The formula of a declaration.</summary>
public abstract record BodySyntax(TextSpan Span) : SyntaxNode(Span);

/// <summary><c>= gelu . bias . A</c>: the last link is applied first. An operator has one link.</summary>
public sealed record ChainBody(EquatableArray<ExpressionSyntax> Links, TextSpan Span) : BodySyntax(Span);

/// <summary><c>y[i a] = U[i, r] * x[j]</c>.</summary>
public sealed record IndexBody(
    Identifier Result,
    EquatableArray<IndexGroupSyntax> Axes,
    EquatableArray<IndexTermSyntax> Terms,
    TextSpan Span) : BodySyntax(Span)
{
    /// <summary>Whether it is written <c>+=</c>: at positions by data, where terms add.</summary>
    public bool Adds { get; init; }
}

/// <summary>Index notation for each of several outputs that have names.</summary>
public sealed record ResultsBody(EquatableArray<IndexBody> Results, TextSpan Span) : BodySyntax(Span);

/// <summary>The steps of a model, in the order of application.</summary>
public sealed record ModelBody(EquatableArray<ModelStepSyntax> Steps, TextSpan Span) : BodySyntax(Span);

/// <summary><c>layer stem = gelu . bias . dense(256, 784)</c> inside a model.</summary>
public sealed record ModelStepSyntax(Identifier Name, ChainBody Body, TextSpan Span) : SyntaxNode(Span);

/// <summary>A statement between a signature and a body.</summary>
public abstract record ClauseSyntax(TextSpan Span) : SyntaxNode(Span);

/// <summary><c>require n % b == 0</c>.</summary>
public sealed record RequireSyntax(ExpressionSyntax Condition, TextSpan Span) : ClauseSyntax(Span);

/// <summary><c>int4, 32</c>: how a tensor is stored, and the length of a group with a scale of its own.</summary>
public sealed record FormatSyntax(Identifier Name, ExpressionSyntax? Group, TextSpan Span) : SyntaxNode(Span);

/// <summary><c>shared seeded(7, bf16) A[r, n] ~ normal(1), …</c>, or <c>noise m[n] ~ dropout(0.1), …</c>, which has no role.</summary>
public sealed record TensorsSyntax(
    bool IsShared,
    Role? Role,
    ExpressionSyntax? Seed,
    FormatSyntax? Format,
    EquatableArray<TensorSyntax> Tensors,
    TextSpan Span) : ClauseSyntax(Span);

/// <summary><c>A[n, n] symmetric ~ zeros rate 16</c>, or a family <c>A(k &lt; 3)[m[k], n[k]]</c>.</summary>
public sealed record TensorSyntax(
    Identifier Name,
    Identifier? Variable,
    ExpressionSyntax? Count,
    EquatableArray<ExpressionSyntax> Shape,
    Identifier? Property,
    DistributionSyntax? Distribution,
    ExpressionSyntax? Rate,
    TextSpan Span) : SyntaxNode(Span);

/// <summary><c>normal(0.1)</c>.</summary>
public sealed record DistributionSyntax(Identifier Name, EquatableArray<ExpressionSyntax> Arguments, TextSpan Span) : SyntaxNode(Span);

/// <summary><c>let A = expression</c>.</summary>
public sealed record LetSyntax(Identifier Name, ExpressionSyntax Value, TextSpan Span) : ClauseSyntax(Span);

/// <summary><c>let T[i, j c] = U[i, r] * V[j, c, r]</c>.</summary>
public sealed record IndexLetSyntax(
    Identifier Name,
    EquatableArray<IndexGroupSyntax> Axes,
    EquatableArray<IndexTermSyntax> Terms,
    TextSpan Span) : ClauseSyntax(Span)
{
    /// <summary>Whether it is written <c>+=</c>: at positions by data, where terms add.</summary>
    public bool Adds { get; init; }
}

/// <summary><c>penalty sparsity[] = 0.01 * abs(W)[i, j]</c>: what training adds to a loss, written as a <c>let</c> is.</summary>
public sealed record PenaltySyntax(Identifier Name, ClauseSyntax Definition, TextSpan Span) : ClauseSyntax(Span);

/// <summary>One axis in index notation: <c>j c</c>, the first varying slowest.</summary>
public sealed record IndexGroupSyntax(EquatableArray<IndexSyntax> Indices, TextSpan Span) : SyntaxNode(Span);

/// <summary>An index <c>i</c> or <c>j:4</c>, a fixed position <c>0</c>, a sum <c>2*i + k</c>, or a place in a table <c>S[i, j]</c>.</summary>
public sealed record IndexSyntax(ExpressionSyntax Value, ExpressionSyntax? Extent, TextSpan Span) : SyntaxNode(Span)
{
    /// <summary>The name of a plain index; empty where it is anything else.</summary>
    public string Name => Value is NameSyntax name ? name.Name : "";

    public bool IsPlain => Value is NameSyntax;
}

/// <summary>One term of a sum in index notation.</summary>
public sealed record IndexTermSyntax(bool IsNegative, EquatableArray<IndexFactorSyntax> Factors, TextSpan Span) : SyntaxNode(Span);

/// <summary>One factor: <c>U[i, r]</c>, <c>A[0][i, j]</c>, <c>admix(b, P, k)[r, j, c]</c>, or without brackets a number or a scalar.</summary>
public sealed record IndexFactorSyntax(
    bool IsDivisor,
    ExpressionSyntax Value,
    EquatableArray<EquatableArray<IndexGroupSyntax>> Brackets,
    TextSpan Span) : SyntaxNode(Span);

/// <summary>An expression: a number, a list, a condition, a tensor or an operator; binding finds out which.</summary>
public abstract record ExpressionSyntax(TextSpan Span) : SyntaxNode(Span);

/// <summary><c>0.5</c>.</summary>
public sealed record NumberSyntax(double Value, TextSpan Span) : ExpressionSyntax(Span);

/// <summary>A name in use.</summary>
public sealed record NameSyntax(string Name, TextSpan Span) : ExpressionSyntax(Span);

/// <summary><c>monarch(1024, 32)</c>.</summary>
public sealed record CallSyntax(Identifier Name, EquatableArray<ExpressionSyntax> Arguments, TextSpan Span) : ExpressionSyntax(Span);

/// <summary><c>relu . bias . W</c> in parentheses or as an argument: a chain as a link of another. Two links or more.</summary>
public sealed record CompositionSyntax(EquatableArray<ExpressionSyntax> Links, TextSpan Span) : ExpressionSyntax(Span);

/// <summary><c>[2, 3, 5]</c> or <c>[A, B; C, D]</c>.</summary>
public sealed record BlockSyntax(EquatableArray<EquatableArray<ExpressionSyntax>> Rows, TextSpan Span) : ExpressionSyntax(Span);

/// <summary><c>sum(i &lt; r) body</c> and its kin.</summary>
public sealed record RepeatSyntax(
    string Combinator,
    Identifier Variable,
    ExpressionSyntax Count,
    ExpressionSyntax Body,
    TextSpan Span) : ExpressionSyntax(Span)
{
    /// <summary>One chain for each of several parts, chains one after the other, and a chain that hands a state on from part to part: repetitions that are links.</summary>
    public const string Each = "each", Repeat = "repeat", Scan = "scan";

    public bool IsLink => Combinator is Each or Repeat or Scan;
}

/// <summary><c>frozen monarch(n, b)</c>: what it declares to be trained is not.</summary>
public sealed record FrozenSyntax(ExpressionSyntax Operand, TextSpan Span) : ExpressionSyntax(Span)
{
    public const string Word = "frozen";

    /// <summary>The expression behind the word, where there is one.</summary>
    public static ExpressionSyntax Within(ExpressionSyntax expression) => expression is FrozenSyntax frozen ? frozen.Operand : expression;
}

/// <summary><c>if n &lt;= leaf then A else B</c>: the one that the condition says; the other one is not bound.</summary>
public sealed record ConditionalSyntax(ExpressionSyntax Condition, ExpressionSyntax Then, ExpressionSyntax Else, TextSpan Span) : ExpressionSyntax(Span);

/// <summary><c>-A</c>.</summary>
public sealed record NegateSyntax(ExpressionSyntax Operand, TextSpan Span) : ExpressionSyntax(Span);

/// <summary><c>not c</c>.</summary>
public sealed record NotSyntax(ExpressionSyntax Operand, TextSpan Span) : ExpressionSyntax(Span);

/// <summary>How tightly the operators of a <see cref="ChainSyntax"/> bind, loosest first.</summary>
public enum Precedence
{
    Or,
    And,
    Comparison,
    Additive,
    DirectSum,
    Multiplicative,
    Kronecker,

    /// <summary>Of two operands: <c>a^b^c</c> is one inside another, to the right.</summary>
    Power,
}

/// <summary>Operators of one precedence in a row, <c>a + b - c</c>: flat, so that a long row is not a deep tree.</summary>
public sealed record ChainSyntax(
    Precedence Precedence,
    ExpressionSyntax First,
    EquatableArray<ChainLinkSyntax> Rest,
    TextSpan Span) : ExpressionSyntax(Span);

/// <summary><c>- c</c> as a part of <c>a + b - c</c>. The operator is spelled in its canonical form: <c>⊗</c> for <c>&lt;*&gt;</c>.</summary>
public sealed record ChainLinkSyntax(string Operator, ExpressionSyntax Operand, TextSpan Span) : SyntaxNode(Span);

/// <summary><c>A'</c>, <c>A[0, 2..5, :]</c>, or several of them in a row.</summary>
public sealed record PostfixSyntax(ExpressionSyntax Operand, EquatableArray<SuffixSyntax> Suffixes, TextSpan Span) : ExpressionSyntax(Span);

/// <summary>One suffix.</summary>
public abstract record SuffixSyntax(TextSpan Span) : SyntaxNode(Span);

/// <summary><c>'</c> or <c>ᵀ</c>.</summary>
public sealed record TransposeSuffix(TextSpan Span) : SuffixSyntax(Span);

/// <summary><c>[0, 2..5, :]</c>.</summary>
public sealed record SliceSuffix(EquatableArray<SliceItemSyntax> Items, TextSpan Span) : SuffixSyntax(Span);

/// <summary>One position, <c>a..b</c> (b not included), or <c>:</c> when <paramref name="Start"/> is null.</summary>
public sealed record SliceItemSyntax(ExpressionSyntax? Start, ExpressionSyntax? End, TextSpan Span) : SyntaxNode(Span);
