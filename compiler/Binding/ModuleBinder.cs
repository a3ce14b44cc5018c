using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// Binds one module: instantiates its declaration, and those that it calls, with every size known. Names have been checked
/// before. Where a part cannot be bound its value is null, and that has been reported. What a declaration is made of is bound by the other
/// binders, over one context.
/// </summary>
internal sealed class ModuleBinder(BindingContext context) : Binder(context)
{
    /// <summary>Binds a declaration without parameters.</summary>
    public Module? Bind(Declaration declaration, string name)
    {
        var root = new Frame(declaration.Scope, null, "", null, default);
        var map = (MapSyntax)declaration.Syntax;
        string formula = declaration.Scope.File.Source.Slice(map.Span).Trim();
        return Instantiate(declaration, default, root, map.Name.Span, "") is { } chain
            ? MakeModule(name, formula, map.Documentation, chain, root, map.Name.Span)
            : null;
    }

    /// <summary>Binds a formula that stands by itself.</summary>
    public Module? Bind(FileScope scope, EquatableArray<ExpressionSyntax> links, string name)
    {
        var root = new Frame(scope, null, "", null, default);
        if (Chains.BindChain(links, root, null) is not { } chain)
        {
            return null;
        }

        string documentation = links.Count == 1 && ChainBinder.DeclarationOf(links[0], root) is { } declaration ? declaration.Syntax.Documentation : "";
        return MakeModule(name, scope.File.Source.Text.Trim(), documentation, chain, root, new TextSpan(0, scope.File.Source.Text.Length));
    }

    /// <summary>What a module's type has besides it, as a module with the same parameters.</summary>
    /// <param name="module">A module that was bound in this context, of a formula that stands by itself.</param>
    /// <param name="scope">The scope of the formula.</param>
    /// <param name="member">What it has.</param>
    public Module? Derive(Module module, FileScope scope, MapMember member)
    {
        var root = new Frame(scope, null, "", null, default);
        var formula = new NameSyntax(module.Name, new TextSpan(0, scope.File.Source.Text.Length));
        if (!module.IsLinear)
        {
            Report(DiagnosticDescriptors.WrongKind, root, formula, $"a linear map for '{member.Name}'", "a layer");
            return null;
        }

        Operator[] operators = [.. module.Links.Cast<LinearLink>().Select(link => link.Operator).Reverse()];
        var op = new OperatorValue(operators.Length == 1 ? operators[0] : new Product(operators.ToEquatable()));
        var call = new BuiltinCall(new CallSyntax(new Identifier(member.Function, formula.Span), EquatableArray.Of<ExpressionSyntax>(formula), formula.Span), root, [op]);
        Operator? made = Context.Builtin.OfOperator(call) switch
        {
            OperatorValue value => value.Operator,
            IndexedValue value => new ScaledByTensor(value.Tensor, new Identity(1)),
            _ => null,
        };
        return made is null ? null : module with
        {
            Name = $"{module.Name}.{member.Name}",
            Formula = $"{member.Function}({module.Formula})",
            Documentation = member.Summary,
            Inputs = made.Columns,
            Outputs = made.Rows,
            Links = EquatableArray.Of<Link>(new LinearLink(made)),
            InputPorts = default,
            OutputPorts = default,
            Penalties = default,
        };
    }

    private Module? MakeModule(string name, string formula, string documentation, ChainValue chain, Frame root, TextSpan place)
    {
        HashSet<Parameter> used = ParameterCollector.Collect(chain.Links, Context.Penalties);
        Parameter[] parameters = [.. Context.Parameters.Where(used.Contains).OrderBy(parameter => parameter.Role)];
        long elements = parameters.Sum(parameter => (long)parameter.Length);
        if (elements > MemoryBlock.MaxLength)
        {
            Report(DiagnosticDescriptors.TooLarge, root, place, Limits.Message($"the parameters of '{name}'", elements, MemoryBlock.MaxLength));
            return null;
        }

        return new Module(name, formula, documentation, chain.Inputs, chain.Outputs, chain.Links, parameters.ToEquatable())
        {
            InputPorts = chain.Takes,
            OutputPorts = chain.Gives,
            Penalties = Context.Penalties.ToEquatable(),
        };
    }

