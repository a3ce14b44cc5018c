using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <content>Inverses: of products, ⊗ and ⊕ those of the operands, of what is orthogonal the transpose, of updates of low rank Woodbury's formula.</content>
public sealed partial class Calculus
{
    /// <summary>The inverse of a square operator; null where it is larger than what can be taken apart and no law reaches it.</summary>
    public Operator? Inverse(Operator op) => Inverse(Rewriter.Rewrite(op, []), MostDense);

    /// <param name="op">The operator, as the laws leave it.</param>
    /// <param name="most">The largest matrix that may be taken apart.</param>
    private Operator? Inverse(Operator op, int most)
    {
        switch (op)
        {
            case Identity:
                return op;

            case var _ when Properties.IsOrthogonal(op):
                return new Transpose(op);

            case var _ when Circulant.Of(op) is { } circulant:
                return InverseOf(circulant);

            case WalshHadamard:
                return new Scaled(1.0 / op.Rows, op);

            case Diagonal { Tensor: var tensor }:
                return new Diagonal(Reciprocal(tensor));

            case BlockDiagonal { Tensor: var tensor } when tensor.Shape[1] == tensor.Shape[2] && tensor.Shape[1] <= most:
                return new BlockDiagonal(InverseOf(tensor));

            case Scaled { Factor: not 0 } scaled:
                return Inverse(scaled.Operand, most) is { } ofScaled ? new Scaled(1 / scaled.Factor, ofScaled) : null;

            case ScaledByTensor scaled:
                return Inverse(scaled.Operand, most) is { } ofMultiple ? new ScaledByTensor(Reciprocal(scaled.Factor), ofMultiple) : null;

            case Product { Operands: var operands } when operands.All(operand => operand.Rows == operand.Columns):
                return MapAll(new Product(operands.Reverse().ToEquatable()), operand => Inverse(operand, most));

            case Kronecker or DirectSum when op.Operands().All(operand => operand.Rows == operand.Columns):
            case Transpose or Alternatives:
            case Indexed { Kind: IndexedKind.DirectSum, Body: var body } when body.Rows == body.Columns:
                return MapAll(op, operand => Inverse(operand, most));

            case Sum sum:
                return ByEigenbases(sum, most) ?? ByWoodbury(sum, most) ?? Elimination();

            case VerticalStack:
                return ByBlocks(op, most) ?? Elimination();

            default:
                return Elimination();
        }

        Operator? Elimination() => Dense(op, most, InverseOf);
    }

    /// <summary>Q Λ⁻¹ Qᵀ</summary>
    private Operator? ByEigenbases(Sum sum, int most) =>
        OfSum(sum, most, least: 2) is { } spectrum ? spectrum.Map(Reciprocal) : null;

    /// <summary>(R + U V)⁻¹ = R⁻¹ − R⁻¹ U (I + V R⁻¹ U)⁻¹ V R⁻¹ (Woodbury 1950), where R⁻¹ takes apart nothing of more than half the size.</summary>
    private Operator? ByWoodbury(Sum sum, int most)
    {
        if (LowRankUpdate.Of(sum) is not { } update || update.Rank > most
            || Inverse(Rewriter.Rewrite(update.Rest, []), Math.Min(most, sum.Rows / 2)) is not { } rest)
        {
            return null;
        }

        // R⁻¹ is applied once: R⁻¹ U is written down, unless that is no more than a scaling of U.
        var capacitance = new Matrix(InverseOf(Entries(Capacitance(update, rest))));
        Operator left = Rewriter.Rewrite(ProductOf(rest, update.Left), []);
        Operator scaled = rest is Diagonal or Identity or Scaled { Operand: Identity } ? left : new Matrix(Entries(left));
        return ProductOf(new Sum(EquatableArray.Of<Operator>(new Identity(sum.Rows), new Scaled(-1, ProductOf(scaled, capacitance, update.Right)))), rest);
    }

    /// <summary>I + V R⁻¹ U</summary>
    private static Operator Capacitance(LowRankUpdate update, Operator rest) =>
        new Sum(EquatableArray.Of(new Identity(update.Rank), ProductOf(update.Right, rest, update.Left)));

    /// <summary>By the complement S = D − C A⁻¹ B (Schur 1917): of block triangular operators, and where A's inverse is cheap.</summary>
    private Operator? ByBlocks(Operator op, int most)
    {
        if (Complement(op, most) is not var (blocks, a, complement) || Inverse(complement, most) is not { } s)
        {
            return null;
        }

        Operator corner = blocks.B is Zero || blocks.C is Zero ? a : new Sum(EquatableArray.Of(a, ProductOf(a, blocks.B, s, blocks.C, a)));
        return Rewriter.Rewrite(
            new VerticalStack(EquatableArray.Of<Operator>(
                new HorizontalStack(EquatableArray.Of(corner, new Scaled(-1, ProductOf(a, blocks.B, s)))),
                new HorizontalStack(EquatableArray.Of(new Scaled(-1, ProductOf(s, blocks.C, a)), s)))),
            []);
    }

    /// <summary>Blocks with the inverse of the first and the complement of it.</summary>
    private (Blocks Blocks, Operator Inverse, Operator Complement)? Complement(Operator op, int most)
    {
        if (Blocks.Of(op)?.Rewritten() is not { } blocks)
        {
            return null;
        }

        bool isTriangular = blocks.B is Zero || blocks.C is Zero;
        return Inverse(blocks.A, isTriangular ? most : Math.Min(most, blocks.A.Rows / 2)) is not { } a ? null
            : (blocks, a, isTriangular ? blocks.D : Rewriter.Rewrite(new Sum(EquatableArray.Of(blocks.D, new Scaled(-1, ProductOf(blocks.C, a, blocks.B)))), []));
    }
}
