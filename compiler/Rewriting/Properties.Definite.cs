using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>What is known of the numbers xᵀ A x of a symmetric A: nothing, that they are not negative, or that they are positive for each x but 0.</summary>
public enum Definiteness
{
    /// <summary>Nothing is known.</summary>
    Unknown,

    /// <summary>None is negative.</summary>
    Semidefinite,

    /// <summary>Positive but for x = 0.</summary>
    Definite,
}

/// <content>
/// Positive matrices: Grams, kernels, and sums and products of such. A number that is positive by its formula counts as that, small as it may be: what relies on it
/// has to do with one that has vanished.
/// </content>
public static partial class Properties
{
    /// <summary>Functions whose values are positive, and those whose values are not negative, whatever their arguments are.</summary>
    private static readonly HashSet<string> s_positive = new(["exp", "sigmoid", "softplus", "softmax", "rbf"], StringComparer.Ordinal),
        s_notNegative = new(["square", "abs", "relu", "row_norms", "column_norms", "distances", "prefix", "largest", "above_quantile", "step", "singular_values", "top_k_softmax"], StringComparer.Ordinal);

    /// <summary>Functions of positive numbers that are positive, and of numbers that are not negative not negative.</summary>
    private static readonly HashSet<string> s_keepsSign = new(["sqrt", "power", "quotient", "maximum", "concat", "stop_gradient", "tanh"], StringComparer.Ordinal);

    /// <summary>Functions of each element whose power series has no negative term: of a semidefinite matrix they make one (Schur 1911).</summary>
    private static readonly HashSet<string> s_absolutelyMonotone = new(["exp", "square", "stop_gradient"], StringComparer.Ordinal);

    /// <summary>Whether an operator is symmetric and positive.</summary>
    public static Definiteness DefinitenessOf(Operator op)
    {
        switch (op)
        {
            case Identity:
                return Definiteness.Definite;

            case Zero when op.Rows == op.Columns:
                return Definiteness.Semidefinite;

            case Diagonal { Tensor: var tensor }:
                return SignOf(tensor);

            case Matrix { Tensor: var tensor }:
                return DefinitenessOf(tensor);

            case BlockDiagonal { Tensor: var tensor }:
                return DefinitenessOf(tensor);

            case Scaled { Factor: > 0, Operand: var operand }:
                return DefinitenessOf(operand);

            case ScaledByTensor { Factor: var factor, Operand: var operand }:
                return Least(SignOf(factor), DefinitenessOf(operand));

            case Sum:
                return OfSum(op.Operands().Select(DefinitenessOf));

            case Kronecker or DirectSum:
            case Indexed { Kind: IndexedKind.DirectSum or IndexedKind.Sum }:
                return op.Operands().Select(DefinitenessOf).Aggregate(Least);

            case Transpose or Alternatives:
                return DefinitenessOf(op.Operands().First());

            case Product { Operands: var operands }:
                return OfProduct([.. operands]);

            default:
                return Definiteness.Unknown;
        }
    }

    /// <summary>Whether the matrices of the last two axes are symmetric and positive.</summary>
    public static Definiteness DefinitenessOf(TensorExpression tensor)
    {
        if (tensor.Shape.Count < 2 || tensor.Shape[tensor.Shape.Count - 1] != tensor.Shape[tensor.Shape.Count - 2])
        {
            return Definiteness.Unknown;
        }

        switch (tensor)
        {
            case ParameterTensor { IsStored: false, Parameter.Property: TensorProperty.PositiveDefinite }:
                return Definiteness.Definite;

            case EntriesTensor entries:
                return DefinitenessOf(entries.Operator);

            case FormulaTensor formula when formula.Equals(FormulaTensor.Identity(formula.Shape[0])):
                return Definiteness.Definite;

            case FunctionTensor { Function.Name: "rbf", Arguments: var points }:
                return points[0].Equals(points[1]) ? Definiteness.Semidefinite : Definiteness.Unknown;

            case FunctionTensor { Function.Name: "inverse" or "inverse_spd" or "pseudo_inverse" or "sqrtm" or "powerm", Arguments: var arguments }:
                return DefinitenessOf(arguments[0]);

            case FunctionTensor { Function.Name: "expm", Arguments: var arguments }:
                return IsSymmetric(arguments[0]) ? Definiteness.Definite : Definiteness.Unknown;

            case FunctionTensor { Function.Name: var name, Arguments: var arguments } when s_absolutelyMonotone.Contains(name):
                return Least(DefinitenessOf(arguments[0]), name == "stop_gradient" ? Definiteness.Definite : Definiteness.Semidefinite);

            case SliceTensor slice:
                return IsPrincipal(slice) ? DefinitenessOf(slice.Source) : Definiteness.Unknown;

            case EinsumTensor einsum:
                return OfSum(einsum.Terms.Select(term => DefinitenessOf(einsum, term)));

            default:
                return Definiteness.Unknown;
        }
    }

