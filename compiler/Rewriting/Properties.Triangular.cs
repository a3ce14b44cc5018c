using Weft.Compiler.Algebra;

namespace Weft.Compiler.Rewriting;

/// <summary>Which elements of a triangular matrix are not known to be 0.</summary>
/// <param name="IsLower">Those on and below the diagonal; else those on and above it.</param>
/// <param name="IsUnit">Whether those on the diagonal are 1.</param>
public sealed record Triangle(bool IsLower, bool IsUnit)
{
    /// <summary>That of the transpose.</summary>
    public Triangle Transposed => this with { IsLower = !IsLower };
}

/// <content>Triangular matrices: by index notation, as declared, and what sums, products, ⊗ and ⊕ of such are.</content>
public static partial class Properties
{
    /// <summary>Functions of triangular matrices that are triangular in the same way, with a diagonal of 1 where theirs is.</summary>
    private static readonly HashSet<string> s_ofTriangles = new(["inverse", "inverse_lower", "stop_gradient"], StringComparer.Ordinal);

    /// <summary>The triangle of an operator that is not diagonal; null where it is not known to be triangular.</summary>
    public static Triangle? TriangleOf(Operator op) => IsDiagonal(op) ? null : Of(op, isLower: true) ?? Of(op, isLower: false);

    /// <summary>The triangle of the matrices of the last two axes; null where they are not known to be triangular.</summary>
    public static Triangle? TriangleOf(TensorExpression tensor) => Of(tensor, isLower: true) ?? Of(tensor, isLower: false);

    private static Triangle? Of(Operator op, bool isLower)
    {
        if (op.Rows != op.Columns)
        {
            return null;
        }

        switch (op)
        {
            case Identity:
                return new(isLower, IsUnit: true);

            case Diagonal:
                return new(isLower, IsUnit: false);

            case Matrix { Tensor: var tensor }:
                return Of(tensor, isLower);

            case BlockDiagonal { Tensor: var tensor }:
                return Of(tensor, isLower);

            case Transpose { Operand: var operand }:
                return Of(operand, !isLower)?.Transposed;

            case Scaled or ScaledByTensor or Sum:
                return op.Operands().All(operand => Of(operand, isLower) is not null) ? new(isLower, IsUnit: false) : null;

            case Product or Kronecker or DirectSum or Alternatives:
            case Indexed { Kind: IndexedKind.DirectSum }:
                Triangle?[] parts = [.. op.Operands().Select(operand => Of(operand, isLower))];
                return Array.Exists(parts, part => part is null) ? null : new(isLower, parts.All(part => part!.IsUnit));

            default:
                return null;
        }
    }

    private static Triangle? Of(TensorExpression tensor, bool isLower)
    {
        if (tensor.Shape.Count < 2 || tensor.Shape[tensor.Shape.Count - 1] != tensor.Shape[tensor.Shape.Count - 2])
        {
            return null;
        }

        switch (tensor)
        {
            case ParameterTensor { IsStored: false, Parameter.Property: var property }:
                return property switch
                {
                    TensorProperty.Lower or TensorProperty.UnitLower when isLower => new(IsLower: true, property == TensorProperty.UnitLower),
                    TensorProperty.Upper or TensorProperty.UnitUpper when !isLower => new(IsLower: false, property == TensorProperty.UnitUpper),
                    _ => null,
                };

            case EntriesTensor { IsDiagonal: false, Operator: var op }:
                return Of(op, isLower);

            case FunctionTensor { Function.Name: "cholesky" }:
                return isLower ? new(isLower, IsUnit: false) : null;

            case FunctionTensor { Function.Name: var name, Arguments: var arguments } when s_ofTriangles.Contains(name):
                return Of(arguments[0], isLower) ?? (name == "inverse_lower" && isLower ? new(isLower, IsUnit: false) : null);

            case SliceTensor slice:
                return IsPrincipal(slice) ? Of(slice.Source, isLower) : null;

            case EinsumTensor { Axes: var axes, Terms: var terms } when axes[axes.Count - 2].Count == 1 && axes[axes.Count - 1].Count == 1:
                IndexVariable row = axes[axes.Count - 2][0], column = axes[axes.Count - 1][0];
                if (terms.Count == 1 && terms[0] is { Coefficient: 1, Factors: { Count: 1 } alone } && OfMatrix(alone[0], row, column, isLower) is { } same)
                {
                    return same;
                }

                Kept[] kept = [.. terms.Select(term => Keeps(term, row, column, isLower))];
                return Array.Exists(kept, one => one == Kept.More) ? null : new(isLower, kept.Count(one => one == Kept.Ones) == 1 && kept.All(one => one is Kept.Ones or Kept.Beside));

            default:
                return null;
        }
    }

    /// <summary>What a term of index notation has of a matrix: a triangle without the diagonal, one with it, ones on the diagonal alone, or more.</summary>
    private enum Kept
    {
        More,
        Triangle,
        Beside,
        Ones,
    }

    private static Kept Keeps(TensorProduct term, IndexVariable row, IndexVariable column, bool isLower)
    {
        AffineIndex ofRow = AffineIndex.Of(row), ofColumn = AffineIndex.Of(column);
        if (term is { Coefficient: 1, Factors.Count: 1 } && Holds(term.Factors[0], "=="))
        {
            return Kept.Ones;
        }

        return term.Factors.Any(factor => Holds(factor, ">")) ? Kept.Beside
            : term.Factors.Any(factor => Holds(factor, ">=") || Holds(factor, "==") || OfMatrix(factor, row, column, isLower) is not null) ? Kept.Triangle
            : Kept.More;

        // A condition on row and column, as that symbol is for lower triangles.
        bool Holds(IndexedTensor factor, string symbol) => factor is { Tensor: FormulaTensor { Formula: FormulaOperation { Operator.Symbol: var own, Operands: var operands } } }
            && operands.Count == 2 && operands[0] is FormulaIndex { Axis: var left } && operands[1] is FormulaIndex { Axis: var right }
            && ((factor.Indices[left].Equals(ofRow) && factor.Indices[right].Equals(ofColumn) && own == (isLower ? symbol : Turned(symbol)))
                || (factor.Indices[left].Equals(ofColumn) && factor.Indices[right].Equals(ofRow) && own == (isLower ? Turned(symbol) : symbol)));

        static string Turned(string symbol) => symbol switch { ">" => "<", ">=" => "<=", _ => symbol };
    }

    /// <summary>The triangle of matrices at a row and a column, or at these exchanged.</summary>
    private static Triangle? OfMatrix(IndexedTensor factor, IndexVariable row, IndexVariable column, bool isLower)
    {
        int last = factor.Indices.Count - 1;
        return last < 1 ? null
            : factor.Indices[last - 1].Equals(AffineIndex.Of(row)) && factor.Indices[last].Equals(AffineIndex.Of(column)) ? Of(factor.Tensor, isLower)
            : factor.Indices[last - 1].Equals(AffineIndex.Of(column)) && factor.Indices[last].Equals(AffineIndex.Of(row)) ? Of(factor.Tensor, !isLower)?.Transposed
            : null;
    }
}
