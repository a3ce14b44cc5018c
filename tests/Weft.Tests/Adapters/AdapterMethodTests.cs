using System.Globalization;
using MathNet.Numerics.LinearAlgebra;
using Weft.Adapters;
using Weft.Tests.Formulas;

namespace Weft.Tests.Adapters;

/// <summary>
/// Every method: a file with its keys, and what PEFT or LyCORIS makes of a weight with it, written down from their definitions with dense
/// matrices. It has to be what the merged matrix is, what the map's matrix is, what the update adds, and what a file that was written back
/// gives.
/// </summary>
public sealed class AdapterMethodTests
{
    private const string Peft = "base_model.model.";

    /// <summary>A file, the weight's shape, and the adapted weight.</summary>
    private sealed record Case(string? Config, MadeTensor[] Tensors, int Outputs, int Inputs, Func<Matrix<double>, Matrix<double>> Adapted, string Method, string Module = "a.q_proj");

    private static readonly Dictionary<string, Func<Random, Case>> Cases = new(StringComparer.Ordinal)
    {
        ["LoRA"] = random => Lora(random, "\"lora_alpha\":6,\"r\":3", 6.0 / 3),
        ["LoRA of stable rank"] = random => Lora(random, "\"lora_alpha\":6,\"r\":3,\"use_rslora\":true", 6 / Math.Sqrt(3)),
        ["LoRA by patterns"] = random => Lora(random, "\"lora_alpha\":6,\"r\":8,\"rank_pattern\":{\"k_proj\":5,\"a.q_proj\":3},\"alpha_pattern\":{\".*q_proj\":9}", 9.0 / 3),
        ["LoRA of a convolution"] = random =>
        {
            double[] a = AdapterFolder.Draw(random, 3, 2, 2, 2), b = AdapterFolder.Draw(random, 6, 3, 1, 1);
            return new Case(
                Config("LORA", "\"lora_alpha\":3,\"r\":3"),
                [T("lora_A.weight", a, 3, 2, 2, 2), T("lora_B.weight", b, 6, 3, 1, 1)],
                6,
                8,
                w => w + (M(b, 6) * M(a, 3)),
                "LoRA");
        },
        ["LoRA of an embedding"] = random =>
        {
            double[] a = AdapterFolder.Draw(random, 3, 10), b = AdapterFolder.Draw(random, 6, 3);
            return new Case(
                Config("LORA", "\"lora_alpha\":6,\"r\":3"), [T("lora_embedding_A", a, 3, 10), T("lora_embedding_B", b, 6, 3)], 6, 10, w => w + (2 * M(b, 6) * M(a, 3)), "LoRA of an embedding");
        },
        ["DoRA"] = random =>
        {
            Case lora = Lora(random, "\"lora_alpha\":6,\"r\":3,\"use_dora\":true", 2);
            double[] magnitude = AdapterFolder.Draw(random, 6);
            return lora with { Tensors = [.. lora.Tensors, T("lora_magnitude_vector", magnitude, 6)], Adapted = w => Rows(lora.Adapted(w), magnitude) };
        },
        ["DoRA of LyCORIS, by columns"] = random =>
        {
            Case lora = Kohya(random);
            double[] magnitude = AdapterFolder.Draw(random, 8);
            return lora with { Tensors = [.. lora.Tensors, K("dora_scale", magnitude, 1, 8)], Adapted = w => Rows(lora.Adapted(w).Transpose(), magnitude).Transpose() };
        },
        ["LoRA of kohya"] = Kohya,
        ["LoHa"] = random =>
        {
            double[][] f = [AdapterFolder.Draw(random, 6, 2), AdapterFolder.Draw(random, 2, 8), AdapterFolder.Draw(random, 6, 2), AdapterFolder.Draw(random, 2, 8)];
            return new Case(
                Config("LOHA", "\"alpha\":1,\"r\":2"),
                [T("hada_w1_a", f[0], 6, 2), T("hada_w1_b", f[1], 2, 8), T("hada_w2_a", f[2], 6, 2), T("hada_w2_b", f[3], 2, 8)],
                6,
                8,
                w => w + (0.5 * (M(f[0], 6) * M(f[1], 2)).PointwiseMultiply(M(f[2], 6) * M(f[3], 2))),
                "LoHa");
        },
        ["LoKr of full factors"] = random => LoKr(random, isFull1: true, isFull2: true),
        ["LoKr of a full factor"] = random => LoKr(random, isFull1: true, isFull2: false),
        ["LoKr of products"] = random => LoKr(random, isFull1: false, isFull2: false),
        ["LoKr of LyCORIS with full factors"] = random =>
        {
            double[] w1 = AdapterFolder.Draw(random, 2, 4), w2 = AdapterFolder.Draw(random, 3, 2);
            return new Case(null, [K("lokr_w1", w1, 2, 4), K("lokr_w2", w2, 3, 2), K("alpha", [100])], 6, 8, w => w + M(w1, 2).KroneckerProduct(M(w2, 3)), "LoKr", "lora_unet_a_q_proj");
        },
        ["DoRA of LyCORIS, by rows of a Kronecker product"] = random =>
        {
            double[] w1 = AdapterFolder.Draw(random, 2, 4), a = AdapterFolder.Draw(random, 3, 2), b = AdapterFolder.Draw(random, 2, 2), magnitude = AdapterFolder.Draw(random, 6);
            return new Case(
                null,
                [K("lokr_w1", w1, 2, 4), K("lokr_w2_a", a, 3, 2), K("lokr_w2_b", b, 2, 2), K("alpha", [5]), K("dora_scale", magnitude, 6, 1)],
                6,
                8,
                w => Rows(w + (2.5 * M(w1, 2).KroneckerProduct(M(a, 3) * M(b, 2))), magnitude),
                "LoKr",
                "lora_unet_a_q_proj");
        },
        ["DoRA of LyCORIS, by columns of LoHa"] = random =>
        {
            double[][] f = [AdapterFolder.Draw(random, 6, 2), AdapterFolder.Draw(random, 2, 8), AdapterFolder.Draw(random, 6, 3), AdapterFolder.Draw(random, 3, 8)];
            double[] magnitude = AdapterFolder.Draw(random, 8);
            return new Case(
                null,
                [K("hada_w1_a", f[0], 6, 2), K("hada_w1_b", f[1], 2, 8), K("hada_w2_a", f[2], 6, 3), K("hada_w2_b", f[3], 3, 8), K("alpha", [3]), K("dora_scale", magnitude, 1, 8)],
                6,
                8,
                w => Rows((w + (1.5 * (M(f[0], 6) * M(f[1], 2)).PointwiseMultiply(M(f[2], 6) * M(f[3], 3)))).Transpose(), magnitude).Transpose(),
                "LoHa",
                "lora_unet_a_q_proj");
        },
        ["OFT"] = random => Oft(random, "\"use_cayley_neumann\":true,\"num_cayley_neumann_terms\":5", s => Sum(s, 1, 2, 2, 2, 1)),
        ["OFT of four terms"] = random => Oft(random, "\"use_cayley_neumann\":true,\"num_cayley_neumann_terms\":4", s => Sum(s, 1, 2, 2, 1)),
        ["OFT of two terms"] = random => Oft(random, "\"use_cayley_neumann\":true,\"num_cayley_neumann_terms\":2", s => Sum(s, 1, 2)),
        ["OFT, exact"] = random => Oft(random, "\"use_cayley_neumann\":false,\"num_cayley_neumann_terms\":5", Cayley),
        ["OFT of one block"] = random => Oft(random, "\"block_share\":true,\"use_cayley_neumann\":false", Cayley, isShared: true),
        ["Diag-OFT of LyCORIS"] = random =>
        {
            double[] blocks = AdapterFolder.Draw(random, 2, 3, 3), rescale = AdapterFolder.Draw(random, 6, 1);
            Matrix<double> r = Matrix<double>.Build.Dense(6, 6), one = Matrix<double>.Build.DenseIdentity(3);
            for (int block = 0; block < 2; block++)
            {
                Matrix<double> b = M(blocks[(9 * block)..(9 * (block + 1))], 3), q = b - b.Transpose();
                r.SetSubMatrix(3 * block, 3 * block, (one + q) * (one - q).Inverse());
            }

            return new Case(
                null,
                [K("oft_blocks", blocks, 2, 3, 3), K("rescale", rescale, 6, 1), K("alpha", [0])],
                6,
                8,
                w => D(rescale) * r.Transpose() * w,
                "Diag-OFT",
                "lora_unet_a_q_proj");
        },
        ["BOFT"] = random => Boft(random, 1),
        ["BOFT of three factors"] = random => Boft(random, 3),
        ["HRA"] = random => Hra(random, 3, isOrthonormal: false),
        ["HRA by Gram and Schmidt"] = random => Hra(random, 4, isOrthonormal: true),
        ["VeRA"] = random =>
        {
            double[] a = AdapterFolder.Draw(random, 3, 11), b = AdapterFolder.Draw(random, 9, 3), lambdaB = AdapterFolder.Draw(random, 6), lambdaD = AdapterFolder.Draw(random, 3);
            return new Case(
                Config("VERA", "\"r\":3,\"save_projection\":true"),
                [new("base_model.vera_A", [3, 11], a), new("base_model.vera_B", [9, 3], b), T("vera_lambda_b", lambdaB, 6), T("vera_lambda_d", lambdaD, 3)],
                6,
                8,
                w => w + (D(lambdaB) * M(b, 9).SubMatrix(0, 6, 0, 3) * D(lambdaD) * M(a, 3).SubMatrix(0, 3, 0, 8)),
                "VeRA");
        },
        ["IA³"] = random => Scales(random, isForOutputs: true),
        ["IA³ of a feed-forward layer"] = random => Scales(random, isForOutputs: false),
        ["VB-LoRA"] = random => VectorBank(random, isCompact: false),
        ["VB-LoRA, compact"] = random => VectorBank(random, isCompact: true),
        ["C3A"] = random =>
        {
            double[] w = AdapterFolder.Draw(random, 2, 3, 3);
            return new Case(
                Config("C3A", "\"block_size\":3"),
                [T("c3a_kernel", w, 2, 3, 3)],
                6,
                9,
                weight => weight + Matrix<double>.Build.Dense(6, 9, (row, column) => w[(((row / 3 * 3) + (column / 3)) * 3) + ((column - row + 9) % 3)] / 9),
                "C3A");
        },
        ["MiSS"] = random =>
        {
            double[] b = AdapterFolder.Draw(random, 3, 6);
            return new Case(Config("MISS", "\"r\":3,\"init_weights\":true"), [T("miss_block", b, 3, 6)], 6, 8, w => w + Matrix<double>.Build.Dense(6, 8, (i, j) => b[((j % 3) * 6) + i]), "MiSS");
        },
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void AMethod_IsWhatItsLibraryMakesOfAWeight(string name)
    {
        Case made = Cases[name](new Random(name.Length));
        (int m, int n) = (made.Outputs, made.Inputs);
        double[] weight = AdapterFolder.Draw(new Random(1), m, n), expected = made.Adapted(M(weight, m)).ToRowMajorArray();
        using var folder = new AdapterFolder();
        string path = made.Config == null ? folder.Write("file.safetensors", made.Tensors) : folder.WritePeft("peft", made.Config, made.Tensors);
        using Adapter adapter = Adapter.Open(path);
        AdapterModule module = Assert.Single(adapter.Modules).Value;
        Assert.Equal((made.Module, made.Method), (module.Name, module.Method));
        Assert.Equal(made.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), module.Keys);
        Assert.Empty(adapter.UnusedKeys);
        Assert.True((module.Outputs ?? m, module.Inputs ?? n) == (m, n));

        Numbers.AssertClose(expected, module.Merge(weight, m, n), 1e-12, name);
        using LinearMap<double> map = module.CreateMap<double>(weight, m, n);
        double[] dense = new double[m * n];
        map.ToDense(dense);
        Numbers.AssertClose(expected, dense, 1e-12, module.Formula(m, n));

        // Written back it is the same file.
        adapter.Save(folder["again"]);
        foreach (string file in made.Config == null ? [""] : new[] { "/adapter_model.safetensors", "/adapter_config.json" })
        {
            Dictionary<string, StoredTensor>? before = file.EndsWith(".json", StringComparison.Ordinal) ? null : Tensors(path + file);
            if (before == null)
            {
                Assert.Equal(File.ReadAllText(path + file), File.ReadAllText(folder["again" + file]));
            }
            else
            {
                Assert.Equal(before.Keys.Order(), Tensors(folder["again" + file]).Keys.Order());
            }
        }
    }

