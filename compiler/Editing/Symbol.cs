using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Editing;

/// <summary>What a name stands for.</summary>
public enum SymbolKind
{
    Operator,
    Layer,
    Model,
    Bank,

    /// <summary>A line of a model.</summary>
    Step,

    /// <summary>A parameter of a declaration: a number or a list.</summary>
    Size,
    Tensor,
    Let,
    Input,
    Output,

    /// <summary>What a repetition or a family counts by.</summary>
    Counter,

    /// <summary>An index of index notation.</summary>
    Index,

    /// <summary>A built-in function.</summary>
    Function,

    /// <summary>A built-in link of chains: an activation, <c>bias</c>, <c>add</c>.</summary>
    Link,
    Distribution,
    Format,

    /// <summary>What a tensor is declared to be.</summary>
    Property,

    /// <summary>A number that has a name.</summary>
    Number,
}

/// <summary>One thing that has a name. Two uses of a name mean the same if their symbol is the same object.</summary>
/// <param name="name">The name.</param>
/// <param name="kind">What it is.</param>
/// <param name="signature">How it is written where it is used or declared: <c>monarch(n, b)</c>, <c>W[m, n] ~ zeros</c>.</param>
public sealed class Symbol(string name, SymbolKind kind, string signature)
{
    public string Name => name;

    public SymbolKind Kind => kind;

    public string Signature => signature;

    /// <summary>The text in which it is declared; null for what the language has itself.</summary>
    public SourceText? Source { get; init; }

    /// <summary>Where it is declared there: the name alone, but for inputs and outputs without one.</summary>
    public TextSpan Span { get; init; }

    /// <summary>The declaration at the top of the file that it is, or stands in.</summary>
    public DeclarationSyntax? Declaration { get; init; }

    /// <summary>What it is called with.</summary>
    public IReadOnlyList<string> Parameters { get; init; } = [];

    /// <summary>Whether the last parameter can be there again and again.</summary>
    public bool Repeats { get; init; }

    /// <summary>Whether it comes with the compiler, in Weft.</summary>
    public bool IsStandard { get; init; }

    /// <summary>Whether its name is written where it is declared: <c>x</c> and <c>y</c> of most maps are not.</summary>
    public bool IsNamed { get; init; } = true;

    /// <summary>Whether it is a declaration at the top of a file.</summary>
    public bool IsDeclaration => kind is SymbolKind.Operator or SymbolKind.Layer or SymbolKind.Model or SymbolKind.Bank;
}

/// <summary>A place where a symbol is named.</summary>
/// <param name="Span">The place of the name.</param>
/// <param name="Symbol">What it means.</param>
/// <param name="IsDeclaration">Whether it is declared there.</param>
/// <param name="Whole">The place of the call that it is the name of, or else of the name.</param>
public readonly record struct SymbolUse(TextSpan Span, Symbol Symbol, bool IsDeclaration, TextSpan Whole);
