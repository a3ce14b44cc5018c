using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Planning;

/// <summary>
/// Finds the cheapest order of pairwise contractions for a term: exhaustively by dynamic programming over the subsets of its operands
/// (Pfeifer, Haegeman and Verstraete 2014), greedily where there are too many. The fast algorithm of each structure comes out of this.
/// </summary>
public static class ContractionPlanner
{
    private const int ExhaustiveLimit = 9;

    public static TermPlan Plan(Term term, CostModel costs)
    {
        List<PlanNode> operands =
        [
            .. term.Factors.Select(factor => (PlanNode)new FactorNode(factor, [.. factor.Position.Indices], factor.Tensor.IsTrained)),
        ];
        if (term.Input is { } input)
        {
            operands.Add(new InputNode(input, term.InputPosition, [.. term.InputPosition.Indices]));
        }

        return operands.Count switch
        {
            0 => new TermPlan(term, null, 0, []),
            1 => new TermPlan(term, operands[0], costs.Contraction(0, Size(operands[0].Indices), operands[0].PerRow, 1), []),
            <= ExhaustiveLimit => Exhaustive(term, operands, costs),
            _ => Greedy(term, operands, costs),
        };
    }

    private static TermPlan Exhaustive(Term term, List<PlanNode> operands, CostModel costs)
    {
        int full = (1 << operands.Count) - 1;
        var best = new (PlanNode Node, double Cost)[full + 1];
        for (int k = 0; k < operands.Count; k++)
        {
            best[1 << k] = (operands[k], 0);
        }

        var roots = new List<(PlanNode Root, double Cost)>();
        for (int subset = 1; subset <= full; subset++)
        {
            if (best[subset].Node is not null)
            {
                continue;
            }

            HashSet<Index> needed = [.. term.Output.Indices, .. operands.Where((_, k) => (subset & (1 << k)) == 0).SelectMany(node => node.Indices)];
            (PlanNode Node, double Cost)? cheapest = null;

            // Each split once: the left half holds the lowest operand.
            int lowest = subset & -subset;
            for (int left = (subset - 1) & subset; left > 0; left = (left - 1) & subset)
            {
                if ((left & lowest) == 0)
                {
                    continue;
                }

                int right = subset & ~left;
                if (best[left].Node is null || best[right].Node is null || Widens(best[left].Node, best[right].Node, term))
                {
                    continue;
                }

                ContractionNode node = Contract(best[left].Node, best[right].Node, needed);
                double cost = best[left].Cost + best[right].Cost + Cost(node, costs);
                if (subset == full)
                {
                    roots.Add((node, cost));
                }

                if (cheapest is null || cost < cheapest.Value.Cost)
                {
                    cheapest = (node, cost);
                }
            }

            best[subset] = cheapest ?? default;
        }

        (PlanNode root, double total) = best[full];
        return new TermPlan(term, root, total, [.. roots.Where(other => !ReferenceEquals(other.Root, root)).OrderBy(other => other.Cost)]);
    }

    private static TermPlan Greedy(Term term, List<PlanNode> operands, CostModel costs)
    {
        double total = 0;
        while (operands.Count > 1)
        {
            (ContractionNode Node, double Cost, double Growth)? best = null;
            for (int i = 0; i < operands.Count; i++)
            {
                for (int j = i + 1; j < operands.Count; j++)
                {
                    if (Widens(operands[i], operands[j], term))
                    {
                        continue;
                    }

                    HashSet<Index> needed = [.. term.Output.Indices, .. operands.Where((_, k) => k != i && k != j).SelectMany(node => node.Indices)];
                    ContractionNode node = Contract(operands[i], operands[j], needed);
                    double cost = Cost(node, costs);
                    double growth = cost + (Size(node.Indices) * (node.PerRow ? costs.Batch : 1));
                    if (best is null || growth < best.Value.Growth)
                    {
                        best = (node, cost, growth);
                    }
                }
            }

            (ContractionNode chosen, double step, _) = best!.Value;
            total += step;
            operands.Remove(chosen.Left);
            operands.Remove(chosen.Right);
            operands.Add(chosen);
        }

        return new TermPlan(term, operands[0], total, []);
    }

    /// <summary>Whether a tensor in a short format would be multiplied out at full length: it meets nothing but what the input is part of.</summary>
    private static bool Widens(PlanNode left, PlanNode right, Term term) =>
        term.Input is not null && !left.PerRow && !right.PerRow && (left.IsShort || right.IsShort);

    /// <summary>The row operand stands on the left, so that equal contractions look equal.</summary>
    private static ContractionNode Contract(PlanNode left, PlanNode right, HashSet<Index> needed)
    {
        if (right.PerRow)
        {
            (left, right) = (right, left);
        }

        return new ContractionNode(
            left,
            right,
            [.. left.Indices.Union(right.Indices).Where(needed.Contains)],
            left.PerRow,
            left.NeedsGradient || right.NeedsGradient);
    }

    private static double Cost(ContractionNode node, CostModel costs) => costs.Contraction(
        Size(node.Left.Indices.Union(node.Right.Indices)),
        Size(node.Indices),
        node.PerRow,
        (node.Left.NeedsGradient ? 1 : 0) + (node.Right.NeedsGradient ? 1 : 0),
        new[] { node.Left, node.Right }.Sum(side => Size(side.Indices) * (side.PerRow ? costs.Batch : 1)));

    private static double Size(IEnumerable<Index> indices) => indices.Aggregate(1.0, (product, index) => product * index.Extent);
}
