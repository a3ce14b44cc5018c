using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Makes operators and tensors of others: combinators with their shape checks, and coercions.</summary>
internal sealed class OperatorBinder(BindingContext context) : Binder(context)
{
    public OperatorValue? BindOperator(ExpressionSyntax expression, Frame frame) =>
        Expressions.Bind(expression, frame) is { } value ? ToOperator(value, expression, frame) : null;

    public List<Operand>? BindOperators(IEnumerable<ExpressionSyntax> expressions, Frame frame)
    {
        var operands = new List<Operand>();
        foreach (ExpressionSyntax expression in expressions)
        {
            if (BindOperator(expression, frame) is not { } value)
            {
                return null;
            }

            operands.Add(new Operand(expression, value));
        }

        return operands;
    }

    /// <summary>A tensor of two axes is a matrix, of one axis a column.</summary>
    public OperatorValue? ToOperator(Value value, ExpressionSyntax syntax, Frame frame)
    {
        switch (value)
        {
            case OperatorValue found:
                return found;
            case TensorValue { Axes: 2 } tensor:
                return Compose(new Matrix(tensor.Tensor), syntax, frame, tensor);
            case TensorValue { Axes: 1 } tensor:
                return Compose(new Column(tensor.Tensor), syntax, frame, tensor);
            case TensorValue tensor:
                string hint = tensor.Axes switch
                {
                    0 => "; a multiple of the identity is c * eye(n)",
                    3 => "; 'blockdiag' makes an operator of its blocks",
                    _ => "",
                };
                Report(DiagnosticDescriptors.WrongKind, frame, syntax, "an operator", $"{tensor.Description} of {tensor.Axes} axes{hint}");
                return null;
            case RowValue row:
                Report(DiagnosticDescriptors.WrongKind, frame, syntax, "an operator", $"{row.Description}: products and sums of values are written with their indices, as in 'let v[i] = d[i] * x[i]', and 'A . v' applies an operator to one");
                return null;
            case SymbolValue:
                Context.MustUnroll = true;
                return null;
            case NumberValue:
                Report(DiagnosticDescriptors.WrongKind, frame, syntax, "an operator", $"{value.Description}; a multiple of the identity is c * eye(n)");
                return null;
            default:
                Report(DiagnosticDescriptors.WrongKind, frame, syntax, "an operator", value.Description);
                return null;
        }
    }

    /// <summary>An operator made of parts, unless the whole has become too large to work with.</summary>
    public OperatorValue? Compose(Operator made, SyntaxNode node, Frame frame, params Value[] parts)
    {
        if (!Spend(made.Operands().Count(), frame, node))
        {
            return null;
        }

        long nodes = 1 + parts.Sum(part => part.Extent.Nodes);
        int depth = 1 + parts.Select(part => part.Extent.Depth).DefaultIfEmpty(0).Max();
        if (nodes > BindingContext.MaxNodes || depth > BindingContext.MaxNesting)
        {
            Exhaust(frame, node, nodes > BindingContext.MaxNodes ? $"more than {BindingContext.MaxNodes} operations in one module" : $"operations nested more than {BindingContext.MaxNesting} levels deep");
            return null;
        }

        return new OperatorValue(made, nodes, depth);
    }

    public static Operator MakeTranspose(Operator operand) => operand is Transpose inner ? inner.Operand : new Transpose(operand);

    public Value? BindSum(ChainSyntax chain, Frame frame)
    {
        var terms = new List<(ExpressionSyntax Syntax, Value Value, int Sign)>();
        foreach ((ExpressionSyntax syntax, int sign) in chain.Rest
            .Select(link => (link.Operand, link.Operator == "-" ? -1 : 1))
            .Prepend((chain.First, 1)))
        {
            if (Expressions.Bind(syntax, frame) is not { } value)
            {
                return null;
            }

            terms.Add((syntax, value, sign));
        }

        if (terms.All(term => term.Value is NumberValue))
        {
            return Context.Finite(terms.Sum(term => term.Sign * ((NumberValue)term.Value).Number), chain, frame);
        }

        if (terms.All(term => term.Value is NumberValue or SymbolValue))
        {
            return SumIndices(terms.Select(term => (term.Value, term.Sign)));
        }

        if (terms.All(term => term.Value is NumberValue or IndexedValue { Axes: 0 }))
        {
            return SumScalars(terms.Select(term => (term.Value, term.Sign)), chain, frame);
        }

        var operands = new List<Operand>();
        foreach ((ExpressionSyntax syntax, Value value, int sign) in terms)
        {
            if (ToOperator(value, syntax, frame) is not { } operand)
            {
                return null;
            }

            operands.Add(new Operand(syntax, operand, sign < 0 ? "-" : ""));
        }

        if (!HaveOneShape(operands, frame))
        {
            return null;
        }

        IEnumerable<Operator> signed = operands.Select(operand => operand.Label == "-" ? new Scaled(-1, operand.Operator) : operand.Operator);
        return Compose(Flatten.Sum(signed), chain, frame, [.. operands.Select(operand => operand.Value)]);
    }

