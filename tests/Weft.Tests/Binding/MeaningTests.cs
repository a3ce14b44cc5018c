using Weft.Compiler.Oracle;
using Weft.Compiler.Text;
using Weft.Tests.Formulas;

namespace Weft.Tests.Binding;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>The standard library and the language's constructs against sums written out from their definitions.</summary>
public class MeaningTests
{
    [Fact]
    public void Monarch_IsTwoBlockDiagonalsAroundAShuffle()
    {
        // x as [k, i]; R acts within k; then the axes are swapped and L acts within each position l of a block.
        Check("monarch(15, 3)", (values, row, column) =>
        {
            (int b, int inner) = (3, 5);
            (int a, int l, int k, int i) = (row / inner, row % inner, column / inner, column % inner);
            return values("L", (((l * b) + a) * b) + k) * values("R", (((k * inner) + l) * inner) + i);
        });
    }

    [Fact]
    public void RectangularMonarch_FollowsTheAuthorsCode()
    {
        // w1 [k, q, p], w2 [l, s, r]: [k, q] is read as [r, l] and transposed; the result is written as [s, l].
        (int b, int q, int p, int s) = (3, 5, 7, 5);
        Check("monarch_rectangular(15, 21, 3)", (values, row, column) =>
        {
            (int si, int l) = (row / b, row % b);
            double sum = 0;
            for (int r = 0; r < q; r++)
            {
                (int k, int qi) = (((r * b) + l) / q, ((r * b) + l) % q);
                sum += k == column / p ? values("L", (((l * s) + si) * q) + r) * values("R", (((k * q) + qi) * p) + (column % p)) : 0;
            }

            return sum;
        });
    }

    [Fact]
    public void PaddedMonarch_IsACornerOfTheRectangularOne()
    {
        double[,] whole = Dense(TestModules.Formula("monarch_rectangular(15, 21, 3)"), out _);
        double[,] corner = Dense(TestModules.Formula("monarch_padded(13, 20, 3)"), out _);
        for (int i = 0; i < 13; i++)
        {
            for (int j = 0; j < 20; j++)
            {
                Assert.Equal(whole[i, j], corner[i, j], 1e-12);
            }
        }
    }

    /// <summary>The path of n = 8 is through blocks of 8, 4 and 2: in each the bit of the column becomes that of the row.</summary>
    [Fact]
    public void Butterfly_HasOnePathFromEachInputToEachOutput() =>
        Check("butterfly(8)", (values, row, column) =>
        {
            double product = 1;
            int place = column;
            for (int factor = 3, k = 2; k <= 8; factor--, k *= 2)
            {
                (int half, int b, int q, int i) = (k / 2, place / k, place / (k / 2) % 2, place % (k / 2));
                int p = row / half % 2;
                product *= values($"butterfly_factor{(factor == 1 ? "" : $"{factor}")}.D", (((((b * 2) + p) * 2) + q) * half) + i);
                place = (b * k) + (p * half) + i;
            }

            return product;
        });

    [Fact]
    public void Hodlr_IsDenseOnItsDiagonalAndOfLowRankBesideIt() =>
        Check("hodlr(8, 1, 2)", (values, row, column) =>
        {
            string path = "";
            for (int size = 8; ; size /= 2)
            {
                (int half, int i, int j) = (size / 2, row % size, column % size);
                if (size == 2)
                {
                    return values($"{path}W", (i * 2) + j);
                }

                if (i / half != j / half)
                {
                    string factor = i < half ? "low_rank" : "low_rank2";
                    return values($"{path}{factor}.B", i % half) * values($"{path}{factor}.A", j % half);
                }

                path += i < half ? "hodlr." : "hodlr2.";
            }
        });

    [Fact]
    public void Kronecker_HasTheFirstFactorSlowest() =>
        Check("kronecker([3, 2], [2, 5])", (values, row, column) =>
            values("A[0]", (row / 2 * 2) + (column / 5)) * values("A[1]", (row % 2 * 5) + (column % 5)));

