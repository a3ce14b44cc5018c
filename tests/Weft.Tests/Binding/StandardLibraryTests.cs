using Weft.Compiler;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Tests.Formulas;

namespace Weft.Tests.Binding;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

public class StandardLibraryTests
{
    /// <summary>Formula, inputs, outputs, trained, frozen and seeded parameters at odd, rectangular sizes.</summary>
    public static TheoryData<string, int, int, int, int, int> Operators => new()
    {
        { "dense(5, 7)", 7, 5, 35, 0, 0 },
        { "frozen_dense(5, 7)", 7, 5, 0, 35, 0 },
        { "low_rank(5, 7, 3)", 7, 5, 36, 0, 0 },
        { "low_rank_middle(5, 7, 3, 2)", 7, 5, 15 + 6 + 14, 0, 0 },
        { "low_rank_middle(5, 7, 3)", 7, 5, 15 + 9 + 21, 0, 0 },
        { "diagonal(7)", 7, 7, 7, 0, 0 },
        { "block_diagonal(15, 21, 3)", 21, 15, 105, 0, 0 },
        { "monarch(15, 3)", 15, 15, 75 + 45, 0, 0 },
        { "monarch_rectangular(15, 21, 3)", 21, 15, 5 * 36, 0, 0 },
        { "monarch_rectangular(21, 15, 3)", 15, 21, 5 * 36, 0, 0 },
        { "monarch_padded(13, 20, 3)", 20, 13, 5 * 36, 0, 0 },
        { "butterfly(8)", 8, 8, 3 * 16, 0, 0 },
        { "butterfly_factor(12, 6)", 12, 12, 24, 0, 0 },
        { "hodlr(12, 1, 3)", 12, 12, 36 + (2 * 2 * 12), 0, 0 },
        { "kronecker([3, 5, 2], [7, 2, 3])", 42, 30, 21 + 10 + 6, 0, 0 },
        { "kronecker_sum(3, 5)", 15, 15, 9 + 25, 0, 0 },
        { "tucker(5, 7, 3, 2)", 7, 5, 15 + 6 + 14, 0, 0 },
        { "tucker_tensor([3, 5], [7, 2, 3], [2, 3], [3, 1, 2])", 42, 15, 6 + 15 + 36 + 21 + 2 + 6, 0, 0 },
        { "cp([3, 5], [7, 2], 3)", 14, 15, 3 * 17, 0, 0 },
        { "tensor_train([3, 5, 2], [7, 2, 3], [1, 3, 2, 1])", 42, 30, 63 + 60 + 12, 0, 0 },
        { "block_tensor_train([3, 5, 2], [7, 2, 3], [1, 3, 2, 1])", 42, 30, (10 * 63) + (14 * 60) + (14 * 12), 0, 0 },
        { "normalized_blocks(3, 5, 7)", 21, 15, 105 + 1, 0, 0 },
        { "normalized_block_tensor_train([3, 5, 2], [7, 2, 3], [1, 3, 2, 1])", 42, 30, (10 * 63) + (14 * 60) + (14 * 12) + 3, 0, 0 },
        { "blast(15, 21, 3, 7, 2)", 21, 15, 2 * (36 + 21), 0, 0 },
        { "lora(5, 7, 3)", 7, 5, 36, 35, 0 },
        { "lora(5, 7, 3, 6)", 7, 5, 36, 35, 0 },
        { "lora_frozen_a(5, 7, 3)", 7, 5, 15, 35, 21 },
        { "lora_xs(5, 7, 3)", 7, 5, 9, 35 + 36, 0 },
        { "moslora(5, 7, 3)", 7, 5, 45, 35, 0 },
        { "lotr(5, 7, 3)", 7, 5, 45, 35, 0 },
        { "vera(5, 7, 3, 9, 11)", 7, 5, 8, 35, 60 },
        { "vera(5, 7, 3)", 7, 5, 8, 35, 36 },
        { "householder(7, 3)", 7, 7, 21, 0, 0 },
        { "hra(5, 7, 4)", 7, 5, 28, 35, 0 },
        { "hra_gram_schmidt(5, 7, 4)", 7, 5, 28, 35, 0 },
        { "oft(5, 21, 3)", 21, 5, 147, 105, 0 },
        { "spectral_adapter(5, 7, 3)", 7, 5, 18, 35 + 15 + 3 + 21, 0 },
        { "dora(5, 7, 3)", 7, 5, 36 + 7, 35, 0 },
        { "dora_rows(5, 7, 3)", 7, 5, 36 + 5, 35, 0 },
        { "bora(5, 7, 3)", 7, 5, 36 + 12, 35, 0 },
        { "vb_lora(10, 15, 2, 3, 7, 5)", 15, 10, 35 + (2 * 7 * 5), 150, 0 },
        { "ordered_low_rank(5, 7, 3)", 7, 5, 36, 1, 0 },
        { "orthonormal_low_rank(5, 7, 3)", 7, 5, 36 + 9, 0, 0 },
        { "sparse_spectral(5, 7, 3)", 7, 5, 36 + 3, 3, 0 },
        { "utilized_rank(5, 7, 3, 4)", 7, 5, 35, 15 + 28, 0 },
        { "feature_mimicking(5, 7, 3)", 7, 5, 36 + 5, 0, 0 },
        { "neural_implant(5, 7, 3)", 7, 5, 35 + 36, 5, 0 },
        { "block_dense(5, 21, 6, 3)", 21, 5, (6 * 7) + 30, 0, 0 },
        { "guided_low_rank(5, 7, 3)", 7, 5, 35 + 36, 1, 0 },
        { "guided_block_dense(5, 21, 6, 3)", 21, 5, 105 + 42 + 30, 1, 0 },
        { "guided_block_shuffle(15, 21, 3)", 21, 15, 315 + (5 * 36), 1, 0 },
        { "low_rank_feed_forward(5, 7, 3)", 5, 5, 2 * 36, 0, 0 },
        { "block_dense_feed_forward(6, 9, 6, 3)", 6, 6, (6 * 2) + (6 * 9) + (6 * 3) + (6 * 6), 0, 0 },
        { "block_shuffle_feed_forward(6, 9, 3)", 6, 6, 2 * (2 * 15), 0, 0 },
        { "nystrom_feed_forward(5, 7)", 5, 5, 70, 0, 0 },
        { "nested_feed_forward(5, 7, 3)", 5, 5, 70, 0, 0 },
        { "elastic_feed_forward(5, 7)", 5, 5, 70, 1, 0 },
        { "matryoshka(3, 7, [2, 5, 7])", 7, 9, 3 * 14, 0, 0 },
        { "matryoshka_tied(3, 7, [2, 5, 7])", 7, 9, 21, 0, 0 },
        { "matryoshka_kv(15, 3)", 15, 15, 75, 75 + 3, 0 },
        { "n_of_m_decayed(5, 12, 2, 4)", 12, 5, 60, 1, 0 },
        { "n_of_m(5, 12, 2, 4)", 12, 5, 60, 0, 0 },
        { "dense_sparse(5, 21, 3, 4, 2)", 21, 5, (3 * 5 * 4) + (4 * 21), 0, 0 },
        { "snell(5, 7, 6, 2)", 7, 5, 6 * 12, 35, 0 },
        { "snell(5, 7, 8, 4, 3, 0.5)", 7, 5, 8 * 12, 35, 0 },
        { "snella(5, 7, 6, 2)", 7, 5, (6 * 12) + 3, 35, 0 },
        { "constant_fan_in(5, 7, 3)", 7, 5, 15, 15, 0 },
        { "sl_train(5, 7, 3, 2)", 7, 5, 36 + 10, 0, 10 },
        { "rosa(5, 7, 3, 6)", 7, 5, 36 + 6, 35 + 12, 0 },
        { "sara(5, 7, 6)", 7, 5, 6, 35 + 12, 0 },
        { "s2ft(5, 7, 3)", 7, 5, 15, 20 + 7, 0 },
        { "lower_triangular(7)", 7, 7, 49, 0, 0 },
        { "arrow(7)", 7, 7, 19, 0, 0 },
        { "mosa(5, 7, 3)", 7, 5, 35, 3, 105 },
        { "pat(5, 7, 3, 4)", 7, 5, 5 + 5 + 30, 35, 0 },
        { "quantized(5, 12, 4, 3)", 12, 5, 60, 0, 0 },
        { "gqsa(5, 12, 3, 2)", 12, 5, 30, 10, 0 },
        { "llm_int8(5, 7, 1)", 7, 5, 0, 35, 0 },
        { "int8_outliers(5, 7)", 7, 5, 0, 35 + 7, 0 },
        { "bit_planes(5, 7, 3)", 7, 5, 0, 105 + 1, 0 },
        { "bit_plane_product(5, 7, 3, 4)", 7, 5, 0, 105 + 1, 0 },
        { "flatquant(5, 3, 4)", 12, 5, 9 + 16 + 12, 60, 0 },
        { "flatquant_orthogonal(5, 3, 4)", 12, 5, (2 * (9 + 16)) + 7, 60, 0 },
        { "lq_lora(5, 12, 3, 4)", 12, 5, 3 * 17, 60, 0 },
        { "lord_qlora(5, 12, 4, 3, 2)", 12, 5, 3 * (17 + 8), 68, 0 },
        { "eora(5, 12, 3, 2, 4, 6)", 12, 5, 3 * 17, 60, 0 },
        { "pissa(5, 7, 3)", 7, 5, 36, 35, 0 },
        { "sorsa(5, 7, 3)", 7, 5, 36 + 3, 35, 0 },
        { "svfit(5, 7, 3)", 7, 5, 3, 35 + 36, 0 },
        { "svft(5, 7)", 7, 5, 6, 5 * 13, 0 },
        { "loldu(5, 7, 3)", 7, 5, 4, 35 + 36 + 5, 0 },
        { "svft_banded(5, 7, 4, 2)", 7, 5, (5 * 4) - 6 + 1, 4 * 13, 0 },
        { "svft_sparse(5, 7, 4, 2)", 7, 5, 8 + 1, (4 * 13) + 8, 0 },
        { "soda(5, 4, [2, 3])", 6, 5, 4 + 13, 20 + 4 + 24, 0 },
        { "spectral_adapter_additive(5, 7, 3)", 7, 5, 36, 35 + 36 + 3, 0 },
        { "kind(5, 7, 3)", 7, 5, 36 + 3, 3, 0 },
        { "fedsa_lora(5, 7, 3)", 7, 5, 36, 35, 0 },
        { "sora(5, 7, 3)", 7, 5, 36 + 3, 35, 0 },
        { "nora(5, 7, 3, 2)", 7, 5, 12, 35 + 36, 0 },
        { "flora(5, 7, 3, 2)", 7, 5, 15 + 6 + 14, 35, 0 },
        { "eigen_lora_x(5, 7, 3, 4)", 7, 5, 24, 35 + (4 * 12), 0 },
        { "lora_lego(5, 7, 3)", 7, 5, 36, 35, 0 },
        { "partly_learnable(5, 7, 3, 2)", 7, 5, 10 + 7, 35, 14 + 5 },
        { "fuse_gpt(5, 7, 3)", 7, 5, 36, 70, 0 },
        { "nola(5, 7, 3, 4)", 7, 5, 8, 35, 21 + (4 * 36) },
        { "c_poly(6, 10, 3, 4, 2)", 10, 6, (4 * 3 * 16) + (4 * 2) + (3 * 16), 60, 0 },
        { "atlas(5, 7, 3)", 7, 5, 3, 35 + 105, 0 },
        { "householder_projector(5, 7, 3)", 7, 5, 25 + 49, 0, 0 },
        { "simplex(7)", 7, 8, 0, 0, 0 },
        { "sparse_simplex(5, 7, 3)", 7, 5, 0, 0, 70 },
        { "brauer(3)", 9, 9, 3, 0, 0 },
        { "permutation_equivariant(7)", 7, 7, 2, 0, 0 },
        { "partition(3)", 9, 9, 15, 0, 0 },
        { "gaunt(1, 2, 1)", 4, 4, 9, (2 * 9 * 4) + (2 * 25 * 9) + (4 * 2 * 49), 0 },
        { "circulant(7)", 7, 7, 7, 0, 0 },
        { "skew_circulant(7)", 7, 7, 7, 0, 0 },
        { "toeplitz(5, 7)", 7, 5, 11, 0, 0 },
        { "hankel(5, 7)", 7, 5, 11, 0, 0 },
        { "symmetric_toeplitz(7)", 7, 7, 7, 0, 0 },
        { "low_displacement_rank(7, 3)", 7, 7, 42, 0, 0 },
        { "surm_circulant(7)", 7, 7, 14, 49, 0 },
        { "surm_toeplitz(7)", 7, 7, 14, 49, 0 },
        { "surm_kronecker([3, 5], [7, 2])", 14, 15, 21 + 10, 15 * 14, 0 },
        { "surm_displacement(7, 3)", 7, 7, 42, 49, 0 },
        { "dft(7)", 14, 14, 0, 0, 0 },
        { "fft(3, 5)", 30, 30, 0, 0, 0 },
        { "fft_rows(3, 5)", 30, 30, 0, 0, 0 },
        { "fft_columns(3, 5)", 30, 30, 0, 0, 0 },
        { "dct(7)", 7, 7, 0, 0, 0 },
        { "walsh_hadamard(8)", 8, 8, 0, 0, 0 },
        { "box_mask(7)", 7, 7, 2, 1, 0 },
        { "gblr(5, 7, 3, 2)", 7, 5, 3 * (24 + 4), 1, 0 },
        { "convolution_1d(3, 2, 7, 3)", 14, 15, 18, 0, 0 },
        { "convolution(3, 2, 5, 4, 2)", 40, 36, 24, 0, 0 },
        { "one_way_convolution(3, 2, 5, 4, 2, 3)", 40, 36, 3 * 9, 0, 0 },
        { "flora_convolution(3, 2, 5, 4, 2, [2, 1, 2, 3])", 40, 36, 12 + 6 + 2 + 4 + 6, 24, 0 },
        { "neural_implant_convolution(3, 2, 5, 4, 3, 2)", 40, 18, 54 + 10, 3, 0 },
        { "same_convolution(3, 2, 5, 4, 3)", 40, 60, 54, 0, 0 },
        { "conv_lora(3, 2, 5, 4, 3, 2, 3)", 40, 60, 10 + (6 * 19), 6, 0 },
        { "gaunt_product(1, 2, 1)", 13, 4, 2 + 3 + 2, 49 * (4 + 9 + 4), 0 },
        { "grassmann(7, 3, 2)", 7, 3, 42, 0, 0 },
        { "soft_choice(5)", 5, 5, 0, 0, 0 },
        { "soft_mixture(3, 5)", 18, 5, 0, 0, 0 },
        { "choice_of_parts(3, 5)", 18, 15, 0, 0, 0 },
        { "conv_adapter(3, 2, 5, 4, 3, 2, 3)", 40, 60, 10 + (6 * 19), 0, 0 },
        { "mobius_factor(5, 7) . (0.15 * eye(12))", 12, 5, 0, 0, 0 },
        { "mobius_norm(5, 7) . (0.02 * eye(12))", 12, 1, 0, 0, 0 },
        { "part_norm(12, 5, 3)", 12, 1, 0, 0, 0 },
        { "part_stretch(12, 5, 3) . (0.02 * eye(12))", 12, 1, 0, 0, 0 },
        { "mobius(6, 4, 2) . (0.02 * eye(4))", 4, 6, 12, 0, 0 },
        { "attention(5, 3, 2, 4)", 15, 15, 4 * 24, 0, 0 },
        { "rnn_step(3, 5)", 8, 10, 5 * 9, 0, 0 },
        { "rnn(4, 3, 5)", 12, 20, 5 * 9, 0, 0 },
        { "gru_step(3, 5)", 8, 10, 3 * 5 * 9, 0, 0 },
        { "lstm_step(3, 5)", 13, 15, 4 * 5 * 9, 0, 0 },
        { "min_gru_step(5)", 15, 10, 0, 0, 0 },
        { "s4d_step(3, 2)", 15, 15, 3 * 10, 0, 0 },
        { "hippo_step(2, 5, 16)", 12, 20, 0, 0, 0 },
        { "delta_inputs(5, 2, 3, 2)", 5, 44, 2 * ((5 * (12 + 3 + 2 + 1)) + 3), 0, 0 },
        { "delta_step(2, 3)", 40, 24, 0, 0, 0 },
        { "selective_step(3, 2)", 16, 9, 3 * 3, 0, 0 },
        { "selective_inputs(3, 2)", 3, 10, 3 * 8, 0, 0 },
        { "gru(4, 3, 5)", 12, 20, 3 * 5 * 9, 0, 0 },
        { "lstm(4, 3, 5)", 12, 20, 4 * 5 * 9, 0, 0 },
        { "min_gru(4, 3, 5)", 12, 20, 2 * 5 * 4, 0, 0 },
        { "s4d(4, 3, 2)", 12, 12, 3 * 10, 0, 0 },
        { "hippo(4, 2, 5, 16)", 8, 40, 0, 0, 0 },
        { "delta_product(4, 5, 2, 3, 2)", 20, 20, 2 * ((5 * (12 + 6 + 2 + 1)) + 3), 0, 0 },
        { "selective_state_space(4, 3, 2)", 12, 12, 3 * 11, 0, 0 },
        { "causal_attention(5, 3, 2, 4)", 15, 15, 4 * 24, 0, 0 },
        { "linear_attention(5, 3, 2, 4)", 15, 15, 4 * 24, 0, 0 },
        { "flow_attention(5, 3, 2, 4)", 15, 15, 4 * 24, 0, 0 },
        { "tensor_attention(4, 3, 2, 5)", 12, 12, 6 * 30, 0, 0 },
        { "kronecker_attention(2, 3, 4)", 24, 24, 0, 0, 0 },
        { "tensor_llm(5, 3, 2, 4, [2, 3, 2])", 15, 15, 6 + 12 + 8 + 24, 0, 0 },
        { "rotary(5, 4)", 20, 20, 0, 0, 0 },
        { "squeeze_excitation(3, 4, 2)", 12, 12, 12 + 5, 0, 0 },
        { "embedding(11, 3, 5)", 3, 15, 55, 0, 0 },
        { "embedding_bag(11, 3, 5)", 3, 5, 55, 0, 0 },
        { "factorized_embedding(11, 3, 5, 2)", 3, 15, 22 + 10, 0, 0 },
        { "hashed_embedding(11, 3, 5, 7, 2)", 3, 15, 35, 0, 0 },
        { "quotient_remainder_embedding(11, 3, 5, 4)", 3, 15, 20 + 15, 0, 0 },
        { "tensor_train_embedding(3, [3, 2, 4], [2, 1, 3], 2)", 3, 18, 12 + 8 + 24, 0, 0 },
        { "unified_embedding(3, 11, 7, 2, 5)", 3, 30, 35, 0, 0 },
        { "input_search(11, 3, 5, 4)", 3, 15, 55 + 20, 0, 0 },
        { "product_quantized(3, 2, 4, 5)", 6, 30, 40, 0, 0 },
        { "simvq(7, 3, 5)", 3, 15, 25, 0, 35 },
        { "shacira(11, 3, 5, 2)", 3, 15, 22 + 10, 0, 0 },
        { "message_passing(4, 6, 3)", 24, 12, 18, 0, 0 },
        { "cross_attention(3, 4, 5, 2, 3)", 35, 15, 4 * 2 * 3 * 5, 0, 0 },
        { "cross_attention(3, 4, 5, 4, 3, 2)", 35, 15, 2 * 6 * 3 * 5, 0, 0 },
        { "mixture_of_experts(7, 5, 3)", 5, 7, 15 * 8, 0, 0 },
        { "sparse_mixture_of_experts(5, 3, 4, 2)", 5, 5, 4 * ((3 * 15) + 5), 0, 0 },
        { "rms_normalization(7)", 7, 7, 7, 0, 0 },
        { "layer_normalization(7)", 7, 7, 14, 0, 0 },
        { "group_normalization(6, 4, 3)", 24, 24, 12, 0, 0 },
        { "max_pool_1d(2, 7, 3, 2)", 14, 6, 0, 0, 0 },
        { "max_pool(2, 6, 5, 2)", 60, 12, 0, 0, 0 },
        { "average_pool_1d(2, 7, 3)", 14, 4, 0, 0, 0 },
        { "average_pool(2, 6, 5, 3, 2)", 60, 8, 0, 0, 0 },
        { "feed_forward(5, 7)", 5, 5, 70 + 12, 0, 0 },
        { "swiglu(5, 7)", 5, 5, 105, 0, 0 },
        { "geglu(5, 7)", 5, 5, 105, 0, 0 },
        { "grouped_query_attention(5, 3, 4, 2, 2)", 15, 15, 2 * 6 * 6, 0, 0 },
        { "sliding_window_attention(5, 3, 2, 4, 2)", 15, 15, 4 * 24, 0, 0 },
        { "alibi_attention(5, 3, 2, 4)", 15, 15, 4 * 24, 0, 0 },
        { "rotary_attention(5, 3, 2, 4)", 15, 15, 4 * 24, 0, 0 },
        { "rotary_attention(5, 3, 4, 2, 2, 3, 100)", 15, 15, 2 * 6 * 6, 0, 0 },
        { "dot_product_attention(5, 2, 3)", 90, 30, 0, 0, 0 },
        { "causal_dot_product_attention(5, 2, 3)", 90, 30, 0, 0, 0 },
        { "rotary_dot_product_attention(5, 2, 4)", 120, 40, 0, 0, 0 },
        { "transformer_block(5, 4, 2, 7)", 20, 20, 64 + 56 + 7 + 20, 0, 0 },
        { "causal_transformer_block(5, 4, 2, 7)", 20, 20, 64 + 56 + 7 + 20, 0, 0 },
        { "rotary_transformer_block(5, 4, 2, 7, 1)", 20, 20, 48 + 84 + 8, 0, 0 },
        { "positional_embedding(11, 3, 5)", 3, 15, 70, 0, 0 },
        { "sinusoidal_embedding(11, 3, 4)", 3, 12, 44, 0, 0 },
        { "unembedding(11, 3, 5)", 15, 33, 55, 0, 0 },
        { "delta_rule(4, 5, 2, 3)", 20, 20, 2 * ((5 * 14) + 2), 0, 0 },
        { "factorization_machine(6, 4)", 6, 1, 31, 0, 0 },
        { "poly_inr(3, 2, 5)", 2, 3, 30 + 50 + 15, 0, 0 },
    };

