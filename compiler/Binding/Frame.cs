using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>One instantiation of a declaration that is being bound.</summary>
/// <param name="scope">The file it is in.</param>
/// <param name="declaration">The declaration; null for a formula and for a bank.</param>
/// <param name="prefix">What the names of its tensors start with: <c>stem.</c>, or nothing.</param>
/// <param name="caller">The instance that calls this one.</param>
/// <param name="callSite">The place of the call, in the caller's file.</param>
internal sealed class Frame(FileScope scope, Declaration? declaration, string prefix, Frame? caller, TextSpan callSite)
{
    public FileScope Scope => scope;

    public Declaration? Declaration => declaration;

    public string Prefix => prefix;

    public Frame? Caller => caller;

    public TextSpan CallSite => callSite;

    private EquatableArray<Port> _inputs;

    /// <summary>The inputs that have names.</summary>
    public EquatableArray<Port> Inputs
    {
        get => _inputs;
        set
        {
            _inputs = value;
            IsPositions = value.Any(port => port.IsPositions) ? name => Locals.TryGetValue(name, out Value? local) && local is PositionsValue : null;
        }
    }

    /// <summary>The outputs that have names.</summary>
    public EquatableArray<Port> Outputs { get; set; }

    /// <summary>Whether a name is that of positions by data; null where there are none, which is then not asked for each part of a formula.</summary>
    public Func<string, bool>? IsPositions { get; private set; }

    /// <summary>Whether what is declared here to be trained is not, as <c>frozen</c> says before the call or the part.</summary>
    public bool IsFrozen { get; init; } = caller is { IsFrozen: true };

    /// <summary>The role of a tensor that is declared with one.</summary>
    public Role RoleOf(Role declared) => IsFrozen && declared == Role.Trained ? Role.Frozen : declared;

    /// <summary>How many calls led here.</summary>
    public int CallDepth { get; } = caller is null ? 0 : caller.CallDepth + 1;

    /// <summary>Sizes, tensors, lets, and the indices of enclosing repetitions.</summary>
    public Dictionary<string, Value> Locals { get; } = new(StringComparer.Ordinal);

    /// <summary>The shapes of tensors as they are written.</summary>
    public Dictionary<string, string> WrittenShapes { get; } = new(StringComparer.Ordinal);

    /// <summary><c>monarch(n = 12, b = 5)</c>; empty when there are no arguments.</summary>
    public string Instantiation { get; set; } = "";

    /// <summary>The numbers and lists that it was given, and the extents of tensors and maps; null before all of it is bound.</summary>
    public string? Sizes { get; set; }

    /// <summary>The instances that led here, the nearest first.</summary>
    public IEnumerable<Frame> Callers()
    {
        for (Frame? frame = caller; frame is not null; frame = frame.Caller)
        {
            if (frame.Declaration is not null)
            {
                yield return frame;
            }
        }
    }

    /// <summary>The calls from the outermost instance of a declaration that led to itself on, to this one; none where there is none.</summary>
    public IReadOnlyList<Frame> Recursion()
    {
        List<Frame> calls = [.. Callers().Reverse()];
        if (declaration is not null)
        {
            calls.Add(this);
        }

        var last = new HashSet<Declaration>();
        int first = calls.Count;
        for (int i = calls.Count - 1; i >= 0; i--)
        {
            first = last.Add(calls[i].Declaration!) ? first : i;
        }

        return calls.GetRange(first, calls.Count - first);
    }

    /// <summary>Calls in a row: <c>tower(n = 8) → tower(n = 7)</c>, of many the first and the last ones.</summary>
    public static string Show(IEnumerable<Frame> calls)
    {
        const int Most = 6;
        List<string> all = [.. calls.Select(call => call.Instantiation.Length > 0 ? call.Instantiation : call.Declaration!.Name)];
        if (all.Count > Most)
        {
            all.RemoveRange(Most / 2, all.Count - Most);
            all.Insert(Most / 2, "…");
        }

        return string.Join(" → ", all);
    }

    /// <summary>Whether tensors of its own exist, so that those of the operators it calls need a prefix.</summary>
    public bool HasTensors => declaration?.Syntax is MapSyntax map && map.Clauses.Any(clause => clause is TensorsSyntax);

    /// <summary>The source of a node, on one line and not too long.</summary>
    public string Show(SyntaxNode node) => scope.Show(node);
}
