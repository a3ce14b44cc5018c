using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Text;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Tests.Planning;

/// <summary>Orders of contractions: the cheapest where that is promised, and near to it elsewhere.</summary>
public class ContractionPlannerTests
{
    private static readonly CostModel Costs = new(64);

    [Theory]
    [InlineData(5)]
    [InlineData(11)]
    [InlineData(30)]
    public void AChainOfMatricesIsInItsCheapestOrder(int count)
    {
        for (int seed = 0; seed < 4; seed++)
        {
            var random = new Random(seed);
            Term chain = Chain(count, random);
            PlannerTests.AssertSame(CheapestChain(chain), ContractionPlanner.Plan(chain, Costs).Cost);

            // However its factors are written.
            Factor[] factors = [.. chain.Factors];
            random.Shuffle(factors);
            PlannerTests.AssertSame(CheapestChain(chain), ContractionPlanner.Plan(chain with { Factors = factors }, Costs).Cost);
        }
    }

    /// <summary>Beyond what is searched altogether, an order is within a tenth of the cheapest: seen at sizes at which that is known.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(12)]
    [InlineData(13)]
    public void WindowsComeNearTheCheapestOrder(int count)
    {
        for (int seed = 0; seed < 6; seed++)
        {
            AssertNear(Tree(count, new Random(seed)));
        }

        AssertNear(Kronecker(count - 1));
    }

    /// <summary>Factors that are small are multiplied with each other before the input meets them: one by one would cost many times as much.</summary>
    [Theory]
    [InlineData(16, 0.75)]
    public void ManySmallFactorsAreJoined(int factors, double most)
    {
        Term term = Kronecker(factors);
        TermPlan plan = ContractionPlanner.Plan(term, Costs);
        double oneByOne = term.Factors.Count * Costs.Contraction(2 * Math.Pow(2, term.Factors.Count), Math.Pow(2, term.Factors.Count), true, 2);
        Assert.True(plan.Cost < most * oneByOne, $"{plan.Cost / oneByOne}: {PlanPrinter.Print(plan.Root)}");
    }

    [Fact]
    public void AHundredOperandsArePlanned()
    {
        Term term = Tree(100, new Random(1));
        TermPlan plan = ContractionPlanner.Plan(term, Costs);
        Assert.Equal(99, TermPlan.Contractions(plan.Root!).Count());
        PlannerTests.AssertSame(new PlannerTests.Meter(term, Costs).Cost(plan.Root!), plan.Cost);
        Assert.NotEmpty(plan.Alternatives);
        Assert.All(plan.Alternatives, other => Assert.True(other.Cost >= plan.Cost));
    }

    private static void AssertNear(Term term)
    {
        OperandNetwork network = Network(term);
        double cheapest = new SubsetSearch(network, network.Leaves, network.Kept).Best().Cost;
        double near = new Tree?[] { IntervalSearch.Best(network, network.Leaves), IntervalSearch.Best(network, network.InARow()), GreedySearch.Best(network) }
            .OfType<Tree>().Min(start => WindowSearch.Improve(network, start).Cost);
        Assert.True(near <= 1.1 * cheapest, $"{near / cheapest} times the cheapest of {term.Factors.Count} factors");
        Assert.True(near >= cheapest * (1 - 1e-9), "cheaper than the cheapest");
        if (network.Leaves.Count <= ContractionPlanner.ExactOperands)
        {
            PlannerTests.AssertSame(cheapest, ContractionPlanner.Plan(term, Costs).Cost);
        }
    }

    private static OperandNetwork Network(Term term) => new(term, [.. term.Factors.Select(factor => new FactorNode(factor))], Costs);

    /// <summary>The cost of the cheapest order of a chain by the recursion of the textbooks, over the matrices and the input behind them.</summary>
    private static double CheapestChain(Term chain)
    {
        int count = chain.Factors.Count;
        double[] sizes = [.. chain.Factors.Select(factor => (double)factor.Position.Terms[0].Index.Extent), 1];
        var best = new double[count, count];
        for (int length = 2; length <= count; length++)
        {
            for (int i = 0; i + length <= count; i++)
            {
                int j = i + length - 1;
                best[i, j] = Enumerable.Range(i, length - 1).Min(k =>
                    best[i, k] + best[k + 1, j] + Costs.Contraction(sizes[i] * sizes[k + 1] * sizes[j + 1], sizes[i] * sizes[j + 1], perRow: j == count - 1, gradients: 2));
            }
        }

        return best[0, count - 1];
    }

    private static Term Chain(int matrices, Random random)
    {
        Index[] indices = [.. Enumerable.Range(0, matrices + 1).Select(k => new Index($"i{k}", random.Next(2, 40)))];
        return new Term(
            1,
            [.. Enumerable.Range(0, matrices).Select(k => Factor(k, indices[k], indices[k + 1])), new Factor(new RowTensor("x", indices[matrices].Extent), Position(indices[matrices]))],
            Position(indices[0]));
    }

    private static Term Kronecker(int factors)
    {
        Index[] outer = [.. Enumerable.Range(0, factors).Select(k => new Index($"i{k}", 2))], inner = [.. Enumerable.Range(0, factors).Select(k => new Index($"j{k}", 2))];
        return new Term(1, [.. outer.Zip(inner).Select((pair, k) => Factor(k, pair.First, pair.Second)), new Factor(new RowTensor("x", 1 << factors), Position(inner))], Position(outer));
    }

    /// <summary>Operands that share an index with one before, and some that have an index of the result.</summary>
    private static Term Tree(int operands, Random random)
    {
        var indices = new List<Index>[operands];
        var output = new List<Index>();
        for (int k = 0; k < operands; k++)
        {
            indices[k] = [];
            if (k > 0)
            {
                var shared = new Index($"e{k}", random.Next(2, 17));
                indices[k].Add(shared);
                indices[random.Next(Math.Max(0, k - 4), k)].Add(shared);
            }

            if (random.Next(3) == 0)
            {
                output.Add(new Index($"o{k}", random.Next(2, 9)));
                indices[k].Add(output[^1]);
            }
        }

        int input = random.Next(operands);
        return new Term(
            1,
            [.. Enumerable.Range(0, operands).Where(k => k != input).Select(k => Factor(k, [.. indices[k]])), new Factor(new RowTensor("x", 1), Position([.. indices[input]]))],
            Position([.. output]));
    }

    private static Factor Factor(int number, params Index[] indices) => new(
        new ParameterWeight(new Parameter($"P{number}", EquatableArray.Of(1), Role.Trained, Compiler.Algebra.Initializer.FanIn())),
        Position(indices));

    private static Affine Position(params Index[] indices) => new(0, [.. indices.Select(index => (index, 1))]);
}
