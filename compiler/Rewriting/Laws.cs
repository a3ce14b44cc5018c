using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>A rewrite of one node that leaves the linear map as it is.</summary>
/// <param name="Name">How <c>explain</c> calls it.</param>
/// <param name="Statement">The identity that it applies, left to right.</param>
/// <param name="Apply">The rewritten node, or null where the law does not apply.</param>
public sealed record Law(string Name, string Statement, Func<Operator, Operator?> Apply);

/// <summary>Every law that the rewriter knows. Each makes an operator smaller or moves a node one way only, so rewriting ends.</summary>
public static class Laws
{
    public static readonly IReadOnlyList<Law> All =
    [
        new("flatten", "(A B) C = A B C, and so for +, ⊗, ⊕ and blocks of one", Flatten),
        new("transpose", "(A B)' = B' A', (A ⊗ B)' = A' ⊗ B', [A, B]' = [A'; B'], A'' = A", PushTranspose),
        new("identity", "I A = A = A I, I ⊗ I = I, I ⊕ I = I", DropIdentity),
        new("zero", "0 A = 0, A + 0 = A, 0 ⊗ A = 0", DropZero),
        new("scale", "A (c B) = c (A B), (c A) ⊗ B = c (A ⊗ B), 1 A = A", HoistScale),
        new("permutation", "a permutation times a permutation is a permutation; shuffle(a, b) shuffle(b, a) = I", FusePermutations),
        new("window", "crop after crop, pad after pad and crop after pad are one window", FuseWindows),
        new("mixed-product", "(A ⊗ B) (C ⊗ D) = A C ⊗ B D", MixedProduct),
        new("direct-sum-product", "(A ⊕ B) (C ⊕ D) = A C ⊕ B D", DirectSumProduct),
        new("block-product", "[A, B] [C; D] = A C + B D", BlockProduct),
        new("reflections", "∏ (I − 2 v v'/v'v) over neighbouring rows of V is one chain I − V' T V", FuseReflections),
        new("symmetric", "S' = S for a symmetric tensor S", DropTranspose),
        new("orthogonal", "Q' Q = I = Q Q' for an orthogonal Q", CancelOrthogonal),
        new("common-factor", "A B + A C = A (B + C), B A + C A = (B + C) A", FactorOut),
        new("equal-terms", "a A + b A = (a + b) A", CollectTerms),
        new("single-repetition", "an indexed operator with one repetition is its body", UnrollOne),
    ];

    private static Operator? Flatten(Operator op)
    {
        (EquatableArray<Operator> operands, Func<EquatableArray<Operator>, Operator>? make) = op switch
        {
            Product product => (product.Operands, (Func<EquatableArray<Operator>, Operator>)(list => new Product(list))),
            Sum sum => (sum.Operands, list => new Sum(list)),
            Kronecker kronecker => (kronecker.Operands, list => new Kronecker(list)),
            DirectSum direct => (direct.Operands, list => new DirectSum(list)),
            HorizontalStack stack => (stack.Operands, list => new HorizontalStack(list)),
            VerticalStack stack => (stack.Operands, list => new VerticalStack(list)),
            _ => (default, null),
        };
        if (make is null)
        {
            return null;
        }

        if (operands.Count == 1)
        {
            return operands[0];
        }

        return operands.Any(operand => operand.GetType() == op.GetType())
            ? make(operands.SelectMany(operand => operand.GetType() == op.GetType() ? operand.Operands() : [operand]).ToEquatable())
            : null;
    }

    private static Operator? PushTranspose(Operator op) =>
        op is Transpose transpose && Transposition.Push(transpose.Operand) is var pushed && pushed != op ? pushed : null;

    private static Operator? DropIdentity(Operator op)
    {
        switch (op)
        {
            case Product product when product.Operands.Any(operand => operand is Identity):
                EquatableArray<Operator> rest = product.Operands.Where(operand => operand is not Identity).ToEquatable();
                return rest.Count == 0 ? product.Operands[0] : new Product(rest);

            case Kronecker kronecker:
                return MergeNeighbours(kronecker.Operands, (left, right) => (left, right) switch
                {
                    (Identity a, Identity b) => new Identity(a.Size * b.Size),
                    (Identity { Size: 1 }, _) => right,
                    (_, Identity { Size: 1 }) => left,
                    _ => null,
                }) is { } merged ? new Kronecker(merged) : null;

            case DirectSum direct:
                return MergeNeighbours(
                    direct.Operands,
                    (left, right) => (left, right) is (Identity a, Identity b) ? new Identity(a.Size + b.Size) : null) is { } joined
                        ? new DirectSum(joined)
                        : null;

            default:
                return null;
        }
    }

    private static Operator? DropZero(Operator op) => op switch
    {
        Product or Kronecker or Scaled or ScaledByTensor when op.Operands().Any(operand => operand is Zero) => new Zero(op.Rows, op.Columns),
        Sum sum when sum.Operands.All(operand => operand is Zero) => sum.Operands[0],
        Sum sum when sum.Operands.Any(operand => operand is Zero) => new Sum(sum.Operands.Where(operand => operand is not Zero).ToEquatable()),
        _ => null,
    };

