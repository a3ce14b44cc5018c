using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Binds calls of built-in functions.</summary>
internal sealed partial class BuiltinBinder(BindingContext context) : Binder(context)
{
    /// <summary>What makes operators of operators.</summary>
    public OperatorBinder Combine => Operators;

    public Value? BindBuiltin(CallSyntax call, Frame frame)
    {
        (Signature signature, var bind) = Builtins.Functions.TryGetValue(call.Name.Text, out BuiltinFunction? known) ? known : Builtins.OfValues[call.Name.Text];
        var values = new List<Value>();
        for (int k = 0; k < Math.Max(call.Arguments.Count, signature.Repeats ? 0 : signature.Arguments.Count); k++)
        {
            Argument argument = signature.Arguments[signature.Repeats ? 0 : k];
            if ((k < call.Arguments.Count ? Bind(argument.Kind, call.Arguments[k], signature, frame) : new NumberValue(argument.Default!.Value)) is not { } value)
            {
                return null;
            }

            values.Add(value);
        }

        return bind(this, new BuiltinCall(call, frame, values));
    }

    private Value? Bind(ArgumentKind kind, ExpressionSyntax argument, Signature signature, Frame frame) => kind switch
    {
        ArgumentKind.Any => Expressions.Bind(argument, frame),
        ArgumentKind.Number => Expressions.BindNumber(argument, frame) is { } number ? new NumberValue(number) : null,
        ArgumentKind.Integer => Expressions.BindInteger(argument, frame) is { } integer ? new NumberValue(integer) : null,
        ArgumentKind.Size => Expressions.BindSize(argument, frame) is { } size ? new NumberValue(size) : null,
        ArgumentKind.List => Expressions.BindList(argument, frame),
        ArgumentKind.Vector => BindTensor(argument, $"'{signature.Name}'", 1, frame),
        ArgumentKind.Matrices => BindTensor(argument, $"'{signature.Name}'", 3, frame),
        ArgumentKind.Table => BindTable(argument, null, frame),
        _ => Operators.BindOperator(argument, frame),
    };

    /// <summary>An operator of the arguments.</summary>
    public OperatorValue? Compose(Operator node, BuiltinCall call) => Operators.Compose(node, call.Syntax, call.Frame, [.. call.Values]);

    public NumberValue? Finite(double number, BuiltinCall call) => Context.Finite(number, call.Syntax, call.Frame);

    public NumberValue? OfList(BuiltinCall call, Func<EquatableArray<double>, double> function) =>
        Spend(call.List(0).Count, call.Frame, call.Syntax) ? Finite(function(call.List(0)), call) : null;

    public OperatorValue? MakeBlocks(BuiltinCall call)
    {
        EquatableArray<int> shape = call.Tensor(0).Tensor.Shape;
        return Context.Fits((long)shape[0] * shape[1], (long)shape[0] * shape[2], call.Syntax, call.Frame) ? Compose(new BlockDiagonal(call.Tensor(0).Tensor), call) : null;
    }

    public OperatorValue? MakeShuffle(BuiltinCall call)
    {
        long size = (long)call.Whole(0) * call.Whole(1);
        return Context.Fits(size, size, call.Syntax, call.Frame) ? new OperatorValue(new Shuffle(call.Whole(0), call.Whole(1))) : null;
    }

    public OperatorValue? MakeAlternatives(BuiltinCall call) => Operators.HaveOneShape(call.Operands, call.Frame)
        ? Compose(new Alternatives(call.Operands.Select(operand => operand.Operator).ToEquatable()), call)
        : null;

    public OperatorValue? MakeWalshHadamard(BuiltinCall call)
    {
        return PowerOfTwo(call) is null ? null : new OperatorValue(new WalshHadamard(call.Whole(0)));
    }

    /// <summary>Which power of two the argument is; null where it is none, which is a mistake.</summary>
    public int? PowerOfTwo(BuiltinCall call)
    {
        (int size, int power) = (call.Whole(0), 0);
        while (1L << (power + 1) <= size)
        {
            power++;
        }

        if (1 << power == size)
        {
            return power;
        }

        Report(DiagnosticDescriptors.OutOfRange, call.Frame, call.Arguments[0], $"{size}", $"a power of two, such as {1 << power} or {1L << (power + 1)}");
        return null;
    }

    public OperatorValue? MakeFourier(BuiltinCall call, bool isInverse)
    {
        int length = call.Whole(0);
        if (length > Fourier.MostLength)
        {
            Report(DiagnosticDescriptors.OutOfRange, call.Frame, call.Arguments[0], $"{length}", $"{Fourier.MostLength} at most, of which a transform still has room");
            return null;
        }

        return new OperatorValue(new Fourier(length, isInverse));
    }

    public OperatorValue? MakePermutation(BuiltinCall call)
    {
        EquatableArray<double> numbers = call.List(0);
        if (!Spend(numbers.Count, call.Frame, call.Arguments[0]))
        {
            return null;
        }

        var seen = new bool[numbers.Count];
        foreach (double number in numbers)
        {
            if (ExpressionBinder.ToInteger(number) is { } position && position >= 0 && position < seen.Length && !seen[position])
            {
                seen[position] = true;
            }
            else
            {
                Report(DiagnosticDescriptors.NotAPermutation, call.Frame, call.Arguments[0], seen.Length - 1, Value.Show(number));
                return null;
            }
        }

        return new OperatorValue(new Permutation(numbers.Select(number => (int)number).ToEquatable()));
    }

