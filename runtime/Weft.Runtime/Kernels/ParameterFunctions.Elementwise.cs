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
        public static void Gradient(T* x, T* y, T* dy, T* dx, int length)
        {
            if (dx == null)
            {
                return;
            }

            using Scratch slope = new(length);
            TFunction.Slope(new(x, length), new(y, length), Row(slope.Pointer, 0, length));
            for (int i = 0; i < length; i++)
            {
                dx[i] += Along(slope.Pointer[i], dy[i]);
            }
        }

        /// <summary>ty = f′(x) · tx</summary>
        public static void Tangent(T* x, T* y, T* tx, T* ty, int length)
        {
            if (ty == null)
            {
                return;
            }

            Span<T> target = Row(ty, 0, length);
            if (tx == null)
            {
                target.Clear();
                return;
            }

            TFunction.Slope(new(x, length), new(y, length), target);
            for (int i = 0; i < length; i++)
            {
                target[i] = Along(target[i], tx[i]);
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
        public static void Gradient(T* x, T* y, T* dy, T* dx, int length, double number)
        {
            T power = T.CreateTruncating(number);
            for (int i = 0; dx != null && i < length; i++)
            {
                bool isFlat = power == T.Zero || (x[i] == T.Zero && power > T.Zero && power < T.One);
                dx[i] += Along(isFlat ? T.Zero : power * T.Pow(x[i], power - T.One), dy[i]);
            }
        }

        /// <summary>ty = p xᵖ⁻¹ · tx</summary>
        public static void Tangent(T* x, T* y, T* tx, T* ty, int length, double number)
        {
            if (ty != null)
            {
                new Span<T>(ty, length).Clear();
                Gradient(x, y, tx, tx == null ? null : ty, length, number);
            }
        }
    }

    /// <summary>The value of one tensor with the derivative of another.</summary>
    public static class StraightThrough
    {
        /// <summary>y = v</summary>
        public static void Value(T* v, T* x, T* y, int length) => StopGradient.Value(v, y, length);

        /// <summary>dx += dy</summary>
        public static void Gradient(T* v, T* x, T* y, T* dy, T* dv, T* dx, int length) => RoundStraightThrough.Gradient(x, y, dy, dx, length);

        /// <summary>ty = tx</summary>
        public static void Tangent(T* v, T* x, T* y, T* tv, T* tx, T* ty, int length) => RoundStraightThrough.Tangent(x, y, tx, ty, length);
    }

    /// <summary>Two tensors side by side along an axis.</summary>
    public static class Concat
    {
        /// <summary>[count, a], [count, b] → [count, a + b]</summary>
        public static void Value(T* a, T* b, T* y, int count, int aLength, int bLength)
        {
            for (int i = 0; i < count; i++, y += aLength + bLength)
            {
                Row(a, i, aLength).CopyTo(Row(y, 0, aLength));
                Row(b, i, bLength).CopyTo(new(y + aLength, bLength));
            }
        }

        /// <summary>da += the first part of dy, db += the second</summary>
        public static void Gradient(T* a, T* b, T* y, T* dy, T* da, T* db, int count, int aLength, int bLength)
        {
            for (int i = 0; i < count; i++, dy += aLength + bLength)
            {
                if (da != null)
                {
                    AddScaled(new(dy, aLength), T.One, Row(da, i, aLength));
                }

                if (db != null)
                {
                    AddScaled(new(dy + aLength, bLength), T.One, Row(db, i, bLength));
                }
            }
        }

        /// <summary>ty = ta and tb side by side</summary>
        public static void Tangent(T* a, T* b, T* y, T* ta, T* tb, T* ty, int count, int aLength, int bLength)
        {
            for (int i = 0; ty != null && i < count; i++, ty += aLength + bLength)
            {
                Copy(ta == null ? null : ta + (nint)i * aLength, new(ty, aLength));
                Copy(tb == null ? null : tb + (nint)i * bLength, new(ty + aLength, bLength));
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
        public static void Gradient(T* c, T* a, T* b, T* y, T* dy, T* dc, T* da, T* db, int length)
        {
            for (int i = 0; i < length; i++)
            {
                T* target = c[i] != T.Zero ? da : db;
                if (target != null)
                {
                    target[i] += dy[i];
                }
            }
        }

        /// <summary>ty = c ≠ 0 ? ta : tb</summary>
        public static void Tangent(T* c, T* a, T* b, T* y, T* tc, T* ta, T* tb, T* ty, int length)
        {
            for (int i = 0; ty != null && i < length; i++)
            {
                T* source = c[i] != T.Zero ? ta : tb;
                ty[i] = source == null ? T.Zero : source[i];
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
        public static void Gradient(T* a, T* b, T* y, T* dy, T* da, T* db, int length)
        {
            for (int i = 0; i < length; i++)
            {
                if (dy[i] == T.Zero)
                {
                    continue;
                }

                T slope = dy[i] / b[i];
                if (da != null)
                {
                    da[i] += slope;
                }

                if (db != null)
                {
                    db[i] -= slope * y[i];
                }
            }
        }

        /// <summary>ty = (ta − y · tb) / b</summary>
        public static void Tangent(T* a, T* b, T* y, T* ta, T* tb, T* ty, int length)
        {
            for (int i = 0; ty != null && i < length; i++)
            {
                T change = ta == null ? T.Zero : ta[i];
                ty[i] = (tb == null ? change : change - y[i] * tb[i]) / b[i];
            }
        }
    }

    private static void Activate(Activation f, ReadOnlySpan<T> x, Span<T> y)
    {
        fixed (T* source = x, target = y)
        {
            Activations<T>.Apply(f, source, target, 1, x.Length, (x.Length, x.Length));
        }
    }

    private static void ActivationSlope(Activation f, ReadOnlySpan<T> x, Span<T> slope)
    {
        slope.Fill(T.One);
        fixed (T* source = x, target = slope)
        {
            Activations<T>.Derivative(f, source, target, target, 1, x.Length, (x.Length, x.Length, x.Length), accumulate: false);
        }
    }
}
