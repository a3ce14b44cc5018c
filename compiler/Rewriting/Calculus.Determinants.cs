using Weft.Compiler.Algebra;

namespace Weft.Compiler.Rewriting;

/// <content>Logarithms of determinants: of products, ⊗ and ⊕ sums of those of the operands, of updates of low rank the determinant lemma.</content>
public sealed partial class Calculus
{
    /// <summary>log |det A| of a square operator; null where it is larger than what can be taken apart and no law reaches it.</summary>
    public TensorExpression? LogDeterminant(Operator op) => LogDeterminant(Rewriter.Rewrite(op, []), MostDense) is { } terms ? Total(terms) : null;

    /// <summary>As a sum of all elements of tensors, each times a number.</summary>
    private IReadOnlyList<(double Coefficient, TensorExpression Tensor)>? LogDeterminant(Operator op, int most)
    {
        switch (op)
        {
            case var _ when Properties.IsOrthogonal(op) || Properties.TriangleOf(op) is { IsUnit: true }:
                return Number(0);

            case var _ when Circulant.Of(op) is { } circulant:
                return [(1, LogDeterminantOf(circulant))];

            case WalshHadamard:
                return Number(op.Rows / 2.0 * Math.Log(op.Rows));

            case Diagonal { Tensor: var tensor }:
                return LogMagnitude(tensor);

            case BlockDiagonal { Tensor: var tensor } when tensor.Shape[1] == tensor.Shape[2] && tensor.Shape[1] <= most:
                return [(1, LogDeterminantOf(tensor))];

            case Scaled { Factor: not 0 } scaled:
                return Joined([Number(op.Rows * Math.Log(Math.Abs(scaled.Factor))), LogDeterminant(scaled.Operand, most)]);

            case ScaledByTensor scaled:
                return Joined([Times(op.Rows, LogMagnitude(scaled.Factor)), LogDeterminant(scaled.Operand, most)]);

            case Kronecker when op.Operands().All(operand => operand.Rows == operand.Columns):
                return Joined(op.Operands().Select(operand => Times(op.Rows / operand.Rows, LogDeterminant(operand, most))));

            case Product or DirectSum when op.Operands().All(operand => operand.Rows == operand.Columns):
                return Joined(op.Operands().Select(operand => LogDeterminant(operand, most)));

            case Transpose or Alternatives:
                return LogDeterminant(op.Operands().First(), most);

            case Sum sum:
                return (OfSum(sum, most, least: 2) is { } spectrum ? LogMagnitude(spectrum.Values) : null) ?? ByDeterminantLemma(sum, most) ?? Elimination();

            case VerticalStack when Complement(op, most) is var (blocks, _, complement):
                return Joined([LogDeterminant(blocks.A, most), LogDeterminant(complement, most)]) ?? Elimination();

            default:
                return Elimination();
        }

        IReadOnlyList<(double, TensorExpression)>? Elimination() => Properties.TriangleOf(op) is not null ? LogMagnitude(new EntriesTensor(Rewriter.Rewrite(op, []), IsDiagonal: true))
            : op.Rows == op.Columns && op.Rows <= most ? [(1, LogDeterminantOf(Entries(op)))] : null;
    }

    /// <summary>det(R + U V) = det(R) det(I + V R⁻¹ U)</summary>
    private IReadOnlyList<(double, TensorExpression)>? ByDeterminantLemma(Sum sum, int most)
    {
        if (LowRankUpdate.Of(sum) is not { } update || update.Rank > most)
        {
            return null;
        }

        (Operator rest, int half) = (Rewriter.Rewrite(update.Rest, []), Math.Min(most, sum.Rows / 2));
        return Inverse(rest, half) is { } inverse ? Joined([LogDeterminant(rest, half), [(1, LogDeterminantOf(Entries(Capacitance(update, inverse))))]]) : null;
    }

    private static IReadOnlyList<(double, TensorExpression)> Number(double number) => [(number, FormulaTensor.Constant(1))];

    private static IReadOnlyList<(double, TensorExpression)> LogMagnitude(TensorExpression tensor) => [(1, Function("log", Function("abs", tensor)))];

    private static IReadOnlyList<(double, TensorExpression)>? Times(double factor, IReadOnlyList<(double Coefficient, TensorExpression Tensor)>? terms) =>
        terms?.Select(term => (factor * term.Coefficient, term.Tensor)).ToArray();

    private static IReadOnlyList<(double, TensorExpression)>? Joined(IEnumerable<IReadOnlyList<(double, TensorExpression)>?> parts)
    {
        IReadOnlyList<(double, TensorExpression)>?[] all = [.. parts];
        return Array.Exists(all, part => part is null) ? null : [.. all.SelectMany(part => part!)];
    }
}