    private static Dictionary<string, StoredTensor> Tensors(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return new(TensorFile.Open(stream).Tensors);
    }

    private static Case Lora(Random random, string settings, double scale)
    {
        double[] a = AdapterFolder.Draw(random, 3, 8), b = AdapterFolder.Draw(random, 6, 3);
        return new Case(Config("LORA", settings), [T("lora_A.weight", a, 3, 8), T("lora_B.weight", b, 6, 3)], 6, 8, w => w + (scale * M(b, 6) * M(a, 3)), "LoRA");
    }

    private static Case Kohya(Random random)
    {
        double[] a = AdapterFolder.Draw(random, 3, 8), b = AdapterFolder.Draw(random, 6, 3);
        return new Case(null, [K("lora_down.weight", a, 3, 8), K("lora_up.weight", b, 6, 3), K("alpha", [1.5])], 6, 8, w => w + (0.5 * M(b, 6) * M(a, 3)), "LoRA", "lora_unet_a_q_proj");
    }

    private static Case LoKr(Random random, bool isFull1, bool isFull2)
    {
        var tensors = new List<MadeTensor>();
        Matrix<double> first = Factor("lokr_w1", isFull1, 2, 4), second = Factor("lokr_w2", isFull2, 3, 2);
        return new Case(Config("LOKR", "\"alpha\":3,\"r\":2"), [.. tensors], 6, 8, w => w + (1.5 * first.KroneckerProduct(second)), "LoKr");

        Matrix<double> Factor(string name, bool isFull, int rows, int columns)
        {
            if (isFull)
            {
                double[] values = AdapterFolder.Draw(random, rows, columns);
                tensors.Add(T(name, values, rows, columns));
                return M(values, rows);
            }

            double[] a = AdapterFolder.Draw(random, rows, 2), b = AdapterFolder.Draw(random, 2, columns);
            tensors.AddRange([T(name + "_a", a, rows, 2), T(name + "_b", b, 2, columns)]);
            return M(a, rows) * M(b, 2);
        }
    }

