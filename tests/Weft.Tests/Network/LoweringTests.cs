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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NetworksOfRandomModulesHaveTheirValues(bool rewritten)
    {
        int covered = 0;
        for (int seed = 0; seed < 400; seed++)
        {
            Module module = RandomFormula.Create(seed);
            LoweredModule lowered = Lowering.Lower(rewritten ? Rewriter.Rewrite(module).Module : module);
            if (lowered.Statements.OfType<SumStatement>().SelectMany(sum => sum.Terms).Sum(Combinations) > MostCombinations)
            {
                continue;
            }

            covered++;
            var random = new Random(seed);
            Dictionary<string, double[]> values = Numbers.Values(module, random);
            double[] x = Numbers.Normal(random, module.Inputs);
            double[] expected = new Interpreter(module, values).Evaluate(x);
            double[] actual = new NetworkEvaluator(values).Evaluate(lowered, x);
            double error = Numbers.RelativeError([.. expected, 1], [.. actual, 1]);
            Assert.True(error < 1e-9, $"Seed {seed}: {error:G3}\n{AlgebraPrinter.Print(module)}");
        }

        Assert.True(covered > 300, $"{covered} covered");
    }

    private static double Combinations(Term term) => term.Indices.Aggregate(1.0, (product, index) => product * index.Extent);
}
