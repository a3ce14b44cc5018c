using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Binds index notation.</summary>
internal sealed class IndexBinder(BindingContext context) : Binder(context)
{
    /// <summary>What a layer is given, and an operator in index notation.</summary>
    public const string InputName = "x";

    public Value? BindIndexLet(IndexLetSyntax let, Frame frame)
    {
        IndexedValue? value = BindDefinition(let.Axes, let.Terms, let.Adds, let, null, null, frame);
        if (value is null || !IsPositionLet(let, frame.IsPositions))
        {
            return value;
        }

        // Arithmetic on positions, which is positions again.
        if (value.Tensor is EinsumTensor { Terms: { Count: 1 } terms } && terms[0].Factors[0].Tensor is PositionTensor positions && RangeOf(positions, frame) is { Least: >= 0, Most: < int.MaxValue and var most })
        {
            return new PositionsValue(positions, (int)most + 1, value.Nodes, value.Depth);
        }

        Report(
            DiagnosticDescriptors.WrongKind, frame, let.Terms[0], "whole numbers from 0 on, by + - * % and floor, min, max and hash of positions, indices and whole numbers", $"'{frame.Show(let.Terms[0])}'");
        return null;
    }

    /// <summary>Whether a definition is arithmetic on positions by data and nothing else.</summary>
    public static bool IsPositionLet(IndexLetSyntax let, Func<string, bool>? isPositions) => !let.Adds
        && let.Axes.All(axis => axis.Indices.Count == 1 && axis.Indices[0].IsPlain)
        && let.Terms.Count == 1 && let.Terms[0] is { IsNegative: false, Factors: { Count: 1 } factors }
        && factors[0] is { Brackets.Count: <= 1, Value: var value }
        && isPositions is not null
        && (factors[0].Brackets.Count == 0 ? IndexNames.Positions(value, isPositions).Any() : value is NameSyntax name && isPositions(name.Name));

