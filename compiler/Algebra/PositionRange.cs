namespace Weft.Compiler.Algebra;

/// <summary>What a formula of whole numbers can be: both ends, which are whole numbers that a double holds exactly.</summary>
public readonly record struct PositionRange(double Least, double Most)
{
    /// <summary>Up to here doubles, and so formulas, hold all whole numbers.</summary>
    public const double Exact = 1L << 53;

    /// <summary>The positions below a size.</summary>
    public static PositionRange Below(int size) => new(0, size - 1);

    /// <summary>Whether all of it is at least 0 and below a size.</summary>
    public bool IsBelow(long size) => Least >= 0 && Most < size;

    /// <summary>The range of a formula (Moore 1966); null where it need not be whole, or may be too large to be exact.</summary>
    /// <param name="formula">The formula.</param>
    /// <param name="ranges">That of each of its indices.</param>
    public static PositionRange? Of(Formula formula, Func<int, PositionRange?> ranges)
    {
        switch (formula)
        {
            case FormulaNumber { Number: var number }:
                return Whole(number, number);
            case FormulaIndex { Axis: var axis }:
                return ranges(axis);

            // A quotient is whole only rounded down.
            case FormulaOperation { Operator.Symbol: "floor" } rounded when rounded.Operands[0] is FormulaOperation { Operator.Symbol: "/" } quotient:
                return Of(quotient.Operands[0], ranges) is { } dividend && quotient.Operands[1] is FormulaNumber { Number: > 0 and var by } && Math.Floor(by) == by
                    ? Whole(Math.Floor(dividend.Least / by), Math.Floor(dividend.Most / by))
                    : null;
            case FormulaOperation { Operator.Symbol: "floor" } rounded:
                return Of(rounded.Operands[0], ranges);
            case FormulaOperation { Operator.Symbol: "if" } choice when Of(choice.Operands[1], ranges) is { } first && Of(choice.Operands[2], ranges) is { } second:
                return Whole(Math.Min(first.Least, second.Least), Math.Max(first.Most, second.Most));
            case FormulaOperation { Operands.Count: 2 } operation when Of(operation.Operands[0], ranges) is { } left && Of(operation.Operands[1], ranges) is { } right:
                return Of(operation.Operator.Symbol, left, right);
            default:
                return null;
        }
    }

    private static PositionRange? Of(string symbol, PositionRange left, PositionRange right)
    {
        double[] corners = [left.Least * right.Least, left.Least * right.Most, left.Most * right.Least, left.Most * right.Most];
        return symbol switch
        {
            "+" => Whole(left.Least + right.Least, left.Most + right.Most),
            "-" => Whole(left.Least - right.Most, left.Most - right.Least),
            "*" => Whole(corners.Min(), corners.Max()),
            "min" => Whole(Math.Min(left.Least, right.Least), Math.Min(left.Most, right.Most)),
            "max" => Whole(Math.Max(left.Least, right.Least), Math.Max(left.Most, right.Most)),
            "%" when right.Least == right.Most && right.Least > 0 =>
                Math.Floor(left.Least / right.Least) == Math.Floor(left.Most / right.Least)
                    ? Whole(FormulaOperator.All["%"].Evaluate([left.Least, right.Least]), FormulaOperator.All["%"].Evaluate([left.Most, right.Least]))
                    : Whole(0, right.Least - 1),
            "^" when right.Least >= 0 && (left.Least >= 1 || (left.Least >= 0 && right.Least == right.Most)) =>
                Whole(FormulaOperator.All["^"].Evaluate([left.Least, right.Least]), FormulaOperator.All["^"].Evaluate([left.Most, right.Most])),
            "hash" => Whole(0, uint.MaxValue),
            _ => null,
        };
    }

    private static PositionRange? Whole(double least, double most) =>
        Math.Floor(least) == least && Math.Floor(most) == most && Math.Max(Math.Abs(least), Math.Abs(most)) <= Exact ? new(least, most) : null;
}
