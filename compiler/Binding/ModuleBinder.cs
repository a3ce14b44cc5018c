using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// Binds one module: instantiates its declaration, and those that it calls, with every size known. Names have been checked
/// before. Where a part cannot be bound its value is null, and that has been reported.
/// </summary>
/// <param name="table">The scopes of the project.</param>
/// <param name="visiblePaths">The texts that diagnostics can point into. A mistake elsewhere is reported at the call from here.</param>
/// <param name="diagnostics">Where they go.</param>
/// <param name="cancellationToken">Stops it.</param>
internal sealed partial class ModuleBinder(ScopeTable table, HashSet<string> visiblePaths, List<Diagnostic> diagnostics, CancellationToken cancellationToken)
{
    /// <summary>Caps that keep a slip such as <c>product(i &lt; 1000000000)</c>, or an attack, from exhausting the compiler.</summary>
    private const int MaxParameters = 20_000;
    private const int MaxNodes = 200_000;
    private const int MaxWork = 200_000;
    private const int MaxListed = 1 << 16;
    private const int MaxNesting = 400;
    private const int MaxCalls = 50;

    private readonly List<Parameter> _parameters = [];
    private readonly HashSet<string> _parameterNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> _prefixes = new(StringComparer.Ordinal);

    /// <summary>The number that the next parameter or part of a name may get: those below are taken.</summary>
    private readonly Dictionary<string, int> _nextNumbers = new(StringComparer.Ordinal);
    private readonly Dictionary<(Declaration, string), ParameterTensor> _sharedTensors = [];
    private int _nextIndex;
    private long _work;
    private int _nesting;

    /// <summary>Set once a cap is hit: the one diagnostic about it is enough.</summary>
    private bool _isExhausted;

    /// <summary>Binds a declaration without parameters.</summary>
    public Module? Bind(Declaration declaration, string name)
    {
        var root = new Frame(declaration.Scope, null, "", null, default);
        var map = (MapSyntax)declaration.Syntax;
        string formula = declaration.Scope.File.Source.Slice(map.Span).Trim();
        return Instantiate(declaration, [], root, map.Name.Span, "") is { } chain
            ? MakeModule(name, formula, map.Documentation, chain, root, map.Name.Span)
            : null;
    }

    /// <summary>Binds a formula that stands by itself.</summary>
    public Module? Bind(FileScope scope, EquatableArray<ExpressionSyntax> links, string name)
    {
        var root = new Frame(scope, null, "", null, default);
        if (BindChain(links, root, null) is not { } chain)
        {
            return null;
        }

        string documentation = links.Count == 1 && DeclarationOf(links[0], root) is { } declaration ? declaration.Syntax.Documentation : "";
        return MakeModule(name, scope.File.Source.Text.Trim(), documentation, chain, root, new TextSpan(0, scope.File.Source.Text.Length));
    }

    private Module? MakeModule(string name, string formula, string documentation, ChainValue chain, Frame root, TextSpan place)
    {
        HashSet<Parameter> used = ParameterCollector.Collect(chain.Links);
        Parameter[] parameters = [.. _parameters.Where(used.Contains).OrderBy(parameter => parameter.Role)];
        long elements = parameters.Sum(parameter => (long)parameter.Length);
        if (elements > Limits.Block)
        {
            Report(DiagnosticDescriptors.TooLarge, root, place, Limits.Message($"the parameters of '{name}'", elements, Limits.Block));
            return null;
        }

        return new Module(name, formula, documentation, chain.Inputs, chain.Outputs, chain.Links, parameters.ToEquatable());
    }

    private void Report(DiagnosticDescriptor descriptor, Frame frame, SyntaxNode node, params object[] arguments) =>
        Report(descriptor, frame, node.Span, arguments);

