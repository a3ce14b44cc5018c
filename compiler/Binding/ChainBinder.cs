using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Binds chains of links, and the calls of declarations.</summary>
internal sealed class ChainBinder(BindingContext context) : Binder(context)
{
    public ChainValue? BindModel(ModelBody model, Frame frame, int inputs)
    {
        var links = new List<Link>();
        (int current, long nodes, int depth) = (inputs, 1, 1);
        EquatableArray<Port> takes = default;
        foreach (ModelStepSyntax step in model.Steps)
        {
            if (!Spend(frame.Locals.Count, frame, step))
            {
                return null;
            }

            if (BindChain(step.Body.Links, Context.NewFrame(frame, step.Name), current) is not { } chain)
            {
                return null;
            }

            if (chain.Inputs != current)
            {
                ExpressionSyntax first = step.Body.Links[step.Body.Links.Count - 1];
                Report(DiagnosticDescriptors.ChainMismatch, frame, first, $"{frame.Show(first)} : {chain.Inputs} -> {chain.Outputs}", chain.Inputs, current);
                return null;
            }

            if (links.Count > 0 && chain.TakesPositions)
            {
                ReportPositions(step.Body.Links[step.Body.Links.Count - 1], chain, frame);
                return null;
            }

            takes = links.Count == 0 ? chain.Takes : takes;
            links.AddRange(chain.Links);
            (current, nodes, depth) = (chain.Outputs, nodes + chain.Nodes, Math.Max(depth, chain.Depth));
            if (nodes > BindingContext.MaxNodes)
            {
                Exhaust(frame, step, $"more than {BindingContext.MaxNodes} operations in one module");
                return null;
            }
        }

        return new ChainValue(links.ToEquatable(), inputs, current, nodes, depth) { Takes = takes };
    }

    /// <summary>A link that takes positions where it is given what is computed.</summary>
    private void ReportPositions(SyntaxNode link, ChainValue chain, Frame frame) =>
        Report(
            DiagnosticDescriptors.WrongKind,
            frame,
            link,
            "a link that takes numbers",
            $"'{frame.Show(link)}', which takes positions, {string.Join(", ", chain.Takes)}: it is applied first, to inputs that are declared so");

    /// <summary>Whether an expression is a value of a layer, or a chain that is applied to one.</summary>
    public static bool IsValue(ExpressionSyntax expression, Frame frame) => ValueSyntax.IsValue(
        expression, name => frame.Locals.TryGetValue(name, out Value? local) && local is RowValue or PositionsValue, call => DeclarationOf(call, frame) is not null);

    /// <summary>Binds links that are applied to the value behind them: <c>gelu . bias . A . v</c>.</summary>
    public IndexedValue? BindApplied(EquatableArray<ExpressionSyntax> chain, SyntaxNode node, Frame frame)
    {
        if (Expressions.Taken(chain[chain.Count - 1], frame) is not { } last)
        {
            return null;
        }

        if (last is CompositionSyntax inner)
        {
            return BindApplied(chain.Take(chain.Count - 1).Concat(inner.Links).ToEquatable(), node, frame);
        }

        (RowValue? value, int size) = Expressions.Bind(last, frame) switch
        {
            RowValue row => (row, 0),
            PositionsValue positions => (new RowValue(positions.Tensor, positions.Nodes, positions.Depth), positions.Size),
            _ => (null, 0),
        };
        if (value is null)
        {
            return null;
        }

        if (chain.Count == 1)
        {
            if (size > 0)
            {
                Report(DiagnosticDescriptors.WrongKind, frame, last, "a value", new PositionsValue(value.Tensor, size).Description);
                return null;
            }

            return value;
        }

        EquatableArray<ExpressionSyntax> links = chain.Take(chain.Count - 1).ToEquatable();
        if (BindChain(links, frame, value.Length) is not { } bound)
        {
            return null;
        }

        if (bound.Inputs != value.Length)
        {
            ExpressionSyntax first = links[links.Count - 1];
            Report(DiagnosticDescriptors.ChainMismatch, frame, first, $"{frame.Show(first)} : {bound.Inputs} -> {bound.Outputs}", bound.Inputs, value.Length);
            return null;
        }

        if (!Port.Meet([new Port("", EquatableArray.Of(value.Length), 0, size)], bound.Takes))
        {
            ExpressionSyntax first = links[links.Count - 1];
            string given = size > 0 ? $"positions below {size}" : "numbers";
            Report(
                DiagnosticDescriptors.WrongKind,
                frame,
                last,
                $"{(bound.TakesPositions ? string.Join(", ", bound.Takes) : "numbers")} for '{frame.Show(first)}'",
                $"'{frame.Show(last)}', which holds {given}");
            return null;
        }

        return Operators.MakeTensor(new AppliedTensor(bound.Links, value.Tensor, EquatableArray.Of(bound.Outputs)), node, frame, [value], bound.Nodes);
    }

