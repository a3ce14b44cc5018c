using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>Positions that are read from a table, which holds whole numbers as elements, and constants.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
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
    /// <param name="target">As many elements; overwritten.</param>
    /// <param name="elements">The elements.</param>
    public static void Fill(T* target, ReadOnlySpan<double> elements)
    {
        for (int i = 0; i < elements.Length; i++)
        {
            target[i] = T.CreateTruncating(elements[i]);
        }
    }

    /// <summary>Sees to it that a table leads nowhere but to an axis.</summary>
    /// <param name="table">The positions.</param>
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

    /// <summary>target[o, i] = source[o, table[i]], or += where <paramref name="accumulate"/>.</summary>
    /// <param name="source">[outer, size]</param>
    /// <param name="target">[outer, length]</param>
    /// <param name="table">[length]: whole numbers from 0 to size − 1, which are not checked here.</param>
    /// <param name="outer">The number of rows.</param>
    /// <param name="length">The length of the table.</param>
    /// <param name="size">The length of a row of the source.</param>
    /// <param name="accumulate">Whether to add to the target.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather(T* source, T* target, T* table, int outer, int length, int size, bool accumulate)
    {
        for (int o = 0; o < outer; o++, source += size, target += length)
        {
            int i = 0;
            if (typeof(T) == typeof(float) && Avx2.IsSupported && !accumulate)
            {
                for (; i <= length - Vector256<float>.Count; i += Vector256<float>.Count)
                {
                    Vector256<int> positions = Avx.ConvertToVector256Int32(Avx.LoadVector256((float*)table + i));
                    Avx.Store((float*)target + i, Avx2.GatherVector256((float*)source, positions, sizeof(float)));
                }
            }

            for (; i < length; i++)
            {
                T element = source[int.CreateTruncating(table[i])];
                target[i] = accumulate ? target[i] + element : element;
            }
        }
    }

    /// <summary>The adjoint of <see cref="Gather"/>: target[o, table[i]] += source[o, i].</summary>
    /// <param name="source">[outer, length]</param>
    /// <param name="target">[outer, size]; added to.</param>
    /// <param name="table">[length]: whole numbers from 0 to size − 1, which are not checked here.</param>
    /// <param name="outer">The number of rows.</param>
    /// <param name="length">The length of the table.</param>
    /// <param name="size">The length of a row of the target.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ScatterAdd(T* source, T* target, T* table, int outer, int length, int size)
    {
        for (int o = 0; o < outer; o++, source += length, target += size)
        {
            for (int i = 0; i < length; i++)
            {
                target[int.CreateTruncating(table[i])] += source[i];
            }
        }
    }
}