    [Fact]
    public void TensorTrain_IsTheSumOverItsRanks()
    {
        (int[] m, int[] n, int[] r) = ([3, 5, 2], [2, 3, 4], [1, 3, 2, 1]);
        Check("tensor_train([3, 5, 2], [2, 3, 4], [1, 3, 2, 1])", (values, row, column) =>
        {
            (int[] i, int[] j) = (Modes(row, m), Modes(column, n));
            double sum = 0;
            for (int a = 0; a < r[1]; a++)
            {
                for (int c = 0; c < r[2]; c++)
                {
                    int[] rank = [0, a, c, 0];
                    sum += Enumerable.Range(0, 3).Aggregate(1.0, (product, k) =>
                        product * values($"G[{k}]", (((rank[k] * m[k]) + i[k]) * n[k] * r[k + 1]) + (j[k] * r[k + 1]) + rank[k + 1]));
                }
            }

            return sum;
        });
    }

    [Fact]
    public void BlockTensorTrain_HasCoresThatDependOnTheOtherModes()
    {
        (int[] m, int[] n, int[] r) = ([3, 5, 2], [2, 3, 4], [1, 3, 2, 1]);
        Check("block_tensor_train([3, 5, 2], [2, 3, 4], [1, 3, 2, 1])", (values, row, column) =>
        {
            (int[] i, int[] j) = (Modes(row, m), Modes(column, n));
            int[] block = [(i[1] * m[2]) + i[2], (j[0] * m[2]) + i[2], (j[0] * n[1]) + j[1]];
            double sum = 0;
            for (int a = 0; a < r[1]; a++)
            {
                for (int c = 0; c < r[2]; c++)
                {
                    int[] rank = [0, a, c, 0];
                    sum += Enumerable.Range(0, 3).Aggregate(1.0, (product, k) =>
                    {
                        int matrix = block[k] * r[k] * m[k] * n[k] * r[k + 1];
                        return product * values($"G[{k}]", matrix + (((rank[k] * m[k]) + i[k]) * n[k] * r[k + 1]) + (j[k] * r[k + 1]) + rank[k + 1]);
                    });
                }
            }

            return sum;
        });
    }

    [Fact]
    public void Cp_IsASumOfRankOneTensors() =>
        Check("cp([3, 5], [2, 3], 4)", (values, row, column) => Enumerable.Range(0, 4).Sum(s =>
            values("A[0]", (row / 5 * 4) + s) * values("A[1]", (row % 5 * 4) + s)
            * values("B[0]", (column / 3 * 4) + s) * values("B[1]", (column % 3 * 4) + s)));

    [Fact]
    public void TuckerTensor_IsACoreTimesAFactorPerMode() =>
        Check("tucker_tensor([3, 5], [7], [2, 3], [4])", (values, row, column) =>
        {
            double sum = 0;
            for (int p = 0; p < 6; p++)
            {
                for (int q = 0; q < 4; q++)
                {
                    sum += values("U[0]", (row / 5 * 2) + (p / 3)) * values("U[1]", (row % 5 * 3) + (p % 3))
                        * values("G", (p * 4) + q) * values("V[0]", (column * 4) + q);
                }
            }

            return sum;
        });

    [Fact]
    public void Blast_HasSharedFactors() =>
        Check("blast(6, 15, 2, 3, 4)", (values, row, column) =>
        {
            (int i, int a, int j, int c) = (row / 3, row % 3, column / 5, column % 5);
            return Enumerable.Range(0, 4).Sum(r =>
                values("U", (((i * 3) + a) * 4) + r) * values("S", (((i * 3) + j) * 4) + r) * values("V", (((j * 5) + c) * 4) + r));
        });

    [Fact]
    public void Dora_HasColumnsOfTheGivenMagnitudes()
    {
        const int M = 5, N = 7, R = 2;
        Check("dora(5, 7, 2, 6)", (values, row, column) =>
        {
            double Entry(int i) => values("W", (i * N) + column)
                + Enumerable.Range(0, R).Sum(s => 3 * values("B", (i * R) + s) * values("A", (s * N) + column));
            return values("magnitude", column) * Entry(row) / Math.Sqrt(Enumerable.Range(0, M).Sum(i => Entry(i) * Entry(i)));
        });
    }

    [Fact]
    public void DoraRows_HasRowsOfTheGivenMagnitudes()
    {
        const int N = 7, R = 2;
        Check("dora_rows(5, 7, 2, 6)", (values, row, column) =>
        {
            double Entry(int j) => values("W", (row * N) + j)
                + Enumerable.Range(0, R).Sum(s => 3 * values("B", (row * R) + s) * values("A", (s * N) + j));
            return values("magnitude", row) * Entry(column) / Math.Sqrt(Enumerable.Range(0, N).Sum(j => Entry(j) * Entry(j)));
        });
    }

