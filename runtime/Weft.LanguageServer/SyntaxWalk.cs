using Weft.Compiler.Syntax;

namespace Weft.LanguageServer;

/// <summary>Rows of expressions in a file: the factors of each product, and the links of each chain.</summary>
internal static class SyntaxWalk
{
    public static IEnumerable<IReadOnlyList<ExpressionSyntax>> Rows(FileSyntax file) =>
        file.Declarations.OfType<MapSyntax>().SelectMany(map => map.Clauses.OfType<LetSyntax>().SelectMany(let => Of(let.Value)).Concat(map.Body switch
        {
            ChainBody chain => OfChain(chain.Links),
            ModelBody model => model.Steps.SelectMany(step => OfChain(step.Body.Links)),
            _ => [],
        }));

    private static IEnumerable<IReadOnlyList<ExpressionSyntax>> OfChain(IReadOnlyList<ExpressionSyntax> links) => links.SelectMany(Of).Prepend(links);

    private static IEnumerable<IReadOnlyList<ExpressionSyntax>> Of(ExpressionSyntax expression) => expression switch
    {
        CallSyntax call => call.Arguments.SelectMany(Of),
        CompositionSyntax chain => OfChain(chain.Links),
        BlockSyntax block => block.Rows.SelectMany(row => row).SelectMany(Of),
        RepeatSyntax repeat => Of(repeat.Body),
        ConditionalSyntax choice => Of(choice.Then).Concat(Of(choice.Else)),
        NegateSyntax negate => Of(negate.Operand),
        PostfixSyntax postfix => Of(postfix.Operand),
        ChainSyntax chain => Of(chain),
        _ => [],
    };

    private static IEnumerable<IReadOnlyList<ExpressionSyntax>> Of(ChainSyntax chain)
    {
        ExpressionSyntax[] operands = [chain.First, .. chain.Rest.Select(link => link.Operand)];
        IEnumerable<IReadOnlyList<ExpressionSyntax>> inside = operands.SelectMany(Of);
        return chain.Precedence == Precedence.Multiplicative ? inside.Prepend(operands) : inside;
    }
}