    /// <summary>Those that devices have all parts of.</summary>
    internal static IEnumerable<string> OnDevices =>
        ((IEnumerable<object[]>)Operators).Select(row => (string)row[0]).Where(formula => TestModules.Formula(formula).RunsOnDevices());

    [Fact]
    public void FilesAreFreeOfDiagnostics()
    {
        Assert.All(StandardLibrary.Files, file => Assert.Empty(file.Diagnostics));

        // The files of the library see each other; as a user's files they would have to import one another.
        Assert.Empty(WeftCompiler.Bind(StandardLibrary.Files).Diagnostics);
    }

    [Theory]
    [MemberData(nameof(Operators))]
    public void OperatorsHaveTheirShapeAndParameters(string formula, int inputs, int outputs, int trained, int frozen, int seeded)
    {
        Module module = TestModules.Formula(formula);
        Assert.Equal((inputs, outputs), (module.Inputs, module.Outputs));
        int Count(Role role) => module.Parameters.Where(parameter => parameter.Role == role).Sum(parameter => parameter.Length);
        Assert.Equal((trained, frozen, seeded), (Count(Role.Trained), Count(Role.Frozen), Count(Role.Seeded)));
        Assert.Equal(module.Parameters.OrderBy(parameter => parameter.Role), module.Parameters);
        MapSyntax declaration = StandardLibrary.Files.SelectMany(file => file.Syntax.Declarations).OfType<MapSyntax>().Single(map => map.Name.Text == formula.Split('(')[0]);
        Assert.NotEmpty(declaration.Documentation);
        Assert.True(module.IsLinear || declaration.Kind == MapKind.Layer);
    }

