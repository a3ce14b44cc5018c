using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Binds expressions: numbers, lists, conditions, parts of tensors, repetitions, and what holds operators together.</summary>
internal sealed class ExpressionBinder(BindingContext context) : Binder(context)
{
    private Func<ExpressionSyntax, Frame, Value?>? _step;

    public Value? Bind(ExpressionSyntax expression, Frame frame) => Context.Guarded(frame, expression, _step ??= BindStep);

    private Value? BindStep(ExpressionSyntax expression, Frame frame) => expression switch
    {
        NumberSyntax number => new NumberValue(number.Value),
        NameSyntax name => BindName(name, frame),
        CallSyntax call => ChainBinder.DeclarationOf(call, frame) is not null ? BindInstance(call, frame) : Builtin.BindBuiltin(call, frame),
        FrozenSyntax frozen => BindFrozen(frozen, frame),
        BlockSyntax block => BindBlock(block, frame),
        RepeatSyntax repeat => BindRepeat(repeat, frame),
        NegateSyntax negate => Bind(negate.Operand, frame) is { } value ? Operators.Scale(-1, value, negate.Operand, negate, frame) : null,
        NotSyntax not => BindCondition(not.Operand, frame) is { } holds ? new BooleanValue(!holds) : null,
        ConditionalSyntax => Taken(expression, frame) is { } taken ? Bind(taken, frame) : null,
        PostfixSyntax postfix => BindPostfix(postfix, frame),
        ChainSyntax chain => BindOperation(chain, frame),
        CompositionSyntax chain => Modules.ReportChain(chain, frame),
        _ => null,
    };

    private Value? BindName(NameSyntax name, Frame frame)
    {
        if (frame.Locals.TryGetValue(name.Name, out Value? local))
        {
            return local;
        }

        Declaration? declaration = frame.Scope.Find(name.Name).FirstOrDefault();
        if (declaration is null && Builtins.Constants.TryGetValue(name.Name, out double constant))
        {
            return new NumberValue(constant);
        }

        return declaration?.Syntax is BankSyntax ? Tensors.BindBank(declaration, frame, name) : BindInstance(name, frame);
    }

    private Value? BindInstance(ExpressionSyntax call, Frame frame)
    {
        // What is instantiated in a repetition belongs to one turn of it: each has parameters of its own.
        if (Context.Symbols > 0)
        {
            Context.MustUnroll = true;
            return null;
        }

        return ChainBinder.DeclarationOf(call, frame) is { } declaration ? Chains.BindCall(call, frame, Context.UniquePrefix(frame, declaration.Name)) : null;
    }

    private Value? BindFrozen(FrozenSyntax frozen, Frame frame) => Chains.FrozenFrame(frozen, frame) is { } part ? Bind(frozen.Operand, part) : null;

    private Value? BindOperation(ChainSyntax chain, Frame frame) => chain.Precedence switch
    {
        Precedence.Or => BindConditions(chain, frame) is { } any ? new BooleanValue(any.Any(holds => holds)) : null,
        Precedence.And => BindConditions(chain, frame) is { } all ? new BooleanValue(all.All(holds => holds)) : null,
        Precedence.Comparison => BindComparison(chain, frame),
        Precedence.Additive => Operators.BindSum(chain, frame),
        Precedence.Multiplicative => Operators.BindProduct(chain, frame),
        Precedence.Power => Operators.BindPower(chain, frame),
        _ => Operators.BindOperators(chain.Rest.Select(link => link.Operand).Prepend(chain.First), frame) is { } operands
            ? chain.Precedence == Precedence.Kronecker ? Operators.MakeKronecker(operands, chain, frame) : Operators.MakeDirectSum(operands, chain, frame)
            : null,
    };

    /// <summary>What a choice comes to, which is bound in its place; anything else is itself.</summary>
    public ExpressionSyntax? Taken(ExpressionSyntax expression, Frame frame)
    {
        while (expression is ConditionalSyntax choice)
        {
            if (BindCondition(choice.Condition, frame) is not { } holds)
            {
                return null;
            }

            expression = holds ? choice.Then : choice.Else;
        }

        return expression;
    }

