using Weft.Compiler.Network;
using Weft.Compiler.Oracle;
using Weft.Compiler.Rewriting;
using Weft.Tests.Formulas;

namespace Weft.Tests.Network;

using Weft.Compiler.Algebra;

/// <summary>Lowered modules, summed up index by index, against the interpreter: the networks alone, without plans or code.</summary>
public class LoweringTests
{
    // More combinations of indices than this are left to the tests of compiled code.
    private const long MostCombinations = 1_000_000;
    private const double MostError = 1e-9;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NetworksOfRandomModulesHaveTheirValues(bool rewritten)
    {
        int covered = 0;
        for (int seed = 0; seed < 400; seed++)
        {
            Module module = RandomFormula.Create(seed);
            if (Error(module, seed, rewritten) is not { } error)
            {
                continue;
            }

            covered++;
            if (!(error < MostError))
            {
                Module small = Shrinker.Shrink(module, candidate => !(Error(candidate, seed, rewritten) is null or < MostError));
                Assert.Fail($"Seed {seed}: relative error {Error(small, seed, rewritten):G3}\n{AlgebraPrinter.Print(small)}");
            }
        }

        Assert.True(covered > 300, $"{covered} covered");
    }

    /// <summary>The relative error of the networks, or null where summing them up would take too long.</summary>
    private static double? Error(Module module, int seed, bool rewritten)
    {
        LoweredModule lowered = Lowering.Lower(rewritten ? Rewriter.Rewrite(module).Module : module);
        if (lowered.Statements.OfType<SumStatement>().SelectMany(sum => sum.Terms).Sum(Combinations) > MostCombinations)
        {
            return null;
        }

        var random = new Random(seed);
        Dictionary<string, double[]> values = Numbers.Values(module, random);
        double[] x = Numbers.Normal(random, module.Inputs);
        double[] expected = new Interpreter(module, values).Evaluate(x);
        double[] actual = new NetworkEvaluator(values).Evaluate(lowered, x);
        return Numbers.RelativeError([.. expected, 1], [.. actual, 1]);
    }

    private static double Combinations(Term term) => term.Indices.Aggregate(1.0, (product, index) => product * index.Extent);
}
