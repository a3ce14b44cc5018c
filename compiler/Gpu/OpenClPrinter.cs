using System.Globalization;
using Weft.Compiler.Emission;

namespace Weft.Compiler.Gpu;

/// <summary>Prints kernels as OpenCL C 1.2.</summary>
public static class OpenClPrinter
{
    /// <summary>The program of a schedule: its kernels, named by <see cref="Name(int)"/>.</summary>
    /// <param name="schedule">The kernels.</param>
    /// <param name="scalar"><c>float</c> or <c>double</c>.</param>
    public static string Print(DeviceSchedule schedule, string scalar)
    {
        string start = scalar == "double" ? "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n\n" : "";
        return start + string.Join("\n", schedule.Kernels.Select((kernel, number) => Print(kernel, Name(number), scalar)));
    }

    public static string Name(int number) => FormattableString.Invariant($"kernel{number + 1}");

    /// <summary>One kernel.</summary>
    public static string Print(DeviceKernel kernel, string name, string scalar)
    {
        var code = new CodeWriter();
        if (kernel.Description.Length > 0)
        {
            code.Line($"// {kernel.Description}.");
        }

        string parameters = string.Concat(kernel.Operands.Select(operand =>
            $"__global {(operand.IsWritten ? "" : "const ")}{(operand.IsTable ? "int" : scalar)} *{operand.Name}, ulong {operand.Name}Start, "));
        code.Line($"__kernel __attribute__((reqd_work_group_size({Number(kernel.GroupX)}, {Number(kernel.GroupY)}, 1)))");
        using (code.Braces($"void {name}({parameters}int rows, int accumulate)"))
        {
            code.Lines(kernel.Locals.Select(array => $"__local {scalar} {array.Name}[{Number(array.Length)}];"));
            code.Lines(kernel.Operands.Select(operand => $"{operand.Name} += {operand.Name}Start;"));
            Print(code, kernel.Body, scalar);
        }

        return code.ToString();
    }

    private static void Print(CodeWriter code, IEnumerable<Statement> statements, string scalar)
    {
        foreach (Statement statement in statements)
        {
            switch (statement)
            {
                case DefineInteger define:
                    code.Line($"const int {define.Name} = {Outer(define.Value)};");
                    break;
                case DefineElement define:
                    code.Line($"{scalar} {define.Name} = {Outer(define.Value)};");
                    break;
                case Assign assign:
                    code.Line($"{assign.Name} = {Outer(assign.Value)};");
                    break;
                case Store store:
                    code.Line($"{store.Array}[{Outer(store.Index)}] = {Outer(store.Value)};");
                    break;
                case For loop:
                    using (code.Braces($"for (int {loop.Counter} = {Outer(loop.Start)}; {loop.Counter} < {Text(loop.End)}; {loop.Counter} += {Text(loop.Step)})"))
                    {
                        Print(code, loop.Body, scalar);
                    }

                    break;
                case When guard:
                    using (code.Braces($"if ({Outer(guard.Condition)})"))
                    {
                        Print(code, guard.Body, scalar);
                    }

                    break;
                case Barrier:
                    code.Line("barrier(CLK_LOCAL_MEM_FENCE);");
                    break;
                default:
                    throw new InvalidOperationException(statement.ToString());
            }
        }

        string Outer(Expression expression)
        {
            string text = Text(expression);
            return expression is Binary or Choice ? text.Substring(1, text.Length - 2) : text;
        }

        string Text(Expression expression) => expression switch
        {
            Constant constant => Number(constant.Value),
            Real real => real.Value < 0 ? $"({Literal(real.Value)})" : Literal(real.Value),
            Symbol symbol => symbol.Name,
            Position position => position.Item switch
            {
                WorkItem.LocalX => "(int)get_local_id(0)",
                WorkItem.LocalY => "(int)get_local_id(1)",
                WorkItem.GroupX => "(int)get_group_id(0)",
                WorkItem.GroupY => "(int)get_group_id(1)",
                _ => "(int)get_group_id(2)",
            },
            Binary binary => $"({Text(binary.Left)} {binary.Operator} {Text(binary.Right)})",
            Whole whole => $"(int){Text(whole.Value)}",
            Load load => $"{load.Array}[{Outer(load.Index)}]",
            Choice choice => $"({Text(choice.Condition)} ? {Text(choice.Then)} : {Text(choice.Else)})",
            Call call => $"{Name(call.Function)}({string.Join(", ", call.Arguments.Select(Outer))})",
            _ => throw new InvalidOperationException(expression.ToString()),
        };

        string Literal(double value)
        {
            string digits = scalar == "float" ? ((float)value).ToString("G9", CultureInfo.InvariantCulture) : value.ToString("G17", CultureInfo.InvariantCulture);
            string number = digits.IndexOfAny(['.', 'E']) < 0 ? digits + ".0" : digits;
            return scalar == "float" ? number + "f" : number;
        }
    }

    private static string Name(Function function) => function switch
    {
        Function.MultiplyAdd => "mad",
        Function.Exp => "exp",
        Function.Log1p => "log1p",
        Function.Tanh => "tanh",
        Function.Sqrt => "sqrt",
        Function.Abs => "fabs",
        Function.Max => "fmax",
        Function.Min => "fmin",
        _ => throw new InvalidOperationException(function.ToString()),
    };

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