    /// <summary>Reports at a place in a frame's file, or else at the innermost call that the user can see.</summary>
    private void Report(DiagnosticDescriptor descriptor, Frame frame, TextSpan span, params object[] arguments)
    {
        string origin = frame.Instantiation.Length > 0 ? $" (in {frame.Instantiation})" : "";
        if (!visiblePaths.Contains(frame.Scope.Path))
        {
            LinePosition position = frame.Scope.File.Source.PositionAt(span.Start);
            string place = $"{frame.Scope.Path}({position.Line + 1},{position.Character + 1})";
            string inside = frame.Instantiation.Length > 0 ? frame.Instantiation : frame.Declaration?.Name ?? "";
            origin = $" (in {inside}, {place})";
            while (frame.Caller is not null && !visiblePaths.Contains(frame.Scope.Path))
            {
                span = frame.CallSite;
                frame = frame.Caller;
            }
        }

        Diagnostic diagnostic = descriptor.At(frame.Scope.Path, span, arguments);
        diagnostics.Add(diagnostic with { Message = diagnostic.Message + DiagnosticDescriptor.Shortened(origin) });
    }

    private void Exhaust(Frame frame, SyntaxNode node, string message) => Exhaust(frame, node.Span, message);

    private void Exhaust(Frame frame, TextSpan span, string message)
    {
        if (!_isExhausted)
        {
            _isExhausted = true;
            Report(DiagnosticDescriptors.TooLarge, frame, span, message);
        }
    }

    /// <summary>Instantiates a declaration, with its arguments bound.</summary>
    private ChainValue? Instantiate(Declaration declaration, IReadOnlyList<Value> arguments, Frame caller, TextSpan callSite, string prefix)
    {
        var map = (MapSyntax)declaration.Syntax;
        EnsureChecked(declaration);
        if (declaration.IsBroken)
        {
            if (!visiblePaths.Contains(declaration.Scope.Path))
            {
                Report(DiagnosticDescriptors.BrokenDeclaration, caller, callSite, declaration.Name, $"'{declaration.Scope.Path}'");
            }

            return null;
        }

        if (FindCycle(declaration, caller) is { } cycle)
        {
            Report(DiagnosticDescriptors.Recursion, caller, callSite, declaration.Name, cycle);
            return null;
        }

        var frame = new Frame(declaration.Scope, declaration, prefix, caller, callSite);
        if (frame.CallDepth > MaxCalls)
        {
            Exhaust(caller, callSite, $"calls nested more than {MaxCalls} levels deep");
            return null;
        }

        if (!BindSizes(map, arguments, frame)
            || BindSize(map.Inputs!, frame) is not { } inputs
            || BindSize(map.Outputs!, frame) is not { } outputs)
        {
            return null;
        }

        // The clauses after one that fails may hold mistakes of their own, but those that follow from it would be noise.
        foreach (ClauseSyntax clause in map.Clauses)
        {
            if (!BindClause(clause, frame))
            {
                return null;
            }
        }

        ChainValue? body = map.Body switch
        {
            ChainBody chain when map.Kind == MapKind.Operator && chain.Links.Count > 1 => ReportChain(chain, frame),
            ChainBody chain => BindChain(chain.Links, frame, inputs),
            ModelBody model => BindModel(model, frame, inputs),
            IndexBody index => BindIndexBody(index, frame, inputs, outputs),
            _ => null,
        };
        if (body is null)
        {
            return null;
        }

        if (map.Kind == MapKind.Operator && body.Links.Any(link => link is not LinearLink))
        {
            ExpressionSyntax link = ((ChainBody)map.Body!).Links[0];
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
                map.Body is ModelBody { Steps: var steps } ? steps[steps.Count - 1].Body : map.Body!,
                declaration.Name,
                declared == sizes ? sizes : $"{declared} = {sizes}",
                $"{body.Inputs} -> {body.Outputs}");
            return null;
        }

