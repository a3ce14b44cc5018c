using Weft.Compiler.Targets.Device;

namespace Weft.Compiler.Verification;

/// <summary>The elements of an operand that a kernel touches, from where the operand begins.</summary>
internal sealed class Touched
{
    public Interval Read { get; set; } = Interval.None;

    /// <summary>What is read only where a launch adds to what is there.</summary>
    public Interval ReadToAdd { get; set; } = Interval.None;

    public Interval Written { get; set; } = Interval.None;

    /// <summary>Where it is a table: what all that is read is below; else null.</summary>
    public int? Below { get; set; }
}

/// <summary>
/// Which elements a kernel touches for a number of rows, by interval analysis: an integer lies between the bounds that its parts allow, and what
/// a condition compares is narrowed where the condition holds, a symbol or a whole expression. Positions are sums of digits of counters, each of
/// which takes all of its values whatever the others do, so that such bounds are reached. A counter that doubles is followed value by value.
/// </summary>
internal sealed class KernelRanges
{
    private readonly Dictionary<string, Touched> _operands;
    private readonly Dictionary<string, int> _locals;
    private readonly Dictionary<string, Interval> _integers = new(StringComparer.Ordinal);
    private readonly Interval[] _positions;

    /// <summary>What conditions say of expressions, the innermost last.</summary>
    private readonly List<(Expression Expression, Interval Interval)> _facts = [];

    private bool _adds;

    /// <param name="kernel">A kernel whose form is right.</param>
    /// <param name="rows">The rows of the chunk.</param>
    public KernelRanges(DeviceKernel kernel, int rows)
    {
        _operands = kernel.Operands.ToDictionary(operand => operand.Name, _ => new Touched(), StringComparer.Ordinal);
        Operands = [.. kernel.Operands.Select(operand => _operands[operand.Name])];
        _locals = kernel.Locals.ToDictionary(array => array.Name, array => array.Length, StringComparer.Ordinal);
        _integers.Add("rows", Interval.Of(rows));
        _positions = [Interval.Of(0, kernel.GroupX), Interval.Of(0, kernel.GroupY), Groups(kernel.X), Groups(kernel.Y), Groups(kernel.Z)];
        if (_positions[(int)WorkItem.GroupX].Most >= int.MaxValue || _positions[(int)WorkItem.GroupY].Most >= ContractionKernels.MostGroups
            || _positions[(int)WorkItem.GroupZ].Most >= ContractionKernels.MostGroups)
        {
            Fault = "there are more groups than a grid has";
            return;
        }

        Visit(kernel.Body);

        Interval Groups(GridAxis axis) => Interval.Of(0, (((long)axis.Extent * (axis.TimesRows ? rows : 1)) + axis.Tile - 1) / axis.Tile);
    }

    /// <summary>The first fault, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>What is touched of each operand.</summary>
    public IReadOnlyList<Touched> Operands { get; }

    private void Visit(IReadOnlyList<Statement> statements)
    {
        foreach (Statement statement in statements)
        {
            Visit(statement);
        }
    }

    private void Visit(Statement statement)
    {
        switch (statement)
        {
            case DefineInteger define:
                _integers[define.Name] = Of(define.Value);
                break;
            case DefineElement define:
                Visit(define.Value);
                break;
            case Assign assign:
                Visit(assign.Value);
                break;
            case Store store:
                Visit(store.Value);
                Write(store.Array, Of(store.Index));
                break;
            case StoreVector store:
                foreach (Expression value in store.Values)
                {
                    Visit(value);
                }

                Write(store.Array, Of(store.Index).InVectorsOf(store.Values.Count));
                break;
            case DefineVector { Within: { } condition } define:
                Where(condition, holds: true, () => Read(define.Array, Of(define.Index).InVectorsOf(define.Width)));
                break;
            case DefineVector define:
                Read(define.Array, Of(define.Index).InVectorsOf(define.Width));
                break;
            case For loop:
                Repeat(loop);
                break;
            case When guard:
                Visit(guard.Condition);
                Where(guard.Condition, holds: true, () => Visit(guard.Body));
                break;
            case Scope scope:
                Visit(scope.Body);
                break;
        }
    }

    private void Repeat(For loop)
    {
        (Interval start, Interval end) = (Of(loop.Start), Of(loop.End));
        if (loop.Step is Symbol { Name: var name } && name == loop.Counter)
        {
            if (!start.IsOne || !end.IsOne || start.Least < 1)
            {
                Fault ??= $"{loop.Counter} doubles between bounds that are not known";
                return;
            }

            for (long value = start.Least; value < end.Least; value *= 2)
            {
                _integers[loop.Counter] = Interval.Of(value);
                Visit(loop.Body);
            }

            return;
        }

        Interval step = Of(loop.Step);
        if (step.Least < 1)
        {
            Fault ??= $"{loop.Counter} does not grow";
            return;
        }

        // Where it is entered at all, it starts before the end.
        Where(new Binary("<", loop.Start, loop.End), holds: true, () =>
        {
            long last = start.IsOne && end.IsOne && step.IsOne ? start.Least + ((end.Least - 1 - start.Least) / step.Least * step.Least) : end.Most - 1;
            InRange(loop.End, new Interval(start.Least, last + step.Most));
            _integers[loop.Counter] = new Interval(start.Least, last);
            Visit(loop.Body);
        });
    }

    // --- What conditions say ---