    /// <summary>x R for each block, then W: the weight is W Rᵀ.</summary>
    private static Case Oft(Random random, string settings, Func<Matrix<double>, Matrix<double>> rotation, bool isShared = false)
    {
        int count = isShared ? 1 : 2;
        double[] above = AdapterFolder.Draw(random, count, 6);
        Matrix<double> r = Matrix<double>.Build.Dense(8, 8);
        for (int block = 0; block < 2; block++)
        {
            Matrix<double> s = Matrix<double>.Build.Dense(4, 4);
            int next = isShared ? 0 : 6 * block;
            for (int i = 0; i < 4; i++)
            {
                for (int j = i + 1; j < 4; j++)
                {
                    (s[i, j], s[j, i]) = (above[next], -above[next]);
                    next++;
                }
            }

            r.SetSubMatrix(4 * block, 4 * block, rotation(s));
        }

        return new Case(Config("OFT", $"\"r\":2,\"oft_block_size\":4,{settings}"), [T("oft_R.weight", above, count, 6)], 6, 8, w => w * r.Transpose(), "OFT");
    }

    private static Case Boft(Random random, int factors)
    {
        // Blocks of 2 in 8 inputs: 4 of them, so that three factors reach everything.
        double[] blocks = AdapterFolder.Draw(random, factors, 4, 2, 2), s = AdapterFolder.Draw(random, 6, 1);
        Matrix<double> b = Matrix<double>.Build.DenseIdentity(8);
        for (int k = 0; k < factors; k++)
        {
            Matrix<double> diagonal = Matrix<double>.Build.Dense(8, 8), permutation = Matrix<double>.Build.Dense(8, 8);
            for (int block = 0; block < 4; block++)
            {
                Matrix<double> raw = M(blocks[(((k * 4) + block) * 4)..((((k * 4) + block) * 4) + 4)], 2);
                diagonal.SetSubMatrix(2 * block, 2 * block, Cayley(0.5 * (raw - raw.Transpose())));
            }

            // In each run of 2·2ᵏ elements, those at even places of half a block, one element, come first.
            int run = 2 << k;
            for (int i = 0; i < 8; i++)
            {
                int within = i % run, half = run / 2;
                permutation[i, i - within + (within < half ? 2 * within : (2 * (within - half)) + 1)] = 1;
            }

            b = permutation * diagonal * permutation.Transpose() * b;
        }

        return new Case(Config("BOFT", "\"boft_block_size\":2"), [T("boft_R", blocks, factors, 4, 2, 2), T("boft_s", s, 6, 1)], 6, 8, w => D(s) * w * b.Transpose(), "BOFT");
    }

