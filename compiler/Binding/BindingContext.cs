using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>What the binders of one module share: where they are, what they found, how much they may do, and each other.</summary>
internal sealed class BindingContext
{
    /// <summary>Caps that keep a slip such as <c>product(i &lt; 1000000000)</c>, or an attack, from exhausting the compiler.</summary>
    public const int MaxParameters = 20_000;
    public const int MaxNodes = 200_000;
    public const int MaxWork = 200_000;
    public const int MaxListed = 1 << 16;
    public const int MaxNesting = 400;
    public const int MaxCalls = 50;

    private readonly List<Parameter> _parameters = [];
    private readonly HashSet<string> _parameterNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> _prefixes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _penaltyNames = new(StringComparer.Ordinal);

    /// <summary>The number that the next parameter, part or penalty of a name may get: those below are taken.</summary>
    private readonly Dictionary<(HashSet<string> Taken, string Name), int> _nextNumbers = [];
    private int _nextIndex;
    private long _work;
    private int _nesting;

    /// <param name="scopes">The scopes of the project.</param>
    /// <param name="visiblePaths">The texts that diagnostics can point into. A mistake elsewhere is reported at the call from here.</param>
    /// <param name="diagnostics">The list that diagnostics are added to.</param>
    /// <param name="cancellationToken">Stops the binding.</param>
    public BindingContext(ScopeTable scopes, HashSet<string> visiblePaths, List<Diagnostic> diagnostics, CancellationToken cancellationToken)
    {
        (Scopes, VisiblePaths, Diagnostics, CancellationToken) = (scopes, visiblePaths, diagnostics, cancellationToken);
        Modules = new ModuleBinder(this);
        Arguments = new ArgumentBinder(this);
        Tensors = new TensorBinder(this);
        Chains = new ChainBinder(this);
        Expressions = new ExpressionBinder(this);
        Operators = new OperatorBinder(this);
        Builtin = new BuiltinBinder(this);
        Indices = new IndexBinder(this);
    }

    public ScopeTable Scopes { get; }

    public HashSet<string> VisiblePaths { get; }

    public List<Diagnostic> Diagnostics { get; }

    public CancellationToken CancellationToken { get; }

    /// <summary>What the parts of the visible texts come to is noted here; null where nobody asks.</summary>
    public BoundParts? Parts { get; init; }

    public ModuleBinder Modules { get; }

    public ArgumentBinder Arguments { get; }

    public TensorBinder Tensors { get; }

    public ChainBinder Chains { get; }

    public ExpressionBinder Expressions { get; }

    public OperatorBinder Operators { get; }

    public BuiltinBinder Builtin { get; }

    public IndexBinder Indices { get; }

    /// <summary>All parameters so far, in the order of declaration.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Set once a cap is hit: the one diagnostic about it is enough.</summary>
    public bool IsExhausted { get; private set; }

    /// <summary>How many enclosing repetitions are kept as an index, not unrolled.</summary>
    public int Symbols { get; set; }

    /// <summary>Set when something needs the value of such an index: the repetition is then unrolled after all.</summary>
    public bool MustUnroll { get; set; }

    public void Report(DiagnosticDescriptor descriptor, Frame frame, SyntaxNode node, params object[] arguments) =>
        Report(descriptor, frame, node.Span, arguments);

    /// <summary>Reports at a place in a frame's file, or else at the innermost call that the user can see.</summary>
    public void Report(DiagnosticDescriptor descriptor, Frame frame, TextSpan span, params object[] arguments)
    {
        string origin = frame.Instantiation.Length > 0 ? $" (in {frame.Instantiation})" : "";
        if (!VisiblePaths.Contains(frame.Scope.Path))
        {
            LinePosition position = frame.Scope.File.Source.PositionAt(span.Start);
            string place = $"{frame.Scope.Path}({position.Line + 1},{position.Character + 1})";
            string inside = frame.Instantiation.Length > 0 ? frame.Instantiation : frame.Declaration?.Name ?? "";
            origin = $" (in {inside}, {place})";
            while (frame.Caller is not null && !VisiblePaths.Contains(frame.Scope.Path))
            {
                span = frame.CallSite;
                frame = frame.Caller;
            }
        }

        Diagnostic diagnostic = descriptor.At(frame.Scope.Path, span, arguments);
        Diagnostics.Add(diagnostic with { Message = diagnostic.Message + DiagnosticDescriptor.Shortened(origin) });
    }

    public void Exhaust(Frame frame, SyntaxNode node, string message) => Exhaust(frame, node.Span, message);

    public void Exhaust(Frame frame, TextSpan span, string message) => Exhaust(frame, span, message, isDepth: false);

    /// <summary>The same for what is nested too deeply.</summary>
    public void ExhaustDepth(Frame frame, TextSpan span, string what, int limit) => Exhaust(frame, span, $"{what} nested more than {limit} levels deep", isDepth: true);

    /// <summary>Where a declaration calls itself, the sizes with which that begins are the caller's, and the mistake is told there.</summary>
    private void Exhaust(Frame frame, TextSpan span, string message, bool isDepth)
    {
        if (IsExhausted)
        {
            return;
        }

        IsExhausted = true;
        if (frame.Recursion() is not { Count: > 0 } calls)
        {
            Report(DiagnosticDescriptors.TooLarge, frame, span, message);
            return;
        }

        (Frame at, TextSpan place) = calls[0].Caller is { } caller ? (caller, calls[0].CallSite) : (frame, span);
        if (isDepth)
        {
            Report(DiagnosticDescriptors.Recursion, at, place, calls[0].Declaration!.Name, $"too often, {message}", Frame.Show(calls));
        }
        else
        {
            Report(DiagnosticDescriptors.TooLarge, at, place, $"{message}, by the calls {Frame.Show(calls)}");
        }
    }