    /// <summary>Instantiates a declaration.</summary>
    /// <param name="declaration">The operator, layer or model.</param>
    /// <param name="arguments">What the caller writes between the parentheses.</param>
    /// <param name="caller">The instance that calls.</param>
    /// <param name="callSite">The place of the call.</param>
    /// <param name="prefix">What the names of its tensors start with.</param>
    public ChainValue? Instantiate(Declaration declaration, EquatableArray<ExpressionSyntax> arguments, Frame caller, TextSpan callSite, string prefix)
    {
        var map = (MapSyntax)declaration.Syntax;
        EnsureChecked(declaration);
        if (declaration.IsBroken)
        {
            if (!Context.VisiblePaths.Contains(declaration.Scope.Path))
            {
                Report(DiagnosticDescriptors.BrokenDeclaration, caller, callSite, declaration.Name, $"'{declaration.Scope.Path}'");
            }

            return null;
        }

        var frame = new Frame(declaration.Scope, declaration, prefix, caller, callSite);
        if (frame.CallDepth > BindingContext.MaxCalls)
        {
            Context.ExhaustDepth(caller, callSite, "calls", BindingContext.MaxCalls);
            return null;
        }

        if (!Arguments.Bind(map, arguments, frame))
        {
            return null;
        }

        // Only sizes decide what an instance calls, so that one inside of another of the same sizes has one inside too, and so on.
        if (frame.Callers().FirstOrDefault(outer => outer.Declaration == declaration && outer.Sizes == frame.Sizes) is { } same)
        {
            IEnumerable<Frame> calls = frame.Callers().TakeWhile(outer => outer != same).Append(same).Prepend(frame).Reverse();
            Report(DiagnosticDescriptors.Recursion, caller, callSite, declaration.Name, "without end", Frame.Show(calls));
            return null;
        }

        if (BindSide(map.Inputs!, frame) is not ({ } inputs, var takes)
            || BindSide(map.Outputs!, frame) is not ({ } outputs, var gives))
        {
            return null;
        }

        (frame.Inputs, frame.Outputs) = (takes, gives);
        foreach (Port port in takes)
        {
            TensorExpression part = PartOfInput(port, inputs);
            frame.Locals[port.Name] = port.IsPositions ? new PositionsValue(part, port.Size) : new RowValue(part);
        }

        if (map.Kind == MapKind.Layer && takes.Count == 0 && !frame.Locals.ContainsKey(IndexBinder.InputName))
        {
            frame.Locals.Add(IndexBinder.InputName, new RowValue(new InputTensor(inputs)));
        }

        // The clauses after one that fails may hold mistakes of their own, but those that follow from it would be noise.
        foreach (ClauseSyntax clause in map.Clauses)
        {
            if (!BindClause(clause, frame))
            {
                return null;
            }
        }

        BodySyntax? written = map.Body;
        if (written is ChainBody { Links: { Count: 1 } only } && only[0] is ConditionalSyntax choice)
        {
            if (Expressions.Taken(choice, frame) is not { } taken)
            {
                return null;
            }

            written = new ChainBody(taken is CompositionSyntax several ? several.Links : EquatableArray.Of(taken), taken.Span);
        }

        ChainValue? body = written switch
        {
            ChainBody chain when map.Kind == MapKind.Operator && chain.Links.Count > 1 => ReportChain(chain, frame),
            ChainBody chain when ChainBinder.IsValue(chain.Links[chain.Links.Count - 1], frame) => Chains.BindApplied(chain.Links, chain, frame) is { } value
                ? new ChainValue(EquatableArray.Of<Link>(new ValueLink(value.Tensor)), inputs, value.Length, value.Nodes, value.Depth + 1) { Takes = takes }
                : null,
            ChainBody chain => Chains.BindChain(chain.Links, frame, inputs),
            ModelBody model => Chains.BindModel(model, frame, inputs),
            IndexBody index => Indices.BindIndexBody(index, frame, inputs, outputs),
            ResultsBody results => Indices.BindResults(results, frame, inputs, outputs),
            _ => null,
        };
        if (body is null)
        {
            return null;
        }

        if (map.Kind == MapKind.Operator && body.Links.Any(link => link is not LinearLink))
        {
            ExpressionSyntax link = ((ChainBody)written!).Links[0];
            Report(DiagnosticDescriptors.NotLinear, frame, link, frame.Show(link));
            return null;
        }

        if (body.Inputs != inputs || body.Outputs != outputs)
        {
            string declared = $"{frame.Show(map.Inputs!)} -> {frame.Show(map.Outputs!)}";
            string sizes = $"{inputs} -> {outputs}";
            Report(
                DiagnosticDescriptors.SignatureMismatch,
                frame,
                written is ModelBody { Steps: var steps } ? steps[steps.Count - 1].Body : written!,
                declaration.Name,
                declared == sizes ? sizes : $"{declared} = {sizes}",
                $"{body.Inputs} -> {body.Outputs}");
            return null;
        }

        if (!Port.Meet(takes, body.Takes))
        {
            Report(
                DiagnosticDescriptors.WrongKind,
                frame,
                map.Inputs!,
                body.TakesPositions ? $"the positions that the body takes: {string.Join(", ", body.Takes)}" : "numbers, as the body takes no positions",
                $"'{frame.Show(map.Inputs!)}'");
            return null;
        }

        return body with { Takes = takes, Gives = gives };
    }

