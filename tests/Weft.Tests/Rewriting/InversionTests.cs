using Weft.Compiler.Oracle;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Rewriting;

using Weft.Compiler.Algebra;

public class InversionTests
{
    [Theory]
    [InlineData(6, "A[2, 2], B[3, 3]", "A ⊗ B")]
    [InlineData(2, "A[2, 2]", "A * A' * A")]
    [InlineData(7, "A[2, 2], B[3, 3], s", "A ⊕ 2 * B ⊕ s * A")]
    [InlineData(6, "d[6], V[2, 6]", "diag(d) * reflect(V) * shuffle(2, 3) * permute([1, 0, 2, 5, 4, 3])")]
    [InlineData(4, "A[4, 4]", "A * wht(4)")]
    [InlineData(6, "B[3, 3], T[2, 3, 3]", "(eye(2) ⊗ B)' * -blockdiag(T)")]
    public void AnInverseTimesTheOperatorIsTheIdentity(int size, string tensors, string formula)
    {
        Module module = TestModules.Formula($"""
            operator f : {size} -> {size}
              param {tensors}
              let M = {formula}
              = inverse(M) * M
            """);
        double[,] product = new Interpreter(module, Numbers.Values(module, new Random(3))).Dense();
        for (int i = 0; i < product.GetLength(0); i++)
        {
            for (int j = 0; j < product.GetLength(1); j++)
            {
                Assert.Equal(i == j ? 1 : 0, product[i, j], 1e-9);
            }
        }
    }

    [Theory]
    [InlineData(6, "A[3, 3], B[3, 3]", "(A + B) ⊗ eye(2)", "A + B")]
    [InlineData(9, "A[3, 3], B[3, 3]", "A * B ⊕ (A + B) ⊕ (B + A)", "A + B")]
    [InlineData(4, "A[2, 3], B[3, 2]", "(A * B) ⊗ eye(2)", "A * B")]
    [InlineData(6, "A[2, 3], B[3, 2]", "A ⊗ B", "A")]
    [InlineData(12, "T[2, 2, 3], B[3, 2]", "blockdiag(T) ⊗ B", "blockdiag(T)")]
    public void WhatHasNone_IsNamed(int size, string tensors, string formula, string part) => Assert.Equal(
        $"4:13 WEFT0110 expected an operator that has an inverse in closed form, found an operator {size} -> {size} with '{part}' in it",
        Assert.Single(TestModules.Diagnostics($"""
            operator f : {size} -> {size}
              param {tensors}
              let M = {formula}
              = inverse(M)
            """)));
}
