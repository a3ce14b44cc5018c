using Weft.Compiler.Text;

namespace Weft.Compiler.Oracle;

/// <summary>
/// Records of a number, in place of how it came about, what sources it is made of: a node is a set of these. A product with a zero that nothing can
/// change is made of none, one with a zero that happens to be a value is.
/// </summary>
/// <param name="mostProducts">How many products there are at most.</param>
/// <param name="cancellationToken">Stops the work.</param>
internal sealed class SourceTape(long mostProducts, CancellationToken cancellationToken) : Tape
{
    private const int ProductsBetweenChecks = 1 << 16;

    // Set 0 is empty: that of constants.
    private readonly List<EquatableArray<int>> _sets = [default];
    private readonly Dictionary<EquatableArray<int>, int> _nodes = [];
    private readonly Dictionary<(int, int), int> _unions = [];
    private long _products;
    private double _sum;
    private int _node;

    /// <summary>The node of what is made of one source alone.</summary>
    public int Source(int source) => Node(EquatableArray.Of(source));

    /// <summary>The sources of a node, in order.</summary>
    public EquatableArray<int> Sources(int node) => _sets[node];

    public override void BeginSum() => (_sum, _node) = (0, 0);

    public override void AddProduct(Number a, Number b)
    {
        Count();
        _sum += a.Value * b.Value;
        if (!a.IsZeroConstant && !b.IsZeroConstant)
        {
            _node = Union(Union(_node, a.Node), b.Node);
        }
    }

    public override void AddProduct(double coefficient, Number[] factors)
    {
        Count();
        double product = coefficient;
        bool isZero = coefficient == 0;
        int node = _node;
        foreach (Number factor in factors)
        {
            product *= factor.Value;
            isZero |= factor.IsZeroConstant;
            node = Union(node, factor.Node);
        }

        _sum += product;
        _node = isZero ? _node : node;
    }

    public override Number EndSum() => new(_sum, _node);

    public override Number Function(Number argument, double value, double derivative)
    {
        Count();
        return new Number(value, argument.Node);
    }

    /// <summary>The node of what is made of two.</summary>
    public int Union(int a, int b)
    {
        if (a == b || b == 0)
        {
            return a;
        }

        if (a == 0)
        {
            return b;
        }

        if (!_unions.TryGetValue((a, b), out int union))
        {
            union = Node(_sets[a].Union(_sets[b]).OrderBy(source => source).ToEquatable());
            _unions.Add((a, b), union);
        }

        return union;
    }

    private void Count()
    {
        if (++_products % ProductsBetweenChecks == 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (_products > mostProducts)
        {
            throw new ExhaustedException();
        }
    }

    private int Node(EquatableArray<int> set)
    {
        if (!_nodes.TryGetValue(set, out int node))
        {
            node = _sets.Count;
            _sets.Add(set);
            _nodes.Add(set, node);
        }

        return node;
    }

    /// <summary>There are more products than there may be.</summary>
    public sealed class ExhaustedException : Exception;
}
