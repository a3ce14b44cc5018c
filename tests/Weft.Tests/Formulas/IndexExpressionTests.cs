using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

using Weft.Compiler.Algebra;

/// <summary>Sums of indices, tables of positions, and numbers that depend on indices: what they mean, and that it compiles to that.</summary>
public class IndexExpressionTests
{
    /// <summary>Texts, and the matrix entry that each means, over its parameters.</summary>
    public static TheoryData<string> Texts =>
    [
        "operator f : 9 -> 5\n  param w[5]\n  y[i] = w[k] * x[i + k]",
        "operator f : 11 -> 4\n  param w[3]\n  y[i] = w[k] * x[2*i + 2*k]",
        "operator f : 7 -> 5\n  param t[11]\n  y[i] = t[i - j + 6] * x[j]",
        "operator f : 7 -> 5\n  param t[11]\n  y[i] = t[10 - i - j] * x[j]",
        "operator f : 6 -> 6\n  param c[6]\n  let e[a:2 i] = (1 - 2*a) * c[i]\n  y[i] = e[i - j + 6] * x[j]",
        "operator f(h, w, c, o, k) : c*h*w -> o*(h-k+1)*(w-k+1)\n  param K[o, c, k, k]\n  y[a, i:h-k+1, j:w-k+1] = K[a, b, p, q] * x[b, i + p:h, j + q:w]\noperator g : 84 -> 54 = f(7, 4, 3, 3, 2) * eye(84)",
        "operator f : 60 -> 32\n  param K[4, 3, 2, 2]\n  y[a, i:4, j:2] = K[a, b, p, q] * x[b, i + p:5, j + 2*q:4]",
        "operator f : 9 -> 6\n  param v[6, 4]\n  seeded(3) S[6, 4] ~ distinct(9)\n  y[i] = v[i, j] * x[S[i, j]]",
        "operator f : 12 -> 6\n  param v[6, 2, 3]\n  frozen S[6, 2] ~ distinct(4)\n  y[i] = v[i, j, c] * x[S[i, j] c]",
        "operator f : 24 -> 6\n  param v[2, 3, 3]\n  seeded(1) S[2, 3] ~ whole(4)\n  y[b i] = v[b, i, c] * x[d:2, S[b, i]:4, c] + 0.5 * v[b, i, 0] * x[b i c:4]",
        "operator f : 9 -> 7\n  param v[20]\n  seeded(5) R[20] ~ whole(7)\n  seeded(6) C[20] ~ whole(9)\n  = gather(R, 7)' * diag(v) * gather(C, 9)",
        "operator f : 5 -> 6\n  = gather([4, 0, 0, 2, 1, 4], 5)",
        "operator f : 4 -> 6\n  param T[5, 3], A[3, 4]\n  seeded(2) S[6] ~ whole(5)\n  y[i] = T[S[i], c] * A[c, j] * x[j]",
        "operator f : 4 -> 3\n  param T[3, 7, 2], U[3, 4, 2]\n  seeded(2) S[4] ~ distinct(7)\n  y[i] = T[i, S[j], c] * U[i, j, c] * x[j]",
        "operator f : 5 -> 7\n  param L[7, 5]\n  y[i] = (i >= j) * L[i, j] * x[j] - (i == j or i == 0) * x[j] / 2",
        "operator f : 6 -> 6\n  let F[i:6, j:6] = cos(2*pi*i*j/6) / sqrt(6)\n  let G[i:6, j:6] = -sin(2*pi*i*j/6)\n  param d[6]\n  = F * diag(d) * G + F",
        "operator f : 6 -> 5\n  param d[5]\n  y[i] = i * d[i] * x[i + 1] + (max(i, 2) / (1 + i)) * x[i + 0]",
        "operator f(n) : n -> n\n  param W[n, n]\n  y[i] = (0 < i <= n - 2 and not i % 2 == 0) * W[i, n - 1 - j] * x[j]\noperator g : 5 -> 5 = f(5)",
        "operator f : 8 -> 8\n  param v[8]\n  y[i] = v[7 - i] * x[7 - i]",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void AgreeWithTheirDefinition(string text)
    {
        BindCheck(text, out Module module);
        Check<double>(module, Scalar.Double);
        Check<float>(module, Scalar.Float);
    }

    [Theory]
    [InlineData("operator f : 6 -> 5\n  param w[3]\n  y[i] = w[k] * x[i + k]", "3:19 WEFT0119 'i + k', from 0 to 6 is out of range: expected 0 to 5")]
    [InlineData("operator f : 6 -> 6\n  param t[11]\n  y[i] = t[i - j] * x[j]", "3:12 WEFT0119 'i - j', from -5 to 5 is out of range: expected 0 to 10")]
    [InlineData("operator f : 6 -> 6\n  param t[36]\n  y[i] = t[i * j] * x[j]", "3:12 WEFT0110 expected an index, or a sum of whole multiples of indices, found 'i * j'")]
    [InlineData("operator f : 6 -> 6\n  param t[9]\n  y[i] = t[i + k] * x[i]", "3:16 WEFT0100 unknown name 'k'")]
    [InlineData("operator f : 6 -> 6\n  param w[6]\n  y[i + 1] = w[i] * x[i]", "3:5 WEFT0123 expected an index of the result, found 'i + 1'")]
    [InlineData("operator f : 6 -> 4\n  param v[4, 2], S[4, 2]\n  y[i] = v[i, j] * x[S[i, j]]", "3:22 WEFT0110 expected a table of positions: a list, or a tensor that is not trained, found a tensor [4, 2]")]
    [InlineData("operator f : 6 -> 3\n  = gather([0, 6, 2], 6)", "2:12 WEFT0119 the position 6 is out of range: expected 0 to 5")]
    [InlineData("operator f : 6 -> 3\n  frozen S[3, 7] ~ distinct(6)\n  = gather(S[:, 0], 6)", "2:20 WEFT0119 6 is out of range: expected 7 or more: the last axis holds as many different numbers")]
    [InlineData("operator f : 6 -> 6\n  param W[6, 6]\n  y[i] = (W > i) * x[i]", "3:11 WEFT0110 expected a number, found a tensor [6, 6]")]
    public void MistakesAreNamedWhereTheyAre(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TestModules.Diagnostics(text)), StringComparison.Ordinal);

