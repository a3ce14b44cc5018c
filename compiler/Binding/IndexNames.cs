using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// Which names of a statement in index notation are indices: those that stand alone at a place of an axis, there or in a table. All other
/// names in sums of indices and in formulas are numbers.
/// </summary>
internal static class IndexNames
{
    public static HashSet<string> Of(EquatableArray<IndexGroupSyntax> axes, EquatableArray<IndexTermSyntax> terms) => new(
        Names(axes).Concat(terms.SelectMany(term => term.Factors).SelectMany(factor => Places(factor).SelectMany(Names))),
        StringComparer.Ordinal);

    /// <summary>The brackets of a factor that hold indices: not that which picks a member of a family.</summary>
    public static IEnumerable<EquatableArray<IndexGroupSyntax>> Places(IndexFactorSyntax factor) => factor.Brackets.Skip(factor.Brackets.Count - 1);

    /// <summary>The indices of a place in a table, <c>S[i, j]</c>; null where the expression is anything else.</summary>
    public static EquatableArray<NameSyntax>? OfTable(ExpressionSyntax expression) =>
        expression is PostfixSyntax { Suffixes: { Count: 1 } suffixes } && suffixes[0] is SliceSuffix slice
            && slice.Items.All(item => item is { Start: NameSyntax, End: null })
                ? slice.Items.Select(item => (NameSyntax)item.Start!).ToEquatable()
                : null;

    /// <summary>The indices that an expression mentions, each once.</summary>
    public static IEnumerable<NameSyntax> In(ExpressionSyntax expression, ICollection<string> indices) => Mentioned(expression)
        .Where(name => indices.Contains(name.Name))
        .GroupBy(name => name.Name, StringComparer.Ordinal)
        .Select(same => same.First());

    private static IEnumerable<string> Names(EquatableArray<IndexGroupSyntax> axes) => axes
        .SelectMany(group => group.Indices)
        .SelectMany(index => index.IsPlain ? [index.Name] : OfTable(index.Value) is { } places ? places.Select(name => name.Name) : []);

    private static IEnumerable<NameSyntax> Mentioned(ExpressionSyntax expression) => expression switch
    {
        NameSyntax name => [name],
        NegateSyntax negate => Mentioned(negate.Operand),
        NotSyntax not => Mentioned(not.Operand),
        ChainSyntax chain => chain.Rest.Select(link => link.Operand).Prepend(chain.First).SelectMany(Mentioned),
        CallSyntax call => call.Arguments.SelectMany(Mentioned),
        CompositionSyntax chain => chain.Links.SelectMany(Mentioned),
        RepeatSyntax repeat => Mentioned(repeat.Body).Where(name => name.Name != repeat.Variable.Text).Concat(Mentioned(repeat.Count)),
        BlockSyntax block => block.Rows.SelectMany(row => row).SelectMany(Mentioned),
        PostfixSyntax postfix => postfix.Suffixes.OfType<SliceSuffix>()
            .SelectMany(suffix => suffix.Items)
            .SelectMany(item => new[] { item.Start, item.End })
            .OfType<ExpressionSyntax>()
            .SelectMany(Mentioned)
            .Concat(Mentioned(postfix.Operand)),
        _ => [],
    };
}
