using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>Squares transposed in registers: 8 × 8 floats or 4 × 4 doubles.</summary>
internal static unsafe class Transposition
{
    /// <summary>The side of a square; 0 where the machine cannot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Side<T>() => Avx.IsSupported ? Vector256<byte>.Count / Unsafe.SizeOf<T>() : 0;

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
        if (typeof(T) == typeof(float))
        {
            Run((float*)from, fromStride, (float*)to, toStride, accumulate);
        }
        else
        {
            Run((double*)from, fromStride, (double*)to, toStride, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(float* from, nint fromStride, float* to, nint toStride, bool accumulate)
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
    private static void Run(double* from, nint fromStride, double* to, nint toStride, bool accumulate)
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
