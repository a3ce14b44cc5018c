using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>Transforms that are faster than any product of matrices.</summary>
public static unsafe class Transforms<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>y[o, i] = Σⱼ (−1)^(bits that i and j have in common) x[o, j], in n log₂ n additions.</summary>
    /// <param name="x">[outer, size]</param>
    /// <param name="y">[outer, size]; not <paramref name="x"/>.</param>
    /// <param name="outer">The number of rows.</param>
    /// <param name="size">A power of two.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WalshHadamard(T* x, T* y, int outer, int size)
    {
        for (int o = 0; o < outer; o++, x += size, y += size)
        {
            Transform(x, y, size);
        }
    }

    /// <summary>y[o] = H x[o] for H = ∏ᵢ (I − 2 vᵢvᵢᵀ / vᵢᵀvᵢ), the factor of row 0 leftmost. A zero row stands for no reflection.</summary>
    /// <param name="x">[outer, size]</param>
    /// <param name="v">[count, size]</param>
    /// <param name="y">[outer, size]; not <paramref name="x"/>.</param>
    /// <param name="sizes">The number of rows and of reflections, and the size of the space.</param>
    /// <param name="transposed">Whether to apply Hᵀ.</param>
    public static void Reflect(T* x, T* v, T* y, (int Outer, int Count, int Size) sizes, bool transposed)
    {
        (int outer, int count, int size) = sizes;
        for (int o = 0; o < outer; o++, x += size, y += size)
        {
            // Each pass subtracts what the reflection before it takes away, and finds the two products of its own.
            T* from = x, before = null;
            T factor = T.Zero;
            for (int k = 0; k <= count; k++)
            {
                T* row = k == count ? null : v + ((nint)(transposed ? k : count - 1 - k) * size);
                (T product, T square) = Vector512.IsHardwareAccelerated ? Reflect<Lanes512<T>, Vector512<T>>(from, before, row, y, factor, size)
                    : Vector256.IsHardwareAccelerated ? Reflect<Lanes256<T>, Vector256<T>>(from, before, row, y, factor, size)
                    : Reflect<Lanes128<T>, Vector128<T>>(from, before, row, y, factor, size);
                T half = square / (T.One + T.One);
                factor = half == T.Zero || T.IsSubnormal(half) ? T.Zero : product / half;
                from = y;
                before = row;
            }
        }
    }

    /// <summary>y = x − factor · u, and the products of v with it and with itself. A null u is zero, and so is a null v.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (T Product, T Square) Reflect<S, V>(T* x, T* u, T* v, T* y, T factor, int size)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V minus = S.Broadcast(-factor);
        V p0 = S.Zero, p1 = S.Zero, p2 = S.Zero, p3 = S.Zero, q0 = S.Zero, q1 = S.Zero, q2 = S.Zero, q3 = S.Zero;
        int i = 0;
        for (; i <= size - (4 * S.Count); i += 4 * S.Count)
        {
            V y0 = S.Load(x + i), y1 = S.Load(x + i + S.Count), y2 = S.Load(x + i + (2 * S.Count)), y3 = S.Load(x + i + (3 * S.Count));
            if (u != null)
            {
                y0 = S.FusedMultiplyAdd(minus, S.Load(u + i), y0);
                y1 = S.FusedMultiplyAdd(minus, S.Load(u + i + S.Count), y1);
                y2 = S.FusedMultiplyAdd(minus, S.Load(u + i + (2 * S.Count)), y2);
                y3 = S.FusedMultiplyAdd(minus, S.Load(u + i + (3 * S.Count)), y3);
            }

            S.Store(y0, y + i);
            S.Store(y1, y + i + S.Count);
            S.Store(y2, y + i + (2 * S.Count));
            S.Store(y3, y + i + (3 * S.Count));
            if (v != null)
            {
                V v0 = S.Load(v + i), v1 = S.Load(v + i + S.Count), v2 = S.Load(v + i + (2 * S.Count)), v3 = S.Load(v + i + (3 * S.Count));
                (p0, q0) = (S.FusedMultiplyAdd(v0, y0, p0), S.FusedMultiplyAdd(v0, v0, q0));
                (p1, q1) = (S.FusedMultiplyAdd(v1, y1, p1), S.FusedMultiplyAdd(v1, v1, q1));
                (p2, q2) = (S.FusedMultiplyAdd(v2, y2, p2), S.FusedMultiplyAdd(v2, v2, q2));
                (p3, q3) = (S.FusedMultiplyAdd(v3, y3, p3), S.FusedMultiplyAdd(v3, v3, q3));
            }
        }

        T product = S.Sum(S.Add(S.Add(p0, p1), S.Add(p2, p3))), square = S.Sum(S.Add(S.Add(q0, q1), S.Add(q2, q3)));
        for (; i < size; i++)
        {
            y[i] = u == null ? x[i] : x[i] - (factor * u[i]);
            T element = v == null ? T.Zero : v[i];
            product += element * y[i];
            square += element * element;
        }

        return (product, square);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transform(T* x, T* y, int size)
    {
        int step = 1;
        if (typeof(T) == typeof(float) && Avx512F.IsSupported && size >= 256)
        {
            // Four stages within vectors and four across them, then four more at a time.
            for (int i = 0; i < size; i += 256)
            {
                FourStages((float*)x + i, (float*)y + i, 16, within: true);
            }

            for (step = 256; step <= size / 16; step *= 16)
            {
                for (int block = 0; block < size; block += 16 * step)
                {
                    for (int i = 0; i < step; i += 16)
                    {
                        FourStages((float*)y + block + i, (float*)y + block + i, step, within: false);
                    }
                }
            }
        }
        else
        {
            new ReadOnlySpan<T>(x, size).CopyTo(new Span<T>(y, size));
        }

        for (; step < size; step *= 2)
        {
            for (int block = 0; block < size; block += 2 * step)
            {
                Stage(y + block, y + block + step, step);
            }
        }
    }

    /// <summary>One stage: a, b = a + b, a − b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Stage(T* a, T* b, int length)
    {
        int i = 0;
        for (; Vector.IsHardwareAccelerated && i <= length - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> left = Vector.Load(a + i), right = Vector.Load(b + i);
            (left + right).Store(a + i);
            (left - right).Store(b + i);
        }

        for (; i < length; i++)
        {
            (a[i], b[i]) = (a[i] + b[i], a[i] - b[i]);
        }
    }

    /// <summary>Four stages across sixteen vectors that lie <paramref name="step"/> apart, and before them those within each vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourStages(float* from, float* to, int step, bool within)
    {
        Vector512<float> v0 = Vector512.Load(from + (0 * step));
        Vector512<float> v1 = Vector512.Load(from + (1 * step));
        Vector512<float> v2 = Vector512.Load(from + (2 * step));
        Vector512<float> v3 = Vector512.Load(from + (3 * step));
        Vector512<float> v4 = Vector512.Load(from + (4 * step));
        Vector512<float> v5 = Vector512.Load(from + (5 * step));
        Vector512<float> v6 = Vector512.Load(from + (6 * step));
        Vector512<float> v7 = Vector512.Load(from + (7 * step));
        Vector512<float> v8 = Vector512.Load(from + (8 * step));
        Vector512<float> v9 = Vector512.Load(from + (9 * step));
        Vector512<float> v10 = Vector512.Load(from + (10 * step));
        Vector512<float> v11 = Vector512.Load(from + (11 * step));
        Vector512<float> v12 = Vector512.Load(from + (12 * step));
        Vector512<float> v13 = Vector512.Load(from + (13 * step));
        Vector512<float> v14 = Vector512.Load(from + (14 * step));
        Vector512<float> v15 = Vector512.Load(from + (15 * step));
        if (within)
        {
            v0 = WithinVector(v0);
            v1 = WithinVector(v1);
            v2 = WithinVector(v2);
            v3 = WithinVector(v3);
            v4 = WithinVector(v4);
            v5 = WithinVector(v5);
            v6 = WithinVector(v6);
            v7 = WithinVector(v7);
            v8 = WithinVector(v8);
            v9 = WithinVector(v9);
            v10 = WithinVector(v10);
            v11 = WithinVector(v11);
            v12 = WithinVector(v12);
            v13 = WithinVector(v13);
            v14 = WithinVector(v14);
            v15 = WithinVector(v15);
        }

        (v0, v1) = (v0 + v1, v0 - v1);
        (v2, v3) = (v2 + v3, v2 - v3);
        (v4, v5) = (v4 + v5, v4 - v5);
        (v6, v7) = (v6 + v7, v6 - v7);
        (v8, v9) = (v8 + v9, v8 - v9);
        (v10, v11) = (v10 + v11, v10 - v11);
        (v12, v13) = (v12 + v13, v12 - v13);
        (v14, v15) = (v14 + v15, v14 - v15);

        (v0, v2) = (v0 + v2, v0 - v2);
        (v1, v3) = (v1 + v3, v1 - v3);
        (v4, v6) = (v4 + v6, v4 - v6);
        (v5, v7) = (v5 + v7, v5 - v7);
        (v8, v10) = (v8 + v10, v8 - v10);
        (v9, v11) = (v9 + v11, v9 - v11);
        (v12, v14) = (v12 + v14, v12 - v14);
        (v13, v15) = (v13 + v15, v13 - v15);

        (v0, v4) = (v0 + v4, v0 - v4);
        (v1, v5) = (v1 + v5, v1 - v5);
        (v2, v6) = (v2 + v6, v2 - v6);
        (v3, v7) = (v3 + v7, v3 - v7);
        (v8, v12) = (v8 + v12, v8 - v12);
        (v9, v13) = (v9 + v13, v9 - v13);
        (v10, v14) = (v10 + v14, v10 - v14);
        (v11, v15) = (v11 + v15, v11 - v15);

        (v0, v8) = (v0 + v8, v0 - v8);
        (v1, v9) = (v1 + v9, v1 - v9);
        (v2, v10) = (v2 + v10, v2 - v10);
        (v3, v11) = (v3 + v11, v3 - v11);
        (v4, v12) = (v4 + v12, v4 - v12);
        (v5, v13) = (v5 + v13, v5 - v13);
        (v6, v14) = (v6 + v14, v6 - v14);
        (v7, v15) = (v7 + v15, v7 - v15);

        v0.Store(to + (0 * step));
        v1.Store(to + (1 * step));
        v2.Store(to + (2 * step));
        v3.Store(to + (3 * step));
        v4.Store(to + (4 * step));
        v5.Store(to + (5 * step));
        v6.Store(to + (6 * step));
        v7.Store(to + (7 * step));
        v8.Store(to + (8 * step));
        v9.Store(to + (9 * step));
        v10.Store(to + (10 * step));
        v11.Store(to + (11 * step));
        v12.Store(to + (12 * step));
        v13.Store(to + (13 * step));
        v14.Store(to + (14 * step));
        v15.Store(to + (15 * step));
    }

    /// <summary>Four stages within a vector: each element plus or minus the one whose position differs in one bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> WithinVector(Vector512<float> v)
    {
        v = Vector512.FusedMultiplyAdd(v, Signs(1), Avx512F.Permute4x32(v, 0b10_11_00_01));
        v = Vector512.FusedMultiplyAdd(v, Signs(2), Avx512F.Permute4x32(v, 0b01_00_11_10));
        v = Vector512.FusedMultiplyAdd(v, Signs(4), Avx512F.Shuffle4x128(v, v, 0b10_11_00_01));
        return Vector512.FusedMultiplyAdd(v, Signs(8), Avx512F.Shuffle4x128(v, v, 0b01_00_11_10));
    }

    /// <summary>−1 where the position has a bit, else 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Signs(int bit) => Vector512.ConditionalSelect(
        Vector512.Equals(Vector512<int>.Indices & Vector512.Create(bit), Vector512<int>.Zero).AsSingle(), Vector512<float>.One, Vector512.Create(-1f));
}