    [Theory]
    [InlineData("hra_gram_schmidt(6, 6, 3)")]
    [InlineData("oft(6, 6, 2)")]
    public void OrthogonalAdapters_KeepLengths(string formula)
    {
        Module module = TestModules.Formula(formula);
        Operator adapted = ((LinearLink)module.Links[0]).Operator;
        Operator orthogonal = Assert.IsType<Product>(adapted).Operands[1];
        var interpreter = new Interpreter(module, Numbers.Values(module, new Random(3)));
        double[,] gram = interpreter.Dense(new Product(EquatableArray.Of(new Transpose(orthogonal), orthogonal)));
        Assert.Equal(interpreter.Dense(new Identity(6)).Cast<double>(), gram.Cast<double>(), new Near());
    }

    [Fact]
    public void Functions_StandWhereverATensorDoes()
    {
        // A call is a function of a tensor, the name alone an activation; a repetition whose argument depends on the index is unrolled.
        Module module = TestModules.Formula("""
            layer f : 4 -> 4
              param d[4], T[3, 4], s
              = relu . diag(relu(d)) . (sqrt(exp(s)) * sum(i < 3) (sqrt(4) * diag(softmax(T[i]))))
            """);
        Assert.Equal(3, module.Links.Count);
        Assert.Empty(((LinearLink)module.Links[0]).Operator.DescendantsAndSelf().OfType<Indexed>());
    }

    [Fact]
    public void Vera_SlicesTheSharedMatrices() =>
        Check("vera(3, 4, 2, 5, 6)", (values, row, column) =>
            values("W", (row * 4) + column)
            + (values("lambda_b", row) * Enumerable.Range(0, 2).Sum(r => values("B", (row * 2) + r) * values("lambda_d", r) * values("A", (r * 6) + column))));

    [Fact]
    public void VbLora_PutsItsFactorsTogetherFromTheBank()
    {
        (int n, int r, int top, int h, int b) = (6, 2, 3, 5, 2);
        Check("vb_lora(4, 6, 2, 3, 5, 2)", (values, row, column) =>
        {
            double Piece(string logits, int at, int position)
            {
                (int Vector, double Logit)[] best = [.. Enumerable.Range(0, h).Select(v => (v, values(logits, (at * h) + v))).OrderByDescending(pair => pair.Item2).Take(top)];
                double total = best.Sum(pair => Math.Exp(pair.Logit));
                return best.Sum(pair => Math.Exp(pair.Logit) / total * values("bank", (pair.Vector * b) + position));
            }

            return values("W", (row * n) + column)
                + Enumerable.Range(0, r).Sum(s => Piece("Q", (row / b * r) + s, row % b) * Piece("P", (s * (n / b)) + (column / b), column % b));
        });
    }

    [Fact]
    public void Reflections_MultiplyFromTheLeft()
    {
        // Two forms of one operator.
        double[,] chain = Dense(TestModules.Formula("operator f : 5 -> 5\n param V[3, 5]\n = reflect(V)"), out _);
        double[,] product = Dense(TestModules.Formula("operator f : 5 -> 5\n param V[3, 5]\n = product(i < 3) reflect(V[i])"), out _);
        Assert.Equal(chain.Cast<double>(), product.Cast<double>(), new Near());
    }