    public bool? BindCondition(ExpressionSyntax expression, Frame frame)
    {
        Value? value = Bind(expression, frame);
        if (value is null or BooleanValue)
        {
            return (value as BooleanValue)?.Holds;
        }

        Report(DiagnosticDescriptors.WrongKind, frame, expression, "a condition", value.Description);
        return null;
    }

    private List<bool>? BindConditions(ChainSyntax chain, Frame frame)
    {
        var conditions = new List<bool>();
        foreach (ExpressionSyntax operand in chain.Rest.Select(link => link.Operand).Prepend(chain.First))
        {
            if (BindCondition(operand, frame) is not { } holds)
            {
                return null;
            }

            conditions.Add(holds);
        }

        return conditions;
    }

    /// <summary><c>1 &lt; r &lt;= n</c> means what it means on paper.</summary>
    private BooleanValue? BindComparison(ChainSyntax chain, Frame frame)
    {
        bool holds = true;
        if (BindNumber(chain.First, frame) is not { } left)
        {
            return null;
        }

        foreach (ChainLinkSyntax link in chain.Rest)
        {
            if (BindNumber(link.Operand, frame) is not { } right)
            {
                return null;
            }

            holds &= link.Operator switch
            {
                "==" => left.Equals(right),
                "!=" => !left.Equals(right),
                "<" => left < right,
                "<=" => left <= right,
                ">" => left > right,
                _ => left >= right,
            };
            left = right;
        }

        return new BooleanValue(holds);
    }

    public double? BindNumber(ExpressionSyntax expression, Frame frame)
    {
        Value? value = Bind(expression, frame);
        switch (value)
        {
            case NumberValue number:
                return number.Number;
            case SymbolValue:
                Context.MustUnroll = true;
                return null;
            case null:
                return null;
            default:
                Report(DiagnosticDescriptors.WrongKind, frame, expression, "a number", value.Description);
                return null;
        }
    }

    public int? BindInteger(ExpressionSyntax expression, Frame frame)
    {
        if (BindNumber(expression, frame) is not { } number)
        {
            return null;
        }

        if (ToInteger(number) is { } integer)
        {
            return integer;
        }

        ReportFraction(expression, number, frame);
        return null;
    }

    private void ReportFraction(ExpressionSyntax expression, double number, Frame frame)
    {
        bool isPart = expression is ChainSyntax { Precedence: Precedence.Power } && Math.Abs(number) < 1;
        Report(DiagnosticDescriptors.NotAnInteger, frame, expression, Evaluated(expression, number, frame) + (isPart ? ": a part of a size is written n / 2^k, without a negative exponent" : ""));
    }

    /// <summary>A whole number from 1.</summary>
    public int? BindSize(ExpressionSyntax expression, Frame frame)
    {
        if (BindNumber(expression, frame) is not { } number)
        {
            return null;
        }

        if (Math.Floor(number) != number)
        {
            ReportFraction(expression, number, frame);
            return null;
        }

        if (number is < 1 or > int.MaxValue)
        {
            Report(DiagnosticDescriptors.SizeOutOfRange, frame, expression, Evaluated(expression, number, frame));
            return null;
        }

        return (int)number;
    }

    public static int? ToInteger(double number) => Math.Floor(number) == number && Math.Abs(number) <= int.MaxValue ? (int)number : null;

    private static string Evaluated(ExpressionSyntax expression, double number, Frame frame) =>
        frame.Show(expression) is var written && (expression is NumberSyntax || written == Value.Show(number)) ? written : $"{written} = {Value.Show(number)}";

    public ListValue? BindList(ExpressionSyntax expression, Frame frame)
    {
        Value? value = Bind(expression, frame);
        if (value is not (null or ListValue))
        {
            Report(DiagnosticDescriptors.WrongKind, frame, expression, "a list of numbers", value.Description);
        }

        return value as ListValue;
    }

