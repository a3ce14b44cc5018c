using System.Globalization;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>What an argument of a built-in function is.</summary>
internal enum ArgumentKind
{
    /// <summary>What the function itself looks at.</summary>
    Any,

    Number,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A whole number from 1 on.</summary>
    Size,

    /// <summary>A list of numbers.</summary>
    List,

    /// <summary>A tensor of 1 axis.</summary>
    Vector,

    /// <summary>A tensor of 3 axes.</summary>
    Matrices,

    /// <summary>A tensor, or a list, of positions.</summary>
    Table,

    Operator,
}

/// <summary>An argument of a built-in function.</summary>
/// <param name="Name">The argument's name.</param>
/// <param name="Kind">The kind of value that it takes.</param>
/// <param name="Default">The number that stands for it where it is left out; null where it may not be.</param>
internal sealed record Argument(string Name, ArgumentKind Kind, double? Default = null)
{
    public override string ToString() => Default is { } value ? $"{Name} = {value.ToString("R", CultureInfo.InvariantCulture)}" : Name;
}

/// <summary>How something built in is called.</summary>
internal sealed class Signature(string name, params Argument[] arguments)
{
    private readonly string? _usage;

    public string Name { get; } = name;

    public IReadOnlyList<Argument> Arguments { get; } = arguments;

    /// <summary>Whether there may be one argument or more, each like the first.</summary>
    public bool Repeats { get; init; }

    /// <summary>The fewest arguments.</summary>
    public int Min => Repeats ? 1 : Arguments.Count(argument => argument.Default is null);

    /// <summary>The most.</summary>
    public int Max => Repeats ? int.MaxValue : Arguments.Count;

    /// <summary>How it is written, in messages.</summary>
    public string Usage
    {
        get => _usage ?? (Arguments.Count == 0 ? Name : $"{Name}({string.Join(", ", Arguments)})");
        init => _usage = value;
    }
}

/// <summary>A built-in function.</summary>
/// <param name="Signature">The name and the arguments.</param>
/// <param name="Bind">What a call with such arguments is; null after a mistake, which is reported.</param>
internal sealed record BuiltinFunction(Signature Signature, Func<BuiltinBinder, BuiltinCall, Value?> Bind);

/// <summary>A distribution of a parameter's elements.</summary>
/// <param name="Signature">How it is called: with one number at most.</param>
/// <param name="Family">The family of distributions.</param>
/// <param name="IsOverFanIn">Whether its number is divided by the root of the fan-in.</param>
internal sealed record DistributionRow(Signature Signature, Distribution Family, bool IsOverFanIn = false);

/// <summary>A call with its arguments bound, each as the signature says.</summary>
internal sealed record BuiltinCall(CallSyntax Syntax, Frame Frame, IReadOnlyList<Value> Values)
{
    public EquatableArray<ExpressionSyntax> Arguments => Syntax.Arguments;

    public IEnumerable<double> Numbers => Values.Cast<NumberValue>().Select(value => value.Number);

    public List<Operand> Operands => [.. Values.Select((value, k) => new Operand(Arguments[k], (OperatorValue)value))];

    public int Whole(int k) => (int)((NumberValue)Values[k]).Number;

    public EquatableArray<double> List(int k) => ((ListValue)Values[k]).Numbers;

    public TensorValue Tensor(int k) => (TensorValue)Values[k];
}
