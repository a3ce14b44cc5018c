using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Tests.Planning;

/// <summary>Orders of contractions, against all orders there are, and against costs that are summed up here.</summary>
public class PlannerTests
{
    /// <summary>As SPEC gives it: operations, what results take through the cache, and the start of a step; for few rows also what is read.</summary>
    [Theory]
    [InlineData(64, false, true, 0, 64 * (200 + 35) + 1000)]
    [InlineData(64, false, true, 2, 3 * (64 * (200 + 35) + 1000))]
    [InlineData(64, false, false, 1, 2 * (200 + 35 + 1000))]
    [InlineData(1, true, true, 2, 5 * (90 + 7) + 1000)]
    [InlineData(1, true, false, 2, (5 * (90 + 7) + 1000) / 100.0)]
    public void CostOfAContraction(int batch, bool few, bool perRow, int gradients, double expected) =>
        Assert.Equal(expected, new CostModel(batch, few).Contraction(space: 100, result: 7, perRow, gradients, read: 90), 1e-9);

    [Fact]
    public void CostOnADevice_IsTheTimeInOperations()
    {
        var device = new DeviceModel(FlopsPerSecond: 1e9, BytesPerSecond: 4e9, LaunchSeconds: 1e-6);
        double bytes = new CostModel(10, Device: device).Contraction(space: 1, result: 100, perRow: true, gradients: 1, read: 1000);
        double operations = new CostModel(10, Device: device).Contraction(space: 10000, result: 1, perRow: true, gradients: 0, read: 1);
        Assert.Equal((2 * device.Seconds(20, 2000) * 1e9, device.Seconds(200000, 11) * 1e9), (bytes, operations));
    }

    /// <summary>Up to twelve operands no order is cheaper. Every order that is rejected costs what is said of it, and ends in another contraction.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NoOrderIsCheaper(bool few)
    {
        const int Most = 6;
        var costs = new CostModel(few ? 1 : 64, few);
        int tried = 0;
        foreach (Term term in Terms(Enumerable.Range(0, 300).Select(seed => RandomFormula.Create(seed))).Where(term => Operands(term).Length is > 1 and <= Most))
        {
            TermPlan plan = ContractionPlanner.Plan(term, costs);
            var meter = new Meter(term, costs);
            AssertSame(meter.Best(Operands(term)), plan.Cost);
            AssertSame(meter.Cost(plan.Root!), plan.Cost);
            Assert.All(plan.Alternatives, other => AssertSame(meter.Cost(other.Root), other.Cost));
            double[] ranked = [plan.Cost, .. plan.Alternatives.Select(other => other.Cost)];
            Assert.Equal(ranked.Order(), ranked);
            string[] ends = [.. plan.Alternatives.Select(other => other.Root).Prepend(plan.Root!).Select(meter.LastSplit)];
            Assert.Equal(ends.Distinct(), ends);
            tried++;
        }

        Assert.True(tried > 200, $"{tried} terms");
    }

    /// <summary>Beyond twelve operands an order is found that costs no more than the best that only joins neighbours: for a chain of matrices the best of all.</summary>
    [Theory]
    [InlineData("chain", 13, 1)]
    [InlineData("chain", 14, 2)]
    [InlineData("chain", 18, 3)]
    [InlineData("kron", 14, 0)]
    public void LongTermsAreNoDearerThanARow(string kind, int count, int seed)
    {
        var random = new Random(seed);
        int[] sizes = [.. Enumerable.Range(0, count + 1).Select(_ => random.Next(2, 60))];
        string tensors = string.Join(", ", Enumerable.Range(0, count).Select(k => $"A{k}[{sizes[k]}, {sizes[k + 1]}]"));
        string text = kind == "chain"
            ? $"operator f : {sizes[count]} -> {sizes[0]}\n  param {tensors}\n  = {string.Join(" * ", Enumerable.Range(0, count).Select(k => $"A{k}"))}"
            : $"operator f : {1 << count} -> {1 << count}\n  param A(k < {count})[2, 2]\n  = kron(k < {count}) A[k]";
        var costs = new CostModel(64);
        Term term = Terms([TestModules.Formula(text)]).Single(term => Operands(term).Length > ContractionPlanner.ExactOperands);
        TermPlan plan = ContractionPlanner.Plan(term, costs);
        var meter = new Meter(term, costs);
        AssertSame(meter.Cost(plan.Root!), plan.Cost);
        Assert.All(plan.Alternatives, other => AssertSame(meter.Cost(other.Root), other.Cost));
        double best = meter.BestInARow(Operands(term));
        Assert.True(plan.Cost <= best * (1 + 1e-9), $"{plan.Cost} beside {best}");
        Assert.Equal(16, plan.Alternatives.Count);
    }

