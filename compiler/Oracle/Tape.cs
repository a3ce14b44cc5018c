namespace Weft.Compiler.Oracle;

/// <summary>A value, and where the tape recorded how it came about. Node 0 stands for every constant.</summary>
internal readonly record struct Number(double Value, int Node = 0)
{
    public static readonly Number One = new(1);

    /// <summary>Whether this is a zero that nothing can change, so that products with it need no record.</summary>
    public bool IsZeroConstant => Node == 0 && Value == 0;

    public static implicit operator Number(double value) => new(value);
}

/// <summary>
/// Records scalar computations so that they can be differentiated in both directions (Griewank and Walther 2008). A node is a
/// sum of products, or a function of one number; its edges hold the partial derivatives.
/// </summary>
internal class Tape
{
    private const int PieceLength = 1 << 13;

    // In pieces, so that nothing is copied when there are more.
    private readonly List<(int Node, double Partial)[]> _edges = [];

    // Edges of node k: from _ends[k - 1] to _ends[k].
    private readonly List<int> _ends = [0];

    private int _edgeCount;

    private double _sum;

    /// <summary>A number that derivatives can be taken for.</summary>
    public Number Variable(double value)
    {
        _ends.Add(_edgeCount);
        return new Number(value, _ends.Count - 1);
    }

    /// <summary>Starts a sum of products. Sums do not nest: nothing else may be recorded until <see cref="EndSum"/>.</summary>
    public virtual void BeginSum() => _sum = 0;

    /// <summary>Adds <c>a · b</c> to the sum.</summary>
    public virtual void AddProduct(Number a, Number b)
    {
        _sum += a.Value * b.Value;
        AddEdge(a, b.Value);
        AddEdge(b, a.Value);
    }

    /// <summary>Adds <c>coefficient · ∏ factors</c> to the sum.</summary>
    public virtual void AddProduct(double coefficient, Number[] factors)
    {
        double product = coefficient;
        for (int i = 0; i < factors.Length; i++)
        {
            product *= factors[i].Value;
            double others = coefficient;
            for (int j = 0; j < factors.Length; j++)
            {
                others *= j == i ? 1 : factors[j].Value;
            }

            AddEdge(factors[i], others);
        }

        _sum += product;
    }

    /// <summary>The sum since <see cref="BeginSum"/>.</summary>
    public virtual Number EndSum() => Close(_sum);

    public Number Multiply(Number a, Number b)
    {
        BeginSum();
        AddProduct(a, b);
        return EndSum();
    }

    public Number Add(Number a, Number b)
    {
        BeginSum();
        AddProduct(a, Number.One);
        AddProduct(b, Number.One);
        return EndSum();
    }

    /// <summary>A function of one number, given its value and derivative there.</summary>
    public virtual Number Function(Number argument, double value, double derivative)
    {
        AddEdge(argument, derivative);
        return Close(value);
    }

    /// <summary>The derivative of <c>Σ weights · outputs</c> for every node. Where none comes none passes on, whatever the partial derivative.</summary>
    public double[] Backward(Number[] outputs, double[] weights)
    {
        double[] adjoints = new double[_ends.Count];
        for (int i = 0; i < outputs.Length; i++)
        {
            adjoints[outputs[i].Node] += weights[i];
        }

        for (int node = _ends.Count - 1; node > 0; node--)
        {
            for (int edge = _ends[node - 1]; adjoints[node] != 0 && edge < _ends[node]; edge++)
            {
                (int from, double partial) = Edge(edge);
                adjoints[from] += partial * adjoints[node];
            }
        }

        return adjoints;
    }

    /// <summary>The directional derivative of every node, where <paramref name="direction"/> gives that of each variable.</summary>
    public double[] Forward(IEnumerable<(Number Variable, double Tangent)> direction)
    {
        double[] tangents = new double[_ends.Count];
        foreach ((Number variable, double tangent) in direction)
        {
            tangents[variable.Node] = tangent;
        }

        for (int node = 1; node < tangents.Length; node++)
        {
            for (int edge = _ends[node - 1]; edge < _ends[node]; edge++)
            {
                (int from, double partial) = Edge(edge);
                tangents[node] += tangents[from] == 0 ? 0 : partial * tangents[from];
            }
        }

        return tangents;
    }

    private (int Node, double Partial) Edge(int edge) => _edges[edge / PieceLength][edge % PieceLength];

    private void AddEdge(Number to, double partial)
    {
        if (to.Node == 0)
        {
            return;
        }

        if (_edgeCount == _edges.Count * PieceLength)
        {
            _edges.Add(new (int Node, double Partial)[PieceLength]);
        }

        _edges[_edgeCount / PieceLength][_edgeCount % PieceLength] = (to.Node, partial);
        _edgeCount++;
    }

    private Number Close(double value)
    {
        if (_edgeCount == _ends[_ends.Count - 1])
        {
            return value;
        }

        _ends.Add(_edgeCount);
        return new Number(value, _ends.Count - 1);
    }
}
