using Weft.Compiler.Operations;
using Weft.Compiler.Text;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Targets.Device;

/// <summary>Collects the statements of a kernel.</summary>
internal sealed class KernelBody
{
    private List<Statement> _statements = [];
    private int _results;

    public IReadOnlyList<Statement> Statements => _statements;

    public Expression Define(string name, Expression value)
    {
        _statements.Add(new DefineInteger(name, value));
        return name;
    }

    public Expression DefineElement(string name, Expression value)
    {
        _statements.Add(new DefineElement(name, value));
        return name;
    }

    public void Assign(string name, Expression value) => _statements.Add(new Assign(name, value));

    public void Store(string array, Expression index, Expression value) => _statements.Add(new Store(array, index, value));

    /// <summary>Loads vectors that lie side by side.</summary>
    /// <returns>Their elements.</returns>
    public IReadOnlyList<Expression> DefineVectors(string name, string array, Expression first, int width, int count, Expression? within = null)
    {
        string Vector(int lane) => VectorName(count == width ? name : FormattableString.Invariant($"{name}{lane / width}"), width);
        for (int lane = 0; lane < count; lane += width)
        {
            _statements.Add(new DefineVector(Vector(lane), array, first + (lane / width), width, within));
        }

        return [.. Enumerable.Range(0, count).Select(lane => new Lane(Vector(lane), lane % width))];
    }

    /// <summary>Stores elements that lie side by side; adds them to what is there if the launch says so. The index counts vectors of as many.</summary>
    public void Store(string array, Expression index, IReadOnlyList<Expression> values, bool isResult = false)
    {
        if (values.Count == 1 && isResult)
        {
            StoreResult(array, index, values[0]);
        }
        else if (values.Count == 1)
        {
            Store(array, index, values[0]);
        }
        else if (isResult)
        {
            Expression at = index is Symbol ? index : Define(FormattableString.Invariant($"at{_results}"), index);
            IReadOnlyList<Expression> before = DefineVectors(FormattableString.Invariant($"before{_results++}"), array, at, values.Count, values.Count, "accumulate");
            _statements.Add(new StoreVector(array, at, [.. values.Zip(before, (value, old) => old + value)]));
        }
        else
        {
            _statements.Add(new StoreVector(array, index, values));
        }
    }

    /// <summary>Stores a result; adds it to what is there if the launch says so.</summary>
    public void StoreResult(string array, Expression index, Expression value)
    {
        Expression at = index is Symbol ? index : Define(FormattableString.Invariant($"at{_results++}"), index);
        Store(array, at, new Choice("accumulate", new Load(array, at) + value, value));
    }

    /// <summary>Adds up what each work item of a group has, pair by pair, in a fixed order; the sum is the array's first element.</summary>
    public void SumOverGroup(LocalArray parts, Expression item, Expression value) => CombineOverGroup([parts], item, [value], (left, right) => left + right);

    /// <summary>The same for several values of each, for another operation than the sum, and for several results: the first elements of the arrays.</summary>
    public void CombineOverGroup(
        IReadOnlyList<LocalArray> parts, Expression item, IReadOnlyList<Expression> values, Func<Expression, Expression, Expression> combine, int results = 1)
    {
        StoreAll(number => values[number]);
        Barrier();
        for (int half = parts[0].Length / 2; half >= results; half /= 2)
        {
            When(item.IsLess(half), () => StoreAll(number => combine(new Load(parts[number].Name, item), new Load(parts[number].Name, item + half))));
            Barrier();
        }

        void StoreAll(Func<int, Expression> value)
        {
            for (int number = 0; number < parts.Count; number++)
            {
                Store(parts[number].Name, item, value(number));
            }
        }
    }

    public void Barrier() => _statements.Add(new Barrier());

    public void For(string counter, Expression start, Expression end, Expression step, Action body) =>
        _statements.Add(new For(counter, start, end, step, Inside(body)));

    /// <summary>Null is a condition that always holds.</summary>
    public void When(Expression? condition, Action body)
    {
        if (condition is null)
        {
            body();
            return;
        }

        _statements.Add(new When(condition, Inside(body)));
    }

    public static string VectorName(string name, int width) => FormattableString.Invariant($"{name}x{width}");

    public void Add(IEnumerable<Statement> statements) => _statements.AddRange(statements);

    /// <summary>Statements whose names are their own.</summary>
    public void Scope(Action body) => _statements.Add(new Scope(Inside(body)));

    public static Expression Call(Function function, params Expression[] arguments) => new Call(function, arguments.ToEquatable());

    /// <summary>Statements that are not among the kernel's yet.</summary>
    public IReadOnlyList<Statement> Inside(Action body)
    {
        List<Statement> outer = _statements;
        _statements = [];
        body();
        List<Statement> inner = _statements;
        _statements = outer;
        return inner;
    }
}

/// <summary>
/// One number that counts all combinations of some indices, the first slowest. The rows of the batch come first. A counter of runs counts
/// neighbours along the last index together.
/// </summary>
internal sealed class Counter(IEnumerable<Index> indices, int width = 1)
{
    private readonly Index[] _indices = [.. indices.OrderByDescending(index => index == View.Rows)];

    public bool IsEmpty => _indices.Length == 0;

    public bool HasRows => _indices.Contains(View.Rows);

    /// <summary>The index along which numbers lie side by side.</summary>
    public Index? Last => _indices.LastOrDefault();

    /// <summary>The combinations, for one row.</summary>
    public int Fixed => _indices.Where(index => index != View.Rows).Aggregate(1, (product, index) => checked(product * index.Extent)) / width;

    /// <summary>Counts runs along the last index.</summary>
    public Counter InRuns(int length) => new(_indices, length);

    public Expression Extent => HasRows ? Fixed * (Expression)"rows" : Fixed;

    public GridAxis Grid(int tile) => new(Fixed, HasRows, tile);

    /// <summary>Combinations to plan for.</summary>
    public long Nominal(int rows) => (long)Fixed * (HasRows ? rows : 1);

    public bool Contains(Index index) => _indices.Contains(index);

    /// <summary>Whether a number up to a multiple of the tile can lie beyond the extent; then the condition that it does not.</summary>
    public Expression? Within(Expression number, int tile) => !HasRows && Fixed % tile == 0 ? null : number.IsLess(Extent);

    /// <summary>The position that a number stands for in a view, from the view's offset; in vectors of so many elements.</summary>
    public Expression PositionIn(View view, Expression number, int vector = 1)
    {
        Expression position = 0;
        int divisor = 1;
        for (int k = _indices.Length - 1; k >= 0; k--)
        {
            Index index = _indices[k];
            Expression digit = number / divisor;
            int together = k == _indices.Length - 1 ? width : 1;
            digit = k == 0 ? digit : digit % (index.Extent / together);
            position += digit * (view.Stride(index) * together / vector);
            divisor = index == View.Rows ? divisor : checked(divisor * (index.Extent / together));
        }

        return position;
    }
}
