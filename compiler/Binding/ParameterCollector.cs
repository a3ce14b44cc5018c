using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Finds the parameters that a chain of links, or penalties beside it, use.</summary>
internal static class ParameterCollector
{
    public static HashSet<Parameter> Collect(EquatableArray<Link> links, IEnumerable<Penalty> penalties) =>
        [.. links.SelectMany(link => link.Tensors()).Concat(penalties.Select(penalty => penalty.Value)).SelectMany(tensor => tensor.DescendantsAndSelf()).OfType<ParameterTensor>().Select(tensor => tensor.Parameter)];
}
