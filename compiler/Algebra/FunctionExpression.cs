namespace Weft.Compiler.Algebra;

/// <summary>What a node of a <see cref="FunctionExpression"/> is.</summary>
public enum FunctionOperation
{
    Constant,

    /// <summary>The element of the argument.</summary>
    Element,

    /// <summary>The element of the result, for derivatives that are made of it.</summary>
    Result,

    /// <summary>What a derivative is multiplied by: the element of a direction, or of the gradient for the result.</summary>
    Change,

    /// <summary>The gradient for the one result of a row.</summary>
    RowChange,

    Add,
    Subtract,
    Multiply,
    Divide,

    /// <summary>The smaller of two; where the second is no number, that.</summary>
    Min,

    /// <summary>The larger of two; where the second is no number, that.</summary>
    Max,

    /// <summary>The second of three where the first is positive, else the third.</summary>
    Choose,

    Abs,
    Exp,

    /// <summary>eˣ − 1.</summary>
    Expm1,
    Log,

    /// <summary>log(1 + x) for x ≥ 0.</summary>
    Log1p,
    Sqrt,
    Tanh,

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    Sigmoid,

    /// <summary>1 − erf(x), with the relative accuracy of small values.</summary>
    Erfc,

    /// <summary>The nearest whole number, of two the even one.</summary>
    Rint,
    Floor,

    /// <summary>The sum over a row.</summary>
    Sum,

    /// <summary>The largest of a row.</summary>
    Largest,
}

/// <summary>
/// A function of the elements of a row, as an expression of one of them and of sums over all: what the code of every target is made of, and
/// the derivatives. The largest of a row stands for a shift or a unit in which the rest is reckoned: a value depends on it by rounding alone,
/// and no derivative passes it.
/// </summary>
public sealed class FunctionExpression
{
    public static readonly FunctionExpression X = new(FunctionOperation.Element), Result = new(FunctionOperation.Result), Change = new(FunctionOperation.Change);

    private static readonly FunctionExpression s_rowChange = new(FunctionOperation.RowChange);

    private FunctionExpression(FunctionOperation operation, params FunctionExpression[] operands)
    {
        (Operation, Operands) = (operation, operands);
        IsOfRow = operation is FunctionOperation.Constant or FunctionOperation.RowChange or FunctionOperation.Sum or FunctionOperation.Largest
            || (operands.Length > 0 && operands.All(operand => operand.IsOfRow));
        Varies = operation == FunctionOperation.Element || (operation != FunctionOperation.Largest && operands.Any(operand => operand.Varies));
    }

    public FunctionOperation Operation { get; }

    /// <summary>The constant.</summary>
    public double Number { get; private init; }

    public IReadOnlyList<FunctionExpression> Operands { get; }

    /// <summary>Whether it is one number for a row.</summary>
    public bool IsOfRow { get; }

    /// <summary>Whether it has a derivative.</summary>
    private bool Varies { get; }

    public static implicit operator FunctionExpression(double number) => new(FunctionOperation.Constant) { Number = number };

    public static FunctionExpression operator +(FunctionExpression a, FunctionExpression b) =>
        a.Is(0) ? b : b.Is(0) ? a : new(FunctionOperation.Add, a, b);

    public static FunctionExpression operator -(FunctionExpression a, FunctionExpression b) => b.Is(0) ? a : new(FunctionOperation.Subtract, a, b);

    public static FunctionExpression operator *(FunctionExpression a, FunctionExpression b) =>
        a.Is(0) || b.Is(0) ? 0 : a.Is(1) ? b : b.Is(1) ? a : new(FunctionOperation.Multiply, a, b);

    public static FunctionExpression operator /(FunctionExpression a, FunctionExpression b) =>
        a.Is(0) ? 0 : b.Is(1) ? a : new(FunctionOperation.Divide, a, b);

    public static FunctionExpression Min(FunctionExpression a, FunctionExpression b) => new(FunctionOperation.Min, a, b);

    public static FunctionExpression Max(FunctionExpression a, FunctionExpression b) => new(FunctionOperation.Max, a, b);

    /// <summary>From least to most; what is no number stays so.</summary>
    public static FunctionExpression Clamp(double least, double most, FunctionExpression x) => Max(least, Min(most, x));

    /// <summary>One of two where a third is positive, the other elsewhere.</summary>
    public static FunctionExpression Choose(FunctionExpression positive, FunctionExpression then, FunctionExpression otherwise) =>
        then.Is(0) && otherwise.Is(0) ? then : new(FunctionOperation.Choose, positive, then, otherwise);

    /// <summary>A function of one number, a sum over the row or its largest.</summary>
    public static FunctionExpression Of(FunctionOperation operation, FunctionExpression x) => new(operation, x);

