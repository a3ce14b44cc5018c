using System.Globalization;
using Weft.Compiler.Text;

namespace Weft.Compiler.Targets.Device;

/// <summary>Prints kernels in a language of C's family. What the languages call differently is left to each.</summary>
/// <param name="scalar"><c>float</c> or <c>double</c>.</param>
public abstract class KernelPrinter(string scalar)
{
    private Dictionary<string, Operand> _codes = [];
    private HashSet<string> _locals = [], _written = [];
    private Dictionary<string, int> _widths = [];

    protected string Scalar { get; } = scalar;

    public static string Name(int number) => FormattableString.Invariant($"kernel{number + 1}");

    /// <summary>One kernel.</summary>
    public string Print(DeviceKernel kernel, string name)
    {
        var code = new CodeWriter();
        Print(code, kernel, name);
        return code.ToString();
    }

    /// <summary>An expression of a kernel whose operands hold elements.</summary>
    internal string Print(Expression expression) => Outer(expression);

    internal void Print(CodeWriter code, DeviceKernel kernel, string name)
    {
        _codes = kernel.Operands.Where(operand => operand.Format is not null).ToDictionary(operand => operand.Name, StringComparer.Ordinal);
        _locals = [.. kernel.Locals.Select(array => array.Name)];
        _widths = new Dictionary<string, int>(StringComparer.Ordinal);
        _written = [.. kernel.Operands.Where(operand => operand.IsWritten).Select(operand => operand.Name)];
        if (kernel.Description.Length > 0)
        {
            code.Line($"// {kernel.Description}.");
        }

        code.Lines(Attributes(kernel));
        using CodeWriter.Block body = code.Braces(Header(kernel, name));
        code.Lines(Start(kernel));
        Print(code, kernel.Body);
    }

    protected abstract IEnumerable<string> Attributes(DeviceKernel kernel);

    /// <summary>The name and the parameters: the operands, <c>rows</c> and <c>accumulate</c>.</summary>
    protected abstract string Header(DeviceKernel kernel, string name);

    /// <summary>The arrays that a group shares.</summary>
    protected abstract IEnumerable<string> Start(DeviceKernel kernel);

    /// <summary>The declaration of an integer that does not change.</summary>
    protected abstract string Integer { get; }

    protected abstract string Wait { get; }

    protected abstract string Text(WorkItem item);

    protected abstract string Name(Function function);

    /// <summary>A number in a short format, as an element.</summary>
    protected abstract string Widened(Operand operand, string index);

    /// <summary>A vector of numbers in a short format, as elements.</summary>
    protected abstract string Widened(Operand operand, string index, int width);

    /// <summary>The type of a vector of elements.</summary>
    protected abstract string Vector(int width);

    /// <summary>The type of a vector of numbers that were in a short format.</summary>
    protected virtual string Widened(int width) => Vector(width);

    /// <summary>An operand or a local array as an array of vectors.</summary>
    protected abstract string Vectors(string array, int width);

    /// <summary>What makes a vector of its elements.</summary>
    protected virtual string Made(int width) => $"({Vector(width)})";

    /// <summary>A vector of zeros.</summary>
    protected virtual string Zeros(int width) => $"({Vector(width)})(0)";

    /// <summary>What an element of a vector is called.</summary>
    protected virtual string Lane(int number) => "s" + Number(number);

    /// <summary>Whether an array is one that a group shares.</summary>
    protected bool IsLocal(string array) => _locals.Contains(array);

    /// <summary>Whether an array is written.</summary>
    protected bool IsWritten(string array) => IsLocal(array) || _written.Contains(array);

    /// <summary>The argument <c>accumulate</c> as a condition.</summary>
    protected abstract string Flag(string name);

