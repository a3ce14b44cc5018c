using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>What a part of a text came to with the sizes of one instance of its declaration.</summary>
/// <param name="Instance">The instance, <c>monarch(n = 12, b = 3)</c>; empty in a declaration without parameters.</param>
/// <param name="Text">A number, a list, the shape of a tensor, or <c>4 -> 12</c>.</param>
/// <param name="Map">Inputs and outputs, where it is a map or a matrix; null for anything else.</param>
public sealed record BoundPart(string Instance, string Text, (int Inputs, int Outputs)? Map);

/// <summary>What the parts of texts came to while they were bound, for those who show it.</summary>
public sealed class BoundParts
{
    /// <summary>Of more instances than so many nothing is kept.</summary>
    private const int MostInstances = 4;

    private readonly Dictionary<(string Path, TextSpan Span), List<BoundPart>> _parts = [];

    /// <summary>What the part at a place came to, once for each of a few instances.</summary>
    public IReadOnlyList<BoundPart> At(string path, TextSpan span) => _parts.TryGetValue((path, span), out List<BoundPart>? parts) ? parts : [];

    internal void Add(Frame frame, SyntaxNode node, Value value)
    {
        (string Path, TextSpan Span) place = (frame.Scope.Path, node.Span);
        if (!_parts.TryGetValue(place, out List<BoundPart>? parts))
        {
            _parts.Add(place, parts = []);
        }

        if (parts.Count < MostInstances && !parts.Exists(part => part.Instance == frame.Instantiation) && Describe(value) is ({ } text, var map))
        {
            parts.Add(new BoundPart(frame.Instantiation, text, map));
        }
    }

    private static (string?, (int, int)?) Describe(Value value) => value switch
    {
        NumberValue number => (Value.Show(number.Number), null),
        ListValue list => (list.Text, null),
        OperatorValue found => (found.Shape, (found.Operator.Columns, found.Operator.Rows)),
        ChainValue chain => (FormattableString.Invariant($"{chain.Inputs} -> {chain.Outputs}"), (chain.Inputs, chain.Outputs)),
        TensorValue { Tensor.Shape: { Count: 2 } shape } matrix => (matrix.Shape, (shape[1], shape[0])),
        IndexedValue tensor => (tensor.Shape, null),
        _ => default,
    };
}
