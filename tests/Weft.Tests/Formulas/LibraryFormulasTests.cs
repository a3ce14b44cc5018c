using System.Globalization;
using System.Numerics;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Binding;
using Weft.Dynamic;
using Weft.Fitting;
using Weft.Tests.Binding;
using Weft.Tests.Fitting;

namespace Weft.Tests.Formulas;

/// <summary>
/// Every operator and layer of the standard library at two sizes at least, compiled, through everything that is asked of one: its layout and
/// count of parameters, forward, adjoint, gradients, forward mode and dense form against the interpreter, for several batches; merging, saving and loading.
/// </summary>
public class LibraryFormulasTests
{
    /// <summary>Sizes beyond a vector and a register tile, beside those that parameters are counted at.</summary>
    internal static readonly string[] LargerSizes =
    [
        "dense(33, 20)", "frozen_dense(33, 20)", "low_rank(20, 33, 9)", "low_rank_middle(20, 33, 4, 9)", "diagonal(33)", "block_diagonal(36, 20, 4)", "monarch(36, 4)",
        "monarch_rectangular(20, 36, 4)", "monarch_padded(19, 33, 4)", "butterfly(32)", "butterfly_factor(36, 12)", "hodlr(36, 3, 9)", "kronecker([5, 7], [8, 4])", "kronecker_sum(5, 7)", "tucker(20, 33, 9, 5)",
        "tucker_tensor([5, 4], [3, 11], [3, 2], [2, 5])", "cp([5, 4], [3, 11], 6)", "tensor_train([5, 4], [3, 11], [1, 5, 1])",
        "block_tensor_train([5, 4], [3, 11], [1, 2, 1])", "normalized_blocks(4, 9, 5)", "normalized_block_tensor_train([5, 4], [3, 11], [1, 2, 1])", "blast(20, 36, 4, 3, 5)", "lora(20, 33, 4)", "lora_frozen_a(20, 33, 4)",
        "lora_xs(20, 33, 4)", "moslora(20, 33, 4)", "lotr(20, 33, 4)", "vera(20, 33, 9, 24, 40)", "householder(33, 5)", "hra(20, 33, 6)",
        "hra_gram_schmidt(20, 33, 6)", "oft(20, 36, 4)", "spectral_adapter(20, 33, 5)", "dora(20, 33, 4)", "dora_rows(20, 33, 4)", "bora(20, 33, 4)", "vb_lora(20, 32, 3, 2, 9, 4)",
        "ordered_low_rank(20, 33, 9)", "orthonormal_low_rank(20, 33, 5)", "sparse_spectral(20, 33, 5)", "utilized_rank(20, 33, 5, 9)",
        "feature_mimicking(20, 33, 5)", "neural_implant(20, 33, 5)", "block_dense(20, 36, 8, 4)", "guided_low_rank(20, 33, 5)",
        "guided_block_dense(20, 36, 8, 4)", "guided_block_shuffle(20, 36, 4)", "low_rank_feed_forward(17, 33, 5)",
        "block_dense_feed_forward(12, 36, 8, 4)", "block_shuffle_feed_forward(12, 36, 4)", "nystrom_feed_forward(17, 33)",
        "nested_feed_forward(17, 40, 33)", "elastic_feed_forward(17, 33)", "matryoshka(5, 33, [8, 16, 33])", "matryoshka_tied(5, 33, [8, 16, 33])",
        "matryoshka_kv(36, 4)", "n_of_m_decayed(20, 32, 2, 4)", "n_of_m(20, 33, 1, 3)", "dense_sparse(20, 36, 4, 8, 3)", "snell(20, 33, 8, 4, 1, 0.75)",
        "snella(20, 33, 8, 4)", "constant_fan_in(20, 33, 4)", "sl_train(20, 33, 4, 3)", "rosa(20, 33, 4, 40)", "sara(20, 33, 40)", "s2ft(20, 33, 9)",
        "lower_triangular(33)", "arrow(33)", "mosa(20, 33, 4)", "pat(20, 33, 4, 15)", "quantized(20, 32, 8, 16)", "gqsa(20, 32, 8, 2, 3)", "llm_int8(20, 33, 0.75)", "int8_outliers(20, 33)", "bit_planes(20, 33, 4)", "bit_plane_product(20, 33, 4)",
        "flatquant(20, 5, 4)", "flatquant_orthogonal(20, 5, 4, 4, 3)", "lq_lora(20, 32, 4, 8, 3)", "lord_qlora(20, 32, 8, 3, 4)", "eora(20, 32, 4, 2, 4, 16)",
        "pissa(20, 33, 4)", "sorsa(20, 33, 4)", "svfit(20, 33, 4)", "svft(20, 33, 9)", "loldu(20, 33, 4)", "svft_banded(20, 33, 9, 3)", "svft_sparse(20, 33, 9, 3)", "soda(20, 9, [4, 8])",
        "spectral_adapter_additive(20, 33, 4)", "kind(20, 33, 9)", "fedsa_lora(20, 33, 4)", "sora(20, 33, 4)", "nora(20, 33, 8, 3)", "flora(20, 33, 4, 8)",
        "eigen_lora_x(20, 33, 4, 8)", "lora_lego(20, 33, 5)", "partly_learnable(20, 33, 8, 3)", "fuse_gpt(20, 33, 4)", "nola(20, 33, 4, 9)",
        "c_poly(20, 36, 4, 3, 4)", "atlas(20, 33, 5)", "householder_projector(9, 17, 5)", "simplex(33)", "sparse_simplex(20, 33, 9)", "brauer(6)",
        "permutation_equivariant(33)", "partition(5)", "gaunt(2, 1, 2)", "circulant(33)", "skew_circulant(33)", "toeplitz(20, 33)", "hankel(20, 33)",
        "symmetric_toeplitz(33)", "low_displacement_rank(20, 2)", "surm_circulant(33)", "surm_toeplitz(20)", "surm_kronecker([5, 4], [3, 11])", "surm_displacement(20, 2)", "dft(16)",
        "fft(4, 5)", "fft_rows(4, 5)", "fft_columns(4, 5)", "dct(33)", "walsh_hadamard(32)", "box_mask(32)", "gblr(20, 33, 2, 3)",
        "convolution_1d(4, 3, 17, 4)", "convolution(4, 3, 9, 7, 3)", "one_way_convolution(4, 3, 7, 6, 3, 5)",
        "flora_convolution(4, 3, 7, 6, 3, [3, 2, 2, 2])", "neural_implant_convolution(4, 3, 7, 6, 3, 2)", "same_convolution(4, 3, 7, 6, 3)", "conv_lora(4, 5, 5, 6, 3, 2, 2)", "soft_choice(33)", "soft_mixture(5, 7)",
        "choice_of_parts(5, 7)", "conv_adapter(4, 5, 5, 6, 3, 2, 2)", "mobius_factor(20, 13) . (0.15 * eye(33))", "mobius_norm(20, 13) . (0.02 * eye(33))",
        "part_norm(33, 20, 5)", "part_stretch(33, 20, 5) . (0.02 * eye(33))", "gaunt_product(1, 1, 2)", "grassmann(33, 5, 4)", "mobius(20, 36, 4) . (0.02 * eye(36))",
        "rnn_step(17, 9)", "gru_step(17, 9)", "lstm_step(17, 9)", "min_gru_step(33)", "s4d_step(17, 5)", "hippo_step(3, 9, 16)", "delta_inputs(17, 2, 5, 3)", "delta_step(3, 7)",
        "selective_step(17, 5)", "selective_inputs(17, 5)", "rnn(9, 5, 7)", "gru(9, 5, 7)", "lstm(9, 5, 7)", "min_gru(9, 5, 7)", "s4d(17, 5, 3)", "hippo(9, 2, 5, 16)", "delta_product(7, 5, 2, 3, 2)", "selective_state_space(9, 5, 3)",
        "attention(17, 5, 2, 3)", "causal_attention(9, 5, 1, 3)", "linear_attention(9, 3, 2, 3)", "flow_attention(9, 3, 2, 3)", "tensor_attention(5, 6, 2, 3)",
        "kronecker_attention(3, 5, 6)", "tensor_llm(9, 5, 2, 3, [3, 2, 2])", "rotary(9, 10)", "squeeze_excitation(5, 9, 3)", "mixture_of_experts(20, 17, 3)",
        "factorization_machine(33, 9)", "poly_inr(9, 3, 17)",
        "embedding(100, 9, 17)", "embedding_bag(100, 9, 17)", "factorized_embedding(100, 9, 17, 5)", "hashed_embedding(1000, 9, 17, 33, 3)",
        "quotient_remainder_embedding(100, 9, 17, 7)", "tensor_train_embedding(9, [5, 4, 6], [2, 3, 4], 3)", "unified_embedding(9, 100, 33, 2, 7)", "input_search(100, 9, 17, 7)",
        "product_quantized(9, 4, 16, 5)", "simvq(33, 9, 17)", "shacira(100, 9, 17, 5)", "message_passing(9, 20, 5)", "cross_attention(9, 11, 7, 4, 5, 2)",
        "sparse_mixture_of_experts(17, 9, 5, 3)", "rms_normalization(33)", "layer_normalization(33)", "group_normalization(12, 5, 4)", "max_pool_1d(3, 33, 4)", "max_pool(3, 9, 8, 3, 2)",
        "average_pool_1d(3, 33, 4)", "average_pool(3, 9, 8, 3, 2)", "feed_forward(17, 33)", "swiglu(17, 33)", "geglu(17, 33)", "grouped_query_attention(9, 5, 4, 3, 2)",
        "sliding_window_attention(17, 5, 2, 3, 5)", "alibi_attention(9, 5, 4, 3)", "rotary_attention(17, 5, 4, 4, 2, 6)", "dot_product_attention(9, 2, 5)", "causal_dot_product_attention(9, 2, 5)", "rotary_dot_product_attention(9, 2, 6)", "transformer_block(9, 8, 2, 17)",
        "causal_transformer_block(9, 8, 4, 17)", "rotary_transformer_block(9, 8, 2, 17)", "positional_embedding(100, 9, 17)", "sinusoidal_embedding(100, 9, 18)", "unembedding(33, 9, 17)",
        "delta_rule(7, 5, 2, 4)",
    ];

