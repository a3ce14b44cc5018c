using Weft.Compiler.Algebra;

namespace Weft.Compiler.Network;

/// <summary>Parameters that matter only through their largest elements in each row, since every use of them is a selection.</summary>
internal static class Selections
{
    /// <summary>Each such parameter with the number of elements that are selected.</summary>
    public static IReadOnlyDictionary<Parameter, int> Find(LoweredModule module)
    {
        var uses = new List<(Parameter Parameter, int Count)>();
        var seen = new HashSet<WeightTensor>();
        foreach (Term term in module.Statements.OfType<SumStatement>().SelectMany(statement => statement.Terms))
        {
            Visit(term);
        }

        return uses
            .GroupBy(use => use.Parameter)
            .Where(group => group.All(use => use.Count > 0 && use.Count == group.First().Count))
            .ToDictionary(group => group.Key, group => group.First().Count);

        void Visit(Term term)
        {
            foreach (Factor factor in term.Factors)
            {
                Use(factor.Tensor, 0);
            }
        }

        void Use(WeightTensor tensor, int count)
        {
            if (tensor is ParameterWeight parameter)
            {
                uses.Add((parameter.Parameter, count));
            }
            else if (seen.Add(tensor))
            {
                if (tensor is NetworkWeight network)
                {
                    network.Definition.ToList().ForEach(Visit);
                }
                else if (tensor is FunctionWeight function)
                {
                    for (int k = 0; k < function.Arguments.Count; k++)
                    {
                        Use(function.Arguments[k], function.Function.Selector == k ? (int)function.Numbers[0] : 0);
                    }
                }
            }
        }
    }
}
