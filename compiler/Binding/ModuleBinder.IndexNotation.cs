using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <content>Index notation: extents of indices, and the factors of each term.</content>
internal sealed partial class ModuleBinder
{
    private const string InputName = "x";

    /// <summary>
    /// What stands at one place of an axis: an index, a sum of indices and numbers, or a place in a table. All but an index have a key of
    /// their own among the extents.
    /// </summary>
    private sealed record Digit(IndexSyntax Syntax, string Key, EquatableArray<NameSyntax> Names, TensorValue? Table)
    {
        public bool IsPlain => Syntax.IsPlain;
    }

    /// <summary>A factor with what it is: a tensor, numbers in closed form over the indices that it names, or the input.</summary>
    private sealed record BoundFactor(
        IndexFactorSyntax Syntax, TensorValue? Tensor, EquatableArray<EquatableArray<Digit>> Axes, Formula? Formula = null, EquatableArray<NameSyntax> Names = default)
    {
        public bool IsInput => Tensor is null && Formula is null;

        public IEnumerable<Digit> Digits => Axes.SelectMany(axis => axis);
    }

    private sealed record BoundTerm(double Coefficient, List<BoundFactor> Factors);

    private TensorValue? BindIndexLet(IndexLetSyntax let, Frame frame)
    {
        var extents = new IndexExtents(this, frame);
        var terms = new List<BoundTerm>();
        HashSet<string> indices = IndexNames.Of(let.Axes, let.Terms);
        if (!extents.AddResult(let.Axes, null))
        {
            return null;
        }

        foreach (IndexTermSyntax syntax in let.Terms)
        {
            if (BindTerm(syntax, false, indices, frame) is not { } term || !extents.AddTerm(terms.Count, term, 0))
            {
                return null;
            }

            terms.Add(term);
        }

        if (!extents.Solve())
        {
            return null;
        }

        Dictionary<string, IndexVariable> variables = extents.Variables(0);
        EquatableArray<EquatableArray<IndexVariable>> axes =
            let.Axes.Select(group => group.Indices.Select(index => variables[index.Name]).ToEquatable()).ToEquatable();
        long length = axes.SelectMany(group => group).Aggregate(1L, (product, index) => Math.Min(int.MaxValue + 1L, product * index.Extent));
        if (length > int.MaxValue)
        {
            Report(DiagnosticDescriptors.SizeOutOfRange, frame, let, $"a tensor of {length} elements or more");
            return null;
        }

        var products = new List<TensorProduct>();
        for (int i = 0; i < terms.Count; i++)
        {
            if (MakeFactors(terms[i], extents, i == 0 ? variables : extents.Variables(i, variables), frame) is not { } factors)
            {
                return null;
            }

            products.Add(new TensorProduct(factors, terms[i].Coefficient));
        }

        return MakeTensor(
            new EinsumTensor(axes, products.ToEquatable()), let, frame, [.. terms.SelectMany(term => term.Factors).Select(factor => factor.Tensor).OfType<TensorValue>()]);
    }

    private ChainValue? BindIndexBody(IndexBody body, Frame frame, int inputs, int outputs)
    {
        var extents = new IndexExtents(this, frame);
        var terms = new List<BoundTerm>();
        HashSet<string> indices = IndexNames.Of(body.Axes, body.Terms);
        if (!extents.AddResult(body.Axes, outputs))
        {
            return null;
        }

        foreach (IndexTermSyntax syntax in body.Terms)
        {
            if (BindTerm(syntax, true, indices, frame) is not { } term || !extents.AddTerm(terms.Count, term, inputs))
            {
                return null;
            }

            terms.Add(term);
        }

        if (!extents.Solve())
        {
            return null;
        }

        var operators = new List<Operator>();
        for (int i = 0; i < terms.Count; i++)
        {
            Dictionary<string, IndexVariable> variables = extents.Variables(i);
            BoundFactor input = terms[i].Factors.First(factor => factor.IsInput);
            if (MakeFactors(terms[i], extents, variables, frame) is not { } factors || MakePosition(input.Axes[0], extents, variables, frame) is not { } position
                || !input.Digits.All(digit => digit.Table is not { } table || HasPositions(table, extents.Of(digit), digit.Syntax, frame)))
            {
                return null;
            }

            int length = input.Axes[0].Aggregate(1, (product, digit) => checked(product * Radix(digit, extents, variables)));
            AffineIndex output = AffineIndex.Group(body.Axes.SelectMany(group => group.Indices).Select(index => variables[index.Name]));
            Operator einsum = new Einsum(output, outputs, factors, position, length, terms[i].Coefficient);
            operators.Add(input.Digits.All(digit => digit.Table is null)
                ? einsum
                : Flatten.Product([einsum, Flatten.Kronecker(input.Digits.Select(digit => Lookup(digit, extents, variables)))]));
        }

        long nodes = 1 + terms.Sum(term => term.Factors.Sum(factor => factor.Tensor?.Nodes ?? 1));
        if (nodes > MaxNodes)
        {
            Exhaust(frame, body, $"more than {MaxNodes} operations in one module");
            return null;
        }

        int depth = 2 + terms.SelectMany(term => term.Factors).Max(factor => factor.Tensor?.Depth ?? 1);
        return new ChainValue(EquatableArray.Of<Link>(new LinearLink(Flatten.Sum(operators))), inputs, outputs, nodes, depth);
    }