    /// <summary>
    /// Adapters whose W cannot take them up: what W is rounded to, or what its largest elements are, would change; and of S²FT it is the part
    /// that is not trained.
    /// </summary>
    private static readonly string[] Unmergeable = ["eora", "lq_lora", "pat", "s2ft"];

    [Fact]
    public void InDouble() => Check<double>(Scalar.Double);

    /// <summary>From the start that its text gives, it can be trained: not all of the gradient is zero.</summary>
    private static string? Start<T>(Module module, Map<T> map, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        map.Initialize(seed);
        T[] x = [.. Numbers.Rows(map.Description, new Random(seed), 5).Select(T.CreateChecked)], dy = [.. Numbers.Normal(new Random(seed + 1), 5 * map.Outputs).Select(T.CreateChecked)];
        T[] gradient = new T[map.TrainedCount];
        map.Gradient(x, dy, [], gradient);
        return gradient.Length == 0 || gradient.Any(value => value != T.Zero) ? null : $"{typeof(T).Name}, no gradient at the start of {module.Name}";
    }

    /// <summary>A file holds all parameters, by their names and roles, and gives the same map.</summary>
    private static string? Saved<T>(Module module, Map<T> map, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        map.Randomize(new Random(seed));
        T[] x = [.. Numbers.Rows(map.Description, new Random(seed + 1), 2).Select(T.CreateChecked)], before = new T[2 * map.Outputs], after = new T[2 * map.Outputs];
        T[] values = map.Parameters.ToArray();
        map.Forward(x, before);
        var file = new MemoryStream();
        map.Save(file);
        map.Randomize(new Random(seed + 2));
        file.Position = 0;
        LoadReport report = map.Load(file);
        map.Forward(x, after);
        file.Position = 0;
        TensorFile stored = TensorFile.Open(file);
        string[] names = [.. module.Parameters.Where(parameter => parameter.Role != Role.Seeded).Select(parameter => parameter.Name)];
        return values.AsSpan().SequenceEqual(map.Parameters)
            && before.AsSpan().SequenceEqual(after)
            && names.Order(StringComparer.Ordinal).SequenceEqual(report.Loaded.Order(StringComparer.Ordinal))
            && report.Loaded.All(name => stored.Metadata["role:" + name] == map[name].Info.Role.ToString().ToLowerInvariant())
            && map.Description.Parameters.Where(info => info.Role == Role.Seeded).All(info => stored.Metadata.ContainsKey("seeded:" + info.Name))
            ? null
            : $"{typeof(T).Name}, saved and loaded {module.Name}";
    }

