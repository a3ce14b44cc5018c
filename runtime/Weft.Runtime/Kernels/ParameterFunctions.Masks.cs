using System.Runtime.InteropServices;

namespace Weft.Kernels;

/// <content>Masks of ones and zeros, which no derivative passes.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>The positions below a number.</summary>
    public static class Prefix
    {
        /// <summary>[rows] → [rows, length]: 1 at the positions j &lt; s.</summary>
        public static void Value(T* s, T* y, int rows, int length)
        {
            for (int i = 0; i < rows * length; i++)
            {
                y[i] = T.CreateTruncating(i % length) < s[i / length] ? T.One : T.Zero;
            }
        }
    }

    /// <summary>The largest elements of each row. Of equal ones the one of the lower index is chosen.</summary>
    public static class Largest
    {
        /// <summary>[rows, length] → [rows, length]: 1 at <paramref name="count"/> elements of each row, 1 to length.</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, int count)
        {
            (int rows, int length) = sizes;
            using Sorted sorted = new(length);
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> source = Row(x, row, length);
                Span<T> target = Row(y, row, length);
                T least = sorted.Of(source)[length - count];
                int above = 0;
                foreach (T value in source)
                {
                    above += value > least ? 1 : 0;
                }

                for (int i = 0, equals = count - above; i < length; i++)
                {
                    bool isChosen = source[i] > least || (source[i] == least && equals-- > 0);
                    target[i] = isChosen ? T.One : T.Zero;
                }
            }
        }
    }

    /// <summary>The elements of each row above its quantile.</summary>
    public static class AboveQuantile
    {
        /// <summary>[rows, length] → [rows, length]: 1 above the element that has the share <paramref name="q"/>, 0 to 1, of the others below it.</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, double q)
        {
            (int rows, int length) = sizes;
            using Sorted sorted = new(length);
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<T> source = Row(x, row, length);
                Span<T> target = Row(y, row, length);

                // What is above a number between two neighbours in the order is what is above the lower one.
                T threshold = sorted.Of(source)[(int)((length - 1) * q)];
                for (int i = 0; i < length; i++)
                {
                    target[i] = source[i] > threshold ? T.One : T.Zero;
                }
            }
        }
    }

    /// <summary>Memory for a row in ascending order.</summary>
    private readonly ref struct Sorted(int length) : IDisposable
    {
        private readonly T* _pointer = (T*)NativeMemory.Alloc((nuint)length, (nuint)sizeof(T));

        public ReadOnlySpan<T> Of(ReadOnlySpan<T> row)
        {
            Span<T> sorted = new(_pointer, row.Length);
            row.CopyTo(sorted);
            sorted.Sort();
            return sorted;
        }

        public void Dispose() => NativeMemory.Free(_pointer);
    }
}
