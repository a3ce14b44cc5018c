using Weft.Compiler.Algebra;

namespace Weft.Compiler.Network;

/// <summary>A frozen parameter that matters only as a term of a tensor's definition, <c>Tensor = Coefficient · Weight + …</c></summary>
/// <param name="Tensor">The sum.</param>
/// <param name="Weight">The frozen parameter, of the same shape.</param>
/// <param name="Coefficient">What the weight is multiplied by in the sum.</param>
/// <param name="Parameters">The trained parameters that matter only through the sum too.</param>
public sealed record WeightSum(NetworkWeight Tensor, Parameter Weight, double Coefficient, IReadOnlyList<Parameter> Parameters)
{
    /// <summary>All sums of a module: another value of the weight can take up what changes in the trained parameters of each.</summary>
    public static IEnumerable<WeightSum> Find(LoweredModule module)
    {
        IReadOnlyList<Tensor> all = Uses(module, null);
        foreach (NetworkWeight sum in all.OfType<NetworkWeight>().Distinct())
        {
            Tensor[] outside = [.. Uses(module, sum)], inside = [.. all.Except(outside)];
            foreach (Term term in sum.Definition.Where(term => term.Factors.Count == 1))
            {
                if (term.Factors[0] is { Tensor: ParameterWeight { Parameter: { Role: Role.Frozen } weight } tensor } factor
                    && term.Coefficient != 0
                    && tensor.Shape.SequenceEqual(sum.Shape)
                    && IsWhole(term, factor.Position, tensor.Length)
                    && all.Count(use => use == tensor) == 1)
                {
                    yield return new WeightSum(sum, weight, term.Coefficient, [.. inside.OfType<ParameterWeight>().Select(use => use.Parameter).Where(parameter => parameter.Role == Role.Trained)]);
                }
            }
        }
    }

    /// <summary>Whether a term copies every element of a tensor to the same position.</summary>
    private static bool IsWhole(Term term, Affine position, int length) =>
        position.Offset == term.Output.Offset
        && position.Overlapping.Count == 0
        && position.Indices.Aggregate(1L, (product, index) => product * index.Extent) == length
        && term.Indices.All(index => position.StrideOf(index) != 0 && position.StrideOf(index) == term.Output.StrideOf(index));

    /// <summary>The tensors of a module, parameters as often as they stand in it, without one and what it is made of.</summary>
    private static IReadOnlyList<Tensor> Uses(LoweredModule module, Tensor? without)
    {
        var uses = new List<Tensor>();
        var seen = new HashSet<Tensor>();
        module.Statements.SelectMany(statement => statement.Reads).ToList().ForEach(Visit);
        return uses;

        void Visit(Tensor tensor)
        {
            if (tensor != without && (seen.Add(tensor) || tensor is ParameterWeight))
            {
                uses.Add(tensor);
                tensor.Reads.ToList().ForEach(Visit);
            }
        }
    }
}
