using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Binds calls of built-in functions.</summary>
internal sealed class BuiltinBinder(BindingContext context) : Binder(context)
{
    public Value? BindBuiltin(CallSyntax call, Frame frame)
    {
        EquatableArray<ExpressionSyntax> arguments = call.Arguments;
        switch (call.Name.Text)
        {
            case var name when Builtins.NumberFunctions.Any(function => function.Symbol == name):
                return Expressions.Bind(arguments[0], frame) switch
                {
                    null => null,
                    NumberValue number => Context.Finite(FormulaOperator.All[name].Evaluate([number.Number]), call, frame),
                    SymbolValue => Context.Unrolled<Value>(),
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
            case "inverse" when Expressions.Bind(arguments[0], frame) is var argument:
                return argument is OperatorValue inverted ? MakeInverse(inverted, call, frame) : BindFunction(TensorFunction.All["inverse"], argument, call, frame);
            case var name when TensorFunction.All.TryGetValue(name, out TensorFunction? function):
                return BindFunction(function, Expressions.Bind(arguments[0], frame), call, frame);
            case var name when Activations.ByName.TryGetValue(name, out Activation activation):
                return Expressions.Bind(arguments[0], frame) switch
                {
                    null => null,
                    RowValue value => Apply(new ActivationLink(activation), value, call, frame),
                    var other => RefuseLink(other),
                };

                Value? RefuseLink(Value other)
                {
                    Report(DiagnosticDescriptors.WrongKind, frame, arguments[0], $"a value of a layer for '{call.Name.Text}'", other.Description);
                    return null;
                }

            case "eye":
                return Expressions.BindSize(arguments[0], frame) is { } size ? new OperatorValue(new Identity(size)) : null;
            case "zeros":
                return Expressions.BindSize(arguments[0], frame) is { } zeroRows && Expressions.BindSize(arguments[1], frame) is { } zeroColumns
                    ? new OperatorValue(new Zero(zeroRows, zeroColumns))
                    : null;
            case "shuffle":
                return Expressions.BindSize(arguments[0], frame) is { } outer && Expressions.BindSize(arguments[1], frame) is { } inner
                    && Context.Fits((long)outer * inner, (long)outer * inner, call, frame)
                        ? new OperatorValue(new Shuffle(outer, inner))
                        : null;
            case "permute":
                return BindPermutation(arguments[0], frame);
            case "pad" or "crop":
                return BindWindow(call, frame);
            case "diag":
                return BindTensor(arguments[0], "'diag'", 1, frame) is { } diagonal
                    ? Operators.Compose(new Diagonal(diagonal.Tensor), call, frame, diagonal)
                    : null;
            case "blockdiag":
                return BindTensor(arguments[0], "'blockdiag'", 3, frame) is { Tensor.Shape: var shape } blocks
                    && Context.Fits((long)shape[0] * shape[1], (long)shape[0] * shape[2], call, frame)
                        ? Operators.Compose(new BlockDiagonal(blocks.Tensor), call, frame, blocks)
                        : null;
            case "reflect":
                return BindReflections(call, frame);
            case "wht" when Expressions.BindSize(arguments[0], frame) is var length:
                if (length is { } power && (power & (power - 1)) != 0)
                {
                    Report(DiagnosticDescriptors.OutOfRange, frame, arguments[0], $"{power}", "a power of two");
                    return null;
                }

                return length is { } order ? new OperatorValue(new WalshHadamard(order)) : null;
            case "gather":
                return BindGather(call, frame);
            case "transpose":
                return Operators.BindOperator(arguments[0], frame) is { } operand ? Operators.Compose(OperatorBinder.MakeTranspose(operand.Operator), call, frame, operand) : null;
        }

        if (Operators.BindOperators(arguments, frame) is not { } operands)
        {
            return null;
        }

        return call.Name.Text switch
        {
            "kron" => Operators.MakeKronecker(operands, call, frame),
            "kronsum" => Operators.MakeKroneckerSum(operands, call, frame),
            "dirsum" => Operators.MakeDirectSum(operands, call, frame),
            "hstack" => Operators.MakeHorizontal(operands, call, frame),
            "vstack" => Operators.MakeVertical(operands, call, frame),
            "cheapest" => Operators.HaveOneShape(operands, frame)
                ? Operators.Compose(new Alternatives(operands.Select(operand => operand.Operator).ToEquatable()), call, frame, [.. operands.Select(operand => operand.Value)])
                : null,
            _ => Operators.MakeProduct(operands, call, frame),
        };
    }

    private NumberValue? BindArithmetic(CallSyntax call, Frame frame)
    {
        EquatableArray<double> numbers;
        if (call.Name.Text is "sum" or "prod" or "len")
        {
            if (Expressions.BindList(call.Arguments[0], frame) is not { } list)
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
                if (Expressions.BindNumber(argument, frame) is not { } number)
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
        return Context.Finite(result, call, frame);
    }

    private OperatorValue? BindPermutation(ExpressionSyntax argument, Frame frame)
    {
        if (Expressions.BindList(argument, frame) is not { } list || !Spend(list.Numbers.Count, frame, argument))
        {
            return null;
        }

        var seen = new bool[list.Numbers.Count];
        foreach (double number in list.Numbers)
        {
            if (ExpressionBinder.ToInteger(number) is { } position && position >= 0 && position < seen.Length && !seen[position])
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
        if (Expressions.BindSize(call.Arguments[0], frame) is not { } size
            || Expressions.BindSize(call.Arguments[1], frame) is not { } length
            || (call.Arguments.Count == 3 && (bound = Expressions.BindInteger(call.Arguments[2], frame)) is null))
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
        Value? value = Expressions.Bind(expression, frame);
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
        Value? value = Expressions.Bind(call.Arguments[0], frame);
        if (value is TensorValue { Axes: 2 } rows)
        {
            return OperatorBinder.DependsOnIndex(rows.Tensor) ? Context.Unrolled<OperatorValue>() : Operators.Compose(new Reflections(rows.Tensor), call, frame, rows);
        }

        if (value is TensorValue { Axes: 1 } vector)
        {
            return AsRow(vector, call, frame) is { } row ? Operators.Compose(new Reflections(row.Tensor), call, frame, row) : null;
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

        return Operators.Compose(inverse, call, frame, operand);
    }

    private OperatorValue? BindGather(CallSyntax call, Frame frame)
    {
        if (BindTable(call.Arguments[0], null, frame) is not { } table || Expressions.BindSize(call.Arguments[1], frame) is not { } size)
        {
            return null;
        }

        return HasPositions(table, size, call.Arguments[0], frame) ? Operators.Compose(new Gather(table.Tensor, size), call, frame, table) : null;
    }

    /// <summary>A tensor, or a list, that says where to read. It is not trained; what it holds is checked before it is used.</summary>
    public TensorValue? BindTable(ExpressionSyntax expression, int? axes, Frame frame)
    {
        Value? value = Expressions.Bind(expression, frame);
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
    public bool HasPositions(TensorValue table, int size, SyntaxNode node, Frame frame)
    {
        if (!Spend(table.Tensor.Shape.Aggregate(1.0, (product, extent) => product * extent) is var length and <= MostKnown ? (int)length / ElementsPerStep : 0, frame, node))
        {
            return false;
        }

        foreach (double position in KnownPositions(table.Tensor).Where(position => ExpressionBinder.ToInteger(position) is not { } whole || whole < 0 || whole >= size))
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
            _ when Context.Symbols > 0 || table.DescendantsAndSelf().Any(part => part is ParameterTensor) || table.DescendantsAndSelf().Sum(Terms) > MostKnown => [],
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
    private IndexedValue? AsRow(TensorValue vector, SyntaxNode node, Frame frame)
    {
        if (vector.Tensor is SliceTensor { Axes.Count: 2, Source: var source } slice
            && slice.Axes[0] is PointAxis { Index: { Terms.Count: 0, Offset: var row } }
            && slice.Axes[1] is RangeAxis columns)
        {
            return vector with { Tensor = new SliceTensor(source, EquatableArray.Of<SliceAxis>(new RangeAxis(row, 1), columns)) };
        }

        IndexVariable index = Context.NewIndex("i", vector.Tensor.Shape[0]);
        return Operators.MakeTensor(
            new EinsumTensor(
                EquatableArray.Of(EquatableArray<IndexVariable>.Empty, EquatableArray.Of(index)),
                EquatableArray.Of(new IndexedTensor(vector.Tensor, EquatableArray.Of(AffineIndex.Of(index))))),
            node,
            frame,
            [vector]);
    }

    /// <summary>A link that keeps shapes, applied to a value.</summary>
    private IndexedValue? Apply(NonlinearLink link, RowValue value, CallSyntax call, Frame frame) =>
        Operators.MakeTensor(new AppliedTensor(EquatableArray.Of<Link>(link), value.Tensor, value.Tensor.Shape), call, frame, [value]);

    private IndexedValue? BindFunction(TensorFunction function, Value? first, CallSyntax call, Frame frame)
    {
        var values = new List<Value>();
        foreach (ExpressionSyntax argument in call.Arguments.Take(function.Tensors.Count))
        {
            switch (values.Count == 0 ? first : Expressions.Bind(argument, frame))
            {
                case null:
                    return null;
                case RowValue value when function.IsRounding:
                    Report(DiagnosticDescriptors.WrongKind, frame, argument, $"a tensor of parameters for '{function.Usage}'", value.Description);
                    return null;
                case var value and (IndexedValue or NumberValue) when value is IndexedValue || function.TakesNumbers:
                    values.Add(value);
                    break;
                case var other:
                    Report(DiagnosticDescriptors.WrongKind, frame, argument, $"a tensor for '{function.Usage}'", other.Description);
                    return null;
            }
        }

        if (values.OfType<IndexedValue>().FirstOrDefault() is not { } one)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[0], $"a tensor for '{function.Usage}'", values[0].Description);
            return null;
        }

        IndexedValue[] tensors = [.. values.Select(value => value as IndexedValue
            ?? new TensorValue(new FormulaTensor(one.Tensor.Shape, new FormulaNumber(((NumberValue)value).Number))))];

        double number = 0;
        if (function.Number is not null)
        {
            ExpressionSyntax argument = call.Arguments[function.Tensors.Count];
            double? found = function.NumberIsSize ? Expressions.BindSize(argument, frame) : Expressions.BindNumber(argument, frame);
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

        if (function == TensorFunction.Take && (tensors[1] is not TensorValue table ? RefuseTable(tensors[1]) : !HasPositions(table, shapes[0][0], call.Arguments[1], frame)))
        {
            return null;
        }

        if (tensors[0] is RowValue row && tensors.Length == 1)
        {
            if (Activations.ByName.TryGetValue(function.Name, out Activation activation))
            {
                return Apply(new ActivationLink(activation), row, call, frame);
            }

            if (function.IsLink)
            {
                return Apply(new FunctionLink(function, function.IsElementwise ? row.Length : row.Tensor.Shape[row.Axes - 1], number), row, call, frame);
            }
        }

        return Operators.MakeTensor(
            new FunctionTensor(
                function,
                tensors.Select(tensor => tensor.Tensor).ToEquatable(),
                function.Number is null ? default : EquatableArray.Of(number)),
            call,
            frame,
            tensors);

        bool RefuseTable(Value found)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[1], "a table of positions: a list, or a tensor that is not trained", found.Description);
            return true;
        }
    }
}