    /// <summary>Binds a tensor that terms define.</summary>
    /// <param name="groups">The left side.</param>
    /// <param name="sum">The right side.</param>
    /// <param name="adds">Whether it is written so that terms add at positions.</param>
    /// <param name="node">The whole definition, which diagnostics point at.</param>
    /// <param name="elements">The number of the tensor's elements, where it is known.</param>
    /// <param name="shape">The tensor's shape, where it is known.</param>
    /// <param name="frame">The instance that it stands in.</param>
    private IndexedValue? BindDefinition(
        EquatableArray<IndexGroupSyntax> groups, EquatableArray<IndexTermSyntax> sum, bool adds, SyntaxNode node, int? elements, EquatableArray<int>? shape, Frame frame)
    {
        var extents = new IndexExtents(Context, frame);
        var terms = new List<BoundTerm>();
        HashSet<string> indices = IndexNames.Of(groups, sum, frame.IsPositions);
        if (BindAxes(groups, indices, frame) is not { } places || !extents.AddResult(groups, places, elements, node, shape))
        {
            return null;
        }

        bool scatters = places.Any(axis => axis.Any(digit => digit.IsByData));
        if (scatters != adds)
        {
            Report(DiagnosticDescriptors.OutputIndex, frame, node, scatters
                ? "what goes to one position is added up: write '+=' where a position by data is on the left"
                : "'+=' is for positions by data on the left: write '=', which sums over every index that is not on the left");
            return null;
        }

        foreach (IndexTermSyntax syntax in sum)
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
        PositionedAxes? target = null;
        if (scatters && (target = Position(places, extents, variables, frame)) is null)
        {
            return null;
        }

        EquatableArray<EquatableArray<IndexVariable>> axes = target is null
            ? groups.Select(group => group.Indices.Select(index => variables[index.Name]).ToEquatable()).ToEquatable()
            : target.Axes.Select(index => EquatableArray.Of(index)).ToEquatable();
        long length = axes.SelectMany(group => group).Aggregate(1L, (product, index) => Math.Min(int.MaxValue + 1L, product * index.Extent));
        if (length > int.MaxValue)
        {
            Report(DiagnosticDescriptors.SizeOutOfRange, frame, node, $"a tensor of {length} elements or more");
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

        TensorExpression made = new EinsumTensor(axes, products.ToEquatable());
        if (target is not null)
        {
            EquatableArray<int> extentsOfResult = shape ?? places.Select(axis => axis.Aggregate(1, (product, digit) => checked(product * Radix(digit, extents, variables)))).ToEquatable();
            made = new GatherTensor(made, target.Positions, target.Outer, target.Inner, extentsOfResult, Transposed: true);
        }

        bool isPerRow = target is not null || (frame.IsPositions is not null && terms.Exists(term => term.Factors.Exists(factor => factor.IsByData)));
        return Operators.MakeTensor(made, node, frame, [.. terms.SelectMany(term => term.Factors).Select(factor => factor.Tensor).OfType<IndexedValue>()], isPerRow: isPerRow);
    }

    /// <summary>Binds index notation for each output that has a name; several of them lie one behind the other.</summary>
    public ChainValue? BindResults(ResultsBody body, Frame frame, int inputs, int outputs)
    {
        IndexedValue? all = null;
        foreach (Port output in frame.Outputs)
        {
            IndexBody result = body.Results.First(result => result.Result.Text == output.Name);
            if (BindDefinition(result.Axes, result.Terms, result.Adds, result, null, output.Shape, frame) is not { } value)
            {
                return null;
            }

            IndexedValue? flat = frame.Outputs.Count == 1 ? value : Operators.Flattened(value, result, frame);
            all = all is null || flat is null
                ? flat
                : Operators.MakeTensor(
                    new FunctionTensor(TensorFunction.All["concat"], EquatableArray.Of(all.Tensor, flat.Tensor), EquatableArray.Of(0.0)), result, frame, [all, flat]);
            if (all is null)
            {
                return null;
            }
        }

        if (all is not RowValue)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, body, "a value", all!.Description);
            return null;
        }

