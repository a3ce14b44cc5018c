using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <content>Eigenbases: of ⊗ and ⊕ those of the operands, and of sums of Kronecker products whose operands have one basis in each place.</content>
public sealed partial class Calculus
{
    /// <summary>A = Q diag(λ) Qᵀ with an orthogonal Q.</summary>
    private sealed record Spectrum(Operator Vectors, TensorExpression Values)
    {
        /// <summary>Q diag(f(λ)) Qᵀ</summary>
        public Operator Map(Func<TensorExpression, TensorExpression> function) =>
            Rewriter.Rewrite(ProductOf(Vectors, new Diagonal(function(Values)), new Transpose(Vectors)), []);
    }

    /// <summary>The eigenbasis of a symmetric operator; null where it is not known to be symmetric, or larger than what can be taken apart.</summary>
    private Spectrum? SpectrumOf(Operator op, int most)
    {
        switch (op)
        {
            case Identity:
                return new(op, FormulaTensor.Constant(1, op.Rows));

            case Diagonal { Tensor: var tensor }:
                return new(new Identity(op.Rows), tensor);

            case BlockDiagonal { Tensor: var tensor } when tensor.Shape[1] <= most && Properties.IsSymmetric(tensor):
                TensorExpression ofBlocks = Function("eigenvectors", tensor);
                return new(new BlockDiagonal(ofBlocks), ValuesOf(tensor, ofBlocks));

            case Scaled or ScaledByTensor or Kronecker when OfSum(new Sum(EquatableArray.Of(op)), most, least: 1) is { } spectrum:
                return spectrum;

            case DirectSum { Operands: var operands }:
                Spectrum?[] parts = [.. operands.Select(operand => SpectrumOf(operand, most))];
                return Array.Exists(parts, part => part is null) ? null : new(
                    new DirectSum(parts.Select(part => part!.Vectors).ToEquatable()),
                    parts.Select(part => part!.Values).Aggregate((first, second) => new FunctionTensor(TensorFunction.All["concat"], EquatableArray.Of(first, second), EquatableArray.Of(0.0))));

            case Product when Conjugated(op) is var (q, a):
                return SpectrumOf(a, most) is { } inner ? inner with { Vectors = ProductOf(q, inner.Vectors) } : null;

            case Sum sum when OfSum(sum, most, least: 2) is { } ofPlaces:
                return ofPlaces;

            default:
                if (op.Rows > most || !Properties.IsSymmetric(op))
                {
                    return null;
                }

                TensorExpression entries = Entries(op), vectors = Function("eigenvectors", entries);
                return new(new Matrix(vectors), ValuesOf(entries, vectors));
        }
    }

    /// <summary>
    /// The eigenvalues of a matrix, or of several one after the other, by vₖᵀ A vₖ: what they change by is that of A alone, to first order (Hellmann and Feynman), so that
    /// the matrix is taken apart once.
    /// </summary>
    private EinsumTensor ValuesOf(TensorExpression matrices, TensorExpression vectors)
    {
        int last = matrices.Shape.Count - 1, size = matrices.Shape[last];
        IndexVariable[] batch = Batch(matrices);
        IndexVariable i = newIndex("i", size), j = newIndex("j", size), k = newIndex("k", size);
        TensorExpression constant = Function("stop_gradient", vectors);
        return new EinsumTensor(
            EquatableArray.Of(batch.Append(k).ToEquatable()),
            EquatableArray.Of(At(constant, [.. batch, i, k]), At(matrices, [.. batch, i, j]), At(constant, [.. batch, j, k])));
    }

    /// <summary>A term of a sum as a number, scalars, and a Kronecker product of operands.</summary>
    private sealed record KroneckerTerm(double Coefficient, IReadOnlyList<TensorExpression> Scalars, IReadOnlyList<Operator> Operands)
    {
        public static KroneckerTerm Of(Operator op) => op switch
        {
            Scaled scaled when Of(scaled.Operand) is var inner => inner with { Coefficient = inner.Coefficient * scaled.Factor },
            ScaledByTensor scaled when Of(scaled.Operand) is var inner => inner with { Scalars = [.. inner.Scalars, scaled.Factor] },
            Kronecker kronecker => new(1, [], kronecker.Operands),
            _ => new(1, [], [op]),
        };