    /// <summary>What a digit of the input reads: itself, or by way of its table.</summary>
    private static Operator Lookup(Digit digit, IndexExtents extents, Dictionary<string, IndexVariable> variables) =>
        digit.Table is { } table ? new Gather(table.Tensor, extents.Of(digit)) : new Identity(Radix(digit, extents, variables));

    /// <summary>How many positions a digit has: those of its table, if it has one.</summary>
    private static int Radix(Digit digit, IndexExtents extents, Dictionary<string, IndexVariable> variables) =>
        digit.Table is { } table ? table.Tensor.Shape.Aggregate(1, (product, extent) => product * extent)
        : digit.IsPlain ? variables[digit.Syntax.Name].Extent
        : extents.Of(digit);

    private EquatableArray<IndexedTensor>? MakeFactors(BoundTerm term, IndexExtents extents, Dictionary<string, IndexVariable> variables, Frame frame)
    {
        var factors = new List<IndexedTensor>();
        foreach (BoundFactor factor in term.Factors.Where(factor => !factor.IsInput))
        {
            if (factor.Formula is { } formula)
            {
                IndexVariable[] own = [.. factor.Names.Select(name => variables[name.Name])];
                factors.Add(new IndexedTensor(
                    new FormulaTensor(own.Select(variable => variable.Extent).ToEquatable(), formula), own.Select(AffineIndex.Of).ToEquatable()));
                continue;
            }

            var positions = new List<AffineIndex>();
            TensorExpression tensor = factor.Tensor!.Tensor;
            for (int axis = factor.Axes.Count - 1; axis >= 0; axis--)
            {
                EquatableArray<Digit> digits = factor.Axes[axis];
                if (digits.Count == 1 && digits[0].Table is { } table)
                {
                    if (!HasPositions(table, factor.Tensor.Tensor.Shape[axis], digits[0].Syntax, frame))
                    {
                        return null;
                    }

                    tensor = Take(tensor, axis, table.Tensor);
                    positions.InsertRange(0, digits[0].Names.Select(name => AffineIndex.Of(variables[name.Name])));
                }
                else if (MakePosition(digits, extents, variables, frame) is { } position)
                {
                    positions.Insert(0, position);
                }
                else
                {
                    return null;
                }
            }

            factors.Add(new IndexedTensor(tensor, positions.ToEquatable()));
        }

        return factors.ToEquatable();
    }

    /// <summary>The parts of a tensor along an axis that a table names, with the axes of the table in place of that axis.</summary>
    private TensorExpression Take(TensorExpression tensor, int axis, TensorExpression table)
    {
        if (axis == 0)
        {
            return new FunctionTensor(TensorFunction.Take, EquatableArray.Of(tensor, table));
        }

        // Taken along the first axis, and put back in its place.
        TensorExpression taken = new FunctionTensor(TensorFunction.Take, EquatableArray.Of(Moved(tensor, axis, 1, 0), table));
        return Moved(taken, 0, table.Shape.Count, axis);
    }

