using Weft.Kernels;

namespace Weft;

/// <summary>
/// Mixed batches of what is held in memory, by the number of the step alone: a run that is resumed sees the batches that it would have seen. All rows come
/// once before one comes again, in another order each time.
/// </summary>
public static class MiniBatches
{
    /// <summary>The rows of a batch.</summary>
    /// <param name="step">The number of the step, from 0.</param>
    /// <param name="count">How many rows there are.</param>
    /// <param name="rows">The rows of this step's batch, from 0 to below <paramref name="count"/>; overwritten. The same length at each step.</param>
    /// <param name="seed">The seed of the orders.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative, there are no rows, or more steps than there are whole numbers of 64 bits.</exception>
    public static void Draw(long step, int count, Span<int> rows, int seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (step > (long.MaxValue / Math.Max(1, rows.Length)) - 1)
        {
            throw new ArgumentOutOfRangeException(nameof(step), step, $"The step times the {rows.Length} rows of a batch is no whole number of 64 bits.");
        }

        for (int i = 0; i < rows.Length; i++)
        {
            (long round, long place) = Math.DivRem((step * rows.Length) + i, count);
            rows[i] = RandomNumbers.Permuted(RandomNumbers.OfRow(seed, round, 0, 0), (int)place, count);
        }
    }

    /// <summary>Copies rows of a matrix, one behind the other.</summary>
    /// <param name="data">[count, width]</param>
    /// <param name="rows">The rows that are copied.</param>
    /// <param name="batch">[rows, width]; overwritten. The width is that of the data.</param>
    /// <exception cref="ArgumentException">The batch does not hold a whole number of elements for each row, or the data no whole number of rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A row is none of the data.</exception>
    public static void Copy<T>(ReadOnlySpan<T> data, ReadOnlySpan<int> rows, Span<T> batch)
    {
        if (rows.IsEmpty ? !batch.IsEmpty : batch.Length % rows.Length != 0)
        {
            throw new ArgumentException($"{batch.Length} elements are not {rows.Length} rows.", nameof(batch));
        }

        int width = rows.IsEmpty ? 0 : batch.Length / rows.Length;
        if (width > 0 && data.Length % width != 0)
        {
            throw new ArgumentException($"{data.Length} elements are no whole number of rows of {width}.", nameof(data));
        }

        for (int i = 0; i < rows.Length && width > 0; i++)
        {
            if ((uint)rows[i] >= (uint)(data.Length / width))
            {
                throw new ArgumentOutOfRangeException(nameof(rows), rows[i], $"There are {data.Length / width} rows.");
            }

            data.Slice(rows[i] * width, width).CopyTo(batch.Slice(i * width, width));
        }
    }
}
