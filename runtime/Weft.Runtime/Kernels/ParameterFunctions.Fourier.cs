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
        public static void Value(T* x, T* y, (int Rows, int Size) sizes) => Transform(x, y, sizes, isBack: false, new(T.One, T.One, Adds: false));

        /// <inheritdoc cref="Value"/>
        public static void Tangent(in Dual x, in Dual y, (int Rows, int Size) sizes) => Transform(x.Mirror, y.Mirror, sizes, isBack: false, new(T.One, T.One, Adds: false));

        /// <inheritdoc cref="Value"/>
        public static void Gradient(in Dual x, in Dual y, (int Rows, int Size) sizes) => Transform(y.Mirror, x.Mirror, sizes, isBack: true, new(T.One, T.One, Adds: true));
    }

    /// <summary>y[o, j] = (1/n) Σ_f exp(2πi f j/n) (x[o, 0, f] + i x[o, 1, f]) over f from 0 to n − 1, where those behind n/2 are the conjugates of those before it.</summary>
    public static class InverseRealFourier
    {
        /// <param name="x">[rows, 2, n/2 + 1]; imaginary parts of f = 0 and f = n/2 count as zero.</param>
        /// <param name="y">[rows, n]; overwritten.</param>
        /// <param name="sizes">The number of rows, and n.</param>
        public static void Value(T* x, T* y, (int Rows, int Size) sizes)
        {
            T one = T.One / T.CreateTruncating(sizes.Size);
            Transform(x, y, sizes, isBack: true, new(one, one + one, Adds: false));
        }

        /// <inheritdoc cref="Value"/>
        public static void Tangent(in Dual x, in Dual y, (int Rows, int Size) sizes) => Value(x.Mirror, y.Mirror, sizes);

        /// <inheritdoc cref="Value"/>
        public static void Gradient(in Dual x, in Dual y, (int Rows, int Size) sizes)
        {
            T one = T.One / T.CreateTruncating(sizes.Size);
            Transform(y.Mirror, x.Mirror, sizes, isBack: false, new(one, one + one, Adds: true));
        }
    }

    /// <summary>What frequencies are multiplied by: one number for f = 0 and f = n/2, another between them; and whether results are added to.</summary>
    private readonly record struct FrequencyScale(T Ends, T Middle, bool Adds);

    /// <summary>
    /// c_f times the transform of each row of x; or back, y[j] = Σ_f c_f (re x[f] cos(2π f j/n) − im x[f] sin(2π f j/n)). What nothing is made of is zero, where it
    /// is not only added to.
    /// </summary>
    private static void Transform(T* x, T* y, (int Rows, int Size) sizes, bool isBack, FrequencyScale scale)
    {
        int frequencies = 2 * (sizes.Size / 2 + 1);
        (int from, int to) = isBack ? (frequencies, sizes.Size) : (sizes.Size, frequencies);
        if (x == null || y == null)
        {
            if (y != null && !scale.Adds)
            {
                new Span<T>(y, sizes.Rows * to).Clear();
            }

            return;
        }

        RealFourierPlan plan = RealFourierPlan.Of(sizes.Size);
        using Scratch room = new(checked(2 * plan.Length + plan.Complex.Room));
        for (int row = 0; row < sizes.Rows; row++, x += from, y += to)
        {
            if (sizes.Size % 2 != 0)
            {
                OfOdd(plan, x, y, room.Pointer, isBack, scale);
            }
            else if (Vector512.IsHardwareAccelerated)
            {
                OfEven<Lanes512<T>, Vector512<T>>(plan, x, y, room.Pointer, isBack, scale);
            }
            else if (Vector256.IsHardwareAccelerated)
            {
                OfEven<Lanes256<T>, Vector256<T>>(plan, x, y, room.Pointer, isBack, scale);
            }
            else
            {
                OfEven<Lanes128<T>, Vector128<T>>(plan, x, y, room.Pointer, isBack, scale);
            }
        }
    }

    private static void OfOdd(RealFourierPlan plan, T* x, T* y, T* room, bool isBack, FrequencyScale scale)
    {
        if (isBack)
        {
            SynthesizeOdd(plan, x, y, room, scale);
        }
        else
        {
            AnalyzeOdd(plan, x, y, room, scale);
        }
    }

    private static void OfEven<S, V>(RealFourierPlan plan, T* x, T* y, T* room, bool isBack, FrequencyScale scale)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        if (isBack)
        {
            SynthesizeEven<S, V>(plan, x, y, room, scale);
        }
        else
        {
            AnalyzeEven<S, V>(plan, x, y, room, scale);
        }
    }

    /// <summary>Even elements are real parts and odd ones imaginary: the transform of half the length has both, E + i O, which its symmetry tells apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AnalyzeEven<S, V>(RealFourierPlan plan, T* x, T* y, T* room, FrequencyScale scale)
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
        Put<Lanes1<T>, T>(scale.Ends * (re[0] + im[0]), toRe, scale.Adds);
        Put<Lanes1<T>, T>(T.Zero, toIm, scale.Adds);
        Put<Lanes1<T>, T>(scale.Ends * (re[0] - im[0]), toRe + half, scale.Adds);
        Put<Lanes1<T>, T>(T.Zero, toIm + half, scale.Adds);
        (int f, int g) = Untangle<S, V>(plan, re, im, toRe, toIm, Half * scale.Middle, scale.Adds, 1);
        (f, g) = Untangle<Lanes1<T>, T>(plan, re, im, toRe, toIm, Half * scale.Middle, scale.Adds, f);
        if (f == g)
        {
            Put<Lanes1<T>, T>(scale.Middle * re[f], toRe + f, scale.Adds);
            Put<Lanes1<T>, T>(-scale.Middle * im[f], toIm + f, scale.Adds);
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
    private static void AnalyzeOdd(RealFourierPlan plan, T* x, T* y, T* room, FrequencyScale scale)
    {
        (int size, int count) = (plan.Length, plan.Length / 2 + 1);
        T* re = room, im = re + size;
        new ReadOnlySpan<T>(x, size).CopyTo(new Span<T>(re, size));
        new Span<T>(im, size).Clear();
        plan.Complex.Transform(re, im, im + size);
        im[0] = T.Zero;
        for (int f = 0; f < count; f++)
        {
            T by = f == 0 ? scale.Ends : scale.Middle;
            Put<Lanes1<T>, T>(by * re[f], y + f, scale.Adds);
            Put<Lanes1<T>, T>(by * im[f], y + count + f, scale.Adds);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SynthesizeEven<S, V>(RealFourierPlan plan, T* x, T* y, T* room, FrequencyScale scale)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int half = plan.Length, k = 0;
        T* re = room, im = re + half, fromRe = x, fromIm = x + half + 1;
        (T first, T last) = (scale.Ends * fromRe[0], scale.Ends * fromRe[half]);
        (re[0], im[0]) = (first + last, first - last);
        (int f, int g) = Tangle<S, V>(plan, fromRe, fromIm, re, im, Half * scale.Middle, 1);
        (f, g) = Tangle<Lanes1<T>, T>(plan, fromRe, fromIm, re, im, Half * scale.Middle, f);
        if (f == g)
        {
            (re[f], im[f]) = (scale.Middle * fromRe[f], -scale.Middle * fromIm[f]);
        }

        // With the parts changed for each other the transform is the inverse.
        plan.Complex.Transform(im, re, im + half);
        for (; k <= half - S.Count; k += S.Count)
        {
            (V even, V odd) = (S.Load(re + k), S.Load(im + k));
            if (scale.Adds)
            {
                (V evenBefore, V oddBefore) = S.LoadPairs(y + (2 * k));
                (even, odd) = (S.Add(evenBefore, even), S.Add(oddBefore, odd));
            }

            S.StorePairs(even, odd, y + (2 * k));
        }

        for (; k < half; k++)
        {
            Put<Lanes1<T>, T>(re[k], y + (2 * k), scale.Adds);
            Put<Lanes1<T>, T>(im[k], y + (2 * k) + 1, scale.Adds);
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

    private static void SynthesizeOdd(RealFourierPlan plan, T* x, T* y, T* room, FrequencyScale scale)
    {
        (int size, int count, T between) = (plan.Length, plan.Length / 2 + 1, Half * scale.Middle);
        T* re = room, im = re + size;
        (re[0], im[0]) = (scale.Ends * x[0], T.Zero);
        for (int f = 1; f < count; f++)
        {
            (re[f], im[f]) = (between * x[f], between * x[count + f]);
            (re[size - f], im[size - f]) = (re[f], -im[f]);
        }

        plan.Complex.Transform(im, re, im + size);
        for (int j = 0; j < size; j++)
        {
            Put<Lanes1<T>, T>(re[j], y + j, scale.Adds);
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