    public OperatorValue? MakeWindow(BuiltinCall call, Func<int, int, int, Operator> make)
    {
        (int size, int length, int start) = (call.Whole(0), call.Whole(1), call.Whole(2));
        if (start < 0 || (long)start + length > size)
        {
            Report(DiagnosticDescriptors.OutOfRange, call.Frame, call.Syntax, $"the window {start}..{(long)start + length}", $"a range inside 0..{size}");
            return null;
        }

        return new OperatorValue(make(size, start, length));
    }

    /// <summary>A function of tensors; of a number where it is one of numbers too, and of an operator where there are laws for that.</summary>
    public Value? Apply(TensorFunction function, BuiltinCall call) => call.Values[0] switch
    {
        NumberValue number when Builtins.NumberFunctions.Any(other => other.Symbol == function.Name) => Finite(FormulaOperator.All[function.Name].Evaluate([number.Number]), call),
        SymbolValue when Builtins.NumberFunctions.Any(other => other.Symbol == function.Name) => Context.Unrolled<Value>(),
        OperatorValue op when s_ofOperators.TryGetValue(function.Name, out var ofOperator) => ofOperator(this, op, call),
        _ => ApplyToTensors(function, call),
    };

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

    public OperatorValue? MakeReflections(BuiltinCall call)
    {
        switch (call.Values[0])
        {
            case TensorValue { Axes: 2 } rows:
                return OperatorBinder.DependsOnIndex(rows.Tensor) ? Context.Unrolled<OperatorValue>() : Compose(new Reflections(rows.Tensor), call);
            case TensorValue { Axes: 1 } vector:
                return AsRow(vector, call.Syntax, call.Frame) is { } row ? Operators.Compose(new Reflections(row.Tensor), call.Syntax, call.Frame, row) : null;
            case var value:
                Report(DiagnosticDescriptors.WrongKind, call.Frame, call.Arguments[0], "a vector to reflect along, or a tensor of 2 axes with one in each row", value.Description);
                return null;
        }
    }

    public OperatorValue? MakeGather(BuiltinCall call)
    {
        (TensorValue table, int size) = (call.Tensor(0), call.Whole(1));
        return HasPositions(table, size, call.Arguments[0], call.Frame)
            ? Operators.Compose(new Gather(table.Tensor, size), call.Syntax, call.Frame, table)
            : null;
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

    /// <summary>An activation of a value.</summary>
    public Value? Apply(Activation activation, BuiltinCall call)
    {
        if (call.Values[0] is RowValue value)
        {
            return Operators.MakeTensor(
                new AppliedTensor(EquatableArray.Of<Link>(new ActivationLink(activation)), value.Tensor, value.Tensor.Shape), call.Syntax, call.Frame, [value]);
        }

        Report(DiagnosticDescriptors.WrongKind, call.Frame, call.Arguments[0], $"a value of a layer for '{call.Syntax.Name.Text}'", call.Values[0].Description);
        return null;
    }

    private IndexedValue? ApplyToTensors(TensorFunction function, BuiltinCall call)
    {
        (CallSyntax syntax, Frame frame) = (call.Syntax, call.Frame);
        Value[] values = [.. call.Values.Take(function.Tensors.Count).Select((value, k) => value is OperatorValue op ? EntriesOf(op, call.Arguments[k], frame) ?? value : value)];
        if (Array.FindIndex(values, value => value is not (TensorValue or RowValue) && !(value is NumberValue && function.TakesNumbers)) is >= 0 and var other)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[other], $"a tensor for '{Builtins.UsageOf(function)}'", values[other].Description);
            return null;
        }

        if (function.IsRounding && values[0] is RowValue)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[0], $"a tensor of parameters for '{Builtins.UsageOf(function)}'", values[0].Description);
            return null;
        }

        if (values.OfType<IndexedValue>().FirstOrDefault() is not { } one)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[0], $"a tensor for '{Builtins.UsageOf(function)}'", values[0].Description);
            return null;
        }

        IndexedValue[] tensors = [.. values.Select(value => value as IndexedValue
            ?? new TensorValue(new FormulaTensor(one.Tensor.Shape, new FormulaNumber(((NumberValue)value).Number))))];

        double number = function.Number is null ? 0 : ((NumberValue)call.Values[function.Tensors.Count]).Number;
        EquatableArray<int>[] shapes = [.. tensors.Select(tensor => tensor.Tensor.Shape)];
        if (function.Check(shapes, number) is { } fault)
        {
            string what = fault.Argument < tensors.Length ? tensors[fault.Argument].Description : $"the number {Value.Show(number)}";
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[fault.Argument], $"{fault.Expected} for '{Builtins.UsageOf(function)}'", what);
            return null;
        }

        long length = function.Shape(shapes, number).Aggregate(1L, (product, extent) => Math.Min(int.MaxValue + 1L, product * extent));
        if (length > int.MaxValue)
        {
            Report(DiagnosticDescriptors.SizeOutOfRange, frame, syntax, $"a tensor of {length} elements or more");
            return null;
        }

        if (function == TensorFunction.Take && (tensors[1] is not TensorValue table ? RefuseTable(tensors[1]) : !HasPositions(table, shapes[0][0], call.Arguments[1], frame)))
        {
            return null;
        }

        return Operators.MakeTensor(
            function.Name switch
            {
                "inverse" => Calculus.InverseOf(tensors[0].Tensor),
                "logdet" => Calculus.LogDeterminantOf(tensors[0].Tensor),
                _ => new FunctionTensor(
                    function,
                    tensors.Select(tensor => tensor.Tensor).ToEquatable(),
                    function.Number is null ? default : EquatableArray.Of(number)),
            },
            syntax,
            frame,
            tensors);

        bool RefuseTable(Value found)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call.Arguments[1], "a table of positions: a list, or a tensor that is not trained", found.Description);
            return true;
        }
    }
}