    /// <summary>A linear one is its dense form; one that adapts a frozen W merges into it and comes out again.</summary>
    private static string? Merged<T>(Map<T> map, int seed, out bool isRefused)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        isRefused = false;
        if (map is not LinearMap<T> linear)
        {
            return null;
        }

        linear.Randomize(new Random(seed));
        T[] matrix = linear.Dense(), adapter = map.Parameters[..map.TrainedCount].ToArray();
        MergeReport report = linear.CompareWithDense<T>(matrix, rows: 5, seed);
        if (!report.IsWithinBound)
        {
            return $"{typeof(T).Name}, dense form: {report}";
        }

        if (map.TrainedCount == 0 || !map.Description.Parameters.Any(info => info is { Name: "W", Role: Role.Frozen }))
        {
            return null;
        }

        try
        {
            // The reports hold what merging itself changes; the product of both comes back to where it began.
            MergeReport merged = linear.Merge("W", seed), back = linear.Unmerge<T>("W", adapter);
            double error = Numbers.RelativeError([.. matrix.Select(double.CreateChecked)], [.. linear.Dense().Select(double.CreateChecked)]);
            return merged.IsWithinBound && back.IsWithinBound && error < 100 * merged.Bound
                ? null
                : $"{typeof(T).Name}, merged: {merged}, {back}, {error}";
        }
        catch (NotSupportedException)
        {
            isRefused = true;
            return null;
        }
    }

    [Fact]
    public void EachHasALargerSize() => Assert.Equal(
        StandardLibrary.Files.SelectMany(file => file.Syntax.Declarations).Select(declaration => declaration.Name.Text).Order(StringComparer.Ordinal),
        LargerSizes.Select(formula => formula.Split('(')[0]).Distinct().Order(StringComparer.Ordinal));

    internal static void Check<T>(Scalar scalar)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        string[] formulas = Library.Formulas;
        Module[] modules = Library.Modules;
        WeftAssembly all = Library.Compiled(scalar);
        var faults = new List<string>();
        var refused = new SortedSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < modules.Length; i++)
        {
            using Map<T> map = all.Create<T>(modules[i].Name);
            int seed = Seed(formulas[i]);
            bool isRefused = false;
            foreach (Func<string?> check in new Func<string?>[]
            {
                () => FormulaBattery.Fault(modules[i], map, seed), () => Saved(modules[i], map, seed), () => Merged(map, seed, out isRefused), () => Start(modules[i], map, seed),
            })
            {
                if (check() is { } fault)
                {
                    faults.Add($"{formulas[i]}: {fault}");
                }
            }

            if (isRefused)
            {
                refused.Add(formulas[i].Split('(')[0]);
            }
        }

        Assert.Equal(Unmergeable, refused);

        // The values of one do not depend on the others.
        static int Seed(string formula) => formula.Aggregate(17, (hash, letter) => unchecked((hash * 31) + letter));

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }
}

/// <summary>The same in single precision: a class of its own, so that the two run beside each other.</summary>
public class LibraryFormulasInFloatTests
{
    [Fact]
    public void InFloat() => LibraryFormulasTests.Check<float>(Scalar.Float);
}
