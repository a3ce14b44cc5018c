namespace Weft.Compiler.Targets.Device;

/// <summary>Where a work item stands.</summary>
public enum WorkItem
{
    LocalX,
    LocalY,
    GroupX,
    GroupY,
    GroupZ,
}

/// <summary>Functions that every target has.</summary>
public enum Function
{
    MultiplyAdd,
    Exp,
    Expm1,
    Log1p,
    Log,
    Sqrt,
    Tanh,
    Erfc,
    Abs,
    Floor,
    Rint,
    Max,
    Min,
}

/// <summary>A value in a kernel: an integer or an element. Constants are folded as expressions are put together.</summary>
public abstract record Expression
{
    public static implicit operator Expression(int value) => new Constant(value);

    public static implicit operator Expression(string name) => new Symbol(name);

    public static Expression operator +(Expression left, Expression right) => (left, right) switch
    {
        (Constant a, Constant b) => checked(a.Value + b.Value),
        (Constant { Value: 0 }, _) => right,
        (_, Constant { Value: 0 }) => left,
        _ => new Binary("+", left, right),
    };

    public static Expression operator -(Expression left, Expression right) => new Binary("-", left, right);

    public static Expression operator *(Expression left, Expression right) => (left, right) switch
    {
        (Constant a, Constant b) => checked(a.Value * b.Value),
        (Constant { Value: 0 }, _) or (_, Constant { Value: 0 }) => 0,
        (Constant { Value: 1 }, _) => right,
        (_, Constant { Value: 1 }) => left,
        _ => new Binary("*", left, right),
    };

    public static Expression operator /(Expression left, Expression right) => right is Constant { Value: 1 } ? left : new Binary("/", left, right);

    public static Expression operator %(Expression left, Expression right) => right is Constant { Value: 1 } ? 0 : new Binary("%", left, right);

    public Expression IsLess(Expression right) => new Binary("<", this, right);

    public Expression And(Expression right) => new Binary("&&", this, right);
}

/// <summary>A literal integer.</summary>
public sealed record Constant(int Value) : Expression;

/// <summary>A literal element.</summary>
public sealed record Real(double Value) : Expression;

/// <summary>A variable, or one of the arguments <c>rows</c> and <c>accumulate</c>.</summary>
public sealed record Symbol(string Name) : Expression;

/// <summary>A position of the work item.</summary>
public sealed record Position(WorkItem Item) : Expression;

/// <summary>Two operands with one of <c>+ - * / % &lt; &amp;&amp;</c>.</summary>
public sealed record Binary(string Operator, Expression Left, Expression Right) : Expression;

/// <summary>An element of an operand or of a local array.</summary>
public sealed record Load(string Array, Expression Index) : Expression;

/// <summary>An element of a vector.</summary>
public sealed record Lane(string Vector, int Number) : Expression;

/// <summary>An element of a table: a whole number from 0 to below <paramref name="End"/>, as an integer.</summary>
public sealed record Whole(Expression Value, int End) : Expression;

/// <summary>A function of elements.</summary>
public sealed record Call(Function Function, Text.EquatableArray<Expression> Arguments) : Expression;

/// <summary>One of two values; the other is not evaluated.</summary>
public sealed record Choice(Expression Condition, Expression Then, Expression Else) : Expression;
