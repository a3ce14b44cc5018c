using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

public static unsafe partial class Transforms<T>
{
    /// <summary>y[o, i] = Σⱼ (−1)^(bits that i and j have in common) x[o, j], in n log₂ n additions.</summary>
    /// <param name="x">[outer, size]</param>
    /// <param name="y">[outer, size]; not <paramref name="x"/>.</param>
    /// <param name="outer">The number of rows.</param>
    /// <param name="size">A power of two.</param>
    public static void WalshHadamard(T* x, T* y, int outer, int size)
    {
        for (int o = 0; o < outer; o++, x += size, y += size)
        {
            if (Vector512.IsHardwareAccelerated && size >= Vector512<T>.Count)
            {
                WalshHadamard<Lanes512<T>, Vector512<T>>(x, y, size);
            }
            else if (Vector256.IsHardwareAccelerated && size >= Vector256<T>.Count)
            {
                WalshHadamard<Lanes256<T>, Vector256<T>>(x, y, size);
            }
            else if (Vector128.IsHardwareAccelerated && size >= Vector128<T>.Count)
            {
                WalshHadamard<Lanes128<T>, Vector128<T>>(x, y, size);
            }
            else
            {
                WalshHadamard<Lanes1<T>, T>(x, y, size);
            }
        }
    }

    /// <summary>
    /// The stages within vectors and across as many as the registers hold, then as many more at a time. The elements that a stage adds lie a power of
    /// two apart, so the order of the stages does not matter.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WalshHadamard<S, V>(T* x, T* y, int size)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int step = S.Count;
        if (Processor.Registers >= 32 && size >= 16 * S.Count)
        {
            for (int i = 0; i < size; i += 16 * S.Count)
            {
                FourStages<S, V>(x + i, y + i, S.Count, within: true);
            }

            step *= 16;
        }
        else if (size >= 8 * S.Count)
        {
            for (int i = 0; i < size; i += 8 * S.Count)
            {
                ThreeStages<S, V>(x + i, y + i, S.Count, within: true);
            }

            step *= 8;
        }
        else
        {
            for (int i = 0; i < size; i += S.Count)
            {
                S.Store(Within<S, V>(S.Load(x + i)), y + i);
            }
        }

        for (; Processor.Registers >= 32 && step <= size / 16; step *= 16)
        {
            for (int block = 0; block < size; block += 16 * step)
            {
                for (int i = block; i < block + step; i += S.Count)
                {
                    FourStages<S, V>(y + i, y + i, step, within: false);
                }
            }
        }

        for (; step <= size / 8; step *= 8)
        {
            for (int block = 0; block < size; block += 8 * step)
            {
                for (int i = block; i < block + step; i += S.Count)
                {
                    ThreeStages<S, V>(y + i, y + i, step, within: false);
                }
            }
        }

