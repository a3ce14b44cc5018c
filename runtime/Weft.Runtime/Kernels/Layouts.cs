using System.ComponentModel;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>Copies between layouts: strided and contiguous, permuted and straight.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Layouts<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int MaxAxes = 8;

    /// <summary>The side of a block in a transposition: both sides of it stay in the first-level cache.</summary>
    private const int Block = 16;

    /// <summary>target[i₀, i₁, …], contiguous and row-major over the extents, = source[Σ iₐ·strideₐ].</summary>
    /// <param name="source">The strided elements.</param>
    /// <param name="target">∏ extents elements; overwritten.</param>
    /// <param name="extents">The extent of each axis, at most 8.</param>
    /// <param name="strides">The distance in the source between neighbours along each axis.</param>
    public static void Gather(T* source, T* target, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides) =>
        Walk<Copy>(source, target, extents, strides);

    /// <summary>The adjoint of <see cref="Gather"/>: target[Σ iₐ·strideₐ] += source[i₀, i₁, …].</summary>
    /// <param name="source">∏ extents elements, contiguous and row-major.</param>
    /// <param name="target">The strided elements; added to.</param>
    /// <param name="extents">The extent of each axis, at most 8.</param>
    /// <param name="strides">The distance in the target between neighbours along each axis.</param>
    public static void ScatterAdd(T* source, T* target, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides) =>
        Walk<Accumulate>(target, source, extents, strides);

    /// <summary>Visits every element of a strided tensor together with its contiguous copy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Walk<TMove>(T* strided, T* dense, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides)
        where TMove : struct, IMove
    {
        Axis* axes = stackalloc Axis[MaxAxes];
        if (extents.Contains(0))
        {
            return;
        }

        // The last axis and the one along which the strided side is densest make a plane; the others count through the planes.
        int count = Simplify(axes, extents, strides);
        Axis row = axes[--count], column = new(1, 0, 0);
        int densest = count - 1;
        for (int i = 0; i < count; i++)
        {
            densest = Math.Abs((long)axes[i].Stride) < Math.Abs((long)axes[densest].Stride) ? i : densest;
        }

        if (densest >= 0 && row.Stride != 1)
        {
            column = axes[densest];
            count--;
            for (int i = densest; i < count; i++)
            {
                axes[i] = axes[i + 1];
            }
        }

        int* index = stackalloc int[MaxAxes];
        new Span<int>(index, MaxAxes).Clear();
        while (true)
        {
            Plane<TMove>(strided, dense, column, row);
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

    /// <summary>Drops axes of one element and joins axes that one loop can walk; at least one axis is left.</summary>
    private static int Simplify(Axis* axes, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides)
    {
        int count = 0;
        nint dense = 1;
        foreach (int extent in extents)
        {
            dense *= extent;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Plane<TMove>(T* strided, T* dense, Axis column, Axis row)
        where TMove : struct, IMove
    {
        if (row.Stride == 1)
        {
            TMove.Run(strided, dense, row.Extent);
            return;
        }

        int side = Transposition.Side<T>();
        bool transposes = side > 0 && column.Stride == 1;
        for (int top = 0; top < column.Extent; top += Block)
        {
            int bottom = Math.Min(top + Block, column.Extent);
            for (int left = 0; left < row.Extent; left += Block)
            {
                int right = Math.Min(left + Block, row.Extent);
                if (transposes && bottom - top == Block && right - left == Block)
                {
                    for (int i = top; i < bottom; i += side)
                    {
                        for (int j = left; j < right; j += side)
                        {
                            TMove.Tile(strided + i + j * row.Stride, row.Stride, dense + i * column.DenseStride + j, column.DenseStride);
                        }
                    }

                    continue;
                }

                for (int i = top; i < bottom; i++)
                {
                    T* from = strided + i * column.Stride;
                    T* to = dense + i * column.DenseStride;
                    for (int j = left; j < right; j++)
                    {
                        TMove.One(from + j * row.Stride, to + j);
                    }
                }
            }
        }
    }

    private readonly record struct Axis(int Extent, nint Stride, nint DenseStride);

    private interface IMove
    {
        static abstract void One(T* strided, T* dense);

        static abstract void Run(T* strided, T* dense, int length);

        /// <summary>A square of <see cref="Transposition.Side{T}"/>: contiguous along the columns on the strided side, along the rows on the other.</summary>
        static abstract void Tile(T* strided, nint stride, T* dense, nint denseStride);
    }

    private readonly struct Copy : IMove
    {
        public static void One(T* strided, T* dense) => *dense = *strided;

        public static void Run(T* strided, T* dense, int length) => new ReadOnlySpan<T>(strided, length).CopyTo(new Span<T>(dense, length));

        public static void Tile(T* strided, nint stride, T* dense, nint denseStride) =>
            Transposition.Run(strided, stride, dense, denseStride, accumulate: false);
    }

    private readonly struct Accumulate : IMove
    {
        public static void One(T* strided, T* dense) => *strided += *dense;

        public static void Run(T* strided, T* dense, int length) =>
            TensorPrimitives.Add(new ReadOnlySpan<T>(strided, length), new ReadOnlySpan<T>(dense, length), new Span<T>(strided, length));

        public static void Tile(T* strided, nint stride, T* dense, nint denseStride) =>
            Transposition.Run(dense, denseStride, strided, stride, accumulate: true);
    }
}
