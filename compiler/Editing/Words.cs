using Weft.Compiler.Algebra;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;

namespace Weft.Compiler.Editing;

/// <summary>The words that the language itself has, by what they are.</summary>
public static class Words
{
    /// <summary>What starts statements.</summary>
    public static IReadOnlyCollection<string> Statements => Scanner.Keywords;

    /// <summary>What starts a statement that stands by itself in a file.</summary>
    public static IReadOnlyCollection<string> Declarations => WeftParser.Declarations;

    /// <summary>Words that no name can be.</summary>
    public static IReadOnlyCollection<string> Reserved => [.. Scanner.Reserved.Keys];

    /// <summary>Reserved words, and that before a rate of learning.</summary>
    public static IReadOnlyCollection<string> Operators { get; } = [.. Reserved, Rate];

    /// <summary>Words before a counter: <c>sum(i &lt; n) A</c>.</summary>
    public static IReadOnlyCollection<string> Repetitions => Grammar.Combinators;

    /// <summary>Names that are links of chains by themselves.</summary>
    public static IReadOnlyCollection<string> Links { get; } = [.. Builtins.Names.Where(Builtins.IsLink).Concat(Builtins.Joints.Keys).Distinct()];

    /// <summary>All that the language names itself, of one kind each.</summary>
    public static IReadOnlyCollection<Symbol> Symbols => [.. BuiltIn.Values];

    /// <summary>The word before a rate of learning.</summary>
    public const string Rate = "rate";

    internal static readonly IReadOnlyDictionary<string, Symbol> BuiltIn =
        Builtins.Functions.Values.Select(function => Make(SymbolKind.Function, function.Signature))
            .Concat(Builtins.Names
                .Where(name => !Builtins.Functions.ContainsKey(name))
                .Select(name => Builtins.Constants.ContainsKey(name) ? new Symbol(name, SymbolKind.Number, name)
                    : Builtins.Joints.ContainsKey(name) ? new Symbol(name, SymbolKind.Link, $"{name}(f, g, …)") { Parameters = ["f", "g"], Repeats = true }
                    : new Symbol(name, SymbolKind.Link, name)))
            .ToDictionary(symbol => symbol.Name, StringComparer.Ordinal);

    internal static readonly IReadOnlyDictionary<string, Symbol> Distributions =
        Builtins.Distributions.Values.Select(row => Make(SymbolKind.Distribution, row.Signature)).ToDictionary(symbol => symbol.Name, StringComparer.Ordinal);

    internal static readonly IReadOnlyDictionary<string, Symbol> Formats = Builtins.Formats
        .Select(format => new Symbol(format.Key, SymbolKind.Format, format.Value.Groups ? $"{format.Key}, g" : format.Key))
        .ToDictionary(symbol => symbol.Name, StringComparer.Ordinal);

    internal static readonly IReadOnlyDictionary<string, Symbol> Properties =
        TensorProperties.ByWord.Keys.ToDictionary(word => word, word => new Symbol(word, SymbolKind.Property, word), StringComparer.Ordinal);

    /// <summary>What can stand behind a shape.</summary>
    public static IReadOnlyCollection<Symbol> PropertySymbols => [.. Properties.Values];

    /// <summary>What can stand behind <c>~</c>.</summary>
    public static IReadOnlyCollection<Symbol> DistributionSymbols => [.. Distributions.Values];

    /// <summary>What can stand in the parentheses of <c>param(…)</c>.</summary>
    public static IReadOnlyCollection<Symbol> FormatSymbols => [.. Formats.Values];

    private static Symbol Make(SymbolKind kind, Signature signature) => new(signature.Name, kind, signature.Repeats ? signature.Usage.Replace(")", ", …)") : signature.Usage)
    {
        Parameters = [.. signature.Arguments.Select(argument => argument.ToString())],
        Repeats = signature.Repeats,
    };
}
