using System.Numerics;
using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>
/// Functions of each lane of a vector, to a few units in the last place. NaN gives NaN. Long ones are called: inlined into a loop, they would use
/// up what the just-in-time compiler allows itself, and it would call each of their operations instead.
/// </summary>
public static class LaneMath<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Abs<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct => S.Max(x, S.Subtract(S.Zero, x));

    /// <summary>2ⁿ exp(r) with x = n log 2 + r and |r| ≤ ½ log 2, by the series of exp(r); 0 where the result would be subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        bool isFloat = typeof(T) == typeof(float);
        V rounding = Constant<S, V>(isFloat ? 1.5 * (1 << 23) : 1.5 * (1L << 52));
        V n = S.Subtract(S.FusedMultiplyAdd(x, Constant<S, V>(1.4426950408889634), rounding), rounding);

        // Of the two parts of −log 2 the first is short, so that n times it is exact.
        V r = S.FusedMultiplyAdd(n, Constant<S, V>(isFloat ? -0.693359375 : -6.93145751953125e-1), x);
        r = S.FusedMultiplyAdd(n, Constant<S, V>(isFloat ? 2.1219444005469058e-4 : -1.42860682030941723212e-6), r);

        V one = Constant<S, V>(1), sum = S.FusedMultiplyAdd(S.FusedMultiplyAdd(Series<S, V>(S.Zero, r), r, one), r, one);

        // Half the power, and twice its factor: the largest results need a power that is no number.
        V result = S.Multiply(S.Add(sum, sum), S.PowerOfTwo(S.Subtract(n, one)));
        result = S.WherePositive(S.Subtract(Constant<S, V>(isFloat ? -86.6 : -707.7), x), S.Zero, result);
        return S.WherePositive(S.Subtract(x, Constant<S, V>(isFloat ? 88.7228 : 709.7827)), Constant<S, V>(double.PositiveInfinity), result);
    }

    /// <summary><see cref="Exp"/> as a call, for loops of generated code, which may hold several.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static V CallExp<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct => Exp<S, V>(x);

    /// <summary>(eˣ − 1 − x) / x² by its series ½ + x / 6 + x² / 24 + …, up to x⁵ / 7! in single and x¹¹ / 13! in double precision.</summary>
    /// <param name="first">The sum of the terms behind these, over the next power of x.</param>
    /// <param name="x">No number far from 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Series<S, V>(V first, V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V sum = first;
        if (typeof(T) == typeof(double))
        {
            sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 6227020800));
            sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 479001600));
            sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 39916800));
            sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 3628800));
            sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 362880));
            sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 40320));
        }

        sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 5040));
        sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 720));
        sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 120));
        sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 24));
        sum = S.FusedMultiplyAdd(sum, x, Constant<S, V>(1.0 / 6));
        return S.FusedMultiplyAdd(sum, x, Constant<S, V>(0.5));
    }

    /// <summary>eˣ − 1: by its series near 0, where it would lose digits of x.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static V Expm1<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V first = typeof(T) == typeof(double)
            ? S.FusedMultiplyAdd(Constant<S, V>(1.0 / 1307674368000), x, Constant<S, V>(1.0 / 87178291200))
            : Constant<S, V>(1.0 / 40320);
        V sum = Series<S, V>(first, x);
        V isFar = S.Subtract(Abs<S, V>(x), Constant<S, V>(0.5));
        return S.WherePositive(isFar, S.Subtract(Exp<S, V>(x), Constant<S, V>(1)), S.FusedMultiplyAdd(S.Multiply(x, x), sum, x));
    }

    /// <summary>
    /// log(1 + x) for x ≥ 0. What rounding 1 + x to u loses is put back: log(1 + x) ≈ log u + (x − (u − 1)) / u, so that the result keeps its
    /// relative accuracy where it is small.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1p<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V one = Constant<S, V>(1), u = S.Add(one, x), log = S.Log(u);
        V lost = S.Divide(S.Subtract(x, S.Subtract(u, one)), u);

        // Nothing that could be added is lost from a large number, of which infinity is one.
        return S.WherePositive(S.Subtract(Constant<S, V>(1e9), x), S.Add(log, lost), log);
    }

    /// <summary>Near 0 the rational approximation x + x³ P(x²) / Q(x²) of Moshier's Cephes library, else (1 − e) / (1 + e) with e = exp(−2 |x|).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        const double Near = 0.625;
        V one = Constant<S, V>(1), size = Abs<S, V>(x), square = S.Multiply(x, x);
        V p = Constant<S, V>(-9.64399179425052238628e-1);
        p = S.FusedMultiplyAdd(p, square, Constant<S, V>(-9.92877231001918586564e1));
        p = S.FusedMultiplyAdd(p, square, Constant<S, V>(-1.61468768441708447952e3));
        V q = S.Add(square, Constant<S, V>(1.12811678491632931402e2));
        q = S.FusedMultiplyAdd(q, square, Constant<S, V>(2.23548839060100448583e3));
        q = S.FusedMultiplyAdd(q, square, Constant<S, V>(4.84406305325125486048e3));
        V e = Exp<S, V>(S.Multiply(size, Constant<S, V>(-2)));
        V isFar = S.Subtract(size, Constant<S, V>(Near));
        V ratio = S.Divide(S.WherePositive(isFar, S.Subtract(one, e), p), S.WherePositive(isFar, S.Add(one, e), q));
        return S.WherePositive(isFar, S.WherePositive(x, ratio, S.Subtract(S.Zero, ratio)), S.FusedMultiplyAdd(S.Multiply(x, square), ratio, x));
    }

    /// <summary>1 / (1 + e⁻ˣ)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct => S.Divide(Constant<S, V>(1), S.Add(Constant<S, V>(1), Exp<S, V>(S.Subtract(S.Zero, x))));

    /// <summary>
    /// 1 − erf(x) = t exp(−x² + P(t)) for x ≥ 0 with t = 2 / (2 + x), P a sum of Chebyshev polynomials, by Clenshaw's recurrence (Press et al.,
    /// <i>Numerical Recipes</i>, 3rd edition, 2007, 6.2.2).
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static V Erfc<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V size = Abs<S, V>(x), two = Constant<S, V>(2), t = S.Divide(two, S.Add(two, size));
        V at = S.Subtract(S.Multiply(Constant<S, V>(4), t), two), a = S.Zero, b = S.Zero;
        if (typeof(T) == typeof(double))
        {
            b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(-2.8e-17), b));
            a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(1.21e-16), a));
            b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(-9.4e-17), b));
            a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(-1.523e-15), a));
            b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(7.106e-15), b));
            a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(3.81e-16), a));
            b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(-1.12708e-13), b));
            a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(3.13092e-13), a));
            b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(8.94487e-13), b));
            a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(-6.886027e-12), a));
            b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(2.394038e-12), b));
            a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(9.6467911e-11), a));
            b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(-2.27365122e-10), b));
            a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(-9.91364156e-10), a));
        }

        b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(5.059343495e-9), b));
        a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(6.529054439e-9), a));
        b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(-8.5238095915e-8), b));
        a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(1.5626441722e-8), a));
        b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(1.303655835580e-6), b));
        a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(-1.624290004647e-6), a));
        b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(-2.0278578112534e-5), b));
        a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(4.2523324806907e-5), a));
        b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(3.66839497852761e-4), b));
        a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(-9.46595344482036e-4), a));
        b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(-9.561514786808631e-3), b));
        a = S.FusedMultiplyAdd(at, b, S.Subtract(Constant<S, V>(1.9476473204185836e-2), a));
        b = S.FusedMultiplyAdd(at, a, S.Subtract(Constant<S, V>(6.4196979235649026e-1), b));
        V series = S.FusedMultiplyAdd(Constant<S, V>(0.5), S.FusedMultiplyAdd(at, b, Constant<S, V>(-1.3026537197817094)), S.Subtract(S.Zero, a));
        V value = S.Multiply(t, Exp<S, V>(S.Subtract(series, S.Multiply(x, x))));
        return S.WherePositive(S.Subtract(S.Zero, x), S.Subtract(two, value), value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Constant<S, V>(double value)
        where S : struct, ILanes<T, V>
        where V : struct => S.Broadcast(T.CreateTruncating(value));
}