    /// <summary>Whether all elements are positive (definite), or none is negative (semidefinite).</summary>
    public static Definiteness SignOf(TensorExpression tensor)
    {
        switch (tensor)
        {
            case FormulaTensor { Formula: FormulaNumber { Number: var number } }:
                return SignOf(number);

            case FormulaTensor formula when formula.Shape.Aggregate(1L, (product, extent) => product * extent) <= MostElements:
                return formula.Elements().Select(SignOf).Aggregate(Least);

            case ListTensor list:
                return list.Elements.Select(SignOf).Aggregate(Least);

            case FunctionTensor { Function.Name: "shift", Arguments: var arguments, Numbers: var numbers } when numbers[0] >= 0:
                return OfSum([SignOf(arguments[0]), SignOf(numbers[0])]);

            case FunctionTensor { Function.Name: "where", Arguments: var arguments }:
                return Least(SignOf(arguments[1]), SignOf(arguments[2]));

            case FunctionTensor { Function.Name: "eigenvalues", Arguments: var arguments }:
                return DefinitenessOf(arguments[0]);

            case FunctionTensor { Function.Name: var name, Arguments: var arguments }:
                return s_positive.Contains(name) ? Definiteness.Definite
                    : s_keepsSign.Contains(name) ? arguments.Select(SignOf).Aggregate(Least)
                    : s_notNegative.Contains(name) ? Definiteness.Semidefinite
                    : Definiteness.Unknown;

            case SliceTensor slice:
                return SignOf(slice.Source);

            case EntriesTensor { IsDiagonal: true, Operator: var op }:
                return DefinitenessOf(op);

            case EinsumTensor einsum:
                return OfSum(einsum.Terms.Select(term => OfFactors(term.Coefficient, [.. term.Factors])));

            default:
                return Definiteness.Unknown;
        }
    }

    private static Definiteness SignOf(double number) => number > 0 ? Definiteness.Definite : number == 0 ? Definiteness.Semidefinite : Definiteness.Unknown;

    private static Definiteness Least(Definiteness one, Definiteness other) => one < other ? one : other;

    private static Definiteness OfSum(IEnumerable<Definiteness> terms)
    {
        Definiteness[] all = [.. terms];
        return Array.IndexOf(all, Definiteness.Unknown) >= 0 ? Definiteness.Unknown : all.Max();
    }

    /// <summary>B M Bᵀ is as M is, but definite only where B is known to have an inverse.</summary>
    private static Definiteness OfProduct(IReadOnlyList<Operator> operands)
    {
        if (operands.Count == 1)
        {
            return DefinitenessOf(operands[0]);
        }

        Operator first = operands[0], last = operands[operands.Count - 1];
        if (!Canonical(new Transpose(first)).Equals(Canonical(last)))
        {
            return Definiteness.Unknown;
        }

        Definiteness outer = first.Rows == first.Columns && IsInvertible(first) ? Definiteness.Definite : Definiteness.Semidefinite;
        return operands.Count == 2 ? outer : Least(outer, OfProduct([.. operands.Skip(1).Take(operands.Count - 2)]));
    }

    /// <summary>Whether a square operator is known to have an inverse.</summary>
    private static bool IsInvertible(Operator op) =>
        IsOrthogonal(op) || op is WalshHadamard || TriangleOf(op) is { IsUnit: true } || DefinitenessOf(op) == Definiteness.Definite;

    /// <summary>The product of factors everywhere, where equal ones are a square.</summary>
    private static Definiteness OfFactors(double coefficient, List<IndexedTensor> factors)
    {
        Definiteness sign = SignOf(coefficient);
        while (factors.Count > 0 && sign > Definiteness.Unknown)
        {
            IndexedTensor factor = factors[0];
            factors.RemoveAt(0);
            sign = Least(sign, SignOf(factor.Tensor) is not Definiteness.Unknown and var own ? own : factors.Remove(factor) ? Definiteness.Semidefinite : Definiteness.Unknown);
        }

        return sign;
    }

