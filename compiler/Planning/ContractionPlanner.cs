using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Planning;

/// <summary>
/// Finds the cheapest order of pairwise contractions for a term. Up to <see cref="ExactOperands"/> operands it is the cheapest of all, by
/// dynamic programming over their subsets (Pfeifer, Haegeman and Verstraete 2014). Where there are more, each of several orders is a start: the
/// best one that only joins neighbours of a row of the operands, which is the best of all for a chain of matrices (Godbole 1973), and a greedy
/// one; parts of these trees are then replaced by the cheapest there are, until that helps nowhere. The fast algorithm of each structure comes
/// out of this.
/// </summary>
public static class ContractionPlanner
{
    /// <summary>The most operands for which no order is cheaper than the one that is found.</summary>
    public const int ExactOperands = 12;

    /// <summary>How many of the other orders a plan keeps.</summary>
    private const int MostAlternatives = 16;

    /// <param name="term">The term that is planned.</param>
    /// <param name="costs">By what orders are compared.</param>
    /// <param name="isKnown">Whether a product of some of the factors, with these indices left, is there already and costs nothing; null where none is.</param>
    public static TermPlan Plan(Term term, CostModel costs, Func<IReadOnlyList<Factor>, IReadOnlyList<Index>, bool>? isKnown = null)
    {
        PlanNode[] operands = [.. term.Factors.Select(factor => new FactorNode(factor))];
        if (operands.Length < 2)
        {
            return operands.Length == 0
                ? new TermPlan(term, null, 0, [])
                : new TermPlan(term, operands[0], costs.Contraction(0, TermPlan.Size(operands[0].Indices), operands[0].PerRow, 1), []);
        }

        var network = new OperandNetwork(term, operands, costs, isKnown);
        Tree? tree = operands.Length <= ExactOperands ? null : Starts(network)
            .Select(start => WindowSearch.Improve(network, start))
            .OrderBy(improved => improved.Cost)
            .First();

        // The other orders are those of the operands, or of the largest parts of the tree, that end in another contraction.
        var last = new SubsetSearch(network, tree is null ? network.Leaves : WindowSearch.Parts(tree, WindowSearch.MostParts), network.Kept);
        tree = tree is null || last.Best().Cost < tree.Cost ? last.Best() : tree;
        IEnumerable<Tree> others = last.Roots().Where(other => !other.IsSameSplit(tree)).OrderBy(other => other.Cost).Take(MostAlternatives);
        return new TermPlan(term, network.Node(tree), tree.Cost, [.. others.Select(other => (network.Node(other), other.Cost))]);
    }

    /// <summary>What a contraction costs by itself.</summary>
    public static double Cost(ContractionNode node, CostModel costs)
    {
        return costs.Contraction(
            TermPlan.Size(node.Left.Indices.Union(node.Right.Indices)),
            TermPlan.Size(node.Indices),
            node.PerRow,
            (node.Left.NeedsGradient ? 1 : 0) + (node.Right.NeedsGradient ? 1 : 0),
            Elements(node.Left) + Elements(node.Right));

        double Elements(PlanNode operand) => TermPlan.Size(operand.Indices) * (operand.PerRow ? costs.Batch : 1);
    }

    private static IEnumerable<Tree> Starts(OperandNetwork network) =>
        new[] { IntervalSearch.Best(network, network.Leaves), IntervalSearch.Best(network, network.InARow()), GreedySearch.Best(network) }.OfType<Tree>();
}
