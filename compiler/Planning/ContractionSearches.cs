namespace Weft.Compiler.Planning;

/// <summary>All orders of a few parts, by dynamic programming over their subsets.</summary>
internal sealed class SubsetSearch
{
    private readonly OperandNetwork _network;
    private readonly Tree?[] _best;
    private readonly BitSet[] _needed;

    /// <param name="network">The network that the parts are of.</param>
    /// <param name="parts">Trees without common operands.</param>
    /// <param name="kept">The indices that are needed beside the parts.</param>
    public SubsetSearch(OperandNetwork network, IReadOnlyList<Tree> parts, BitSet kept)
    {
        _network = network;
        int full = (1 << parts.Count) - 1;
        var indices = new BitSet[full + 1];
        indices[0] = network.NoIndices;
        _best = new Tree?[full + 1];
        for (int subset = 1; subset <= full; subset++)
        {
            int lowest = subset & -subset;
            indices[subset] = subset == lowest ? parts[Number(lowest)].Indices : indices[lowest] | indices[subset ^ lowest];
        }

        _needed = [.. Enumerable.Range(0, full + 1).Select(subset => kept | indices[full ^ subset])];
        for (int subset = 1; subset <= full; subset++)
        {
            _best[subset] = (subset & (subset - 1)) == 0 ? parts[Number(subset)] : Cheapest(subset, network.Size(indices[subset] & _needed[subset]));
        }

        static int Number(int bit) => Enumerable.Range(0, 31).First(k => bit == 1 << k);
    }

    /// <summary>The cheapest tree of all parts.</summary>
    public Tree Best() => _best[_best.Length - 1] ?? throw new InvalidOperationException("parts that cannot be contracted");

    /// <summary>The cheapest tree for each way to divide the parts in two.</summary>
    public IEnumerable<Tree> Roots()
    {
        int full = _best.Length - 1;
        return Splits(full).Select(left => _network.Join(_best[left]!, _best[full ^ left]!, _needed[full]));
    }

    private Tree? Cheapest(int subset, double size)
    {
        (int best, double least) = (0, double.PositiveInfinity);
        foreach (int left in Splits(subset))
        {
            double cost = _network.Cost(_best[left]!, _best[subset ^ left]!, size);
            (best, least) = cost < least ? (left, cost) : (best, least);
        }

        return best == 0 ? null : _network.Join(_best[best]!, _best[subset ^ best]!, _needed[subset]);
    }

    /// <summary>The left halves of the ways to divide a subset, each once: that with the lowest part.</summary>
    private IEnumerable<int> Splits(int subset)
    {
        int lowest = subset & -subset;
        for (int left = (subset - 1) & subset; left > 0; left = (left - 1) & subset)
        {
            if ((left & lowest) != 0 && _best[left] is { } one && _best[subset ^ left] is { } other && !_network.Widens(one, other))
            {
                yield return left;
            }
        }
    }
}

/// <summary>The cheapest order that only joins neighbours of a row, by dynamic programming over its intervals.</summary>
internal static class IntervalSearch
{
    /// <returns>Null where what may not be joined keeps neighbours apart.</returns>
    public static Tree? Best(OperandNetwork network, IReadOnlyList<Tree> row)
    {
        int count = row.Count;
        BitSet[] before = new BitSet[count + 1], behind = new BitSet[count + 1];
        (before[0], behind[count]) = (network.Kept, network.NoIndices);
        for (int k = 0; k < count; k++)
        {
            before[k + 1] = before[k] | row[k].Indices;
            behind[count - 1 - k] = behind[count - k] | row[count - 1 - k].Indices;
        }

        var best = new Tree?[count, count];
        for (int length = 1; length <= count; length++)
        {
            for (int first = 0; first + length <= count; first++)
            {
                best[first, first + length - 1] = length == 1 ? row[first] : Cheapest(first, first + length - 1);
            }
        }

        return best[0, count - 1];

        Tree? Cheapest(int first, int last)
        {
            BitSet needed = before[first] | behind[last + 1];
            (int split, double least, double size) = (-1, double.PositiveInfinity, -1);
            for (int middle = first; middle < last; middle++)
            {
                if (best[first, middle] is not { } left || best[middle + 1, last] is not { } right || network.Widens(left, right))
                {
                    continue;
                }

                size = size < 0 ? network.Size((left.Indices | right.Indices) & needed) : size;
                double cost = network.Cost(left, right, size);
                (split, least) = cost < least ? (middle, cost) : (split, least);
            }

            return split < 0 ? null : network.Join(best[first, split]!, best[split + 1, last]!, needed);
        }
    }
}

