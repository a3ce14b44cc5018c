using Weft.Compiler.Network;
using Weft.Compiler.Oracle;
using Weft.Compiler.Rewriting;
using Weft.Tests.Binding;
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

    /// <summary>A vector is written down only where positions in it do not stay affine: what is cut through the middle, or taken apart into digits that it does not have.</summary>
    [Theory]
    [InlineData("operator f : 6 -> 6\n  param A[3, 2, 2]\n  = (dirsum(k < 3) A[k]) * pad(8, 6, 2)' * pad(8, 6, 2)", 1)]
    [InlineData("operator f : 4 -> 6\n  param A[3, 2, 2]\n  = (dirsum(k < 3) A[k]) * pad(6, 4, 1)", 2)]
    [InlineData("operator f : 4 -> 6\n  param A[3, 3], B[2, 2]\n  = kron(A, B) * pad(6, 4, 1)", 2)]
    [InlineData("operator f : 4 -> 6\n  param A[3, 3], B[2, 2]\n  = kron(A, B) * pad(6, 4, 2)", 1)]
    [InlineData("operator f : 12 -> 6\n  param A[4, 4], B[3, 3]\n  = crop(12, 6, 3) * kron(A, B)", 1)]
    [InlineData("operator f : 12 -> 6\n  param A[4, 4], B[3, 3]\n  = crop(12, 6, 4) * kron(A, B)", 2)]
    [InlineData("operator f : 12 -> 7\n  param A[4, 4], B[3, 3]\n  = crop(12, 7, 3) * kron(A, B)", 2)]
    [InlineData("operator f : 8 -> 7\n  param A[4, 4]\n  = crop(12, 7, 2) * kron(A, pad(3, 2))", 1)]
    [InlineData("operator f : 8 -> 6\n  param A[4, 4]\n  = crop(12, 6, 5) * kron(A, pad(3, 2))", 1)]
    [InlineData("operator f : 8 -> 7\n  param A[4, 4]\n  = crop(12, 7, 3) * kron(A, pad(3, 2, 1))", 1)]
    [InlineData("operator f : 8 -> 7\n  param A[4, 4]\n  = crop(12, 7, 2) * kron(A, pad(3, 2, 1))", 2)]
    [InlineData("operator f : 8 -> 1\n  param A[4, 4]\n  = crop(12, 1, 2) * kron(A, pad(3, 2))", 1)]
    [InlineData("operator f : 5 -> 5\n  param A[5, 5]\n  y[i] = A[i, i] * x[i]", 1)]
    [InlineData("operator flip : 2 -> 2\n  y[i] = x[1 - i]\noperator f : 1 -> 2 = flip * pad(2, 1, 1)", 2)]
    public void AVectorIsWrittenDown(string formula, int statements)
    {
        Module module = TestModules.Formula(formula);
        Assert.Equal(statements, Lowering.Lower(module).Statements.Count);
        Assert.True(Error(module, seed: 1, rewritten: false) < MostError);
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
        double[] x = Numbers.Rows(module, random, 1);
        double[] expected = new Interpreter(module, values).Evaluate(x);
        double[] actual = new NetworkEvaluator(values).Evaluate(lowered, x);
        return Numbers.RelativeError([.. expected, 1], [.. actual, 1]);
    }

    private static double Combinations(Term term) => term.Indices.Aggregate(1.0, (product, index) => product * index.Extent);
}