    /// <summary>Trained parameters at the sizes of the papers: what they print, rounded.</summary>
    [Fact]
    public void PublishedCountsComeOut()
    {
        // LLaMA 2 with 7 and 13 billion weights: layers, and rows and columns of the matrices of each.
        (int Layers, (int Rows, int Columns)[] Shapes) small = (32, Shapes(4096, 11008)), large = (40, Shapes(5120, 13824));
        Assert.Equal(250_347_520, Total(large, (m, n) => $"lora({m}, {n}, 64)")); // 250.3M beside VB-LoRA (Li et al. 2024)
        Assert.Equal(1_417_216, Total(small, (m, n) => $"vera({m}, {n}, 256)")); // 1.4M (Kopiczko et al. 2023)
        Assert.True(Total(small, (m, n) => $"lora({m}, {n}, 64)") > 100 * Total(small, (m, n) => $"lora_xs({m}, {n}, 64)")); // over 100 times fewer (Bałazy et al. 2024)
        Assert.Equal(2 * 1024 * 32, Trained("monarch(1024, 32)")); // 2 n √n (Dao et al. 2022)
        Assert.Equal(Trained("nola(768, 768, 4, 64)"), Trained("nola(4096, 11008, 8, 64)")); // whatever the shape and the rank (Koohpayegani et al. 2023)

        static (int, int)[] Shapes(int n, int h) => [(n, n), (n, n), (n, n), (n, n), (h, n), (h, n), (n, h)];
        static long Total((int Layers, (int Rows, int Columns)[] Shapes) network, Func<int, int, string> formula) =>
            network.Layers * network.Shapes.Sum(shape => Trained(formula(shape.Rows, shape.Columns)));
        static long Trained(string formula) =>
            TestModules.Formula(formula).Parameters.Where(parameter => parameter.Role == Role.Trained).Sum(parameter => (long)parameter.Length);
    }

    [Fact]
    public void EveryOperatorIsTested()
    {
        IEnumerable<string> declared = StandardLibrary.Files.SelectMany(file => file.Syntax.Declarations).Select(declaration => declaration.Name.Text);
        IEnumerable<string> tested = ((IEnumerable<object[]>)Operators).Select(row => ((string)row[0]).Split('(')[0]);
        Assert.Equal(declared.Order(StringComparer.Ordinal), tested.Distinct().Order(StringComparer.Ordinal));
    }
}
