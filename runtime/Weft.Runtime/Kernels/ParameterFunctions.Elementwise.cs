using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>Functions of one element at a time.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>A function of numbers and its slope.</summary>
    public interface IElementwise
    {
        /// <summary>y = f(x)</summary>
        static abstract void Apply(ReadOnlySpan<T> x, Span<T> y);

        /// <summary>slope = f′(x), where y = f(x)</summary>
        static abstract void Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope);
    }

    /// <summary>What all of them have in common: tensors of [length].</summary>
    public abstract class Elementwise<TFunction>
        where TFunction : IElementwise
    {
        /// <summary>y = f(x)</summary>
        public static void Value(T* x, T* y, int length) => TFunction.Apply(new(x, length), new(y, length));

        /// <summary>dx += f′(x) · dy</summary>
        public static void Gradient(Dual x, Dual y, int length)
        {
            if (x.Mirror == null)
            {
                return;
            }

            using Scratch slope = new(length);
            TFunction.Slope(new(x.Value, length), new(y.Value, length), Row(slope.Pointer, 0, length));
            for (int i = 0; i < length; i++)
            {
                x.Mirror[i] += Along(slope.Pointer[i], y.Mirror[i]);
            }
        }

        /// <summary>ty = f′(x) · tx</summary>
        public static void Tangent(Dual x, Dual y, int length)
        {
            if (y.Mirror == null)
            {
                return;
            }

            Span<T> target = Row(y.Mirror, 0, length);
            if (x.Mirror == null)
            {
                target.Clear();
                return;
            }

            TFunction.Slope(new(x.Value, length), new(y.Value, length), target);
            for (int i = 0; i < length; i++)
            {
                target[i] = Along(target[i], x.Mirror[i]);
            }
        }
    }

    /// <summary>eˣ</summary>
    public sealed class Exp : Elementwise<Exp>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Exp(x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => y.CopyTo(slope);
    }

    /// <summary>The natural logarithm.</summary>
    public sealed class Log : Elementwise<Log>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Log(x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => TensorPrimitives.Reciprocal(x, slope);
    }

    /// <summary>As <see cref="Activation.Sqrt"/>.</summary>
    public sealed class Sqrt : Elementwise<Sqrt>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => Activate(Activation.Sqrt, x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => ActivationSlope(Activation.Sqrt, x, slope);
    }

    /// <summary>sin x</summary>
    public sealed class Sin : Elementwise<Sin>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Sin(x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => TensorPrimitives.Cos(x, slope);
    }

    /// <summary>cos x</summary>
    public sealed class Cos : Elementwise<Cos>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Cos(x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope)
        {
            TensorPrimitives.Sin(x, slope);
            TensorPrimitives.Negate(slope, slope);
        }
    }

    /// <summary>As <see cref="Activation.Relu"/>.</summary>
    public sealed class Relu : Elementwise<Relu>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => Activate(Activation.Relu, x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => ActivationSlope(Activation.Relu, x, slope);
    }

    /// <summary>As <see cref="Activation.Sigmoid"/>.</summary>
    public sealed class Sigmoid : Elementwise<Sigmoid>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => Activate(Activation.Sigmoid, x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => ActivationSlope(Activation.Sigmoid, x, slope);
    }

    /// <summary>As <see cref="Activation.Tanh"/>.</summary>
    public sealed class Tanh : Elementwise<Tanh>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => Activate(Activation.Tanh, x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => ActivationSlope(Activation.Tanh, x, slope);
    }

    /// <summary>As <see cref="Activation.Softplus"/>.</summary>
    public sealed class Softplus : Elementwise<Softplus>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => Activate(Activation.Softplus, x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => ActivationSlope(Activation.Softplus, x, slope);
    }

    /// <summary>The nearest whole number, of two the even one; the slope counts as 1 (the straight-through estimator: Bengio et al. 2013).</summary>
    public sealed class RoundStraightThrough : Elementwise<RoundStraightThrough>, IElementwise
    {
        static void IElementwise.Apply(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Round(x, y);

        static void IElementwise.Slope(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> slope) => slope.Fill(T.One);
    }

    /// <summary>Rounds to a storage format. Gradients and tangents are those of the argument, so that nothing is left to do for them.</summary>
    public static class Rounding<TFormat>
        where TFormat : struct, IStorageFormat<T>
    {
        /// <summary>[length] → [length]</summary>
        public static void Value(T* x, T* y, int length)
        {
            const int Block = 512;
            T* packed = stackalloc T[Block];
            T* scaled = StorageFormats<T>.Scale<TFormat>(packed);
            for (int start = 0; start < length; start += Block)
            {
                int count = Math.Min(Block, length - start);
                TFormat.Write(x + start, (byte*)packed, count);
                for (int i = 0; i < count; i++)
                {
                    y[start + i] = TFormat.Read(scaled + i);
                }
            }
        }
    }

    /// <summary>x to the power of a number; where the slope at 0 would be infinite and the value is 0, it is taken as 0.</summary>
    public static class Power
    {
        /// <summary>y = xᵖ</summary>
        public static void Value(T* x, T* y, int length, double number)
        {
            for (int i = 0; i < length; i++)
            {
                y[i] = T.Pow(x[i], T.CreateTruncating(number));
            }
        }

        /// <summary>dx += p xᵖ⁻¹ · dy</summary>
        public static void Gradient(Dual x, Dual y, int length, double number)
        {
            T power = T.CreateTruncating(number);
            for (int i = 0; x.Mirror != null && i < length; i++)
            {
                bool isFlat = power == T.Zero || (x.Value[i] == T.Zero && power > T.Zero && power < T.One);
                x.Mirror[i] += Along(isFlat ? T.Zero : power * T.Pow(x.Value[i], power - T.One), y.Mirror[i]);
            }
        }

        /// <summary>ty = p xᵖ⁻¹ · tx</summary>
        public static void Tangent(Dual x, Dual y, int length, double number)
        {
            if (y.Mirror != null)
            {
                new Span<T>(y.Mirror, length).Clear();
                Gradient(new(x.Value, x.Mirror == null ? null : y.Mirror), new(y.Value, x.Mirror), length, number);
            }
        }
    }

    /// <summary>The value of one tensor with the derivative of another.</summary>
    public static class StraightThrough
    {
        /// <summary>y = v</summary>
        public static void Value(T* v, T* x, T* y, int length) => StopGradient.Value(v, y, length);

        /// <summary>dx += dy</summary>
        public static void Gradient(Dual v, Dual x, Dual y, int length) => RoundStraightThrough.Gradient(x, y, length);

        /// <summary>ty = tx</summary>
        public static void Tangent(Dual v, Dual x, Dual y, int length) => RoundStraightThrough.Tangent(x, y, length);
    }

    /// <summary>Two tensors side by side along an axis.</summary>
    public static class Concat
    {
        /// <summary>[count, a], [count, b] → [count, a + b]</summary>
        public static void Value(T* a, T* b, T* y, (int Count, int ALength, int BLength) sizes)
        {
            (int count, int aLength, int bLength) = sizes;
            for (int i = 0; i < count; i++, y += aLength + bLength)
            {
                Row(a, i, aLength).CopyTo(Row(y, 0, aLength));
                Row(b, i, bLength).CopyTo(new(y + aLength, bLength));
            }
        }

        /// <summary>da += the first part of dy, db += the second</summary>
        public static void Gradient(Dual a, Dual b, Dual y, (int Count, int ALength, int BLength) sizes)
        {
            (int count, int aLength, int bLength) = sizes;
            T* dy = y.Mirror;
            for (int i = 0; i < count; i++, dy += aLength + bLength)
            {
                if (a.Mirror != null)
                {
                    AddScaled(new(dy, aLength), T.One, Row(a.Mirror, i, aLength));
                }

                if (b.Mirror != null)
                {
                    AddScaled(new(dy + aLength, bLength), T.One, Row(b.Mirror, i, bLength));
                }
            }
        }

        /// <summary>ty = ta and tb side by side</summary>
        public static void Tangent(Dual a, Dual b, Dual y, (int Count, int ALength, int BLength) sizes)
        {
            (int count, int aLength, int bLength) = sizes;
            T* ty = y.Mirror;
            for (int i = 0; ty != null && i < count; i++, ty += aLength + bLength)
            {
                Copy(a.Mirror == null ? null : a.Mirror + (nint)i * aLength, new(ty, aLength));
                Copy(b.Mirror == null ? null : b.Mirror + (nint)i * bLength, new(ty + aLength, bLength));
            }

            static void Copy(T* source, Span<T> target)
            {
                if (source == null)
                {
                    target.Clear();
                }
                else
                {
                    Row(source, 0, target.Length).CopyTo(target);
                }
            }
        }
    }

    /// <summary>The tensor itself, which no derivative passes.</summary>
    public static class StopGradient
    {
        /// <summary>y = x</summary>
        public static void Value(T* x, T* y, int length) => Row(x, 0, length).CopyTo(Row(y, 0, length));
    }

    /// <summary>a where a condition is not 0, b where it is, elementwise; the derivative is that of what is taken, and the other is not looked at.</summary>
    public static class Where
    {
        /// <summary>y = c ≠ 0 ? a : b</summary>
        public static void Value(T* c, T* a, T* b, T* y, int length)
        {
            for (int i = 0; i < length; i++)
            {
                y[i] = c[i] != T.Zero ? a[i] : b[i];
            }
        }

        /// <summary>da += dy where c ≠ 0, db += dy elsewhere; the condition has none.</summary>
        public static void Gradient(Dual c, Dual a, Dual b, Dual y, int length)
        {
            for (int i = 0; i < length; i++)
            {
                T* target = c.Value[i] != T.Zero ? a.Mirror : b.Mirror;
                if (target != null)
                {
                    target[i] += y.Mirror[i];
                }
            }
        }

        /// <summary>ty = c ≠ 0 ? ta : tb</summary>
        public static void Tangent(Dual c, Dual a, Dual b, Dual y, int length)
        {
            for (int i = 0; y.Mirror != null && i < length; i++)
            {
                T* source = c.Value[i] != T.Zero ? a.Mirror : b.Mirror;
                y.Mirror[i] = source == null ? T.Zero : source[i];
            }
        }
    }

    /// <summary>a / b, elementwise.</summary>
    public static class Quotient
    {
        /// <summary>y = a / b</summary>
        public static void Value(T* a, T* b, T* y, int length) =>
            TensorPrimitives.Divide(Row(a, 0, length), Row(b, 0, length), Row(y, 0, length));

        /// <summary>da += dy / b, db −= dy · y / b</summary>
        public static void Gradient(Dual a, Dual b, Dual y, int length)
        {
            for (int i = 0; i < length; i++)
            {
                if (y.Mirror[i] == T.Zero)
                {
                    continue;
                }

                T slope = y.Mirror[i] / b.Value[i];
                if (a.Mirror != null)
                {
                    a.Mirror[i] += slope;
                }

                if (b.Mirror != null)
                {
                    b.Mirror[i] -= slope * y.Value[i];
                }
            }
        }

        /// <summary>ty = (ta − y · tb) / b</summary>
        public static void Tangent(Dual a, Dual b, Dual y, int length)
        {
            for (int i = 0; y.Mirror != null && i < length; i++)
            {
                T change = a.Mirror == null ? T.Zero : a.Mirror[i];
                y.Mirror[i] = (b.Mirror == null ? change : change - y.Value[i] * b.Mirror[i]) / b.Value[i];
            }
        }
    }

    private static void Activate(Activation f, ReadOnlySpan<T> x, Span<T> y)
    {
        fixed (T* source = x, target = y)
        {
            Activations<T>.Apply(f, new(source, x.Length), new(target, x.Length), 1, x.Length);
        }
    }

    private static void ActivationSlope(Activation f, ReadOnlySpan<T> x, Span<T> slope)
    {
        slope.Fill(T.One);
        fixed (T* source = x, target = slope)
        {
            Activations<T>.Derivative(f, new(source, x.Length), new(target, x.Length), new(target, x.Length), 1, x.Length);
        }
    }
}
