using System.Globalization;
using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>A number that depends on the position in a tensor alone. Conditions are 1 where they hold and 0 where not (Iverson 1962).</summary>
public abstract record Formula
{
    /// <summary>An operation of two formulas, by its symbol.</summary>
    public static FormulaOperation Of(string symbol, Formula left, Formula right) => new(FormulaOperator.All[symbol], EquatableArray.Of(left, right));

    /// <summary>The value at a position, one number for each axis.</summary>
    public abstract double At(IReadOnlyList<int> position);

    /// <summary>As C#, over doubles with these names.</summary>
    public abstract string ToCSharp(Func<int, string> axis);

    /// <summary>As in the language, over indices with these names; every operation in parentheses.</summary>
    public abstract string ToText(Func<int, string> axis);

    protected static string Show(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}

public sealed record FormulaNumber(double Number) : Formula
{
    public override double At(IReadOnlyList<int> position) => Number;

    public override string ToCSharp(Func<int, string> axis) => FormattableString.Invariant($"{Show(Number)}d");

    public override string ToText(Func<int, string> axis) => Number < 0 ? $"({Show(Number)})" : Show(Number);
}

/// <summary>The position along an axis.</summary>
public sealed record FormulaIndex(int Axis) : Formula
{
    public override double At(IReadOnlyList<int> position) => position[Axis];

    public override string ToCSharp(Func<int, string> axis) => axis(Axis);

    public override string ToText(Func<int, string> axis) => axis(Axis);
}

/// <summary>An operation of the table on formulas.</summary>
public sealed record FormulaOperation(FormulaOperator Operator, EquatableArray<Formula> Operands) : Formula
{
    public override double At(IReadOnlyList<int> position) => Operator.Evaluate([.. Operands.Select(operand => operand.At(position))]);

    public override string ToCSharp(Func<int, string> axis) => Operator.ToCSharp([.. Operands.Select(operand => operand.ToCSharp(axis))]);

    public override string ToText(Func<int, string> axis)
    {
        string[] operands = [.. Operands.Select(operand => operand.ToText(axis))];
        return operands.Length == 3 ? $"(if {operands[0]} then {operands[1]} else {operands[2]})"
            : char.IsLetter(Operator.Symbol[0]) && Operator.Symbol is not ("and" or "or" or "not")
            ? $"{Operator.Symbol}({string.Join(", ", operands)})"
            : operands.Length == 1 ? $"({Operator.Symbol} {operands[0]})" : $"({operands[0]} {Operator.Symbol} {operands[1]})";
    }
}

/// <summary>What can be done with numbers in a formula: how it is written, what it is, and how C# writes it.</summary>
public sealed class FormulaOperator
{
    private static readonly FormulaOperator[] Table =
    [
        new("+", 2, a => a[0] + a[1], a => $"({a[0]} + {a[1]})"),
        new("-", 2, a => a[0] - a[1], a => $"({a[0]} - {a[1]})"),
        new("*", 2, a => a[0] * a[1], a => $"({a[0]} * {a[1]})"),
        new("/", 2, a => a[0] / a[1], a => $"({a[0]} / {a[1]})"),
        new("%", 2, a => a[0] - (a[1] * Math.Floor(a[0] / a[1])), a => $"global::Weft.Kernels.Positions.Remainder({a[0]}, {a[1]})"),
        new("^", 2, a => Power(a[0], a[1]), a => $"global::Weft.Kernels.Positions.Power({a[0]}, {a[1]})"),
        new("hash", 2, a => Hash(a[0], a[1]), a => $"global::Weft.Kernels.Positions.Hash({a[0]}, {a[1]})"),
        Condition("==", (a, b) => a.Equals(b)),
        Condition("!=", (a, b) => !a.Equals(b)),
        Condition("<", (a, b) => a < b),
        Condition("<=", (a, b) => a <= b),
        Condition(">", (a, b) => a > b),
        Condition(">=", (a, b) => a >= b),
        new("and", 2, a => a[0] * a[1], a => $"({a[0]} * {a[1]})"),
        new("or", 2, a => Math.Max(a[0], a[1]), a => $"global::System.Math.Max({a[0]}, {a[1]})"),
        new("not", 1, a => 1 - a[0], a => $"(1 - {a[0]})"),
        new("if", 3, a => a[0].Equals(0.0) ? a[2] : a[1], a => $"({a[0]} == 0d ? {a[2]} : {a[1]})"),
        new("min", 2, a => Math.Min(a[0], a[1]), a => $"global::System.Math.Min({a[0]}, {a[1]})"),
        new("max", 2, a => Math.Max(a[0], a[1]), a => $"global::System.Math.Max({a[0]}, {a[1]})"),
        Function("sqrt", Math.Sqrt, "Sqrt"),
        Function("abs", Math.Abs, "Abs"),
        Function("floor", Math.Floor, "Floor"),
        Function("exp", Math.Exp, "Exp"),
        Function("log", Math.Log, "Log"),
        Function("sin", Math.Sin, "Sin"),
        Function("cos", Math.Cos, "Cos"),
    ];