/// <summary>Joins the pair that costs least together with what it leaves, again and again.</summary>
internal static class GreedySearch
{
    public static Tree Best(OperandNetwork network)
    {
        List<Tree> trees = [.. network.Leaves];
        var joined = new Dictionary<(Tree, Tree), Tree>();
        while (trees.Count > 1)
        {
            Tree? best = null;
            double least = double.PositiveInfinity;
            for (int i = 0; i < trees.Count; i++)
            {
                BitSet[]? behind = null;
                BitSet before = network.Kept;
                for (int j = i + 1; j < trees.Count; before |= trees[j].Indices, j++)
                {
                    if (network.Widens(trees[i], trees[j]))
                    {
                        continue;
                    }

                    // What a pair leaves depends on the pair alone: the others need an index or not, joined among each other or not.
                    if (!joined.TryGetValue((trees[i], trees[j]), out Tree? pair))
                    {
                        behind ??= Behind(trees);
                        BitSet needed = before | behind[j + 1] | trees.Take(i).Aggregate(network.NoIndices, (set, tree) => set | tree.Indices);
                        pair = network.Join(trees[i], trees[j], needed);
                        joined.Add((trees[i], trees[j]), pair);
                    }

                    double growth = pair.Cost - trees[i].Cost - trees[j].Cost + network.Elements(pair);
                    (best, least) = growth < least ? (pair, growth) : (best, least);
                }
            }

            trees.Remove(best!.Left!);
            trees.Remove(best.Right!);
            trees.Add(best);
        }

        return trees[0];

        // The indices of all trees from one on.
        BitSet[] Behind(List<Tree> of)
        {
            var behind = new BitSet[of.Count + 1];
            behind[of.Count] = network.NoIndices;
            for (int k = of.Count - 1; k >= 0; k--)
            {
                behind[k] = behind[k + 1] | of[k].Indices;
            }

            return behind;
        }
    }
}

/// <summary>Improves a tree: what stands between a node and some parts below it becomes the cheapest order of these parts.</summary>
internal static class WindowSearch
{
    /// <summary>The most parts of a window.</summary>
    public const int MostParts = 9;

    /// <summary>What the windows of a tree may cost together, in divisions of subsets.</summary>
    private const double Work = 2e5;

    public static Tree Improve(OperandNetwork network, Tree tree)
    {
        int parts = Math.Min(MostParts, Math.Max(5, (int)Math.Log(Work / network.Leaves.Count, 3)));
        var settled = new HashSet<Tree>();
        for (Tree? before = null; before != tree;)
        {
            before = tree;
            tree = Visit(tree, network.Kept);
        }

        return tree;

        Tree Visit(Tree node, BitSet needed)
        {
            if (node.Left is null || node.Right is null || settled.Contains(node))
            {
                return node;
            }

            Tree left = Visit(node.Left, needed | node.Right.Indices), right = Visit(node.Right, needed | left.Indices);
            node = left == node.Left && right == node.Right ? node : network.Join(left, right, needed);
            IReadOnlyList<Tree> window = Parts(node, parts);
            Tree best = window.Count > 2 ? new SubsetSearch(network, window, needed).Best() : node;
            if (best.Cost < 0.9999 * node.Cost)
            {
                return best;
            }

            settled.Add(node);
            return node;
        }
    }

    /// <summary>So many parts of a tree, or all its operands: the dearest is divided first.</summary>
    public static IReadOnlyList<Tree> Parts(Tree tree, int count)
    {
        List<Tree> parts = [tree];
        while (parts.Count < count && parts.Where(part => part.Left is not null).OrderByDescending(part => part.Cost).FirstOrDefault() is { } dearest)
        {
            int at = parts.IndexOf(dearest);
            parts[at] = dearest.Left!;
            parts.Insert(at + 1, dearest.Right!);
        }

        return parts;
    }
}
