using Weft.Compiler.Algebra;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// Kernels of functions of rows, of vectors and of weights, with a group of work items for each row: what one needs of the whole row is found
/// first.
/// </summary>
internal static class RowFunctionKernels
{
    private const int Group = 64;

    /// <summary>c (+)= f, of the operands that the function reads and c.</summary>
    /// <param name="description">The kernel's description, in words.</param>
    /// <param name="program">The function, its derivative or its gradient.</param>
    /// <param name="length">The length of a row.</param>
    /// <param name="count">Rows of a vector, or of the weight.</param>
    /// <param name="perRow">Whether there is a vector for each row of the batch.</param>
    /// <param name="isResult">Whether it is added to what is there if the launch says so.</param>
    public static DeviceKernel Build(string description, FunctionProgram program, int length, int count, bool perRow, bool isResult)
    {
        var body = new KernelBody();
        var locals = new List<LocalArray>();
        Expression item = body.Define("item", new Position(WorkItem.LocalX)), row = new Position(WorkItem.GroupX), start = body.Define("start", row * length);
        Expression at = start;
        var code = new FunctionCode(program, body, leaf => new Load(FunctionProgram.NameOf(leaf), leaf == FunctionOperation.RowChange ? row : at));
        for (int number = 0; number <= program.Result; number++)
        {
            FunctionInstruction instruction = program.Instructions[number];
            if (instruction is { IsOfRow: true, Operation: FunctionOperation.Constant })
            {
                code.Define(number, number);
            }
            else if (instruction.IsOfRow)
            {
                code.Keep(number, instruction.IsReduction ? Reduce(instruction) : code.Value(instruction));
            }
        }

        if (program.Instructions[program.Result].IsOfRow)
        {
            body.When(item.IsLess(1), () => body.Store("c", row, [code.Of(program.Result)], isResult));
        }
        else
        {
            ForEach(() =>
            {
                Expression value = Element(program.Result);
                body.Store("c", at, [value], isResult);
            });
        }

        IReadOnlyList<Operand> operands = [.. program.Leaves.Select(leaf => new Operand(FunctionProgram.NameOf(leaf))), new("c", IsWritten: true)];
        double operations = 4.0 * (1 + locals.Count) * count * length, elements = (double)(operands.Count + locals.Count) * count * length;
        return new DeviceKernel(
            description, Group, 1, new GridAxis(count, perRow, 1), GridAxis.One, GridAxis.One, operands, locals, body.Statements,
            perRow ? new Work(operations, 0, elements, 0) : new Work(0, operations, 0, elements));

        void ForEach(Action element) => body.For("j", item, length, Group, () =>
        {
            at = body.Define("i", start + "j");
            element();
        });

        Expression Element(int result)
        {
            foreach (int number in program.PerElement(result))
            {
                code.Define(number, result);
            }

            return code.Of(result);
        }

        Load Reduce(FunctionInstruction reduction)
        {
            var parts = new LocalArray(FormattableString.Invariant($"parts{locals.Count}"), Group);
            string part = FormattableString.Invariant($"part{locals.Count}");
            locals.Add(parts);
            body.DefineElement(part, new Real(reduction.Operation == FunctionOperation.Sum ? 0 : double.NegativeInfinity));
            ForEach(() => body.Assign(part, Combine(part, Element(reduction.Operands[0]))));
            body.CombineOverGroup([parts], item, [part], Combine);
            return new Load(parts.Name, 0);

            Expression Combine(Expression left, Expression right) =>
                reduction.Operation == FunctionOperation.Sum ? left + right : KernelBody.Call(Function.Max, left, right);
        }
    }
}
