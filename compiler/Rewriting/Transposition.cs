using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>Moves a transpose towards the leaves: <c>(AB)' = B'A'</c> and its kin.</summary>
public static class Transposition
{
    /// <summary>The transpose of an operator, written with transposes of its operands only; of a leaf that has no other form, <c>A'</c>.</summary>
    public static Operator Push(Operator op) => op switch
    {
        Identity or Diagonal or WalshHadamard => op,
        Zero zero => new Zero(zero.ColumnCount, zero.RowCount),
        Transpose transpose => transpose.Operand,
        Shuffle shuffle => new Shuffle(shuffle.Inner, shuffle.Outer),
        Permutation permutation => new Permutation(Inverse(permutation.Table)),
        Crop crop => new Pad(crop.Size, crop.Start, crop.Length),
        Pad pad => new Crop(pad.Size, pad.Start, pad.Length),
        Einsum einsum => einsum.Transposed(),
        Fourier transform => Transposed(transform),
        Product product => new Product(product.Operands.Reverse().Select(Transposed).ToEquatable()),
        HorizontalStack stack => new VerticalStack(stack.Operands.Select(Transposed).ToEquatable()),
        VerticalStack stack => new HorizontalStack(stack.Operands.Select(Transposed).ToEquatable()),
        Indexed indexed => indexed with { Kind = Swap(indexed.Kind), Body = Transposed(indexed.Body) },
        Scaled or ScaledByTensor or Sum or Kronecker or DirectSum or Alternatives => op.MapOperands(Transposed),
        _ => new Transpose(op),
    };

    private static Operator Transposed(Operator op) => new Transpose(op);

    /// <summary>The other transform, with the frequencies that stand for two counted once.</summary>
    private static Product Transposed(Fourier transform)
    {
        Operator other = transform with { IsInverse = !transform.IsInverse };
        int n = transform.Size, frequencies = transform.Frequencies;

        // The place of an element modulo the frequencies is its own; 0 and, of an even n, n/2 are their own conjugates.
        Formula frequency = Formula.Of("%", new FormulaIndex(0), new FormulaNumber(frequencies));
        Formula isOwn = Formula.Of("or", Formula.Of("==", frequency, new FormulaNumber(0)), Formula.Of("==", Formula.Of("*", new FormulaNumber(2), frequency), new FormulaNumber(n)));
        (double own, double pair) = transform.IsInverse ? (1.0 / n, 2.0 / n) : (n, n / 2.0);
        Formula weight = Formula.Of("+", new FormulaNumber(pair), Formula.Of("*", new FormulaNumber(own - pair), isOwn));
        var weights = new Diagonal(new FormulaTensor(EquatableArray.Of(2 * frequencies), weight));
        return new Product(transform.IsInverse ? EquatableArray.Of(weights, other) : EquatableArray.Of(other, weights));
    }

    private static IndexedKind Swap(IndexedKind kind) => kind switch
    {
        IndexedKind.HorizontalStack => IndexedKind.VerticalStack,
        IndexedKind.VerticalStack => IndexedKind.HorizontalStack,
        _ => kind,
    };

    /// <summary>The table that undoes <c>y[i] = x[table[i]]</c>.</summary>
    public static EquatableArray<int> Inverse(EquatableArray<int> table)
    {
        int[] inverse = new int[table.Count];
        for (int i = 0; i < inverse.Length; i++)
        {
            inverse[table[i]] = i;
        }

        return inverse.ToEquatable();
    }
}
