using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Runtime;

/// <summary>Parameters that learn faster or slower than others, as their declarations say.</summary>
public class OptimizerRateTests
{
    private const string Text = """
        operator rates : 3 -> 3
          param a[3] ~ ones rate 4, b[3] ~ ones, c[3] ~ ones rate 1 / 2, d[3] ~ ones rate 1 / 2
          = diag(a) * diag(b) * diag(c) * diag(d)
        operator one : 3 -> 3
          param a[3] ~ ones
          = diag(a)
        """;

    /// <summary>The factor is on the learning rate, so on the step and on the decay, and on nothing that is remembered.</summary>
    [Theory]
    [InlineData("sgd")]
    [InlineData("nesterov")]
    [InlineData("adamw")]
    public void TheLearningRateIsMultiplied(string rule)
    {
        using CompiledWeft compiled = DynamicMaps.Compile(Text);
        using Map<double> map = compiled.CreateDouble("rates");
        Assert.Equal([4, 1, 0.5, 0.5], map.Description.Parameters.Select(parameter => parameter.Rate));
        Train(map, Rule(rule, 0.25));
        foreach (ParameterInfo info in map.Description.Parameters)
        {
            using Map<double> alone = compiled.CreateDouble("one");
            Train(alone, Rule(rule, info.Rate * 0.25));
            Assert.Equal(alone["a"].Values.ToArray(), map[info.Name].Values.ToArray());
        }

        Assert.NotEqual(map["a"].Values[0], map["b"].Values[0]);
    }

    [Theory]
    [InlineData("operator f : 3 -> 3\n  frozen a[3] rate 2\n  = diag(a)", "2:20 WEFT0110")]
    [InlineData("operator f : 3 -> 3\n  param a[3] ~ ones rate 0\n  = diag(a)", "2:26 WEFT0119")]
    [InlineData("operator f : 3 -> 3\n  param a[3] rate b\n  = diag(a)", "2:19 WEFT0100")]
    public void MistakesAreNamedWhereTheyAre(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TestModules.Diagnostics(text)), StringComparison.Ordinal);

    private static void Train(Map<double> map, Optimizer<double> optimizer)
    {
        map.Initialize(1);
        for (int step = 0; step < 3; step++)
        {
            optimizer.Step(map, [.. Enumerable.Range(0, map.TrainedCount).Select(i => Math.Sin((i % 3) + step))]);
        }
    }

    private static Optimizer<double> Rule(string rule, double rate) => rule switch
    {
        "sgd" => new Sgd<double>(rate, weightDecay: 0.125),
        "nesterov" => new Sgd<double>(rate, 0.5, nesterov: true, weightDecay: 0.125),
        _ => new AdamW<double>(rate, weightDecay: 0.125),
    };
}
