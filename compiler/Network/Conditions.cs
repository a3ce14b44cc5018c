using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Network;

/// <summary>
/// Conditions on indices as positions: where an index equals an affine expression of others it is replaced by that, and an index that is compared
/// with a number has fewer values. What such a condition leaves out is zero, and nothing is multiplied by it.
/// </summary>
internal static class Conditions
{
    /// <summary>As far as arithmetic on positions goes: what two of them differ by still is one.</summary>
    private const double Farthest = 1 << 29;

    /// <summary>Restricts a draft to where the conditions in a formula hold.</summary>
    /// <param name="draft">What is multiplied by the formula.</param>
    /// <param name="tensor">The formula.</param>
    /// <param name="slots">Where its axes are in the draft; those of what is left afterwards.</param>
    /// <returns>What is left to be multiplied by; null for nothing.</returns>
    public static FormulaTensor? Apply(Draft draft, FormulaTensor tensor, ref IReadOnlyList<int> slots)
    {
        IReadOnlyList<int> positions = slots;
        Formula[] all = [.. Factors(tensor.Formula)], left = [.. all.Where(factor => !Apply(draft, factor, positions))];
        if (left.Length == all.Length)
        {
            return tensor;
        }

        if (left.Length == 0)
        {
            return null;
        }

        Formula rest = left.Aggregate((one, other) => Formula.Of("and", one, other));
        int[] axes = [.. Enumerable.Range(0, positions.Count).Where(Axes(rest).Contains)];
        slots = [.. axes.Select(axis => positions[axis])];
        return new FormulaTensor(axes.Select(axis => tensor.Extents[axis]).ToEquatable(), Renumbered(rest));

        Formula Renumbered(Formula formula) => formula switch
        {
            FormulaIndex index => new FormulaIndex(Array.IndexOf(axes, index.Axis)),
            FormulaOperation operation => operation with { Operands = operation.Operands.Select(Renumbered).ToEquatable() },
            _ => formula,
        };
    }

    /// <summary>A condition is one that others are multiplied by.</summary>
    private static IEnumerable<Formula> Factors(Formula formula) => formula is FormulaOperation { Operator.Symbol: "and" or "*", Operands: var operands }
        ? operands.SelectMany(Factors)
        : [formula];

    private static IEnumerable<int> Axes(Formula formula) => formula switch
    {
        FormulaIndex index => [index.Axis],
        FormulaOperation operation => operation.Operands.SelectMany(Axes),
        _ => [],
    };

    /// <summary>Sees to it that a condition holds, if that can be done.</summary>
    private static bool Apply(Draft draft, Formula formula, IReadOnlyList<int> slots)
    {
        return Excess(formula, Slot) is { } excess ? Bound(draft, excess)
            : formula is FormulaOperation { Operator.Symbol: "==", Operands: { Count: 2 } sides }
                && PositionOf(sides[0], Slot) is { } left && PositionOf(sides[1], Slot) is { } right && Equate(draft, left + (right * -1));

        Affine Slot(int axis) => draft.Slots[slots[axis]];
    }

    /// <summary>What a formula is as a position, if it is affine and its parts stay in reach.</summary>
    /// <param name="part">The formula.</param>
    /// <param name="axes">The position that stands for an axis of it.</param>
    public static Affine? PositionOf(Formula part, Func<int, Affine> axes)
    {
        switch (part)
        {
            case FormulaNumber { Number: var number } when number == Math.Floor(number) && Math.Abs(number) <= Farthest:
                return new Affine((int)number, []);

            case FormulaIndex index when Reach(axes(index.Axis)) <= Farthest:
                return axes(index.Axis);

            case FormulaOperation { Operator.Symbol: var sign and ("+" or "-" or "*"), Operands: { Count: 2 } operands }
                when PositionOf(operands[0], axes) is { } one && PositionOf(operands[1], axes) is { } other:
                if (sign == "*")
                {
                    (Affine varies, Affine number) = one.Terms.Count == 0 ? (other, one) : (one, other);
                    return number.Terms.Count == 0 && Reach(varies) * Reach(number) <= Farthest ? varies * number.Offset : null;
                }

                return Reach(one) + Reach(other) > Farthest ? null : sign == "+" ? one + other : one + (other * -1);

            default:
                return null;
        }
    }

