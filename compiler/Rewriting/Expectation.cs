using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Rewriting;

/// <summary>What a module is outside training: noise is its mean, and what is multiplied by that is not there any more.</summary>
public static class Expectation
{
    /// <summary>The module without noise; null where it has none.</summary>
    public static Module? Of(Module module) => module.Noise.Any() ? module with { Links = Of(module.Links) } : null;

    private static EquatableArray<Link> Of(EquatableArray<Link> links) => links.MapValues(Of);

    private static TensorExpression Of(TensorExpression tensor) => tensor switch
    {
        NoiseTensor noise => FormulaTensor.Constant(noise.Mean, [.. noise.Shape]),
        EinsumTensor einsum => (einsum with { Terms = einsum.Terms.Select(term => Of(term, einsum)).OfType<TensorProduct>().ToEquatable() }).MapParts(Of, Of),
        _ => tensor.MapParts(Of, Of),
    };

    /// <summary>A product without its noise; null where that is 0. An index that is then mentioned nowhere was summed over equal numbers.</summary>
    private static TensorProduct? Of(TensorProduct term, EinsumTensor sum)
    {
        IndexedTensor[] kept = [.. term.Factors.Where(factor => factor.Tensor is not NoiseTensor)], noise = [.. term.Factors.Except(kept)];
        if (noise.Any(factor => ((NoiseTensor)factor.Tensor).Mean == 0))
        {
            return null;
        }

        if (kept.Length == 0)
        {
            return term;
        }

        HashSet<IndexVariable> mentioned = [.. sum.Axes.SelectMany(group => group).Concat(Variables(kept))];
        IEnumerable<double> means = noise.Select(factor => ((NoiseTensor)factor.Tensor).Mean), extents = Variables(noise).Distinct().Where(index => !mentioned.Contains(index)).Select(index => (double)index.Extent);
        return new TensorProduct(kept.ToEquatable(), means.Concat(extents).Aggregate(term.Coefficient, (product, number) => product * number));
    }

    private static IEnumerable<IndexVariable> Variables(IEnumerable<IndexedTensor> factors) => factors.SelectMany(factor => factor.Indices).SelectMany(index => index.Variables);
}