    [Fact]
    public void ATableThatLeadsNowhereIsRefusedUntilItIsMended()
    {
        using CompiledWeft compiled = DynamicMaps.Compile("operator f : 6 -> 4\n  frozen S[4] ~ whole(6)\n  = gather(S, 6)");
        using Map<float> map = compiled.CreateFloat("f");
        float[] x = [0, 1, 2, 3, 4, 5], y = new float[4];
        using (ParameterEdit<float> edit = map.Edit())
        {
            new float[] { 5, 0, 5, 2 }.CopyTo(edit["S"]);
        }

        map.Forward(x, y);
        Assert.Equal([5, 0, 5, 2], y);
        Refused(() =>
        {
            using ParameterEdit<float> edit = map.Edit();
            edit["S"][1] = 6;
        });
        Refused(() => map.Forward(x, y));
        using (ParameterEdit<float> edit = map.Edit())
        {
            edit["S"][1] = 1;
        }

        map.Forward(x, y);
        Assert.Equal([5, 1, 5, 2], y);

        static void Refused(Action use) => Assert.Equal(
            "S is a table of positions from 0 to 5; its element 1 is 6.", Assert.Throws<InvalidOperationException>(use).Message);
    }

    private static void BindCheck(string text, out Module module)
    {
        BindResult result = WeftCompiler.Bind([TestModules.File(text)]);
        Assert.Empty(TestModules.Diagnostics(text));
        module = result.Modules[^1] with { Name = "F" };
    }

    private static void Check<T>(Module module, Scalar scalar)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: scalar))]);
        using Map<T> map = assembly.Create<T>("F");
        string? fault = FormulaBattery.Fault(module, map, 11);
        Assert.True(fault is null, fault);
    }
}
