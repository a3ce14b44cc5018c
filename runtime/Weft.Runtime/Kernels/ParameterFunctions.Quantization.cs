using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>Rows rounded to few values; the derivative counts as 1 (the straight-through estimator: Bengio et al. 2013).</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>Whole multiples of max |x| / (2^(bits − 1) − 1).</summary>
    public sealed class Quantize : Symmetric<Quantize>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> source = Row(x, row, length);
                RoundTo(source, Row(y, row, length), T.Zero, StepOf(source, bits));
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddScaled(direction, T.One, target);
    }

    /// <summary>The whole numbers of <see cref="Quantize"/>: those that its step is multiplied by.</summary>
    public static class QuantizeCodes
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> source = Row(x, row, length);
                T step = StepOf(source, bits);
                TensorPrimitives.Divide(source, step == T.Zero ? T.One : step, Row(y, row, length));
                TensorPrimitives.Round(Row(y, row, length), Row(y, row, length));
            }
        }
    }

    /// <summary>The step of <see cref="Quantize"/> for each row.</summary>
    public static class QuantizeScales
    {
        /// <summary>[rows, length] → [rows]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                y[row] = StepOf(Row(x, row, length), bits);
            }
        }
    }

    /// <summary>2^bits equidistant values from the least to the largest.</summary>
    public sealed class QuantizeAffine : Symmetric<QuantizeAffine>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                // In halves, whose range is a number.
                Span<T> target = Row(y, row, length);
                TensorPrimitives.Multiply(Row(x, row, length), Half, target);
                T least = TensorPrimitives.Min<T>(target), range = TensorPrimitives.Max<T>(target) - least;
                RoundTo(target, target, least, range / T.CreateTruncating((1 << bits) - 1));
                TensorPrimitives.Add(target, target, target);
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddScaled(direction, T.One, target);
    }

    /// <summary>
    /// scale · (code − zero), with codes and zero from 0 to 2^bits − 1: the scale is the range of the row and zero over 2^bits − 1, so that
    /// 0 stays 0 (as in Frantar et al., <i>GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers</i>, 2023, and Lin
    /// et al., <i>AWQ: Activation-aware Weight Quantization</i>, 2024).
    /// </summary>
    public sealed class QuantizeZeroPoint : Symmetric<QuantizeZeroPoint>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> source = Row(x, row, length);
                Span<T> target = Row(y, row, length);
                var grid = new ZeroPointGrid(source, bits);
                grid.Codes(source, target);
                for (int i = 0; i < length; i++)
                {
                    T value = grid.Step * (target[i] - grid.Zero);
                    target[i] = value + value;
                }
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddScaled(direction, T.One, target);
    }

    /// <summary>The codes of <see cref="QuantizeZeroPoint"/> less 2^(bits − 1), which are whole numbers with a sign.</summary>
    public static class QuantizeZeroPointCodes
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                new ZeroPointGrid(Row(x, row, length), bits).Codes(Row(x, row, length), Row(y, row, length));
                TensorPrimitives.Subtract(Row(y, row, length), T.CreateTruncating(1 << (bits - 1)), Row(y, row, length));
            }
        }
    }

    /// <summary>The scale of <see cref="QuantizeZeroPoint"/> for each row.</summary>
    public static class QuantizeZeroPointScales
    {
        /// <summary>[rows, length] → [rows]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                T step = new ZeroPointGrid(Row(x, row, length), bits).Step;
                y[row] = step + step;
            }
        }
    }

    /// <summary>What <see cref="QuantizeZeroPoint"/> adds to scales times <see cref="QuantizeZeroPointCodes"/> for each row.</summary>
    public static class QuantizeZeroPointOffsets
    {
        /// <summary>[rows, length] → [rows]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                var grid = new ZeroPointGrid(Row(x, row, length), bits);
                T offset = grid.Step * (T.CreateTruncating(1 << (bits - 1)) - grid.Zero);
                y[row] = offset + offset;
            }
        }
    }

    /// <summary>The values of <see cref="QuantizeZeroPoint"/> for a row, in halves, whose range is a number.</summary>
    private readonly ref struct ZeroPointGrid
    {
        private readonly T range, highest;

        public ZeroPointGrid(ReadOnlySpan<T> row, int bits)
        {
            T below = Half * T.Max(T.Zero, -TensorPrimitives.Min(row));
            range = (Half * T.Max(T.Zero, TensorPrimitives.Max(row))) + below;
            highest = T.CreateTruncating((1 << bits) - 1);
            Zero = range == T.Zero ? T.Zero : T.Round(below / range * highest);
        }

        /// <summary>The code of 0.</summary>
        public T Zero { get; }

        /// <summary>Half the scale.</summary>
        public T Step => range / highest;

        public void Codes(ReadOnlySpan<T> row, Span<T> codes)
        {
            for (int i = 0; i < row.Length; i++)
            {
                codes[i] = range == T.Zero ? T.Zero : T.Clamp(T.Round(Half * row[i] / range * highest) + Zero, T.Zero, highest);
            }
        }
    }

    /// <summary>
    /// 2^bits equidistant values from −max |x| to max |x|, the odd multiples of max |x| / (2^bits − 1): sums of ±2^j of them, one sign for each
    /// bit (the bipolar integers of Ma et al., <i>Efficient Arbitrary Precision Acceleration for Large Language Models</i>, 2024).
    /// </summary>
    public sealed class QuantizeBipolar : Symmetric<QuantizeBipolar>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]; of two values at the same distance the upper.</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            T two = T.One + T.One;
            for (int row = 0; row < rows; row++)
            {
                T step = LargestMagnitude(Row(x, row, length)) / T.CreateTruncating((1 << bits) - 1);
                for (int i = row * length; i < (row + 1) * length; i++)
                {
                    y[i] = step == T.Zero ? x[i] : step * (two * T.Floor(x[i] / step / two) + T.One);
                }
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddScaled(direction, T.One, target);
    }

    /// <summary>
    /// max |x| times 2^bits values from −1 to 1 that normal numbers fall between equally often: 0, and quantiles on each side (Dettmers et
    /// al., <i>QLoRA: Efficient Finetuning of Quantized LLMs</i>, 2023; for any number of bits Guo et al., <i>LQ-LoRA</i>, 2024).
    /// </summary>
    public sealed class NormalFloat : Symmetric<NormalFloat>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]; of two values at the same distance the lower.</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            Span<T> codes = stackalloc T[1 << bits];
            FillNormalFloat(codes);
            for (int row = 0; row < rows; row++)
            {
                T scale = LargestMagnitude(Row(x, row, length));
                for (int i = row * length; i < (row + 1) * length; i++)
                {
                    y[i] = scale == T.Zero ? T.Zero : scale * Nearest(codes, x[i] / scale);
                }
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddScaled(direction, T.One, target);

    }

    /// <summary>The values that <see cref="NormalFloat"/> multiplies its scale by.</summary>
    public static class NormalFloatCodes
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            Span<T> codes = stackalloc T[1 << bits];
            FillNormalFloat(codes);
            for (int row = 0; row < rows; row++)
            {
                T scale = LargestMagnitude(Row(x, row, length));
                for (int i = row * length; i < (row + 1) * length; i++)
                {
                    y[i] = scale == T.Zero ? T.Zero : Nearest(codes, x[i] / scale);
                }
            }
        }
    }

    /// <summary>The scale of <see cref="NormalFloat"/> for each row.</summary>
    public static class NormalFloatScales
    {
        /// <summary>[rows, length] → [rows]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int bits)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                y[row] = LargestMagnitude(Row(x, row, length));
            }
        }
    }

    /// <summary>The values of <see cref="NormalFloat"/> from −1 to 1, in order; their number is a power of two.</summary>
    internal static void FillNormalFloat(Span<T> codes)
    {
        int half = codes.Length / 2;
        double tail = 0.5 * (0.5 / codes.Length + 1 / (2.0 * codes.Length - 2)), most = RandomNumbers.NormalQuantile(1 - tail);
        for (int i = 0; i < half; i++)
        {
            codes[i] = T.CreateTruncating(RandomNumbers.NormalQuantile(tail + (0.5 - tail) * i / (half - 1)) / most);
            codes[half + i] = T.CreateTruncating(RandomNumbers.NormalQuantile(0.5 + (0.5 - tail) * (i + 1) / half) / most);
        }
    }

    private static T Nearest(ReadOnlySpan<T> codes, T value)
    {
        T nearest = codes[0];
        foreach (T code in codes)
        {
            nearest = T.Abs(code - value) < T.Abs(nearest - value) ? code : nearest;
        }

        return nearest;
    }

    private static T StepOf(ReadOnlySpan<T> row, int bits) => LargestMagnitude(row) / T.CreateTruncating((1 << (bits - 1)) - 1);

    private static T LargestMagnitude(ReadOnlySpan<T> row) => T.Abs(TensorPrimitives.MaxMagnitude(row));

    /// <summary>y = origin + step · round((x − origin) / step); x itself where there is no step.</summary>
    private static void RoundTo(ReadOnlySpan<T> x, Span<T> y, T origin, T step)
    {
        for (int i = 0; i < x.Length; i++)
        {
            y[i] = step == T.Zero ? x[i] : origin + step * T.Round((x[i] - origin) / step);
        }
    }
}
