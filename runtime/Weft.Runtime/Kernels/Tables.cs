using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>The extents of a gather and of its adjoint, besides the rows of the batch.</summary>
/// <param name="Outer">The parts of a row that have the same positions.</param>
/// <param name="Size">The length of the axis that positions lead to.</param>
/// <param name="Count">The number of positions.</param>
/// <param name="Inner">The elements of what lies at a position.</param>
public readonly record struct GatherShape(int Outer, int Size, int Count, int Inner);

/// <summary>Positions that are read from a table, which holds whole numbers as elements, and constants.</summary>
public static unsafe class Tables<T>
    where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
{
    /// <summary>The element of a constant at a position.</summary>
    /// <param name="position">One number for each axis.</param>
    public delegate double Formula(ReadOnlySpan<int> position);

    /// <summary>Writes the elements of a constant in closed form.</summary>
    /// <param name="target">∏ extents elements, row-major; overwritten.</param>
    /// <param name="extents">The extent of each axis.</param>
    /// <param name="formula">The element at each position.</param>
    public static void Fill(T* target, ReadOnlySpan<int> extents, Formula formula)
    {
        Span<int> position = stackalloc int[extents.Length];
        position.Clear();
        long count = 1;
        foreach (int extent in extents)
        {
            count *= extent;
        }

        for (long i = 0; i < count; i++)
        {
            target[i] = T.CreateTruncating(formula(position));
            for (int axis = extents.Length - 1; axis >= 0 && ++position[axis] == extents[axis]; axis--)
            {
                position[axis] = 0;
            }
        }
    }

    /// <summary>Writes the elements of a constant one after the other.</summary>
    /// <param name="target">As many elements as are given; overwritten.</param>
    /// <param name="elements">The elements of the constant, row-major.</param>
    public static void Fill(T* target, ReadOnlySpan<double> elements)
    {
        for (int i = 0; i < elements.Length; i++)
        {
            target[i] = T.CreateTruncating(elements[i]);
        }
    }

    /// <summary>Sees to it that a table leads nowhere but to an axis.</summary>
    /// <param name="table">[length]: the positions.</param>
    /// <param name="length">The number of positions.</param>
    /// <param name="size">The length of the axis.</param>
    /// <param name="name">The name of the table.</param>
    /// <exception cref="InvalidOperationException">An element is not a whole number from 0 to <paramref name="size"/> − 1.</exception>
    public static void Check(T* table, int length, int size, string name)
    {
        T end = T.CreateTruncating(size);
        for (int i = 0; i < length; i++)
        {
            if (!(table[i] >= T.Zero && table[i] < end && T.IsInteger(table[i])))
            {
                throw new InvalidOperationException($"{name} is a table of positions from 0 to {size - 1}; its element {i} is {table[i]}.");
            }
        }
    }

    /// <summary>
    /// target[n, o, i, c] = source[n, o, table[n, i], c], or += where <paramref name="accumulate"/>, for each row n. Where all rows have the same
    /// target, what rows give is added up.
    /// </summary>
    /// <param name="source">[rows, outer, size, inner]</param>
    /// <param name="table">[rows, count]: whole numbers from 0 to size − 1, which are not checked here.</param>
    /// <param name="target">[rows, outer, count, inner]</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="shape">The extents besides the rows.</param>
    /// <param name="accumulate">Whether to add to the target.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather(RowTensor<T> source, RowTensor<T> table, RowTensor<T> target, int rows, GatherShape shape, bool accumulate)
    {
        (int outer, int size, int count, int inner) = shape;
        T* sourceRow = source.First, positions = table.First, targetRow = target.First;
        for (; rows > 0; rows--, sourceRow += source.Pitch, positions += table.Pitch, targetRow += target.Pitch)
        {
            T* from = sourceRow, to = targetRow;
            for (int o = 0; o < outer; o++, from += (nint)size * inner)
            {
                int i = 0;
                if (typeof(T) == typeof(float) && Avx2.IsSupported && inner == 1 && !accumulate)
                {
                    for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count, to += Vector256<float>.Count)
                    {
                        Vector256<int> eight = Avx.ConvertToVector256Int32(Avx.LoadVector256((float*)positions + i));
                        Avx.Store((float*)to, Avx2.GatherVector256((float*)from, eight, sizeof(float)));
                    }
                }

                for (; i < count; i++, to += inner)
                {
                    if (inner > 1 && i + Ahead < count)
                    {
                        Prefetch(from + (nint)int.CreateTruncating(positions[i + Ahead]) * inner, inner);
                    }

                    Move(from + (nint)int.CreateTruncating(positions[i]) * inner, to, inner, accumulate);
                }
            }
        }
    }

    /// <summary>The adjoint of <see cref="Gather"/>: target[n, o, table[n, i], c] += source[n, o, i, c].</summary>
    /// <param name="source">[rows, outer, count, inner]</param>
    /// <param name="table">[rows, count]: whole numbers from 0 to size − 1, which are not checked here.</param>
    /// <param name="target">[rows, outer, size, inner]; added to.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="shape">The extents besides the rows.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ScatterAdd(RowTensor<T> source, RowTensor<T> table, RowTensor<T> target, int rows, GatherShape shape)
    {
        (int outer, int size, int count, int inner) = shape;
        T* sourceRow = source.First, positions = table.First, targetRow = target.First;
        for (; rows > 0; rows--, sourceRow += source.Pitch, positions += table.Pitch, targetRow += target.Pitch)
        {
            T* from = sourceRow, to = targetRow;
            for (int o = 0; o < outer; o++, to += (nint)size * inner)
            {
                for (int i = 0; i < count; i++, from += inner)
                {
                    Move(from, to + (nint)int.CreateTruncating(positions[i]) * inner, inner, accumulate: true);
                }
            }
        }
    }

    /// <summary>How many positions ahead vectors are asked for: they come from all over a table.</summary>
    private const int Ahead = 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(T* vector, int length)
    {
        const int Line = 64;
        if (Sse.IsSupported)
        {
            for (byte* line = (byte*)vector, end = (byte*)(vector + Math.Min(length, 8 * Line)); line < end; line += Line)
            {
                Sse.Prefetch0(line);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Move(T* source, T* target, int length, bool accumulate)
    {
        if (length == 1)
        {
            *target = accumulate ? *target + *source : *source;
        }
        else if (accumulate)
        {
            var sum = new Span<T>(target, length);
            TensorPrimitives.Add(sum, new ReadOnlySpan<T>(source, length), sum);
        }
        else
        {
            new ReadOnlySpan<T>(source, length).CopyTo(new Span<T>(target, length));
        }
    }
}