    /// <summary>The same tensor with <paramref name="count"/> axes moved to another place.</summary>
    private EinsumTensor Moved(TensorExpression tensor, int from, int count, int to)
    {
        IndexVariable[] axes = [.. tensor.Shape.Select(extent => NewIndex("i", extent))];
        List<IndexVariable> moved = [.. axes];
        moved.RemoveRange(from, count);
        moved.InsertRange(to, axes.Skip(from).Take(count));
        return new EinsumTensor(
            moved.Select(index => EquatableArray.Of(index)).ToEquatable(), EquatableArray.Of(new IndexedTensor(tensor, axes.Select(AffineIndex.Of).ToEquatable())));
    }

    /// <summary>The position along an axis that its digits mean: the first varies slowest.</summary>
    private AffineIndex? MakePosition(EquatableArray<Digit> digits, IndexExtents extents, Dictionary<string, IndexVariable> variables, Frame frame)
    {
        var terms = new List<(Value, int)>();
        int stride = 1;
        foreach (Digit digit in digits.Reverse())
        {
            SymbolValue? position = digit.Table is null
                ? BindDigit(digit, Radix(digit, extents, variables), variables, frame)
                : new SymbolValue(AffineIndex.Group(digit.Names.Select(name => variables[name.Name])));
            if (position is null)
            {
                return null;
            }

            terms.Add((position, stride));
            stride = checked(stride * Radix(digit, extents, variables));
        }

        terms.Reverse();
        return SumIndices(terms)?.Index;
    }

