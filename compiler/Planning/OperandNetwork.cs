using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Planning;

/// <summary>A set of indices, or of operands, by their numbers. Sets of one network are of one length.</summary>
internal readonly struct BitSet(ulong[] words) : IEquatable<BitSet>
{
    private readonly ulong[] _words = words;

    /// <summary>Sixty-four numbers each.</summary>
    public ulong[] Words => _words;

    public static BitSet Empty(int count) => new(new ulong[(count + 63) / 64]);

    public BitSet With(int number)
    {
        ulong[] words = (ulong[])_words.Clone();
        words[number / 64] |= 1UL << (number % 64);
        return new BitSet(words);
    }

    public bool Has(int number) => (_words[number / 64] & (1UL << (number % 64))) != 0;

    public bool Overlaps(BitSet other)
    {
        for (int k = 0; k < _words.Length; k++)
        {
            if ((_words[k] & other._words[k]) != 0)
            {
                return true;
            }
        }

        return false;
    }

    public static BitSet operator |(BitSet left, BitSet right) => left.Join(right, static (a, b) => a | b);

    public static BitSet operator &(BitSet left, BitSet right) => left.Join(right, static (a, b) => a & b);

    public bool Equals(BitSet other) => _words.SequenceEqual(other._words);

    public override bool Equals(object? obj) => obj is BitSet other && Equals(other);

    public override int GetHashCode() => _words.Aggregate(17UL, (hash, word) => unchecked((hash * 1000003) ^ word)).GetHashCode();

    private BitSet Join(BitSet other, Func<ulong, ulong, ulong> join)
    {
        ulong[] words = new ulong[_words.Length];
        for (int k = 0; k < words.Length; k++)
        {
            words[k] = join(_words[k], other._words[k]);
        }

        return new BitSet(words);
    }
}

/// <summary>A contraction tree while it is searched for: what it holds, and what it costs with everything below.</summary>
internal sealed class Tree
{
    /// <summary>An operand.</summary>
    public Tree(int operand, int operands, BitSet indices, double size, bool perRow, bool needsGradient, bool isShort)
    {
        Operand = operand;
        Operands = BitSet.Empty(operands).With(operand);
        (Indices, Size, PerRow, NeedsGradient, IsShort) = (indices, size, perRow, needsGradient, isShort);
    }

    /// <summary>Two trees contracted.</summary>
    public Tree(Tree left, Tree right, BitSet indices, double size, double cost)
    {
        (Left, Right, Indices, Size, Cost) = (left, right, indices, size, cost);
        Operands = left.Operands | right.Operands;
        PerRow = left.PerRow || right.PerRow;
        NeedsGradient = left.NeedsGradient || right.NeedsGradient;
    }

    public int Operand { get; } = -1;

    public Tree? Left { get; }

    public Tree? Right { get; }

    public BitSet Operands { get; }

    public BitSet Indices { get; }

    /// <summary>Elements, of one row of the batch where there is one for each.</summary>
    public double Size { get; }

    public bool PerRow { get; }

    public bool NeedsGradient { get; }

    /// <summary>Whether it is a tensor in a short format.</summary>
    public bool IsShort { get; }

    public double Cost { get; }

    /// <summary>Whether another tree joins the same two sets of operands last.</summary>
    public bool IsSameSplit(Tree other) => Left is not null && other.Left is not null && (Left.Operands.Equals(other.Left.Operands) || Left.Operands.Equals(other.Right!.Operands));
}

/// <summary>The operands of a term with their indices as bits, and what it costs to contract two.</summary>
internal sealed class OperandNetwork
{
    private readonly Term _term;
    private readonly IReadOnlyList<PlanNode> _operands;
    private readonly CostModel _costs;
    private readonly Func<IReadOnlyList<Factor>, IReadOnlyList<Index>, bool>? _isKnown;
    private readonly Dictionary<Index, int> _numbers;

    /// <summary>Whether the term differs from row to row, which all of its factors are asked for.</summary>
    private readonly bool _isPerRow;

    /// <summary>For each eight indices, the product of the extents of each subset of them.</summary>
    private readonly double[][] _products;