    private static Case Hra(Random random, int rank, bool isOrthonormal)
    {
        double[] u = AdapterFolder.Draw(random, 8, rank);
        Matrix<double> rotation = Matrix<double>.Build.DenseIdentity(8), q = M(u, 8).GramSchmidt().Q;
        for (int i = 0; i < rank; i++)
        {
            Vector<double> v = isOrthonormal ? q.Column(i) : M(u, 8).Column(i).Normalize(2);
            rotation -= 2 * (rotation * v).OuterProduct(v);
        }

        return new Case(
            Config("HRA", $"\"r\":{rank},\"apply_GS\":{(isOrthonormal ? "true" : "false")}"), [T("hra_u", u, 8, rank)], 6, 8, w => w * rotation, "HRA");
    }

    private static Case Scales(Random random, bool isForOutputs)
    {
        double[] l = AdapterFolder.Draw(random, isForOutputs ? 6 : 8);
        return new Case(
            Config("IA3", "\"feedforward_modules\":[]"), [isForOutputs ? T("ia3_l", l, 6, 1) : T("ia3_l", l, 1, 8)], 6, 8, w => isForOutputs ? D(l) * w : w * D(l), "IA³");
    }

    private static Case VectorBank(Random random, bool isCompact)
    {
        double[] bank = AdapterFolder.Draw(random, 5, 2), a = AdapterFolder.Draw(random, 3, 4, 5), b = AdapterFolder.Draw(random, 3, 3, 5);
        (double[] indicesA, double[] weightsA, Vector<double>[] piecesA) = Pieces(a);
        (double[] indicesB, double[] weightsB, Vector<double>[] piecesB) = Pieces(b);
        var left = Matrix<double>.Build.Dense(6, 3, (row, s) => piecesB[((row / 2) * 3) + s][row % 2]);
        var right = Matrix<double>.Build.Dense(3, 8, (s, column) => piecesA[(s * 4) + (column / 2)][column % 2]);
        MadeTensor bankTensor = new("base_model.vblora_vector_bank", [5, 2], bank);
        return new Case(
            Config("VBLORA", "\"r\":3,\"topk\":2,\"num_vectors\":5,\"vector_length\":2"),
            isCompact
                ? [
                    bankTensor,
                    T("vblora_logits_A_topk_indices", indicesA, 3, 4, 2) with { Type = "U8" }, T("vblora_logits_A_topk_weights", weightsA, 3, 4, 1) with { Type = "F64" },
                    T("vblora_logits_B_topk_indices", indicesB, 3, 3, 2) with { Type = "I64" }, T("vblora_logits_B_topk_weights", weightsB, 3, 3, 1) with { Type = "F64" },
                ]
                : [bankTensor, T("vblora_logits_A", a, 3, 4, 5), T("vblora_logits_B", b, 3, 3, 5)],
            6,
            8,
            w => w + (left * right),
            "VB-LoRA");

        (double[] Indices, double[] Weights, Vector<double>[] Pieces) Pieces(double[] logits)
        {
            double[][] rows = [.. logits.Chunk(5)];
            int[][] chosen = [.. rows.Select(row => Enumerable.Range(0, 5).OrderByDescending(i => row[i]).Take(2).ToArray())];
            double[] first = [.. rows.Zip(chosen, (row, two) => 1 / (1 + Math.Exp(row[two[1]] - row[two[0]])))];
            return (
                [.. chosen.SelectMany(two => two.Select(i => (double)i))],
                first,
                [.. chosen.Zip(first, (two, share) => (share * M(bank, 5).Row(two[0])) + ((1 - share) * M(bank, 5).Row(two[1])))]);
        }
    }

