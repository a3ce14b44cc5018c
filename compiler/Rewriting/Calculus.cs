using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>
/// Inverses, determinants and functions of operators by those of their parts, so that nothing larger than a part is taken apart. What no law reaches is
/// written down, entry by entry, and taken apart whole.
/// </summary>
/// <param name="newIndex">Makes an index that is used nowhere else.</param>
public sealed partial class Calculus(Func<string, int, IndexVariable> newIndex)
{
    /// <summary>The largest matrix that is taken apart: its entries, and as many numbers again for each step, still fit into memory.</summary>
    public const int MostDense = 8192;

    /// <summary>The entries of an operator as a tensor; those of a matrix are the tensor that it is made of.</summary>
    public static TensorExpression Entries(Operator op) => op is Matrix matrix ? matrix.Tensor : new EntriesTensor(Rewriter.Rewrite(op, []));

    /// <summary>Σᵢ A[i, i]</summary>
    public TensorExpression Trace(Operator op) => Total([(1, new EntriesTensor(Rewriter.Rewrite(op, []), IsDiagonal: true))]);

    /// <summary>The inverses of matrices, by what is known of them: by substitution, by Cholesky's factor, or by elimination.</summary>
    public TensorExpression InverseOf(TensorExpression matrices) => Properties.TriangleOf(matrices) switch
    {
        { IsLower: true } => Function("inverse_lower", matrices),
        { IsLower: false } => Transposed(Function("inverse_lower", Transposed(matrices))),
        _ => Function(Properties.DefinitenessOf(matrices) == Definiteness.Definite ? "inverse_spd" : "inverse", matrices),
    };

    /// <summary>log |det A| of matrices, likewise; of triangular ones by their diagonals.</summary>
    public TensorExpression LogDeterminantOf(TensorExpression matrices)
    {
        if (Properties.TriangleOf(matrices) is null)
        {
            return Function(Properties.DefinitenessOf(matrices) == Definiteness.Definite ? "logdet_spd" : "logdet", matrices);
        }

        IndexVariable[] batch = Batch(matrices);
        IndexVariable i = newIndex("i", matrices.Shape[matrices.Shape.Count - 1]);
        var diagonal = new EinsumTensor(Axes([.. batch, i]), EquatableArray.Of(At(matrices, [.. batch, i, i])));
        return new EinsumTensor(Axes(batch), EquatableArray.Of(At(Function("log", Function("abs", diagonal)), [.. batch, i])));
    }

    /// <summary>Matrices with their rows as columns.</summary>
    private TensorExpression Transposed(TensorExpression matrices)
    {
        IndexVariable[] batch = Batch(matrices);
        int last = matrices.Shape.Count - 1;
        IndexVariable row = newIndex("i", matrices.Shape[last]), column = newIndex("j", matrices.Shape[last - 1]);
        return new EinsumTensor(Axes([.. batch, row, column]), EquatableArray.Of(At(matrices, [.. batch, column, row])));
    }

    /// <summary>Indices of the axes before the last two.</summary>
    private IndexVariable[] Batch(TensorExpression matrices) => [.. matrices.Shape.Take(matrices.Shape.Count - 2).Select(extent => newIndex("b", extent))];

    private static EquatableArray<EquatableArray<IndexVariable>> Axes(IEnumerable<IndexVariable> indices) => indices.Select(index => EquatableArray.Of(index)).ToEquatable();

    private static IndexedTensor At(TensorExpression tensor, params IndexVariable[] indices) => new(tensor, indices.Select(AffineIndex.Of).ToEquatable());

    private static FunctionTensor Function(string name, params TensorExpression[] arguments) => new(TensorFunction.All[name], arguments.ToEquatable());

    private static FunctionTensor FunctionWith(string name, double number, TensorExpression argument) =>
        new(TensorFunction.All[name], EquatableArray.Of(argument), EquatableArray.Of(number));

    private static FunctionTensor Reciprocal(TensorExpression tensor) => Function("quotient", FormulaTensor.Constant(1, [.. tensor.Shape]), tensor);

    private static Operator ProductOf(params Operator[] operands) => new Product(operands.ToEquatable());

    /// <summary>The sum of all elements of tensors, each times a number: one number.</summary>
    private EinsumTensor Total(IEnumerable<(double Coefficient, TensorExpression Tensor)> terms) => new(
        default(EquatableArray<EquatableArray<IndexVariable>>),
        terms.Select(term => new TensorProduct(
            EquatableArray.Of(new IndexedTensor(term.Tensor, term.Tensor.Shape.Select(extent => AffineIndex.Of(newIndex("i", extent))).ToEquatable())), term.Coefficient)).ToEquatable());

