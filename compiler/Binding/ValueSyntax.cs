using Weft.Compiler.Syntax;

namespace Weft.Compiler.Binding;

/// <summary>Which expressions are values of a layer: what depends on its input, told by the names in it alone, before anything is bound.</summary>
internal static class ValueSyntax
{
    /// <summary>Whether an expression is a value; of a chain, whether it is applied to one.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="isValue">Whether a name is that of a value.</param>
    /// <param name="isDeclared">Whether a call is one of a declaration, which takes no values.</param>
    public static bool IsValue(ExpressionSyntax expression, Func<string, bool> isValue, Func<CallSyntax, bool> isDeclared)
    {
        return Is(expression);

        bool Is(ExpressionSyntax part) => part switch
        {
            NameSyntax name => isValue(name.Name),
            PostfixSyntax postfix => Is(postfix.Operand),
            NegateSyntax negate => Is(negate.Operand),
            ConditionalSyntax choice => Is(choice.Then) || Is(choice.Else),
            ChainSyntax chain => chain.Rest.Select(link => link.Operand).Prepend(chain.First).Any(Is),
            CallSyntax call => !isDeclared(call) && call.Arguments.Any(Is),
            CompositionSyntax chain => Is(chain.Links[chain.Links.Count - 1]),
            _ => false,
        };
    }
}