    internal static void AssertSame(double expected, double actual) => Assert.True(Math.Abs(expected - actual) <= 1e-9 * expected, $"{actual} instead of {expected}");

    private static IEnumerable<Term> Terms(IEnumerable<Compiler.Algebra.Module> modules) => modules
        .SelectMany(module => Lowering.Lower(Rewriter.Rewrite(module).Module).Statements)
        .OfType<SumStatement>()
        .SelectMany(sum => sum.Terms);

    private static PlanNode[] Operands(Term term) => [.. term.Factors.Select(factor => new FactorNode(factor))];

    /// <summary>What orders of a term's operands cost.</summary>
    internal sealed class Meter(Term term, CostModel costs)
    {
        /// <summary>The least cost over all orders.</summary>
        public double Best(IReadOnlyList<PlanNode> parts)
        {
            if (parts.Count == 1)
            {
                return 0;
            }

            double least = double.PositiveInfinity;
            for (int i = 0; i < parts.Count; i++)
            {
                for (int j = i + 1; j < parts.Count; j++)
                {
                    (PlanNode a, PlanNode b) = (parts[i], parts[j]);
                    if (term.IsPerRow && !a.PerRow && !b.PerRow && (a.IsShort || b.IsShort))
                    {
                        continue;
                    }

                    PlanNode[] others = [.. parts.Where(part => part != a && part != b)];
                    PlanNode joined = Join(a, b, others);
                    least = Math.Min(least, Step(a, b, joined) + Best([.. others, joined]));
                }
            }

            return least;
        }

        /// <summary>The least cost over the orders that only join neighbours.</summary>
        public double BestInARow(PlanNode[] row)
        {
            var best = new Dictionary<(int First, int Last), (PlanNode Node, double Cost)>();
            for (int length = 1; length <= row.Length; length++)
            {
                for (int first = 0; first + length <= row.Length; first++)
                {
                    int last = first + length - 1;
                    IEnumerable<PlanNode> others = row[..first].Concat(row[(last + 1)..]);
                    best[(first, last)] = length == 1 ? (row[first], 0) : Enumerable.Range(first, length - 1).Select(middle =>
                    {
                        ((PlanNode a, double left), (PlanNode b, double right)) = (best[(first, middle)], best[(middle + 1, last)]);
                        PlanNode joined = Join(a, b, others);
                        return (joined, left + right + Step(a, b, joined));
                    }).MinBy(candidate => candidate.Item2);
                }
            }

            return best[(0, row.Length - 1)].Cost;
        }

        public double Cost(PlanNode node) => node is ContractionNode join ? Cost(join.Left) + Cost(join.Right) + Step(join.Left, join.Right, join) : 0;

        /// <summary>The operands on both sides of the last contraction.</summary>
        public string LastSplit(PlanNode root)
        {
            string[] sides = [.. new[] { ((ContractionNode)root).Left, ((ContractionNode)root).Right }.Select(side => string.Join(",", Leaves(side).Order()))];
            return string.Join("|", sides.Order(StringComparer.Ordinal));
        }

        private IEnumerable<int> Leaves(PlanNode node) => node is ContractionNode join
            ? Leaves(join.Left).Concat(Leaves(join.Right))
            : [term.Factors.ToList().FindIndex(factor => node is FactorNode leaf && ReferenceEquals(leaf.Factor, factor))];

        private ContractionNode Join(PlanNode a, PlanNode b, IEnumerable<PlanNode> others)
        {
            HashSet<Index> needed = [.. term.Output.Indices, .. others.SelectMany(other => other.Indices)];
            return new ContractionNode(a, b, [.. a.Indices.Union(b.Indices).Where(needed.Contains)], a.PerRow || b.PerRow, a.NeedsGradient || b.NeedsGradient);
        }

        private double Step(PlanNode a, PlanNode b, PlanNode joined) => costs.Contraction(
            TermPlan.Size(a.Indices.Union(b.Indices)),
            TermPlan.Size(joined.Indices),
            joined.PerRow,
            new[] { a, b }.Count(operand => operand.NeedsGradient),
            Elements(a) + Elements(b));

        private double Elements(PlanNode node) => TermPlan.Size(node.Indices) * (node.PerRow ? costs.Batch : 1);
    }
}
