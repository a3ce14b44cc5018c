using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;

namespace Weft.Compiler.Binding;

/// <summary>An operator with the text it comes from, for diagnostics.</summary>
internal sealed record Operand(ExpressionSyntax Syntax, OperatorValue Value, string Label = "")
{
    public Operator Operator => Value.Operator;

    /// <summary><c>A[m, r] : 4 -> 12</c>.</summary>
    public string Describe(Frame frame)
    {
        string written = Syntax is NameSyntax name && frame.WrittenShapes.TryGetValue(name.Name, out string? shape) ? shape : "";
        return $"{Label}{frame.Show(Syntax)}{written} : {Value.Shape}";
    }
}
