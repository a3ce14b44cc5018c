using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Finds the parameters that a chain of links uses.</summary>
internal static class ParameterCollector
{
    public static HashSet<Parameter> Collect(EquatableArray<Link> links) =>
        [.. links.SelectMany(Tensors).SelectMany(tensor => tensor.DescendantsAndSelf()).OfType<ParameterTensor>().Select(tensor => tensor.Parameter)];

    private static IEnumerable<TensorExpression> Tensors(Link link) => link switch
    {
        LinearLink linear => linear.Operator.DescendantsAndSelf().SelectMany(op => op.Tensors()),
        BiasLink bias => [bias.Bias],
        BranchLink branches => branches.Branches.SelectMany(branch => branch).SelectMany(Tensors),
        _ => [],
    };
}