    /// <summary>A matrix as an operator, if it is not too large to be taken apart.</summary>
    private static Operator? Dense(Operator op, int most, Func<TensorExpression, TensorExpression> function) =>
        op.Rows == op.Columns && op.Rows <= most ? new Matrix(function(Entries(op))) : null;

    /// <summary>The orthogonal Q and the A of Q A Qᵀ; null for other operators.</summary>
    private static (Operator Q, Operator A)? Conjugated(Operator op) => op is Product { Operands: { Count: > 2 } operands }
        && Properties.IsOrthogonal(operands[0])
        && Rewriter.Rewrite(new Transpose(operands[0]), []).Equals(operands[operands.Count - 1])
            ? (operands[0], Rewriter.Rewrite(new Product(operands.Skip(1).Take(operands.Count - 2).ToEquatable()), []))
            : null;

    /// <summary>The operands of one kind of node, each mapped; null where one has no such form.</summary>
    private static Operator? MapAll(Operator op, Func<Operator, Operator?> map)
    {
        bool isWhole = true;
        Operator mapped = op.MapOperands(operand =>
        {
            Operator? result = isWhole ? map(operand) : null;
            isWhole &= result is not null;
            return result ?? operand;
        });
        return isWhole ? mapped : null;
    }

    /// <summary>A sum of a part that has a structured inverse, and products through fewer dimensions: R + U V.</summary>
    private sealed record LowRankUpdate(Operator Rest, Operator Left, Operator Right)
    {
        public int Rank => Left.Columns;

        /// <summary>The terms of a sum by their rank: those of less than half are the update.</summary>
        public static LowRankUpdate? Of(Sum sum)
        {
            Operator[] low = [.. sum.Operands.Where(operand => Narrowest(operand) is { } cut && cut.Left.Columns * 2 <= sum.Rows)];
            Operator[] rest = [.. sum.Operands.Except(low)];
            (Operator Left, Operator Right)[] cuts = [.. low.Select(operand => Narrowest(operand)!.Value)];
            return cuts.Length == 0 || rest.Length == 0 || cuts.Sum(cut => (long)cut.Left.Columns) * 2 > sum.Rows ? null : new(
                rest.Length == 1 ? rest[0] : new Sum(rest.ToEquatable()),
                cuts.Length == 1 ? cuts[0].Left : new HorizontalStack(cuts.Select(cut => cut.Left).ToEquatable()),
                cuts.Length == 1 ? cuts[0].Right : new VerticalStack(cuts.Select(cut => cut.Right).ToEquatable()));
        }

        /// <summary>A product in two where it is narrowest.</summary>
        private static (Operator Left, Operator Right)? Narrowest(Operator op)
        {
            switch (op)
            {
                case Scaled or ScaledByTensor when Narrowest(op.Operands().Single()) is { } inner:
                    return (op.MapOperands(_ => inner.Left), inner.Right);

                case Product { Operands: { Count: > 1 } operands }:
                    int cut = Enumerable.Range(1, operands.Count - 1).OrderBy(k => operands[k].Rows).First();
                    return (new Product(operands.Take(cut).ToEquatable()), new Product(operands.Skip(cut).ToEquatable()));

                default:
                    return null;
            }
        }
    }

    /// <summary>[A, B; C, D] with a square A.</summary>
    private sealed record Blocks(Operator A, Operator B, Operator C, Operator D)
    {
        /// <summary>Each row of blocks doubles what is made of it.</summary>
        private const int Most = 4;

        /// <summary>The first row and column of blocks, and the rest.</summary>
        public static Blocks? Of(Operator op)
        {
            if (op is not VerticalStack { Operands: { Count: > 1 and <= Most } rows } || rows.Any(row => row is not HorizontalStack { Operands.Count: > 1 }))
            {
                return null;
            }

            Operator[][] blocks = [.. rows.Select(row => row.Operands().ToArray())];
            Operator first = blocks[0][0];
            return first.Rows != first.Columns || blocks.Any(row => row[0].Columns != first.Columns) ? null : new(
                first,
                Beside(blocks[0].Skip(1)),
                new VerticalStack(blocks.Skip(1).Select(row => row[0]).ToEquatable()),
                new VerticalStack(blocks.Skip(1).Select(row => Beside(row.Skip(1))).ToEquatable()));

            static Operator Beside(IEnumerable<Operator> row) => new HorizontalStack(row.ToEquatable());
        }

        public Blocks Rewritten() => new(Rewriter.Rewrite(A, []), Rewriter.Rewrite(B, []), Rewriter.Rewrite(C, []), Rewriter.Rewrite(D, []));
    }
}
