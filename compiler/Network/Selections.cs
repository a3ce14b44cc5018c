using Weft.Compiler.Algebra;

namespace Weft.Compiler.Network;

/// <summary>Parameters that matter only through their largest elements in each row, since every use of them is a selection.</summary>
internal static class Selections
{
    /// <summary>Each such parameter with the number of elements that are selected.</summary>
    public static IReadOnlyDictionary<Parameter, int> Find(LoweredModule module)
    {
        var uses = new List<(Parameter Parameter, int Count)>();
        var seen = new HashSet<Tensor>();
        foreach (Statement statement in module.Statements)
        {
            UseAll(statement.Reads, (statement as FunctionStatement)?.Call);
        }

        return uses
            .GroupBy(use => use.Parameter)
            .Where(group => group.All(use => use.Count > 0 && use.Count == group.First().Count))
            .ToDictionary(group => group.Key, group => group.First().Count);

        void UseAll(IEnumerable<Tensor> tensors, FunctionCall? call)
        {
            int k = 0;
            foreach (Tensor tensor in tensors)
            {
                Use(tensor, call?.Function.Selector == k++ ? (int)call.Numbers[0] : 0);
            }
        }

        void Use(Tensor tensor, int count)
        {
            if (tensor is ParameterWeight parameter)
            {
                uses.Add((parameter.Parameter, count));
            }
            else if (seen.Add(tensor))
            {
                UseAll(tensor.Reads, (tensor as FunctionWeight)?.Call);
            }
        }
    }
}
