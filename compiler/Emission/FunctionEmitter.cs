using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Emission;

/// <summary>
/// Writes functions of rows over the lanes of vectors: a loop for each reduction and one for the elements of the result. A function of one
/// element at a time is that loop alone.
/// </summary>
/// <param name="code">The writer that the code goes to.</param>
/// <param name="scalar"><c>float</c> or <c>double</c>.</param>
internal sealed class FunctionEmitter(CodeWriter code, string scalar)
{
    private const string Kernels = GeneratedNames.Kernels;

    /// <summary>What runs a function on rows.</summary>
    /// <param name="name">The name of what is emitted for it.</param>
    /// <param name="function">The function of rows.</param>
    /// <param name="pointers">The pointer to each tensor that it reads.</param>
    /// <param name="target">The pointer to its results.</param>
    /// <param name="rows">The number of rows, as C#.</param>
    /// <param name="scalar"><c>float</c> or <c>double</c>.</param>
    public static string Call(string name, RowFunction function, Func<FunctionOperation, string> pointers, string target, string rows, string scalar)
    {
        string arguments = string.Join(", ", function.Program.Leaves.Select(leaf => pointers(leaf)).Append(target));
        return function.Program.IsElementwise
            ? FormattableString.Invariant($"{Kernels}.Elements<{scalar}>.Run(new {name}({arguments}), {rows} * {function.Length});")
            : $"{name}({arguments}, {rows});";
    }

    public void Emit(string name, RowFunction function)
    {
        FunctionProgram program = function.Program;
        code.Line();
        code.Line($"/// <summary>{function.Description}.</summary>");
        if (program.IsElementwise)
        {
            EmitLoop(name, function, program.Result, isTerm: false);
            return;
        }

        IReadOnlyList<FunctionInstruction> instructions = program.Instructions;
        int[] ofRow = [.. Enumerable.Range(0, instructions.Count).Where(k => IsKept(instructions[k]))];
        bool isReduced = instructions[program.Result].IsOfRow;
        string[] read = [.. program.Leaves.Select(FunctionProgram.NameOf)];
        code.Line($"[{GeneratedNames.Compiler}.MethodImpl({GeneratedNames.Compiler}.MethodImplOptions.AggressiveOptimization)]");
        using (code.Braces($"private static void {name}({Parameters(read.Append("c"))}, int rows)"))
        {
            IEnumerable<string> steps = program.Leaves.Select(leaf => Step(FunctionProgram.NameOf(leaf), leaf == FunctionOperation.RowChange)).Append(Step("c", isReduced));
            code.Line(FormattableString.Invariant($"{scalar}* r = stackalloc {scalar}[{ofRow.Length}];"));
            using CodeWriter.Block loop = code.Braces($"for (; rows > 0; rows--, {string.Join(", ", steps)})");
            foreach (int k in ofRow)
            {
                string value = instructions[k].IsReduction
                    ? FormattableString.Invariant($"{Kernels}.Elements<{scalar}>.{instructions[k].Operation}(new {name}Part{k}({Arguments(program, instructions[k].Operands[0], [])}), {function.Length})")
                    : Text(program, k, $"{Kernels}.Lanes1<{scalar}>", scalar, operand => OfRow(program, operand));
                code.Line(FormattableString.Invariant($"r[{Array.IndexOf(ofRow, k)}] = {value};"));
            }

            code.Line(isReduced
                ? $"*c {(function.Accumulates ? "+" : "")}= {OfRow(program, program.Result)};"
                : FormattableString.Invariant($"{Kernels}.Elements<{scalar}>.Run(new {name}Loop({Arguments(program, program.Result, ["c"])}), {function.Length});"));
        }

        foreach (int k in ofRow.Where(k => instructions[k].IsReduction))
        {
            code.Line();
            EmitLoop(FormattableString.Invariant($"{name}Part{k}"), function, instructions[k].Operands[0], isTerm: true);
        }

        if (!isReduced)
        {
            code.Line();
            EmitLoop(name + "Loop", function, program.Result, isTerm: false);
        }

        string Step(string pointer, bool isOfRow) => FormattableString.Invariant($"{pointer} += {(isOfRow ? 1 : function.Length)}");
    }