    [Theory]
    [InlineData("sum(i < 3) T[i]", "T[0] + T[1] + T[2]")]
    [InlineData("sum(i < 3) (2 * T[2 - i] * diag(d[i, :]))", "2 * T[2] * diag(d[0]) + 2 * T[1] * diag(d[1]) + 2 * T[0] * diag(d[2])")]
    [InlineData("dirsum(i < 3) T[i]", "blockdiag(T)")]
    [InlineData("hstack(i < 3) T[i]", "[T[0], T[1], T[2]]")]
    [InlineData("vstack(i < 3) T[i]", "[T[0]; T[1]; T[2]]")]
    [InlineData("hstack(i < 2) vstack(j < 3) T[(i + j) % 3]", "[T[0], T[1]; T[1], T[2]; T[2], T[0]]")]
    [InlineData("vstack(i < 2) T[2*i, i..i+2]", "[T[0, 0..2]; T[2, 1..3]]")]
    [InlineData("sum(i < 3) (d[i]' * d[i] * eye(1)) ⊗ eye(1)", "d[0]' * d[0] + d[1]' * d[1] + d[2]' * d[2]")]
    [InlineData("T[0] ⊕ T[1]", "[T[0], zeros(3, 4); zeros(3, 4), T[1]]")]
    [InlineData("kronsum(T[0][:, 0..3], eye(2))", "T[0][:, 0..3] ⊗ eye(2) + eye(3) ⊗ eye(2)")]
    [InlineData("s * T[0] / 2 - T[1]", "0.5 * T[0] * s + -T[1]")]
    [InlineData("T[0]ᵀ", "transpose(T[0])")]
    [InlineData("permute([2, 0, 1]) * T[0]", "[T[0, 2..3, :]; T[0, 0..2, :]]")]
    [InlineData("pad(5, 3, 1) * T[0]", "[zeros(1, 4); T[0]; zeros(1, 4)]")]
    [InlineData("crop(3, 2, 1) * T[0]", "T[0, 1..3]")]
    [InlineData("shuffle(3, 2)", "permute([0, 2, 4, 1, 3, 5])")]
    [InlineData("T[0] * (T[1]' * T[2])^3", "T[0] * T[1]' * T[2] * T[1]' * T[2] * T[1]' * T[2]")]
    [InlineData("T[0] * (T[1]' * T[2])^0", "T[0]")]
    [InlineData("s^2 * T[0] - 2^2^-1 * T[1]", "s * s * T[0] - sqrt(2) * T[1]")]
    [InlineData("(s - 2 * s^2 + 3) * T[0]", "s * T[0] - 2 * s * s * T[0] + 3 * T[0]")]
    [InlineData("-2^2 * T[0] + sum(i < 3) (2^i * T[i])", "-3 * T[0] + 2 * T[1] + 4 * T[2]")]
    [InlineData("if 2^log2(8) == 8 then T[0] else eye(7)", "T[0]")]
    [InlineData("sum(i < 3) (if i == 1 then T[2] else 2 * T[i]) - (if 1 > 2 then T else T[2])", "2 * T[0] + 2 * T[2]")]
    [InlineData("[T[0], if 1 > 2 then T[1] else T[2]]", "[T[0], T[2]]")]
    public void Constructs_MeanTheSame(string left, string right)
    {
        // Both are bound over the same tensors; their shapes come from what the binder says is wrong with a wrong one.
        double[,] Matrix(string formula)
        {
            const string Tensors = "param T[3, 3, 4], d[3, 4], s\n";
            IReadOnlyList<string> found = TestModules.Diagnostics($"operator f : 99 -> 99\n{Tensors} = {formula}");
            string shape = System.Text.RegularExpressions.Regex.Match(Assert.Single(found, text => text.Contains("WEFT0116", StringComparison.Ordinal)), @"body is (\d+ -> \d+)").Groups[1].Value;
            Module module = Assert.Single(Compiler.WeftCompiler.Bind([TestModules.File($"operator f : {shape}\n{Tensors} = {formula}")]).Modules);
            return Dense(module, out _);
        }

        Assert.Equal(Matrix(left).Cast<double>(), Matrix(right).Cast<double>(), new Near());
    }