    private SymbolValue? BindDigit(Digit digit, int extent, Dictionary<string, IndexVariable> variables, Frame frame)
    {
        if (digit.IsPlain)
        {
            return new SymbolValue(AffineIndex.Of(variables[digit.Syntax.Name]));
        }

        (bool outer, int reported) = (_mustUnroll, diagnostics.Count);
        _mustUnroll = false;
        _symbols++;
        Value? value = WithVariables(digit.Names, variables, frame, () => Bind(digit.Syntax.Value, frame));
        _symbols--;
        bool isAffine = !_mustUnroll;
        _mustUnroll = outer;
        if (value is NumberValue number && ToInteger(number.Number) is { } constant)
        {
            value = new SymbolValue(AffineIndex.Constant(constant));
        }

        if (!isAffine || (value is not (null or SymbolValue)))
        {
            diagnostics.RemoveRange(reported, diagnostics.Count - reported);
            Report(DiagnosticDescriptors.WrongKind, frame, digit.Syntax, "an index, or a sum of whole multiples of indices", $"'{frame.Show(digit.Syntax.Value)}'");
            return null;
        }

        if (value is not SymbolValue { Index: var index } symbol)
        {
            return null;
        }

        long least = index.Offset + index.Terms.Sum(term => Math.Min(0L, (long)term.Coefficient * (term.Variable.Extent - 1)));
        long most = index.Offset + index.Terms.Sum(term => Math.Max(0L, (long)term.Coefficient * (term.Variable.Extent - 1)));
        if (least < 0 || most >= extent)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, digit.Syntax, least == most ? $"{least}" : $"'{frame.Show(digit.Syntax.Value)}', from {least} to {most}", $"0 to {extent - 1}");
            return null;
        }

        return symbol;
    }

    /// <summary>Runs with indices as names in scope, which hide others.</summary>
    private static T WithVariables<T>(IEnumerable<NameSyntax> names, Dictionary<string, IndexVariable> variables, Frame frame, Func<T> run) =>
        names.FirstOrDefault() is not { } name
            ? run()
            : WithVariable(new Identifier(name.Name, name.Span), frame, set =>
            {
                set(new SymbolValue(AffineIndex.Of(variables[name.Name])));
                return WithVariables(names.Skip(1), variables, frame, run);
            });

    /// <summary>The digits of each axis, with the tables among them bound.</summary>
    private EquatableArray<EquatableArray<Digit>>? BindAxes(EquatableArray<IndexGroupSyntax> axes, HashSet<string> indices, Frame frame)
    {
        var bound = new List<EquatableArray<Digit>>();
        foreach (IndexGroupSyntax group in axes)
        {
            var digits = new List<Digit>();
            foreach (IndexSyntax index in group.Indices)
            {
                TensorValue? table = null;
                EquatableArray<NameSyntax> names = index.Value is NameSyntax own ? EquatableArray.Of(own) : default;
                if (IndexNames.OfTable(index.Value) is { } places)
                {
                    names = places;
                    table = BindTable(((PostfixSyntax)index.Value).Operand, places.Count, frame);
                    if (table is null)
                    {
                        return null;
                    }
                }
                else if (!index.IsPlain)
                {
                    names = IndexNames.In(index.Value, indices).ToEquatable();
                }

                digits.Add(new Digit(index, index.IsPlain ? "" : FormattableString.Invariant($"#{_nextIndex++}"), names, table));
            }

            bound.Add(digits.ToEquatable());
        }

        return bound.ToEquatable();
    }

    private BoundTerm? BindTerm(IndexTermSyntax term, bool hasInput, HashSet<string> indices, Frame frame)
    {
        double coefficient = term.IsNegative ? -1 : 1;
        var factors = new List<BoundFactor>();
        foreach (IndexFactorSyntax factor in term.Factors)
        {
            if (hasInput && factor.Value is NameSyntax { Name: InputName })
            {
                if (factor.IsDivisor || factor.Brackets.Count != 1 || factor.Brackets[0].Count == 0)
                {
                    Report(DiagnosticDescriptors.InputFactor, frame, factor, "expected the input with its indices, as a factor: '* x[i]'");
                    return null;
                }

                if (BindAxes(factor.Brackets[0], indices, frame) is not { } digits)
                {
                    return null;
                }

                factors.Add(new BoundFactor(factor, null, EquatableArray.Of(digits.SelectMany(axis => axis).ToEquatable())));
                continue;
            }

            if (factor.Brackets.Count == 0 && IndexNames.In(factor.Value, indices).ToEquatable() is { Count: > 0 } names)
            {
                if (BindFormula(factor.Value, names, frame) is not { } formula)
                {
                    return null;
                }

                formula = factor.IsDivisor ? new FormulaOperation(FormulaOperator.All["/"], EquatableArray.Of<Formula>(new FormulaNumber(1), formula)) : formula;
                factors.Add(new BoundFactor(factor, null, default, formula, names));
                continue;
            }

            Value? value = Bind(factor.Value, frame);
            int bracket = 0;
            if (value is FamilyValue family && factor.Brackets.Count > 0)
            {
                value = PickMember(family, factor.Brackets[0], frame);
                bracket = 1;
            }

            switch (value)
            {
                case null:
                    return null;
                case NumberValue number when factor.Brackets.Count == 0:
                    coefficient = factor.IsDivisor ? coefficient / number.Number : coefficient * number.Number;
                    break;
                case TensorValue tensor when !factor.IsDivisor && factor.Brackets.Count <= bracket + 1:
                    EquatableArray<IndexGroupSyntax> axes = factor.Brackets.Count > bracket ? factor.Brackets[bracket] : default;
                    if (axes.Count != tensor.Axes)
                    {
                        string expected = tensor.Axes switch { 0 => "no index", 1 => "1 index", _ => $"{tensor.Axes} indices separated by commas" };
                        Report(DiagnosticDescriptors.WrongKind, frame, factor, $"{expected} for {frame.Show(factor.Value)} : {tensor.Shape}", $"{axes.Count}");
                        return null;
                    }

                    if (BindAxes(axes, indices, frame) is not { } places)
                    {
                        return null;
                    }

                    factors.Add(new BoundFactor(factor, tensor, places));
                    break;
                default:
                    string kind = factor.IsDivisor ? "a number to divide by" : factor.Brackets.Count == 0 ? "a tensor or a number" : "a tensor with its indices";
                    Report(DiagnosticDescriptors.WrongKind, frame, factor, kind, value.Description);
                    return null;
            }
        }

        int found = factors.Count(factor => factor.IsInput);
        if (hasInput && found != 1)
        {
            Report(DiagnosticDescriptors.InputFactor, frame, term, $"expected the input 'x' once in every term, found it {found} times");
            return null;
        }

        if (!hasInput && factors.Count == 0)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, term, "a tensor", "only numbers");
            return null;
        }

        return Finite(coefficient, term, frame) is null ? null : new BoundTerm(coefficient, factors);
    }

    /// <summary>
    /// Numbers that depend on indices. What names no index is bound as everywhere else, to a number or a condition.
    /// </summary>
    private Formula? BindFormula(ExpressionSyntax expression, EquatableArray<NameSyntax> names, Frame frame)
    {
        if (expression is NameSyntax own && names.ToList().FindIndex(name => name.Name == own.Name) is >= 0 and var axis)
        {
            return new FormulaIndex(axis);
        }

        if (!IndexNames.In(expression, [.. names.Select(name => name.Name)]).Any())
        {
            switch (Bind(expression, frame))
            {
                case NumberValue number:
                    return new FormulaNumber(number.Number);
                case BooleanValue condition:
                    return new FormulaNumber(condition.Holds ? 1 : 0);
                case { } other:
                    Report(DiagnosticDescriptors.WrongKind, frame, expression, "a number", other.Description);
                    return null;
                default:
                    return null;
            }
        }

        switch (expression)
        {
            case NegateSyntax negate:
                return Make("-", new FormulaNumber(0), BindFormula(negate.Operand, names, frame));
            case NotSyntax not:
                return Make("not", BindFormula(not.Operand, names, frame));
            case ChainSyntax { Precedence: Precedence.Comparison } chain:
                Formula? holds = null;
                ExpressionSyntax left = chain.First;
                foreach (ChainLinkSyntax link in chain.Rest)
                {
                    Formula? condition = Make(link.Operator, BindFormula(left, names, frame), BindFormula(link.Operand, names, frame));
                    (holds, left) = (holds is null ? condition : Make("and", holds, condition), link.Operand);
                }

                return holds;
            case ChainSyntax chain:
                string conjunction = chain.Precedence switch { Precedence.Or => "or", Precedence.And => "and", _ => "" };
                return chain.Rest.Aggregate(
                    BindFormula(chain.First, names, frame),
                    (value, link) => Make(conjunction.Length > 0 ? conjunction : link.Operator, value, BindFormula(link.Operand, names, frame)));
            case CallSyntax call when FormulaOperator.All.TryGetValue(call.Name.Text, out FormulaOperator? function) && call.Arguments.Count >= function.Arity:
                return function.Arity == 1
                    ? Make(call.Name.Text, BindFormula(call.Arguments[0], names, frame))
                    : call.Arguments.Skip(1).Aggregate(
                        BindFormula(call.Arguments[0], names, frame), (value, argument) => Make(call.Name.Text, value, BindFormula(argument, names, frame)));
            default:
                return Refuse();
        }

        Formula? Make(string symbol, params Formula?[] operands) =>
            !FormulaOperator.All.TryGetValue(symbol, out FormulaOperator? found) ? Refuse()
            : operands.Any(operand => operand is null) ? null
            : new FormulaOperation(found, operands.OfType<Formula>().ToEquatable());

        Formula? Refuse()
        {
            Report(DiagnosticDescriptors.WrongKind, frame, expression, "arithmetic on numbers and indices", $"'{frame.Show(expression)}'");
            return null;
        }
    }

    private TensorValue? PickMember(FamilyValue family, EquatableArray<IndexGroupSyntax> bracket, Frame frame)
    {
        if (bracket.Count == 1 && bracket[0].Indices.Count == 1 && bracket[0].Indices[0] is { Extent: null } index)
        {
            return BindPosition(index.Value, family.Members.Count, frame) is { } member ? new TensorValue(family.Members[member]) : null;
        }

        Report(DiagnosticDescriptors.WrongKind, frame, bracket.Count > 0 ? bracket[0].Span : default, "the number of one member of the family", "several indices");
        return null;
    }

    /// <summary>
    /// Finds the extent of every index of a statement. The indices of the result are the same in all terms, others belong to
    /// their term. Each axis says that the product of its indices' extents is its length; what one axis leaves open another
    /// may settle.
    /// </summary>
    private sealed class IndexExtents(ModuleBinder binder, Frame frame)
    {
        private readonly List<(List<string> Keys, long Length, string Description, TextSpan Span)> _axes = [];
        private readonly Dictionary<string, (int Extent, string Description)> _extents = new(StringComparer.Ordinal);
        private readonly Dictionary<string, (string Name, TextSpan Span)> _first = new(StringComparer.Ordinal);
        private readonly Dictionary<int, List<(string Key, string Name)>> _own = [];
        private readonly HashSet<string> _result = new(StringComparer.Ordinal);

        /// <summary>Adds the left side.</summary>
        /// <param name="axes">Its axes.</param>
        /// <param name="length">The number of outputs, when known.</param>
        public bool AddResult(EquatableArray<IndexGroupSyntax> axes, int? length)
        {
            foreach (IndexSyntax index in axes.SelectMany(group => group.Indices))
            {
                if (!index.IsPlain)
                {
                    Report(DiagnosticDescriptors.OutputIndex, index.Span, $"expected an index of the result, found '{frame.Show(index.Value)}'");
                    return false;
                }

                if (!_result.Add(index.Name))
                {
                    Report(DiagnosticDescriptors.OutputIndex, index.Span, $"the index '{index.Name}' stands twice in the result");
                    return false;
                }
            }

            if (length is { } total && axes.Count == 0)
            {
                Report(DiagnosticDescriptors.OutputIndex, frame.Declaration!.Syntax.Name.Span, $"expected indices for the {total} outputs: 'y[i] = …'");
                return false;
            }

            Digit[] digits = [.. axes.SelectMany(group => group.Indices).Select(index => new Digit(index, "", EquatableArray.Of((NameSyntax)index.Value), null))];
            return length is { } outputs
                ? AddAxis(-1, digits, outputs, "the output", SpanOf(axes))
                : AddStated(-1, digits);
        }

        public bool AddTerm(int term, BoundTerm bound, int inputs)
        {
            var used = new HashSet<string>(StringComparer.Ordinal);
            foreach (BoundFactor factor in bound.Factors)
            {
                foreach (NameSyntax name in factor.Digits.SelectMany(digit => digit.Names).Concat(factor.Names))
                {
                    used.Add(name.Name);
                    Add(term, name);
                }

                if (!(factor.Formula is not null || (factor.IsInput ? AddInput(term, factor, inputs) : AddTensor(term, factor))))
                {
                    return false;
                }
            }

            if (_result.FirstOrDefault(name => !used.Contains(name)) is { } missing)
            {
                TextSpan span = TextSpan.FromBounds(bound.Factors[0].Syntax.Span.Start, bound.Factors[bound.Factors.Count - 1].Syntax.Span.End);
                Report(DiagnosticDescriptors.OutputIndex, span, $"the index '{missing}' of the result stands nowhere in this term; for one that is the same for each {missing} write ({missing} >= 0) * before it");
                return false;
            }

            return true;
        }

        public bool Solve()
        {
            bool isChanged = true;
            while (isChanged)
            {
                isChanged = false;
                foreach ((List<string> keys, long length, string description, TextSpan span) in _axes)
                {
                    string[] open = [.. keys.Where(key => !_extents.ContainsKey(key))];
                    long known = keys.Where(_extents.ContainsKey).Aggregate(1L, (product, key) => Math.Min(int.MaxValue + 1L, product * _extents[key].Extent));
                    if (open.Length == 1)
                    {
                        if (length % known != 0)
                        {
                            Report(DiagnosticDescriptors.ExtentConflict, span, description, length, $"its indices other than '{_first[open[0]].Name}' have {known}, which does not divide it");
                            return false;
                        }

                        _extents[open[0]] = ((int)(length / known), description);
                        isChanged = true;
                    }
                    else if (open.Length == 0 && known != length)
                    {
                        string other = keys.Count == 1
                            ? $"index '{_first[keys[0]].Name}' has extent {known} by {_extents[keys[0]].Description}"
                            : $"its indices have {string.Join(" · ", keys.Select(key => $"{_first[key].Name}:{_extents[key].Extent}"))}";
                        Report(DiagnosticDescriptors.ExtentConflict, span, description, length, other);
                        return false;
                    }
                }
            }

            foreach (KeyValuePair<string, (string Name, TextSpan Span)> index in _first)
            {
                if (!_extents.ContainsKey(index.Key))
                {
                    Report(DiagnosticDescriptors.ExtentUnknown, index.Value.Span, index.Value.Name);
                    return false;
                }
            }

            return true;
        }

        /// <summary>The indices of one term, as new variables; those of the result perhaps as another term has them.</summary>
        public Dictionary<string, IndexVariable> Variables(int term, IReadOnlyDictionary<string, IndexVariable>? shared = null)
        {
            IEnumerable<(string Key, string Name)> own = _own.TryGetValue(term, out var found) ? found : [];
            return _result.Select(name => (Key: name, Name: name)).Concat(own).ToDictionary(
                index => index.Name,
                index => shared is not null && _result.Contains(index.Key) ? shared[index.Name] : binder.NewIndex(index.Name, _extents[index.Key].Extent),
                StringComparer.Ordinal);
        }

        private static TextSpan SpanOf(EquatableArray<IndexGroupSyntax> axes) =>
            TextSpan.FromBounds(axes[0].Span.Start, axes[axes.Count - 1].Span.End);

        /// <summary>The extent of a digit that is no plain index, once all are found.</summary>
        public int Of(Digit digit) => _extents[digit.Key].Extent;

        private string Key(int term, string name) => _result.Contains(name) ? name : $"{name} {term}";

        private string Key(int term, Digit digit) => digit.IsPlain ? Key(term, digit.Syntax.Name) : digit.Key;

        private void Report(DiagnosticDescriptor descriptor, TextSpan span, params object[] arguments) =>
            binder.Report(descriptor, frame, span, arguments);

        private bool AddInput(int term, BoundFactor factor, int inputs)
        {
            string[] plain = [.. factor.Digits.Where(digit => digit.IsPlain).Select(digit => digit.Syntax.Name)];
            if (plain.Distinct(StringComparer.Ordinal).Count() < plain.Length)
            {
                Report(DiagnosticDescriptors.InputFactor, factor.Syntax.Span, "each index of the input must be a name of its own");
                return false;
            }

            return AddAxis(term, factor.Axes[0], inputs, "the input", factor.Syntax.Span);
        }

        private bool AddTensor(int term, BoundFactor factor)
        {
            EquatableArray<int> shape = factor.Tensor!.Tensor.Shape;
            for (int axis = 0; axis < factor.Axes.Count; axis++)
            {
                EquatableArray<Digit> digits = factor.Axes[axis];
                TextSpan span = TextSpan.FromBounds(digits[0].Syntax.Span.Start, digits[digits.Count - 1].Syntax.Span.End);
                string shown = frame.Show(factor.Syntax.Value);
                string written = factor.Syntax.Value is NameSyntax name && frame.WrittenShapes.TryGetValue(name.Name, out string? shape0) ? $"{shown}{shape0}" : shown;
                string[] plain = [.. digits.Where(digit => digit.IsPlain).Select(digit => digit.Syntax.Name)];
                if (plain.Distinct(StringComparer.Ordinal).Count() < plain.Length)
                {
                    Report(DiagnosticDescriptors.OutputIndex, span, "an index stands twice in one axis");
                    return false;
                }

                if (digits.Count > 1 && digits.Any(digit => digit.Table is not null))
                {
                    Report(DiagnosticDescriptors.OutputIndex, span, "a table of positions in a tensor stands alone on its axis");
                    return false;
                }

                if (!AddAxis(term, digits, shape[axis], $"axis {axis} of {written}", span))
                {
                    return false;
                }
            }

            return true;
        }

        private bool AddAxis(int term, IReadOnlyList<Digit> digits, int length, string description, TextSpan span)
        {
            _axes.Add(([.. digits.Select(digit => Key(term, digit))], length, description, span));
            return AddStated(term, digits);
        }

        /// <summary>Makes an index known, by where it stands first.</summary>
        private string Add(int term, NameSyntax name)
        {
            string key = Key(term, name.Name);
            if (!_first.ContainsKey(key))
            {
                _first.Add(key, (name.Name, name.Span));
                if (key != name.Name)
                {
                    if (!_own.TryGetValue(term, out var own))
                    {
                        _own.Add(term, own = []);
                    }

                    own.Add((key, name.Name));
                }
            }

            return key;
        }

        /// <summary>Adds what digits say of themselves: a stated extent, and the shape of a table.</summary>
        private bool AddStated(int term, IReadOnlyList<Digit> digits)
        {
            foreach (Digit digit in digits)
            {
                IndexSyntax index = digit.Syntax;
                string key = digit.IsPlain ? Add(term, (NameSyntax)index.Value) : digit.Key;
                if (!digit.IsPlain && !_first.ContainsKey(key))
                {
                    _first.Add(key, (frame.Show(index.Value), index.Span));
                }

                for (int axis = 0; digit.Table is { } table && axis < digit.Names.Count; axis++)
                {
                    NameSyntax name = digit.Names[axis];
                    _axes.Add(([Add(term, name)], table.Tensor.Shape[axis], $"axis {axis} of {frame.Show(((PostfixSyntax)index.Value).Operand)}", name.Span));
                }

                if (index.Extent is null)
                {
                    continue;
                }

                if (binder.BindSize(index.Extent, frame) is not { } extent)
                {
                    return false;
                }

                _axes.Add(([key], extent, $"'{frame.Show(index)}'", index.Span));
            }

            return true;
        }
    }
}