    /// <summary>Scalars, and numbers among them.</summary>
    private IndexedValue? SumScalars(IEnumerable<(Value Value, int Sign)> terms, SyntaxNode node, Frame frame)
    {
        IEnumerable<TensorProduct> products = terms.Select(term => term.Value is NumberValue number
            ? Product(new FormulaTensor(EquatableArray<int>.Empty, new FormulaNumber(1)), term.Sign * number.Number)
            : Product(((IndexedValue)term.Value).Tensor, term.Sign));
        return MakeTensor(new EinsumTensor(EquatableArray<EquatableArray<IndexVariable>>.Empty, products.ToEquatable()), node, frame, [.. terms.Select(term => term.Value).OfType<IndexedValue>()]);

        static TensorProduct Product(TensorExpression scalar, double coefficient) =>
            new(EquatableArray.Of(new IndexedTensor(scalar, EquatableArray<AffineIndex>.Empty)), coefficient);
    }

    /// <summary>Arithmetic on indices stays symbolic while it is affine in whole numbers.</summary>
    public SymbolValue? SumIndices(IEnumerable<(Value Value, int Sign)> terms)
    {
        long offset = 0;
        var coefficients = new Dictionary<IndexVariable, long>();
        foreach ((Value value, int sign) in terms)
        {
            if (value is SymbolValue { Index: var index })
            {
                offset += sign * (long)index.Offset;
                foreach ((IndexVariable variable, int coefficient) in index.Terms)
                {
                    coefficients.TryGetValue(variable, out long sum);
                    coefficients[variable] = sum + (sign * (long)coefficient);
                }
            }
            else if (ExpressionBinder.ToInteger(((NumberValue)value).Number) is { } constant)
            {
                offset += sign * (long)constant;
            }
            else
            {
                return Context.Unrolled<SymbolValue>();
            }
        }

        return MakeIndex(offset, coefficients.OrderBy(term => term.Key.Id).Select(term => (term.Key, term.Value)));
    }

    private SymbolValue? MakeIndex(long offset, IEnumerable<(IndexVariable Variable, long Coefficient)> terms)
    {
        (IndexVariable Variable, long Coefficient)[] all = [.. terms.Where(term => term.Coefficient != 0)];
        return Math.Abs(offset) > int.MaxValue || all.Any(term => Math.Abs(term.Coefficient) > int.MaxValue)
            ? Context.Unrolled<SymbolValue>()
            : new SymbolValue(new AffineIndex((int)offset, all.Select(term => (term.Variable, (int)term.Coefficient)).ToEquatable()));
    }

    public bool HaveOneShape(List<Operand> operands, Frame frame)
    {
        foreach (Operand operand in operands)
        {
            if (operand.Operator.Rows != operands[0].Operator.Rows || operand.Operator.Columns != operands[0].Operator.Columns)
            {
                bool isBroadcast = new[] { operands[0].Operator, operand.Operator }.Any(term => term.Rows == 1 || term.Columns == 1);
                Report(
                    DiagnosticDescriptors.CannotAdd,
                    frame,
                    operand.Syntax,
                    operands[0].Describe(frame),
                    (operand with { Label = operand.Label == "-" ? "" : operand.Label }).Describe(frame),
                    isBroadcast ? "; nothing is repeated to fit, write let T[i, j] = A[i, j] + (i >= 0) * b[j]" : "");
                return false;
            }
        }

        return true;
    }

