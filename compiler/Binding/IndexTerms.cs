using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>
/// What stands at one place of an axis: an index, a sum of indices and numbers, or a place in a table. All but an index have a key of
/// their own among the extents.
/// </summary>
internal sealed record Digit(IndexSyntax Syntax, string Key, EquatableArray<NameSyntax> Names, TensorValue? Table)
{
    public bool IsPlain => Syntax.IsPlain;
}

/// <summary>A factor with what it is: a tensor, numbers in closed form over the indices that it names, or the input.</summary>
internal sealed record BoundFactor(
    IndexFactorSyntax Syntax, IndexedValue? Tensor, EquatableArray<EquatableArray<Digit>> Axes, Formula? Formula = null, EquatableArray<NameSyntax> Names = default)
{
    public bool IsInput => Tensor is null && Formula is null;

    public IEnumerable<Digit> Digits => Axes.SelectMany(axis => axis);
}

internal sealed record BoundTerm(double Coefficient, List<BoundFactor> Factors);