    public static FunctionExpression Abs(FunctionExpression x) => new(FunctionOperation.Abs, x);

    public static FunctionExpression Exp(FunctionExpression x) => new(FunctionOperation.Exp, x);

    public static FunctionExpression Sqrt(FunctionExpression x) => new(FunctionOperation.Sqrt, x);

    public static FunctionExpression Sum(FunctionExpression x) => x.Is(0) ? x : new(FunctionOperation.Sum, x);

    public static FunctionExpression Largest(FunctionExpression x) => new(FunctionOperation.Largest, x);

    /// <summary>The derivative along <see cref="Change"/>.</summary>
    public FunctionExpression Tangent()
    {
        var tangents = new Dictionary<FunctionExpression, FunctionExpression> { [X] = Change };
        return Of(this);

        FunctionExpression Of(FunctionExpression node)
        {
            if (!node.Varies)
            {
                return 0;
            }

            if (!tangents.TryGetValue(node, out FunctionExpression? tangent))
            {
                tangent = node.Operation == FunctionOperation.Sum
                    ? Sum(Of(node.Operands[0]))
                    : node.Operands.Select((operand, k) => node.Through(k, Of(operand))).Aggregate((sum, part) => sum + part);
                tangents.Add(node, tangent);
            }

            return tangent;
        }
    }

    /// <summary>The gradient for an element of the argument, where <see cref="Change"/> is that for the result.</summary>
    public FunctionExpression Gradient()
    {
        var gradients = new Dictionary<FunctionExpression, FunctionExpression> { [this] = IsOfRow ? s_rowChange : Change };
        var nodes = new List<FunctionExpression>();
        Visit(this);
        nodes.Reverse();
        foreach (FunctionExpression node in nodes)
        {
            for (int k = 0; k < node.Operands.Count; k++)
            {
                FunctionExpression operand = node.Operands[k];
                if (operand.Varies)
                {
                    // A number of the row is in the result of each of its elements.
                    FunctionExpression part = node.Through(k, gradients[node]);
                    part = operand.IsOfRow && !node.IsOfRow ? Sum(part) : part;
                    gradients[operand] = gradients.TryGetValue(operand, out FunctionExpression? others) ? others + part : part;
                }
            }
        }

        return gradients[X];

        // Operands come before what is made of them.
        void Visit(FunctionExpression node)
        {
            if (node.Varies && !nodes.Contains(node))
            {
                foreach (FunctionExpression operand in node.Operands)
                {
                    Visit(operand);
                }

                nodes.Add(node);
            }
        }
    }

    /// <summary>The partial derivative for an operand times a number: the rule of each operation, for both directions.</summary>
    private FunctionExpression Through(int k, FunctionExpression d)
    {
        FunctionExpression a = Operands[0], b = Operands[Operands.Count - 1];
        return (Operation, k) switch
        {
            (FunctionOperation.Add or FunctionOperation.Sum, _) or (FunctionOperation.Subtract, 0) => d,
            (FunctionOperation.Subtract, _) => 0 - d,
            (FunctionOperation.Multiply, _) => d * Operands[1 - k],
            (FunctionOperation.Divide, 0) => d / b,
            (FunctionOperation.Divide, _) => 0 - (d * (this / b)),
            (FunctionOperation.Max, 0) => Choose(a - b, d, 0),
            (FunctionOperation.Max, _) => Choose(a - b, 0, d),
            (FunctionOperation.Min, 0) => Choose(b - a, d, 0),
            (FunctionOperation.Min, _) => Choose(b - a, 0, d),
            (FunctionOperation.Choose, 0) => 0,
            (FunctionOperation.Choose, 1) => Choose(a, d, 0),
            (FunctionOperation.Choose, _) => Choose(a, 0, d),
            (FunctionOperation.Abs, _) => Choose(a, d, Choose(0 - a, 0 - d, 0)),
            (FunctionOperation.Exp, _) => d * this,
            (FunctionOperation.Expm1, _) => d * Exp(a),
            (FunctionOperation.Log, _) => d / a,
            (FunctionOperation.Log1p, _) => d / (1 + a),
            (FunctionOperation.Sqrt, _) => Choose(this, d * (0.5 / this), 0),
            (FunctionOperation.Tanh, _) => d * (1 - (this * this)),
            (FunctionOperation.Sigmoid, _) => d * (this * (1 - this)),
            (FunctionOperation.Erfc, _) => d * (-2 / Math.Sqrt(Math.PI) * Exp(0 - (a * a))),
            _ => throw new InvalidOperationException(Operation.ToString()),
        };
    }

    private bool Is(double number) => Operation == FunctionOperation.Constant && Number == number;
}
