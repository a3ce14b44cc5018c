using Weft.Compiler;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Fitting;

namespace Weft.Tests.Formulas;

using MathNet.Numerics.LinearAlgebra;
using Complex = System.Numerics.Complex;
using Weft.Compiler.Algebra;

/// <summary>Scans: a step that hands a state on from one part of a vector to the next.</summary>
public class ScanTests
{
    /// <summary>The gated recurrent unit (Cho et al. 2014).</summary>
    private const string Gru = """
        layer gru_step(n, d) : h[d], x[n] -> h[d], y[d]
          param Wz[d, n], Uz[d, d], Wr[d, n], Ur[d, d], W[d, n], U[d, d]
          let zs[a] = Wz[a, b] * x[b] + Uz[a, c] * h[c]
          let z = sigmoid(zs)
          let rs[a] = Wr[a, b] * x[b] + Ur[a, c] * h[c]
          let r = sigmoid(rs)
          let cs[a] = W[a, b] * x[b] + U[a, c] * r[c] * h[c]
          let c = tanh(cs)
          let next[a] = h[a] - z[a] * h[a] + z[a] * c[a]
          h[a] = next[a]
          y[a] = next[a]
        layer f : 12 -> 20 = scan(i < 4) gru_step(3, 5)
        """;

    public static readonly string[] Texts =
    [
        Gru,
        """
        // A linear step, whose state is longer than what it gives.
        layer smooth(n, d) : x[n], h[d] -> y[n], h[d]
          param A[d, d], B[d, n], C[n, d], D[n]
          h[a] = A[a, b] * h[b] + B[a, b] * x[b]
          y[a] = C[a, b] * h[b] + D[a] * x[a]
        layer f : 15 -> 15 = scan(i < 5) smooth(3, 4)
        """,
        """
        // Links before and behind, a step that is a chain over all that it is given, two scans, one of them of two states.
        layer cell(n, d) : h[d], x[n] -> h[d], y[d]
          let v = concat(h, x, 0)
          let next = tanh . bias . dense(d, d + n) . v
          h[a] = next[a]
          y[a] = next[a]
        layer two(n) : c[n], x[n], h[n] -> y[n], h[n], c[n]
          param W[n, n], s[n]
          let m[a] = W[a, b] * h[b] + s[a] * x[a]
          let g = sigmoid(m)
          let u[a] = g[a] * c[a] + x[a]
          let t = tanh(u)
          h[a] = g[a] * t[a]
          y[a] = c[a] * h[a] - x[a]
          c[a] = u[a]
        layer f : 12 -> 7 = dense(7, 12) . add(eye(12), scan(i < 4) two(3)) . scan(i < 4) cell(2, 3) . each(i < 4) dense(2, 3)
        """,
        """
        // The delta rule: a state that is a matrix.
        layer delta(d) : H[d, d], q[d], k[d], v[d], b[1] -> H[d, d], o[d]
          let e[c] = v[c] - k[a] * H[a, c]
          H[a, c] = H[a, c] + b[0] * k[a] * e[c]
          o[c] = q[a] * H[a, c] + b[0] * q[a] * k[a] * e[c]
        layer f : 30 -> 9 = scan(i < 3) delta(3)
        """,
        """
        // A scan in the step of another, and in a branch beside what reads the same.
        layer inner(n) : s[n], x[n] -> s[n], y[n]
          param w[n]
          s[a] = w[a] * s[a] + x[a]
          y[a] = s[a] * x[a]
        layer outer(n) : h[4], x[8] -> h[4], y[8]
          let u = scan(i < 4) inner(2) . x
          let m[p, a] = u[p:2 a]
          h[a] = h[a] + m[0, a] - m[1, a]
          y[a] = u[a] + (a < 4) * x[a]
        layer f : 24 -> 24 = hadamard(scan(i < 3) outer(2), eye(24))
        """,
        """
        // A step that reads no state, one that does not use its part, and a state that nothing reads.
        layer odd : h[2], x[3] -> h[2], y[2]
          param w[2]
          h[a] = w[a] * x[a + 1]
          y[a] = w[a] + w[a] * w[a]
        layer even : h[2], x[2] -> h[2], y[2]
          h[a] = x[a]
          y[a] = h[a]
        layer f : 9 -> 6 = scan(i < 3) even . scan(i < 3) odd
        """,
        """
        // Scans without parameters that are equal, of one of which more is read than of the other, and one whose value is used twice.
        layer sum(n) : h[n], x[n] -> h[n], y[n]
          h[a] = h[a] + x[a]
          y[a] = h[a] + x[a]
        layer f : 12 -> 12
          let u = scan(i < 4) sum(3) . x
          let v = tanh . scan(i < 4) sum(3) . x
          let w = scan(i < 4) sum(3) . u
          y[a] = u[a] * v[a] + w[a] * u[a]
        """,
        """
        // Transforms, reflections, tables, formats, functions of rows, each and repeat in a step; one step alone of a scan.
        layer rich : h[2, 4], x[8] -> y[3], h[2, 4]
          frozen(int8) W[8, 8]
          seeded(3) S[8]
          param(bf16) B[8, 8], d[8]
          frozen P[3, 2] ~ distinct(8)
          param V[3, 2]
          let g = softmax(4) . bias . (wht(8) * diag(S) * W) . each(i < 2) (tanh . dense(4, 4)) . h
          let m = repeat(i < 2) (hra(8, 8, 2 + 2 * i)) . quantize(8) . (B * diag(d)) . x
          let n[a b] = h[a, b]
          h[a, b] = g[a b] * m[a b] + h[a, b] / 2
          y[i] = V[i, k] * m[P[i, k]] + V[i, k] * n[P[i, k]]
        layer rich_one : x[32], h[3] -> h[3], y[32]
          param W[3, 32]
          h[a] = W[a, b] * x[b]
          y[b] = x[b] + W[a, b] * h[a]
        layer f : 32 -> 12 = scan(i < 4) rich . scan(i < 1) rich_one
        """,
        """
        // Three scans in each other, parameters named like what is generated, and results that no input reaches.
        layer a(n) : s[n], x[n] -> s[n], y[n]
          s[i] = s[i] / 2 + x[i]
          y[i] = s[i]
        layer b(n) : s[2], x[2 * n] -> y[2 * n], s[2]
          param step, step_2[2]
          let u = scan(i < 2) a(n) . x
          s[i] = step_2[i] * s[i] + u[i + 1]
          y[i] = step * u[i]
        layer c(n) : h[1], k[3], x[4 * n] -> h[1], y[4 * n], k[3], z[2]
          param chunk[3], rows[2]
          let u = scan(i < 2) b(n) . x
          h[i] = h[i] + u[i + 5]
          y[i] = u[i] + (i < 1) * h[0] * u[i]
          k[i] = chunk[i] + k[i] / 2
          z[i] = rows[i] * k[i + 1]
        layer f : 24 -> 30 = scan(i < 3) c(2)
        """,
    ];