    private void Print(CodeWriter code, IEnumerable<Statement> statements)
    {
        foreach (Statement statement in statements)
        {
            switch (statement)
            {
                case DefineInteger define:
                    code.Line($"{Integer} {define.Name} = {Outer(define.Value)};");
                    break;
                case DefineElement define:
                    code.Line($"{Scalar} {define.Name} = {Outer(define.Value)};");
                    break;
                case Assign assign:
                    code.Line($"{assign.Name} = {Outer(assign.Value)};");
                    break;
                case DefineVector define:
                    string elements = _codes.TryGetValue(define.Array, out Operand? codes)
                        ? Widened(codes, Outer(define.Index + (codes.FirstCode / define.Width)), define.Width)
                        : $"{Vectors(define.Array, define.Width)}[{Outer(define.Index)}]";
                    _widths[define.Name] = define.Width;
                    string value = define.Within is null ? elements : $"{Condition(define.Within)} ? {elements} : {Zeros(define.Width)}";
                    code.Line($"{(codes is null ? Vector(define.Width) : Widened(define.Width))} {define.Name} = {value};");
                    break;
                case Store store:
                    code.Line($"{store.Array}[{Outer(store.Index)}] = {Outer(store.Value)};");
                    break;
                case StoreVector store:
                    code.Line($"{Vectors(store.Array, store.Values.Count)}[{Outer(store.Index)}] = {Vector(store.Values)};");
                    break;
                case For loop:
                    using (code.Braces($"for (int {loop.Counter} = {Outer(loop.Start)}; {loop.Counter} < {Text(loop.End)}; {loop.Counter} += {Text(loop.Step)})"))
                    {
                        Print(code, loop.Body);
                    }

                    break;
                case When guard:
                    using (code.Braces($"if ({Outer(guard.Condition)})"))
                    {
                        Print(code, guard.Body);
                    }

                    break;
                case Scope scope:
                    using (code.Braces(null))
                    {
                        Print(code, scope.Body);
                    }

                    break;
                case Barrier:
                    code.Line(Wait);
                    break;
                default:
                    throw new InvalidOperationException(statement.ToString());
            }
        }
    }

    /// <summary>What a call is printed as.</summary>
    protected virtual Expression Replace(Call call) => call;

    private string Outer(Expression expression)
    {
        expression = expression is Call call ? Replace(call) : expression;
        string text = Text(expression);
        return expression is Binary or Choice ? text.Substring(1, text.Length - 2) : text;
    }

    /// <summary>A vector of elements: one that is there already, or a new one.</summary>
    private string Vector(IReadOnlyList<Expression> values)
    {
        string? whole = values[0] is Lane { Number: 0 } first && _widths[first.Vector] == values.Count ? first.Vector : null;
        return whole is not null && values.Select((value, lane) => value == new Lane(whole, lane)).All(same => same)
            ? whole
            : $"{Made(values.Count)}({string.Join(", ", values.Select(Outer))})";
    }

    private string Condition(Expression condition) => condition is Symbol flag ? Flag(flag.Name) : Text(condition);

    private string Text(Expression expression) => expression switch
    {
        Constant constant => Number(constant.Value),
        Real real => real.Value < 0 ? $"({Literal(real.Value)})" : Literal(real.Value),
        Symbol symbol => symbol.Name,
        Position position => Text(position.Item),
        Binary binary => $"({Text(binary.Left)} {binary.Operator} {Text(binary.Right)})",
        Whole whole => $"(int){Text(whole.Value)}",
        Load load when _codes.TryGetValue(load.Array, out Operand? operand) => Widened(operand, Outer(load.Index + operand.FirstCode)),
        Load load => $"{load.Array}[{Outer(load.Index)}]",
        Lane lane => $"{lane.Vector}.{Lane(lane.Number)}",
        Choice choice => $"({Condition(choice.Condition)} ? {Text(choice.Then)} : {Text(choice.Else)})",
        Call call => Replace(call) is Call kept ? $"{Name(kept.Function)}({string.Join(", ", kept.Arguments.Select(Outer))})" : Text(Replace(call)),
        _ => throw new InvalidOperationException(expression.ToString()),
    };

    private string Literal(double value)
    {
        double held = Scalar != "double" ? (float)value : value;
        if (double.IsNaN(held) || double.IsInfinity(held))
        {
            return $"({Literal(double.IsNaN(held) ? 0 : Math.Sign(held))} / {Literal(0)})";
        }

        string digits = Scalar != "double" ? ((float)value).ToString("G9", CultureInfo.InvariantCulture) : value.ToString("G17", CultureInfo.InvariantCulture);
        string number = digits.IndexOfAny(['.', 'E']) < 0 ? digits + ".0" : digits;
        return Scalar == "float" ? number + "f" : number;
    }

    protected static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
