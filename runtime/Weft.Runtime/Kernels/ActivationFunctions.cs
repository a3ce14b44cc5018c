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

    public readonly struct Tanh : IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => LaneMath<T>.Tanh<S, V>(z);

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
            where V : struct => LaneMath<T>.Sigmoid<S, V>(z);

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
            where V : struct => S.Add(Relu.Value<S, V>(z), LaneMath<T>.Log1p<S, V>(LaneMath<T>.Exp<S, V>(S.Subtract(S.Zero, LaneMath<T>.Abs<S, V>(z)))));

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
            where V : struct => LaneMath<T>.Exp<S, V>(z);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => LaneMath<T>.Exp<S, V>(z);
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
            V size = LaneMath<T>.Abs<S, V>(z);
            V value = S.Multiply(Constant<S, V>(0.5), LaneMath<T>.Log1p<S, V>(S.Divide(S.Add(size, size), S.Subtract(Constant<S, V>(1), size))));
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
            V size = S.Max(Constant<S, V>(Ratios.Least), LaneMath<T>.Abs<S, V>(z));
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
            V size = S.Max(Constant<S, V>(Ratios.Least), S.Min(Constant<S, V>(Most), LaneMath<T>.Abs<S, V>(z)));
            return S.Divide(Atanh.Value<S, V>(size), size);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Slope<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V slope = Ratios.Slope<S, V>(z, Atanh.Slope<S, V>(z), Value<S, V>(z),
                [2.0 / 3, 4.0 / 5, 6.0 / 7, 8.0 / 9, 10.0 / 11, 12.0 / 13, 14.0 / 15, 16.0 / 17, 18.0 / 19, 20.0 / 21]);
            return S.WherePositive(S.Subtract(LaneMath<T>.Abs<S, V>(z), Constant<S, V>(Most)), S.Zero, slope);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Constant<S, V>(double value)
        where S : struct, ILanes<T, V>
        where V : struct => LaneMath<T>.Constant<S, V>(value);

    /// <summary>s (1 − s)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SigmoidSlope<S, V>(V sigmoid)
        where S : struct, ILanes<T, V>
        where V : struct => S.Multiply(sigmoid, S.Subtract(Constant<S, V>(1), sigmoid));
}
