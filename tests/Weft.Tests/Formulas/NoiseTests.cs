using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Explanation;
using Weft.Compiler.Oracle;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Kernels;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>Numbers that are drawn for each row and step of training: dropout, reparameterized samples, paths that are dropped.</summary>
public class NoiseTests
{
    public static TheoryData<string> Layers =>
    [
        """
        layer dropped : 7 -> 5
          = bias . dense(5, 9) . dropout(0.4) . gelu . dense(9, 7) . dropout(0.1)
        """,
        """
        // A mean and a deviation, and a sample (Kingma and Welling 2014); one path for each row (Huang et al. 2016).
        layer sampled : 6 -> 4
          param M[4, 6], S[4, 6]
          noise e[4], path ~ dropout(0.3)
          let s[i] = S[i, j] * x[j]
          let d = exp(s)
          y[i] = M[i, j] * x[j] + d[i] * e[i] + path * S[i, j] * x[j]
        """,
        """
        // Noise in each part, of functions, at the ends, and of another distribution.
        layer parted : 12 -> 12
          noise u[3, 4] ~ uniform(0.5), v[12] ~ sign
          let w = tanh(u)
          let p = each(i < 3) (dropout(0.2) . bias . dense(4, 4) . dropout(0.5)) . x
          y[i j] = p[i j] * v[i j] + w[i, j] * x[i j] + u[i, j] - 0.5 * v[i j]
        """,
        """
        layer stepped(n) : h[n], x[n] -> h[n], y[n]
          param a[n] ~ constant(0.5)
          noise m[n] ~ dropout(0.5), e[n] ~ normal(0.1)
          let next[c] = a[c] * h[c] * m[c] + x[c] + e[c]
          h[c] = next[c]
          y[c] = next[c] * m[c]

        layer scanned : 15 -> 15
          = scan(i < 5) stepped(3) . scan(i < 5) stepped(3)
        """,
    ];

