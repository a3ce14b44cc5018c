using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Formulas;

namespace Weft.Tests.Binding;

using Weft.Compiler.Algebra;

/// <summary>What tensors are declared to be: what is made so, what is checked, and what is refused.</summary>
public class PropertyTests
{
    private const string Text = """
        operator f : 8 -> 8
          frozen K[2, 4, 4] spd, Q[2, 4, 4] orthogonal
          seeded(3) O[2, 4, 4] orthogonal ~ orthogonal, V[8, 8] symmetric ~ sign
          param S[8, 8] symmetric rate 2, L(k < 2)[4, 4] lower ~ normal(0.3), U[4, 4] unit_upper ~ normal(0.3)
          frozen R[4, 4] upper, B[4, 4] unit_lower, C[4, 4] symmetric ~ normal(1)
          = inverse(blockdiag(K)) * blockdiag(Q)' * (S + V) * blockdiag(O) + logdet(blockdiag(K)) * (inverse(U) ⊕ inverse(U' * B))
          + (L[0] ⊕ L[1]) * (R ⊕ C)
        """;

    [Fact]
    public void TheyAreAsDefined()
    {
        Module module = TestModules.Last(Text);
        FormulaBattery.AssertHolds(module);
        Assert.Equal(
            ["inverse_lower", "inverse_spd", "logdet_spd"],
            module.Links.SelectMany(link => link.Tensors()).SelectMany(OperatorStructure.DescendantsAndSelf).OfType<FunctionTensor>().Select(function => function.Function.Name)
                .Where(name => name.StartsWith("inverse", StringComparison.Ordinal) || name.StartsWith("logdet", StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void WhatIsDrawnIsSoAndTrainingLeavesItSo()
    {
        using CompiledWeft compiled = DynamicMaps.Compile(Text);
        using Map<double> map = compiled.CreateDouble("f");
        map.Initialize(seed: 5);
        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role != Role.Seeded))
        {
            AssertIs(info.Property, map[info.Name].Values, info.Shape[^1], isStored: true);
        }

        double[] x = Numbers.Normal(new Random(1), 8 * 16), y = Numbers.Normal(new Random(2), 8 * 16);
        var optimizer = new AdamW<double>(0.05, weightDecay: 0.1);
        double[] gradient = new double[map.TrainedCount];
        for (int step = 0; step < 5; step++)
        {
            Array.Clear(gradient);
            map.Gradient(x, y, default, gradient);
            optimizer.Step(map, gradient);
        }

        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role == Role.Trained))
        {
            // Nothing but the decay of a diagonal that does not count.
            AssertIs(info.Property, map[info.Name].Values, info.Shape[^1], isStored: info.Property != TensorProperty.UnitUpper);
        }
    }

    [Theory]
    [InlineData("K[3, 3] symmetric", "Parameter 'K' of f is declared symmetric, but element [2, 0] is 5 and [0, 2] is 0.")]
    [InlineData("K[3, 3] spd", "Parameter 'K' of f is declared spd, but element [2, 0] is 5 and [0, 2] is 0.")]
    [InlineData("K[3, 3] upper", "Parameter 'K' of f is declared upper, but element [2, 0] is 5.")]
    [InlineData("K[3, 3] orthogonal", "Parameter 'K' of f is declared orthogonal, but the product of its rows 0 and 2 is 5.")]
    [InlineData("K[3, 3] lower", null)]
    [InlineData("K[3, 3] unit_lower", null)]
    public void WhatIsWrittenIsChecked(string declaration, string? message) => AssertChecked(declaration, [1, 0, 0, 0, 1, 0, 5, 0, 1], message);

    [Theory]
    [InlineData("K[2, 2] unit_lower", 1, 0, 3, 2, "Parameter 'K' of f is declared unit_lower, but element [1, 1] is 2.")]
    [InlineData("K[2, 2] lower", 1, double.NaN, 3, 2, "Parameter 'K' of f is declared lower, but element [0, 1] is NaN.")]
    [InlineData("K[2, 2] spd", 1, 2, 2, 1, "Parameter 'K' of f is declared spd, but its first 2 rows and columns are not positive definite.")]
    [InlineData("K[2, 2] spd", 2, 1, 1, 2, null)]
    [InlineData("K[2, 2] symmetric", 1e30, 0.1, 0.2, 1, null)]
    [InlineData("K[2, 2] symmetric", 1, double.NaN, double.NaN, 1, "Parameter 'K' of f is declared symmetric, but element [1, 0] is NaN and [0, 1] is NaN.")]
    [InlineData("K[2, 2] orthogonal", 0.6, 0.8, -0.8, 0.60001, null)]
    public void SoAreItsNumbers(string declaration, double a, double b, double c, double d, string? message) => AssertChecked(declaration, [a, b, c, d], message);