    public static TheoryData<string> Layers => [.. Texts];

    /// <summary>What is no step is named, with what to write.</summary>
    [Theory]
    [InlineData("scan(i < 3) dense(4, 4)", "a step with a state: a name that stands on both sides, as 'h' in 'h[d], x[n] -> h[d], y[m]', found 'dense(4, 4)' : 4 -> 4")]
    [InlineData("scan(i < 3) s : h[2], x[3] -> h[3], y[2]", "a step that hands on h[2], as it is given it, and not h[3], found 's' : h[2], x[3] -> h[3], y[2]")]
    [InlineData("scan(i < 3) s : h[2] -> h[2], y[2]", "a step that is given something beside its state, as 'x' in 'h[d], x[n] -> h[d], y[m]', found 's' : h[2] -> h[2], y[2]")]
    [InlineData("scan(i < 3) s : h[2], x[3] -> h[2]", "a step that gives something beside its state, as 'y' in 'h[d], x[n] -> h[d], y[m]', found 's' : h[2], x[3] -> h[2]")]
    [InlineData("scan(i < 3) s : h[2], token[3] < 5 -> h[2], y[2]", "links that take numbers for each part, found 's', which takes positions, h[2], token[3] < 5")]
    [InlineData("scan(i < 3) dense(i, 4)", "the same links for every part, found 'i', the number of the part")]
    public void WhatIsNoStep_IsNamed(string formula, string expected)
    {
        string[] parts = formula.Split(" : ");
        string[] ports = parts.Length > 1 ? parts[1].Split(" -> ")[1].Split(", ") : [];
        string step = parts.Length == 1 ? "" : $"layer s : {parts[1]}\n{string.Concat(ports.Select(port => $"  {port[0]}[a:{port[2]}] = (a + 1) * h[0]\n"))}";
        Diagnostic found = Assert.Single(WeftCompiler.Bind([TestModules.File($"{step}layer f : 12 -> 12 = {parts[0]}")]).Diagnostics);
        Assert.Equal("expected " + expected, found.Message);
    }