    private Value? BindBlock(BlockSyntax block, Frame frame)
    {
        var rows = new List<List<(ExpressionSyntax Syntax, Value Value)>>();
        foreach (EquatableArray<ExpressionSyntax> row in block.Rows)
        {
            var values = new List<(ExpressionSyntax, Value)>();
            foreach (ExpressionSyntax item in row)
            {
                if (Bind(item, frame) is not { } value)
                {
                    return null;
                }

                values.Add((item, value));
            }

            rows.Add(values);
        }

        if (rows.Count == 1 && rows[0].All(item => item.Value is NumberValue or SymbolValue))
        {
            if (rows[0].Any(item => item.Value is SymbolValue))
            {
                Context.MustUnroll = true;
                return null;
            }

            if (rows[0].Count > BindingContext.MaxListed)
            {
                Exhaust(frame, block, $"a list of {rows[0].Count} numbers, where the limit is {BindingContext.MaxListed}: what has a rule can be written as a formula of its index, and other numbers are a frozen tensor");
                return null;
            }

            return new ListValue(rows[0].Select(item => ((NumberValue)item.Value).Number).ToEquatable());
        }

        var stacked = new List<Operand>();
        foreach (List<(ExpressionSyntax Syntax, Value Value)> row in rows)
        {
            var operands = new List<Operand>();
            foreach ((ExpressionSyntax syntax, Value value) in row)
            {
                if (Operators.ToOperator(value, syntax, frame) is not { } operand)
                {
                    return null;
                }

                operands.Add(new Operand(syntax, operand));
            }

            if (Operators.MakeHorizontal(operands, block, frame) is not { } stack)
            {
                return null;
            }

            stacked.Add(operands.Count == 1 ? operands[0] : new Operand(row[0].Syntax, stack, "the row of "));
        }

        return Operators.MakeVertical(stacked, block, frame);
    }

    private Value? BindPostfix(PostfixSyntax postfix, Frame frame)
    {
        Value? value = Bind(postfix.Operand, frame);
        ExpressionSyntax shown = postfix.Operand;
        foreach (SuffixSyntax suffix in postfix.Suffixes)
        {
            if (value is null)
            {
                return null;
            }

            value = suffix is SliceSuffix slice
                ? Slice(value, shown, slice, frame)
                : Operators.ToOperator(value, shown, frame) is { } operand ? Operators.Compose(OperatorBinder.MakeTranspose(operand.Operator), suffix, frame, operand) : null;
            shown = postfix with { Span = TextSpan.FromBounds(postfix.Span.Start, suffix.Span.End) };
        }

        return value;
    }

    private Value? Slice(Value value, ExpressionSyntax source, SliceSuffix slice, Frame frame)
    {
        switch (value)
        {
            case ListValue list when slice.Items.Count == 1:
                return SliceList(list, slice.Items[0], frame);
            case FamilyValue family when slice.Items.Count == 1 && slice.Items[0] is { Start: { } position, End: null }:
                return BindPosition(position, family.Members.Count, frame) is { } member ? new TensorValue(family.Members[member]) : null;
            case IndexedValue tensor when slice.Items.Count <= tensor.Axes:
                return SliceTensor(tensor, slice, frame);
            case IndexedValue tensor:
                Report(DiagnosticDescriptors.WrongAxes, frame, slice, $"{frame.Show(source)}{frame.Show(slice)}", $"{slice.Items.Count} axes", tensor.Shape);
                return null;
            default:
                Report(DiagnosticDescriptors.WrongKind, frame, source, "a tensor or a list to take a part of", value.Description);
                return null;
        }
    }