    /// <summary>The position that is zero or more where a comparison of two holds; null where the formula is no such comparison.</summary>
    /// <param name="formula">The comparison.</param>
    /// <param name="axes">The position that stands for an axis of it.</param>
    public static Affine? Excess(Formula formula, Func<int, Affine> axes)
    {
        return formula is FormulaOperation { Operator.Symbol: var symbol, Operands: { Count: 2 } sides }
            && PositionOf(sides[0], axes) is { } left && PositionOf(sides[1], axes) is { } right ? symbol switch
            {
                ">=" => left + (right * -1),
                ">" => left + (right * -1) + -1,
                "<=" => right + (left * -1),
                "<" => right + (left * -1) + -1,
                _ => null,
            }
            : null;
    }

    /// <summary>How far from zero a position can be, and each part of it.</summary>
    private static double Reach(Affine position) => Math.Abs((double)position.Offset) + position.Terms.Sum(term => Math.Abs((double)term.Stride) * term.Index.Extent);

    /// <summary>Makes a difference of positions zero: an index with a stride of one becomes what the others say.</summary>
    public static bool Equate(Draft draft, Affine difference)
    {
        if (difference.Terms.Count == 0)
        {
            return difference.Offset == 0;
        }

        if (difference.Terms.Count == 1)
        {
            // An index that equals a number.
            (Index only, int by) = difference.Terms[0];
            int value = -difference.Offset / by;
            bool isIn = value * by == -difference.Offset && value >= 0 && value < only.Extent;
            if (isIn)
            {
                draft.Substitute(only, new Affine(value, []));
            }

            return isIn;
        }

        (Index Index, Affine Value)[] ways =
        [
            .. difference.Terms.Where(term => Math.Abs(term.Stride) == 1)
                .Select(term => (term.Index, new Affine(difference.Offset, [.. difference.Terms.Where(other => other.Index != term.Index)]) * -term.Stride)),
        ];
        foreach ((Index index, Affine value) in ways)
        {
            if (value.Minimum >= 0 && value.Maximum < index.Extent)
            {
                draft.Substitute(index, value);
                return true;
            }
        }

        // A diagonal that leaves the matrix at its sides.
        foreach ((Index index, Affine value) in ways.Where(way => way.Value.Terms.Count == 1))
        {
            (Index other, int stride) = value.Terms[0];
            if (Restricted(other, stride, value.Offset, index.Extent - 1) is { } fewer)
            {
                draft.Substitute(other, fewer);
                draft.Substitute(index, value.Substitute(other, fewer));
                return true;
            }
        }

        return false;
    }

    /// <summary>Makes a position zero or more.</summary>
    private static bool Bound(Draft draft, Affine position)
    {
        if (position.Minimum >= 0)
        {
            return true;
        }

        if (position.Terms.Count != 1 || Restricted(position.Terms[0].Index, position.Terms[0].Stride, position.Offset, int.MaxValue) is not { } fewer)
        {
            return false;
        }

        draft.Substitute(position.Terms[0].Index, fewer);
        return true;
    }

    /// <summary>An index in those of its values for which <c>0 ≤ stride · index + offset ≤ last</c>; null where there are none.</summary>
    private static Affine? Restricted(Index index, int stride, int offset, int last)
    {
        (long below, long above) = stride > 0 ? (-(long)offset, (long)last - offset) : ((long)offset - last, offset);
        long size = Math.Abs((long)stride), first = Math.Max(0, -Floor(-below, size)), end = Math.Min(index.Extent - 1, Floor(above, size));
        return first > end ? null : Affine.Of(new Index(index.Name, (int)(end - first + 1))) + (int)first;

        static long Floor(long value, long by) => (value >= 0 ? value : value - by + 1) / by;
    }
}
