using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Tests.Binding;
using Complex = System.Numerics.Complex;

namespace Weft.Tests.Formulas;

/// <summary>
/// Layers of the standard library against their papers' formulas, written once more as loops. Only their texts are tested: that these compile to what they say, others test.
/// </summary>
public class PublishedFormulasTests
{
    /// <summary>An element of a parameter, by its name.</summary>
    private delegate double Values(string name, params ReadOnlySpan<int> at);

    /// <summary>By the text and the positions that the input has: from the vectors at these to those of the result.</summary>
    private static readonly Dictionary<(string Text, int Positions), Func<Values, double[][], double[][]>> _formulas = new()
    {
        [("rnn(4, 3, 5)", 4)] = (p, x) => Steps(x, 5, (h, u) => Vector(5, a => Math.Tanh(Sum(3, c => p("W", a, c) * u[c]) + Sum(5, e => p("U", a, e) * h[e]) + p("b", a)))),
        [("gru(4, 3, 5)", 4)] = (p, x) => Steps(x, 5, (h, u) =>
        {
            double Gate(int k, int a) => Sigmoid(Sum(3, c => p("W", k, a, c) * u[c]) + Sum(5, e => p("U", k, a, e) * h[e]) + p("b", k, a));
            double Candidate(int a) => Math.Tanh(Sum(3, c => p("V", a, c) * u[c]) + Sum(5, e => p("R", a, e) * Gate(1, e) * h[e]) + p("c", a));
            return Vector(5, a => ((1 - Gate(0, a)) * h[a]) + (Gate(0, a) * Candidate(a)));
        }),
        [("lstm(4, 3, 5)", 4)] = (p, x) =>
        {
            double[] cell = new double[5];
            return Steps(x, 5, (h, u) =>
            {
                double Argument(int k, int a) => Sum(3, c => p("W", k, a, c) * u[c]) + Sum(5, e => p("U", k, a, e) * h[e]) + p("b", k, a);
                cell = Vector(5, a => (Sigmoid(Argument(1, a)) * cell[a]) + (Sigmoid(Argument(0, a)) * Math.Tanh(Argument(3, a))));
                return Vector(5, a => Sigmoid(Argument(2, a)) * Math.Tanh(cell[a]));
            });
        },
        [("min_gru(4, 3, 5)", 4)] = (p, x) => Steps(x, 5, (h, u) =>
        {
            double Argument(int a) => Sum(3, c => p("dense.W", a, c) * u[c]) + p("bias", a);
            return Vector(5, a => ((1 - Sigmoid(Argument(a))) * h[a]) + (Sigmoid(Argument(a)) * Argument(5 + a)));
        }),
        [("selective_state_space(4, 3, 2)", 4)] = (p, x) =>
        {
            double[,] h = new double[3, 2];
            return [.. x.Select(u =>
            {
                double Made(int k) => Sum(3, a => p("selective_inputs.P", k, a) * u[a]);
                return Vector(3, c =>
                {
                    double step = Softplus(Sum(3, a => p("selective_inputs.W", c, a) * u[a]) + p("selective_inputs.b", c));
                    return (p("selective_step.D", c) * u[c]) + Sum(2, k =>
                    {
                        h[c, k] = (Math.Exp(-step * Math.Exp(p("selective_step.A", c, k))) * h[c, k]) + (step * Made(k) * u[c]);
                        return Made(2 + k) * h[c, k];
                    });
                });
            })];
        },
        [("linear_attention(5, 3, 2, 4)", 5)] = (p, x) => Heads(p, "", x, 2, 4, (q, k, _, _, _) => Sum(4, e => Softplus(q[e]) * Softplus(k[e]))),
        [("attention(5, 3, 2, 4)", 5)] = (p, x) => Attend(p, "", x, 2, 4),
        [("causal_attention(5, 3, 2, 4)", 5)] = (p, x) => Attend(p, "", x, 2, 4, sees: (i, j) => j <= i),
        [("sliding_window_attention(5, 3, 2, 4, 2)", 5)] = (p, x) => Attend(p, "", x, 2, 4, sees: (i, j) => j == i || j == i - 1),
        [("alibi_attention(5, 3, 4, 2)", 5)] = (p, x) => Attend(p, "", x, 4, 2, sees: (i, j) => j <= i, bias: (h, i, j) => -(i - j) / Math.Pow(4, h + 1)),
        [("grouped_query_attention(5, 3, 4, 2, 2)", 5)] = (p, x) => Attend(p, "", x, 4, 2, groups: 2),
        [("rotary_attention(5, 3, 4, 4, 2, 3, 100)", 5)] = (p, x) => Attend(p, "", x, 4, 4, groups: 2, sees: (i, j) => j <= i && j > i - 3, rotaryBase: 100),
        [("rotary_attention(5, 3, 2, 4)", 5)] = (p, x) => Attend(p, "", x, 2, 4, groups: 2, sees: (i, j) => j <= i, rotaryBase: 10000),
        [(Around("dot_product_attention(5, 2, 4)"), 5)] = (p, x) => Attend(Within(p), "", x, 2, 4),
        [(Around("causal_dot_product_attention(5, 2, 4)"), 5)] = (p, x) => Attend(Within(p), "", x, 2, 4, sees: (i, j) => j <= i),
        [(Around("rotary_dot_product_attention(5, 2, 4)"), 5)] = (p, x) => Attend(Within(p), "", x, 2, 4, sees: (i, j) => j <= i, rotaryBase: 10000),
        [("rms_normalization(7)", 1)] = (p, x) => [Vector(7, i => p("g", i) * x[0][i] / Math.Sqrt((Sum(7, j => x[0][j] * x[0][j]) / 7) + 1e-6))],
        [("layer_normalization(7)", 1)] = (p, x) => [Normalized(p, "", x[0])],
        [("group_normalization(4, 3, 2)", 1)] = (p, x) => [Vector(12, i =>
        {
            double[] group = x[0][(i / 6 * 6)..][..6];
            double mean = group.Average(), variance = group.Average(value => (value - mean) * (value - mean));
            return (p("g", i / 3) * (x[0][i] - mean) / Math.Sqrt(variance + 1e-5)) + p("b", i / 3);
        })],
        [("max_pool_1d(2, 7, 3, 2)", 1)] = (_, x) => [Vector(6, i => Enumerable.Range(0, 3).Max(p => x[0][(i / 3 * 7) + (i % 3 * 2) + p]))],
        [("average_pool_1d(2, 7, 3, 2)", 1)] = (_, x) => [Vector(6, i => Enumerable.Range(0, 3).Average(p => x[0][(i / 3 * 7) + (i % 3 * 2) + p]))],
        [("max_pool(2, 6, 5, 3, 2)", 1)] = (_, x) => [Vector(8, i => Window(x[0], i).Max())],
        [("average_pool(2, 6, 5, 3, 2)", 1)] = (_, x) => [Vector(8, i => Window(x[0], i).Average())],
        [("feed_forward(5, 7)", 1)] = (p, x) => [FeedForward(p, "", x[0], 7)],
        [("swiglu(5, 7)", 1)] = (p, x) => [Gated(p, "", x[0], 7, z => z * Sigmoid(z))],
        [("geglu(5, 7)", 1)] = (p, x) => [Gated(p, "", x[0], 7, Gelu)],
        [("mixture_of_experts(7, 5, 3)", 1)] = (p, x) => [Mixture(p, x[0], 3, 3, (e, b) => Sum(5, j => p("W", e, b, j) * x[0][j]), 7)],
        [("sparse_mixture_of_experts(5, 3, 4, 2)", 1)] = (p, x) => [Mixture(p, x[0], 4, 2, (e, b) => Sum(3, i =>
        {
            double gate = Sum(5, j => p("W", e, i, j) * x[0][j]);
            return p("U", e, b, i) * gate * Sigmoid(gate) * Sum(5, j => p("V", e, i, j) * x[0][j]);
        }), 5)],
        [("transformer_block(5, 4, 2, 7)", 5)] = (p, x) => Block(p, x, "attention", (_, _) => true),
        [("causal_transformer_block(5, 4, 2, 7)", 5)] = (p, x) => Block(p, x, "causal_attention", (i, j) => j <= i),
        [("rotary_transformer_block(5, 4, 2, 7, 1)", 5)] = (p, x) =>
        {
            double[] Norm(double[] row, string name) => Vector(4, i => p(name + ".g", i) * row[i] / Math.Sqrt((Sum(4, j => row[j] * row[j]) / 4) + 1e-6));
            double[][] attended = Attend(p, "rotary_attention.", [.. x.Select(row => Norm(row, "rms_normalization"))], 2, 2, groups: 1, sees: (i, j) => j <= i, rotaryBase: 10000);
            double[][] middle = Added(x, attended);
            return Added(middle, [.. middle.Select(row => Gated(p, "swiglu.", Norm(row, "rms_normalization2"), 7, z => z * Sigmoid(z)))]);
        },
        [("positional_embedding(11, 3, 5)", 3)] = (p, x) => [.. x.Select((token, i) => Vector(5, c => p("E", (int)token[0], c) + p("P", i, c)))],
        [("sinusoidal_embedding(11, 3, 6)", 3)] = (p, x) => [.. x.Select((token, i) => Vector(6, c =>
        {
            double angle = i / Math.Pow(10000, c / 2 * 2 / 6.0);
            return p("E", (int)token[0], c) + (c % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle));
        }))],
        [("unembedding(5, 3, 4)", 3)] = (p, x) => [.. x.Select(row => Vector(5, o => Sum(4, c => p("W", o, c) * row[c])))],
    };

    public static TheoryData<string, int> Formulas
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach ((string text, int positions) in _formulas.Keys)
            {
                data.Add(text, positions);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Formulas))]
    public void AreThoseOfThePapers(string formula, int positions)
    {
        Module module = TestModules.Formula(formula);
        Dictionary<string, double[]> values = Numbers.Values(module, new Random(5));
        double Value(string name, params ReadOnlySpan<int> at)
        {
            IReadOnlyList<int> shape = module.Parameters.Single(parameter => parameter.Name == name).Shape;
            Assert.Equal(shape.Count, at.Length);
            int place = 0;
            for (int axis = 0; axis < at.Length; axis++)
            {
                Assert.InRange(at[axis], 0, shape[axis] - 1);
                place = (place * shape[axis]) + at[axis];
            }

            return values[name][place];
        }

        double[] x = Numbers.Rows(module, new Random(6), 1);
        double[][] y = _formulas[(formula, positions)](Value, [.. x.Chunk(module.Inputs / positions)]);
        Numbers.AssertClose([.. y.SelectMany(row => row)], new Interpreter(module, values).Evaluate(x), 1e-12, formula);
    }

    /// <summary>A state that starts at zero and is the result at each position.</summary>
    private static double[][] Steps(double[][] x, int size, Func<double[], double[], double[]> step)
    {
        double[] state = new double[size];
        return [.. x.Select(part => state = step(state, part))];
    }

    /// <summary>Softmax attention: O Σⱼ softmaxⱼ(q·k / √c + bias) v. Queries and keys of a rotary base are complex numbers that turn with their position.</summary>
    private static double[][] Attend(
        Values p, string prefix, double[][] x, int heads, int c, int groups = 0, Func<int, int, bool>? sees = null, Func<int, int, int, double>? bias = null, double rotaryBase = 0) =>
        Heads(p, prefix, x, heads, c, (q, k, h, i, j) =>
        {
            double score = rotaryBase == 0 ? Sum(c, e => q[e] * k[e]) : Sum(c / 2, pair =>
            {
                double angle = (i - j) * Math.Pow(rotaryBase, -2.0 * pair / c);
                return (Complex.FromPolarCoordinates(1, angle) * new Complex(q[2 * pair], q[(2 * pair) + 1]) * Complex.Conjugate(new Complex(k[2 * pair], k[(2 * pair) + 1]))).Real;
            });
            return sees is not null && !sees(i, j) ? 0 : Math.Exp((score / Math.Sqrt(c)) + (bias?.Invoke(h, i, j) ?? 0));
        }, groups);

    /// <summary>Attention of 5 positions of 3 numbers, with its projections around it.</summary>
    private static string Around(string attention) => $"(eye(5) ⊗ dense(3, 8)) . {attention} . [eye(5) ⊗ dense(8, 3); eye(5) ⊗ dense(8, 3); eye(5) ⊗ dense(8, 3)]";

    /// <summary>The projections of such attention, by the names and axes of one that has them itself, with heads of 4.</summary>
    private static Values Within(Values p) => (name, at) => name == "O"
        ? p("dense4.W", at[0], (at[1] * 4) + at[2])
        : p(name switch { "Q" => "dense.W", "K" => "dense2.W", _ => "dense3.W" }, (at[0] * 4) + at[1], at[2]);

    /// <summary>O Σⱼ wⱼ v / Σⱼ wⱼ for the weight of each head, position and other one. With groups, heads share keys and values.</summary>
    private static double[][] Heads(Values p, string prefix, double[][] x, int heads, int c, Func<double[], double[], int, int, int, double> weight, int groups = 0)
    {
        int n = x[0].Length, share = groups == 0 ? 1 : heads / groups;
        double Of(string name, int h, int e, int a) => (name, groups > 0) switch
        {
            ("Q", true) => p(prefix + name, h / share, h % share, e, a),
            ("O", true) => p(prefix + name, a, h / share, h % share, e),
            ("O", _) => p(prefix + name, a, h, e),
            ("Q", _) => p(prefix + name, h, e, a),
            _ => p(prefix + name, h / share, e, a),
        };
        double[] Projected(string name, int h, double[] row) => Vector(c, e => Sum(n, a => Of(name, h, e, a) * row[a]));
        double[][] y = [.. x.Select(_ => new double[n])];
        for (int h = 0; h < heads; h++)
        {
            for (int i = 0; i < x.Length; i++)
            {
                double[] weights = [.. x.Select((other, j) => weight(Projected("Q", h, x[i]), Projected("K", h, other), h, i, j))];
                double[] mixed = Vector(c, e => Sum(x.Length, j => weights[j] * Projected("V", h, x[j])[e]) / weights.Sum());
                y[i] = Vector(n, b => y[i][b] + Sum(c, e => Of("O", h, e, b) * mixed[e]));
            }
        }

        return y;
    }

    private static double[][] Block(Values p, double[][] x, string attention, Func<int, int, bool> sees)
    {
        double[][] middle = Added(x, Attend(p, attention + ".", [.. x.Select(row => Normalized(p, "layer_normalization.", row))], 2, 2, sees: sees));
        return Added(middle, [.. middle.Select(row => FeedForward(p, "feed_forward.", Normalized(p, "layer_normalization2.", row), 7))]);
    }

    private static double[] Normalized(Values p, string prefix, double[] x)
    {
        double mean = x.Average(), deviation = Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + 1e-5);
        return Vector(x.Length, i => (p(prefix + "g", i) * (x[i] - mean) / deviation) + p(prefix + "bias", i));
    }

    private static double[] FeedForward(Values p, string prefix, double[] x, int h)
    {
        double[] hidden = Vector(h, k => Gelu(Sum(x.Length, j => p(prefix + "W", k, j) * x[j]) + p(prefix + "bias", k)));
        return Vector(x.Length, i => Sum(h, k => p(prefix + "V", i, k) * hidden[k]) + p(prefix + "bias2", i));
    }

    private static double[] Gated(Values p, string prefix, double[] x, int h, Func<double, double> gate)
    {
        double Of(string name, int k) => Sum(x.Length, j => p(prefix + name, k, j) * x[j]);
        return Vector(x.Length, i => Sum(h, k => p(prefix + "U", i, k) * gate(Of("W", k)) * Of("V", k)));
    }

    /// <summary>Experts weighted by the softmax of the most probable ones.</summary>
    private static double[] Mixture(Values p, double[] x, int experts, int most, Func<int, int, double> expert, int outputs)
    {
        double[] weights = Vector(experts, e => Math.Exp(Sum(x.Length, j => p("G", e, j) * x[j])));
        double least = weights.OrderDescending().ElementAt(most - 1), sum = weights.Where(weight => weight >= least).Sum();
        return Vector(outputs, b => Sum(experts, e => weights[e] < least ? 0 : weights[e] / sum * expert(e, b)));
    }

    /// <summary>The nine pixels of window i of 2 × 2, two apart, in images of 6 × 5.</summary>
    private static IEnumerable<double> Window(double[] image, int i) =>
        Enumerable.Range(0, 9).Select(pixel => image[(i / 4 * 30) + (((i / 2 % 2 * 2) + (pixel / 3)) * 5) + (i % 2 * 2) + (pixel % 3)]);

    private static double[][] Added(double[][] a, double[][] b) => [.. a.Zip(b, (left, right) => Vector(left.Length, i => left[i] + right[i]))];

    private static double[] Vector(int length, Func<int, double> element) => [.. Enumerable.Range(0, length).Select(element)];

    private static double Sum(int count, Func<int, double> term) => Enumerable.Range(0, count).Sum(term);

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));

    private static double Softplus(double z) => Math.Log(1 + Math.Exp(z));

    private static double Gelu(double z) => z / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (z + (0.044715 * z * z * z))));
}