    private Value? SliceList(ListValue list, SliceItemSyntax item, Frame frame)
    {
        if (!Spend(list.Numbers.Count, frame, item))
        {
            return null;
        }

        if (item.Start is null)
        {
            return list;
        }

        if (item.End is null)
        {
            return BindPosition(item.Start, list.Numbers.Count, frame) is { } position ? new NumberValue(list.Numbers[position]) : null;
        }

        return BindRange(item, list.Numbers.Count, 0, frame) is { } range
            ? new ListValue(list.Numbers.Skip(range.Start).Take(range.Length).ToEquatable())
            : null;
    }

    private IndexedValue? SliceTensor(IndexedValue value, SliceSuffix slice, Frame frame)
    {
        EquatableArray<int> shape = value.Tensor.Shape;
        var axes = new List<SliceAxis>();
        for (int i = 0; i < shape.Count; i++)
        {
            SliceItemSyntax? item = i < slice.Items.Count ? slice.Items[i] : null;
            SliceAxis? axis = item switch
            {
                null or { Start: null } => new RangeAxis(0, shape[i]),
                { End: null } => BindIndex(item.Start, shape[i], frame) is { } index ? new PointAxis(index) : null,
                _ => BindRange(item, shape[i], 1, frame) is { } range ? new RangeAxis(range.Start, range.Length) : null,
            };
            if (axis is null)
            {
                return null;
            }

            axes.Add(axis);
        }

        bool isWhole = axes.Select((axis, i) => axis is RangeAxis range && range.Length == shape[i]).All(whole => whole);
        return isWhole ? value : value with { Tensor = new SliceTensor(value.Tensor, axes.ToEquatable()), Nodes = value.Nodes + 1, Depth = value.Depth + 1 };
    }

    private (int Start, int Length)? BindRange(SliceItemSyntax item, int count, int minimum, Frame frame)
    {
        if (BindInteger(item.Start!, frame) is not { } start || BindInteger(item.End!, frame) is not { } end)
        {
            return null;
        }

        if (start >= 0 && end <= count && end - start >= minimum)
        {
            return (start, end - start);
        }

        string expected = minimum > 0 ? $"a range inside 0..{count} that is not empty" : $"a range inside 0..{count}";
        Report(DiagnosticDescriptors.OutOfRange, frame, item, $"{start}..{end}", expected);
        return null;
    }

    public int? BindPosition(ExpressionSyntax expression, int count, Frame frame)
    {
        if (BindInteger(expression, frame) is not { } position)
        {
            return null;
        }

        if (position >= 0 && position < count)
        {
            return position;
        }

        Report(DiagnosticDescriptors.OutOfRange, frame, expression, Evaluated(expression, position, frame), $"0 to {count - 1}");
        return null;
    }

    /// <summary>A position along an axis, which may depend on the indices of enclosing repetitions.</summary>
    private AffineIndex? BindIndex(ExpressionSyntax expression, int extent, Frame frame)
    {
        if (Context.Symbols == 0)
        {
            return BindPosition(expression, extent, frame) is { } position ? AffineIndex.Constant(position) : null;
        }

        Value? value = Bind(expression, frame);
        if (value is NumberValue { Number: var number } && ToInteger(number) is { } constant && constant >= 0 && constant < extent)
        {
            return AffineIndex.Constant(constant);
        }

        if (value is SymbolValue { Index: var index })
        {
            long low = index.Offset, high = index.Offset;
            foreach ((IndexVariable variable, int coefficient) in index.Terms)
            {
                long reach = (long)coefficient * (variable.Extent - 1);
                low += Math.Min(reach, 0);
                high += Math.Max(reach, 0);
            }

            if (low >= 0 && high < extent)
            {
                return index;
            }
        }

        // Unrolled, a mistake is reported with the value that it has.
        Context.MustUnroll = true;
        return null;
    }