    [Theory]
    [MemberData(nameof(Layers))]
    public void ValuesAndDerivativesAreThoseOfTheInterpreter(string text)
    {
        Module module = TestModules.Last(text);
        double[] x = Numbers.Normal(new Random(1), 70 * module.Inputs), dy = Numbers.Normal(new Random(2), 70 * module.Outputs);
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions(module.Name, Scalar: Scalar.Double))]);
        using Map<double> map = assembly.Create<double>(module.Name);
        map.Initialize(seed: 3);
        foreach (Noise? noise in new Noise?[] { null, new(5, 11), new(5, 12L << 32) })
        {
            Interpretation exact = new Interpreter(module, InOrder(map, module)) { Noise = noise is { } by ? (by.Seed, by.Step) : null }.Interpret(x);
            double[] y = new double[dy.Length], dx = new double[x.Length], gradient = new double[map.TrainedCount];
            if (noise is { } step)
            {
                map.Forward(x, y, step);
            }
            else
            {
                map.Forward(x, y);
            }

            Numbers.AssertClose(exact.Value, y, 1e-12, "value");
            map.Gradient(x, dy, dx, gradient, noise);
            InterpretedGradient expected = exact.Gradient(dy);
            Numbers.AssertClose(expected.Input, dx, 1e-12, "gradient for x");
            for (int k = 0; k < module.Parameters.Count; k++)
            {
                ParameterInfo info = map[module.Parameters[k].Name].Info;
                Numbers.AssertClose(expected.Parameters[k], gradient.AsSpan(info.Offset, info.Length).ToArray(), 1e-12, info.Name);
            }

            if (noise is null)
            {
                double[] along = Numbers.Normal(new Random(4), x.Length), tangent = new double[dy.Length];
                map.Tangent(x, along, [], [], tangent);
                Numbers.AssertClose(exact.Tangent(along, [.. module.Parameters.Select(parameter => new double[parameter.Length])]), tangent, 1e-12, "tangent");
            }
        }

        // One row is what it is among others.
        double[] single = new double[module.Outputs], all = new double[dy.Length];
        map.Forward(x, all);
        map.Forward(x.AsSpan(0, module.Inputs), single);
        Numbers.AssertClose(all[..module.Outputs], single, 1e-12, "one row");
    }

    [Fact]
    public void NoiseIsTheSameInEveryCallAndForAnyNumberOfThreads_AndDiffersByStepRowAndTensor()
    {
        using Map<float> map = Dropped("dropout(0.5) . dropout(0.5)", 64);
        float[] x = [.. Enumerable.Repeat(1f, 1000 * 64)], first = new float[x.Length], second = new float[x.Length];
        int threads = WeftOptions.MaxThreads;
        try
        {
            WeftOptions.MaxThreads = 1;
            map.Forward(x, first, new Noise(1, 2));
            WeftOptions.MaxThreads = 4;
            map.Forward(x, second, new Noise(1, 2));
        }
        finally
        {
            WeftOptions.MaxThreads = threads;
        }

        Assert.Equal(first, second);
        Assert.Equal([0f, 4f], first.Distinct().Order());
        Assert.InRange(first.Count(value => value > 0), 15_000, 17_000); // a quarter of 64,000, ± 9 standard deviations
        foreach (Noise other in new Noise[] { new(2, 2), new(1, 3), new(1, 2L << 32) })
        {
            map.Forward(x, second, other);
            Assert.InRange(first.Zip(second, (a, b) => a == b).Count(same => same), 38_500, 41_500); // (1/4)² + (3/4)² of them
        }

        Assert.InRange(first.Take(63 * 64).Zip(first.Skip(64), (a, b) => a == b).Count(same => same), 2300, 2750);
    }

    [Fact]
    public void OutsideTrainingNothingIsLeftOfDropout()
    {
        Module with = TestModules.Last("layer f : 32 -> 16 = bias . dense(16, 24) . dropout(0.2) . relu . dense(24, 32) . dropout(0.1)");
        Module without = TestModules.Last("layer f : 32 -> 16 = bias . dense(16, 24) . relu . dense(24, 32)");
        IReadOnlyList<string> plan = ModuleCompiler.Explain(without, new GenerateOptions("F")).Full().Lines("Plan");
        ExplanationReport report = ModuleCompiler.Explain(with, new GenerateOptions("F")).Full();
        Assert.Equal(plan, report.Lines("Without noise").TakeLast(plan.Count));
        Assert.NotEqual(plan, report.Lines("Plan"));
        Assert.Contains(report.Lines("Network"), line => line.EndsWith("[i] ~ dropout(0.1)  for i<32, dropout", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("layer f : 4 -> 4 = dropout(1) . dense(4, 4)", "WEFT0119", "from 0 to below 1")]
    [InlineData("layer f : 4 -> 4 = dropout . dense(4, 4)", "WEFT0106", "dropout(p)")]
    [InlineData("operator f : 4 -> 4\n  noise m[4]\n  = diag(m)", "WEFT0110", "a layer around noise")]
    [InlineData("layer f : 4 -> 4\n  noise m[4] ~ whole(3)\n  y[i] = m[i] * x[i]", "WEFT0110", "'dropout(p)' for noise")]
    [InlineData("layer f : 4 -> 4\n  noise m(k < 3)[4]\n  y[i] = m[0][i] * x[i]", "WEFT0110", "m[3, 4]")]
    [InlineData("layer f : 4 -> 4\n  noise m[4] ~ sign rate 2\n  y[i] = m[i] * x[i]", "WEFT0110", "which is noise")]
    [InlineData("layer f : 4 -> 4\n  noise m[4]\n  = diag(m) . dense(4, 4)", "WEFT0110", "depends on")]
    public void MistakesAreTold(string text, string id, string message)
    {
        string diagnostic = TestModules.Diagnostics(text)[0];
        Assert.Contains(id, diagnostic);
        Assert.Contains(message, diagnostic);
    }

    /// <summary>The words that start statements are names elsewhere, of outputs too.</summary>
    [Fact]
    public void WordsOfStatementsAreNamesOfOutputs()
    {
        Module module = TestModules.Last("layer f : noise[4], shared[2] -> let[4], noise2[2], param[1]\n  noise d[4] ~ dropout(0.5)\n  let[i] = noise[i] * d[i]\n  noise2[i] = shared[i]\n  param[i:1] = (i >= 0) * noise[0]");
        Assert.Equal(["let", "noise2", "param"], module.OutputPorts.Select(port => port.Name));
        Assert.Equal(["noise", "shared"], module.InputPorts.Select(port => port.Name));
    }

    private static Map<float> Dropped(string formula, int size)
    {
        Module module = TestModules.Last($"layer f : {size} -> {size} = {formula}");
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions(module.Name))]);
        return assembly.Create<float>(module.Name);
    }

    private static double[] InOrder(Map<double> map, Module module) => [.. module.Parameters.SelectMany(parameter => map[parameter.Name].Values.ToArray())];
}