    public OperandNetwork(Term term, IReadOnlyList<PlanNode> operands, CostModel costs, Func<IReadOnlyList<Factor>, IReadOnlyList<Index>, bool>? isKnown = null)
    {
        (_term, _operands, _costs, _isKnown, _isPerRow) = (term, operands, costs, isKnown, term.IsPerRow);
        Index[] indices = [.. operands.SelectMany(operand => operand.Indices).Concat(term.Output.Indices).Distinct()];
        _numbers = indices.Select((index, number) => (index, number)).ToDictionary(pair => pair.index, pair => pair.number);
        NoIndices = BitSet.Empty(indices.Length);
        _products = [.. Enumerable.Range(0, (indices.Length + 7) / 8).Select(eighth => Products([.. indices.Skip(8 * eighth).Take(8)]))];
        Leaves = [.. operands.Select((operand, k) =>
            new Tree(k, operands.Count, Bits(operand.Indices), TermPlan.Size(operand.Indices), operand.PerRow, operand.NeedsGradient, operand.IsShort))];
        Kept = Bits(term.Output.Indices);

        BitSet Bits(IEnumerable<Index> of) => of.Aggregate(NoIndices, (set, index) => set.With(_numbers[index]));

        static double[] Products(Index[] eight)
        {
            double[] products = new double[256];
            products[0] = 1;
            for (int k = 0; k < 8; k++)
            {
                for (int subset = 0; subset < 1 << k; subset++)
                {
                    products[subset | (1 << k)] = products[subset] * (k < eight.Length ? eight[k].Extent : 1);
                }
            }

            return products;
        }
    }

    /// <summary>The operands as trees.</summary>
    public IReadOnlyList<Tree> Leaves { get; }

    /// <summary>The indices of the term's result.</summary>
    public BitSet Kept { get; }

    /// <summary>The set of no indices.</summary>
    public BitSet NoIndices { get; }

    public double Size(BitSet indices) => SizeOfUnion(indices, indices);

    /// <summary>Elements of a tree, for all rows of the batch.</summary>
    public double Elements(Tree tree) => tree.Size * (tree.PerRow ? _costs.Batch : 1);

    /// <summary>Whether a tensor in a short format would be multiplied out at full length: it meets nothing but what the input is part of.</summary>
    public bool Widens(Tree left, Tree right) => _isPerRow && !left.PerRow && !right.PerRow && (left.IsShort || right.IsShort);

    /// <summary>What two trees cost together, and the contraction of them into one of so many elements.</summary>
    public double Cost(Tree left, Tree right, double size)
    {
        bool perRow = left.PerRow || right.PerRow;
        return left.Cost + right.Cost + _costs.Contraction(
            SizeOfUnion(left.Indices, right.Indices), size, perRow, (left.NeedsGradient ? 1 : 0) + (right.NeedsGradient ? 1 : 0), Elements(left) + Elements(right));
    }

    private double SizeOfUnion(BitSet left, BitSet right)
    {
        double size = 1;
        for (int k = 0; k < _products.Length; k++)
        {
            size *= _products[k][(int)(((left.Words[k / 8] | right.Words[k / 8]) >> (8 * (k % 8))) & 255)];
        }

        return size;
    }

    /// <summary>Two trees contracted: of their indices those stay that are needed elsewhere.</summary>
    public Tree Join(Tree left, Tree right, BitSet needed)
    {
        BitSet indices = (left.Indices | right.Indices) & needed;
        double size = Size(indices);
        return new Tree(left, right, indices, size, IsKnown(left.Operands | right.Operands, indices) ? 0 : Cost(left, right, size));
    }

    private bool IsKnown(BitSet operands, BitSet indices) => _isKnown is not null && _isKnown(
        [.. _term.Factors.Where((_, number) => operands.Has(number))], [.. _numbers.Where(pair => indices.Has(pair.Value)).Select(pair => pair.Key)]);

    /// <summary>The operands in a row, each beside one that it has indices in common with where there is one: a chain from one of its ends.</summary>
    public IReadOnlyList<Tree> InARow()
    {
        var row = new List<Tree>();
        var rest = Leaves.ToList();
        while (rest.Count > 0)
        {
            Tree next = (row.Count == 0 ? null : rest.Where(leaf => leaf.Indices.Overlaps(row[row.Count - 1].Indices)).OrderBy(Neighbours).FirstOrDefault()) ?? rest.OrderBy(Neighbours).First();
            row.Add(next);
            rest.Remove(next);
        }

        return row;

        int Neighbours(Tree leaf) => rest.Count(other => other != leaf && other.Indices.Overlaps(leaf.Indices));
    }

    /// <summary>The nodes of a plan. The row operand stands on the left, so that equal contractions look equal.</summary>
    public PlanNode Node(Tree tree)
    {
        if (tree.Left is null || tree.Right is null)
        {
            return _operands[tree.Operand];
        }

        (Tree left, Tree right) = tree.Right.PerRow ? (tree.Right, tree.Left) : (tree.Left, tree.Right);
        (PlanNode a, PlanNode b) = (Node(left), Node(right));
        return new ContractionNode(a, b, [.. a.Indices.Union(b.Indices).Where(index => tree.Indices.Has(_numbers[index]))], tree.PerRow, tree.NeedsGradient);
    }
}
