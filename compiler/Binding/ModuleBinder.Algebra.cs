using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <content>Operators: combinators with their shape checks, coercions and built-in functions.</content>
internal sealed partial class ModuleBinder
{
    /// <summary>An operator with the text it comes from, for diagnostics.</summary>
    private sealed record Operand(ExpressionSyntax Syntax, OperatorValue Value, string Label = "")
    {
        public Operator Operator => Value.Operator;

        /// <summary><c>A[m, r] : 4 -> 12</c>.</summary>
        public string Describe(Frame frame)
        {
            string written = Syntax is NameSyntax name && frame.WrittenShapes.TryGetValue(name.Name, out string? shape) ? shape : "";
            return $"{Label}{frame.Show(Syntax)}{written} : {Value.Shape}";
        }
    }

    private OperatorValue? BindOperator(ExpressionSyntax expression, Frame frame) =>
        Bind(expression, frame) is { } value ? ToOperator(value, expression, frame) : null;

    private List<Operand>? BindOperators(IEnumerable<ExpressionSyntax> expressions, Frame frame)
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
    private OperatorValue? ToOperator(Value value, ExpressionSyntax syntax, Frame frame)
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
            case SymbolValue:
                _mustUnroll = true;
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
    private OperatorValue? Compose(Operator made, SyntaxNode node, Frame frame, params Value[] parts)
    {
        if (!Spend(made.Operands().Count(), frame, node))
        {
            return null;
        }

        long nodes = 1 + parts.Sum(part => part.Extent.Nodes);
        int depth = 1 + parts.Select(part => part.Extent.Depth).DefaultIfEmpty(0).Max();
        if (nodes > MaxNodes || depth > MaxNesting)
        {
            Exhaust(frame, node, nodes > MaxNodes ? $"more than {MaxNodes} operations in one module" : $"operations nested more than {MaxNesting} levels deep");
            return null;
        }

        return new OperatorValue(made, nodes, depth);
    }

    private bool Fits(long rows, long columns, SyntaxNode node, Frame frame)
    {
        if (rows <= int.MaxValue && columns <= int.MaxValue)
        {
            return true;
        }

        Report(DiagnosticDescriptors.SizeOutOfRange, frame, node, $"{frame.Show(node)} : {columns} -> {rows}");
        return false;
    }

    private static Operator MakeTranspose(Operator operand) => operand is Transpose inner ? inner.Operand : new Transpose(operand);

    private Value? BindSum(ChainSyntax chain, Frame frame)
    {
        var terms = new List<(ExpressionSyntax Syntax, Value Value, int Sign)>();
        foreach ((ExpressionSyntax syntax, int sign) in chain.Rest
            .Select(link => (link.Operand, link.Operator == "-" ? -1 : 1))
            .Prepend((chain.First, 1)))
        {
            if (Bind(syntax, frame) is not { } value)
            {
                return null;
            }

            terms.Add((syntax, value, sign));
        }

        if (terms.All(term => term.Value is NumberValue))
        {
            return Finite(terms.Sum(term => term.Sign * ((NumberValue)term.Value).Number), chain, frame);
        }

        if (terms.All(term => term.Value is NumberValue or SymbolValue))
        {
            return SumIndices(terms.Select(term => (term.Value, term.Sign)));
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

    /// <summary>Arithmetic on indices stays symbolic while it is affine in whole numbers.</summary>
    private SymbolValue? SumIndices(IEnumerable<(Value Value, int Sign)> terms)
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
            else if (ToInteger(((NumberValue)value).Number) is { } constant)
            {
                offset += sign * (long)constant;
            }
            else
            {
                return Unrolled<SymbolValue>();
            }
        }

        return MakeIndex(offset, coefficients.OrderBy(term => term.Key.Id).Select(term => (term.Key, term.Value)));
    }

    private SymbolValue? MakeIndex(long offset, IEnumerable<(IndexVariable Variable, long Coefficient)> terms)
    {
        (IndexVariable Variable, long Coefficient)[] all = [.. terms.Where(term => term.Coefficient != 0)];
        return Math.Abs(offset) > int.MaxValue || all.Any(term => Math.Abs(term.Coefficient) > int.MaxValue)
            ? Unrolled<SymbolValue>()
            : new SymbolValue(new AffineIndex((int)offset, all.Select(term => (term.Variable, (int)term.Coefficient)).ToEquatable()));
    }

