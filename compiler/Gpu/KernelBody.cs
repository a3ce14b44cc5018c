using Weft.Compiler.Scheduling;
using Weft.Compiler.Text;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Gpu;

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

    /// <summary>Stores a result; adds it to what is there if the launch says so.</summary>
    public void StoreResult(string array, Expression index, Expression value)
    {
        Expression at = index is Symbol ? index : Define(FormattableString.Invariant($"at{_results++}"), index);
        Store(array, at, new Choice("accumulate", new Load(array, at) + value, value));
    }

    /// <summary>Adds up what each work item of a group has, pair by pair, in a fixed order; the sum is the array's first element.</summary>
    public void SumOverGroup(LocalArray parts, Expression item, Expression value) => ReduceOverGroup(parts, item, value, (left, right) => left + right);

    /// <summary>Puts together what each work item of a group has, pair by pair, in a fixed order; the result is the array's first element.</summary>
    public void ReduceOverGroup(LocalArray parts, Expression item, Expression value, Func<Expression, Expression, Expression> combine)
    {
        Store(parts.Name, item, value);
        Barrier();
        for (int half = parts.Length / 2; half > 0; half /= 2)
        {
            When(item.IsLess(half), () => Store(parts.Name, item, combine(new Load(parts.Name, item), new Load(parts.Name, item + half))));
            Barrier();
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

    public static Expression Call(Function function, params Expression[] arguments) => new Call(function, arguments.ToEquatable());

    private List<Statement> Inside(Action body)
    {
        List<Statement> outer = _statements;
        _statements = [];
        body();
        List<Statement> inner = _statements;
        _statements = outer;
        return inner;
    }
}

/// <summary>One number that counts all combinations of some indices, the first slowest. The rows of the batch come first.</summary>
internal sealed class Counter(IEnumerable<Index> indices)
{
    private readonly Index[] _indices = [.. indices.OrderByDescending(index => index == View.Rows)];

    public bool HasRows => _indices.Contains(View.Rows);

    /// <summary>The combinations, for one row.</summary>
    public int Fixed => _indices.Where(index => index != View.Rows).Aggregate(1, (product, index) => checked(product * index.Extent));

    public Expression Extent => HasRows ? Fixed * (Expression)"rows" : Fixed;

    public GridAxis Grid(int tile) => new(Fixed, HasRows, tile);

    /// <summary>Combinations to plan for.</summary>
    public long Nominal(int rows) => (long)Fixed * (HasRows ? rows : 1);

    public bool Contains(Index index) => _indices.Contains(index);

    /// <summary>Whether a number up to a multiple of the tile can lie beyond the extent; then the condition that it does not.</summary>
    public Expression? Within(Expression number, int tile) => !HasRows && Fixed % tile == 0 ? null : number.IsLess(Extent);

    /// <summary>The position that a number stands for in a view, from the view's offset.</summary>
    public Expression PositionIn(View view, Expression number)
    {
        Expression position = 0;
        int divisor = 1;
        for (int k = _indices.Length - 1; k >= 0; k--)
        {
            Index index = _indices[k];
            Expression digit = number / divisor;
            digit = k == 0 ? digit : digit % index.Extent;
            position += digit * view.Stride(index);
            divisor = index == View.Rows ? divisor : checked(divisor * index.Extent);
        }

        return position;
    }
}