    public OperatorValue? MakeSum(List<Operand> operands, SyntaxNode node, Frame frame) =>
        HaveOneShape(operands, frame)
            ? Compose(Flatten.Sum(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)])
            : null;

    public Value? BindProduct(ChainSyntax chain, Frame frame)
    {
        double coefficient = 1;
        SymbolValue? index = null;
        var scalars = new List<IndexedValue>();
        var factors = new List<(ExpressionSyntax Syntax, Value Value)>();
        foreach ((ExpressionSyntax syntax, string op) in chain.Rest.Select(link => (link.Operand, link.Operator)).Prepend((chain.First, "*")))
        {
            Value? value = Expressions.Bind(syntax, frame);
            switch (value, op)
            {
                case (null, _):
                    return null;
                case (NumberValue number, "*"):
                    coefficient *= number.Number;
                    break;
                case (NumberValue number, "/"):
                    coefficient /= number.Number;
                    break;
                case (NumberValue number, _) when scalars.Count + factors.Count == 0 && index is null:
                    // The remainder has the sign of the divisor, so that a position wraps around.
                    coefficient -= number.Number * Math.Floor(coefficient / number.Number);
                    break;
                case (SymbolValue symbol, "*") when index is null:
                    index = symbol;
                    break;
                case (SymbolValue, _):
                    return Context.Unrolled<Value>();
                case (_, not "*"):
                    string expected = op == "/" ? "a number to divide by" : "numbers around '%'";
                    Report(DiagnosticDescriptors.WrongKind, frame, syntax, expected, value.Description);
                    return null;
                case (IndexedValue { Axes: 0 } scalar, _):
                    scalars.Add(scalar);
                    break;
                default:
                    factors.Add((syntax, value));
                    break;
            }
        }

        if (Context.Finite(coefficient, chain, frame) is not { } scale)
        {
            return null;
        }

        if (index is not null)
        {
            return factors.Count + scalars.Count == 0 && ExpressionBinder.ToInteger(coefficient) is { } factor
                ? MakeIndex((long)index.Index.Offset * factor, index.Index.Terms.Select(term => (term.Variable, (long)term.Coefficient * factor)))
                : Context.Unrolled<Value>();
        }

        if (factors.Count == 0)
        {
            return scalars.Count == 0 ? scale : ScaleTensors(coefficient, scalars, chain, frame);
        }

        if (factors.Count == 1 && factors[0].Value is IndexedValue tensor and (RowValue or { Axes: not 2 }))
        {
            return ScaleTensors(coefficient, [tensor, .. scalars], chain, frame);
        }

        var operands = new List<Operand>();
        foreach ((ExpressionSyntax syntax, Value value) in factors)
        {
            if (ToOperator(value, syntax, frame) is not { } operand)
            {
                return null;
            }

            operands.Add(new Operand(syntax, operand));
        }

        OperatorValue? result = MakeProduct(operands, chain, frame);
        foreach (IndexedValue scalar in scalars)
        {
            result = result is null || (scalar is RowValue && ToOperator(scalar, chain, frame) is null) ? null : Compose(new ScaledByTensor(scalar.Tensor, result.Operator), chain, frame, scalar, result);
        }

        return result is null ? null : Scale(coefficient, result, chain, chain, frame);
    }

    /// <summary>A power of a number or a scalar, or k times the same square operator.</summary>
    public Value? BindPower(ChainSyntax chain, Frame frame)
    {
        (ExpressionSyntax syntax, ExpressionSyntax power) = (chain.First, chain.Rest[0].Operand);
        if (Expressions.Bind(syntax, frame) is not { } value || Expressions.Bind(power, frame) is not { } by)
        {
            return null;
        }

        if (by is SymbolValue || value is SymbolValue)
        {
            return Context.Unrolled<Value>();
        }

        if (by is not NumberValue { Number: var exponent })
        {
            Report(DiagnosticDescriptors.WrongKind, frame, power, "a number for the exponent", by.Description);
            return null;
        }

        switch (value)
        {
            case NumberValue number:
                return Context.Finite(FormulaOperator.All["^"].Evaluate([number.Number, exponent]), chain, frame);
            case IndexedValue { Axes: 0 } scalar:
                return MakeTensor(new FunctionTensor(TensorFunction.All["power"], EquatableArray.Of(scalar.Tensor), EquatableArray.Of(exponent)), chain, frame, [scalar]);
            case IndexedValue elements and (RowValue or { Axes: not 2 }):
                Report(DiagnosticDescriptors.WrongKind, frame, syntax, "a number, a scalar or a square operator", $"{elements.Description}: write power({frame.Show(syntax)}, {frame.Show(power)}) for powers of its elements");
                return null;
        }

        if (ToOperator(value, syntax, frame) is not { Operator: var op } operand)
        {
            return null;
        }

        if (op.Rows != op.Columns)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, syntax, "a square operator", $"{operand.Description}, which is not multiplied by itself");
            return null;
        }

        if (ExpressionBinder.ToInteger(exponent) is not (>= 0 and var factors))
        {
            string written = frame.Show(syntax);
            string remedy = ExpressionBinder.ToInteger(exponent) is { } negative ? $"inverse({written}){(negative == -1 ? "" : $"^{-negative}")}" : $"powerm({written}, {Value.Show(exponent)})";
            Report(DiagnosticDescriptors.WrongKind, frame, power, "a whole number from 0 on", $"{by.Description}: write {remedy}");
            return null;
        }

        return factors == 0 ? new OperatorValue(new Identity(op.Rows))
            : Spend(factors, frame, chain) ? MakeProduct([.. Enumerable.Repeat(new Operand(syntax, operand), factors)], chain, frame)
            : null;
    }

    public Value? Scale(double factor, Value value, ExpressionSyntax operand, SyntaxNode node, Frame frame)
    {
        switch (value)
        {
            case NumberValue number:
                return Context.Finite(factor * number.Number, node, frame);
            case SymbolValue { Index: var index } when ExpressionBinder.ToInteger(factor) is { } whole:
                return MakeIndex((long)index.Offset * whole, index.Terms.Select(term => (term.Variable, (long)term.Coefficient * whole)));
            case IndexedValue tensor and (RowValue or { Axes: not 2 }):
                return ScaleTensors(factor, [tensor], node, frame);
            default:
                OperatorValue? found = ToOperator(value, operand, frame);
                return found is null || factor.Equals(1.0) ? found : Compose(new Scaled(factor, found.Operator), node, frame, found);
        }
    }

    /// <summary>A number times a tensor, times scalar tensors: a tensor of the same shape.</summary>
    private IndexedValue? ScaleTensors(double coefficient, IReadOnlyList<IndexedValue> tensors, SyntaxNode node, Frame frame)
    {
        if (coefficient.Equals(1.0) && tensors.Count == 1)
        {
            return tensors[0];
        }

        IndexVariable[] indices = [.. tensors[0].Tensor.Shape.Select((extent, axis) => Context.NewIndex($"i{axis}", extent))];
        IEnumerable<IndexedTensor> factors = tensors.Select((tensor, i) =>
            new IndexedTensor(tensor.Tensor, i == 0 ? indices.Select(AffineIndex.Of).ToEquatable() : default));
        return MakeTensor(
            new EinsumTensor(indices.Select(index => EquatableArray.Of(index)).ToEquatable(), factors.ToEquatable(), coefficient),
            node,
            frame,
            tensors);
    }

    /// <summary>A computed tensor is evaluated once, so it cannot depend on the index of a repetition.</summary>
    public IndexedValue? MakeTensor(TensorExpression made, SyntaxNode node, Frame frame, IReadOnlyCollection<IndexedValue> parts, long nodesOfLinks = 0, bool isPerRow = false)
    {
        if (Context.Symbols > 0 && parts.Any(part => DependsOnIndex(part.Tensor)))
        {
            return Context.Unrolled<IndexedValue>();
        }

        long nodes = 1 + nodesOfLinks + parts.Sum(part => part.Nodes);
        int depth = 1 + parts.Select(part => part.Depth).DefaultIfEmpty(0).Max();
        if (nodes > BindingContext.MaxNodes || depth > BindingContext.MaxNesting)
        {
            Exhaust(frame, node, nodes > BindingContext.MaxNodes ? $"more than {BindingContext.MaxNodes} operations in one module" : $"tensors nested more than {BindingContext.MaxNesting} levels deep");
            return null;
        }

        return isPerRow || parts.OfType<RowValue>().Any() ? new RowValue(made, nodes, depth) : new TensorValue(made, nodes, depth);
    }

    /// <summary>The elements of a tensor in order, along one axis.</summary>
    public IndexedValue? Flattened(IndexedValue value, SyntaxNode node, Frame frame)
    {
        IndexVariable[] axes = [.. value.Tensor.Shape.Select(extent => Context.NewIndex("i", extent))];
        return MakeTensor(
            new EinsumTensor(
                EquatableArray.Of(axes.ToEquatable()), EquatableArray.Of(new IndexedTensor(value.Tensor, axes.Select(AffineIndex.Of).ToEquatable()))), node, frame, [value]);
    }

    public static bool DependsOnIndex(TensorExpression tensor) =>
        tensor is SliceTensor slice
        && (slice.Axes.Any(axis => axis is PointAxis { Index.Terms.Count: > 0 }) || DependsOnIndex(slice.Source));

    public OperatorValue? MakeProduct(List<Operand> operands, SyntaxNode node, Frame frame)
    {
        for (int i = 1; i < operands.Count; i++)
        {
            (Operand left, Operand right) = (operands[i - 1], operands[i]);
            if (left.Operator.Columns != right.Operator.Rows)
            {
                var span = TextSpan.FromBounds(left.Syntax.Span.Start, right.Syntax.Span.End);
                Report(
                    DiagnosticDescriptors.CannotMultiply,
                    frame,
                    span,
                    left.Describe(frame),
                    right.Describe(frame),
                    left.Operator.Columns,
                    right.Operator.Rows);
                return null;
            }
        }

        return Compose(Flatten.Product(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)]);
    }

    public OperatorValue? MakeKronecker(List<Operand> operands, SyntaxNode node, Frame frame)
    {
        (long rows, long columns) = (1, 1);
        foreach (Operand operand in operands)
        {
            (rows, columns) = (rows * operand.Operator.Rows, columns * operand.Operator.Columns);
            if (!Context.Fits(rows, columns, node, frame))
            {
                return null;
            }
        }

        return Compose(Flatten.Kronecker(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)]);
    }

    public OperatorValue? MakeDirectSum(List<Operand> operands, SyntaxNode node, Frame frame) =>
        Context.Fits(operands.Sum(operand => (long)operand.Operator.Rows), operands.Sum(operand => (long)operand.Operator.Columns), node, frame)
            ? Compose(Flatten.DirectSum(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)])
            : null;

    public OperatorValue? MakeHorizontal(List<Operand> operands, SyntaxNode node, Frame frame) =>
        Agree(operands, operand => operand.Rows, "beside", "outputs", frame)
            && Context.Fits(operands[0].Operator.Rows, operands.Sum(operand => (long)operand.Operator.Columns), node, frame)
                ? Compose(Flatten.HorizontalStack(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)])
                : null;

    public OperatorValue? MakeVertical(List<Operand> operands, SyntaxNode node, Frame frame) =>
        Agree(operands, operand => operand.Columns, "above", "inputs", frame)
            && Context.Fits(operands.Sum(operand => (long)operand.Operator.Rows), operands[0].Operator.Columns, node, frame)
                ? Compose(Flatten.VerticalStack(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)])
                : null;

    private bool Agree(List<Operand> operands, Func<Operator, int> size, string relation, string what, Frame frame)
    {
        for (int i = 1; i < operands.Count; i++)
        {
            if (size(operands[i].Operator) != size(operands[i - 1].Operator))
            {
                Report(DiagnosticDescriptors.CannotStack, frame, operands[i].Syntax, operands[i - 1].Describe(frame), relation, operands[i].Describe(frame), what);
                return false;
            }
        }

        return true;
    }

    public OperatorValue? MakeKroneckerSum(List<Operand> operands, CallSyntax call, Frame frame)
    {
        foreach (Operand operand in operands)
        {
            if (operand.Operator.Rows != operand.Operator.Columns)
            {
                Report(DiagnosticDescriptors.WrongKind, frame, operand.Syntax, "a square operator for 'kronsum'", operand.Describe(frame));
                return null;
            }
        }

        (Operator a, Operator b) = (operands[0].Operator, operands[1].Operator);
        long size = (long)a.Rows * b.Rows;
        return Context.Fits(size, size, call, frame)
            ? Compose(
                new Sum(EquatableArray.Of(
                    Flatten.Kronecker([a, new Identity(b.Rows)]),
                    Flatten.Kronecker([new Identity(a.Rows), b]))),
                call,
                frame,
                operands[0].Value,
                operands[1].Value)
            : null;
    }
}