    /// <summary>Binds the links of a chain, written last to first.</summary>
    /// <param name="chain">The links.</param>
    /// <param name="frame">The instance that they stand in.</param>
    /// <param name="inputs">What the first link applied is given; null when that is not known.</param>
    /// <param name="isBranch">Whether it is one of several chains beside each other.</param>
    public ChainValue? BindChain(EquatableArray<ExpressionSyntax> chain, Frame frame, int? inputs, bool isBranch = false)
    {
        var written = new List<ExpressionSyntax>();
        if (!AddLinks(chain, frame, written))
        {
            return null;
        }

        chain = written.ToEquatable();

        // One operator or layer called by name stands for the whole: its tensors need no prefix of their own.
        bool isTransparent = !isBranch && !frame.HasTensors && chain.Count(link => DeclarationOf(FrozenSyntax.Within(link), frame) is not null) == 1;
        var links = new List<Link>();
        int? first = inputs, current = inputs;
        (long nodes, int depth) = (1, 1);
        (EquatableArray<Port> takes, EquatableArray<Port> gives) = (default, default);
        foreach (ExpressionSyntax syntax in chain.Reverse())
        {
            if (BindLink(syntax, frame, isTransparent, current, isOnly: !isBranch && chain.Count == 1) is not { } value)
            {
                return null;
            }

            // A body of one link that does not fit is a body that does not fit the signature, which is reported there.
            if (current is { } given && given != value.Inputs && chain.Count > 1)
            {
                Report(DiagnosticDescriptors.ChainMismatch, frame, syntax, $"{frame.Show(syntax)} : {value.Inputs} -> {value.Outputs}", value.Inputs, given);
                return null;
            }

            if (links.Count > 0 && value.TakesPositions)
            {
                ReportPositions(syntax, value, frame);
                return null;
            }

            (takes, gives) = (links.Count == 0 ? value.Takes : takes, value.Gives);
            first = links.Count == 0 ? value.Inputs : first ?? value.Inputs;
            current = value.Outputs;
            links.AddRange(value.Links);
            (nodes, depth) = (nodes + value.Nodes, Math.Max(depth, value.Depth));
            if (nodes > BindingContext.MaxNodes)
            {
                Exhaust(frame, syntax, $"more than {BindingContext.MaxNodes} operations in one module");
                return null;
            }
        }

        return new ChainValue(links.ToEquatable(), first!.Value, current!.Value, nodes, depth) { Takes = takes, Gives = gives };
    }

    /// <summary>Lists the links of a chain, with those of the chains among them, once choices are made.</summary>
    private bool AddLinks(EquatableArray<ExpressionSyntax> chain, Frame frame, List<ExpressionSyntax> links)
    {
        foreach (ExpressionSyntax link in chain)
        {
            switch (Expressions.Taken(link, frame))
            {
                case null:
                    return false;
                case CompositionSyntax inner when !AddLinks(inner.Links, frame, links):
                    return false;
                case CompositionSyntax:
                    break;
                case var single:
                    links.Add(single);
                    break;
            }
        }

        return true;
    }

