using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>What is known of an operator or of matrices whatever its parameters are. What is not known to hold may hold all the same.</summary>
public static partial class Properties
{
    /// <summary>Functions of the elements at one place of each argument: of symmetric matrices they are symmetric.</summary>
    private static readonly HashSet<string> s_placewise = new(["sin", "cos", "power", "quotient", "where", "straight_through"], StringComparer.Ordinal);

    /// <summary>Functions of matrices that are symmetric where these are, and those that are symmetric whatever these are.</summary>
    private static readonly HashSet<string> s_ofMatrices = new(["inverse", "pseudo_inverse", "expm"], StringComparer.Ordinal), s_symmetric = new(["sqrtm", "logm", "powerm", "inverse_spd"], StringComparer.Ordinal);

    /// <summary>Functions whose square results are orthogonal matrices.</summary>
    private static readonly HashSet<string> s_orthogonal = new(["cayley", "orthonormal_rows", "polar", "eigenvectors"], StringComparer.Ordinal);

    /// <summary>Constants up to so many elements are looked through.</summary>
    private const int MostElements = 1 << 16;

    /// <summary>What is known of it, in words.</summary>
    public static IEnumerable<string> Describe(Operator op)
    {
        if (IsDiagonal(op))
        {
            yield return "diagonal";
        }
        else if (TriangleOf(op) is { } triangle)
        {
            yield return $"{(triangle.IsUnit ? "unit " : "")}{(triangle.IsLower ? "lower" : "upper")} triangular";
        }
        else if (IsSymmetric(op))
        {
            yield return "symmetric";
        }

        if (DefinitenessOf(op) is not Definiteness.Unknown and var definiteness)
        {
            yield return definiteness == Definiteness.Definite ? "positive definite" : "positive semidefinite";
        }

        if (IsOrthogonal(op))
        {
            yield return "orthogonal";
        }

        if (Rank(op) is var rank && rank < Math.Min(op.Rows, op.Columns))
        {
            yield return FormattableString.Invariant($"of rank {rank} at most");
        }
    }

    private static bool IsDiagonal(Operator op) => op switch
    {
        Identity or Diagonal => true,
        Scaled or ScaledByTensor or Transpose or Sum or Product or Kronecker or DirectSum => op.Operands().All(IsDiagonal),
        _ => false,
    };

    /// <summary>Whether it is its own transpose: whether the laws make the same of both.</summary>
    public static bool IsSymmetric(Operator op) => op.Rows == op.Columns
        && (Circulant.Of(op) is { } circulant ? circulant.Imaginary.Count == 0 : Canonical(op).Equals(Canonical(new Transpose(op))));

    /// <summary>Whether the matrices of the last two axes are their own transposes.</summary>
    public static bool IsSymmetric(TensorExpression tensor)
    {
        if (tensor.Shape.Count < 2 || tensor.Shape[tensor.Shape.Count - 1] != tensor.Shape[tensor.Shape.Count - 2])
        {
            return false;
        }

        switch (tensor)
        {
            case ParameterTensor { IsStored: false, Parameter.Property: var property }:
                return property is TensorProperty.Symmetric or TensorProperty.PositiveDefinite;

            case EntriesTensor entries:
                return IsSymmetric(entries.Operator);

            case FormulaTensor { Shape.Count: 2, Shape: var shape } formula:
                return (long)shape[0] * shape[0] <= MostElements
                    && Enumerable.Range(0, shape[0]).All(i => Enumerable.Range(0, i).All(j => formula.Formula.At([i, j]).Equals(formula.Formula.At([j, i]))));

            case FunctionTensor { Function: { Name: var name } function, Arguments: var arguments }:
                return name is "rbf" or "distances" ? arguments[0].Equals(arguments[1])
                    : s_symmetric.Contains(name) || ((function.IsElementwise || function.IsRounding || s_placewise.Contains(name) || s_ofMatrices.Contains(name)) && arguments.All(IsSymmetric));

            case SliceTensor slice:
                return IsPrincipal(slice) && IsSymmetric(slice.Source);

            case EinsumTensor einsum:
                return IsSymmetric(einsum);

            default:
                return false;
        }
    }

    /// <summary>Whether its transpose is its inverse.</summary>
    public static bool IsOrthogonal(Operator op) => op switch
    {
        Identity or Permutation or Shuffle or Reflections => true,
        Matrix matrix => IsOrthogonal(matrix.Tensor),
        BlockDiagonal blocks => IsOrthogonal(blocks.Tensor),
        Scaled { Factor: var factor, Operand: WalshHadamard transform } => Math.Abs((factor * factor * transform.Size) - 1) < 1e-12,
        Scaled { Factor: 1 or -1, Operand: var operand } => IsOrthogonal(operand),
        Transpose or Kronecker or DirectSum or Product or Indexed { Kind: IndexedKind.DirectSum } => op.Operands().All(operand => operand.Rows == operand.Columns && IsOrthogonal(operand)),
        _ => false,
    };

