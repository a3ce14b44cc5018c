using System.Collections.Immutable;
using System.Globalization;

namespace Weft.Adapters;

/// <summary>A method to adapt a weight: which parts of a file are one of it, and what they mean.</summary>
/// <param name="Name">Its name.</param>
/// <param name="PeftType">What <c>peft_type</c> of a config calls it; null where PEFT has it not.</param>
/// <param name="Required">The parts that make it.</param>
/// <param name="Optional">Parts that may be there too.</param>
/// <param name="Shared">Parts that all modules of a file have in common.</param>
/// <param name="Size">The numbers of outputs and of inputs, as far as the parts say them.</param>
/// <param name="Formula">Its formula for a weight of so many outputs and inputs.</param>
internal sealed record AdapterMethod(
    string Name,
    string? PeftType,
    ImmutableArray<string> Required,
    ImmutableArray<string> Optional,
    ImmutableArray<string> Shared,
    Func<AdapterParts, (int? Outputs, int? Inputs)> Size,
    Func<AdapterParts, int, int, AdapterFormula> Formula)
{
    private const string Magnitude = "lora_magnitude_vector", DoraScale = "dora_scale", Alpha = "alpha";

    /// <summary>Whether the base stores Wᵀ.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>Whether <c>fan_in_fan_out</c> of a config says that the base stores Wᵀ.</summary>
    public bool HasFanInFanOut { get; init; }

    /// <summary>How keys end, and the part that each ending means. Endings that no method has are here too: what they add would be lost unseen.</summary>
    public static ImmutableArray<(string Ending, string Part)> Endings { get; } =
    [
        (".lora_A.weight", "lora_A"), (".lora_B.weight", "lora_B"), (".lora_down.weight", "lora_A"), (".lora_up.weight", "lora_B"),
        (".lora.down.weight", "lora_A"), (".lora.up.weight", "lora_B"), (":down", "lora_A"), (":up", "lora_B"),
        (".lora_embedding_A", "lora_embedding_A"), (".lora_embedding_B", "lora_embedding_B"), (".lora_B.bias", "lora_B.bias"),
        (".lora_mid.weight", "lora_mid"), (".lora_magnitude_vector.weight", Magnitude), (".lora_magnitude_vector", Magnitude),
        (".dora_scale", DoraScale), (".alpha", Alpha),
        .. Same("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
        .. Same("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t1", "lokr_t2"),
        (".oft_R.weight", "oft_R"), (".oft_blocks", "oft_blocks"), (".rescale", "rescale"),
        .. Same("boft_R", "boft_s", "hra_u", "ia3_l", "c3a_kernel", "miss_block", "vera_lambda_b", "vera_lambda_d", "vera_A", "vera_B"),
        .. Same("vblora_vector_bank", "vblora_logits_A", "vblora_logits_B"),
        .. Same("vblora_logits_A_topk_indices", "vblora_logits_A_topk_weights", "vblora_logits_B_topk_indices", "vblora_logits_B_topk_weights"),
    ];

    /// <summary>Parts that stand once in a file, for all of its modules.</summary>
    public static ImmutableArray<string> OncePerFile { get; } = ["vera_A", "vera_B", "vblora_vector_bank"];

    /// <summary>The table. A module is of the first method whose required parts it has, and no others than its optional ones.</summary>
    public static ImmutableArray<AdapterMethod> All { get; } =
    [
        new("LoRA", "LORA", ["lora_A", "lora_B"], [Alpha, Magnitude, DoraScale], [], parts => (parts.Rows("lora_B"), parts.Columns("lora_A")), Lora) { HasFanInFanOut = true },
        new("LoRA of an embedding", "LORA", ["lora_embedding_A", "lora_embedding_B"], [], [], parts => (parts.Rows("lora_embedding_B"), parts.Columns("lora_embedding_A")), EmbeddingLora) { IsTransposed = true, HasFanInFanOut = true },
        new("LoHa", "LOHA", ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"], [Alpha, DoraScale], [], parts => (parts.Rows("hada_w1_a"), parts.Columns("hada_w1_b")), LoHa),
        .. from first in Factors("w1") from second in Factors("w2") select new AdapterMethod("LoKr", "LOKR", [.. first, .. second], [Alpha, DoraScale], [], LoKrSize, LoKr),
        new("OFT", "OFT", ["oft_R"], [], [], OftSize, Oft),
        new("Diag-OFT", null, ["oft_blocks"], [Alpha, "rescale"], [], parts => parts.Shape("oft_blocks", 3) is var s ? (checked(s[0] * s[1]), null) : default, DiagOft),
        new("BOFT", "BOFT", ["boft_R", "boft_s"], [], [], BoftSize, Boft),
        new("HRA", "HRA", ["hra_u"], [], [], parts => (null, parts.Rows("hra_u")), Hra),
        new("VeRA", "VERA", ["vera_lambda_b", "vera_lambda_d"], [], ["vera_A", "vera_B"], parts => (parts.Length("vera_lambda_b"), null), Vera) { HasFanInFanOut = true },
        new("IA³", "IA3", ["ia3_l"], [], [], Ia3Size, Ia3) { HasFanInFanOut = true },
        new("VB-LoRA", "VBLORA", ["vblora_logits_A", "vblora_logits_B"], [], ["vblora_vector_bank"], VectorBankSize, VectorBank) { HasFanInFanOut = true },
        new(
            "VB-LoRA",
            "VBLORA",
            ["vblora_logits_A_topk_indices", "vblora_logits_A_topk_weights", "vblora_logits_B_topk_indices", "vblora_logits_B_topk_weights"],
            [],
            ["vblora_vector_bank"],
            VectorBankSize,
            CompactVectorBank) { HasFanInFanOut = true },
        new("C3A", "C3A", ["c3a_kernel"], [], [], parts => parts.Shape("c3a_kernel", 3) is var s ? (checked(s[0] * s[2]), checked(s[1] * s[2])) : default, C3a),
        new("MiSS", "MISS", ["miss_block"], [], [], parts => (parts.Columns("miss_block"), null), Miss),
    ];

    private static AdapterFormula Lora(AdapterParts parts, int m, int n)
    {
        parts.RefuseSettings("use_qalora", "layer_replication", "lora_bias", "alora_invocation_tokens", "velora_config", "monteclora_config", "use_bdlora", "arrow_config", "kasa_config", "target_parameters");
        parts.RefuseChangedBase("init_lora_weights");
        int r = parts.Rows("lora_A");
        parts.Expect("lora_B", m, r);
        return Normalized(parts, m, n, new AdapterFormula
        {
            Parameters = [new("A", "lora_A", [r, n]), new("B", "lora_B", [m, r])],
            Term = $"{parts.Scale(r)} * B[i, s] * A[s, j]",
        });
    }

    private static AdapterFormula EmbeddingLora(AdapterParts parts, int m, int n)
    {
        parts.RefuseSettings("use_dora");
        parts.RefuseChangedBase("init_lora_weights");
        int r = parts.Rows("lora_embedding_A");
        parts.Expect("lora_embedding_B", m, r);
        return new AdapterFormula
        {
            Parameters = [new("A", "lora_embedding_A", [r, n]), new("B", "lora_embedding_B", [m, r])],
            Term = $"{parts.Scale(r)} * B[i, s] * A[s, j]",
        };
    }

    private static AdapterFormula LoHa(AdapterParts parts, int m, int n)
    {
        (int r, int q) = (parts.Rows("hada_w1_b"), parts.Rows("hada_w2_b"));
        parts.Expect("hada_w1_a", m, r);
        parts.Expect("hada_w2_a", m, q);
        parts.Expect("hada_w2_b", q, n);
        return Normalized(parts, m, n, new AdapterFormula
        {
            Parameters = [new("B1", "hada_w1_a", [m, r]), new("A1", "hada_w1_b", [r, n]), new("B2", "hada_w2_a", [m, q]), new("A2", "hada_w2_b", [q, n])],
            Term = $"{parts.Scale(r)} * B1[i, s] * A1[s, j] * B2[i, t] * A2[t, j]",
        });
    }

    private static IEnumerable<ImmutableArray<string>> Factors(string name) => [[$"lokr_{name}"], [$"lokr_{name}_a", $"lokr_{name}_b"]];

    private static (int?, int?) LoKrSize(AdapterParts parts)
    {
        ((int a, int b), (int c, int d)) = (Factor(parts, "lokr_w1"), Factor(parts, "lokr_w2"));
        return (checked(a * c), checked(b * d));
    }

    private static (int Rows, int Columns) Factor(AdapterParts parts, string name) =>
        parts.Has(name) ? (parts.Rows(name), parts.Columns(name)) : (parts.Rows(name + "_a"), parts.Columns(name + "_b"));

    private static AdapterFormula LoKr(AdapterParts parts, int m, int n)
    {
        var parameters = ImmutableArray.CreateBuilder<AdapterParameter>();
        int? rank = null;
        string first = Add("lokr_w1", "W1", "i", "j", "s"), second = Add("lokr_w2", "W2", "k", "l", "t");
        ((int a, int b), (int c, int d)) = (Factor(parts, "lokr_w1"), Factor(parts, "lokr_w2"));
        return Normalized(parts, m, n, new AdapterFormula
        {
            Parameters = parameters.ToImmutable(),
            Term = $"{parts.Scale(rank)} * {first} * {second}",
            Rows = $"i:{a} k:{c}",
            Columns = $"j:{b} l:{d}",
        });

        string Add(string part, string name, string row, string column, string inner)
        {
            (int rows, int columns) = Factor(parts, part);
            if (parts.Has(part))
            {
                parameters.Add(new(name, part, [rows, columns]));
                return $"{name}[{row}, {column}]";
            }

            int r = parts.Rows(part + "_b");
            parts.Expect(part + "_a", rows, r);
            rank = r;
            parameters.Add(new($"{name}a", part + "_a", [rows, r]));
            parameters.Add(new($"{name}b", part + "_b", [r, columns]));
            return $"{name}a[{row}, {inner}] * {name}b[{inner}, {column}]";
        }
    }

    private static (int, int) OftBlocks(AdapterParts parts)
    {
        int[] shape = parts.Shape("oft_R", 2);
        int size = (int)((1 + Math.Sqrt(1 + (8.0 * shape[1]))) / 2);
        return size >= 2 && (long)size * (size - 1) / 2 == shape[1]
            ? (shape[0], size)
            : throw parts.Wrong("oft_R", "blocks of b(b − 1)/2 numbers, what stands above the diagonal of b × b");
    }

    private static (int?, int?) OftSize(AdapterParts parts)
    {
        (int count, int size) = OftBlocks(parts);
        return (null, parts.Config?.Flag("block_share") == true ? null : checked(count * size));
    }

    // PEFT turns the input, x R and then W, so that W Rᵀ is what is merged. With S = U − Uᵀ, of which the file has what is above the diagonal,
    // R is Cayley's (I − S)(I + S)⁻¹; by default it is a sum in place of the inverse, that of (I + S)(I − S)⁻¹, which turns the other way.
    private static AdapterFormula Oft(AdapterParts parts, int m, int n)
    {
        AdapterConfig config = parts.RequireConfig();
        parts.RefuseSettings("coft");
        (int count, int size) = OftBlocks(parts);
        int blocks = n / size;
        if (n % size != 0 || (count != blocks && (count != 1 || config.Flag("block_share") != true)))
        {
            throw parts.Wrong("oft_R", $"{blocks} blocks for {n} inputs");
        }

        string lets = string.Create(CultureInfo.InvariantCulture, $"""
            let place[i:{size}, j:{size}] = (i < j) * (i * (2 * {size} - i - 1) / 2 + j - i - 1)
            let U[b:{blocks}, i, j] = (i < j) * (b >= 0) * R[{(count == 1 ? "0" : "b")}, place[i, j]]

            """);
        string blocked = "cayley(U)";
        if (AdapterConfig.Require(config.Flag("use_cayley_neumann"), "use_cayley_neumann"))
        {
            int terms = parts.Whole(AdapterConfig.Require(config.Number("num_cayley_neumann_terms"), "num_cayley_neumann_terms"), "num_cayley_neumann_terms", 1, 64);
            int last = terms <= 2 ? terms - 1 : Math.Max(3, terms - 1);
            lets += "let S1[b, i, j] = U[b, i, j] - U[b, j, i]\n";
            for (int power = 2; power <= last; power++)
            {
                lets += string.Create(CultureInfo.InvariantCulture, $"let S{power}[b, i, j] = S{power - 1}[b, i, k] * S1[b, k, j]\n");
            }

            lets += $"let Q[b:{blocks}, i:{size}, j:{size}] = (b >= 0) * (i == j)"
                + string.Concat(Enumerable.Range(1, last).Select(power => string.Create(CultureInfo.InvariantCulture, $" + {(power == last && terms > 2 ? 1 : 2)} * S{power}[b, i, j]"))) + "\n";
            blocked = "Q";
        }

        return new AdapterFormula { Parameters = [new("R", "oft_R", [count, parts.Shape("oft_R", 2)[1]])], Lets = lets, Rotation = $"blockdiag({blocked})'" };
    }

    // LyCORIS turns the outputs: Rᵀ W with R = (I + S)(I − S)⁻¹ and S = B − Bᵀ, which is Cayley's map of B. Its alpha bounds the norm of S.
    private static AdapterFormula DiagOft(AdapterParts parts, int m, int n)
    {
        int[] shape = parts.Shape("oft_blocks", 3);
        (int blocks, int size) = (shape[0], shape[1]);
        if (shape[2] != size)
        {
            throw parts.Wrong("oft_blocks", "square blocks");
        }

        if (parts.Has(Alpha) && parts.Tensors[Alpha].Read() is not [0])
        {
            throw new NotSupportedException($"'{parts.Module}' is trained with a constraint, its alpha, which is not known here.");
        }

        bool isRescaled = parts.Has("rescale");
        if (isRescaled)
        {
            parts.Expect("rescale", m, 1);
        }

        AdapterParameter[] parameters = [new("B", "oft_blocks", [blocks, size, size]), new("rescale", "rescale", [m])];
        return new AdapterFormula
        {
            Parameters = [.. parameters[..(isRescaled ? 2 : 1)]],
            Lets = "let Q = cayley(B)\n",
            OutputRotation = "blockdiag(Q)",
            RowScale = isRescaled ? "rescale" : null,
        };
    }

    private static (int?, int?) BoftSize(AdapterParts parts) => parts.Shape("boft_R", 4) is var s && s[2] == s[3]
        ? (parts.Length("boft_s"), checked(s[1] * s[2]))
        : throw parts.Wrong("boft_R", "square blocks");

    // W (B_{N−1} ⋯ B_0)ᵀ with B_k = P_k blockdiag(Q) P_kᵀ, where P_k puts, in each run of 2ᵏ blocks, the even half-blocks before the odd ones.
    private static AdapterFormula Boft(AdapterParts parts, int m, int n)
    {
        int[] shape = parts.Shape("boft_R", 4);
        (int count, int blocks, int size) = (shape[0], shape[1], shape[2]);
        if (count > 1 && (size % 2 != 0 || count > 31 || blocks % (1 << (count - 1)) != 0))
        {
            throw parts.Wrong("boft_R", $"for {count} factors blocks of an even size, and {1L << (count - 1)} of them or a multiple");
        }

        string lets = "", rotation = "";
        for (int k = 0; k < count; k++)
        {
            int run = 1 << k;
            lets += string.Create(CultureInfo.InvariantCulture, $"let half{k}[d, i, j] = 0.5 * R[{k}, d, i, j]\nlet Q{k} = cayley(half{k})\n");
            string place = k == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"(eye({blocks / run}) ⊗ shuffle({run}, 2) ⊗ eye({size / 2}))");
            rotation += (k == 0 ? "" : " * ") + (k == 0 ? "blockdiag(Q0)'" : $"{place} * blockdiag(Q{k})' * {place}'");
        }

        return new AdapterFormula { Parameters = [new("R", "boft_R", [count, blocks, size, size]), new("s", "boft_s", [m])], Lets = lets, Rotation = rotation, RowScale = "s" };
    }

    private static AdapterFormula Hra(AdapterParts parts, int m, int n)
    {
        int r = parts.Columns("hra_u");
        bool isOrthonormal = parts.RequireConfig().Flag("apply_GS") == true;
        return new AdapterFormula
        {
            Parameters = [new("U", "hra_u", [n, r])],
            Lets = "let V[s, j] = U[j, s]\n" + (isOrthonormal ? "let Q = orthonormal_rows(V)\n" : ""),
            Rotation = isOrthonormal ? string.Create(CultureInfo.InvariantCulture, $"eye({n}) - 2 * Q' * Q") : "reflect(V)",
        };
    }

    private static AdapterFormula Vera(AdapterParts parts, int m, int n)
    {
        (int r, int most) = (parts.Rows("vera_A"), parts.Rows("vera_B"));
        parts.Expect("vera_B", most, r);
        if (parts.Length("vera_lambda_d") != r || m > most || n > parts.Columns("vera_A"))
        {
            throw parts.Wrong("vera_A", $"projections of {parts.Length("vera_lambda_d")} ranks for {n} inputs and {m} outputs, or more");
        }

        return new AdapterFormula
        {
            Parameters =
            [
                new("b", "vera_lambda_b", [m]), new("d", "vera_lambda_d", [r]),
                new("A", "vera_A", [r, parts.Columns("vera_A")], "frozen"), new("B", "vera_B", [most, r], "frozen"),
            ],
            Lets = string.Create(CultureInfo.InvariantCulture, $"let C = A[:, 0..{n}]\nlet D = B[0..{m}, :]\n"),
            Term = "b[i] * D[i, s] * d[s] * C[s, j]",
        };
    }

    private static (int?, int?) Ia3Size(AdapterParts parts) => parts.Shape("ia3_l", 2) switch
    {
        [> 1, 1] shape => (shape[0], null),
        [1, > 1] shape => (null, shape[1]),
        _ => throw parts.Wrong("ia3_l", "[outputs, 1] or [1, inputs], more than one of them"),
    };

    private static AdapterFormula Ia3(AdapterParts parts, int m, int n)
    {
        bool isForOutputs = parts.Shape("ia3_l", 2)[1] == 1;
        return new AdapterFormula
        {
            Parameters = [new("l", "ia3_l", [isForOutputs ? m : n])],
            RowScale = isForOutputs ? "l" : null,
            ColumnScale = isForOutputs ? null : "l",
            ScalesBias = isForOutputs,
        };
    }

    private static (int?, int?) VectorBankSize(AdapterParts parts)
    {
        int length = parts.Shape("vblora_vector_bank", 2)[1];
        string suffix = parts.Has("vblora_logits_A") ? "" : "_topk_indices";
        return (checked(parts.Shape("vblora_logits_B" + suffix, 3)[0] * length), checked(parts.Shape("vblora_logits_A" + suffix, 3)[1] * length));
    }

    private static AdapterFormula VectorBank(AdapterParts parts, int m, int n)
    {
        int[] bank = parts.Shape("vblora_vector_bank", 2), a = parts.Shape("vblora_logits_A", 3), b = parts.Shape("vblora_logits_B", 3);
        int k = parts.Whole(AdapterConfig.Require(parts.RequireConfig().Number("topk"), "topk"), "topk", 1, bank[0]);
        if (a[2] != bank[0] || b[2] != bank[0] || a[0] != b[1])
        {
            throw parts.Wrong("vblora_logits_A", $"logits of one rank over the {bank[0]} vectors of the bank");
        }

        return new AdapterFormula
        {
            Parameters = [new("bank", "vblora_vector_bank", [.. bank]), new("P", "vblora_logits_A", [.. a]), new("Q", "vblora_logits_B", [.. b])],
            Lets = string.Create(CultureInfo.InvariantCulture, $"""
                let pieces_a = admix(bank, P, {k})
                let pieces_b = admix(bank, Q, {k})
                let A[s, j c] = pieces_a[s, j, c]
                let B[i c, s] = pieces_b[i, s, c]
                """),
            Term = "B[i, s] * A[s, j]",
        };
    }

    // The file leaves out the last of each piece's weights, which add up to 1.
    private static AdapterFormula CompactVectorBank(AdapterParts parts, int m, int n)
    {
        int[] bank = parts.Shape("vblora_vector_bank", 2), a = parts.Shape("vblora_logits_A_topk_indices", 3), b = parts.Shape("vblora_logits_B_topk_indices", 3);
        int k = a[2];
        if (a[0] != b[1] || b[2] != k || !Leaves("vblora_logits_A_topk_weights", a) || !Leaves("vblora_logits_B_topk_weights", b))
        {
            throw parts.Wrong("vblora_logits_A_topk_indices", "positions of one rank, and one weight less for each piece");
        }

        return new AdapterFormula
        {
            Parameters =
            [
                new("bank", "vblora_vector_bank", [.. bank]),
                new("P", "vblora_logits_A_topk_weights", [.. a], Load: weights => Complete(weights, a)), new("places_a", "vblora_logits_A_topk_indices", [.. a], "frozen"),
                new("Q", "vblora_logits_B_topk_weights", [.. b], Load: weights => Complete(weights, b)), new("places_b", "vblora_logits_B_topk_indices", [.. b], "frozen"),
            ],
            Lets = """
                let A[s, j c] = P[s, j, e] * bank[places_a[s, j, e], c]
                let B[i c, s] = Q[i, s, e] * bank[places_b[i, s, e], c]
                """,
            Term = "B[i, s] * A[s, j]",
        };

        bool Leaves(string part, int[] shape) => parts.Shape(part, 3) is var found && found[0] == shape[0] && found[1] == shape[1] && found[2] == k - 1;

        static double[] Complete(double[] weights, int[] shape)
        {
            (int pieces, int k) = (shape[0] * shape[1], shape[2]);
            double[] all = new double[pieces * k];
            for (int piece = 0; piece < pieces; piece++)
            {
                double[] stored = weights[(piece * (k - 1))..((piece + 1) * (k - 1))];
                stored.CopyTo(all, piece * k);
                all[(piece * k) + k - 1] = 1 - stored.Sum();
            }

            return all;
        }
    }

    // Each block is a circulant of its first row.
    private static AdapterFormula C3a(AdapterParts parts, int m, int n)
    {
        int[] shape = parts.Shape("c3a_kernel", 3);
        return new AdapterFormula
        {
            Parameters = [new("w", "c3a_kernel", [.. shape])],
            Lets = "let twice[a, d, e:2 p] = (e >= 0) * w[a, d, p]\n",
            Term = string.Create(CultureInfo.InvariantCulture, $"twice[a, d, j - i + {shape[2]}] / {n}"),
            Rows = $"a i:{shape[2]}",
            Columns = $"d j:{shape[2]}",
        };
    }

    // Column j of the update is row j mod r of the block.
    private static AdapterFormula Miss(AdapterParts parts, int m, int n)
    {
        parts.RequireConfig();
        parts.RefuseSetting("init_weights", "bat", "mini");
        int r = parts.Rows("miss_block"), groups = (n + r - 1) / r;
        return new AdapterFormula
        {
            Parameters = [new("B", "miss_block", [r, m])],
            Lets = string.Create(CultureInfo.InvariantCulture, $"let wide[i, g:{groups} t] = (g >= 0) * B[t, i]\nlet D = wide[:, 0..{n}]\n"),
            Term = "D[i, j]",
        };
    }

    /// <summary>DoRA: magnitudes for each row, as PEFT has them, or for rows or columns, as their shape says in LyCORIS.</summary>
    private static AdapterFormula Normalized(AdapterParts parts, int m, int n, AdapterFormula formula)
    {
        bool hasVector = parts.Has(Magnitude), hasScale = parts.Has(DoraScale);
        if (parts.Config is { } config && (config.Flag("use_dora") == true) != hasVector)
        {
            throw new InvalidDataException($"'{parts.Module}' {(hasVector ? "has" : "lacks")} magnitudes, and 'use_dora' of adapter_config.json says otherwise.");
        }

        if (!hasVector && !hasScale)
        {
            return formula;
        }

        string part = hasVector ? Magnitude : DoraScale;
        bool isForRows = hasVector || (parts.Rows(DoraScale), parts.Columns(DoraScale)) == (m, 1);
        if (parts.Length(part) != (isForRows ? m : n) || (!isForRows && parts.Rows(part) != 1))
        {
            throw parts.Wrong(part, $"a magnitude for each of {m} outputs, or for each of {n} inputs");
        }

        return formula with
        {
            Parameters = formula.Parameters.Add(new("magnitude", part, [isForRows ? m : n])),
            RowScale = isForRows ? "magnitude" : null,
            ColumnScale = isForRows ? null : "magnitude",
            IsNormalized = true,
        };
    }

    private static IEnumerable<(string, string)> Same(params string[] parts) => parts.Select(part => ("." + part, part));
}
