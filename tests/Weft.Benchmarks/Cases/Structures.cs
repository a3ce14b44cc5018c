using Weft.Benchmarks.Peers;

namespace Weft.Benchmarks.Cases;

/// <summary>The operators of the table, each with its composition of library calls.</summary>
internal static unsafe class Structures
{
    public static (Subject Subject, Composition Composition) Kronecker(this Bench bench, params int[] sizes)
    {
        string list = string.Join(", ", sizes);
        Subject subject = bench.Subject($"kronecker {string.Join("⊗", sizes)}", $"kronecker([{list}], [{list}])");
        return (subject, new FactorChain(subject.Map, Core.Train("A", sizes, sizes, Ones(sizes))));
    }

    public static (Subject Subject, Composition Composition) Monarch(this Bench bench, int n, int b)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"monarch {n}"), FormattableString.Invariant($"monarch({n}, {b})"));
        return (subject, new BlockChain(subject.Map, [new("R", b, 1, n / b, n / b), new("L", 1, n / b, b, b)]));
    }

    public static (Subject Subject, Composition Composition) BlockTrain(this Bench bench, int side, int rank)
    {
        Subject subject = bench.Subject(
            FormattableString.Invariant($"block tensor train {side * side} r{rank}"),
            FormattableString.Invariant($"block_tensor_train([{side}, {side}], [{side}, {side}], [1, {rank}, 1])"));
        return (subject, new BlockChain(subject.Map, Core.Train("G", [side, side], [side, side], [1, rank, 1])));
    }

    public static (Subject Subject, Composition Composition) Train(this Bench bench, int[] modes, int rank)
    {
        int[] ranks = [1, .. Enumerable.Repeat(rank, modes.Length - 1), 1];
        string list = string.Join(", ", modes);
        Subject subject = bench.Subject(
            FormattableString.Invariant($"tensor train {string.Join("·", modes)} r{rank}"), $"tensor_train([{list}], [{list}], [{string.Join(", ", ranks)}])");
        return (subject, new FactorChain(subject.Map, Core.Train("G", modes, modes, ranks)));
    }

    public static (Subject Subject, Composition Composition) Blast(this Bench bench, int n, int p, int rank)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"blast {n} {p}×{p} r{rank}"), FormattableString.Invariant($"blast({n}, {n}, {p}, {p}, {rank})"));
        return (subject, new BlastGrid(subject.Map, p, p, rank));
    }

    public static (Subject Subject, Composition Composition) Tucker(this Bench bench, int n, int p)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"tucker {n} p{p}"), FormattableString.Invariant($"tucker({n}, {n}, {p}, {p})"));
        return (subject, new MatrixChain(subject.Map, ("V", p, n, true), ("G", p, p, false), ("U", n, p, false)));
    }

    public static (Subject Subject, Composition Composition) LowRank(this Bench bench, int n, int r)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"low rank {n} r{r}"), FormattableString.Invariant($"low_rank({n}, {n}, {r})"));
        return (subject, new MatrixChain(subject.Map, ("A", r, n, false), ("B", n, r, false)));
    }

    public static (Subject Subject, Composition Composition) Dense(this Bench bench, int n)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"dense {n}"), FormattableString.Invariant($"dense({n}, {n})"));
        return (subject, new MatrixChain(subject.Map, ("W", n, n, false)));
    }

    public static (Subject Subject, Composition Composition) Householder(this Bench bench, int n, int k)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"householder {n} k{k}"), FormattableString.Invariant($"householder({n}, {k})"));
        return (subject, new ReflectionChain(subject.Map, k));
    }

    public static (Subject Subject, Composition Composition) BlockDiagonal(this Bench bench, int n, int b)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"block diagonal {b} of {n / b}"), FormattableString.Invariant($"block_diagonal({n}, {n}, {b})"));
        return (subject, new BlockChain(subject.Map, [new("B", b, 1, n / b, n / b)]));
    }

    public static (Subject Subject, Composition Composition) Lora(this Bench bench, int n, int r)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"lora {n} r{r}"), FormattableString.Invariant($"lora({n}, {n}, {r})"));
        return (subject, new LowRankUpdate(subject.Map, r));
    }

    /// <summary>W · H₀ H₁ …, merged as W − (W Vᵀ) T V.</summary>
    public static (Subject Subject, Composition Merged) Hra(this Bench bench, int n, int k)
    {
        Subject subject = bench.Subject(FormattableString.Invariant($"hra {n} k{k}"), FormattableString.Invariant($"hra({n}, {n}, {k})"));
        FloatBuffer w = Copy(subject, "W"), v = Copy(subject, "V"), t = new(k * k), p = new(n * k), q = new(n * k);
        _ = ReflectionChain.Triangle(v.Pointer, n, k, t.Pointer);
        return (subject, new MergedAdapter(subject.Map, (gemm, merged) =>
        {
            gemm.Multiply(false, true, n, k, n, 1, w.Pointer, n, v.Pointer, n, 0, p.Pointer, k);
            gemm.Multiply(false, false, n, k, k, 1, p.Pointer, k, t.Pointer, k, 0, q.Pointer, k);
            w.Span.CopyTo(new Span<float>((float*)merged, w.Length));
            gemm.Multiply(false, false, n, n, k, -1, q.Pointer, k, v.Pointer, n, 1, (float*)merged, n);
        }));
    }

    /// <summary>W + A ⊗ B (LoKr, Yeh et al. 2023, without its low-rank factors).</summary>
    public static (Subject Subject, Composition Merged) LoKr(this Bench bench, int side)
    {
        int n = side * side;
        Subject subject = bench.Subject(
            FormattableString.Invariant($"lokr {n}"),
            FormattableString.Invariant($"operator lokr : {n} -> {n}\n  frozen W[{n}, {n}]\n  param A[{side}, {side}] ~ zeros, B[{side}, {side}]\n  = W + A ⊗ B"));
        FloatBuffer w = Copy(subject, "W"), a = Copy(subject, "A"), b = Copy(subject, "B");
        return (subject, new MergedAdapter(subject.Map, (_, merged) =>
        {
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < side; j++)
                {
                    int place = (i * n) + (j * side);
                    System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(
                        b.Span.Slice(i % side * side, side), a.Span[(i / side * side) + j], w.Span.Slice(place, side), new Span<float>((float*)merged + place, side));
                }
            }
        }));
    }

    /// <summary>W · ∏ blockdiag(F) S: block-diagonal factors and shuffles, as in BOFT (Liu et al. 2024), whose blocks are orthogonal besides.</summary>
    public static (Subject Subject, Composition Merged) Butterfly(this Bench bench, int n, int side, int factors)
    {
        int blocks = n / side;
        Subject subject = bench.Subject(
            FormattableString.Invariant($"butterfly {n} {factors} of {side}"),
            FormattableString.Invariant($"operator butterfly : {n} -> {n}\n  frozen W[{n}, {n}]\n  param F(k < {factors})[{blocks}, {side}, {side}]\n  = W * product(k < {factors}) (blockdiag(F[k]) * shuffle({side}, {blocks}))"));
        FloatBuffer w = Copy(subject, "W"), product = new(n * n);
        FloatBuffer[] f = [.. Enumerable.Range(0, factors).Select(k => Copy(subject, FormattableString.Invariant($"F[{k}]")))];
        return (subject, new MergedAdapter(subject.Map, (gemm, merged) =>
        {
            float* m = (float*)merged;
            w.Span.CopyTo(new Span<float>(m, n * n));
            foreach (FloatBuffer factor in f)
            {
                for (int block = 0; block < blocks; block++)
                {
                    gemm.Multiply(false, false, n, side, side, 1, m + (block * side), n, factor.Pointer + (block * side * side), side, 0, product.Pointer + (block * side), n);
                }

                for (int row = 0; row < n; row++)
                {
                    for (int i = 0; i < side; i++)
                    {
                        for (int j = 0; j < blocks; j++)
                        {
                            m[(row * n) + (i * blocks) + j] = product.Pointer[(row * n) + (j * side) + i];
                        }
                    }
                }
            }
        }));
    }

    /// <summary>W + B A with factors mixed from a bank. The peer gets the factors mixed; it only multiplies and adds them.</summary>
    public static (Subject Subject, Composition Merged) VbLora(this Bench bench, int n, int r, int top, int vectors, int length)
    {
        Subject subject = bench.Subject(
            FormattableString.Invariant($"vb-lora {n} r{r}"), FormattableString.Invariant($"vb_lora({n}, {n}, {r}, {top}, {vectors}, {length})"));
        FloatBuffer w = Copy(subject, "W"), a = new(r * n), b = new(n * r);
        int pieces = n / length;
        for (int s = 0; s < r; s++)
        {
            for (int j = 0; j < pieces; j++)
            {
                float[] inA = Mix(subject, "P", ((s * pieces) + j) * vectors, top, vectors, length), inB = Mix(subject, "Q", ((j * r) + s) * vectors, top, vectors, length);
                for (int c = 0; c < length; c++)
                {
                    a.Span[(s * n) + (j * length) + c] = inA[c];
                    b.Span[(((j * length) + c) * r) + s] = inB[c];
                }
            }
        }

        return (subject, new MergedAdapter(subject.Map, (gemm, merged) =>
        {
            w.Span.CopyTo(new Span<float>((float*)merged, w.Length));
            gemm.Multiply(false, false, n, n, r, 1, b.Pointer, r, a.Pointer, n, 1, (float*)merged, n);
        }));
    }

    private static float[] Mix(Subject subject, string logits, int start, int top, int vectors, int length)
    {
        float[] own = subject.Map[logits].Values.Slice(start, vectors).ToArray();
        int[] chosen = [.. Enumerable.Range(0, vectors).OrderByDescending(i => own[i]).Take(top)];
        double sum = chosen.Sum(i => Math.Exp(own[i] - own[chosen[0]]));
        float[] bank = subject.Map["bank"].Values.ToArray();
        return [.. Enumerable.Range(0, length).Select(c => (float)chosen.Sum(i => Math.Exp(own[i] - own[chosen[0]]) / sum * bank[(i * length) + c]))];
    }

    private static FloatBuffer Copy(Subject subject, string name)
    {
        ReadOnlySpan<float> values = subject.Map[name].Values;
        var buffer = new FloatBuffer(values.Length);
        values.CopyTo(buffer.Span);
        return buffer;
    }

    private static int[] Ones(int[] sizes) => [.. Enumerable.Repeat(1, sizes.Length + 1)];
}
