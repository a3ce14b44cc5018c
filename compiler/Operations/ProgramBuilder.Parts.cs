using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>Parts of products that have one value are computed once.</summary>
public sealed partial class ProgramBuilder
{
    /// <summary>What is computed, by its form.</summary>
    private readonly Dictionary<string, Part> _parts = [];
    private readonly Dictionary<SharedNode, (Part Part, IReadOnlyList<Index> Indices)> _shared = new(ReferenceComparer<SharedNode>.Instance);
    private readonly Dictionary<Storage, int> _numbers = [];
    private readonly Dictionary<ContractionNode, Storage> _rooms = new(ReferenceComparer<ContractionNode>.Instance);

    /// <summary>The plan of a term, the cheapest where what it has twice, or has in common with others, is computed once.</summary>
    private TermPlan Plan(Term term)
    {
        Func<IReadOnlyList<Factor>, IReadOnlyList<Index>, bool>? known = KnownOf(term);
        TermPlan plan = ContractionPlanner.Plan(term, _variant.Costs, known);
        if (plan.Root is not ContractionNode || (known is null && term.Factors.Select(factor => factor.Tensor).Distinct().Count() == term.Factors.Count))
        {
            return plan;
        }

        (PlanNode Root, double Cost)[] ranked = [.. plan.Alternatives.Select(other => other.Root).Prepend(plan.Root).Select(root => (root, Cost(root, []))).OrderBy(pair => pair.Item2)];
        return plan with { Root = ranked[0].Root, Cost = ranked[0].Cost, Alternatives = [.. ranked.Skip(1)] };

        double Cost(PlanNode node, HashSet<string> seen)
        {
            if (node is not ContractionNode contraction || FormOf(Factors(node), node.Indices).Key is var key && (_parts.ContainsKey(key) || !seen.Add(key)))
            {
                return 0;
            }

            return Cost(contraction.Left, seen) + Cost(contraction.Right, seen) + ContractionPlanner.Cost(contraction, _variant.Costs);
        }
    }

    /// <summary>A product of tensors that is computed, or about to be.</summary>
    private sealed class Part(ContractionNode node, IReadOnlyList<Index> indices)
    {
        public ContractionNode Node { get; } = node;

        /// <summary>The indices of its factors in the order of its form.</summary>
        public IReadOnlyList<Index> Indices { get; } = indices;

        /// <summary>Where it is, once it is.</summary>
        public View? View { get; set; }
    }

    /// <summary>The tree with each part that has the value of another in its place.</summary>
    private PlanNode Share(PlanNode node, PlanNode root, List<Part> made)
    {
        if (node is not ContractionNode contraction)
        {
            return node;
        }

        ProductForm form = FormOf(Factors(node), node.Indices);
        if (_parts.TryGetValue(form.Key, out Part? part))
        {
            var shared = new SharedNode((part.View?.Storage ?? RoomFor(part.Node)).Name, node);
            _shared.Add(shared, (part, form.Indices));
            return shared;
        }

        (PlanNode left, PlanNode right) = (Share(contraction.Left, root, made), Share(contraction.Right, root, made));
        contraction = ReferenceEquals(left, contraction.Left) && ReferenceEquals(right, contraction.Right) ? contraction : contraction with { Left = left, Right = right };
        if (!ReferenceEquals(node, root))
        {
            part = new Part(contraction, form.Indices);
            _parts.Add(form.Key, part);
            made.Add(part);
        }

        return contraction;
    }

    /// <summary>What the planner has to know of parts that are computed already; null where the term has none of them.</summary>
    private Func<IReadOnlyList<Factor>, IReadOnlyList<Index>, bool>? KnownOf(Term term)
    {
        var own = new HashSet<Storage>(term.Factors.Select(factor => StorageOf(factor.Tensor)));
        var counts = new HashSet<int>(_parts.Values
            .Select(part => Factors(part.Node))
            .Where(factors => factors.Count <= term.Factors.Count && factors.All(factor => own.Contains(StorageOf(factor.Tensor))))
            .Select(factors => factors.Count));
        return counts.Count == 0 ? null : (factors, kept) => counts.Contains(factors.Count) && _parts.ContainsKey(FormOf(factors, kept).Key);
    }

    /// <summary>What a product of factors with these indices left is, whatever the indices are called.</summary>
    private ProductForm FormOf(IReadOnlyList<Factor> factors, IReadOnlyList<Index> kept)
    {
        var stays = new HashSet<Index>(kept);
        return ProductForm.Of(
            [.. factors.Select(factor => (NumberOf(StorageOf(factor.Tensor)), factor.Position))],
            factors.SelectMany(factor => factor.Position.Indices).Distinct(),
            index => stays.Contains(index) ? 1 : 0);
    }

    private int NumberOf(Storage storage)
    {
        if (!_numbers.TryGetValue(storage, out int number))
        {
            _numbers.Add(storage, number = _numbers.Count);
        }

        return number;
    }

    private static IReadOnlyList<Factor> Factors(PlanNode node) => node switch
    {
        FactorNode factor => [factor.Factor],
        SharedNode shared => Factors(shared.Of),
        _ => [.. Factors(((ContractionNode)node).Left), .. Factors(((ContractionNode)node).Right)],
    };

    /// <summary>Room for an intermediate result.</summary>
    private Storage RoomFor(ContractionNode node)
    {
        if (!_rooms.TryGetValue(node, out Storage? room))
        {
            int length = Length(node.Indices);
            room = node.PerRow ? _pool.NewScratch(_pool.NewName("h"), length, _variant.Pitch(length)) : _pool.NewWeight(_pool.NewName("p"), length, node.NeedsGradient);
            _rooms.Add(node, room);
        }

        return room;
    }
}
