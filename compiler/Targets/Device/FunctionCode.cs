using Weft.Compiler.Algebra;

namespace Weft.Compiler.Targets.Device;

/// <summary>The expressions of a kernel for a function of rows.</summary>
/// <param name="program">The function.</param>
/// <param name="body">Where results that are used more than once get names.</param>
/// <param name="leaf">What stands for an element of the argument, of the result, or of what a derivative is multiplied by.</param>
internal sealed class FunctionCode(FunctionProgram program, KernelBody body, Func<FunctionOperation, Expression> leaf)
{
    private static readonly Real s_zero = new(0), s_one = new(1);

    private readonly Dictionary<int, Expression> _results = [];

    /// <summary>The result of a function of one element at a time.</summary>
    public static Expression Elementwise(FunctionProgram program, KernelBody body, Func<FunctionOperation, Expression> leaf)
    {
        var code = new FunctionCode(program, body, leaf);
        foreach (int number in Enumerable.Range(0, program.Result + 1))
        {
            code.Define(number, program.Result);
        }

        return code.Of(program.Result);
    }

    /// <summary>What an instruction gives.</summary>
    public Expression Of(int number) => _results[number];

    /// <summary>Names a number of the row, which stays.</summary>
    public void Keep(int number, Expression value) => _results[number] = body.DefineElement(FormattableString.Invariant($"r{number}"), value);

    /// <summary>Does an instruction on the way to a result.</summary>
    public void Define(int number, int result)
    {
        Expression value = Value(program.Instructions[number]);
        bool isPlain = value is Real or Symbol;
        IEnumerable<FunctionInstruction> users = program.Instructions.Take(result + 1).Where(user => user.Operands.Contains(number));
        _results[number] = isPlain || number == result || (users.Count() < 2 && !users.Any(Repeats)) ? value
            : body.DefineElement(FormattableString.Invariant($"v{number}"), value);

        // An operand stands twice in what is made of it.
        bool Repeats(FunctionInstruction user) => user.Operands.Count(operand => operand == number) > 1
            || user.Operation is FunctionOperation.Min or FunctionOperation.Max;
    }

    /// <summary>Does an instruction.</summary>
    public Expression Value(FunctionInstruction instruction)
    {
        Expression At(int k) => _results[instruction.Operands[k]];
        return instruction.Operation switch
        {
            FunctionOperation.Constant => new Real(instruction.Number),
            FunctionOperation.Element or FunctionOperation.Result or FunctionOperation.Change or FunctionOperation.RowChange => leaf(instruction.Operation),
            FunctionOperation.Add => At(0) + At(1),
            FunctionOperation.Subtract => At(0) - At(1),
            FunctionOperation.Multiply => At(0) * At(1),
            FunctionOperation.Divide => At(0) / At(1),
            FunctionOperation.Min => new Choice(At(0).IsLess(At(1)), At(0), At(1)),
            FunctionOperation.Max => new Choice(At(1).IsLess(At(0)), At(0), At(1)),
            FunctionOperation.Choose => new Choice(IsPositive(program.Instructions[instruction.Operands[0]], At(0)), At(1), At(2)),
            FunctionOperation.Sigmoid => s_one / (s_one + KernelBody.Call(Function.Exp, s_zero - At(0))),
            _ => KernelBody.Call((Function)Enum.Parse(typeof(Function), instruction.Operation.ToString()), At(0)),
        };
    }

    private Expression IsPositive(FunctionInstruction instruction, Expression value) =>
        instruction.Operation == FunctionOperation.Subtract && value is Binary ? Of(instruction.Operands[1]).IsLess(Of(instruction.Operands[0])) : s_zero.IsLess(value);
}