    /// <summary>The length of a row on one side of a signature, and the parts of it that have names.</summary>
    private (int?, EquatableArray<Port>) BindSide(ExpressionSyntax side, Frame frame)
    {
        if (side is not PortsSyntax ports)
        {
            return (Expressions.BindSize(side, frame), default);
        }

        var bound = new List<Port>();
        long offset = 0;
        foreach (PortSyntax port in ports.Ports)
        {
            int?[] shape = [.. port.Shape.Select(extent => Expressions.BindSize(extent, frame))];
            int? limit = port.Limit is null ? 0 : Expressions.BindSize(port.Limit, frame);
            if (Array.Exists(shape, extent => extent is null) || limit is not { } size)
            {
                return default;
            }

            long end = shape.Aggregate(1L, (product, extent) => Math.Min(int.MaxValue + 1L, product * extent!.Value)) + offset;
            if (end > int.MaxValue)
            {
                Report(DiagnosticDescriptors.SizeOutOfRange, frame, port, $"a row of {end} elements or more");
                return default;
            }

            bound.Add(new Port(port.Name!.Text, shape.Select(extent => extent!.Value).ToEquatable(), (int)offset, size));
            offset = end;
        }

        return ((int)offset, bound.ToEquatable());
    }

    /// <summary>A part of what a layer is given, in its own shape.</summary>
    private EinsumTensor PartOfInput(Port port, int inputs)
    {
        IndexVariable[] axes = [.. port.Shape.Select(extent => Context.NewIndex("i", extent))];
        return new EinsumTensor(
            axes.Select(index => EquatableArray.Of(index)).ToEquatable(),
            EquatableArray.Of(new IndexedTensor(new InputTensor(inputs), EquatableArray.Of(AffineIndex.Group(axes) with { Offset = port.Offset }))));
    }

    /// <summary>A formula uses few of a project's declarations: the others need no checking for it.</summary>
    public void EnsureChecked(Declaration declaration)
    {
        if (!declaration.IsChecked)
        {
            new NameChecker(declaration.Scope, Context.Scopes, [], Context.CancellationToken).Check(declaration);
        }
    }