        return new ChainValue(EquatableArray.Of<Link>(new ValueLink(all.Tensor)), inputs, outputs, all.Nodes, all.Depth + 1) { Takes = frame.Inputs };
    }

    /// <summary>The axes of a tensor, one for each index, of which consecutive ones have positions by data in their place.</summary>
    /// <param name="Axes">The indices: of the axes before, of the positions, and of those behind.</param>
    /// <param name="Positions">The positions, over their indices.</param>
    /// <param name="Outer">Elements of the axes before.</param>
    /// <param name="Inner">Elements of those behind.</param>
    private sealed record PositionedAxes(IReadOnlyList<IndexVariable> Axes, TensorExpression Positions, int Outer, int Inner);

    /// <summary>
    /// The positions that the axes of a tensor have. Those by data, what shares an index with them, and whatever is no index alone become one
    /// position along the axes from the first to the last of these: only what is read is touched, and no index twice.
    /// </summary>
    private PositionedAxes? Position(EquatableArray<EquatableArray<Digit>> axes, IndexExtents extents, Dictionary<string, IndexVariable> variables, Frame frame)
    {
        Digit[] digits = [.. axes.SelectMany(axis => axis)];
        int[] radices = [.. digits.Select(digit => Radix(digit, extents, variables))];
        HashSet<string> names = new(digits.Where(digit => digit.IsByData).SelectMany(digit => digit.Names).Select(name => name.Name), StringComparer.Ordinal);
        bool IsMoved(Digit digit) => !digit.IsPlain || names.Contains(digit.Syntax.Name);
        (int first, int last) = (Array.FindIndex(digits, IsMoved), Array.FindLastIndex(digits, IsMoved));
        Digit[] moved = [.. digits.Skip(first).Take(last - first + 1)];

        // In the order of the result, but for positions that are read as they stand.
        HashSet<IndexVariable> used = [.. moved.SelectMany(digit => digit.Names).Select(name => variables[name.Name])];
        IndexVariable[]? read = moved.Length == 1 && moved[0] is { Reads.Count: 1, Syntax.Value: PostfixSyntax } alone
            && alone.Reads[0].Places.Select(place => (place.Start as NameSyntax)?.Name).ToList() is var places
            && places.All(name => name is not null && variables.ContainsKey(name)) && places.Distinct().Count() == places.Count
                ? [.. places.Select(name => variables[name!])]
                : null;
        IndexVariable[] own = read ?? [.. variables.Values.Where(used.Contains)];
        if (moved.FirstOrDefault(digit => digit.Table is not null) is { } table)
        {
            Report(DiagnosticDescriptors.OutputIndex, frame, table.Syntax, "a table stands beside positions by data: read the tensor by the table in a 'let' first");
            return null;
        }

        var sources = new List<IndexedTensor>();
        Formula? position = null;
        for (int k = first; k <= last; k++)
        {
            if (BindPositions(digits[k].Syntax.Value, own, sources, variables, frame) is not { } formula)
            {
                return null;
            }

            PositionRange? range = RangeOf(new PositionTensor(own.ToEquatable(), sources.ToEquatable(), formula), frame);
            if (range is not { } within)
            {
                Report(DiagnosticDescriptors.WrongKind, frame, digits[k].Syntax, "whole numbers, by + - * % and floor, min, max and hash of positions, indices and whole numbers", $"'{frame.Show(digits[k].Syntax.Value)}'");
                return null;
            }

            if (!within.IsBelow(radices[k]))
            {
                Report(
                    DiagnosticDescriptors.OutOfRange, frame, digits[k].Syntax, $"'{frame.Show(digits[k].Syntax.Value)}', from {Value.Show(within.Least)} to {Value.Show(within.Most)}", $"0 to {radices[k] - 1}");
                return null;
            }

            position = position is null ? formula : Formula.Of("+", Formula.Of("*", position, new FormulaNumber(radices[k])), formula);
        }

        TensorExpression positions = read is null ? new PositionTensor(own.ToEquatable(), sources.ToEquatable(), position!) : moved[0].Reads[0].Value.Tensor;
        return new PositionedAxes(
            [.. Plain(digits.Take(first)), .. own, .. Plain(digits.Skip(last + 1))],
            positions,
            radices.Take(first).Aggregate(1, (product, radix) => checked(product * radix)),
            radices.Skip(last + 1).Aggregate(1, (product, radix) => checked(product * radix)));

        IEnumerable<IndexVariable> Plain(IEnumerable<Digit> plain) => plain.Select(digit => variables[digit.Syntax.Name]);
    }

    /// <summary>The range of positions that inputs, or arithmetic on these, hold; null where they need not be whole.</summary>
    private static PositionRange? RangeOf(TensorExpression tensor, Frame frame) => tensor switch
    {
        PositionTensor positions => PositionRange.Of(positions.Formula, axis => axis < positions.Axes.Count
            ? PositionRange.Below(positions.Axes[axis].Extent)
            : RangeOf(positions.Sources[axis - positions.Axes.Count].Tensor, frame)),
        _ => frame.Locals.Values.OfType<PositionsValue>().FirstOrDefault(value => ReferenceEquals(value.Tensor, tensor)) is { } input ? PositionRange.Below(input.Size) : null,
    };

    /// <summary>A formula that may read positions by data, once all extents are known.</summary>
    /// <param name="expression">The formula.</param>
    /// <param name="own">The indices that it is over.</param>
    /// <param name="sources">The positions that the formula reads; added to.</param>
    /// <param name="variables">All indices of the statement, by name.</param>
    /// <param name="frame">The instance that it stands in.</param>
    private Formula? BindPositions(ExpressionSyntax expression, IndexVariable[] own, List<IndexedTensor> sources, Dictionary<string, IndexVariable> variables, Frame frame) =>
        BindFormula(expression, [.. own.Select(index => index.Name)], frame, read =>
        {
            var places = new List<AffineIndex>();
            foreach ((SliceItemSyntax place, int extent) in read.Places.Zip(read.Value.Tensor.Shape, (place, extent) => (place, extent)))
            {
                if (BindPlace(place.Start!, place, IndexNames.In(place.Start!, variables.Keys), extent, variables, frame) is not { } at)
                {
                    return null;
                }

                places.Add(at.Index);
            }

            sources.Add(new IndexedTensor(read.Value.Tensor, places.ToEquatable()));
            return new FormulaIndex(own.Length + sources.Count - 1);
        });

    /// <summary>The positions by data that an expression reads; null where one is read in another way than by its indices.</summary>
    private EquatableArray<PositionRead>? BindReads(ExpressionSyntax expression, Frame frame)
    {
        if (frame.IsPositions is null)
        {
            return EquatableArray<PositionRead>.Empty;
        }

        var reads = new List<PositionRead>();
        foreach ((PostfixSyntax syntax, NameSyntax name, EquatableArray<SliceItemSyntax> places) in IndexNames.Positions(expression, frame.IsPositions))
        {
            var value = (PositionsValue)frame.Locals[name.Name];
            if (places.Count != value.Tensor.Shape.Count || places.Any(place => place.Start is null || place.End is not null))
            {
                string expected = value.Tensor.Shape.Count == 1 ? "1 index" : $"{value.Tensor.Shape.Count} indices separated by commas";
                Report(DiagnosticDescriptors.WrongKind, frame, syntax, $"{expected} for {name.Name} : [{string.Join(", ", value.Tensor.Shape)}]", $"'{frame.Show(syntax)}'");
                return null;
            }

            reads.Add(new PositionRead(syntax, value, places));
        }

        return reads.ToEquatable();
    }

    public ChainValue? BindIndexBody(IndexBody body, Frame frame, int inputs, int outputs)
    {
        if (frame.Inputs.Count > 0 || body.Adds || !IsLinear(body, frame))
        {
            return BindDefinition(body.Axes, body.Terms, body.Adds, body, outputs, null, frame) is { } value
                ? new ChainValue(EquatableArray.Of<Link>(new ValueLink(value.Tensor)), inputs, outputs, value.Nodes, value.Depth + 1) { Takes = frame.Inputs }
                : null;
        }

        var extents = new IndexExtents(Context, frame);
        var terms = new List<BoundTerm>();
        HashSet<string> indices = IndexNames.Of(body.Axes, body.Terms, frame.IsPositions);
        if (BindAxes(body.Axes, indices, frame) is not { } places || !extents.AddResult(body.Axes, places, outputs, body))
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
                || !input.Digits.All(digit => digit.Table is not { } table || Builtin.HasPositions(table, extents.Of(digit), digit.Syntax, frame)))
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
        if (nodes > BindingContext.MaxNodes)
        {
            Exhaust(frame, body, $"more than {BindingContext.MaxNodes} operations in one module");
            return null;
        }

        int depth = 2 + terms.SelectMany(term => term.Factors).Max(factor => factor.Tensor?.Depth ?? 1);
        return new ChainValue(EquatableArray.Of<Link>(new LinearLink(Flatten.Sum(operators))), inputs, outputs, nodes, depth);
    }

    /// <summary>A factor as an expression: positions by data are read with their indices in brackets.</summary>
    private static ExpressionSyntax Whole(IndexFactorSyntax factor) => factor.Brackets.Count == 1 && factor.Value is NameSyntax
        && factor.Brackets[0].All(axis => axis.Indices.Count == 1 && axis.Indices[0].Extent is null)
            ? new PostfixSyntax(
                factor.Value,
                EquatableArray.Of<SuffixSyntax>(new SliceSuffix(factor.Brackets[0].Select(axis => new SliceItemSyntax(axis.Indices[0].Value, null, axis.Span)).ToEquatable(), factor.Span)),
                factor.Span)
            : factor.Value;

    /// <summary>Whether a body is an operator: always outside of layers, and in one where each term holds the input once and no other value.</summary>
    private static bool IsLinear(IndexBody body, Frame frame) =>
        !(frame.Locals.TryGetValue(InputName, out Value? input) && input is RowValue)
        || body.Terms.All(term => term.Factors.Count(IsInput) == 1 && !term.Factors.Any(factor => !IsInput(factor) && ChainBinder.IsValue(factor.Value, frame)));

    private static bool IsInput(IndexFactorSyntax factor) => factor.Value is NameSyntax { Name: InputName };

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
            if (factor.Reads.Count > 0)
            {
                IndexVariable[] over = [.. factor.Names.Select(name => variables[name.Name])];
                var sources = new List<IndexedTensor>();
                if (BindPositions(factor.Syntax.Value, over, sources, variables, frame) is not { } numbers)
                {
                    return null;
                }

                numbers = factor.Syntax.IsDivisor ? Formula.Of("/", new FormulaNumber(1), numbers) : numbers;
                factors.Add(new IndexedTensor(new PositionTensor(over.ToEquatable(), sources.ToEquatable(), numbers), over.Select(AffineIndex.Of).ToEquatable()));
                continue;
            }

            if (frame.IsPositions is not null && factor.Digits.Any(digit => digit.IsByData))
            {
                if (Position(factor.Axes, extents, variables, frame) is not { } read)
                {
                    return null;
                }

                factors.Add(new IndexedTensor(
                    new GatherTensor(factor.Tensor!.Tensor, read.Positions, read.Outer, read.Inner, read.Axes.Select(index => index.Extent).ToEquatable()),
                    read.Axes.Select(AffineIndex.Of).ToEquatable()));
                continue;
            }

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
                    if (!Builtin.HasPositions(table, factor.Tensor.Tensor.Shape[axis], digits[0].Syntax, frame))
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
        IndexVariable[] axes = [.. tensor.Shape.Select(extent => Context.NewIndex("i", extent))];
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
        return Operators.SumIndices(terms)?.Index;
    }

    private SymbolValue? BindDigit(Digit digit, int extent, Dictionary<string, IndexVariable> variables, Frame frame)
    {
        return digit.IsPlain
            ? new SymbolValue(AffineIndex.Of(variables[digit.Syntax.Name]))
            : BindPlace(digit.Syntax.Value, digit.Syntax, digit.Names, extent, variables, frame);
    }

    /// <summary>A sum of whole multiples of indices inside an axis.</summary>
    private SymbolValue? BindPlace(ExpressionSyntax expression, SyntaxNode node, IEnumerable<NameSyntax> names, int extent, Dictionary<string, IndexVariable> variables, Frame frame)
    {
        (bool outer, int reported) = (Context.MustUnroll, Context.Diagnostics.Count);
        Context.MustUnroll = false;
        Context.Symbols++;
        Value? value = WithVariables(names, variables, frame, () => Expressions.Bind(expression, frame));
        Context.Symbols--;
        bool isAffine = !Context.MustUnroll;
        Context.MustUnroll = outer;
        if (value is NumberValue number && ExpressionBinder.ToInteger(number.Number) is { } constant)
        {
            value = new SymbolValue(AffineIndex.Constant(constant));
        }

        if (!isAffine || (value is not (null or SymbolValue)))
        {
            Context.Diagnostics.RemoveRange(reported, Context.Diagnostics.Count - reported);
            Report(DiagnosticDescriptors.WrongKind, frame, node, "an index, or a sum of whole multiples of indices", $"'{frame.Show(expression)}'");
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
            Report(DiagnosticDescriptors.OutOfRange, frame, node, least == most ? $"{least}" : $"'{frame.Show(expression)}', from {least} to {most}", $"0 to {extent - 1}");
            return null;
        }

        return symbol;
    }

    /// <summary>Runs with indices as names in scope, which hide others.</summary>
    private static T WithVariables<T>(IEnumerable<NameSyntax> names, Dictionary<string, IndexVariable> variables, Frame frame, Func<T> run) =>
        names.FirstOrDefault() is not { } name
            ? run()
            : BindingContext.WithVariable(new Identifier(name.Name, name.Span), frame, set =>
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
                if (BindReads(index.Value, frame) is not { } reads)
                {
                    return null;
                }

                if (reads.Count > 0)
                {
                    names = IndexNames.In(index.Value, indices).ToEquatable();
                }
                else if (IndexNames.OfTable(index.Value) is { } places)
                {
                    names = places;
                    table = Builtin.BindTable(((PostfixSyntax)index.Value).Operand, places.Count, frame);
                    if (table is null)
                    {
                        return null;
                    }
                }
                else if (!index.IsPlain)
                {
                    names = IndexNames.In(index.Value, indices).ToEquatable();
                }

                digits.Add(new Digit(index, index.IsPlain ? "" : FormattableString.Invariant($"#{Context.NewNumber()}"), names, table, reads));
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
            if (hasInput && IsInput(factor))
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

            if (frame.IsPositions is not null && factor.Brackets.Count <= 1 && BindReads(Whole(factor), frame) is var read && (read is null || read.Value.Count > 0))
            {
                if (read is not { } reads)
                {
                    return null;
                }

                factors.Add(new BoundFactor(factor with { Value = Whole(factor) }, null, default, null, IndexNames.In(Whole(factor), indices).ToEquatable()) { Reads = reads });
                continue;
            }

            if (factor.Brackets.Count == 0 && IndexNames.In(factor.Value, indices) is { Count: > 0 } names)
            {
                if (BindFormula(factor.Value, [.. names.Select(name => name.Name)], frame) is not { } formula)
                {
                    return null;
                }

                formula = factor.IsDivisor ? Formula.Of("/", new FormulaNumber(1), formula) : formula;
                factors.Add(new BoundFactor(factor, null, default, formula, names.ToEquatable()));
                continue;
            }

            Value? value = Expressions.Bind(factor.Value, frame);
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
                case IndexedValue tensor when !factor.IsDivisor && factor.Brackets.Count <= bracket + 1:
                    EquatableArray<IndexGroupSyntax> axes = factor.Brackets.Count > bracket ? factor.Brackets[bracket] : default;
                    if (tensor.Tensor is InputTensor && axes.Count > 1)
                    {
                        // The input is one axis, however its indices are grouped.
                        axes = EquatableArray.Of(new IndexGroupSyntax(axes.SelectMany(axis => axis.Indices).ToEquatable(), TextSpan.FromBounds(axes[0].Span.Start, axes[axes.Count - 1].Span.End)));
                    }

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

        return Context.Finite(coefficient, term, frame) is null ? null : new BoundTerm(coefficient, factors);
    }

    /// <summary>
    /// Numbers that depend on indices. What names no index is bound as everywhere else, to a number or a condition.
    /// </summary>
    /// <param name="expression">The formula.</param>
    /// <param name="names">The indices that it is over.</param>
    /// <param name="frame">The instance that it stands in.</param>
    /// <param name="read">Binds positions by data that it reads.</param>
    private Formula? BindFormula(ExpressionSyntax expression, string[] names, Frame frame, Func<PositionRead, Formula?>? read = null)
    {
        if (expression is NameSyntax own && Array.IndexOf(names, own.Name) is >= 0 and var axis)
        {
            return new FormulaIndex(axis);
        }

        bool reads = read is not null && IndexNames.Positions(expression, frame.IsPositions).Any();
        if (reads && expression is PostfixSyntax)
        {
            return BindReads(expression, frame) is { Count: 1 } found ? read!(found[0]) : null;
        }

        if (!reads && !IndexNames.Mentions(expression, names))
        {
            switch (Expressions.Bind(expression, frame))
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
                return MakeFormula(expression, frame, "-", new FormulaNumber(0), BindFormula(negate.Operand, names, frame, read));
            case NotSyntax not:
                return MakeFormula(expression, frame, "not", BindFormula(not.Operand, names, frame, read));
            case ConditionalSyntax choice when IndexNames.Mentions(choice.Condition, names) || (read is not null && IndexNames.Positions(choice.Condition, frame.IsPositions).Any()):
                return MakeFormula(
                    expression, frame, "if", BindFormula(choice.Condition, names, frame, read), BindFormula(choice.Then, names, frame, read), BindFormula(choice.Else, names, frame, read));
            case ConditionalSyntax choice:
                return Expressions.Taken(choice, frame) is { } taken ? BindFormula(taken, names, frame, read) : null;
            case ChainSyntax { Precedence: Precedence.Comparison } chain:
                Formula? holds = null;
                ExpressionSyntax left = chain.First;
                for (int i = 0; i < chain.Rest.Count; i++)
                {
                    ChainLinkSyntax link = chain.Rest[i];
                    Formula? condition = MakeFormula(expression, frame, link.Operator, BindFormula(left, names, frame, read), BindFormula(link.Operand, names, frame, read));
                    (holds, left) = (holds is null ? condition : MakeFormula(expression, frame, "and", holds, condition), link.Operand);
                }

                return holds;
            case ChainSyntax chain:
                string conjunction = chain.Precedence switch { Precedence.Or => "or", Precedence.And => "and", _ => "" };
                Formula? value = BindFormula(chain.First, names, frame, read);
                for (int i = 0; i < chain.Rest.Count; i++)
                {
                    ChainLinkSyntax link = chain.Rest[i];
                    value = MakeFormula(expression, frame, conjunction.Length > 0 ? conjunction : link.Operator, value, BindFormula(link.Operand, names, frame, read));
                }

                return value;
            case CallSyntax call when FormulaOperator.All.TryGetValue(call.Name.Text, out FormulaOperator? function) && call.Arguments.Count >= function.Arity:
                Formula? result = BindFormula(call.Arguments[0], names, frame, read);
                if (function.Arity == 1)
                {
                    return MakeFormula(expression, frame, call.Name.Text, result);
                }

                for (int i = 1; i < call.Arguments.Count; i++)
                {
                    result = MakeFormula(expression, frame, call.Name.Text, result, BindFormula(call.Arguments[i], names, frame, read));
                }

                return result;
            default:
                return RefuseFormula(expression, frame);
        }
    }

    private Formula? MakeFormula(ExpressionSyntax expression, Frame frame, string symbol, params Formula?[] operands)
    {
        if (!FormulaOperator.All.TryGetValue(symbol, out FormulaOperator? found))
        {
            return RefuseFormula(expression, frame);
        }

        foreach (Formula? operand in operands)
        {
            if (operand is null)
            {
                return null;
            }
        }

        return new FormulaOperation(found, EquatableArray.Of<Formula>(operands!));
    }

    private Formula? RefuseFormula(ExpressionSyntax expression, Frame frame)
    {
        Report(DiagnosticDescriptors.WrongKind, frame, expression, "arithmetic on numbers and indices", $"'{frame.Show(expression)}'");
        return null;
    }

    private TensorValue? PickMember(FamilyValue family, EquatableArray<IndexGroupSyntax> bracket, Frame frame)
    {
        if (bracket.Count == 1 && bracket[0].Indices.Count == 1 && bracket[0].Indices[0] is { Extent: null } index)
        {
            return Expressions.BindPosition(index.Value, family.Members.Count, frame) is { } member ? new TensorValue(family.Members[member]) : null;
        }

        Report(DiagnosticDescriptors.WrongKind, frame, bracket.Count > 0 ? bracket[0].Span : default, "the number of one member of the family", "several indices");
        return null;
    }
}
