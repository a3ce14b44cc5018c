using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Weft.Execution;

namespace Weft.Kernels;

/// <content>Fourier transforms of real numbers. Both are linear: derivatives read neither arguments nor results.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>y[o, 0, f] + i y[o, 1, f] = Σⱼ exp(−2πi f j/n) x[o, j] for f from 0 to n/2.</summary>
    public static class RealFourier
    {
        /// <param name="x">[rows, n]</param>
        /// <param name="y">[rows, 2, n/2 + 1]; overwritten.</param>
        /// <param name="sizes">The number of rows, and n.</param>
        public static void Value(T* x, T* y, (int Rows, int Size) sizes) => Analyze(x, y, sizes, T.One, T.One, adds: false);

        /// <inheritdoc cref="Value"/>
        public static void Tangent(in Dual x, in Dual y, (int Rows, int Size) sizes) => Analyze(x.Mirror, y.Mirror, sizes, T.One, T.One, adds: false);

        /// <inheritdoc cref="Value"/>
        public static void Gradient(in Dual x, in Dual y, (int Rows, int Size) sizes) => Synthesize(y.Mirror, x.Mirror, sizes, T.One, T.One, adds: true);
    }

    /// <summary>y[o, j] = (1/n) Σ_f exp(2πi f j/n) (x[o, 0, f] + i x[o, 1, f]) over f from 0 to n − 1, where those behind n/2 are the conjugates of those before it.</summary>
    public static class InverseRealFourier
    {
        /// <param name="x">[rows, 2, n/2 + 1]; imaginary parts of f = 0 and f = n/2 count as zero.</param>
        /// <param name="y">[rows, n]; overwritten.</param>
        /// <param name="sizes">The number of rows, and n.</param>
        public static void Value(T* x, T* y, (int Rows, int Size) sizes)
        {
            T scale = T.One / T.CreateTruncating(sizes.Size);
            Synthesize(x, y, sizes, scale, scale + scale, adds: false);
        }

        /// <inheritdoc cref="Value"/>
        public static void Tangent(in Dual x, in Dual y, (int Rows, int Size) sizes) => Value(x.Mirror, y.Mirror, sizes);

        /// <inheritdoc cref="Value"/>
        public static void Gradient(in Dual x, in Dual y, (int Rows, int Size) sizes)
        {
            T scale = T.One / T.CreateTruncating(sizes.Size);
            Analyze(y.Mirror, x.Mirror, sizes, scale, scale + scale, adds: true);
        }
    }

    /// <summary>c_f times the transform of each row of x, with one number for f = 0 and f = n/2 and another between them.</summary>
    private static void Analyze(T* x, T* y, (int Rows, int Size) sizes, T ends, T middle, bool adds)
    {
        if (x == null || y == null)
        {
            ClearUnlessAdded(y, sizes.Rows * 2 * (sizes.Size / 2 + 1), adds);
            return;
        }

        RealFourierPlan plan = RealFourierPlan.Of(sizes.Size);
        using Scratch room = new(2 * plan.Length + plan.Complex.Room);
        for (int row = 0; row < sizes.Rows; row++, x += sizes.Size, y += 2 * (sizes.Size / 2 + 1))
        {
            if (sizes.Size % 2 != 0)
            {
                AnalyzeOdd(plan, x, y, room.Pointer, ends, middle, adds);
            }
            else if (Vector512.IsHardwareAccelerated)
            {
                AnalyzeEven<Lanes512<T>, Vector512<T>>(plan, x, y, room.Pointer, ends, middle, adds);
            }
            else if (Vector256.IsHardwareAccelerated)
            {
                AnalyzeEven<Lanes256<T>, Vector256<T>>(plan, x, y, room.Pointer, ends, middle, adds);
            }
            else
            {
                AnalyzeEven<Lanes128<T>, Vector128<T>>(plan, x, y, room.Pointer, ends, middle, adds);
            }
        }
    }

    /// <summary>Even elements are real parts and odd ones imaginary: the transform of half the length has both, E + i O, which its symmetry tells apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AnalyzeEven<S, V>(RealFourierPlan plan, T* x, T* y, T* room, T ends, T middle, bool adds)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int half = plan.Length, k = 0;
        T* re = room, im = re + half, toRe = y, toIm = y + half + 1;
        for (; k <= half - S.Count; k += S.Count)
        {
            (V even, V odd) = S.LoadPairs(x + (2 * k));
            S.Store(even, re + k);
            S.Store(odd, im + k);
        }

        for (; k < half; k++)
        {
            (re[k], im[k]) = (x[2 * k], x[(2 * k) + 1]);
        }

        plan.Complex.Transform(re, im, im + half);
        Put<Lanes1<T>, T>(ends * (re[0] + im[0]), toRe, adds);
        Put<Lanes1<T>, T>(T.Zero, toIm, adds);
        Put<Lanes1<T>, T>(ends * (re[0] - im[0]), toRe + half, adds);
        Put<Lanes1<T>, T>(T.Zero, toIm + half, adds);
        (int f, int g) = Untangle<S, V>(plan, re, im, toRe, toIm, Half * middle, adds, 1);
        (f, g) = Untangle<Lanes1<T>, T>(plan, re, im, toRe, toIm, Half * middle, adds, f);
        if (f == g)
        {
            Put<Lanes1<T>, T>(middle * re[f], toRe + f, adds);
            Put<Lanes1<T>, T>(-middle * im[f], toIm + f, adds);
        }
    }

    /// <summary>The frequencies from f on and from half − f on backwards, as far as vectors of both do not meet.</summary>
    /// <returns>Where they end.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (int F, int G) Untangle<S, V>(RealFourierPlan plan, T* re, T* im, T* toRe, T* toIm, T scale, bool adds, int f)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        T* wr = plan.Roots.Pointer, wi = wr + plan.Length;
        V by = S.Broadcast(scale);
        int g = plan.Length - f;
        for (; f + S.Count <= g - S.Count + 1; f += S.Count, g -= S.Count)
        {
            int back = g - S.Count + 1;
            (V ar, V ai, V br, V bi) = (S.Load(re + f), S.Load(im + f), S.Reverse(S.Load(re + back)), S.Reverse(S.Load(im + back)));
            (V evenRe, V evenIm, V oddRe, V oddIm) = (S.Multiply(by, S.Add(ar, br)), S.Multiply(by, S.Subtract(ai, bi)), S.Multiply(by, S.Add(ai, bi)), S.Multiply(by, S.Subtract(br, ar)));
            (V rootRe, V rootIm) = (S.Load(wr + f), S.Load(wi + f));
            V turnedRe = S.Subtract(S.Multiply(oddRe, rootRe), S.Multiply(oddIm, rootIm));
            V turnedIm = S.FusedMultiplyAdd(oddRe, rootIm, S.Multiply(oddIm, rootRe));
            Put<S, V>(S.Add(evenRe, turnedRe), toRe + f, adds);
            Put<S, V>(S.Add(evenIm, turnedIm), toIm + f, adds);
            Put<S, V>(S.Reverse(S.Subtract(evenRe, turnedRe)), toRe + back, adds);
            Put<S, V>(S.Reverse(S.Subtract(turnedIm, evenIm)), toIm + back, adds);
        }

        return (f, g);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<S, V>(V value, T* to, bool adds)
        where S : struct, ILanes<T, V>
        where V : struct => S.Store(adds ? S.Add(S.Load(to), value) : value, to);

    /// <summary>As complex numbers without imaginary parts.</summary>
    private static void AnalyzeOdd(RealFourierPlan plan, T* x, T* y, T* room, T ends, T middle, bool adds)
    {
        (int size, int count) = (plan.Length, plan.Length / 2 + 1);
        T* re = room, im = re + size;
        new ReadOnlySpan<T>(x, size).CopyTo(new Span<T>(re, size));
        new Span<T>(im, size).Clear();
        plan.Complex.Transform(re, im, im + size);
        im[0] = T.Zero;
        for (int f = 0; f < count; f++)
        {
            T scale = f == 0 ? ends : middle;
            Put<Lanes1<T>, T>(scale * re[f], y + f, adds);
            Put<Lanes1<T>, T>(scale * im[f], y + count + f, adds);
        }
    }

    /// <summary>y[j] = Σ_f c_f (re x[f] cos(2π f j/n) − im x[f] sin(2π f j/n)), with one number c for f = 0 and f = n/2 and another between them.</summary>
    private static void Synthesize(T* x, T* y, (int Rows, int Size) sizes, T ends, T middle, bool adds)
    {
        if (x == null || y == null)
        {
            ClearUnlessAdded(y, sizes.Rows * sizes.Size, adds);
            return;
        }

        RealFourierPlan plan = RealFourierPlan.Of(sizes.Size);
        using Scratch room = new(2 * plan.Length + plan.Complex.Room);
        for (int row = 0; row < sizes.Rows; row++, x += 2 * (sizes.Size / 2 + 1), y += sizes.Size)
        {
            if (sizes.Size % 2 != 0)
            {
                SynthesizeOdd(plan, x, y, room.Pointer, ends, middle, adds);
            }
            else if (Vector512.IsHardwareAccelerated)
            {
                SynthesizeEven<Lanes512<T>, Vector512<T>>(plan, x, y, room.Pointer, ends, middle, adds);
            }
            else if (Vector256.IsHardwareAccelerated)
            {
                SynthesizeEven<Lanes256<T>, Vector256<T>>(plan, x, y, room.Pointer, ends, middle, adds);
            }
            else
            {
                SynthesizeEven<Lanes128<T>, Vector128<T>>(plan, x, y, room.Pointer, ends, middle, adds);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SynthesizeEven<S, V>(RealFourierPlan plan, T* x, T* y, T* room, T ends, T middle, bool adds)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int half = plan.Length, k = 0;
        T* re = room, im = re + half, fromRe = x, fromIm = x + half + 1;
        (T first, T last) = (ends * fromRe[0], ends * fromRe[half]);
        (re[0], im[0]) = (first + last, first - last);
        (int f, int g) = Tangle<S, V>(plan, fromRe, fromIm, re, im, Half * middle, 1);
        (f, g) = Tangle<Lanes1<T>, T>(plan, fromRe, fromIm, re, im, Half * middle, f);
        if (f == g)
        {
            (re[f], im[f]) = (middle * fromRe[f], -middle * fromIm[f]);
        }

        // With the parts changed for each other the transform is the inverse.
        plan.Complex.Transform(im, re, im + half);
        for (; k <= half - S.Count; k += S.Count)
        {
            (V even, V odd) = (S.Load(re + k), S.Load(im + k));
            if (adds)
            {
                (V evenBefore, V oddBefore) = S.LoadPairs(y + (2 * k));
                (even, odd) = (S.Add(evenBefore, even), S.Add(oddBefore, odd));
            }

            S.StorePairs(even, odd, y + (2 * k));
        }

        for (; k < half; k++)
        {
            Put<Lanes1<T>, T>(re[k], y + (2 * k), adds);
            Put<Lanes1<T>, T>(im[k], y + (2 * k) + 1, adds);
        }
    }

    /// <summary>Frequencies as those of even elements and, times i, of odd ones.</summary>
    /// <returns>Where they end.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (int F, int G) Tangle<S, V>(RealFourierPlan plan, T* fromRe, T* fromIm, T* re, T* im, T scale, int f)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        T* wr = plan.Roots.Pointer, wi = wr + plan.Length;
        V by = S.Broadcast(scale);
        int g = plan.Length - f;
        for (; f + S.Count <= g - S.Count + 1; f += S.Count, g -= S.Count)
        {
            int back = g - S.Count + 1;
            (V ar, V ai, V br, V bi) = (S.Load(fromRe + f), S.Load(fromIm + f), S.Reverse(S.Load(fromRe + back)), S.Reverse(S.Load(fromIm + back)));
            (V evenRe, V evenIm, V apartRe, V apartIm) = (S.Multiply(by, S.Add(ar, br)), S.Multiply(by, S.Subtract(ai, bi)), S.Multiply(by, S.Subtract(ar, br)), S.Multiply(by, S.Add(ai, bi)));
            (V rootRe, V rootIm) = (S.Load(wr + f), S.Load(wi + f));
            V oddRe = S.FusedMultiplyAdd(apartRe, rootRe, S.Multiply(apartIm, rootIm));
            V oddIm = S.Subtract(S.Multiply(apartIm, rootRe), S.Multiply(apartRe, rootIm));
            S.Store(S.Subtract(evenRe, oddIm), re + f);
            S.Store(S.Add(evenIm, oddRe), im + f);
            S.Store(S.Reverse(S.Add(evenRe, oddIm)), re + back);
            S.Store(S.Reverse(S.Subtract(oddRe, evenIm)), im + back);
        }

        return (f, g);
    }

    private static void SynthesizeOdd(RealFourierPlan plan, T* x, T* y, T* room, T ends, T middle, bool adds)
    {
        (int size, int count, T between) = (plan.Length, plan.Length / 2 + 1, Half * middle);
        T* re = room, im = re + size;
        (re[0], im[0]) = (ends * x[0], T.Zero);
        for (int f = 1; f < count; f++)
        {
            (re[f], im[f]) = (between * x[f], between * x[count + f]);
            (re[size - f], im[size - f]) = (re[f], -im[f]);
        }

        plan.Complex.Transform(im, re, im + size);
        for (int j = 0; j < size; j++)
        {
            Put<Lanes1<T>, T>(re[j], y + j, adds);
        }
    }

    /// <summary>What nothing is made of is zero, where it is not only added to.</summary>
    private static void ClearUnlessAdded(T* y, int length, bool adds)
    {
        if (y != null && !adds)
        {
            new Span<T>(y, length).Clear();
        }
    }

    /// <summary>How real vectors of a length are transformed: an even one as complex ones of half of it.</summary>
    private sealed class RealFourierPlan
    {
        private static readonly ConcurrentDictionary<int, RealFourierPlan> s_plans = new();

        private RealFourierPlan(int size)
        {
            Length = size % 2 == 0 ? size / 2 : size;
            Complex = FourierPlan<T>.Of(Length);
            Roots = new AlignedBuffer<T>(size % 2 == 0 ? size : 0);
            for (int f = 0; f < Roots.Length / 2; f++)
            {
                (Roots.Span[f], Roots.Span[Length + f]) = FourierPlan<T>.Root(f, size);
            }
        }

        /// <summary>The length of the complex transform.</summary>
        public int Length { get; }

        public FourierPlan<T> Complex { get; }

        /// <summary>exp(−2πi f/n), real parts, then imaginary ones, where n is even.</summary>
        public AlignedBuffer<T> Roots { get; }

        public static RealFourierPlan Of(int size) => s_plans.TryGetValue(size, out RealFourierPlan? plan) ? plan : s_plans.GetOrAdd(size, new RealFourierPlan(size));
    }
}
