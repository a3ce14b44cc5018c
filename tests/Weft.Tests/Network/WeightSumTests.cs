using System.Globalization;
using Weft.Compiler.Network;
using Weft.Tests.Binding;

namespace Weft.Tests.Network;

/// <summary>Which frozen parameters another value of which can take up what changes in trained ones.</summary>
public class WeightSumTests
{
    private const string Start = "operator f : 6 -> 6\n  frozen W[6, 6]\n  param B[6, 2], A[2, 6]";

    [Theory]
    [InlineData("dora(5, 7, 3)", "1 W by B A")]
    [InlineData(Start + "\n  let V[i, j] = 2 * W[i, j] - 3 * B[i, s] * A[s, j]\n  = normalize_rows(V)", "2 W by B A")]

    // Beside it stand other terms, which keep their parameters; but not the weight itself, or any of its sums twice.
    [InlineData(Start + "\n  let V[i, j] = W[i, j] + B[i, s] * A[s, j]\n  = normalize_rows(V) + B * A", "1 W by ")]
    [InlineData(Start + "\n  let V[i, j] = W[i, j] + B[i, s] * A[s, j]\n  = normalize_rows(V) + W", "")]
    [InlineData(Start + "\n  let V[i, j] = W[i, j] + B[i, s] * A[s, j]\n  let U[i, j] = W[i, j] - B[i, s] * A[s, j]\n  = normalize_rows(V) + normalize_rows(U)", "")]

    [InlineData("operator f : 6 -> 6\n  frozen S[6] ~ distinct(6)\n  param p[6]\n  let V[i] = S[i] + p[i]\n  = diag(exp(V))", "1 S by p")]
    [InlineData("operator f : 6 -> 6\n  frozen S[6] ~ distinct(6)\n  param p[6]\n  let V[i] = S[i] + p[i]\n  = diag(exp(V)) * gather(S, 6)", "")]

    // A product, a transpose, a part, every other element and a trained weight cannot take up all.
    [InlineData(Start + "\n  frozen d[6]\n  let V[i, j] = d[i] * W[i, j] + B[i, s] * A[s, j]\n  = normalize_rows(V)", "")]
    [InlineData(Start + "\n  let V[i, j] = W[j, i] + B[i, s] * A[s, j]\n  = normalize_rows(V)", "")]
    [InlineData("operator f : 6 -> 6\n  frozen W[7, 6]\n  param B[6, 2], A[2, 6]\n  let V[i, j] = W[i + 1, j] + B[i, s] * A[s, j]\n  = normalize_rows(V)", "")]
    [InlineData("operator f : 6 -> 6\n  param W[6, 6], B[6, 2], A[2, 6]\n  let V[i, j] = W[i, j] + B[i, s] * A[s, j]\n  = normalize_rows(V)", "")]
    public void AreFound(string formula, string expected) => Assert.Equal(expected, string.Join("; ", WeightSum.Find(Lowering.Lower(TestModules.Formula(formula))).Select(sum =>
        string.Create(CultureInfo.InvariantCulture, $"{sum.Coefficient} {sum.Weight.Name} by {string.Join(" ", sum.Parameters.Select(parameter => parameter.Name))}"))));
}