    private static Operator? HoistScale(Operator op)
    {
        switch (op)
        {
            case Scaled { Factor: 1 } scaled:
                return scaled.Operand;

            case Scaled { Operand: Scaled inner } scaled:
                return new Scaled(scaled.Factor * inner.Factor, inner.Operand);

            case ScaledByTensor { Operand: Scaled inner } scaled:
                return inner with { Operand = scaled with { Operand = inner.Operand } };

            case Product or Kronecker when op.Operands().FirstOrDefault(operand => operand is Scaled or ScaledByTensor) is { } factor:
                bool done = false;
                Operator rest = op.MapOperands(operand =>
                {
                    bool hit = !done && ReferenceEquals(operand, factor);
                    done |= hit;
                    return hit ? operand.Operands().Single() : operand;
                });
                return factor.MapOperands(_ => rest);

            default:
                return null;
        }
    }

    private static Operator? FusePermutations(Operator op)
    {
        switch (op)
        {
            case Shuffle { Outer: 1 } or Shuffle { Inner: 1 }:
                return new Identity(op.Rows);

            case Permutation permutation when permutation.Table.SequenceEqual(Enumerable.Range(0, permutation.Rows)):
                return new Identity(op.Rows);

            case Product product:
                return MergeNeighbours(product.Operands, (left, right) => (left, right) switch
                {
                    (Shuffle a, Shuffle b) when a.Outer == b.Inner && a.Inner == b.Outer => new Identity(a.Rows),
                    (Permutation a, Permutation b) => Compose(a.Table, b.Table),
                    (Permutation a, Shuffle b) => Compose(a.Table, Table(b)),
                    (Shuffle a, Permutation b) => Compose(Table(a), b.Table),
                    _ => null,
                }) is { } merged ? new Product(merged) : null;

            default:
                return null;
        }
    }

    // y[i] = (b x)[left[i]] = x[right[left[i]]]
    private static Permutation Compose(EquatableArray<int> left, EquatableArray<int> right) =>
        new(left.Select(i => right[i]).ToEquatable());

    /// <summary><c>y[j·a + i] = x[i·b + j]</c> as a table.</summary>
    private static EquatableArray<int> Table(Shuffle shuffle) => Enumerable.Range(0, shuffle.Rows)
        .Select(p => (p % shuffle.Outer * shuffle.Inner) + (p / shuffle.Outer))
        .ToEquatable();

    private static Operator? FuseWindows(Operator op)
    {
        switch (op)
        {
            case Crop crop when crop.Length == crop.Size:
                return new Identity(crop.Size);

            case Pad pad when pad.Length == pad.Size:
                return new Identity(pad.Size);

            case Product product:
                return MergeNeighbours(product.Operands, (left, right) => (left, right) switch
                {
                    (Crop a, Crop b) => new Crop(b.Size, b.Start + a.Start, a.Length),
                    (Pad a, Pad b) => new Pad(a.Size, a.Start + b.Start, b.Length),
                    (Crop a, Pad b) => Overlap(a, b),
                    _ => null,
                }) is { } merged ? new Product(merged) : null;

            default:
                return null;
        }
    }

    /// <summary>A crop of a pad keeps where the two windows meet: crop to that, then pad to the crop's length.</summary>
    private static Operator Overlap(Crop crop, Pad pad)
    {
        int start = Math.Max(crop.Start, pad.Start);
        int length = Math.Min(crop.Start + crop.Length, pad.Start + pad.Length) - start;
        return length <= 0
            ? new Zero(crop.Length, pad.Length)
            : new Product(EquatableArray.Of<Operator>(
                new Pad(crop.Length, start - crop.Start, length),
                new Crop(pad.Length, start - pad.Start, length)));
    }

    private static Operator? MixedProduct(Operator op) => op is Product product
        && MergeNeighbours(product.Operands, (left, right) => left is Kronecker && right is Kronecker
            ? Pairwise(left, right) is { } pairs ? new Kronecker(pairs) : null
            : null) is { } merged ? new Product(merged) : null;

    private static Operator? DirectSumProduct(Operator op) => op is Product product
        && MergeNeighbours(product.Operands, (left, right) => left is DirectSum && right is DirectSum
            ? Pairwise(left, right) is { } pairs ? new DirectSum(pairs) : null
            : null) is { } merged ? new Product(merged) : null;

    private static Operator? BlockProduct(Operator op) => op is Product product
        && MergeNeighbours(product.Operands, (left, right) => left is HorizontalStack && right is VerticalStack
            ? Pairwise(left, right) is { } pairs ? new Sum(pairs) : null
            : null) is { } merged ? new Product(merged) : null;

    private static EquatableArray<Operator>? Pairwise(Operator left, Operator right)
    {
        Operator[] a = [.. left.Operands()];
        Operator[] b = [.. right.Operands()];
        return a.Length == b.Length && a.Zip(b, (x, y) => x.Columns == y.Rows).All(fits => fits)
            ? a.Zip(b, (x, y) => (Operator)new Product(EquatableArray.Of(x, y))).ToEquatable()
            : null;
    }

