using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Tests.Formulas;

/// <summary>Functions of tensors, by name.</summary>
internal static class Functions
{
    public static FunctionTensor Of(string name, params TensorExpression[] arguments) =>
        new(TensorFunction.All[name], arguments.ToEquatable());

    public static FunctionTensor Of(string name, double number, params TensorExpression[] arguments) =>
        new(TensorFunction.All[name], arguments.ToEquatable(), EquatableArray.Of(number));
}
