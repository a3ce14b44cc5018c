using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <content>Norms of Frobenius: of ⊗ products, of ⊕ roots of sums of squares, and orthogonal factors leave them as they are.</content>
public sealed partial class Calculus
{
    /// <summary>The root of the sum of the squares of all entries: one number; null where it has more entries than a tensor.</summary>
    public TensorExpression? Norm(Operator op)
    {
        return Visit(Rewriter.Rewrite(op, []));

        TensorExpression? Visit(Operator node)
        {
            switch (node)
            {
                case var _ when node.Rows == node.Columns && Properties.IsOrthogonal(node):
                    return FormulaTensor.Constant(Math.Sqrt(node.Rows));

                case Diagonal { Tensor: var tensor }:
                    return NormOf(tensor);

                case BlockDiagonal { Tensor: var tensor }:
                    return NormOf(tensor);

                case Scaled { Factor: var factor, Operand: var operand }:
                    return Visit(operand) is { } scaled ? ProductOf(Math.Abs(factor), scaled) : null;

                case ScaledByTensor { Factor: var factor, Operand: var operand }:
                    return Visit(operand) is { } multiple ? ProductOf(1, Function("abs", factor), multiple) : null;

                case Transpose or Alternatives:
                    return Visit(node.Operands().First());

                case Kronecker:
                    return All(node) is { } factors ? ProductOf(1, factors) : null;

                case DirectSum:
                    return All(node) is { } parts ? NormOf(Vector(parts)) : null;

                case Product { Operands: { Count: > 1 } operands } when IsSquareOrthogonal(operands[0]):
                    return Visit(Rewriter.Rewrite(new Product(operands.Skip(1).ToEquatable()), []));

                case Product { Operands: { Count: > 1 } operands } when IsSquareOrthogonal(operands[operands.Count - 1]):
                    return Visit(Rewriter.Rewrite(new Product(operands.Take(operands.Count - 1).ToEquatable()), []));

                default:
                    return (long)node.Rows * node.Columns <= int.MaxValue ? NormOf(Entries(node)) : null;
            }
        }

        TensorExpression[]? All(Operator node)
        {
            TensorExpression?[] norms = [.. node.Operands().Select(Visit)];
            return Array.Exists(norms, norm => norm is null) ? null : [.. norms.Select(norm => norm!)];
        }

        static bool IsSquareOrthogonal(Operator node) => node.Rows == node.Columns && Properties.IsOrthogonal(node);
    }

    /// <summary>That of all elements in a row, over the whole range of exponents.</summary>
    private FunctionTensor NormOf(TensorExpression tensor)
    {
        IndexVariable[] indices = [.. tensor.Shape.Select(extent => newIndex("i", extent))];
        return Function("row_norms", indices.Length == 1 ? tensor : new EinsumTensor(EquatableArray.Of(indices.ToEquatable()), EquatableArray.Of(At(tensor, indices))));
    }

    private static EinsumTensor ProductOf(double coefficient, params TensorExpression[] numbers) =>
        new(default, numbers.Select(number => At(number)).ToEquatable(), coefficient);

    /// <summary>Numbers as the elements of a vector.</summary>
    private EinsumTensor Vector(TensorExpression[] numbers)
    {
        IndexVariable k = newIndex("k", numbers.Length);
        return new EinsumTensor(Axes([k]), numbers.Select((number, place) => new TensorProduct(EquatableArray.Of(
            At(new FormulaTensor(EquatableArray.Of(numbers.Length), Formula.Of("==", new FormulaIndex(0), new FormulaNumber(place))), k), At(number)))).ToEquatable());
    }
}