    private static string Config(string type, string settings) => $"{{\"peft_type\":\"{type}\",\"target_modules\":[\"q_proj\"],\"bias\":\"none\",{settings}}}";

    private static MadeTensor T(string part, double[] values, params int[] shape) => new($"{Peft}a.q_proj.{part}", shape, values);

    private static MadeTensor K(string part, double[] values, params int[] shape) => new($"lora_unet_a_q_proj.{part}", shape, values);

    private static Matrix<double> M(double[] values, int rows) => Matrix<double>.Build.DenseOfRowMajor(rows, values.Length / rows, values);

    private static Matrix<double> D(double[] values) => Matrix<double>.Build.DenseOfDiagonalArray(values);

    private static Matrix<double> Rows(Matrix<double> matrix, double[] magnitudes) => D([.. matrix.EnumerateRows().Zip(magnitudes, (row, magnitude) => magnitude / row.L2Norm())]) * matrix;

    private static Matrix<double> Cayley(Matrix<double> s)
    {
        Matrix<double> one = Matrix<double>.Build.DenseIdentity(s.RowCount);
        return (one - s) * (one + s).Inverse();
    }

    /// <summary>Σ cₖ Sᵏ.</summary>
    private static Matrix<double> Sum(Matrix<double> s, params double[] coefficients)
    {
        Matrix<double> sum = Matrix<double>.Build.Dense(s.RowCount, s.RowCount), power = Matrix<double>.Build.DenseIdentity(s.RowCount);
        foreach (double coefficient in coefficients)
        {
            sum += coefficient * power;
            power *= s;
        }

        return sum;
    }
}