        /// <summary>The operands that are not the identity, each with the product of the sizes before it and with its own.</summary>
        public IEnumerable<(long First, long End, Operator Operand)> Places()
        {
            long first = 1;
            foreach (Operator operand in Operands)
            {
                long end = first * operand.Rows;
                if (operand is not Identity)
                {
                    yield return (first, end, operand);
                }

                first = end;
            }
        }
    }

    /// <summary>
    /// The terms of a sum over one row of places: for each place its size, and for each term the operand that stands there, null for the identity. Null where operands
    /// of two terms overlap without being at one place.
    /// </summary>
    private static (int[] Sizes, KroneckerTerm[] Terms, Operator?[][] Operands)? Align(Sum sum)
    {
        if (sum.Operands.Any(operand => KroneckerTerm.Of(operand).Operands.Any(part => part.Rows != part.Columns)))
        {
            return null;
        }

        KroneckerTerm[] terms = [.. sum.Operands.Select(KroneckerTerm.Of)];
        long[] cuts = [.. terms.SelectMany(term => term.Places()).SelectMany(place => new[] { place.First, place.End }).Append(1).Append(sum.Rows).Distinct().OrderBy(cut => cut)];
        if (cuts.Zip(cuts.Skip(1), (first, end) => end % first).Any(rest => rest != 0)
            || terms.SelectMany(term => term.Places()).Any(place => Array.IndexOf(cuts, place.End) != Array.IndexOf(cuts, place.First) + 1))
        {
            return null;
        }

        return (
            [.. cuts.Zip(cuts.Skip(1), (first, end) => (int)(end / first))],
            terms,
            [.. terms.Select(term => cuts.Take(cuts.Length - 1).Select(cut => term.Places().Where(place => place.First == cut).Select(place => place.Operand).FirstOrDefault()).ToArray())]);
    }

    /// <summary>
    /// ⊗ of eigenbases, where all operands at a place have one: a Kronecker sum, a Kronecker product and a multiple of the identity, and all that such operands make.
    /// </summary>
    /// <param name="sum">The sum.</param>
    /// <param name="most">The largest matrix that may be taken apart.</param>
    /// <param name="least">How many places there have to be.</param>
    private Spectrum? OfSum(Sum sum, int most, int least)
    {
        if (Align(sum) is not var (sizes, terms, operands) || sizes.Length < least)
        {
            return null;
        }

        var bases = new Operator?[sizes.Length];
        IndexVariable[] indices = [.. sizes.Select(size => newIndex("i", size))];
        var products = new List<TensorProduct>();
        for (int t = 0; t < terms.Length; t++)
        {
            var factors = terms[t].Scalars.Select(scalar => new IndexedTensor(scalar, default)).ToList();
            for (int k = 0; k < sizes.Length; k++)
            {
                if (operands[t][k] is not { } operand)
                {
                    continue;
                }

                if (SpectrumOf(operand, most) is not { } spectrum || (bases[k] is { } known && !known.Equals(spectrum.Vectors)))
                {
                    return null;
                }

                bases[k] = spectrum.Vectors;
                factors.Add(new IndexedTensor(spectrum.Values, EquatableArray.Of(AffineIndex.Of(indices[k]))));
            }

            products.Add(new TensorProduct(
                (factors.Count > 0 ? factors : [new IndexedTensor(FormulaTensor.Constant(1, sizes[0]), EquatableArray.Of(AffineIndex.Of(indices[0])))]).ToEquatable(), terms[t].Coefficient));
        }

        return new(
            new Kronecker(bases.Select((vectors, k) => vectors ?? new Identity(sizes[k])).ToEquatable()),
            new EinsumTensor(EquatableArray.Of(indices.ToEquatable()), products.Select(product => Everywhere(product, indices)).ToEquatable()));
    }

    /// <summary>A product that mentions each index of the result: ones along those that nothing depends on.</summary>
    private static TensorProduct Everywhere(TensorProduct product, IReadOnlyList<IndexVariable> indices) => product with
    {
        Factors = product.Factors.Concat(indices
            .Where(index => !product.Factors.Any(factor => factor.Indices.Any(position => position.DependsOn(index))))
            .Select(index => new IndexedTensor(FormulaTensor.Constant(1, index.Extent), EquatableArray.Of(AffineIndex.Of(index))))).ToEquatable(),
    };
}
