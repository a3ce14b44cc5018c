using System.Buffers;
using System.Numerics;
using Weft.Execution;

namespace Weft.Kernels;

/// <summary>The rows of a batch, put together from inputs that have spans of their own, or taken apart into outputs that have.</summary>
public readonly ref struct PortRows<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly T[] rented;
    private readonly int rows, width;

    /// <summary>Room for rows.</summary>
    /// <param name="rows">The number of rows.</param>
    /// <param name="width">The elements of each row.</param>
    public PortRows(int rows, int width)
    {
        (this.rows, this.width) = (rows, width);
        rented = ArrayPool<T>.Shared.Rent(checked(rows * width));
    }

    /// <summary>[rows, width]</summary>
    public Span<T> Span => rented.AsSpan(0, rows * width);

    /// <summary>The rows of a batch of which an input has so many elements.</summary>
    /// <exception cref="ArgumentException">They are no whole rows.</exception>
    public static int Count(int elements, int length, string name) => Lengths.Rows(elements, length, name);

    /// <summary>Sees to it that an input or an output has a row for each of the batch.</summary>
    /// <exception cref="ArgumentException">It has not.</exception>
    public void Require(int elements, int length, string name) => Lengths.Require(elements, rows, length, name);

    /// <summary>Writes an input where it lies in each row.</summary>
    /// <param name="part">[rows, length]</param>
    /// <param name="offset">The place of the first of these elements in a row.</param>
    /// <param name="length">The number of these elements in each row.</param>
    /// <param name="name">The name of the input, for messages.</param>
    /// <exception cref="ArgumentException">It has another length.</exception>
    public void Put(ReadOnlySpan<T> part, int offset, int length, string name)
    {
        Require(part.Length, length, name);
        for (int row = 0; row < rows; row++)
        {
            part.Slice(row * length, length).CopyTo(Span.Slice(row * width + offset, length));
        }
    }

    /// <summary>Writes an input of positions where it lies in each row.</summary>
    /// <param name="part">[rows, length]</param>
    /// <param name="offset">The place of the first of these elements in a row.</param>
    /// <param name="length">The number of these elements in each row.</param>
    /// <param name="name">The name of the input, for messages.</param>
    /// <exception cref="ArgumentException">It has another length.</exception>
    public void Put(ReadOnlySpan<int> part, int offset, int length, string name)
    {
        Require(part.Length, length, name);
        for (int row = 0; row < rows; row++)
        {
            Span<T> target = Span.Slice(row * width + offset, length);
            for (int i = 0; i < length; i++)
            {
                target[i] = T.CreateTruncating(part[row * length + i]);
            }
        }
    }

    /// <summary>Reads a part of each row.</summary>
    /// <param name="part">[rows, length]; overwritten, or empty: not wanted.</param>
    /// <param name="offset">The place of the first of these elements in a row.</param>
    /// <param name="length">The number of these elements in each row.</param>
    public void Take(Span<T> part, int offset, int length)
    {
        for (int row = 0; row < rows && !part.IsEmpty; row++)
        {
            Span.Slice(row * width + offset, length).CopyTo(part.Slice(row * length, length));
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Dispose() => ArrayPool<T>.Shared.Return(rented);
}
