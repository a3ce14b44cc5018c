using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>Rows rounded to few values; the derivative counts as 1 (the straight-through estimator: Bengio et al. 2013).</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>Whole multiples of max |x| / (2^(bits − 1) − 1).</summary>
    public sealed class Quantize : Symmetric<Quantize>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, int rows, int length, int bits)
        {
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> source = Row(x, row, length);
                RoundTo(source, Row(y, row, length), T.Zero, LargestMagnitude(source) / T.CreateTruncating((1 << (bits - 1)) - 1));
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddScaled(direction, T.One, target);
    }

    /// <summary>2^bits equidistant values from the least to the largest.</summary>
    public sealed class QuantizeAffine : Symmetric<QuantizeAffine>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, int rows, int length, int bits)
        {
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> source = Row(x, row, length);
                T least = TensorPrimitives.Min(source), range = TensorPrimitives.Max(source) - least;
                RoundTo(source, Row(y, row, length), least, range / T.CreateTruncating((1 << bits) - 1));
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
        public static void Value(T* x, T* y, int rows, int length, int bits)
        {
            Span<T> codes = stackalloc T[1 << bits];
            int half = codes.Length / 2;
            double tail = 0.5 * (0.5 / codes.Length + 1 / (2.0 * codes.Length - 2)), most = RandomNumbers.NormalQuantile(1 - tail);
            for (int i = 0; i < half; i++)
            {
                codes[i] = T.CreateTruncating(RandomNumbers.NormalQuantile(tail + (0.5 - tail) * i / (half - 1)) / most);
                codes[half + i] = T.CreateTruncating(RandomNumbers.NormalQuantile(0.5 + (0.5 - tail) * (i + 1) / half) / most);
            }

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

        private static T Nearest(ReadOnlySpan<T> codes, T value)
        {
            T nearest = codes[0];
            foreach (T code in codes)
            {
                nearest = T.Abs(code - value) < T.Abs(nearest - value) ? code : nearest;
            }

            return nearest;
        }
    }

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