    /// <summary>Binds one link.</summary>
    /// <param name="syntax">The link.</param>
    /// <param name="frame">The instance that it stands in.</param>
    /// <param name="isTransparent">Whether the tensors of what it calls need no prefix.</param>
    /// <param name="given">How many inputs it is given; null when that is not known.</param>
    /// <param name="isOnly">Whether it is all of its chain.</param>
    private ChainValue? BindLink(ExpressionSyntax syntax, Frame frame, bool isTransparent, int? given, bool isOnly)
    {
        if (ElementwiseName(syntax, frame) is { } elementwise)
        {
            if (given is not { } size)
            {
                Report(DiagnosticDescriptors.WrongKind, frame, syntax, "an operator to apply first", $"'{elementwise}'");
                return null;
            }

            if (elementwise != Builtins.Bias)
            {
                return Single(new ActivationLink(Activations.ByName[elementwise]), size, size);
            }

            var parameter = new Parameter(frame.Prefix + Builtins.Bias, EquatableArray.Of(size), frame.RoleOf(Role.Trained), new Initializer(Distribution.Zeros));
            return Context.AddParameter(parameter, frame, syntax) is { } bias ? Single(new BiasLink(bias), size, size) : null;
        }

        if (Builtins.LinkFunction(syntax, frame.Scope, frame.Locals.ContainsKey) is { } function)
        {
            // With a tensor before its numbers it is a tensor.
            EquatableArray<ExpressionSyntax> numbers = syntax is CallSyntax { Arguments: var arguments } ? arguments : default;
            Value? argument = numbers.Count == 0 ? null : Expressions.Bind(numbers[0], frame);
            if (numbers.Count == 0 || argument is NumberValue)
            {
                return BindFunctionLink(function, numbers, syntax, frame, given) is { } link ? Single(link, given!.Value, link.Outputs(given.Value)) : null;
            }

            if (argument is null)
            {
                return null;
            }

            if (numbers.Count <= (function.Number is null ? 0 : 1))
            {
                Report(DiagnosticDescriptors.WrongKind, frame, numbers[0], $"a number for '{function.Number}' of '{Builtins.UsageOf(function)}'", argument.Description);
                return null;
            }
        }

        if (syntax is CallSyntax { Name.Text: var called } dropout && called == Builtins.Dropout.Name && frame.Scope.Find(called).Count == 0)
        {
            return BindDropout(dropout, frame, given) is { } link ? Single(link, given!.Value, given.Value) : null;
        }

        if (syntax is RepeatSyntax { IsLink: true } repeat)
        {
            return Expressions.BindSize(repeat.Count, frame) is not { } count ? null
                : repeat.Combinator == RepeatSyntax.Repeat ? BindRepeat(repeat, count, frame, given)
                : !IsIndependent(repeat, frame) ? null
                : repeat.Combinator == RepeatSyntax.Each ? BindEach(repeat, count, frame, given)
                : BindScan(repeat, count, frame, isOnly);
        }

        if (syntax is FrozenSyntax frozen)
        {
            return FrozenFrame(frozen, frame) is { } part ? BindChain(EquatableArray.Of(frozen.Operand), part, given, isBranch: !isTransparent) : null;
        }

        if (syntax is NameSyntax { Name: var name } && frame.Locals.TryGetValue(name, out Value? local) && local is ChainValue named)
        {
            return WithOwnNoise(named);
        }

        if (DeclarationOf(syntax, frame) is { } declaration && declaration.Syntax is MapSyntax)
        {
            return BindCallChain(syntax, frame, isTransparent ? frame.Prefix : Context.UniquePrefix(frame, declaration.Name));
        }

        if (syntax is CallSyntax call && Builtins.Joints.TryGetValue(call.Name.Text, out Joint joint))
        {
            return BindBranches(call, joint, frame, given);
        }

        if (Beside(syntax) is { } parts && parts.Any(part => IsChain(part, frame)))
        {
            return BindBeside(syntax, parts, frame, given);
        }

        return Operators.BindOperator(syntax, frame) is { } single
            ? Single(new LinearLink(single.Operator), single.Operator.Columns, single.Operator.Rows, single.Nodes, single.Depth)
            : null;

        static ChainValue Single(Link link, int inputs, int outputs, long nodes = 1, int depth = 1) =>
            new(EquatableArray.Of(link), inputs, outputs, nodes, depth);
    }