    /// <summary>The elements of a part: the terms of a reduction, or the function's results.</summary>
    private void EmitLoop(string name, RowFunction function, int result, bool isTerm)
    {
        FunctionProgram program = function.Program;
        string[] fields = [.. Fields(program, result, isTerm ? [] : ["c"])];
        using CodeWriter.Block type = code.Braces(
            $"private readonly struct {name}({Parameters(fields)}) : {Kernels}.{(isTerm ? "IElementwiseTerms" : "IElementwiseLoop")}<{scalar}>");
        code.Line($"[{GeneratedNames.Compiler}.MethodImpl({GeneratedNames.Compiler}.MethodImplOptions.AggressiveInlining)]");
        code.Line($"public {(isTerm ? "V" : "void")} At<S, V>(int i)");
        code.Line($"    where S : struct, {Kernels}.ILanes<{scalar}, V>");
        code.Line("    where V : struct");
        using CodeWriter.Block body = code.Braces(null);
        IReadOnlyList<int> needed = program.PerElement(result);
        foreach (int k in needed)
        {
            FunctionOperation operation = program.Instructions[k].Operation;
            string value = program.Leaves.Contains(operation) ? $"S.Load({FunctionProgram.NameOf(operation)} + i)" : Text(program, k, "S", "V", Operand);
            code.Line(FormattableString.Invariant($"V v{k} = {value};"));
        }

        code.Line(isTerm ? $"return {Operand(result)};"
            : function.Accumulates ? $"S.Store(S.Add({Operand(result)}, S.Load(c + i)), c + i);"
            : $"S.Store({Operand(result)}, c + i);");

        string Operand(int k) => program.Instructions[k] switch
        {
            { IsOfRow: false } => FormattableString.Invariant($"v{k}"),
            { Operation: FunctionOperation.Constant, Number: 0 } => "S.Zero",
            _ => $"S.Broadcast({OfRow(program, k)})",
        };
    }

    /// <summary>A number of the row: a constant, or where it is kept.</summary>
    private string OfRow(FunctionProgram program, int k) => program.Instructions[k].Operation == FunctionOperation.Constant
        ? Literals.Of(program.Instructions[k].Number, scalar)
        : FormattableString.Invariant($"r[{program.Instructions.Take(k).Count(IsKept)}]");

    private static bool IsKept(FunctionInstruction instruction) => instruction is { IsOfRow: true, Operation: not FunctionOperation.Constant };

    /// <summary>An operation on lanes.</summary>
    private string Text(FunctionProgram program, int number, string lanes, string vector, Func<int, string> operand)
    {
        FunctionInstruction instruction = program.Instructions[number];
        string operands = string.Join(", ", instruction.Operands.Select(operand));
        return instruction.Operation switch
        {
            FunctionOperation.RowChange => "*a",
            FunctionOperation.Choose => $"{lanes}.WherePositive({operands})",
            FunctionOperation.Add or FunctionOperation.Subtract or FunctionOperation.Multiply or FunctionOperation.Divide or FunctionOperation.Min
                or FunctionOperation.Max or FunctionOperation.Log or FunctionOperation.Sqrt => $"{lanes}.{instruction.Operation}({operands})",
            FunctionOperation.Exp => $"{Kernels}.LaneMath<{scalar}>.CallExp<{lanes}, {vector}>({operands})",
            _ => $"{Kernels}.LaneMath<{scalar}>.{instruction.Operation}<{lanes}, {vector}>({operands})",
        };
    }

    /// <summary>What a loop takes.</summary>
    private static IEnumerable<string> Fields(FunctionProgram program, int result, IEnumerable<string> more)
    {
        FunctionInstruction[] needed = [.. program.PerElement(result).Select(k => program.Instructions[k])];
        bool readsRow = needed.SelectMany(instruction => instruction.Operands).Append(result).Any(k => IsKept(program.Instructions[k]));
        return program.Leaves.Where(leaf => needed.Any(instruction => instruction.Operation == leaf)).Select(FunctionProgram.NameOf)
            .Concat(more)
            .Concat(readsRow ? ["r"] : Array.Empty<string>());
    }

    private static string Arguments(FunctionProgram program, int result, IEnumerable<string> more) => string.Join(", ", Fields(program, result, more));

    private string Parameters(IEnumerable<string> pointers) => string.Join(", ", pointers.Select(pointer => $"{scalar}* {pointer}"));
}

/// <summary>A function of rows as a map runs it.</summary>
/// <param name="Description">What it does, in words.</param>
/// <param name="Program">Its operations on elements, equal ones once.</param>
/// <param name="Length">Elements of a row.</param>
/// <param name="Accumulates">Whether it adds to its target.</param>
internal sealed record RowFunction(string Description, FunctionProgram Program, int Length, bool Accumulates);
