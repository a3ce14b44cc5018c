using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Finds the parameters that a chain of links uses.</summary>
internal static class ParameterCollector
{
    public static HashSet<Parameter> Collect(EquatableArray<Link> links) =>
        [.. links.SelectMany(link => link.Tensors()).SelectMany(tensor => tensor.DescendantsAndSelf()).OfType<ParameterTensor>().Select(tensor => tensor.Parameter)];
}