    /// <summary>Does something where a condition holds, or where it does not; nothing where that cannot be.</summary>
    private void Where(Expression condition, bool holds, Action work)
    {
        (int known, bool adds) = (_facts.Count, _adds);
        if (Assume(condition, holds))
        {
            work();
        }

        _facts.RemoveRange(known, _facts.Count - known);
        _adds = adds;
    }

    /// <summary>Whether a condition can hold, or not hold.</summary>
    private bool Assume(Expression condition, bool holds)
    {
        switch (condition)
        {
            case Symbol:
                _adds |= holds;
                return true;
            case Binary { Operator: "&&" } both:
                return !holds || (Assume(both.Left, holds) && Assume(both.Right, holds));
            case Binary { Operator: "<" } less when IsInteger(less.Left) && IsInteger(less.Right):
                (Interval left, Interval right) = (Of(less.Left), Of(less.Right));
                return holds
                    ? Know(less.Left, left.And(new Interval(left.Least, right.Most - 1))) && Know(less.Right, right.And(new Interval(left.Least + 1, right.Most)))
                    : Know(less.Left, left.And(new Interval(right.Least, left.Most))) && Know(less.Right, right.And(new Interval(right.Least, left.Most)));
            default:
                return true;
        }
    }

    private bool Know(Expression expression, Interval interval)
    {
        if (expression is not Constant)
        {
            _facts.Add((expression, interval));
        }

        return !interval.IsEmpty;
    }

    private bool IsInteger(Expression expression) => expression switch
    {
        Constant or Position or Whole => true,
        Symbol symbol => _integers.ContainsKey(symbol.Name),
        Binary binary => IsInteger(binary.Left) && IsInteger(binary.Right),
        Choice choice => IsInteger(choice.Then),
        _ => false,
    };

    // --- Integers ---

    private Interval Of(Expression expression)
    {
        if (expression is Constant constant)
        {
            return Interval.Of(constant.Value);
        }

        Interval interval = expression switch
        {
            Symbol symbol => _integers[symbol.Name],
            Position position => _positions[(int)position.Item],
            Binary binary => Of(binary),
            Whole whole => Of(whole),
            Choice choice => Of(choice),
            _ => Interval.Integers,
        };
        foreach ((Expression known, Interval bounds) in _facts)
        {
            if (ReferenceEquals(known, expression) || (known.GetType() == expression.GetType() && known == expression))
            {
                interval = interval.And(bounds);
            }
        }

        return InRange(expression, interval);
    }

    private Interval Of(Binary binary)
    {
        (Interval left, Interval right) = (Of(binary.Left), Of(binary.Right));
        if (binary.Operator is "/" or "%" && right.Least < 1)
        {
            Fault ??= $"{DeviceSchedulePrinter.Describe(binary)} divides by {right}";
            return Interval.Integers;
        }

        return binary.Operator switch
        {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => left / right,
            _ => left % right,
        };
    }

    private Interval Of(Whole whole)
    {
        Visit(whole.Value);
        Touched table = _operands[((Load)whole.Value).Array];
        table.Below = Math.Min(table.Below ?? whole.End, whole.End);
        return Interval.Of(0, whole.End);
    }

    private Interval Of(Choice choice)
    {
        Interval chosen = Interval.None;
        Visit(choice.Condition);
        Where(choice.Condition, holds: true, () => chosen = Of(choice.Then));
        Where(choice.Condition, holds: false, () => chosen = chosen.Or(Of(choice.Else)));
        return chosen;
    }

    /// <summary>Integers are of 32 bits.</summary>
    private Interval InRange(Expression expression, Interval interval)
    {
        if (!Interval.Integers.Contains(interval))
        {
            Fault ??= $"{DeviceSchedulePrinter.Describe(expression)} may be {interval}, which 32 bits do not hold";
            return Interval.Integers.And(interval);
        }

        return interval;
    }

    // --- Elements ---

    /// <summary>Finds what an expression reads.</summary>
    private void Visit(Expression expression)
    {
        switch (expression)
        {
            case Binary binary:
                Visit(binary.Left);
                Visit(binary.Right);
                break;
            case Load load:
                Read(load.Array, Of(load.Index));
                break;
            case Whole whole:
                Visit(whole.Value);
                break;
            case Call call:
                foreach (Expression argument in call.Arguments)
                {
                    Visit(argument);
                }

                break;
            case Choice choice:
                Visit(choice.Condition);
                Where(choice.Condition, holds: true, () => Visit(choice.Then));
                Where(choice.Condition, holds: false, () => Visit(choice.Else));
                break;
        }
    }

    private void Read(string array, Interval elements)
    {
        if (Local(array, elements))
        {
            return;
        }

        Touched operand = _operands[array];
        if (_adds)
        {
            operand.ReadToAdd = operand.ReadToAdd.Or(elements);
        }
        else
        {
            operand.Read = operand.Read.Or(elements);
        }
    }

    private void Write(string array, Interval elements)
    {
        if (!Local(array, elements))
        {
            _operands[array].Written = _operands[array].Written.Or(elements);
        }
    }

    private bool Local(string array, Interval elements)
    {
        if (!_locals.TryGetValue(array, out int length))
        {
            return false;
        }

        if (!Interval.Of(0, length).Contains(elements))
        {
            Fault ??= FormattableString.Invariant($"elements {elements} of the {length} of {array} are touched");
        }

        return true;
    }
}
