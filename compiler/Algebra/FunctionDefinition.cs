using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>What a function of rows is, and its derivatives in both directions.</summary>
/// <param name="value">The element of the result, or the one result of a row.</param>
/// <param name="derivative">
/// The derivative along <see cref="FunctionExpression.Change"/>, in either direction since it is symmetric, where it is not the one that the
/// rules make of the value.
/// </param>
/// <param name="derivativeOf">What the rules make the derivatives of, where that is not the value.</param>
public sealed class FunctionDefinition(FunctionExpression value, FunctionExpression? derivative = null, FunctionExpression? derivativeOf = null)
{
    private readonly Lazy<FunctionProgram> _value = new(() => FunctionProgram.Of(value));
    private readonly Lazy<FunctionProgram> _tangent = new(() => FunctionProgram.Of(derivative ?? (derivativeOf ?? value).Tangent()));
    private readonly Lazy<FunctionProgram> _gradient = new(() => FunctionProgram.Of(derivative ?? (derivativeOf ?? value).Gradient()));

    public FunctionProgram Value => _value.Value;

    public FunctionProgram Tangent => _tangent.Value;

    public FunctionProgram Gradient => _gradient.Value;

    /// <summary>The same, but that of one element at a time no change passes nothing on, whatever the slope.</summary>
    public FunctionDefinition Guarded => Value.IsElementwise
        ? new(value, FunctionExpression.Choose(FunctionExpression.Abs(FunctionExpression.Change), derivative ?? value.Tangent(), FunctionExpression.Change))
        : this;
}

/// <summary>One operation of a program, on the results of others.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Number">The constant.</param>
/// <param name="Operands">The instructions whose results it takes.</param>
/// <param name="IsOfRow">Whether it is done once for a row.</param>
public sealed record FunctionInstruction(FunctionOperation Operation, double Number, EquatableArray<int> Operands, bool IsOfRow)
{
    /// <summary>Whether it takes all elements of a row.</summary>
    public bool IsReduction => Operation is FunctionOperation.Sum or FunctionOperation.Largest;
}

/// <summary>A <see cref="FunctionExpression"/> with equal parts as one (value numbering): operands come before what is made of them.</summary>
public sealed class FunctionProgram
{
    private readonly List<FunctionInstruction> _instructions = [];

    private FunctionProgram()
    {
    }

    /// <summary>What is done, in order; the last is the result.</summary>
    public IReadOnlyList<FunctionInstruction> Instructions => _instructions;

    /// <summary>The instruction whose result is the function's.</summary>
    public int Result => _instructions.Count - 1;

    public static FunctionProgram Of(FunctionExpression expression)
    {
        var program = new FunctionProgram();
        var numbers = new Dictionary<FunctionInstruction, int>();
        var known = new Dictionary<FunctionExpression, int>();
        Number(expression);
        return program;

        int Number(FunctionExpression node)
        {
            if (!known.TryGetValue(node, out int number))
            {
                int[] operands = [.. node.Operands.Select(Number)];
                if (node.Operation is FunctionOperation.Add or FunctionOperation.Multiply)
                {
                    Array.Sort(operands);
                }

                var instruction = new FunctionInstruction(node.Operation, node.Number, operands.ToEquatable(), node.IsOfRow);
                if (!numbers.TryGetValue(instruction, out number))
                {
                    number = program._instructions.Count;
                    program._instructions.Add(instruction);
                    numbers.Add(instruction, number);
                }

                known.Add(node, number);
            }

            return number;
        }
    }

    /// <summary>What it reads element by element: those of the argument, of the result, and what a derivative is multiplied by.</summary>
    public IEnumerable<FunctionOperation> Leaves => new[] { FunctionOperation.Element, FunctionOperation.Result, FunctionOperation.Change, FunctionOperation.RowChange }
        .Where(leaf => _instructions.Any(instruction => instruction.Operation == leaf));

    /// <summary>Whether it does something with one element at a time.</summary>
    public bool IsElementwise => !_instructions.Any(instruction => instruction.IsOfRow && instruction.Operation != FunctionOperation.Constant);

    /// <summary>What the array of a leaf is called in code.</summary>
    public static string NameOf(FunctionOperation leaf) => leaf switch
    {
        FunctionOperation.Element => "x",
        FunctionOperation.Result => "y",
        _ => "a",
    };

    /// <summary>What is done for each element to get a result, in order, without what is done once for the row.</summary>
    public IReadOnlyList<int> PerElement(int result)
    {
        var needed = new SortedSet<int>();
        Need(result);
        return [.. needed];

        void Need(int number)
        {
            if (!_instructions[number].IsOfRow && needed.Add(number))
            {
                foreach (int operand in _instructions[number].Operands)
                {
                    Need(operand);
                }
            }
        }
    }
}