    private static Operator? FuseReflections(Operator op) => op is Product product
        && MergeNeighbours(product.Operands, (left, right) =>
            (left, right) is (Reflections { Tensor: SliceTensor a }, Reflections { Tensor: SliceTensor b }) && Join(a, b) is { } rows
                ? new Reflections(rows)
                : null) is { } merged ? new Product(merged) : null;

    /// <summary>The rows of two slices as one, where the second begins where the first ends; the whole tensor where they are all of it.</summary>
    private static TensorExpression? Join(SliceTensor first, SliceTensor second)
    {
        if (!first.Source.Equals(second.Source) || first.Axes.Count != second.Axes.Count)
        {
            return null;
        }

        int rows = first.Axes.ToList().FindIndex(axis => axis is RangeAxis);
        if (rows < 0
            || first.Axes[rows] is not RangeAxis a
            || second.Axes[rows] is not RangeAxis b
            || a.Start + a.Length != b.Start
            || Enumerable.Range(0, first.Axes.Count).Any(k => k != rows && !first.Axes[k].Equals(second.Axes[k])))
        {
            return null;
        }

        EquatableArray<SliceAxis> axes = first.Axes
            .Select((axis, k) => k == rows ? new RangeAxis(a.Start, a.Length + b.Length) : axis)
            .ToEquatable();
        bool whole = axes
            .Select((axis, k) => axis is RangeAxis { Start: 0 } range && range.Length == first.Source.Shape[k])
            .All(full => full);
        return whole ? first.Source : new SliceTensor(first.Source, axes);
    }

    private static Operator? DropTranspose(Operator op) =>
        op is Transpose { Operand: var operand } && operand is Matrix or BlockDiagonal && operand.Tensors().All(Properties.IsSymmetric) ? operand : null;

    private static Operator? CancelOrthogonal(Operator op) => op is Product product
        && MergeNeighbours(product.Operands, (left, right) =>
            (left, right) switch
            {
                (Transpose { Operand: var a }, var b) when a.Equals(b) && Properties.IsOrthogonal(a) => new Identity(a.Rows),
                (var a, Transpose { Operand: var b }) when a.Equals(b) && Properties.IsOrthogonal(a) => new Identity(a.Rows),
                _ => null,
            }) is { } merged ? new Product(merged) : null;

    private static Operator? FactorOut(Operator op)
    {
        if (op is not Sum sum)
        {
            return null;
        }

        for (int i = 0; i < sum.Operands.Count; i++)
        {
            for (int j = i + 1; j < sum.Operands.Count; j++)
            {
                if (sum.Operands[i] is Product a && sum.Operands[j] is Product b && Common(a, b) is { } factored)
                {
                    EquatableArray<Operator> rest = sum.Operands.Where((_, k) => k != i && k != j).Append(factored).ToEquatable();
                    return new Sum(rest);
                }
            }
        }

        return null;
    }

    private static Operator? Common(Product a, Product b)
    {
        int last = a.Operands.Count - 1;
        int end = b.Operands.Count - 1;
        if (a.Operands[0].Equals(b.Operands[0]))
        {
            Operator inner = new Sum(EquatableArray.Of<Operator>(
                new Product(a.Operands.Skip(1).ToEquatable()),
                new Product(b.Operands.Skip(1).ToEquatable())));
            return new Product(EquatableArray.Of(a.Operands[0], inner));
        }

        if (a.Operands[last].Equals(b.Operands[end]))
        {
            Operator inner = new Sum(EquatableArray.Of<Operator>(
                new Product(a.Operands.Take(last).ToEquatable()),
                new Product(b.Operands.Take(end).ToEquatable())));
            return new Product(EquatableArray.Of(inner, a.Operands[last]));
        }

        return null;
    }

    private static Operator? CollectTerms(Operator op)
    {
        if (op is not Sum sum)
        {
            return null;
        }

        (double Factor, Operator Operand)[] terms =
        [
            .. sum.Operands.Select(operand => operand is Scaled scaled ? (scaled.Factor, scaled.Operand) : (1, operand)),
        ];
        var collected = terms
            .GroupBy(term => term.Operand)
            .Select(group => (Operator)new Scaled(group.Sum(term => term.Factor), group.Key))
            .ToEquatable();
        return collected.Count < terms.Length ? new Sum(collected) : null;
    }

    private static Operator? UnrollOne(Operator op) =>
        op is Indexed { Variable.Extent: 1 } indexed ? indexed.Body.At(indexed.Variable, 0) : null;

    /// <summary>The list with the first pair of neighbours that the rule can merge replaced by one; null if there is none.</summary>
    private static EquatableArray<Operator>? MergeNeighbours(EquatableArray<Operator> operands, Func<Operator, Operator, Operator?> merge)
    {
        for (int i = 0; i + 1 < operands.Count; i++)
        {
            if (merge(operands[i], operands[i + 1]) is { } merged)
            {
                return operands.Take(i).Append(merged).Concat(operands.Skip(i + 2)).ToEquatable();
            }
        }

        return null;
    }
}
