using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// What stands at one place of an axis: an index, a sum of indices and numbers, or a place in a table. All but an index have a key of
/// their own among the extents.
/// </summary>
internal sealed record Digit(IndexSyntax Syntax, string Key, EquatableArray<NameSyntax> Names, TensorValue? Table, EquatableArray<PositionRead> Reads = default)
{
    public bool IsPlain => Syntax.IsPlain;

    /// <summary>Whether it depends on positions by data.</summary>
    public bool IsByData => Reads.Count > 0;
}

/// <summary>Where positions by data are read: <c>token[i]</c>.</summary>
internal sealed record PositionRead(PostfixSyntax Syntax, PositionsValue Value, EquatableArray<SliceItemSyntax> Places);

/// <summary>A factor with what it is: a tensor, numbers in closed form over the indices that it names, or the input.</summary>
internal sealed record BoundFactor(
    IndexFactorSyntax Syntax, IndexedValue? Tensor, EquatableArray<EquatableArray<Digit>> Axes, Formula? Formula = null, EquatableArray<NameSyntax> Names = default)
{
    /// <summary>The positions by data that a formula reads: it is then bound when extents are known.</summary>
    public EquatableArray<PositionRead> Reads { get; init; }

    public bool IsInput => Tensor is null && Formula is null && Reads.Count == 0;

    /// <summary>Whether it depends on positions by data.</summary>
    public bool IsByData => Reads.Count > 0 || Digits.Any(digit => digit.IsByData);

    public IEnumerable<Digit> Digits => Axes.SelectMany(axis => axis);
}

internal sealed record BoundTerm(double Coefficient, List<BoundFactor> Factors);