    /// <summary>A function of tensors without its tensor: its number, and for one of rows the length of these, all of the vector unless stated.</summary>
    private FunctionLink? BindFunctionLink(TensorFunction function, EquatableArray<ExpressionSyntax> arguments, SyntaxNode syntax, Frame frame, int? given)
    {
        if (given is not { } size)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, syntax, "an operator to apply first", $"'{function.Name}'");
            return null;
        }

        int numbers = function.Number is null ? 0 : 1;
        double? number = numbers == 0 ? 0 : function.NumberIsSize ? Expressions.BindSize(arguments[0], frame) : Expressions.BindNumber(arguments[0], frame);
        int? length = arguments.Count == numbers ? size : Expressions.BindSize(arguments[numbers], frame);
        if (number is not { } bound || length is not { } row)
        {
            return null;
        }

        if (arguments.Count > numbers && (function.IsElementwise || size % row != 0))
        {
            string expected = function.IsElementwise ? $"a tensor for '{Builtins.UsageOf(function)}'" : $"a divisor of {size}, the length of what '{function.Name}' is given";
            Report(DiagnosticDescriptors.WrongKind, frame, arguments[numbers], expected, $"the number {row}");
            return null;
        }

        if (function.Check([EquatableArray.Of(size / row, row)], bound) is { } fault)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, arguments[0], $"{fault.Expected} for '{Builtins.UsageOf(function)}'", $"the number {Value.Show(bound)}");
            return null;
        }

        return new FunctionLink(function, row, bound);
    }

    /// <summary>x[i] · m[i], with noise m.</summary>
    private ValueLink? BindDropout(CallSyntax call, Frame frame, int? given)
    {
        if (given is not { } size)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, call, "an operator to apply first", $"'{frame.Show(call)}'");
            return null;
        }

        if (Tensors.BindNoise(new DistributionSyntax(call.Name, call.Arguments, call.Span), EquatableArray.Of(size), Builtins.Dropout.Name, frame) is not { } noise)
        {
            return null;
        }

        IndexVariable i = Context.NewIndex("i", size);
        EquatableArray<AffineIndex> at = EquatableArray.Of(AffineIndex.Of(i));
        return new ValueLink(new EinsumTensor(EquatableArray.Of(EquatableArray.Of(i)), EquatableArray.Of(new IndexedTensor(new InputTensor(size), at), new IndexedTensor(noise, at))));
    }

    private ChainValue? BindBranches(CallSyntax call, Joint joint, Frame frame, int? given)
    {
        if (BindAll(call.Arguments, frame, given) is not { } branches)
        {
            return null;
        }

        for (int k = 1; k < branches.Count; k++)
        {
            if (branches[k].Outputs != branches[0].Outputs)
            {
                string Describe(int k) => $"{frame.Show(call.Arguments[k])} : {branches[k].Inputs} -> {branches[k].Outputs}";
                Report(DiagnosticDescriptors.CannotAdd, frame, call.Arguments[k], Describe(0), Describe(k), "");
                return null;
            }
        }

        return Join(joint, branches, branches[0].Inputs, branches[0].Outputs) with { Takes = branches[0].Takes };
    }

    private static ChainValue Join(Joint joint, IReadOnlyCollection<ChainValue> branches, int inputs, int outputs) => new(
        EquatableArray.Of<Link>(new BranchLink(joint, branches.Select(branch => branch.Links).ToEquatable())),
        inputs,
        outputs,
        1 + branches.Sum(branch => branch.Nodes),
        1 + branches.Max(branch => branch.Depth));

    /// <summary>Chains that are given the same.</summary>
    private List<ChainValue>? BindAll(IEnumerable<ExpressionSyntax> chains, Frame frame, int? given)
    {
        var branches = new List<ChainValue>();
        foreach (ExpressionSyntax argument in chains)
        {
            if (BindChain(EquatableArray.Of(argument), frame, given, isBranch: true) is not { } branch)
            {
                return null;
            }

            given ??= branch.Inputs;
            if (branch.Inputs != given)
            {
                Report(DiagnosticDescriptors.ChainMismatch, frame, argument, $"{frame.Show(argument)} : {branch.Inputs} -> {branch.Outputs}", branch.Inputs, given);
                return null;
            }

            branches.Add(branch);
            if (!Port.Meet(branches[0].Takes, branch.Takes))
            {
                Report(
                    DiagnosticDescriptors.WrongKind,
                    frame,
                    argument,
                    branches[0].TakesPositions ? $"a chain that takes {string.Join(", ", branches[0].Takes)} too" : "a chain that takes numbers, as the first one does",
                    branch.TakesPositions ? $"one that takes {string.Join(", ", branch.Takes)}" : "one that takes numbers");
                return null;
            }
        }

        return branches;
    }

    /// <summary>The parts of <c>[f; g]</c>, which is given the same and whose results lie one behind the other, and of <c>f ⊕ g</c>, whose inputs do so too; null for anything else.</summary>
    public static EquatableArray<ExpressionSyntax>? Beside(ExpressionSyntax syntax) => syntax switch
    {
        BlockSyntax { Rows: { Count: > 1 } rows } when rows.All(row => row.Count == 1) => rows.Select(row => row[0]).ToEquatable(),
        ChainSyntax { Precedence: Precedence.DirectSum } sum => sum.Rest.Select(link => link.Operand).Prepend(sum.First).ToEquatable(),
        _ => null,
    };

    /// <summary>Whether an expression is a chain of links, or may be one, and no operator by what it is alone.</summary>
    private static bool IsChain(ExpressionSyntax expression, Frame frame) => expression switch
    {
        CompositionSyntax or RepeatSyntax { IsLink: true } => true,
        FrozenSyntax frozen => IsChain(frozen.Operand, frame),
        ConditionalSyntax choice => IsChain(choice.Then, frame) || IsChain(choice.Else, frame),
        NameSyntax name when frame.Locals.TryGetValue(name.Name, out Value? local) => local is ChainValue,
        CallSyntax call when frame.Scope.Find(call.Name.Text).Count == 0 && (Builtins.Joints.ContainsKey(call.Name.Text) || call.Name.Text == Builtins.Dropout.Name) => true,
        _ when ElementwiseName(expression, frame) is not null => true,
        _ when Builtins.LinkFunction(expression, frame.Scope, frame.Locals.ContainsKey) is not null => expression is not CallSyntax { Arguments: { Count: > 0 } arguments } || arguments[0] is NumberSyntax,
        _ when Beside(expression) is { } parts => parts.Any(part => IsChain(part, frame)),
        _ => DeclarationOf(expression, frame) is { Syntax: MapSyntax { Kind: not MapKind.Operator } },
    };

    /// <summary>Chains beside each other: what each gives lies behind what the one before does, and so does for <c>⊕</c> what each is given.</summary>
    private ChainValue? BindBeside(ExpressionSyntax syntax, EquatableArray<ExpressionSyntax> parts, Frame frame, int? given)
    {
        bool isSum = syntax is ChainSyntax;
        if ((isSum ? BindApart(parts, frame) : BindAll(parts, frame, given)) is not { } branches)
        {
            return null;
        }

        if (branches.TrueForAll(branch => Named(branch) is OperatorValue))
        {
            List<Operand> operands = [.. branches.Select((branch, k) => new Operand(parts[k], AsOperator(branch)))];
            return (isSum ? Operators.MakeDirectSum(operands, syntax, frame) : Operators.MakeVertical(operands, syntax, frame)) is { } made
                ? new ChainValue(EquatableArray.Of<Link>(new LinearLink(made.Operator)), made.Operator.Columns, made.Operator.Rows, made.Nodes, made.Depth)
                : null;
        }

        long rows = branches.Sum(branch => (long)branch.Outputs), columns = isSum ? branches.Sum(branch => (long)branch.Inputs) : branches[0].Inputs;
        if (!Context.Fits(rows, columns, syntax, frame))
        {
            return null;
        }

        (int at, int from) = (0, 0);
        var placed = new List<ChainValue>();
        foreach (ChainValue branch in branches)
        {
            IEnumerable<Link> links = branch.Links.Append(new LinearLink(new Pad((int)rows, at, branch.Outputs)));
            placed.Add(branch with { Links = (isSum ? links.Prepend(new LinearLink(new Crop((int)columns, from, branch.Inputs))) : links).ToEquatable() });
            (at, from) = (at + branch.Outputs, from + branch.Inputs);
        }

        return Join(Joint.Add, placed, (int)columns, (int)rows) with { Takes = branches[0].Takes };
    }

    /// <summary>Chains that are given a part each.</summary>
    private List<ChainValue>? BindApart(EquatableArray<ExpressionSyntax> parts, Frame frame)
    {
        var chains = new List<ChainValue>();
        foreach (ExpressionSyntax part in parts)
        {
            if (BindPart(part, frame, null, isBranch: true) is not { } chain)
            {
                return null;
            }

            chains.Add(chain);
        }

        return chains;
    }

    /// <summary>Where what is declared to be trained is not; null after a mistake.</summary>
    public Frame? FrozenFrame(FrozenSyntax frozen, Frame frame)
    {
        if (frozen.Operand is not NameSyntax { Name: var name } || !frame.Locals.TryGetValue(name, out Value? local))
        {
            return BindingContext.NewFrame(frame, frame.Prefix, isFrozen: true);
        }

        Report(DiagnosticDescriptors.WrongKind, frame, frozen.Operand, $"a call behind '{FrozenSyntax.Word}', which says how its parameters are made", $"'{name}', {local.Description} that is made already");
        return null;
    }

    /// <summary>A chain that has a name, where it is used: its noise is drawn there by itself.</summary>
    private ChainValue WithOwnNoise(ChainValue chain)
    {
        Dictionary<TensorExpression, TensorExpression> own = Module.NoiseOf(chain.Links).ToDictionary(
            noise => (TensorExpression)noise, noise => (TensorExpression)Context.NewNoise(noise.Name, noise.Extents, noise.Distribution));
        return own.Count == 0 ? chain : chain with { Links = chain.Links.MapValues(Replaced) };

        TensorExpression Replaced(TensorExpression tensor) =>
            own.TryGetValue(tensor, out TensorExpression? noise) ? noise : tensor.MapParts(Replaced, links => links.MapValues(Replaced));
    }

    /// <summary>What a name for a chain stands for: an operator where the chain is linear and its sides have no names.</summary>
    public static Value Named(ChainValue chain) => chain.Takes.Count + chain.Gives.Count == 0 && chain.Links.All(link => link is LinearLink) ? AsOperator(chain) : chain;

    private static OperatorValue AsOperator(ChainValue chain) => new(Flatten.Product(chain.Links.Cast<LinearLink>().Select(link => link.Operator).Reverse()), chain.Nodes, chain.Depth + 1);

    /// <summary>What <c>let</c> names. Its tensors have its name before theirs; in a layer it may be a chain.</summary>
    public Value? BindLet(LetSyntax let, Frame frame)
    {
        ExpressionSyntax value = FrozenSyntax.Within(let.Value);
        Frame? at = let.Value is FrozenSyntax frozen ? FrozenFrame(frozen, frame) : frame;
        if (at is null)
        {
            return null;
        }

        bool isLayer = frame.Declaration is { Syntax: MapSyntax { Kind: MapKind.Layer } };
        if (DeclarationOf(value, frame) is not null)
        {
            return !isLayer ? BindCall(value, at, Context.UniquePrefix(frame, let.Name.Text))
                : BindCallChain(value, at, Context.UniquePrefix(frame, let.Name.Text)) is { } called ? Named(called) : null;
        }

        return !isLayer || !IsChain(value, frame) ? Expressions.Bind(value, at)
            : BindChain(EquatableArray.Of(value), Context.NewFrame(at, let.Name), null) is { } chain ? Named(chain) : null;
    }

    /// <summary>Whether the links of a repetition are the same for every part.</summary>
    private bool IsIndependent(RepeatSyntax repeat, Frame frame)
    {
        if (IndexNames.In(repeat.Body, [repeat.Variable.Text]).FirstOrDefault() is not { } index)
        {
            return true;
        }

        string remedy = repeat.Combinator == RepeatSyntax.Each ? "; 'dirsum' makes operators of their own" : "";
        Report(DiagnosticDescriptors.WrongKind, frame, index, "the same links for every part", $"'{index.Name}', the number of the part{remedy}");
        return false;
    }

    /// <summary>The chain that each part of a vector is given to: numbers, as only whole inputs hold positions.</summary>
    private ChainValue? BindPart(ExpressionSyntax part, Frame frame, int? given, bool isBranch)
    {
        ChainValue? chain = BindChain(EquatableArray.Of(part), frame, given, isBranch);
        if (chain is not { TakesPositions: true })
        {
            return chain;
        }

        Report(DiagnosticDescriptors.WrongKind, frame, part, "links that take numbers for each part", $"'{frame.Show(part)}', which takes positions, {string.Join(", ", chain.Takes)}");
        return null;
    }

    /// <summary>One chain for each of several consecutive parts of a vector: the same parameters for all of them.</summary>
    private ChainValue? BindEach(RepeatSyntax repeat, int count, Frame frame, int? given)
    {
        if (given is { } size && size % count != 0)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, repeat.Count, $"a divisor of {size}, the length of what 'each' is given", $"the number {count}");
            return null;
        }

        if (BindPart(repeat.Body, frame, given / count, isBranch: true) is not { } chain)
        {
            return null;
        }

        if (!Context.Fits((long)count * chain.Outputs, (long)count * chain.Inputs, repeat, frame) || !Spend((int)Math.Min(chain.Nodes, BindingContext.MaxNodes), frame, repeat))
        {
            return null;
        }

        var lifting = new Lifting(count, Context.NewIndex);
        if (lifting.Links(chain.Links) is { } links)
        {
            return new ChainValue(links, count * chain.Inputs, count * chain.Outputs, 3 * chain.Nodes, chain.Depth + 2);
        }

        Report(DiagnosticDescriptors.WrongKind, frame, repeat.Body, "functions that work on each part by itself", $"'{Builtins.UsageOf(lifting.Obstacle!)}' of a value");
        return null;
    }

    /// <summary>A chain that is given one consecutive part of a vector after the other, with the state that it left: what has one name on both its sides.</summary>
    /// <param name="repeat">The scan.</param>
    /// <param name="count">How many parts.</param>
    /// <param name="frame">Where it is.</param>
    /// <param name="isOnly">Whether it is all of a chain: tensors of the step that it calls then need no prefix.</param>
    private ChainValue? BindScan(RepeatSyntax repeat, int count, Frame frame, bool isOnly)
    {
        if (BindPart(repeat.Body, frame, null, isBranch: !isOnly) is not { } step)
        {
            return null;
        }

        (Port From, Port To)[] state = [.. step.Takes.Join(step.Gives, port => port.Name, port => port.Name, (from, to) => (from, to))];
        (Port odd, Port other) = state.FirstOrDefault(pair => !pair.From.Shape.SequenceEqual(pair.To.Shape));
        string? lack = state.Length == 0 ? "with a state: a name that stands on both sides, as 'h' in 'h[d], x[n] -> h[d], y[m]'"
            : odd is not null ? $"that hands on {odd}, as it is given it, and not {other}"
            : state.Length == step.Takes.Count ? "that is given something beside its state, as 'x' in 'h[d], x[n] -> h[d], y[m]'"
            : state.Length == step.Gives.Count ? "that gives something beside its state, as 'y' in 'h[d], x[n] -> h[d], y[m]'"
            : null;
        if (lack is not null)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, repeat.Body, $"a step {lack}", $"'{frame.Show(repeat.Body)}' : {Side(step.Takes, step.Inputs)} -> {Side(step.Gives, step.Outputs)}");
            return null;
        }

        var scan = new ScanLink(count, step.Links, step.Inputs, step.Outputs, state.Select(pair => new Carry(pair.From.Offset, pair.To.Offset, pair.From.Length)).ToEquatable());
        return Context.Fits((long)count * scan.PartGives, (long)count * scan.PartGiven, repeat, frame)
            ? new ChainValue(EquatableArray.Of<Link>(scan), count * scan.PartGiven, count * scan.PartGives, 1 + step.Nodes, 1 + step.Depth)
            : null;

        static string Side(EquatableArray<Port> ports, int size) => ports.Count > 0 ? string.Join(", ", ports) : Value.Show(size);
    }

    /// <summary>Chains one after the other, each with parameters of its own.</summary>
    private ChainValue? BindRepeat(RepeatSyntax repeat, int count, Frame frame, int? given)
    {
        var all = new List<ChainValue>();
        long nodes = 0;
        bool isBound = BindingContext.WithVariable(repeat.Variable, frame, variable =>
        {
            for (int turn = 0; turn < count; turn++)
            {
                variable(new NumberValue(turn));
                if (!Spend(1, frame, repeat) || BindChain(EquatableArray.Of(repeat.Body), frame, given, isBranch: true) is not { } chain)
                {
                    return false;
                }

                if (given is { } current && current != chain.Inputs)
                {
                    Report(DiagnosticDescriptors.ChainMismatch, frame, repeat.Body, $"{frame.Show(repeat.Body)} : {chain.Inputs} -> {chain.Outputs}", chain.Inputs, current);
                    return false;
                }

                if (turn > 0 && chain.TakesPositions)
                {
                    ReportPositions(repeat.Body, chain, frame);
                    return false;
                }

                all.Add(chain);
                given = chain.Outputs;
                if ((nodes += chain.Nodes) > BindingContext.MaxNodes)
                {
                    Exhaust(frame, repeat, $"more than {BindingContext.MaxNodes} operations in one module");
                    return false;
                }
            }

            return true;
        });
        return isBound ? new ChainValue(all.SelectMany(chain => chain.Links).ToEquatable(), all[0].Inputs, all[all.Count - 1].Outputs, nodes, all.Max(chain => chain.Depth)) { Takes = all[0].Takes } : null;
    }

    private static string? ElementwiseName(ExpressionSyntax link, Frame frame) =>
        link is NameSyntax { Name: var name }
        && (name == Builtins.Bias || Activations.ByName.ContainsKey(name))
        && !frame.Locals.ContainsKey(name)
        && frame.Scope.Find(name).Count == 0
            ? name
            : null;

    /// <summary>The operator, layer or model that an expression is a call of.</summary>
    public static Declaration? DeclarationOf(ExpressionSyntax expression, Frame frame)
    {
        string? name = expression switch
        {
            CallSyntax call => call.Name.Text,
            NameSyntax use when !frame.Locals.ContainsKey(use.Name) => use.Name,
            _ => null,
        };
        return name is null ? null : frame.Scope.Find(name).FirstOrDefault(declaration => declaration.Syntax is MapSyntax);
    }

    private ChainValue? BindCallChain(ExpressionSyntax syntax, Frame frame, string prefix)
    {
        Declaration declaration = DeclarationOf(syntax, frame)!;
        EquatableArray<ExpressionSyntax> arguments = syntax is CallSyntax call ? call.Arguments : default;
        return Guarded(frame, syntax, () => Modules.Instantiate(declaration, arguments, frame, syntax.Span, prefix));
    }

    /// <summary>A call inside an expression: an operator.</summary>
    public Value? BindCall(ExpressionSyntax syntax, Frame frame, string prefix)
    {
        ChainValue? chain = BindCallChain(syntax, frame, prefix);
        if (chain is null)
        {
            return null;
        }

        if (chain.Links.Any(link => link is not LinearLink))
        {
            Report(DiagnosticDescriptors.NotLinear, frame, syntax, frame.Show(syntax));
            return null;
        }

        return AsOperator(chain);
    }
}