    private bool HaveOneShape(List<Operand> operands, Frame frame)
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

    private OperatorValue? MakeSum(List<Operand> operands, SyntaxNode node, Frame frame) =>
        HaveOneShape(operands, frame)
            ? Compose(Flatten.Sum(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)])
            : null;

    private Value? BindProduct(ChainSyntax chain, Frame frame)
    {
        double coefficient = 1;
        SymbolValue? index = null;
        var scalars = new List<TensorValue>();
        var factors = new List<(ExpressionSyntax Syntax, Value Value)>();
        foreach ((ExpressionSyntax syntax, string op) in chain.Rest.Select(link => (link.Operand, link.Operator)).Prepend((chain.First, "*")))
        {
            Value? value = Bind(syntax, frame);
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
                    return Unrolled<Value>();
                case (_, not "*"):
                    string expected = op == "/" ? "a number to divide by" : "numbers around '%'";
                    Report(DiagnosticDescriptors.WrongKind, frame, syntax, expected, value.Description);
                    return null;
                case (TensorValue { Axes: 0 } scalar, _):
                    scalars.Add(scalar);
                    break;
                default:
                    factors.Add((syntax, value));
                    break;
            }
        }

        if (Finite(coefficient, chain, frame) is not { } scale)
        {
            return null;
        }

        if (index is not null)
        {
            return factors.Count + scalars.Count == 0 && ToInteger(coefficient) is { } factor
                ? MakeIndex((long)index.Index.Offset * factor, index.Index.Terms.Select(term => (term.Variable, (long)term.Coefficient * factor)))
                : Unrolled<Value>();
        }

        if (factors.Count == 0)
        {
            return scalars.Count == 0 ? scale : ScaleTensors(coefficient, scalars, chain, frame);
        }

        if (factors.Count == 1 && factors[0].Value is TensorValue { Axes: not 2 } tensor)
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
        foreach (TensorValue scalar in scalars)
        {
            result = result is null ? null : Compose(new ScaledByTensor(scalar.Tensor, result.Operator), chain, frame, scalar, result);
        }

        return result is null ? null : Scale(coefficient, result, chain, chain, frame);
    }

    private Value? Scale(double factor, Value value, ExpressionSyntax operand, SyntaxNode node, Frame frame)
    {
        switch (value)
        {
            case NumberValue number:
                return Finite(factor * number.Number, node, frame);
            case SymbolValue { Index: var index } when ToInteger(factor) is { } whole:
                return MakeIndex((long)index.Offset * whole, index.Terms.Select(term => (term.Variable, (long)term.Coefficient * whole)));
            case TensorValue { Axes: not 2 } tensor:
                return ScaleTensors(factor, [tensor], node, frame);
            default:
                OperatorValue? found = ToOperator(value, operand, frame);
                return found is null || factor.Equals(1.0) ? found : Compose(new Scaled(factor, found.Operator), node, frame, found);
        }
    }

    /// <summary>A number times a tensor, times scalar tensors: a tensor of the same shape.</summary>
    private TensorValue? ScaleTensors(double coefficient, List<TensorValue> tensors, SyntaxNode node, Frame frame)
    {
        if (coefficient.Equals(1.0) && tensors.Count == 1)
        {
            return tensors[0];
        }

        IndexVariable[] indices = [.. tensors[0].Tensor.Shape.Select((extent, axis) => NewIndex($"i{axis}", extent))];
        IEnumerable<IndexedTensor> factors = tensors.Select((tensor, i) =>
            new IndexedTensor(tensor.Tensor, i == 0 ? indices.Select(AffineIndex.Of).ToEquatable() : default));
        return MakeTensor(
            new EinsumTensor(indices.Select(index => EquatableArray.Of(index)).ToEquatable(), factors.ToEquatable(), coefficient),
            node,
            frame,
            tensors);
    }

    /// <summary>A computed tensor is evaluated once, so it cannot depend on the index of a repetition.</summary>
    private TensorValue? MakeTensor(TensorExpression made, SyntaxNode node, Frame frame, List<TensorValue> parts)
    {
        if (_symbols > 0 && parts.Any(part => DependsOnIndex(part.Tensor)))
        {
            return Unrolled<TensorValue>();
        }

        long nodes = 1 + parts.Sum(part => part.Nodes);
        int depth = 1 + parts.Select(part => part.Depth).DefaultIfEmpty(0).Max();
        if (nodes > MaxNodes || depth > MaxNesting)
        {
            Exhaust(frame, node, nodes > MaxNodes ? $"more than {MaxNodes} operations in one module" : $"tensors nested more than {MaxNesting} levels deep");
            return null;
        }

        return new TensorValue(made, nodes, depth);
    }

    private static bool DependsOnIndex(TensorExpression tensor) =>
        tensor is SliceTensor slice
        && (slice.Axes.Any(axis => axis is PointAxis { Index.Terms.Count: > 0 }) || DependsOnIndex(slice.Source));

    private OperatorValue? MakeProduct(List<Operand> operands, SyntaxNode node, Frame frame)
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

    private OperatorValue? MakeKronecker(List<Operand> operands, SyntaxNode node, Frame frame)
    {
        (long rows, long columns) = (1, 1);
        foreach (Operand operand in operands)
        {
            (rows, columns) = (rows * operand.Operator.Rows, columns * operand.Operator.Columns);
            if (!Fits(rows, columns, node, frame))
            {
                return null;
            }
        }

        return Compose(Flatten.Kronecker(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)]);
    }

    private OperatorValue? MakeDirectSum(List<Operand> operands, SyntaxNode node, Frame frame) =>
        Fits(operands.Sum(operand => (long)operand.Operator.Rows), operands.Sum(operand => (long)operand.Operator.Columns), node, frame)
            ? Compose(Flatten.DirectSum(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)])
            : null;

    private OperatorValue? MakeHorizontal(List<Operand> operands, SyntaxNode node, Frame frame) =>
        Agree(operands, operand => operand.Rows, "beside", "outputs", frame)
            && Fits(operands[0].Operator.Rows, operands.Sum(operand => (long)operand.Operator.Columns), node, frame)
                ? Compose(Flatten.HorizontalStack(operands.Select(operand => operand.Operator)), node, frame, [.. operands.Select(operand => operand.Value)])
                : null;

    private OperatorValue? MakeVertical(List<Operand> operands, SyntaxNode node, Frame frame) =>
        Agree(operands, operand => operand.Columns, "above", "inputs", frame)
            && Fits(operands.Sum(operand => (long)operand.Operator.Rows), operands[0].Operator.Columns, node, frame)
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

    private Value? BindBuiltin(CallSyntax call, Frame frame)
    {
        EquatableArray<ExpressionSyntax> arguments = call.Arguments;
        switch (call.Name.Text)
        {
            case var name when Builtins.NumberFunctions.Any(function => function.Symbol == name):
                return Bind(arguments[0], frame) switch
                {
                    null => null,
                    NumberValue number => Finite(FormulaOperator.All[name].Evaluate([number.Number]), call, frame),
                    SymbolValue => Unrolled<Value>(),
                    var argument when TensorFunction.All.TryGetValue(name, out TensorFunction? function) => BindFunction(function, argument, call, frame),
                    var argument => Refuse(argument),
                };

                Value? Refuse(Value argument)
                {
                    Report(DiagnosticDescriptors.WrongKind, frame, arguments[0], "a number", argument.Description);
                    return null;
                }

            case "min" or "max" or "sum" or "prod" or "len":
                return BindArithmetic(call, frame);
            case "inverse" when Bind(arguments[0], frame) is var argument:
                return argument is OperatorValue inverted ? MakeInverse(inverted, call, frame) : BindFunction(TensorFunction.All["inverse"], argument, call, frame);
            case var name when TensorFunction.All.TryGetValue(name, out TensorFunction? function):
                return BindFunction(function, Bind(arguments[0], frame), call, frame);
            case "eye":
                return BindSize(arguments[0], frame) is { } size ? new OperatorValue(new Identity(size)) : null;
            case "zeros":
                return BindSize(arguments[0], frame) is { } zeroRows && BindSize(arguments[1], frame) is { } zeroColumns
                    ? new OperatorValue(new Zero(zeroRows, zeroColumns))
                    : null;
            case "shuffle":
                return BindSize(arguments[0], frame) is { } outer && BindSize(arguments[1], frame) is { } inner
                    && Fits((long)outer * inner, (long)outer * inner, call, frame)
                        ? new OperatorValue(new Shuffle(outer, inner))
                        : null;
            case "permute":
                return BindPermutation(arguments[0], frame);
            case "pad" or "crop":
                return BindWindow(call, frame);
            case "diag":
                return BindTensor(arguments[0], "'diag'", 1, frame) is { } diagonal
                    ? Compose(new Diagonal(diagonal.Tensor), call, frame, diagonal)
                    : null;
            case "blockdiag":
                return BindTensor(arguments[0], "'blockdiag'", 3, frame) is { Tensor.Shape: var shape } blocks
                    && Fits((long)shape[0] * shape[1], (long)shape[0] * shape[2], call, frame)
                        ? Compose(new BlockDiagonal(blocks.Tensor), call, frame, blocks)
                        : null;
            case "reflect":
                return BindReflections(call, frame);
            case "wht" when BindSize(arguments[0], frame) is var length:
                if (length is { } power && (power & (power - 1)) != 0)
                {
                    Report(DiagnosticDescriptors.OutOfRange, frame, arguments[0], $"{power}", "a power of two");
                    return null;
                }

                return length is { } order ? new OperatorValue(new WalshHadamard(order)) : null;
            case "gather":
                return BindGather(call, frame);
            case "transpose":
                return BindOperator(arguments[0], frame) is { } operand ? Compose(MakeTranspose(operand.Operator), call, frame, operand) : null;
        }

        if (BindOperators(arguments, frame) is not { } operands)
        {
            return null;
        }

        return call.Name.Text switch
        {
            "kron" => MakeKronecker(operands, call, frame),
            "kronsum" => MakeKroneckerSum(operands, call, frame),
            "dirsum" => MakeDirectSum(operands, call, frame),
            "hstack" => MakeHorizontal(operands, call, frame),
            "vstack" => MakeVertical(operands, call, frame),
            "cheapest" => HaveOneShape(operands, frame)
                ? Compose(new Alternatives(operands.Select(operand => operand.Operator).ToEquatable()), call, frame, [.. operands.Select(operand => operand.Value)])
                : null,
            _ => MakeProduct(operands, call, frame),
        };
    }

    private NumberValue? BindArithmetic(CallSyntax call, Frame frame)
    {
        EquatableArray<double> numbers;
        if (call.Name.Text is "sum" or "prod" or "len")
        {
            if (BindList(call.Arguments[0], frame) is not { } list)
            {
                return null;
            }

            if (!Spend(list.Numbers.Count, frame, call))
            {
                return null;
            }

            numbers = list.Numbers;
        }
        else
        {
            var bound = new List<double>();
            foreach (ExpressionSyntax argument in call.Arguments)
            {
                if (BindNumber(argument, frame) is not { } number)
                {
                    return null;
                }

                bound.Add(number);
            }

            numbers = bound.ToEquatable();
        }

        double result = call.Name.Text switch
        {
            "min" => numbers.Min(),
            "max" => numbers.Max(),
            "sum" => numbers.Sum(),
            "prod" => numbers.Aggregate(1.0, (a, b) => a * b),
            _ => numbers.Count,
        };
        return Finite(result, call, frame);
    }

    private OperatorValue? BindPermutation(ExpressionSyntax argument, Frame frame)
    {
        if (BindList(argument, frame) is not { } list || !Spend(list.Numbers.Count, frame, argument))
        {
            return null;
        }

        var seen = new bool[list.Numbers.Count];
        foreach (double number in list.Numbers)
        {
            if (ToInteger(number) is { } position && position >= 0 && position < seen.Length && !seen[position])
            {
                seen[position] = true;
            }
            else
            {
                Report(DiagnosticDescriptors.NotAPermutation, frame, argument, seen.Length - 1, Value.Show(number));
                return null;
            }
        }

        return new OperatorValue(new Permutation(list.Numbers.Select(number => (int)number).ToEquatable()));
    }

    private OperatorValue? BindWindow(CallSyntax call, Frame frame)
    {
        int? bound = 0;
        if (BindSize(call.Arguments[0], frame) is not { } size
            || BindSize(call.Arguments[1], frame) is not { } length
            || (call.Arguments.Count == 3 && (bound = BindInteger(call.Arguments[2], frame)) is null))
        {
            return null;
        }

        int start = bound!.Value;
        if (start < 0 || (long)start + length > size)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, call, $"the window {start}..{(long)start + length}", $"a range inside 0..{size}");
            return null;
        }

        return new OperatorValue(call.Name.Text == "crop" ? new Crop(size, start, length) : new Pad(size, start, length));
    }

    private TensorValue? BindTensor(ExpressionSyntax expression, string user, int axes, Frame frame)
    {
        Value? value = Bind(expression, frame);
        switch (value)
        {
            case null:
                return null;
            case TensorValue tensor when tensor.Axes == axes:
                return tensor;
            case TensorValue tensor:
                Report(DiagnosticDescriptors.WrongAxes, frame, expression, user, axes == 1 ? "1 axis" : $"{axes} axes", $"{frame.Show(expression)} : {tensor.Shape}");
                return null;
            default:
                Report(DiagnosticDescriptors.WrongKind, frame, expression, $"a tensor for {user}", value.Description);
                return null;
        }
    }

    private OperatorValue? BindReflections(CallSyntax call, Frame frame)
    {
        Value? value = Bind(call.Arguments[0], frame);
        if (value is TensorValue { Axes: 2 } rows)
        {
            return DependsOnIndex(rows.Tensor) ? Unrolled<OperatorValue>() : Compose(new Reflections(rows.Tensor), call, frame, rows);
        }

        if (value is TensorValue { Axes: 1 } vector)
        {
            return AsRow(vector, call, frame) is { } row ? Compose(new Reflections(row.Tensor), call, frame, row) : null;
        }

        if (value is not null)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[0], "a vector to reflect along, or a tensor of 2 axes with one in each row", value.Description);
        }

        return null;
    }

    private OperatorValue? MakeInverse(OperatorValue operand, CallSyntax call, Frame frame)
    {
        (Operator? inverse, Operator? fault) = Rewriting.Inversion.Of(operand.Operator);
        if (inverse is null)
        {
            string text = fault == operand.Operator ? operand.Description : $"{operand.Description} with '{AlgebraPrinter.Print(fault!)}' in it";
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[0], "an operator that has an inverse in closed form", text);
            return null;
        }

        return Compose(inverse, call, frame, operand);
    }

    private OperatorValue? BindGather(CallSyntax call, Frame frame)
    {
        if (BindTable(call.Arguments[0], null, frame) is not { } table || BindSize(call.Arguments[1], frame) is not { } size)
        {
            return null;
        }

        return HasPositions(table, size, call.Arguments[0], frame) ? Compose(new Gather(table.Tensor, size), call, frame, table) : null;
    }

    /// <summary>A tensor, or a list, that says where to read. It is not trained; what it holds is checked before it is used.</summary>
    private TensorValue? BindTable(ExpressionSyntax expression, int? axes, Frame frame)
    {
        Value? value = Bind(expression, frame);
        switch (value is ListValue list ? new TensorValue(new ListTensor(list.Numbers)) : value)
        {
            case null:
                return null;
            case TensorValue tensor when axes is { } count && tensor.Axes != count:
                Report(DiagnosticDescriptors.WrongAxes, frame, expression, "a table of positions here", count == 1 ? "1 axis" : $"{count} axes", $"{frame.Show(expression)} : {tensor.Shape}");
                return null;
            case TensorValue tensor when !tensor.Tensor.IsTrained():
                return tensor;
            default:
                Report(DiagnosticDescriptors.WrongKind, frame, expression, "a table of positions: a list, or a tensor that is not trained", value!.Description);
                return null;
        }
    }

    /// <summary>Checks the positions that are known by now: of a table without parameters all, of one that is drawn the largest there may be.</summary>
    private bool HasPositions(TensorValue table, int size, SyntaxNode node, Frame frame)
    {
        if (!Spend(table.Tensor.Shape.Aggregate(1.0, (product, extent) => product * extent) is var length and <= MostKnown ? (int)length / ElementsPerStep : 0, frame, node))
        {
            return false;
        }

        foreach (double position in KnownPositions(table.Tensor).Where(position => ToInteger(position) is not { } whole || whole < 0 || whole >= size))
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, node, $"the position {Value.Show(position)}", $"0 to {size - 1}");
            return false;
        }

        return true;
    }

    /// <summary>Terms of a table beyond which its positions are checked when a map is made, not here; and how many of them are as much work as a step.</summary>
    private const int MostKnown = 1 << 20, ElementsPerStep = 32;

    private IEnumerable<double> KnownPositions(TensorExpression table)
    {
        return table switch
        {
            ListTensor list => list.Elements,
            ParameterTensor { Parameter.Initializer: { Distribution: Distribution.Whole or Distribution.Distinct, Scale: var end } } => [end - 1],
            _ when _symbols > 0 || table.DescendantsAndSelf().Any(part => part is ParameterTensor) || table.DescendantsAndSelf().Sum(Terms) > MostKnown => [],
            _ => Oracle.Interpreter.Elements(table),
        };
    }

    /// <summary>How many numbers there are to add up for a tensor, once what it is made of is known.</summary>
    private static double Terms(TensorExpression tensor) => tensor is EinsumTensor einsum
        ? einsum.Terms.Sum(term => einsum.Axes.SelectMany(group => group)
            .Concat(term.Factors.SelectMany(factor => factor.Indices).SelectMany(index => index.Terms).Select(part => part.Variable))
            .Distinct()
            .Aggregate(1.0, (product, index) => product * index.Extent))
        : tensor.Shape.Aggregate(1.0, (product, extent) => product * extent);

    /// <summary>A vector as a tensor of one row; a row of a tensor stays a slice of it.</summary>
    private TensorValue? AsRow(TensorValue vector, SyntaxNode node, Frame frame)
    {
        if (vector.Tensor is SliceTensor { Axes.Count: 2, Source: var source } slice
            && slice.Axes[0] is PointAxis { Index: { Terms.Count: 0, Offset: var row } }
            && slice.Axes[1] is RangeAxis columns)
        {
            return vector with { Tensor = new SliceTensor(source, EquatableArray.Of<SliceAxis>(new RangeAxis(row, 1), columns)) };
        }

        IndexVariable index = NewIndex("i", vector.Tensor.Shape[0]);
        return MakeTensor(
            new EinsumTensor(
                EquatableArray.Of(EquatableArray<IndexVariable>.Empty, EquatableArray.Of(index)),
                EquatableArray.Of(new IndexedTensor(vector.Tensor, EquatableArray.Of(AffineIndex.Of(index))))),
            node,
            frame,
            [vector]);
    }

    private TensorValue? BindFunction(TensorFunction function, Value? first, CallSyntax call, Frame frame)
    {
        var values = new List<Value>();
        foreach (ExpressionSyntax argument in call.Arguments.Take(function.Tensors.Count))
        {
            switch (values.Count == 0 ? first : Bind(argument, frame))
            {
                case null:
                    return null;
                case var value and (TensorValue or NumberValue) when value is TensorValue || function.TakesNumbers:
                    values.Add(value);
                    break;
                case var other:
                    Report(DiagnosticDescriptors.WrongKind, frame, argument, $"a tensor for '{function.Usage}'", other.Description);
                    return null;
            }
        }

        if (values.OfType<TensorValue>().FirstOrDefault() is not { } one)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[0], $"a tensor for '{function.Usage}'", values[0].Description);
            return null;
        }

        TensorValue[] tensors = [.. values.Select(value => value as TensorValue
            ?? new TensorValue(new FormulaTensor(one.Tensor.Shape, new FormulaNumber(((NumberValue)value).Number))))];

        double number = 0;
        if (function.Number is not null)
        {
            ExpressionSyntax argument = call.Arguments[function.Tensors.Count];
            double? found = function.NumberIsSize ? BindSize(argument, frame) : BindNumber(argument, frame);
            if (found is not { } bound)
            {
                return null;
            }

            number = bound;
        }

        EquatableArray<int>[] shapes = [.. tensors.Select(tensor => tensor.Tensor.Shape)];
        if (function.Check(shapes, number) is { } fault)
        {
            string what = fault.Argument < tensors.Length ? tensors[fault.Argument].Description : $"the number {Value.Show(number)}";
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[fault.Argument], $"{fault.Expected} for '{function.Usage}'", what);
            return null;
        }

        long length = function.Shape(shapes, number).Aggregate(1L, (product, extent) => Math.Min(int.MaxValue + 1L, product * extent));
        if (length > int.MaxValue)
        {
            Report(DiagnosticDescriptors.SizeOutOfRange, frame, call, $"a tensor of {length} elements or more");
            return null;
        }

        if (function == TensorFunction.Take && !HasPositions(tensors[1], shapes[0][0], call.Arguments[1], frame))
        {
            return null;
        }

        return MakeTensor(
            new FunctionTensor(
                function,
                tensors.Select(tensor => tensor.Tensor).ToEquatable(),
                function.Number is null ? default : EquatableArray.Of(number)),
            call,
            frame,
            [.. tensors]);
    }

    private OperatorValue? MakeKroneckerSum(List<Operand> operands, CallSyntax call, Frame frame)
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
        return Fits(size, size, call, frame)
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