    [Theory]
    [InlineData("param K[4, 4] spd", "2:17 WEFT0110 expected a frozen tensor that is 'spd'; of a trained one, 'A * A' + s * eye(n)' is with a positive s, found 'K', which is trained")]
    [InlineData("param K[4, 4] orthogonal", "2:17 WEFT0110 expected a frozen or seeded tensor that is 'orthogonal'; of a trained one, 'orthonormal_rows(V)' and 'cayley(A)' are, found 'K', which is trained")]
    [InlineData("frozen K[4, 3] lower", "2:18 WEFT0110 expected a square matrix in the last two axes of what is 'lower', found a tensor [4, 3]")]
    [InlineData("frozen K symmetric", "2:12 WEFT0110 expected a square matrix in the last two axes of what is 'symmetric', found a tensor []")]
    [InlineData("frozen(int8) K[4, 4] spd", "2:24 WEFT0110 expected a tensor without a format that is 'spd': rounded it would be so no more, found 'int8'")]
    [InlineData("frozen K[4, 4] spd ~ normal(1)", "2:24 WEFT0110 expected 'eye(c)' with a c above 0, which is 'spd', found 'normal(1)'")]
    [InlineData("frozen K[4, 4] orthogonal ~ orthogonal(2)", "2:31 WEFT0110 expected 'orthogonal' or 'eye', which are so, found 'orthogonal(2)'")]
    public void WhatCannotBeIsRefused(string declaration, string diagnostic) =>
        Assert.Equal(diagnostic, Assert.Single(TestModules.Diagnostics($"operator f : 4 -> 4\n  {declaration}\n  = eye(4) + K")));

    [Fact]
    public void TheWordsAreNamesElsewhere()
    {
        Module module = TestModules.Last("operator f : 3 -> 3\n  param lower[3, 3] lower, spd[3]\n  let symmetric = lower + lower'\n  = symmetric\n  + diag(spd)");
        Assert.Equal(["lower", "spd"], module.Parameters.Select(parameter => parameter.Name));
        Assert.Equal([TensorProperty.Lower, TensorProperty.None], module.Parameters.Select(parameter => parameter.Property));
    }

    [Fact]
    public void WhatIsLoadedIsCheckedAndNothingIsLost()
    {
        using CompiledWeft compiled = DynamicMaps.Compile("operator f : 2 -> 2\n  frozen K[2, 2]\n  = K\noperator g : 2 -> 2\n  frozen K[2, 2] symmetric ~ eye\n  = K");
        using Map<double> any = compiled.CreateDouble("f"), symmetric = compiled.CreateDouble("g");
        any.Initialize();
        symmetric.Initialize();
        using var file = new MemoryStream();
        any.Save(file);
        file.Position = 0;
        Assert.StartsWith("The file does not fit g: Parameter 'K' of g is declared symmetric, but element [1, 0]", Assert.Throws<InvalidDataException>(() => symmetric.Load(file)).Message, StringComparison.Ordinal);
        Assert.Equal([1, 0, 0, 1], symmetric["K"].Values);
    }

    private static void AssertChecked(string declaration, double[] values, string? message)
    {
        using CompiledWeft compiled = DynamicMaps.Compile($"operator f : {Math.Sqrt(values.Length)} -> {Math.Sqrt(values.Length)}\n  frozen {declaration}\n  = K");
        using Map<double> map = compiled.CreateDouble("f");
        map.Initialize();
        Assert.Equal(message, Record.Exception(() =>
        {
            using ParameterEdit<double> edit = map.Edit();
            values.CopyTo(edit["K"]);
        })?.Message);
    }

    private static void AssertIs(TensorProperty property, ReadOnlySpan<double> values, int n, bool isStored)
    {
        double[] all = values.ToArray();
        foreach (double[] a in property == TensorProperty.None ? [] : all.Chunk(n * n))
        {
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    double expected = property switch
                    {
                        TensorProperty.Symmetric or TensorProperty.PositiveDefinite => a[(j * n) + i],
                        TensorProperty.UnitLower or TensorProperty.UnitUpper when i == j && isStored => 1,
                        TensorProperty.Lower or TensorProperty.UnitLower when j > i => 0,
                        TensorProperty.Upper or TensorProperty.UnitUpper when j < i => 0,
                        _ => a[(i * n) + j],
                    };
                    Assert.Equal(expected, a[(i * n) + j]);
                }
            }
        }
    }
}