    /// <summary>The step as a type of its own, fed with its own state, is the scan part by part: with the parameters of its file.</summary>
    [Theory]
    [InlineData("gru(6, 3, 5)", "gru_step(3, 5)", 5)]
    [InlineData("lstm(6, 3, 5)", "lstm_step(3, 5)", 10)]
    [InlineData("s4d(6, 3, 4)", "s4d_step(3, 4)", 24)]
    public void AStepByItselfIsTheStreamingForm(string scan, string step, int state)
    {
        using WeftAssembly assembly = WeftAssembly.Compile(new[] { (scan, "All"), (step, "One") }.Select(pair => (TestModules.Formula(pair.Item1) with { Name = pair.Item2 }, new GenerateOptions(pair.Item2, Scalar: Scalar.Double))));
        using Map<double> all = assembly.Create<double>("All"), one = assembly.Create<double>("One");
        all.Randomize(new Random(1));
        using var file = new MemoryStream();
        all.Save(file);
        file.Position = 0;
        one.Load(file);
        const int Steps = 6, Batch = 3;
        int part = all.Inputs / Steps, result = all.Outputs / Steps;
        double[] x = Numbers.Normal(new Random(2), Batch * all.Inputs), y = new double[Batch * all.Outputs], given = new double[Batch * one.Inputs], gives = new double[Batch * one.Outputs];
        all.Forward(x, y);
        for (int i = 0; i < Steps; i++)
        {
            for (int row = 0; row < Batch; row++)
            {
                x.AsSpan((row * all.Inputs) + (i * part), part).CopyTo(given.AsSpan((row * one.Inputs) + state));
            }

            one.Forward(given, gives);
            for (int row = 0; row < Batch; row++)
            {
                gives.AsSpan(row * one.Outputs, state).CopyTo(given.AsSpan(row * one.Inputs));
                Assert.True(Numbers.RelativeError(y[((row * all.Outputs) + (i * result))..][..result], gives[((row * one.Outputs) + state)..][..result]) < 1e-12);
            }
        }
    }

    /// <summary>S4D's recurrence is the convolution with its kernel, 2 Re Σ C (exp(Δλ) − 1) / λ · exp(lΔλ) (Gu et al. 2022).</summary>
    [Fact]
    public void S4dIsAConvolution()
    {
        const int T = 12, N = 2, S = 3;
        using Map<double> map = Create($"s4d({T}, {N}, {S})");
        double[] a = map["a"].Values.ToArray(), w = map["w"].Values.ToArray(), l = map["l"].Values.ToArray(), c = map["C"].Values.ToArray(), d = map["D"].Values.ToArray();
        double[] x = Numbers.Normal(new Random(2), T * N), y = new double[T * N], expected = new double[T * N];
        map.Forward(x, y);
        for (int channel = 0; channel < N; channel++)
        {
            double step = Math.Exp(l[channel] - 4.605170185988091);
            double Kernel(int lag) => Enumerable.Range(0, S).Sum(k =>
            {
                int at = (channel * S) + k;
                var lambda = new Complex(-Math.Exp(a[at]), (Math.PI * k) + w[at]);
                return 2 * (new Complex(c[at], c[(N * S) + at]) * (Complex.Exp(step * lambda) - 1) / lambda * Complex.Exp(lag * step * lambda)).Real;
            });
            for (int i = 0; i < T; i++)
            {
                expected[(i * N) + channel] = (d[channel] * x[(i * N) + channel]) + Enumerable.Range(0, i + 1).Sum(j => Kernel(i - j) * x[(j * N) + channel]);
            }
        }

        Assert.True(Numbers.RelativeError(expected, y) < 1e-10);
    }