    [Theory]
    [InlineData("y[i] = A[1][i, j] * x[j]", "= A[1]")]
    [InlineData("let l = 1\n y[i] = 3 * A[l][i, j] * x[j] / 2 + A[0][i, j] * x[j]", "= 1.5 * A[1] + A[0]")]
    [InlineData("y[i] = A[0][i, p q:2] * x[p q]", "= A[0]")]
    [InlineData("y[i] = B[i, 1, j] * x[j]", "= B[:, 1]")]
    [InlineData("y[i] = s * B[i, 1, j] * x[j]", "= s * B[:, 1]")]
    [InlineData("let T[i, j] = B[i, a, j] * B[i, a, j]\n = T", "let U[i, a j] = B[i, a, j]\n y[i] = U[i, a j] * B[i, a, j] * x[j]")]
    [InlineData("let t[] = B[i, a, j] * B[i, a, j]\n = t * A[0]", "y[p] = B[i, a, j] * B[i, a, j] * A[0][p, q] * x[q]")]
    [InlineData("let t = 2 * B[:, 1, 2]\n = diag(t) * A[0]", "y[i] = 2 * B[i, 1, 2] * A[0][i, j] * x[j]")]
    [InlineData("y[i] = 2^2 * A[1][i, j] * x[j] / 2^k^2", "= 4 / 2^(k * k) * A[1]")]
    [InlineData("y[i] = (if i >= 1 then 0.5^(i - 1) else 3) * A[0][i, j] * x[j]", "= [3 * A[0][0..1]; A[0][1..2]; 0.5 * A[0][2..3]]")]
    [InlineData("y[i] = (if k > 1 then A[0] else A[1])[i, j] * (if k > 1 then 2^i else [i]) * x[j]", "= [A[0][0..1]; 2 * A[0][1..2]; 4 * A[0][2..3]]")]
    [InlineData("let T = if k > 1 then A[0] else B\n = T", "= A[0]")]
    [InlineData("= A[0] * reflect(B[0, 1, :])", "= A[0] * reflect(B[0, 1..2, :])")]
    public void IndexNotation_MeansTheSame(string left, string right)
    {
        double[,] Matrix(string formula) => Dense(
            Assert.Single(Compiler.WeftCompiler.Bind([TestModules.File($"operator f : 4 -> 3\n let k = 2\n param A(k < 2)[3, 4], B[3, 2, 4], s\n {formula}")]).Modules),
            out _);
        Assert.Equal(Matrix(left).Cast<double>(), Matrix(right).Cast<double>(), new Near());
    }

    /// <summary>A declaration that calls itself, by way of another, until its sizes end that.</summary>
    [Fact]
    public void Recursion_EndsBySizes()
    {
        const string Text = """
            operator pair(n) : n -> n = hadamard_matrix(n)
            operator hadamard_matrix(n) : n -> n
              let half = if n == 1 then eye(1) else pair(n/2)
              = if n == 1 then half else [half, half; half, -half]
            operator f : 16 -> 16 = hadamard_matrix(16)
            """;
        Assert.Equal(Dense(TestModules.Formula("wht(16)"), out _).Cast<double>(), Dense(TestModules.Last(Text), out _).Cast<double>(), new Near());

        // Of a layer, whose sizes differ in each call; an argument counts where it is written.
        const string Layers = """
            layer pyramid(n, f : m -> m) : n -> 1
              let narrow = if n == 1 then eye(1) else gelu . bias . dense(n/2, n)
              = if n == 1 then f else pyramid(n/2, f) . narrow
            layer g : 4 -> 1 = pyramid(4, dense(1, 1))
            """;
        Assert.Equal(
            "f.W narrow.W narrow.bias narrow2.W narrow2.bias",
            string.Join(" ", TestModules.Last(Layers).Parameters.Select(parameter => parameter.Name).Order(StringComparer.Ordinal)));
    }

    private static int[] Modes(int index, int[] extents) =>
        [index / (extents[1] * extents[2]), index / extents[2] % extents[1], index % extents[2]];

    private static void Check(string formula, Func<Func<string, int, double>, int, int, double> entry)
    {
        Module module = TestModules.Formula(formula);
        double[,] dense = Dense(module, out Dictionary<string, double[]> values);
        Assert.Equal((module.Outputs, module.Inputs), (dense.GetLength(0), dense.GetLength(1)));
        for (int i = 0; i < module.Outputs; i++)
        {
            for (int j = 0; j < module.Inputs; j++)
            {
                Assert.Equal(entry((name, at) => values[name][at], i, j), dense[i, j], 1e-12);
            }
        }
    }

    /// <summary>The matrix of an operator, with values that depend only on the names of its parameters.</summary>
    private static double[,] Dense(Module module, out Dictionary<string, double[]> values)
    {
        values = module.Parameters.ToDictionary(
            parameter => parameter.Name,
            parameter => Enumerable.Range(0, parameter.Length).Select(i => Math.Sin((1.7 * i) + parameter.Name.Sum(c => c))).ToArray());
        return new Interpreter(module, values).Dense(((LinearLink)module.Links[0]).Operator);
    }

    private sealed class Near : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) < 1e-12;

        public int GetHashCode(double obj) => 0;
    }
}