    public ChainValue? ReportChain(SyntaxNode chain, Frame frame)
    {
        Report(DiagnosticDescriptors.WrongKind, frame, chain, "one operator (write '*' for a product)", "a chain of links with '.', which makes a layer");
        return null;
    }

    private bool BindClause(ClauseSyntax clause, Frame frame)
    {
        switch (clause)
        {
            case RequireSyntax require:
                return BindRequire(require, frame);
            case TensorsSyntax tensors:
                return tensors.Tensors.All(tensor => Tensors.BindTensor(tensors, tensor, frame));
            case LetSyntax { Value: ConditionalSyntax choice } let:
                return Expressions.Taken(choice, frame) is { } taken && BindClause(let with { Value = taken }, frame);
            case LetSyntax let:
                Value? value = let.Value is CompositionSyntax chain && ChainBinder.IsValue(chain, frame)
                    ? Chains.BindApplied(chain.Links, chain, Context.NewFrame(frame, let.Name))
                    : Chains.BindLet(let, frame);
                if (value is null)
                {
                    return false;
                }

                frame.Locals[let.Name.Text] = value;
                return true;
            case IndexLetSyntax let:
                Value? tensor = Indices.BindIndexLet(let, frame);
                if (tensor is null)
                {
                    return false;
                }

                frame.Locals[let.Name.Text] = tensor;
                return true;
            case PenaltySyntax penalty:
                return BindPenalty(penalty, frame);
            default:
                return true;
        }
    }

    /// <summary>A number that depends on parameters alone. What nothing trained has part in is constant, and no part of training.</summary>
    private bool BindPenalty(PenaltySyntax penalty, Frame frame)
    {
        var single = penalty.Definition as LetSyntax;
        ExpressionSyntax? written = single is null ? null : Expressions.Taken(single.Value, frame);
        if (single is not null && written is null)
        {
            return false;
        }

        Value? value = written is not null && ChainBinder.IsValue(written, frame) ? new RowValue(new InputTensor(1))
            : written is not null ? Expressions.Bind(written, frame)
            : Indices.BindIndexLet((IndexLetSyntax)penalty.Definition, frame);
        switch (value)
        {
            case null:
                return false;
            case TensorValue { Axes: 0, Tensor: var scalar }:
                if (scalar.IsTrained())
                {
                    Context.AddPenalty(frame.Prefix + penalty.Name.Text, scalar);
                }

                return true;
            default:
                (string found, string remedy) = value is RowValue or PositionsValue
                    ? ("what depends on the input", ": make it an output with a name, which the loss reads")
                    : (value.Description, $": a sum over all elements is written 'penalty {penalty.Name.Text}[] = T[i, j]'");
                Report(DiagnosticDescriptors.WrongKind, frame, (SyntaxNode?)single?.Value ?? penalty.Definition, "a scalar of the parameters for a penalty", found + remedy);
                return false;
        }
    }

    /// <summary>A requirement that does not hold is the caller's mistake, and is reported there.</summary>
    private bool BindRequire(RequireSyntax require, Frame frame)
    {
        if (Expressions.BindCondition(require.Condition, frame) is not { } holds)
        {
            return false;
        }

        if (holds)
        {
            return true;
        }

        bool isCalled = frame.Instantiation.Length > 0;
        string found = require.Condition is ChainSyntax { Precedence: Precedence.Comparison, Rest.Count: 1 } comparison
            && comparison.First is not NumberSyntax
            && Expressions.Bind(comparison.First, frame) is NumberValue left
                ? $", but {frame.Show(comparison.First)} is {Value.Show(left.Number)}"
                : "";
        Frame at = isCalled ? frame.Caller! : frame;
        TextSpan span = isCalled ? frame.CallSite : require.Condition.Span;
        Report(DiagnosticDescriptors.RequireFailed, at, span, isCalled ? frame.Instantiation + " " : "", frame.Show(require.Condition), found);
        return false;
    }
}