    /// <summary>What HiPPO-LegS makes of an impulse are the Legendre polynomials of exp(−age), times that (Gu et al. 2022, "How to Train Your HiPPO").</summary>
    [Fact]
    public void HippoIsOfLegendrePolynomials()
    {
        const int T = 128, S = 5, Rate = 256;
        using Map<double> map = Create($"hippo({T}, 1, {S}, {Rate})");
        double[] x = new double[T], y = new double[T * S];
        x[0] = Rate;
        map.Forward(x, y);
        for (int i = 0; i < T; i++)
        {
            double z = Math.Exp(-(i + 0.5) / Rate), before = 0, polynomial = 1;
            for (int n = 0; n < S; n++)
            {
                // The impulse lasts for one step: its age is counted from the middle of that.
                double expected = z * Math.Sqrt((2 * n) + 1) * polynomial;
                Assert.Equal(expected, y[(i * S) + n], 2e-2);
                (before, polynomial) = (polynomial, ((((2 * n) + 1) * ((2 * z) - 1) * polynomial) - (n * before)) / (n + 1));
            }
        }
    }

    /// <summary>The state of DeltaProduct goes through the product of generalized reflections (I − β k kᵀ), each with its decay.</summary>
    [Fact]
    public void DeltaProductIsTheProductOfItsFactors()
    {
        const int D = 4, Steps = 5, Width = (3 * D) + 2;
        Module module = TestModules.Last($"layer f : {Steps * Width} -> {Steps * D} = scan(i < {Steps}) delta_step(1, {D})") with { Name = "F" };
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: Scalar.Double))]);
        using Map<double> map = assembly.Create<double>("F");
        double[] x = Numbers.Normal(new Random(3), module.Inputs), y = new double[module.Outputs];
        map.Forward(x, y);
        Matrix<double> state = Matrix<double>.Build.Dense(D, D);
        for (int i = 0; i < Steps; i++)
        {
            Vector<double> Part(int start) => Vector<double>.Build.DenseOfEnumerable(x.Skip((i * Width) + start).Take(D));
            (Vector<double> q, Vector<double> k, Vector<double> v) = (Part(1), Part(1 + D), Part(1 + (2 * D)));
            (double decay, double rate) = (x[i * Width], x[((i + 1) * Width) - 1]);
            state = (decay * ((Matrix<double>.Build.DenseIdentity(D) - (rate * k.OuterProduct(k))) * state)) + (rate * k.OuterProduct(v));
            Assert.True(Numbers.RelativeError([.. state.TransposeThisAndMultiply(q)], y[(i * D)..][..D]) < 1e-12);
        }
    }

    /// <summary>Nothing is copied to get a step's part, or the state, to where a step reads it; kept for all steps are the states alone.</summary>
    [Fact]
    public void StatesAndPartsLieWhereTheyAreRead()
    {
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula("delta_product(64, 8, 2, 4, 1)")).Module), new Variant(new CostModel(16), 4));
        LoopStep loop = Assert.Single(schedule.Forward.OfType<LoopStep>());
        Assert.DoesNotContain(loop.Body.OfType<KernelStep>(), step => step.B is null && step.A.Storage.Window is not null && step.C.Storage.Window is null && step.C.Storage.Length > 32);
        Assert.Equal(65 * 2 * 16, schedule.Storages.Where(storage => storage.Space == Space.Scratch).Max(storage => storage.Length));
    }

    /// <summary>Products with nothing but a step's part are one product for all steps; what reads the state stays.</summary>
    [Theory]
    [InlineData("rnn(16, 8, 12)", 1)]
    [InlineData("gru(16, 8, 12)", 2)]
    [InlineData("lstm(16, 8, 12)", 1)]
    public void ProductsWithoutTheStateAreMadeForAllSteps(string formula, int before)
    {
        LoweredModule lowered = Lowering.Lower(TestModules.Formula(formula));
        Assert.Equal(before, lowered.Statements.Count - 1);
        ScanStatement scan = Assert.IsType<ScanStatement>(lowered.Statements[^1]);
        StepPart[] ofInput = [.. scan.Given.Where(part => part.Of == lowered.Input)];
        Assert.DoesNotContain(scan.Body.SelectMany(statement => statement.Reads), tensor => ofInput.Any(part => part.Tensor == tensor));
    }

    private static Map<double> Create(string formula)
    {
        WeftAssembly assembly = WeftAssembly.Compile([(TestModules.Formula(formula) with { Name = "F" }, new GenerateOptions("F", Scalar: Scalar.Double))]);
        Map<double> map = assembly.Create<double>("F");
        map.Randomize(new Random(1));
        return map;
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void AreAsDefined(string text) => FormulaBattery.AssertHolds(TestModules.Last(text));
}