    private readonly Func<IReadOnlyList<double>, double> _evaluate;
    private readonly Func<IReadOnlyList<string>, string> _print;

    private FormulaOperator(string symbol, int arity, Func<IReadOnlyList<double>, double> evaluate, Func<IReadOnlyList<string>, string> print)
    {
        (Symbol, Arity) = (symbol, arity);
        (_evaluate, _print) = (evaluate, print);
    }

    /// <summary>The operators by how they are written.</summary>
    public static IReadOnlyDictionary<string, FormulaOperator> All { get; } = Table.ToDictionary(one => one.Symbol, StringComparer.Ordinal);

    public string Symbol { get; }

    /// <summary>The number of operands.</summary>
    public int Arity { get; }

    public double Evaluate(IReadOnlyList<double> operands) => _evaluate(operands);

    public string ToCSharp(IReadOnlyList<string> operands) => _print(operands);

    public override string ToString() => Symbol;

    /// <summary>
    /// The upper 32 bits of SplitMix64's output (Steele, Lea and Flood 2014) for the state <c>a + (b + 1)·0x9E3779B97F4A7C15</c> modulo 2⁶⁴, with
    /// whole parts of numbers up to 2⁵³.
    /// </summary>
    private static double Hash(double a, double b)
    {
        ulong state = unchecked(Whole(a) + ((Whole(b) + 1) * 0x9E3779B97F4A7C15));
        state = unchecked((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9);
        state = unchecked((state ^ (state >> 27)) * 0x94D049BB133111EB);
        return (state ^ (state >> 31)) >> 32;

        static ulong Whole(double number) => double.IsNaN(number) ? 0 : unchecked((ulong)(long)Math.Floor(Math.Max(-PositionRange.Exact, Math.Min(PositionRange.Exact, number))));
    }

    /// <summary>aᵇ; for whole exponents from 0 to 64 by products alone, so that powers of whole numbers are exact as far as doubles are.</summary>
    private static double Power(double a, double b)
    {
        if (!(b is >= 0 and <= 64) || Math.Floor(b) != b)
        {
            return Math.Pow(a, b);
        }

        double power = 1;
        for (int k = (int)b; k > 0; k >>= 1, a *= a)
        {
            power *= (k & 1) == 0 ? 1 : a;
        }

        return power;
    }

    private static FormulaOperator Condition(string symbol, Func<double, double, bool> holds) =>
        new(symbol, 2, a => holds(a[0], a[1]) ? 1 : 0, a => $"({a[0]} {symbol} {a[1]} ? 1d : 0d)");

    private static FormulaOperator Function(string symbol, Func<double, double> function, string method) =>
        new(symbol, 1, a => function(a[0]), a => $"global::System.Math.{method}({a[0]})");
}