    /// <summary>Counts work: a step of the recursion, an operand of an operator, an element of a list each time that the list is gone through.</summary>
    /// <returns>Whether there was not too much.</returns>
    public bool Spend(long work, Frame frame, SyntaxNode node)
    {
        if (!IsExhausted && (_work += work) > MaxWork)
        {
            Exhaust(frame, node, $"this takes more than {MaxWork} steps, counted over expressions, operands and elements of lists: repeat less often, or write the repetition so that its parts are tensors that its index picks from, which is one step");
        }

        return !IsExhausted;
    }

    /// <summary>Runs a step of the recursion, unless it is one too many.</summary>
    public T? Guarded<T>(Frame frame, SyntaxNode node, Func<T?> step)
        where T : class => Guarded(frame, node, (_, _) => step());

    /// <summary>The same for a step that is one delegate for all nodes.</summary>
    public T? Guarded<TNode, T>(Frame frame, TNode node, Func<TNode, Frame, T?> step)
        where TNode : SyntaxNode
        where T : class
    {
        CancellationToken.ThrowIfCancellationRequested();
        if (IsExhausted)
        {
            return null;
        }

        if (!Spend(1, frame, node))
        {
            return null;
        }

        if (_nesting >= MaxNesting)
        {
            ExhaustDepth(frame, node.Span, "calls and expressions", MaxNesting);
            return null;
        }

        _nesting++;
        try
        {
            T? result = step(node, frame);
            if (Parts is not null && result is Value value && VisiblePaths.Contains(frame.Scope.Path))
            {
                Parts.Add(frame, node, value);
            }

            return result;
        }
        catch (OverflowException)
        {
            Exhaust(frame, node, Limits.Message(frame.Show(node), double.PositiveInfinity, MemoryBlock.MaxLength));
            return null;
        }
        finally
        {
            _nesting--;
        }
    }

    public T? Unrolled<T>()
        where T : class
    {
        MustUnroll = true;
        return null;
    }

    public ParameterTensor? AddParameter(Parameter parameter, Frame frame, SyntaxNode node)
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

    /// <summary>All penalties so far, in the order of declaration.</summary>
    public List<Penalty> Penalties { get; } = [];

    /// <summary>Adds a penalty, by a name that no other has.</summary>
    public void AddPenalty(string name, TensorExpression value) => Penalties.Add(new Penalty(Unique(name, "", _penaltyNames), value));

    /// <summary>Noise with a name, and so a seed, that no other has.</summary>
    public NoiseTensor NewNoise(string name, EquatableArray<int> shape, Initializer distribution) => new(UniqueName(name), shape, distribution);

    /// <summary>A part of a declaration with a name, before which those of its tensors stand: it sees what the declaration does.</summary>
    public Frame NewFrame(Frame frame, Identifier name) => NewFrame(frame, UniquePrefix(frame, name.Text));

    /// <summary>The same with all that stands before the names.</summary>
    public static Frame NewFrame(Frame frame, string prefix, bool isFrozen = false)
    {
        var part = new Frame(frame.Scope, null, prefix, frame, frame.CallSite) { Inputs = frame.Inputs, IsFrozen = isFrozen || frame.IsFrozen };
        foreach (KeyValuePair<string, Value> local in frame.Locals)
        {
            part.Locals.Add(local.Key, local.Value);
        }

        return part;
    }

    public string UniquePrefix(Frame frame, string name) => UniquePrefix(frame.Prefix, name);

    public string UniquePrefix(string before, string name) => Unique(before + name, ".", _prefixes);

    private string UniqueName(string name) => Unique(name, "", _parameterNames);

    private string Unique(string name, string end, HashSet<string> taken)
    {
        string unique = name + end;
        if (taken.Add(unique))
        {
            return unique;
        }

        if (!_nextNumbers.TryGetValue((taken, unique), out int number))
        {
            number = 2;
        }

        string numbered;
        do
        {
            numbered = FormattableString.Invariant($"{name}{number++}{end}");
        }
        while (!taken.Add(numbered));
        _nextNumbers[(taken, unique)] = number;
        return numbered;
    }

    public IndexVariable NewIndex(string name, int extent) => new(name, extent, NewNumber());

    /// <summary>One that nothing else has.</summary>
    public int NewNumber() => _nextIndex++;

    public NumberValue? Finite(double number, SyntaxNode node, Frame frame)
    {
        if (!double.IsNaN(number) && !double.IsInfinity(number))
        {
            return new NumberValue(number);
        }

        Report(DiagnosticDescriptors.InvalidArithmetic, frame, node, frame.Show(node));
        return null;
    }

    public bool Fits(long rows, long columns, SyntaxNode node, Frame frame)
    {
        if (rows <= int.MaxValue && columns <= int.MaxValue)
        {
            return true;
        }

        Report(DiagnosticDescriptors.SizeOutOfRange, frame, node, $"{frame.Show(node)} : {columns} -> {rows}");
        return false;
    }

    /// <summary>Gives a name to an index while something is bound; it may hide a name outside.</summary>
    public static T WithVariable<T>(Identifier variable, Frame frame, Func<Action<Value>, T> bind)
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
