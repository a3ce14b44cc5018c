using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>Copies between layouts: strided and contiguous, permuted and straight.</summary>
public static unsafe class Layouts<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Axes of two elements and more: with another one a block would have 2³² elements.</summary>
    private const int MaxAxes = 31;

    /// <summary>The side of a block in a transposition: both sides of it stay in the first-level cache.</summary>
    private const int Block = 16;

    /// <summary>target[i₀, i₁, …], contiguous and row-major over the extents, = source[Σ iₐ·strideₐ].</summary>
    /// <param name="source">The strided elements.</param>
    /// <param name="target">∏ extents elements; overwritten.</param>
    /// <param name="extents">The extent of each axis; their product is at most 2³¹ − 1.</param>
    /// <param name="strides">The distance in the source between neighbours along each axis.</param>
    public static void Gather(T* source, T* target, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides) =>
        Walk<Copy>(source, target, extents, strides);

    /// <summary>The adjoint of <see cref="Gather"/>: target[Σ iₐ·strideₐ] += source[i₀, i₁, …].</summary>
    /// <param name="source">∏ extents elements, contiguous and row-major.</param>
    /// <param name="target">The strided elements; added to.</param>
    /// <param name="extents">The extent of each axis; their product is at most 2³¹ − 1.</param>
    /// <param name="strides">The distance in the target between neighbours along each axis.</param>
    public static void ScatterAdd(T* source, T* target, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides) =>
        Walk<Accumulate>(target, source, extents, strides);

    /// <summary>Copies rows to where another number of elements lies from one to the next.</summary>
    /// <param name="source">[rows, length]</param>
    /// <param name="target">[rows, pitch], of which the first elements of each row are overwritten.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="length">Elements of a row.</param>
    /// <param name="pitch">Elements from one row of the target to the next.</param>
    public static void CopyRows(T* source, T* target, int rows, int length, int pitch)
    {
        for (int row = 0; row < rows; row++, source += length, target += pitch)
        {
            new ReadOnlySpan<T>(source, length).CopyTo(new Span<T>(target, length));
        }
    }

    /// <summary>Fills a part of each row with zeros.</summary>
    /// <param name="target">[rows, pitch], of which the first elements of each row are overwritten.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="length">Elements of a part.</param>
    /// <param name="pitch">Elements from one row to the next.</param>
    public static void ClearRows(T* target, int rows, int length, int pitch)
    {
        for (int row = 0; row < rows; row++, target += pitch)
        {
            new Span<T>(target, length).Clear();
        }
    }

    /// <summary>Visits every element of a strided tensor together with its contiguous copy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Walk<TMove>(T* strided, T* dense, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides)
        where TMove : struct, IMove
    {
        Axis* axes = stackalloc Axis[MaxAxes + 1];
        if (extents.Contains(0))
        {
            return;
        }

        // The last axis is contiguous on the dense side. Where it is not on the other, it is done in squares with the axis that is densest there.
        int count = Simplify(axes, extents, strides);
        Axis row = axes[--count], column = new(1, 0, 0);
        bool inRuns = row.Stride == 1;
        int rowBlocks = -1, columnBlocks = -1;
        if (!inRuns)
        {
            int densest = count - 1;
            for (int i = 0; i < count; i++)
            {
                densest = Math.Abs((long)axes[i].Stride) < Math.Abs((long)axes[densest].Stride) ? i : densest;
            }

            if (densest >= 0)
            {
                column = axes[densest];
                axes[densest] = column.Blocks;
            }
            else
            {
                axes[densest = count++] = column;
            }

            axes[count] = row.Blocks;
            (columnBlocks, rowBlocks) = (densest, count++);
            Sort(axes, count, AlongStrided<TMove>(row, column), ref columnBlocks, ref rowBlocks);
        }

        int* index = stackalloc int[MaxAxes + 1];
        new Span<int>(index, count).Clear();
        while (true)
        {
            if (inRuns)
            {
                TMove.Run(strided, dense, row.Extent);
            }
            else
            {
                Square<TMove>(
                    strided, dense, column, row, Math.Min(Block, column.Extent - index[columnBlocks] * Block), Math.Min(Block, row.Extent - index[rowBlocks] * Block));
            }

            int axis = count - 1;
            while (axis >= 0 && ++index[axis] == axes[axis].Extent)
            {
                strided -= axes[axis].Stride * (axes[axis].Extent - 1);
                dense -= axes[axis].DenseStride * (axes[axis].Extent - 1);
                index[axis--] = 0;
            }

            if (axis < 0)
            {
                return;
            }

            strided += axes[axis].Stride;
            dense += axes[axis].DenseStride;
        }
    }

    /// <summary>Which side is walked line after line: the one that is written, unless the lines of a square are much farther apart on the other.</summary>
    private static bool AlongStrided<TMove>(Axis row, Axis column)
        where TMove : struct, IMove
    {
        const int Much = 4;
        long strided = Math.Abs((long)row.Stride), dense = Math.Abs((long)column.DenseStride);
        return TMove.WritesStrided ? Much * strided >= dense : strided > Much * dense;
    }

    /// <summary>Brings the axes into the order in which one side is walked line after line.</summary>
    private static void Sort(Axis* axes, int count, bool alongStrided, ref int columnBlocks, ref int rowBlocks)
    {
        for (int i = 1; i < count; i++)
        {
            for (int j = i; j > 0 && Reach(axes[j]) > Reach(axes[j - 1]); j--)
            {
                (axes[j], axes[j - 1]) = (axes[j - 1], axes[j]);
                columnBlocks = columnBlocks == j ? j - 1 : columnBlocks == j - 1 ? j : columnBlocks;
                rowBlocks = rowBlocks == j ? j - 1 : rowBlocks == j - 1 ? j : rowBlocks;
            }
        }

        long Reach(Axis axis) => Math.Abs((long)(alongStrided ? axis.Stride : axis.DenseStride));
    }

    /// <summary>Drops axes of one element and joins axes that one loop can walk; at least one axis is left.</summary>
    private static int Simplify(Axis* axes, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides)
    {
        int count = 0;
        nint dense = 1;
        foreach (int extent in extents)
        {
            dense = checked((int)(dense * extent));
        }

        for (int i = 0; i < extents.Length; i++)
        {
            dense /= extents[i];
            if (extents[i] == 1)
            {
                continue;
            }

            if (count > 0 && axes[count - 1].Stride == (nint)strides[i] * extents[i])
            {
                axes[count - 1] = new Axis(axes[count - 1].Extent * extents[i], strides[i], dense);
            }
            else
            {
                axes[count++] = new Axis(extents[i], strides[i], dense);
            }
        }

        if (count == 0)
        {
            axes[count++] = new Axis(1, 1, 1);
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square<TMove>(T* strided, T* dense, Axis column, Axis row, int height, int width)
        where TMove : struct, IMove
    {
        int side = Transposition.Side<T>();
        if (side > 0 && column.Stride == 1 && height == Block && width == Block)
        {
            for (int i = 0; i < Block; i += side)
            {
                for (int j = 0; j < Block; j += side)
                {
                    TMove.Tile(strided + i + j * row.Stride, row.Stride, dense + i * column.DenseStride + j, column.DenseStride);
                }
            }

            return;
        }

        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width; j++)
            {
                TMove.One(strided + i * column.Stride + j * row.Stride, dense + i * column.DenseStride + j);
            }
        }
    }

    private readonly record struct Axis(int Extent, nint Stride, nint DenseStride)
    {
        public Axis Blocks => new((Extent + Block - 1) / Block, Block * Stride, Block * DenseStride);
    }

    private interface IMove
    {
        static abstract bool WritesStrided { get; }

        static abstract void One(T* strided, T* dense);

        static abstract void Run(T* strided, T* dense, int length);

        /// <summary>A square of <see cref="Transposition.Side{T}"/>: contiguous along the columns on the strided side, along the rows on the other.</summary>
        static abstract void Tile(T* strided, nint stride, T* dense, nint denseStride);
    }

    private readonly struct Copy : IMove
    {
        public static bool WritesStrided => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void One(T* strided, T* dense) => *dense = *strided;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Run(T* strided, T* dense, int length)
        {
            for (; length >= Vector512<T>.Count; length -= Vector512<T>.Count, strided += Vector512<T>.Count, dense += Vector512<T>.Count)
            {
                Vector512.Load(strided).Store(dense);
            }

            for (; length > 0; length--)
            {
                *dense++ = *strided++;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Tile(T* strided, nint stride, T* dense, nint denseStride) =>
            Transposition.Run(strided, stride, dense, denseStride, accumulate: false);
    }

    private readonly struct Accumulate : IMove
    {
        public static bool WritesStrided => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void One(T* strided, T* dense) => *strided += *dense;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Run(T* strided, T* dense, int length)
        {
            for (; length >= Vector512<T>.Count; length -= Vector512<T>.Count, strided += Vector512<T>.Count, dense += Vector512<T>.Count)
            {
                (Vector512.Load(strided) + Vector512.Load(dense)).Store(strided);
            }

            for (; length > 0; length--)
            {
                *strided++ += *dense++;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Tile(T* strided, nint stride, T* dense, nint denseStride) =>
            Transposition.Run(dense, denseStride, strided, stride, accumulate: true);
    }
}