        return body;
    }

    /// <summary>A formula uses few of a project's declarations: the others need no checking for it.</summary>
    private void EnsureChecked(Declaration declaration)
    {
        if (!declaration.IsChecked)
        {
            new NameChecker(declaration.Scope, table, [], cancellationToken).Check(declaration);
        }
    }

    private ChainValue? ReportChain(SyntaxNode chain, Frame frame)
    {
        Report(DiagnosticDescriptors.WrongKind, frame, chain, "one operator (write '*' for a product)", "a chain of links with '.', which makes a layer");
        return null;
    }

    private static string? FindCycle(Declaration declaration, Frame caller)
    {
        var names = new List<string> { declaration.Name };
        for (Frame? frame = caller; frame is not null; frame = frame.Caller)
        {
            if (frame.Declaration is not null)
            {
                names.Add(frame.Declaration.Name);
            }

            if (frame.Declaration == declaration)
            {
                names.Reverse();
                return string.Join(" → ", names);
            }
        }

        return null;
    }

    private bool BindSizes(MapSyntax map, IReadOnlyList<Value> arguments, Frame frame)
    {
        var shown = new List<string>();
        for (int i = 0; i < map.Parameters.Count; i++)
        {
            SizeParameterSyntax parameter = map.Parameters[i];
            Value? value = i < arguments.Count ? arguments[i] : Bind(parameter.Default!, frame);
            bool isExpected = parameter.IsList ? value is ListValue : value is NumberValue;
            if (!isExpected)
            {
                if (value is not null)
                {
                    string expected = $"{(parameter.IsList ? "a list" : "a number")} for '{parameter.Name.Text}' of '{frame.Declaration!.Signature}'";
                    Report(DiagnosticDescriptors.WrongKind, frame.Caller!, frame.CallSite, expected, value.Description);
                }

                return false;
            }

            if (value is ListValue { Numbers.Count: var length } && !Spend(length, frame, parameter))
            {
                return false;
            }

            frame.Locals[parameter.Name.Text] = value!;
            shown.Add($"{parameter.Name.Text} = {(value is ListValue list ? list.Text : Value.Show(((NumberValue)value!).Number))}");
        }

        frame.Instantiation = shown.Count > 0 ? $"{frame.Declaration!.Name}({string.Join(", ", shown)})" : "";
        return true;
    }

    private bool BindClause(ClauseSyntax clause, Frame frame)
    {
        switch (clause)
        {
            case RequireSyntax require:
                return BindRequire(require, frame);
            case TensorsSyntax tensors:
                return tensors.Tensors.All(tensor => BindTensor(tensors, tensor, frame));
            case LetSyntax let:
                Value? value = DeclarationOf(let.Value, frame) is not null
                    ? BindCall(let.Value, frame, UniquePrefix(frame, let.Name.Text))
                    : Bind(let.Value, frame);
                if (value is null)
                {
                    return false;
                }

                frame.Locals[let.Name.Text] = value;
                return true;
            case IndexLetSyntax let:
                TensorValue? tensor = BindIndexLet(let, frame);
                if (tensor is null)
                {
                    return false;
                }

                frame.Locals[let.Name.Text] = tensor;
                return true;
            default:
                return true;
        }
    }

    /// <summary>A requirement that does not hold is the caller's mistake, and is reported there.</summary>
    private bool BindRequire(RequireSyntax require, Frame frame)
    {
        if (BindCondition(require.Condition, frame) is not { } holds)
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
            && Bind(comparison.First, frame) is NumberValue left
                ? $", but {frame.Show(comparison.First)} is {Value.Show(left.Number)}"
                : "";
        Frame at = isCalled ? frame.Caller! : frame;
        TextSpan span = isCalled ? frame.CallSite : require.Condition.Span;
        Report(DiagnosticDescriptors.RequireFailed, at, span, isCalled ? frame.Instantiation + " " : "", frame.Show(require.Condition), found);
        return false;
    }

    private string UniquePrefix(Frame frame, string name) => Unique(frame.Prefix + name, ".", _prefixes);

    private string UniqueName(string name) => Unique(name, "", _parameterNames);

    private string Unique(string name, string end, HashSet<string> taken)
    {
        string unique = name + end;
        if (taken.Add(unique))
        {
            return unique;
        }

        if (!_nextNumbers.TryGetValue(unique, out int number))
        {
            number = 2;
        }

        string numbered;
        do
        {
            numbered = FormattableString.Invariant($"{name}{number++}{end}");
        }
        while (!taken.Add(numbered));
        _nextNumbers[unique] = number;
        return numbered;
    }

    private IndexVariable NewIndex(string name, int extent) => new(name, extent, _nextIndex++);

    private bool BindTensor(TensorsSyntax clause, TensorSyntax tensor, Frame frame)
    {
        int seed = 0;
        if (clause.Seed is not null)
        {
            if (BindInteger(clause.Seed, frame) is not { } found)
            {
                return false;
            }

            seed = found;
        }

        if (tensor.Shape.Count > 0)
        {
            frame.WrittenShapes[tensor.Name.Text] = $"[{string.Join(", ", tensor.Shape.Select(frame.Show))}]";
        }

        if (tensor.Variable is null)
        {
            TensorExpression? single = BindMember(clause, tensor, tensor.Name.Text, seed, frame);
            if (single is not null)
            {
                frame.Locals[tensor.Name.Text] = new TensorValue(single);
            }

            return single is not null;
        }

        if (BindSize(tensor.Count!, frame) is not { } count)
        {
            return false;
        }

        var members = new List<TensorExpression>();
        bool isBound = WithVariable(tensor.Variable, frame, variable =>
        {
            for (int k = 0; k < count && !_isExhausted; k++)
            {
                variable(new NumberValue(k));
                if (BindMember(clause, tensor, $"{tensor.Name.Text}[{k}]", seed, frame) is not { } member)
                {
                    return false;
                }

                members.Add(member);
            }

            return !_isExhausted;
        });
        frame.Locals[tensor.Name.Text] = new FamilyValue(members.ToEquatable());
        return isBound;
    }

    private TensorExpression? BindMember(TensorsSyntax clause, TensorSyntax tensor, string name, int seed, Frame frame) =>
        BindParameter(clause, tensor, name, seed, frame) is { } parameter
            ? clause.Format is { } format ? BindFormat(parameter, format, frame) : parameter
            : null;

    /// <summary>A tensor as its format lets it be read: rounded, each group of the last axis by itself where there are groups.</summary>
    private TensorExpression? BindFormat(ParameterTensor tensor, FormatSyntax syntax, Frame frame)
    {
        (string name, double? bits, bool _) = Builtins.Formats[syntax.Name.Text];
        TensorFunction function = TensorFunction.All[name];
        EquatableArray<double> numbers = bits is { } number ? EquatableArray.Of(number) : default;
        if (function.Check([tensor.Shape], bits ?? 0) is { } fault)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, syntax, $"{fault.Expected} for the format '{syntax.Name.Text}'", $"a tensor {TensorValue.ShapeText(tensor)}");
            return null;
        }

        if (syntax.Group is null)
        {
            return new FunctionTensor(function, EquatableArray.Of<TensorExpression>(tensor), numbers);
        }

        int length = tensor.Shape[tensor.Shape.Count - 1];
        if (BindSize(syntax.Group, frame) is not { } group)
        {
            return null;
        }

        if (length % group != 0)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, syntax.Group, $"{group}", $"a divisor of {length}, the length of the last axis");
            return null;
        }

        IEnumerable<int> extents = tensor.Shape.Take(tensor.Shape.Count - 1).Append(length / group).Append(group);
        IndexVariable[] indices = [.. extents.Select((extent, k) => NewIndex("ijklmn"[k % 6].ToString(), extent))];
        EquatableArray<EquatableArray<IndexVariable>> split = indices.Select(index => EquatableArray.Of(index)).ToEquatable();
        EquatableArray<EquatableArray<IndexVariable>> joined =
            split.Take(indices.Length - 2).Append(indices.Skip(indices.Length - 2).ToEquatable()).ToEquatable();
        var groups = new EinsumTensor(split, EquatableArray.Of(new IndexedTensor(tensor, joined.Select(axis => AffineIndex.Group(axis)).ToEquatable())));
        var rounded = new FunctionTensor(function, EquatableArray.Of<TensorExpression>(groups), numbers);
        return new EinsumTensor(joined, EquatableArray.Of(new IndexedTensor(rounded, indices.Select(AffineIndex.Of).ToEquatable())));
    }

    private ParameterTensor? BindParameter(TensorsSyntax clause, TensorSyntax tensor, string name, int seed, Frame frame)
    {
        if (BindShape(tensor.Shape, tensor, frame) is not { } shape || BindInitializer(tensor.Distribution, clause.Role, shape, frame) is not { } initializer
            || BindRate(clause, tensor, frame) is not { } rate)
        {
            return null;
        }

        seed = clause.Role == Role.Seeded ? Stream(seed, name) : 0;
        if (!clause.IsShared)
        {
            return AddParameter(new Parameter(frame.Prefix + name, shape, clause.Role, initializer, seed, rate), frame, tensor);
        }

        (Declaration, string) key = (frame.Declaration!, $"{name} {string.Join(" ", shape)} {seed}");
        if (!_sharedTensors.TryGetValue(key, out ParameterTensor? shared))
        {
            string fullName = frame.Prefix.Length == 0 ? name : $"{frame.Declaration!.Name}.{name}";
            shared = AddParameter(new Parameter(fullName, shape, clause.Role, initializer, seed, rate), frame, tensor);
            if (shared is not null)
            {
                _sharedTensors.Add(key, shared);
            }
        }

        return shared;
    }

    /// <summary>How many times as fast as others a trained tensor learns.</summary>
    private double? BindRate(TensorsSyntax clause, TensorSyntax tensor, Frame frame)
    {
        if (tensor.Rate is null)
        {
            return 1;
        }

        if (clause.Role != Role.Trained)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, tensor.Rate, "a rate of what is trained", $"one of '{tensor.Name.Text}', which is {clause.Role.ToString().ToLowerInvariant()}");
            return null;
        }

        if (BindNumber(tensor.Rate, frame) is { } rate && rate <= 0)
        {
            Report(DiagnosticDescriptors.OutOfRange, frame, tensor.Rate, $"the rate {Value.Show(rate)}", "a number above 0");
            return null;
        }

        return BindNumber(tensor.Rate, frame);
    }

    /// <summary>The seed of a tensor: its statement's, and its name as declared, by FNV-1a. Two tensors of one statement differ.</summary>
    private static int Stream(int seed, string name) =>
        unchecked((int)name.Aggregate(2166136261u ^ (uint)seed, (hash, letter) => unchecked((hash ^ letter) * 16777619u)));

    private TensorValue? BindBank(Declaration declaration, Frame user, SyntaxNode use)
    {
        if (!_sharedTensors.TryGetValue((declaration, ""), out ParameterTensor? tensor))
        {
            var bank = (BankSyntax)declaration.Syntax;
            EnsureChecked(declaration);
            if (declaration.IsBroken)
            {
                if (!visiblePaths.Contains(declaration.Scope.Path))
                {
                    Report(DiagnosticDescriptors.BrokenDeclaration, user, use, declaration.Name, $"'{declaration.Scope.Path}'");
                }

                return null;
            }

            var frame = new Frame(declaration.Scope, declaration, "", user, use.Span);
            if (BindShape(bank.Shape, bank, frame) is not { } shape || BindInitializer(bank.Distribution, Role.Trained, shape, frame) is not { } initializer)
            {
                return null;
            }

            tensor = AddParameter(new Parameter(bank.Name.Text, shape, Role.Trained, initializer), frame, bank);
            if (tensor is null)
            {
                return null;
            }

            _sharedTensors.Add((declaration, ""), tensor);
        }

        return new TensorValue(tensor);
    }

    private ParameterTensor? AddParameter(Parameter parameter, Frame frame, SyntaxNode node)
    {
        if (_parameters.Count >= MaxParameters)
        {
            Exhaust(frame, node, $"more than {MaxParameters} parameters in one module");
            return null;
        }

        parameter = parameter with { Name = UniqueName(parameter.Name) };
        _parameters.Add(parameter);
        return new ParameterTensor(parameter);
    }

    private EquatableArray<int>? BindShape(EquatableArray<ExpressionSyntax> axes, SyntaxNode tensor, Frame frame)
    {
        var shape = new List<int>();
        long length = 1;
        foreach (ExpressionSyntax axis in axes)
        {
            if (BindSize(axis, frame) is not { } extent)
            {
                return null;
            }

            shape.Add(extent);
            length *= extent;
            if (length > int.MaxValue)
            {
                Report(DiagnosticDescriptors.SizeOutOfRange, frame, tensor, $"a tensor [{string.Join(", ", shape)}] of more elements");
                return null;
            }
        }

        return shape.ToEquatable();
    }

    private Initializer? BindInitializer(DistributionSyntax? distribution, Role role, EquatableArray<int> shape, Frame frame)
    {
        if (distribution is null)
        {
            return role == Role.Seeded ? new Initializer(Distribution.Normal) : new Initializer(Distribution.FanIn);
        }

        if (distribution.Name.Text is "orthogonal" or "eye" && shape.Count < 2)
        {
            Report(DiagnosticDescriptors.WrongAxes, frame, distribution, $"'{distribution.Name.Text}'", "2 axes or more", $"a tensor [{string.Join(", ", shape)}]");
            return null;
        }

        if (distribution.Arguments.Count == 0)
        {
            return Builtins.MakeInitializer(distribution.Name.Text, null);
        }

        if (distribution.Name.Text is "whole" or "distinct")
        {
            int row = shape.Count == 0 ? 1 : shape[shape.Count - 1];
            if (BindSize(distribution.Arguments[0], frame) is not { } size)
            {
                return null;
            }

            if (distribution.Name.Text == "distinct" && size < row)
            {
                Report(DiagnosticDescriptors.OutOfRange, frame, distribution, $"{size}", $"{row} or more: the last axis holds as many different numbers");
                return null;
            }

            return Builtins.MakeInitializer(distribution.Name.Text, size);
        }

        return BindNumber(distribution.Arguments[0], frame) is { } argument
            ? Builtins.MakeInitializer(distribution.Name.Text, argument)
            : null;
    }

    private ChainValue? BindModel(ModelBody model, Frame frame, int inputs)
    {
        var links = new List<Link>();
        (int current, long nodes, int depth) = (inputs, 1, 1);
        foreach (ModelStepSyntax step in model.Steps)
        {
            if (!Spend(frame.Locals.Count, frame, step))
            {
                return null;
            }

            var stepFrame = new Frame(frame.Scope, null, UniquePrefix(frame, step.Name.Text), frame, frame.CallSite);
            foreach (KeyValuePair<string, Value> local in frame.Locals)
            {
                stepFrame.Locals.Add(local.Key, local.Value);
            }

            if (BindChain(step.Body.Links, stepFrame, current) is not { } chain)
            {
                return null;
            }

            if (chain.Inputs != current)
            {
                ExpressionSyntax first = step.Body.Links[step.Body.Links.Count - 1];
                Report(DiagnosticDescriptors.ChainMismatch, frame, first, $"{frame.Show(first)} : {chain.Inputs} -> {chain.Outputs}", chain.Inputs, current);
                return null;
            }

            links.AddRange(chain.Links);
            (current, nodes, depth) = (chain.Outputs, nodes + chain.Nodes, Math.Max(depth, chain.Depth));
            if (nodes > MaxNodes)
            {
                Exhaust(frame, step, $"more than {MaxNodes} operations in one module");
                return null;
            }
        }

        return new ChainValue(links.ToEquatable(), inputs, current, nodes, depth);
    }

    /// <summary>Binds the links of a chain, written last to first.</summary>
    /// <param name="chain">The links.</param>
    /// <param name="frame">Where they are.</param>
    /// <param name="inputs">What the first link applied is given; null when that is not known.</param>
    /// <param name="isBranch">Whether it is one of several chains beside each other.</param>
    private ChainValue? BindChain(EquatableArray<ExpressionSyntax> chain, Frame frame, int? inputs, bool isBranch = false)
    {
        chain = Links(chain).ToEquatable();

        // One operator or layer called by name stands for the whole: its tensors need no prefix of their own.
        bool isTransparent = !isBranch && !frame.HasTensors && chain.Count(link => DeclarationOf(link, frame) is not null) == 1;
        var links = new List<Link>();
        int? first = inputs, current = inputs;
        (long nodes, int depth) = (1, 1);
        foreach (ExpressionSyntax syntax in chain.Reverse())
        {
            if (BindLink(syntax, frame, isTransparent, current) is not { } value)
            {
                return null;
            }

            // A body of one link that does not fit is a body that does not fit the signature, which is reported there.
            if (current is { } given && given != value.Inputs && chain.Count > 1)
            {
                Report(DiagnosticDescriptors.ChainMismatch, frame, syntax, $"{frame.Show(syntax)} : {value.Inputs} -> {value.Outputs}", value.Inputs, given);
                return null;
            }

            first = links.Count == 0 ? value.Inputs : first ?? value.Inputs;
            current = value.Outputs;
            links.AddRange(value.Links);
            (nodes, depth) = (nodes + value.Nodes, Math.Max(depth, value.Depth));
            if (nodes > MaxNodes)
            {
                Exhaust(frame, syntax, $"more than {MaxNodes} operations in one module");
                return null;
            }
        }

        return new ChainValue(links.ToEquatable(), first!.Value, current!.Value, nodes, depth);

        static IEnumerable<ExpressionSyntax> Links(IEnumerable<ExpressionSyntax> chain) =>
            chain.SelectMany(link => link is CompositionSyntax inner ? Links(inner.Links) : [link]);
    }

    /// <summary>Binds one link.</summary>
    /// <param name="syntax">The link.</param>
    /// <param name="frame">Where it is.</param>
    /// <param name="isTransparent">Whether the tensors of what it calls need no prefix.</param>
    /// <param name="given">How many inputs it is given; null when that is not known.</param>
    private ChainValue? BindLink(ExpressionSyntax syntax, Frame frame, bool isTransparent, int? given)
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

            var parameter = new Parameter(frame.Prefix + Builtins.Bias, EquatableArray.Of(size), Role.Trained, new Initializer(Distribution.Zeros));
            return AddParameter(parameter, frame, syntax) is { } bias ? Single(new BiasLink(bias), size, size) : null;
        }

        if (Builtins.LinkFunction(syntax, frame.Scope, frame.Locals.ContainsKey) is { } function)
        {
            // With a tensor before its numbers it is a tensor.
            EquatableArray<ExpressionSyntax> numbers = syntax is CallSyntax { Arguments: var arguments } ? arguments : default;
            Value? argument = numbers.Count == 0 ? null : Bind(numbers[0], frame);
            if (numbers.Count == 0 || argument is NumberValue)
            {
                return BindFunctionLink(function, numbers, syntax, frame, given) is { } link ? Single(link, given!.Value, given.Value) : null;
            }

            if (argument is null)
            {
                return null;
            }

            if (numbers.Count <= (function.Number is null ? 0 : 1))
            {
                Report(DiagnosticDescriptors.WrongKind, frame, numbers[0], $"a number for '{function.Number}' of '{function.Usage}'", argument.Description);
                return null;
            }
        }

        if (DeclarationOf(syntax, frame) is { } declaration && declaration.Syntax is MapSyntax)
        {
            return BindCallChain(syntax, frame, isTransparent ? frame.Prefix : UniquePrefix(frame, declaration.Name));
        }

        if (syntax is CallSyntax call && Builtins.Joints.TryGetValue(call.Name.Text, out Joint joint))
        {
            return BindBranches(call, joint, frame, given);
        }

        return BindOperator(syntax, frame) is { } single
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
        double? number = numbers == 0 ? 0 : function.NumberIsSize ? BindSize(arguments[0], frame) : BindNumber(arguments[0], frame);
        int? length = arguments.Count == numbers ? size : BindSize(arguments[numbers], frame);
        if (number is not { } bound || length is not { } row)
        {
            return null;
        }

        if (arguments.Count > numbers && (function.IsElementwise || size % row != 0))
        {
            string expected = function.IsElementwise ? $"a tensor for '{function.Usage}'" : $"a divisor of {size}, the length of what '{function.Name}' is given";
            Report(DiagnosticDescriptors.WrongKind, frame, arguments[numbers], expected, $"the number {row}");
            return null;
        }

        if (function.Check([EquatableArray.Of(size / row, row)], bound) is { } fault)
        {
            Report(DiagnosticDescriptors.WrongKind, frame, arguments[0], $"{fault.Expected} for '{function.Usage}'", $"the number {Value.Show(bound)}");
            return null;
        }

        return new FunctionLink(function, row, bound);
    }

    private ChainValue? BindBranches(CallSyntax call, Joint joint, Frame frame, int? given)
    {
        var branches = new List<ChainValue>();
        foreach (ExpressionSyntax argument in call.Arguments)
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
            if (branch.Outputs != branches[0].Outputs)
            {
                string Describe(int k) => $"{frame.Show(call.Arguments[k])} : {branches[k].Inputs} -> {branches[k].Outputs}";
                Report(DiagnosticDescriptors.CannotAdd, frame, argument, Describe(0), Describe(branches.Count - 1), "");
                return null;
            }
        }

        return new ChainValue(
            EquatableArray.Of<Link>(new BranchLink(joint, branches.Select(branch => branch.Links).ToEquatable())),
            given!.Value,
            branches[0].Outputs,
            1 + branches.Sum(branch => branch.Nodes),
            1 + branches.Max(branch => branch.Depth));
    }

    private static string? ElementwiseName(ExpressionSyntax link, Frame frame) =>
        link is NameSyntax { Name: var name }
        && (name == Builtins.Bias || Activations.ByName.ContainsKey(name))
        && !frame.Locals.ContainsKey(name)
        && frame.Scope.Find(name).Count == 0
            ? name
            : null;

    /// <summary>The operator, layer or model that an expression is a call of.</summary>
    private static Declaration? DeclarationOf(ExpressionSyntax expression, Frame frame)
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
        var arguments = new List<Value>();
        foreach (ExpressionSyntax argument in syntax is CallSyntax call ? call.Arguments : default)
        {
            if (Bind(argument, frame) is not { } value)
            {
                return null;
            }

            arguments.Add(value);
        }

        return Guarded(frame, syntax, () => Instantiate(declaration, arguments, frame, syntax.Span, prefix));
    }

    /// <summary>A call inside an expression: an operator.</summary>
    private Value? BindCall(ExpressionSyntax syntax, Frame frame, string prefix)
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

        Operator[] factors = [.. chain.Links.OfType<LinearLink>().Select(link => link.Operator).Reverse()];
        return new OperatorValue(Flatten.Product(factors), chain.Nodes, chain.Depth + 1);
    }

    /// <summary>Counts work: a step of the recursion, an operand of an operator, an element of a list each time that the list is gone through.</summary>
    /// <returns>Whether there was not too much.</returns>
    private bool Spend(long work, Frame frame, SyntaxNode node)
    {
        if (!_isExhausted && (_work += work) > MaxWork)
        {
            Exhaust(frame, node, $"this takes more than {MaxWork} steps, counted over expressions, operands and elements of lists: repeat less often, or write the repetition so that its parts are tensors that its index picks from, which is one step");
        }

        return !_isExhausted;
    }

    /// <summary>Runs a step of the recursion, unless it is one too many.</summary>
    private T? Guarded<T>(Frame frame, SyntaxNode node, Func<T?> step)
        where T : class
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_isExhausted)
        {
            return null;
        }

        if (!Spend(1, frame, node))
        {
            return null;
        }

        if (_nesting >= MaxNesting)
        {
            Exhaust(frame, node, $"calls and expressions nested more than {MaxNesting} levels deep");
            return null;
        }

        _nesting++;
        try
        {
            return step();
        }
        catch (OverflowException)
        {
            Exhaust(frame, node, Limits.Message(frame.Show(node), double.PositiveInfinity, Limits.Block));
            return null;
        }
        finally
        {
            _nesting--;
        }
    }

    /// <summary>Gives a name to an index while something is bound; it may hide a name outside.</summary>
    private static T WithVariable<T>(Identifier variable, Frame frame, Func<Action<Value>, T> bind)
    {
        frame.Locals.TryGetValue(variable.Text, out Value? outer);
        T result = bind(value => frame.Locals[variable.Text] = value);
        frame.Locals.Remove(variable.Text);
        if (outer is not null)
        {
            frame.Locals[variable.Text] = outer;
        }

        return result;
    }
}
