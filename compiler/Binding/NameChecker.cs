using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// Checks everything that needs no sizes: which names are known, how many arguments they take, what is declared twice or
/// never used. Every declaration is checked, also a generic one that nobody instantiates. Binding can then rely on names.
/// </summary>
internal sealed class NameChecker(FileScope scope, ScopeTable table, List<Diagnostic> diagnostics, CancellationToken cancellationToken)
{
    private readonly Dictionary<string, Local> _locals = new(StringComparer.Ordinal);
    private readonly HashSet<string> _repeated = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unknown = new(StringComparer.Ordinal);
    private readonly HashSet<string> _penalties = new(StringComparer.Ordinal);
    private MapSyntax? _map;
    private bool _hasErrors;
    private bool _isAmbiguous;

    /// <summary>Checks a file, and marks its declarations that have errors.</summary>
    public void CheckFile()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (Declaration declaration in scope.Declarations)
        {
            Check(declaration);
            if (!seen.Add(declaration.Name))
            {
                Report(DiagnosticDescriptors.DuplicateName, declaration.Syntax.Name.Span, declaration.Name);
                declaration.IsBroken = true;
            }
        }
    }

    /// <summary>Checks one declaration, and marks it when it has errors.</summary>
    public void Check(Declaration declaration)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _locals.Clear();
        _repeated.Clear();
        _unknown.Clear();
        _penalties.Clear();
        _map = declaration.Syntax as MapSyntax;
        _hasErrors = false;
        if (declaration.Syntax is BankSyntax bank)
        {
            CheckAll(bank.Shape);
            Check(bank.Distribution);
        }
        else if (declaration.Syntax is MapSyntax { Inputs: not null } map)
        {
            Check(map);
        }

        declaration.IsChecked = true;
        declaration.IsBroken |= _hasErrors;
    }

    /// <summary>Checks the links of a formula.</summary>
    /// <returns>Whether it has no errors.</returns>
    public bool CheckFormula(EquatableArray<ExpressionSyntax> links)
    {
        CheckLinks(links);
        return !_hasErrors;
    }

    private void Check(MapSyntax map)
    {
        foreach (ParameterSyntax parameter in map.Parameters)
        {
            Check(parameter);
        }

        CheckSide(map, map.Inputs!, isInput: true);
        CheckSide(map, map.Outputs!, isInput: false);
        if (map.Kind == MapKind.Layer && map.Inputs is not PortsSyntax && !_locals.ContainsKey(IndexBinder.InputName))
        {
            _locals[IndexBinder.InputName] = new Local(LocalKind.Input, map.Name);
        }

        foreach (ClauseSyntax clause in map.Clauses)
        {
            Check(clause);
        }

        Check(map.Body);
        if (!_hasErrors && !map.IsBroken)
        {
            foreach (Local local in _locals.Values.Where(local => local is { IsUsed: false, Kind: LocalKind.Tensor or LocalKind.Family or LocalKind.Noise }))
            {
                diagnostics.Add(DiagnosticDescriptors.UnusedParameter.At(scope.Path, local.Declared.Span, local.Declared.Text));
            }
        }
    }

    /// <summary>Checks what a declaration takes. Extents that are names and not known before are those of the argument.</summary>
    private void Check(ParameterSyntax parameter)
    {
        NameSyntax[] own = [.. parameter.Kind.Extents.OfType<NameSyntax>().Where(name => !_locals.ContainsKey(name.Name))];
        if (parameter.Kind is MapKindSyntax && parameter.Default is { } chain)
        {
            CheckLinks(EquatableArray.Of(chain));
        }
        else
        {
            Check(parameter.Default);
        }

        foreach (NameSyntax name in own.GroupBy(name => name.Name).Select(same => same.First()))
        {
            Declare(new Identifier(name.Name, name.Span), LocalKind.Number);
        }

        CheckAll(parameter.Kind.Extents);
        Declare(parameter.Name, parameter.Kind switch { ListKindSyntax => LocalKind.List, NumberKindSyntax => LocalKind.Number, MapKindSyntax => LocalKind.Map, _ => LocalKind.Let });
    }

    /// <summary>Checks one side of a signature. Inputs with names are declared behind it, as their sizes do not see them.</summary>
    private void CheckSide(MapSyntax map, ExpressionSyntax side, bool isInput)
    {
        if (side is not PortsSyntax { Ports: var ports })
        {
            Check(side);
            return;
        }

        if (map.Kind == MapKind.Operator)
        {
            Report(DiagnosticDescriptors.WrongKind, side.Span, "a size, such as 't * n'", $"{(isInput ? "inputs" : "outputs")} with names, which a layer has");
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (PortSyntax port in ports)
        {
            CheckAll(port.Shape);
            Check(port.Limit);
            if (port.Name is not { } name)
            {
                Report(DiagnosticDescriptors.WrongKind, port.Span, $"{(isInput ? "an input" : "an output")} with a name and a shape, such as 'x[n]'", $"'{scope.Show(port)}'");
            }
            else if (port.Limit is not null && !isInput)
            {
                Report(DiagnosticDescriptors.WrongKind, port.Span, $"'{name.Text}[…]', an output, which holds numbers", $"'{scope.Show(port)}'");
            }
            else if (!seen.Add(name.Text))
            {
                Report(DiagnosticDescriptors.DuplicateName, name.Span, name.Text);
            }
        }

        foreach (PortSyntax port in ports.Where(port => isInput && port.Name is not null && seen.Remove(port.Name.Text)))
        {
            Declare(port.Name!, port.Limit is null ? LocalKind.Value : LocalKind.Positions);
        }
    }

    private void Check(ClauseSyntax clause)
    {
        switch (clause)
        {
            case RequireSyntax require:
                Check(require.Condition);
                break;
            case LetSyntax { Value: CompositionSyntax or ConditionalSyntax } let when IsValue(let.Value):
                CheckValue(let.Value);
                Declare(let.Name, LocalKind.Value);
                break;
            case LetSyntax { Value: var named } let when _map is { Kind: MapKind.Layer } && IsChain(FrozenSyntax.Within(named)):
                CheckLinks(EquatableArray.Of(named));
                Declare(let.Name, LocalKind.Let);
                break;
            case LetSyntax let:
                Check(let.Value);
                Declare(let.Name, IsValue(let.Value) ? LocalKind.Value : LocalKind.Let);
                break;
            case IndexLetSyntax let:
                CheckNotation(let.Axes, let.Terms, false);
                Declare(let.Name, IndexBinder.IsPositionLet(let, IsPositions) ? LocalKind.Positions : let.Terms.Any(term => term.Factors.Any(IsValue)) ? LocalKind.Value : LocalKind.Let);
                break;
            case PenaltySyntax penalty:
                if (penalty.Definition is IndexLetSyntax sum)
                {
                    CheckNotation(sum.Axes, sum.Terms, false);
                }
                else
                {
                    CheckValue(((LetSyntax)penalty.Definition).Value);
                }

                if (!_penalties.Add(penalty.Name.Text))
                {
                    Report(DiagnosticDescriptors.DuplicateName, penalty.Name.Span, penalty.Name.Text);
                }

                break;
            case TensorsSyntax tensors:
                Check(tensors.Seed);
                Check(tensors.Format);
                foreach (TensorSyntax tensor in tensors.Tensors)
                {
                    Check(tensor, isNoise: tensors.Role is null);
                }

                break;
        }
    }

    /// <summary>Checks a value of a layer: a chain that is applied to one, or a choice of such.</summary>
    private void CheckValue(ExpressionSyntax expression)
    {
        switch (expression)
        {
            case CompositionSyntax chain:
                CheckLinks(chain.Links);
                break;
            case ConditionalSyntax choice:
                Check(choice.Condition);
                CheckValue(choice.Then);
                CheckValue(choice.Else);
                break;
            default:
                Check(expression);
                break;
        }
    }

    private void Check(TensorSyntax tensor, bool isNoise)
    {
        Check(tensor.Count);
        WithVariable(tensor.Variable, () =>
        {
            CheckAll(tensor.Shape);
            Check(tensor.Distribution);
            Check(tensor.Rate);
        });
        Declare(tensor.Name, tensor.Variable is not null ? LocalKind.Family : isNoise ? LocalKind.Noise : LocalKind.Tensor);
    }

    private void Check(FormatSyntax? format)
    {
        if (format is null)
        {
            return;
        }

        Check(format.Group);
        if (Builtins.Formats.TryGetValue(format.Name.Text, out var found))
        {
            CheckCount($"the format '{format.Name.Text}'", 0, found.Groups ? 1 : 0, format.Group is null ? 0 : 1, format.Span);
        }
        else
        {
            Remedy hint = Spelling.DidYouMeanOneOf(format.Name.Text, Builtins.Formats.Keys);
            Report(DiagnosticDescriptors.UnknownFormat, format.Name.Span, format.Name.Text, hint);
        }
    }

    private void Check(DistributionSyntax? distribution)
    {
        if (distribution is null)
        {
            return;
        }

        CheckAll(distribution.Arguments);
        if (Builtins.Distributions.TryGetValue(distribution.Name.Text, out var found))
        {
            CheckCount(found.Signature, distribution.Arguments.Count, distribution.Span);
        }
        else
        {
            Remedy hint = Spelling.DidYouMeanOneOf(distribution.Name.Text, Builtins.Distributions.Keys);
            Report(DiagnosticDescriptors.UnknownDistribution, distribution.Name.Span, distribution.Name.Text, hint);
        }
    }

    private void Check(BodySyntax? body)
    {
        switch (body)
        {
            case ChainBody chain:
                CheckLinks(chain.Links);
                break;
            case ModelBody model:
                var seen = new HashSet<string>(StringComparer.Ordinal);
                foreach (ModelStepSyntax step in model.Steps)
                {
                    if (!seen.Add(step.Name.Text))
                    {
                        Report(DiagnosticDescriptors.DuplicateName, step.Name.Span, step.Name.Text);
                    }

                    CheckLinks(step.Body.Links);
                }

                break;
            case IndexBody index:
                if (index.Result.Text != "y")
                {
                    Report(DiagnosticDescriptors.UnexpectedToken, index.Result.Span, "'y', the result", $"'{index.Result.Text}'");
                }

                CheckNotation(index.Axes, index.Terms, true);
                break;
            case ResultsBody { Results: var results }:
                Identifier[] outputs = [.. ((PortsSyntax)_map!.Outputs!).Ports.Select(port => port.Name).OfType<Identifier>()];
                string names = string.Join(", ", outputs.Select(output => $"'{output.Text}'"));
                var written = new HashSet<string>(StringComparer.Ordinal);
                foreach (IndexBody result in results)
                {
                    if (!outputs.Any(output => output.Text == result.Result.Text))
                    {
                        Report(DiagnosticDescriptors.UnexpectedToken, result.Result.Span, $"an output of the layer: {names}", $"'{result.Result.Text}'");
                    }
                    else if (!written.Add(result.Result.Text))
                    {
                        Report(DiagnosticDescriptors.SecondBody, result.Result.Span, result.Result.Text);
                    }

                    CheckNotation(result.Axes, result.Terms, false);
                }

                foreach (Identifier output in outputs.Where(output => !_hasErrors && !written.Contains(output.Text)))
                {
                    Report(DiagnosticDescriptors.MissingBody, output.Span, "the output", output.Text, $"'{output.Text}[…] = …'");
                }

                break;
        }
    }

    private void CheckLinks(EquatableArray<ExpressionSyntax> links)
    {
        foreach (ExpressionSyntax link in links)
        {
            if (link == links[links.Count - 1] && IsValue(link) && link is not (CompositionSyntax or ConditionalSyntax or ChainSyntax))
            {
                Check(link);
            }
            else if (link is CallSyntax call && Builtins.Joints.ContainsKey(call.Name.Text) && scope.Find(call.Name.Text).Count == 0)
            {
                CheckCount($"'{call.Name.Text}(f, g)'", 1, int.MaxValue, call.Arguments.Count, call.Span);
                CheckLinks(call.Arguments);
            }
            else if (link is CompositionSyntax chain)
            {
                CheckLinks(chain.Links);
            }
            else if (link is FrozenSyntax frozen)
            {
                CheckLinks(EquatableArray.Of(frozen.Operand));
            }
            else if (link is ConditionalSyntax choice)
            {
                Check(choice.Condition);
                CheckLinks(EquatableArray.Of(choice.Then));
                CheckLinks(EquatableArray.Of(choice.Else));
            }
            else if (ChainBinder.Beside(link) is { } parts && !IsValue(link))
            {
                foreach (ExpressionSyntax part in parts)
                {
                    CheckLinks(EquatableArray.Of(part));
                }
            }
            else if (link is RepeatSyntax { IsLink: true } repeat)
            {
                Check(repeat.Count);
                WithVariable(repeat.Variable, () => CheckLinks(EquatableArray.Of(repeat.Body)));
            }
            else if (CheckLinkCall(link))
            {
                continue;
            }
            else if (FunctionOfTensors(link) is { } noLink)
            {
                Report(DiagnosticDescriptors.WrongKind, link.Span, "an operator or a link", $"'{Builtins.UsageOf(noLink)}', a function of tensors that is no link: {noLink.WhyNoLink}");
            }
            else if (link is ChainSyntax { Precedence: Precedence.Additive } sum && Operands(sum).FirstOrDefault(term => IsInput(term.Operand)).Operand is { } input)
            {
                bool isFirst = link == links[links.Count - 1] && _map?.Inputs is not null;
                string identity = $"eye({(isFirst ? scope.Show(_map!.Inputs!) : "n")})";
                string remedy = _map is { Kind: MapKind.Operator }
                    ? string.Concat(Operands(sum).Select((term, i) => (i > 0 ? $" {term.Operator} " : "") + Shown(term.Operand)))
                    : $"add({string.Join(", ", Operands(sum).Select(term => (term.Operator == "-" ? "-" : "") + Shown(term.Operand)))})";
                Report(DiagnosticDescriptors.UnknownName, input.Span, "x", Write(": the input has no name here, write ", remedy, link));
                CheckAll(Operands(sum).Select(term => term.Operand).Where(operand => !IsInput(operand)));

                string Shown(ExpressionSyntax operand) => IsInput(operand) ? identity : scope.Show(operand);
            }
            else if (IsDropout(link))
            {
                CheckCount(Builtins.Dropout, ((CallSyntax)link).Arguments.Count, link.Span);
                CheckAll(((CallSyntax)link).Arguments);
            }
            else if (Builtins.LinkFunction(link, scope, _locals.ContainsKey) is { } function)
            {
                EquatableArray<ExpressionSyntax> arguments = link is CallSyntax { Arguments: var all } ? all : default;
                int numbers = function.Number is null ? 0 : 1;
                CheckCount($"'{Builtins.UsageOf(function)}'", numbers, numbers + 1, arguments.Count, link.Span);
                CheckAll(arguments);
            }
            else if (!IsElementwise(link))
            {
                Check(link);
            }
        }
    }

    /// <summary>Whether what <c>let</c> names in a layer is a chain of links by the words in it.</summary>
    private bool IsChain(ExpressionSyntax expression) => expression is CompositionSyntax or RepeatSyntax { IsLink: true } || IsElementwise(expression) || IsDropout(expression)
        || (expression is CallSyntax { Name.Text: var name } && Builtins.Joints.ContainsKey(name) && scope.Find(name).Count == 0)
        || (expression is ConditionalSyntax choice && (IsChain(choice.Then) || IsChain(choice.Else)))
        || (ChainBinder.Beside(expression) is { } parts && parts.Any(IsChain));

    private bool IsDropout(ExpressionSyntax link) => link is CallSyntax { Name.Text: var name } && name == Builtins.Dropout.Name && scope.Find(name).Count == 0;

    private static IEnumerable<(string Operator, ExpressionSyntax Operand)> Operands(ChainSyntax chain) =>
        chain.Rest.Select(link => (link.Operator, link.Operand)).Prepend(("", chain.First));

    private bool IsInput(ExpressionSyntax expression) => expression is NameSyntax { Name: IndexBinder.InputName }
        && (_locals.TryGetValue(IndexBinder.InputName, out Local? local) ? local.Kind == LocalKind.Input : scope.Find(IndexBinder.InputName).Count == 0);

    /// <summary>Whether an expression is a value of a layer, or a chain that is applied to one.</summary>
    private bool IsValue(ExpressionSyntax expression) => ValueSyntax.IsValue(
        expression,
        name => _locals.TryGetValue(name, out Local? local) && local.Kind is LocalKind.Value or LocalKind.Noise or LocalKind.Input or LocalKind.Positions,
        call => scope.Find(call.Name.Text).Count > 0);

    /// <summary>Whether a factor is a value, or a tensor that is read where one says.</summary>
    private bool IsValue(IndexFactorSyntax factor) =>
        IsValue(factor.Value) || IndexNames.Positions(factor.Value, IsPositions).Any()
        || factor.Brackets.SelectMany(axes => axes).SelectMany(axis => axis.Indices).Any(index => IndexNames.Positions(index.Value, IsPositions).Any());

    private Func<string, bool>? IsPositions => _map?.Inputs is PortsSyntax ? name => _locals.TryGetValue(name, out Local? local) && local.Kind == LocalKind.Positions : null;

    /// <summary>Reports a link that is called with what comes before it, as in other languages.</summary>
    private bool CheckLinkCall(ExpressionSyntax expression)
    {
        if (AsChain(expression) is not { } chain)
        {
            return false;
        }

        var call = (CallSyntax)expression;
        string name = call.Name.Text;
        if (Builtins.Functions.TryGetValue(name, out var function))
        {
            Report(DiagnosticDescriptors.WrongKind, call.Span, $"a tensor for '{function.Signature.Usage}'", Write($"'{scope.Show(call.Arguments[0])}'; for a link write ", chain, call));
        }
        else
        {
            Report(DiagnosticDescriptors.NotCallable, call.Span, name, "a link", Write(": write ", chain, call));
        }

        while (AsChain(expression) is not null)
        {
            expression = ((CallSyntax)expression).Arguments[0];
        }

        Check(expression);
        return true;
    }

    /// <summary><c>gelu(bias(A))</c> as <c>gelu . bias . A</c>; null for what is no such call, or one of a function of tensors with a tensor.</summary>
    private string? AsChain(ExpressionSyntax expression)
    {
        if (expression is not CallSyntax { Arguments: { Count: 1 } arguments, Name.Text: var name } || !Builtins.IsLink(name) || scope.Find(name).Count > 0 || IsValue(arguments[0]))
        {
            return null;
        }

        string? inner = AsChain(arguments[0]);
        bool isCall = arguments[0] is CallSyntax call && (Builtins.Joints.ContainsKey(call.Name.Text) || scope.Find(call.Name.Text).Count > 0);
        return inner is null && !isCall && Builtins.Functions.ContainsKey(name) ? null
            : arguments[0] is NumberSyntax ? name
            : $"{name} . {inner ?? scope.Show(arguments[0])}";
    }

    /// <summary>The function that stands where a link does, without its tensors, and is none.</summary>
    private TensorFunction? FunctionOfTensors(ExpressionSyntax link)
    {
        (string name, EquatableArray<ExpressionSyntax> arguments) = link switch
        {
            CallSyntax call => (call.Name.Text, call.Arguments),
            NameSyntax alone when !_locals.ContainsKey(alone.Name) => (alone.Name, default),
            _ => ("", default),
        };
        bool hasTensor = arguments.Any(argument => argument is NameSyntax own && _locals.TryGetValue(own.Name, out Local? local) && local.Kind != LocalKind.Number);
        return TensorFunction.All.TryGetValue(name, out TensorFunction? function) && !function.IsLink && !Activations.ByName.ContainsKey(name)
            && !hasTensor && arguments.Count == (function.Number is null ? 0 : 1) && scope.Find(name).Count == 0
                ? function
                : null;
    }

    private bool IsElementwise(ExpressionSyntax link) =>
        link is NameSyntax name
        && (name.Name == Builtins.Bias || Activations.ByName.ContainsKey(name.Name))
        && !_locals.ContainsKey(name.Name)
        && scope.Find(name.Name).Count == 0;

    private void CheckNotation(EquatableArray<IndexGroupSyntax> axes, EquatableArray<IndexTermSyntax> terms, bool hasInput)
    {
        HashSet<string> indices = IndexNames.Of(axes, terms, IsPositions);
        CheckAxes(axes, indices);
        foreach (IndexFactorSyntax factor in terms.SelectMany(term => term.Factors))
        {
            if (factor.Brackets.Count == 0)
            {
                WithIndices(IndexNames.In(factor.Value, indices), () => Check(factor.Value));
            }
            else if (!(hasInput && factor.Value is NameSyntax { Name: "x" }))
            {
                Check(factor.Value);
            }

            foreach (EquatableArray<IndexGroupSyntax> places in IndexNames.Places(factor))
            {
                CheckAxes(places, indices);
            }

            if (factor.Value is NameSyntax name && _locals.TryGetValue(name.Name, out Local? local) && local.Kind == LocalKind.Family && factor.Brackets.Count > 0)
            {
                CheckAll(factor.Brackets[0].SelectMany(group => group.Indices).Select(index => index.Value));
            }
        }
    }

    private void CheckAxes(EquatableArray<IndexGroupSyntax> axes, HashSet<string> indices)
    {
        foreach (IndexSyntax index in axes.SelectMany(group => group.Indices))
        {
            Check(index.Extent);
            if (!index.IsPlain)
            {
                WithIndices(IndexNames.In(index.Value, indices), () => Check(index.Value));
            }
        }
    }

    private void WithIndices(IEnumerable<NameSyntax> indices, Action check)
    {
        if (indices.FirstOrDefault() is { } index)
        {
            WithVariable(new Identifier(index.Name, index.Span), () => WithIndices(indices.Skip(1), check));
        }
        else
        {
            check();
        }
    }

    private void CheckAll(IEnumerable<ExpressionSyntax> expressions)
    {
        foreach (ExpressionSyntax expression in expressions)
        {
            Check(expression);
        }
    }

    private void Check(ExpressionSyntax? expression)
    {
        switch (expression)
        {
            case NameSyntax name:
                CheckName(name);
                break;
            case CallSyntax when CheckLinkCall(expression):
                break;
            case CallSyntax call:
                CheckCall(call);
                CheckArguments(call);
                break;
            case FrozenSyntax frozen:
                Check(frozen.Operand);
                break;
            case CompositionSyntax chain:
                CheckAll(chain.Links);
                break;
            case BlockSyntax block:
                CheckAll(block.Rows.SelectMany(row => row));
                break;
            case RepeatSyntax { IsLink: true } links:
                Report(DiagnosticDescriptors.NotLinear, links.Span, links.Combinator);
                break;
            case RepeatSyntax repeat:
                Check(repeat.Count);
                WithVariable(repeat.Variable, () => Check(repeat.Body));
                _repeated.Add(repeat.Variable.Text);
                break;
            case NegateSyntax negate:
                Check(negate.Operand);
                break;
            case NotSyntax not:
                Check(not.Operand);
                break;
            case ConditionalSyntax choice:
                CheckAll([choice.Condition, choice.Then, choice.Else]);
                break;
            case ChainSyntax chain:
                Check(chain.First);
                CheckAll(chain.Rest.Select(link => link.Operand));
                break;
            case PostfixSyntax postfix:
                Check(postfix.Operand);
                foreach (SliceItemSyntax item in postfix.Suffixes.OfType<SliceSuffix>().SelectMany(suffix => suffix.Items))
                {
                    Check(item.Start);
                    Check(item.End);
                }

                break;
        }
    }

    private void CheckName(NameSyntax name)
    {
        if (_locals.TryGetValue(name.Name, out Local? local))
        {
            local.IsUsed = true;
        }
        else if (Resolve(name.Name, name.Span) is { } declaration)
        {
            if (declaration.RequiredArguments > 0)
            {
                Report(DiagnosticDescriptors.NeedsArguments, name.Span, name.Name, declaration.Signature);
            }
        }
        else if (Builtins.Constants.ContainsKey(name.Name))
        {
            return;
        }
        else if (name.Name == Builtins.Bias || Activations.ByName.ContainsKey(name.Name))
        {
            Report(DiagnosticDescriptors.NotLinear, name.Span, name.Name);
        }
        else if ((Builtins.Functions.TryGetValue(name.Name, out var builtin) ? builtin.Signature : name.Name == Builtins.Dropout.Name ? Builtins.Dropout : null) is { } signature)
        {
            Report(DiagnosticDescriptors.NeedsArguments, name.Span, name.Name, signature.Usage);
        }
        else if (!_isAmbiguous)
        {
            ReportUnknown(name.Name, name.Span);
        }
    }

    /// <summary>Checks arguments: a map that a declaration takes may be a chain.</summary>
    private void CheckArguments(CallSyntax call)
    {
        EquatableArray<ParameterSyntax> parameters = scope.Find(call.Name.Text).FirstOrDefault()?.Syntax is MapSyntax map ? map.Parameters : default;
        for (int k = 0; k < call.Arguments.Count; k++)
        {
            if (k < parameters.Count && parameters[k].Kind is MapKindSyntax)
            {
                CheckLinks(EquatableArray.Of(call.Arguments[k]));
            }
            else
            {
                Check(call.Arguments[k]);
            }
        }
    }

    private void CheckCall(CallSyntax call)
    {
        string name = call.Name.Text;
        if (Resolve(name, call.Name.Span) is { } declaration)
        {
            if (declaration.Syntax is MapSyntax map)
            {
                CheckCount($"'{declaration.Signature}'", declaration.RequiredArguments, map.Parameters.Count, call.Arguments.Count, call.Span);
            }
            else
            {
                Report(DiagnosticDescriptors.NotCallable, call.Name.Span, name, "a bank", "");
            }
        }
        else if (Builtins.Functions.TryGetValue(name, out var builtin))
        {
            CheckCount(builtin.Signature, call.Arguments.Count, call.Span);
        }
        else if (Activations.ByName.ContainsKey(name) && call.Arguments.Any(IsValue))
        {
            CheckCount($"'{name}(v)'", 1, 1, call.Arguments.Count, call.Span);
        }
        else if (name == Builtins.Dropout.Name && call.Arguments.FirstOrDefault(IsValue) is { } dropped)
        {
            string probability = call.Arguments.FirstOrDefault(argument => argument != dropped) is { } other ? scope.Show(other) : "p";
            Report(DiagnosticDescriptors.NotCallable, call.Span, name, "a link", Write(": write ", $"{name}({probability}) . {scope.Show(dropped)}", call));
        }
        else if (Builtins.Joints.ContainsKey(name) || name == Builtins.Dropout.Name)
        {
            Report(DiagnosticDescriptors.NotLinear, call.Name.Span, name);
        }
        else if (_locals.TryGetValue(name, out Local? local))
        {
            local.IsUsed = true;
            Report(DiagnosticDescriptors.NotCallable, call.Name.Span, name, local.Kind switch
            {
                LocalKind.Number => "a number",
                LocalKind.List => "a list",
                LocalKind.Let => "a name for an expression",
                LocalKind.Map => "a map that the declaration takes",
                LocalKind.Family => "a family of tensors",
                LocalKind.Value or LocalKind.Noise or LocalKind.Input => "a value of the layer",
                LocalKind.Positions => "an input of positions",
                _ => "a tensor",
            }, local.Kind == LocalKind.Map ? $": its sizes are known, write '{name}'" : "");
        }
        else if (!_isAmbiguous)
        {
            ReportUnknown(name, call.Name.Span);
        }
    }

    private Declaration? Resolve(string name, TextSpan span)
    {
        IReadOnlyList<Declaration> found = scope.Find(name);
        _isAmbiguous = found.Count > 1;
        if (_isAmbiguous)
        {
            Report(DiagnosticDescriptors.AmbiguousName, span, name, $"'{found[0].Scope.Path}'", $"'{found[1].Scope.Path}'");
            return null;
        }

        return found.FirstOrDefault();
    }

    /// <summary>Reports a name once in a declaration, and not where what could not be read may have declared it.</summary>
    private void ReportUnknown(string name, TextSpan span)
    {
        _hasErrors = true;
        if (scope.MissesImport || (_map is not null && _map.Unread.Contains(name)) || !_unknown.Add(name))
        {
            return;
        }

        string text = scope.File.Source.Text;
        bool isMember = span.Start > 1 && text[span.Start - 1] == '.' && !char.IsWhiteSpace(text[span.Start - 2]);
        FileScope? elsewhere = table.Scopes.FirstOrDefault(other => other != scope && other.FindOwn(name) is not null);
        Remedy hint = _repeated.Contains(name) ? new(": what a repetition repeats ends before it, put the whole in parentheses")
            : isMember && name is ("T" or "mT" or "H") ? new(": a transpose is written A'", "'", TextSpan.FromBounds(span.Start - 1, span.End))
            : name == "x" ? new(": the input has no name here, a map is written without it")
            : elsewhere is null ? Spelling.DidYouMean(name, _locals.Keys.Concat(scope.VisibleNames()).Concat(Builtins.Names))
            : Import(ScopeTable.Import(ScopeTable.RelativePath(scope, elsewhere)));
        Report(DiagnosticDescriptors.UnknownName, span, name, hint);

        static Remedy Import(string statement) => new($": it is declared in another file, write: {statement}", statement + "\n", default(TextSpan));
    }

    /// <summary>A remedy whose formula stands for a whole expression, unless some of it was left out for brevity.</summary>
    private static Remedy Write(string before, string formula, SyntaxNode instead) =>
        new(before + formula, formula.Contains('…') ? null : formula, instead.Span);

    private void CheckCount(Signature signature, int count, TextSpan span) => CheckCount($"'{signature.Usage}'", signature.Min, signature.Max, count, span);

    private void CheckCount(string usage, int min, int max, int count, TextSpan span)
    {
        if (count >= min && count <= max)
        {
            return;
        }

        string expected = min == max ? $"{min}" : max == int.MaxValue ? $"at least {min}" : $"{min} to {max}";
        Report(DiagnosticDescriptors.ArgumentCount, span, usage, $"{expected} {(min == 1 && max == 1 ? "argument" : "arguments")}", count);
    }

    private void Declare(Identifier name, LocalKind kind)
    {
        if (_locals.TryGetValue(name.Text, out Local? known) && known.Kind != LocalKind.Input)
        {
            Report(DiagnosticDescriptors.DuplicateName, name.Span, name.Text);
        }

        _locals[name.Text] = new Local(kind, name);
    }

    /// <summary>An index of a repetition may hide a name outside.</summary>
    private void WithVariable(Identifier? variable, Action check)
    {
        if (variable is null)
        {
            check();
            return;
        }

        _locals.TryGetValue(variable.Text, out Local? outer);
        _locals[variable.Text] = new Local(LocalKind.Number, variable);
        check();
        _locals.Remove(variable.Text);
        if (outer is not null)
        {
            _locals[variable.Text] = outer;
        }
    }

    private void Report(DiagnosticDescriptor descriptor, TextSpan span, params object[] arguments)
    {
        _hasErrors = true;
        diagnostics.Add(descriptor.At(scope.Path, span, arguments));
    }

    private enum LocalKind
    {
        Number,
        List,
        Tensor,
        Family,
        Let,

        /// <summary>A map that the declaration takes.</summary>
        Map,

        /// <summary>A let that depends on the input of a layer.</summary>
        Value,

        /// <summary>A value that is drawn in training.</summary>
        Noise,

        /// <summary>The input of a layer, which what is declared hides.</summary>
        Input,

        /// <summary>An input of positions, or arithmetic on one.</summary>
        Positions,
    }

    private sealed class Local(LocalKind kind, Identifier declared)
    {
        public LocalKind Kind => kind;

        public Identifier Declared => declared;

        public bool IsUsed { get; set; }
    }
}
