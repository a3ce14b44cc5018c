using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>Moves an inverse to the leaves: <c>(AB)⁻¹ = B⁻¹A⁻¹</c>, <c>(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹</c>, and that of an orthogonal operator is its transpose.</summary>
public static class Inversion
{
    /// <summary>The inverse of an operator in closed form, or the part that has none.</summary>
    public static (Operator? Inverse, Operator? Fault) Of(Operator op)
    {
        Operator? fault = null;
        Operator inverse = Invert(op);
        return fault is null ? (inverse, null) : (null, fault);

        Operator Invert(Operator node)
        {
            switch (node)
            {
                case Identity:
                    return node;
                case Permutation or Shuffle or Reflections:
                    return new Transpose(node);
                case Matrix { Tensor: var tensor } when node.Rows == node.Columns:
                    return new Matrix(Function(tensor));
                case BlockDiagonal { Tensor: var tensor } when tensor.Shape[1] == tensor.Shape[2]:
                    return new BlockDiagonal(Function(tensor));
                case Diagonal { Tensor: var tensor }:
                    return new Diagonal(Reciprocal(tensor));
                case Scaled { Factor: not 0 } scaled:
                    return new Scaled(1 / scaled.Factor, Invert(scaled.Operand));
                case ScaledByTensor scaled:
                    return new ScaledByTensor(Reciprocal(scaled.Factor), Invert(scaled.Operand));
                case Product product when product.Operands.All(operand => operand.Rows == operand.Columns):
                    return new Product(product.Operands.Reverse().Select(Invert).ToEquatable());
                case Transpose or Kronecker or DirectSum or Alternatives:
                    return node.MapOperands(Invert);
                default:
                    fault ??= node;
                    return node;
            }
        }
    }

    private static FunctionTensor Function(TensorExpression tensor) => new(TensorFunction.All["inverse"], EquatableArray.Of(tensor));

    private static FunctionTensor Reciprocal(TensorExpression tensor) => new(TensorFunction.All["quotient"], EquatableArray.Of(
        new FormulaTensor(tensor.Shape, new FormulaNumber(1)), tensor));
}