    private static bool IsOrthogonal(TensorExpression tensor) => tensor switch
    {
        ParameterTensor { IsStored: false, Parameter.Property: TensorProperty.Orthogonal } => true,
        FunctionTensor function => s_orthogonal.Contains(function.Function.Name) && function.Shape[function.Shape.Count - 1] == function.Shape[function.Shape.Count - 2],
        SliceTensor { Axes: var axes, Source: var source } => axes.Count > 2 && IsOrthogonal(source)
            && axes.Skip(axes.Count - 2).Zip(source.Shape.Skip(axes.Count - 2), (axis, extent) => axis is RangeAxis range && range.Length == extent).All(whole => whole),
        _ => false,
    };

    /// <summary>A bound of the rank.</summary>
    public static int Rank(Operator op) => Math.Min(Math.Min(op.Rows, op.Columns), op switch
    {
        Zero => 0,
        Product => op.Operands().Min(Rank),
        Sum or DirectSum or HorizontalStack or VerticalStack => Limited(op.Operands().Sum(operand => (long)Rank(operand))),
        Kronecker => Limited(op.Operands().Aggregate(1L, (product, operand) => Math.Min(int.MaxValue, product * Rank(operand)))),
        Scaled or ScaledByTensor or Transpose => Rank(op.Operands().Single()),
        Alternatives => op.Operands().Min(Rank),
        _ => int.MaxValue,
    });

    private static int Limited(long number) => (int)Math.Min(int.MaxValue, number);

    /// <summary>What the laws make of it, with the terms of sums in the order of their texts.</summary>
    private static Operator Canonical(Operator op) => Ordered(Rewriter.Rewrite(op, []));

    private static Operator Ordered(Operator op) => op.MapOperands(Ordered) switch
    {
        Sum sum => new Sum(sum.Operands.OrderBy(AlgebraPrinter.Print, StringComparer.Ordinal).ToEquatable()),
        var other => other,
    };

    /// <summary>Whether each term has one that is the same with the last two axes exchanged, but for the names of the indices that are summed.</summary>
    private static bool IsSymmetric(EinsumTensor einsum)
    {
        EquatableArray<IndexVariable> rows = einsum.Axes[einsum.Axes.Count - 2], columns = einsum.Axes[einsum.Axes.Count - 1];
        if (!rows.Select(index => index.Extent).SequenceEqual(columns.Select(index => index.Extent)))
        {
            return false;
        }

        var exchanged = einsum.Axes.SelectMany(group => group).ToDictionary(index => index.Id, index => index.Id);
        foreach ((IndexVariable row, IndexVariable column) in rows.Zip(columns, (row, column) => (row, column)))
        {
            (exchanged[row.Id], exchanged[column.Id]) = (column.Id, row.Id);
        }

        List<TensorProduct> left = [.. einsum.Terms];
        foreach (TensorProduct term in einsum.Terms)
        {
            int other = left.FindIndex(candidate => candidate.Coefficient.Equals(term.Coefficient)
                && candidate.Factors.Count == term.Factors.Count && Match(term.Factors, 0, [.. candidate.Factors], exchanged));
            if (other < 0)
            {
                return false;
            }

            left.RemoveAt(other);
        }

        return true;
    }

    /// <summary>Whether factors from one on are others under a one-to-one renaming of indices.</summary>
    private static bool Match(IReadOnlyList<IndexedTensor> factors, int first, List<IndexedTensor> others, IReadOnlyDictionary<int, int> names)
    {
        if (first == factors.Count)
        {
            return true;
        }

        IndexedTensor factor = factors[first];
        bool isSymmetric = factor.Indices.Count == 2 && IsSymmetric(factor.Tensor);
        for (int k = 0; k < others.Count; k++)
        {
            IndexedTensor other = others[k];
            if (!other.Tensor.Equals(factor.Tensor))
            {
                continue;
            }

            List<IndexedTensor> rest = [.. others.Where((_, j) => j != k)];
            if ((Renamed(factor.Indices, other.Indices, names) is { } straight && Match(factors, first + 1, rest, straight))
                || (isSymmetric && Renamed(factor.Indices, other.Indices.Reverse().ToEquatable(), names) is { } turned && Match(factors, first + 1, rest, turned)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The renaming, with what positions that have to be the same add to it; null where they are not.</summary>
    private static Dictionary<int, int>? Renamed(EquatableArray<AffineIndex> from, EquatableArray<AffineIndex> to, IReadOnlyDictionary<int, int> names)
    {
        var more = names.ToDictionary(pair => pair.Key, pair => pair.Value);
        foreach ((AffineIndex one, AffineIndex other) in from.Zip(to, (one, other) => (one, other)))
        {
            if (one.Offset != other.Offset || one.Terms.Count != other.Terms.Count)
            {
                return null;
            }

            foreach (((IndexVariable variable, int coefficient), (IndexVariable name, int same)) in one.Terms.Zip(other.Terms, (a, b) => (a, b)))
            {
                bool isKnown = more.TryGetValue(variable.Id, out int known);
                if (coefficient != same || variable.Extent != name.Extent || (isKnown ? known != name.Id : more.ContainsValue(name.Id)))
                {
                    return null;
                }

                more[variable.Id] = name.Id;
            }
        }

        return more;
    }
}