    private Value? BindRepeat(RepeatSyntax repeat, Frame frame)
    {
        if (BindSize(repeat.Count, frame) is not { } count)
        {
            return null;
        }

        IndexedKind? kind = repeat.Combinator switch
        {
            "sum" => IndexedKind.Sum,
            "dirsum" => IndexedKind.DirectSum,
            "hstack" => IndexedKind.HorizontalStack,
            "vstack" => IndexedKind.VerticalStack,
            _ => null,
        };
        if (kind is { } found)
        {
            (bool isUniform, Value? value) = BindUniform(repeat, found, count, frame);
            if (isUniform)
            {
                return value;
            }
        }

        return BindUnrolled(repeat, count, frame);
    }

    /// <summary>Tries to keep a repetition as one node, with its index left open.</summary>
    private (bool IsUniform, Value? Value) BindUniform(RepeatSyntax repeat, IndexedKind kind, int count, Frame frame)
    {
        IndexVariable index = Context.NewIndex(repeat.Variable.Text, count);
        int reported = Context.Diagnostics.Count;
        bool outer = Context.MustUnroll;
        Context.MustUnroll = false;
        Context.Symbols++;
        OperatorValue? body = BindingContext.WithVariable(repeat.Variable, frame, variable =>
        {
            variable(new SymbolValue(AffineIndex.Of(index)));
            return Bind(repeat.Body, frame) switch
            {
                null => null,
                NumberValue or SymbolValue => Context.Unrolled<OperatorValue>(),
                { } value => Operators.ToOperator(value, repeat.Body, frame),
            };
        });
        Context.Symbols--;
        bool mustUnroll = Context.MustUnroll;
        Context.MustUnroll = outer;
        if (mustUnroll)
        {
            Context.Diagnostics.RemoveRange(reported, Context.Diagnostics.Count - reported);
            return (false, null);
        }

        if (body is null)
        {
            return (true, null);
        }

        bool growsRows = kind is IndexedKind.DirectSum or IndexedKind.VerticalStack;
        bool growsColumns = kind is IndexedKind.DirectSum or IndexedKind.HorizontalStack;
        long rows = (long)body.Operator.Rows * (growsRows ? count : 1);
        long columns = (long)body.Operator.Columns * (growsColumns ? count : 1);
        return (true, Context.Fits(rows, columns, repeat, frame) ? Operators.Compose(new Indexed(kind, index, body.Operator), repeat, frame, body) : null);
    }

    private Value? BindUnrolled(RepeatSyntax repeat, int count, Frame frame)
    {
        if (count > BindingContext.MaxWork)
        {
            Exhaust(frame, repeat, $"more than {BindingContext.MaxWork} repetitions");
            return null;
        }

        var values = new List<Value>();
        bool isBound = BindingContext.WithVariable(repeat.Variable, frame, variable =>
        {
            for (int i = 0; i < count; i++)
            {
                variable(new NumberValue(i));
                if (Bind(repeat.Body, frame) is not { } value)
                {
                    return false;
                }

                values.Add(value);
            }

            return true;
        });
        if (!isBound)
        {
            return null;
        }

        if (values.All(value => value is NumberValue) && repeat.Combinator is "sum" or "product")
        {
            IEnumerable<double> numbers = values.Cast<NumberValue>().Select(value => value.Number);
            return Context.Finite(repeat.Combinator == "sum" ? numbers.Sum() : numbers.Aggregate(1.0, (a, b) => a * b), repeat, frame);
        }

        var operands = new List<Operand>();
        foreach (Value value in values)
        {
            if (Operators.ToOperator(value, repeat.Body, frame) is not { } operand)
            {
                return null;
            }

            operands.Add(new Operand(repeat.Body, operand, $"({repeat.Variable.Text} = {operands.Count}) "));
        }

        return repeat.Combinator switch
        {
            "sum" => Operators.MakeSum(operands, repeat, frame),
            "product" => Operators.MakeProduct(operands, repeat, frame),
            "kron" => Operators.MakeKronecker(operands, repeat, frame),
            "dirsum" => Operators.MakeDirectSum(operands, repeat, frame),
            "hstack" => Operators.MakeHorizontal(operands, repeat, frame),
            _ => Operators.MakeVertical(operands, repeat, frame),
        };
    }
}