        for (; step < size; step *= 2)
        {
            for (int block = 0; block < size; block += 2 * step)
            {
                for (int i = block; i < block + step; i += S.Count)
                {
                    V a = S.Load(y + i), b = S.Load(y + i + step);
                    Butterfly<S, V>(ref a, ref b);
                    S.Store(a, y + i);
                    S.Store(b, y + i + step);
                }
            }
        }
    }

    /// <summary>Four stages across sixteen vectors that lie <paramref name="step"/> apart, and before them those within each vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourStages<S, V>(T* from, T* to, int step, bool within)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V v0 = S.Load(from), v1 = S.Load(from + step), v2 = S.Load(from + (2 * step)), v3 = S.Load(from + (3 * step));
        V v4 = S.Load(from + (4 * step)), v5 = S.Load(from + (5 * step)), v6 = S.Load(from + (6 * step)), v7 = S.Load(from + (7 * step));
        V v8 = S.Load(from + (8 * step)), v9 = S.Load(from + (9 * step)), v10 = S.Load(from + (10 * step)), v11 = S.Load(from + (11 * step));
        V v12 = S.Load(from + (12 * step)), v13 = S.Load(from + (13 * step)), v14 = S.Load(from + (14 * step)), v15 = S.Load(from + (15 * step));
        if (within)
        {
            (v0, v1, v2, v3) = (Within<S, V>(v0), Within<S, V>(v1), Within<S, V>(v2), Within<S, V>(v3));
            (v4, v5, v6, v7) = (Within<S, V>(v4), Within<S, V>(v5), Within<S, V>(v6), Within<S, V>(v7));
            (v8, v9, v10, v11) = (Within<S, V>(v8), Within<S, V>(v9), Within<S, V>(v10), Within<S, V>(v11));
            (v12, v13, v14, v15) = (Within<S, V>(v12), Within<S, V>(v13), Within<S, V>(v14), Within<S, V>(v15));
        }

        ThreeStages<S, V>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);
        ThreeStages<S, V>(ref v8, ref v9, ref v10, ref v11, ref v12, ref v13, ref v14, ref v15);
        Butterfly<S, V>(ref v0, ref v8);
        Butterfly<S, V>(ref v1, ref v9);
        Butterfly<S, V>(ref v2, ref v10);
        Butterfly<S, V>(ref v3, ref v11);
        Butterfly<S, V>(ref v4, ref v12);
        Butterfly<S, V>(ref v5, ref v13);
        Butterfly<S, V>(ref v6, ref v14);
        Butterfly<S, V>(ref v7, ref v15);
        S.Store(v0, to);
        S.Store(v1, to + step);
        S.Store(v2, to + (2 * step));
        S.Store(v3, to + (3 * step));
        S.Store(v4, to + (4 * step));
        S.Store(v5, to + (5 * step));
        S.Store(v6, to + (6 * step));
        S.Store(v7, to + (7 * step));
        S.Store(v8, to + (8 * step));
        S.Store(v9, to + (9 * step));
        S.Store(v10, to + (10 * step));
        S.Store(v11, to + (11 * step));
        S.Store(v12, to + (12 * step));
        S.Store(v13, to + (13 * step));
        S.Store(v14, to + (14 * step));
        S.Store(v15, to + (15 * step));
    }

    /// <summary>The same with three stages across eight vectors: what sixteen registers have room for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ThreeStages<S, V>(T* from, T* to, int step, bool within)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V v0 = S.Load(from), v1 = S.Load(from + step), v2 = S.Load(from + (2 * step)), v3 = S.Load(from + (3 * step));
        V v4 = S.Load(from + (4 * step)), v5 = S.Load(from + (5 * step)), v6 = S.Load(from + (6 * step)), v7 = S.Load(from + (7 * step));
        if (within)
        {
            (v0, v1, v2, v3) = (Within<S, V>(v0), Within<S, V>(v1), Within<S, V>(v2), Within<S, V>(v3));
            (v4, v5, v6, v7) = (Within<S, V>(v4), Within<S, V>(v5), Within<S, V>(v6), Within<S, V>(v7));
        }

        ThreeStages<S, V>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);
        S.Store(v0, to);
        S.Store(v1, to + step);
        S.Store(v2, to + (2 * step));
        S.Store(v3, to + (3 * step));
        S.Store(v4, to + (4 * step));
        S.Store(v5, to + (5 * step));
        S.Store(v6, to + (6 * step));
        S.Store(v7, to + (7 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ThreeStages<S, V>(ref V v0, ref V v1, ref V v2, ref V v3, ref V v4, ref V v5, ref V v6, ref V v7)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        Butterfly<S, V>(ref v0, ref v1);
        Butterfly<S, V>(ref v2, ref v3);
        Butterfly<S, V>(ref v4, ref v5);
        Butterfly<S, V>(ref v6, ref v7);

        Butterfly<S, V>(ref v0, ref v2);
        Butterfly<S, V>(ref v1, ref v3);
        Butterfly<S, V>(ref v4, ref v6);
        Butterfly<S, V>(ref v5, ref v7);

        Butterfly<S, V>(ref v0, ref v4);
        Butterfly<S, V>(ref v1, ref v5);
        Butterfly<S, V>(ref v2, ref v6);
        Butterfly<S, V>(ref v3, ref v7);
    }

    /// <summary>a, b = a + b, a − b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Butterfly<S, V>(ref V a, ref V b)
        where S : struct, ILanes<T, V>
        where V : struct => (a, b) = (S.Add(a, b), S.Subtract(a, b));

    /// <summary>The stages within a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Within<S, V>(V v)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        v = S.Count > 1 ? S.Butterfly(v, 1) : v;
        v = S.Count > 2 ? S.Butterfly(v, 2) : v;
        v = S.Count > 4 ? S.Butterfly(v, 4) : v;
        return S.Count > 8 ? S.Butterfly(v, 8) : v;
    }
}
