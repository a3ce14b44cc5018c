using System.Numerics;
using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>A function of each lane of a vector, and its derivative.</summary>
internal interface IActivationFunction<T>
    where T : unmanaged
{
    static abstract V Value<S, V>(V z)
        where S : struct, ILanes<T, V>
        where V : struct;

    static abstract V Slope<S, V>(V z)
        where S : struct, ILanes<T, V>
        where V : struct;
}

/// <summary>What each <see cref="Activation"/> is, in vectors.</summary>
internal static class ActivationFunctions<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public readonly struct Relu : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.WherePositive(S.Subtract(S.Zero, z), S.Zero, z);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.WherePositive(z, Constant<S, V>(1), S.Zero);
    }

    /// <summary>z · gate: (1 + tanh u) / 2 = sigmoid(2u).</summary>
    public readonly struct Gelu : IActivationFunction<T>
    {
        private const double Linear = 2 * 0.79788456080286535588;
        private const double Cubic = Linear * 0.044715;

        /// <summary>Beyond it GELU is 0 or z to the last bit, and its derivative 0 or 1; the powers of a clamped argument do not overflow.</summary>
        private const double Range = 30;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Multiply(S.Max(Constant<S, V>(-Range), z), Gate<S, V>(Clamp<S, V>(z)));

        /// <summary>s + z s (1 − s) u′ with the gate s = sigmoid(u)</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V within = Clamp<S, V>(z), gate = Gate<S, V>(within);
            V change = S.FusedMultiplyAdd(S.Multiply(within, within), Constant<S, V>(3 * Cubic), Constant<S, V>(Linear));
            return S.FusedMultiplyAdd(S.Multiply(within, SigmoidSlope<S, V>(gate)), change, gate);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Clamp<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Min(Constant<S, V>(Range), S.Max(Constant<S, V>(-Range), z));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Gate<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct =>
            Sigmoid.Value<S, V>(S.Multiply(z, S.FusedMultiplyAdd(S.Multiply(z, z), Constant<S, V>(Cubic), Constant<S, V>(Linear))));
    }

    public readonly struct Silu : IActivationFunction<T>
    {
        /// <summary>Beyond it the sigmoid is 0 or 1, also times an infinite argument.</summary>
        private const double Range = 1000;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Multiply(S.Max(Constant<S, V>(-Range), z), Sigmoid.Value<S, V>(z));

        /// <summary>s + z s (1 − s)</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V within = S.Min(Constant<S, V>(Range), S.Max(Constant<S, V>(-Range), z)), sigmoid = Sigmoid.Value<S, V>(z);
            return S.FusedMultiplyAdd(within, SigmoidSlope<S, V>(sigmoid), sigmoid);
        }
    }

    /// <summary>Near 0 the rational approximation z + z³ P(z²) / Q(z²) of Moshier's Cephes library, else (1 − e) / (1 + e) with e = exp(−2 |z|).</summary>
    public readonly struct Tanh : IActivationFunction<T>
    {
        private const double Near = 0.625;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V one = Constant<S, V>(1), size = Abs<S, V>(z), square = S.Multiply(z, z);
            V p = Constant<S, V>(-9.64399179425052238628e-1);
            p = S.FusedMultiplyAdd(p, square, Constant<S, V>(-9.92877231001918586564e1));
            p = S.FusedMultiplyAdd(p, square, Constant<S, V>(-1.61468768441708447952e3));
            V q = S.Add(square, Constant<S, V>(1.12811678491632931402e2));
            q = S.FusedMultiplyAdd(q, square, Constant<S, V>(2.23548839060100448583e3));
            q = S.FusedMultiplyAdd(q, square, Constant<S, V>(4.84406305325125486048e3));
            V e = Exponential<S, V>(S.Multiply(size, Constant<S, V>(-2)));
            V isFar = S.Subtract(size, Constant<S, V>(Near));
            V ratio = S.Divide(S.WherePositive(isFar, S.Subtract(one, e), p), S.WherePositive(isFar, S.Add(one, e), q));
            return S.WherePositive(isFar, S.WherePositive(z, ratio, S.Subtract(S.Zero, ratio)), S.FusedMultiplyAdd(S.Multiply(z, square), ratio, z));
        }

        /// <summary>1 − tanh²</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V tanh = Value<S, V>(z);
            return S.Subtract(Constant<S, V>(1), S.Multiply(tanh, tanh));
        }
    }

    public readonly struct Sigmoid : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Divide(Constant<S, V>(1), S.Add(Constant<S, V>(1), Exponential<S, V>(S.Subtract(S.Zero, z))));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => SigmoidSlope<S, V>(Value<S, V>(z));
    }

    /// <summary>max(z, 0) + log(1 + exp(−|z|))</summary>
    public readonly struct Softplus : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Add(Relu.Value<S, V>(z), LogOfOnePlus<S, V>(Exponential<S, V>(S.Subtract(S.Zero, Abs<S, V>(z)))));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => Sigmoid.Value<S, V>(z);
    }

    public readonly struct Exp : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => Exponential<S, V>(z);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => Exponential<S, V>(z);
    }

    public readonly struct Square : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Multiply(z, z);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Add(z, z);
    }

    public readonly struct Sqrt : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Sqrt(z);

        /// <summary>1 / (2 √z), and 0 at 0</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.WherePositive(z, S.Divide(Constant<S, V>(0.5), S.Sqrt(z)), S.Zero);
    }

    public readonly struct Reciprocal : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Divide(Constant<S, V>(1), z);

        /// <summary>−1 / z²</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => S.Divide(Constant<S, V>(-1), S.Multiply(z, z));
    }

    /// <summary>½ log(1 + 2 |z| / (1 − |z|)), with the sign of z</summary>
    public readonly struct Atanh : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V size = Abs<S, V>(z);
            V value = S.Multiply(Constant<S, V>(0.5), LogOfOnePlus<S, V>(S.Divide(S.Add(size, size), S.Subtract(Constant<S, V>(1), size))));
            return S.WherePositive(z, value, S.Subtract(S.Zero, value));
        }

        /// <summary>1 / ((1 − z) (1 + z))</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct =>
            S.Divide(Constant<S, V>(1), S.Multiply(S.Subtract(Constant<S, V>(1), z), S.Add(Constant<S, V>(1), z)));
    }

    /// <summary>An even function f(z) / z. Where z is small the quotient is that of a number that is not, and the slope a series.</summary>
    private static class Ratios
    {
        public const double Least = 1e-30;

        /// <summary>Up to here the series that are given are exact, and from here on the quotient loses little.</summary>
        private const double Near = 1 / 5.0;

        /// <summary>Σ cₖ z^(2k + 1) near 0, else (f′(z) − f(z) / z) / z.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z, V slope, V ratio, ReadOnlySpan<double> coefficients)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V square = S.Multiply(z, z), series = S.Zero;
            for (int k = coefficients.Length - 1; k >= 0; k--)
            {
                series = S.FusedMultiplyAdd(series, square, Constant<S, V>(coefficients[k]));
            }

            V isFar = S.Subtract(square, Constant<S, V>(Near * Near));
            return S.WherePositive(isFar, S.Divide(S.Subtract(slope, ratio), S.WherePositive(isFar, z, Constant<S, V>(1))), S.Multiply(z, series));
        }
    }

    /// <summary>tanh(z) / z</summary>
    public readonly struct Tanhc : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V size = S.Max(Constant<S, V>(Ratios.Least), Abs<S, V>(z));
            return S.Divide(Tanh.Value<S, V>(size), size);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => Ratios.Slope<S, V>(z, Tanh.Slope<S, V>(z), Value<S, V>(z),
                [-2.0 / 3, 8.0 / 15, -34.0 / 105, 496.0 / 2835, -2764.0 / 31185, 87376.0 / 2027025, -1859138.0 / 91216125, 102473312.0 / 10854718875]);
    }

    /// <summary>atanh(z) / z; magnitudes beyond 1 − 2⁻²⁴ count as that, with slope 0.</summary>
    public readonly struct Atanhc : IActivationFunction<T>
    {
        private const double Most = 1 - 1.0 / (1 << 24);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V size = S.Max(Constant<S, V>(Ratios.Least), S.Min(Constant<S, V>(Most), Abs<S, V>(z)));
            return S.Divide(Atanh.Value<S, V>(size), size);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V slope = Ratios.Slope<S, V>(z, Atanh.Slope<S, V>(z), Value<S, V>(z),
                [2.0 / 3, 4.0 / 5, 6.0 / 7, 8.0 / 9, 10.0 / 11, 12.0 / 13, 14.0 / 15, 16.0 / 17, 18.0 / 19, 20.0 / 21]);
            return S.WherePositive(S.Subtract(Abs<S, V>(z), Constant<S, V>(Most)), S.Zero, slope);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Constant<S, V>(double value)
        where S : struct, ILanes<T, V>
        where V : struct => S.Broadcast(T.CreateTruncating(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Abs<S, V>(V z)
        where S : struct, ILanes<T, V>
        where V : struct => S.Max(z, S.Subtract(S.Zero, z));

    /// <summary>2ⁿ exp(r) with x = n log 2 + r and |r| ≤ ½ log 2, by the series of exp(r); 0 where the result would be subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Exponential<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        bool isFloat = typeof(T) == typeof(float);
        V rounding = Constant<S, V>(isFloat ? 1.5 * (1 << 23) : 1.5 * (1L << 52));
        V n = S.Subtract(S.FusedMultiplyAdd(x, Constant<S, V>(1.4426950408889634), rounding), rounding);

        // Of the two parts of −log 2 the first is short, so that n times it is exact.
        V r = S.FusedMultiplyAdd(n, Constant<S, V>(isFloat ? -0.693359375 : -6.93145751953125e-1), x);
        r = S.FusedMultiplyAdd(n, Constant<S, V>(isFloat ? 2.1219444005469058e-4 : -1.42860682030941723212e-6), r);

        V sum = S.Zero;
        if (!isFloat)
        {
            sum = Constant<S, V>(1.0 / 6227020800);
            sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 479001600));
            sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 39916800));
            sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 3628800));
            sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 362880));
            sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 40320));
        }

        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 5040));
        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 720));
        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 120));
        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 24));
        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1.0 / 6));
        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(0.5));
        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1));
        sum = S.FusedMultiplyAdd(sum, r, Constant<S, V>(1));

        // Half the power, and twice its factor: the largest results need a power that is no number.
        V result = S.Multiply(S.Add(sum, sum), S.PowerOfTwo(S.Subtract(n, Constant<S, V>(1))));
        result = S.WherePositive(S.Subtract(Constant<S, V>(isFloat ? -86.6 : -707.7), x), S.Zero, result);
        return S.WherePositive(S.Subtract(x, Constant<S, V>(isFloat ? 88.7228 : 709.7827)), Constant<S, V>(double.PositiveInfinity), result);
    }

    /// <summary>s (1 − s)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SigmoidSlope<S, V>(V sigmoid)
        where S : struct, ILanes<T, V>
        where V : struct => S.Multiply(sigmoid, S.Subtract(Constant<S, V>(1), sigmoid));

    /// <summary>
    /// log(1 + x) for x ≥ 0. What rounding 1 + x to u loses is put back: log(1 + x) ≈ log u + (x − (u − 1)) / u, so that the result keeps its
    /// relative accuracy where it is small.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogOfOnePlus<S, V>(V x)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V one = Constant<S, V>(1), u = S.Add(one, x), log = S.Log(u);
        V lost = S.Divide(S.Subtract(x, S.Subtract(u, one)), u);

        // Nothing that could be added is lost from a large number, of which infinity is one.
        return S.WherePositive(S.Subtract(Constant<S, V>(1e9), x), S.Add(log, lost), log);
    }
}