    /// <summary>
    /// A term over rows and columns: products of factors of the row with the same of the column, of semidefinite matrices at both, whose product of elements is
    /// one (Schur 1911), and of numbers that are not negative. On the diagonal alone, the sign of its elements.
    /// </summary>
    private static Definiteness DefinitenessOf(EinsumTensor einsum, TensorProduct term)
    {
        EquatableArray<IndexVariable> rows = einsum.Axes[einsum.Axes.Count - 2], columns = einsum.Axes[einsum.Axes.Count - 1];
        if (rows.Count != columns.Count || rows.Zip(columns, (row, column) => row.Extent == column.Extent).Contains(false))
        {
            return Definiteness.Unknown;
        }

        var names = rows.Zip(columns, (row, column) => (row, column)).ToDictionary(pair => pair.row.Id, pair => pair.column);
        List<IndexedTensor> left = [.. term.Factors];
        bool isDiagonal = left.RemoveAll(IsDelta) > 0;
        if (isDiagonal)
        {
            return OfFactors(term.Coefficient, [.. left.Select(AtColumn)]);
        }

        Definiteness known = SignOf(term.Coefficient) == Definiteness.Unknown ? Definiteness.Unknown : Definiteness.Semidefinite;
        var free = new List<IndexedTensor>();
        while (left.Count > 0 && known > Definiteness.Unknown)
        {
            IndexedTensor factor = left[0];
            left.RemoveAt(0);
            (bool ofRow, bool ofColumn) = (rows.Any(row => DependsOn(factor, row)), columns.Any(column => DependsOn(factor, column)));
            if (ofRow && ofColumn)
            {
                known = IsMatrix(factor) ? Least(known, DefinitenessOf(factor.Tensor)) : Definiteness.Unknown;
            }
            else if (ofRow || ofColumn)
            {
                IndexedTensor other = left.Find(candidate => ofRow ? candidate.Equals(AtColumn(factor)) : AtColumn(candidate).Equals(factor));
                known = other is not null && left.Remove(other) ? known : Definiteness.Unknown;
            }
            else
            {
                free.Add(factor);
            }
        }

        return Least(known, OfFactors(1, free));

        static bool DependsOn(IndexedTensor factor, IndexVariable index) => factor.Indices.Any(position => position.DependsOn(index));

        IndexedTensor AtColumn(IndexedTensor factor) => new(factor.Tensor, factor.Indices.Select(index => new AffineIndex(
            index.Offset, index.Terms.Select(part => (names.TryGetValue(part.Variable.Id, out IndexVariable? column) ? column : part.Variable, part.Coefficient)).ToEquatable())).ToEquatable());

        // A matrix whose row and column are those of the tensor.
        bool IsMatrix(IndexedTensor factor) => factor.Indices.Count > 1
            && factor.Indices[factor.Indices.Count - 2].Equals(AffineIndex.Group(rows)) && factor.Indices[factor.Indices.Count - 1].Equals(AffineIndex.Group(columns))
            && !factor.Indices.Take(factor.Indices.Count - 2).Any(index => rows.Concat(columns).Any(index.DependsOn));

        bool IsDelta(IndexedTensor factor) => rows.Count == 1 && factor is { Tensor: FormulaTensor { Shape.Count: 2 } formula } && formula.Equals(FormulaTensor.Identity(formula.Shape[0]))
            && ((factor.Indices[0].Equals(AffineIndex.Of(rows[0])) && factor.Indices[1].Equals(AffineIndex.Of(columns[0])))
                || (factor.Indices[0].Equals(AffineIndex.Of(columns[0])) && factor.Indices[1].Equals(AffineIndex.Of(rows[0]))));
    }

    /// <summary>Whether rows and columns of the last two axes are the same range.</summary>
    private static bool IsPrincipal(SliceTensor slice) => slice.Axes.Count > 1 && slice.Axes.Skip(slice.Axes.Count - 2).All(axis => axis is RangeAxis)
        && slice.Axes[slice.Axes.Count - 1].Equals(slice.Axes[slice.Axes.Count - 2]);
}
