using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>Squares transposed in registers, as wide as the widest vector: each cache line of a large square is then touched once.</summary>
internal static unsafe class Transposition
{
    /// <summary>The side of a square; 0 where the machine cannot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Side<T>() => Avx512F.IsSupported ? Vector512<byte>.Count / Unsafe.SizeOf<T>()
        : Avx.IsSupported ? Vector256<byte>.Count / Unsafe.SizeOf<T>()
        : 0;

    /// <summary>to[j, i] = from[i, j], or += where <paramref name="accumulate"/>.</summary>
    /// <param name="from">Rows of the square.</param>
    /// <param name="fromStride">From row to row.</param>
    /// <param name="to">Rows of the transpose.</param>
    /// <param name="toStride">From row to row.</param>
    /// <param name="accumulate">Whether to add.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(T* from, nint fromStride, T* to, nint toStride, bool accumulate)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float) && Avx512F.IsSupported)
        {
            Run512((float*)from, fromStride, (float*)to, toStride, accumulate);
        }
        else if (typeof(T) == typeof(float))
        {
            Run256((float*)from, fromStride, (float*)to, toStride, accumulate);
        }
        else if (Avx512F.IsSupported)
        {
            Run512((double*)from, fromStride, (double*)to, toStride, accumulate);
        }
        else
        {
            Run256((double*)from, fromStride, (double*)to, toStride, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run512(float* from, nint fromStride, float* to, nint toStride, bool accumulate)
    {
        // Four rows at a time: their squares of four stand in the quarters of a vector.
        (Vector512<float> a0, Vector512<float> a1, Vector512<float> a2, Vector512<float> a3) = Quarters(from, fromStride);
        (Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3) = Quarters(from + 4 * fromStride, fromStride);
        (Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3) = Quarters(from + 8 * fromStride, fromStride);
        (Vector512<float> d0, Vector512<float> d1, Vector512<float> d2, Vector512<float> d3) = Quarters(from + 12 * fromStride, fromStride);
        Deal(a0, b0, c0, d0, to, 4 * toStride, accumulate);
        Deal(a1, b1, c1, d1, to + toStride, 4 * toStride, accumulate);
        Deal(a2, b2, c2, d2, to + 2 * toStride, 4 * toStride, accumulate);
        Deal(a3, b3, c3, d3, to + 3 * toStride, 4 * toStride, accumulate);
    }

    /// <summary>Column q of the squares that four rows are made of, for each q: four numbers from each quarter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Q0, Vector512<float> Q1, Vector512<float> Q2, Vector512<float> Q3) Quarters(float* from, nint stride)
    {
        Vector512<float> r0 = Vector512.Load(from), r1 = Vector512.Load(from + stride);
        Vector512<float> r2 = Vector512.Load(from + 2 * stride), r3 = Vector512.Load(from + 3 * stride);
        Vector512<double> a0 = Avx512F.UnpackLow(r0, r1).AsDouble(), a1 = Avx512F.UnpackHigh(r0, r1).AsDouble();
        Vector512<double> a2 = Avx512F.UnpackLow(r2, r3).AsDouble(), a3 = Avx512F.UnpackHigh(r2, r3).AsDouble();
        return (
            Avx512F.UnpackLow(a0, a2).AsSingle(), Avx512F.UnpackHigh(a0, a2).AsSingle(),
            Avx512F.UnpackLow(a1, a3).AsSingle(), Avx512F.UnpackHigh(a1, a3).AsSingle());
    }

    /// <summary>The transpose of four vectors whose elements are their quarters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Deal(
        Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to, nint toStride, bool accumulate)
    {
        Vector512<float> e0 = Avx512F.Shuffle4x128(a, b, 0x44), e1 = Avx512F.Shuffle4x128(a, b, 0xEE);
        Vector512<float> e2 = Avx512F.Shuffle4x128(c, d, 0x44), e3 = Avx512F.Shuffle4x128(c, d, 0xEE);
        Put(Avx512F.Shuffle4x128(e0, e2, 0x88), to, accumulate);
        Put(Avx512F.Shuffle4x128(e0, e2, 0xDD), to + toStride, accumulate);
        Put(Avx512F.Shuffle4x128(e1, e3, 0x88), to + 2 * toStride, accumulate);
        Put(Avx512F.Shuffle4x128(e1, e3, 0xDD), to + 3 * toStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run512(double* from, nint fromStride, double* to, nint toStride, bool accumulate)
    {
        Vector512<double> r0 = Vector512.Load(from), r1 = Vector512.Load(from + fromStride);
        Vector512<double> r2 = Vector512.Load(from + 2 * fromStride), r3 = Vector512.Load(from + 3 * fromStride);
        Vector512<double> r4 = Vector512.Load(from + 4 * fromStride), r5 = Vector512.Load(from + 5 * fromStride);
        Vector512<double> r6 = Vector512.Load(from + 6 * fromStride), r7 = Vector512.Load(from + 7 * fromStride);
        Deal(Avx512F.UnpackLow(r0, r1), Avx512F.UnpackLow(r2, r3), Avx512F.UnpackLow(r4, r5), Avx512F.UnpackLow(r6, r7), to, 2 * toStride, accumulate);
        Deal(Avx512F.UnpackHigh(r0, r1), Avx512F.UnpackHigh(r2, r3), Avx512F.UnpackHigh(r4, r5), Avx512F.UnpackHigh(r6, r7), to + toStride, 2 * toStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Deal(
        Vector512<double> a, Vector512<double> b, Vector512<double> c, Vector512<double> d, double* to, nint toStride, bool accumulate)
    {
        Vector512<double> e0 = Avx512F.Shuffle4x128(a, b, 0x44), e1 = Avx512F.Shuffle4x128(a, b, 0xEE);
        Vector512<double> e2 = Avx512F.Shuffle4x128(c, d, 0x44), e3 = Avx512F.Shuffle4x128(c, d, 0xEE);
        Put(Avx512F.Shuffle4x128(e0, e2, 0x88), to, accumulate);
        Put(Avx512F.Shuffle4x128(e0, e2, 0xDD), to + toStride, accumulate);
        Put(Avx512F.Shuffle4x128(e1, e3, 0x88), to + 2 * toStride, accumulate);
        Put(Avx512F.Shuffle4x128(e1, e3, 0xDD), to + 3 * toStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<T>(Vector512<T> value, T* target, bool accumulate)
        where T : unmanaged => (accumulate ? Vector512.Load(target) + value : value).Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run256(float* from, nint fromStride, float* to, nint toStride, bool accumulate)
    {
        Vector256<float> r0 = Vector256.Load(from), r1 = Vector256.Load(from + fromStride);
        Vector256<float> r2 = Vector256.Load(from + 2 * fromStride), r3 = Vector256.Load(from + 3 * fromStride);
        Vector256<float> r4 = Vector256.Load(from + 4 * fromStride), r5 = Vector256.Load(from + 5 * fromStride);
        Vector256<float> r6 = Vector256.Load(from + 6 * fromStride), r7 = Vector256.Load(from + 7 * fromStride);

        // Pairs, then fours, then the halves of eight.
        Vector256<float> a0 = Avx.UnpackLow(r0, r1), a1 = Avx.UnpackHigh(r0, r1), a2 = Avx.UnpackLow(r2, r3), a3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> a4 = Avx.UnpackLow(r4, r5), a5 = Avx.UnpackHigh(r4, r5), a6 = Avx.UnpackLow(r6, r7), a7 = Avx.UnpackHigh(r6, r7);
        Vector256<float> b0 = Avx.Shuffle(a0, a2, 0x44), b1 = Avx.Shuffle(a0, a2, 0xEE), b2 = Avx.Shuffle(a1, a3, 0x44), b3 = Avx.Shuffle(a1, a3, 0xEE);
        Vector256<float> b4 = Avx.Shuffle(a4, a6, 0x44), b5 = Avx.Shuffle(a4, a6, 0xEE), b6 = Avx.Shuffle(a5, a7, 0x44), b7 = Avx.Shuffle(a5, a7, 0xEE);
        Put(Avx.Permute2x128(b0, b4, 0x20), to, accumulate);
        Put(Avx.Permute2x128(b1, b5, 0x20), to + toStride, accumulate);
        Put(Avx.Permute2x128(b2, b6, 0x20), to + 2 * toStride, accumulate);
        Put(Avx.Permute2x128(b3, b7, 0x20), to + 3 * toStride, accumulate);
        Put(Avx.Permute2x128(b0, b4, 0x31), to + 4 * toStride, accumulate);
        Put(Avx.Permute2x128(b1, b5, 0x31), to + 5 * toStride, accumulate);
        Put(Avx.Permute2x128(b2, b6, 0x31), to + 6 * toStride, accumulate);
        Put(Avx.Permute2x128(b3, b7, 0x31), to + 7 * toStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run256(double* from, nint fromStride, double* to, nint toStride, bool accumulate)
    {
        Vector256<double> r0 = Vector256.Load(from), r1 = Vector256.Load(from + fromStride);
        Vector256<double> r2 = Vector256.Load(from + 2 * fromStride), r3 = Vector256.Load(from + 3 * fromStride);
        Vector256<double> a0 = Avx.UnpackLow(r0, r1), a1 = Avx.UnpackHigh(r0, r1), a2 = Avx.UnpackLow(r2, r3), a3 = Avx.UnpackHigh(r2, r3);
        Put(Avx.Permute2x128(a0, a2, 0x20), to, accumulate);
        Put(Avx.Permute2x128(a1, a3, 0x20), to + toStride, accumulate);
        Put(Avx.Permute2x128(a0, a2, 0x31), to + 2 * toStride, accumulate);
        Put(Avx.Permute2x128(a1, a3, 0x31), to + 3 * toStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<T>(Vector256<T> value, T* target, bool accumulate)
        where T : unmanaged => (accumulate ? Vector256.Load(target) + value : value).Store(target);
}
