using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>A sparse matrix of a constant fan-in, <c>A[i, table[i, j]] = coefficient · values[i, j]</c>.</summary>
/// <typeparam name="T">The element.</typeparam>
/// <param name="table">[outputs, fanIn]: whole numbers from 0 to size − 1.</param>
/// <param name="values">[outputs, fanIn]</param>
/// <param name="outputs">The rows of the matrix.</param>
/// <param name="fanIn">The entries of a row.</param>
/// <param name="size">The columns of the matrix.</param>
/// <param name="coefficient">What the values are multiplied by.</param>
public readonly unsafe struct FanInMatrix<T>(T* table, T* values, int outputs, int fanIn, int size, T coefficient)
    where T : unmanaged
{
    internal readonly T* Table = table, Values = values;

    internal readonly int Outputs = outputs, FanIn = fanIn, Size = size;

    internal readonly T Coefficient = coefficient;
}

/// <summary>
/// Products with a sparse matrix of a constant fan-in, <c>A[i, table[i, j]] = values[i, j]</c>. Rows of the batch run along the lanes of a
/// vector: batches are transposed, so that an entry of the matrix finds what it needs of all of them in one place.
/// </summary>
/// <remarks>
/// Of all methods: the table holds whole numbers from 0 to size − 1, which are not checked here, and scratch has room for size + outputs
/// elements for each row of the batch.
/// </remarks>
public static unsafe class ConstantFanIn<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What is done for a tile of rows: x and y are batches, inner and outer the same transposed, with C vectors for each element of a row.</summary>
    private interface IProduct
    {
        /// <summary>Transposes what is read.</summary>
        static abstract void Begin(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows);

        /// <summary>Multiplies.</summary>
        static abstract void Run<S, V, C>(in FanInMatrix<T> matrix, T* inner, T* outer)
            where S : struct, ILanes<T, V>
            where V : struct
            where C : struct, IExtent;

        /// <summary>Transposes what was written.</summary>
        static abstract void End(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows, bool accumulate);
    }

    /// <summary>y[o, i] = coefficient · Σⱼ values[i, j] · x[o, table[i, j]], or += where <paramref name="accumulate"/>.</summary>
    /// <param name="matrix">The sparse matrix.</param>
    /// <param name="x">[rows, size]</param>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="scratch">Room for size + outputs elements of each row; overwritten.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="accumulate">Whether to add to y.</param>
    public static void Multiply(in FanInMatrix<T> matrix, T* x, T* y, T* scratch, int rows, bool accumulate)
    {
        for (int row = Vectors<Product>(matrix, x, y, scratch, rows, accumulate); row < rows; row++)
        {
            MultiplyRow(matrix, x + (nint)row * matrix.Size, y + (nint)row * matrix.Outputs, 0, matrix.Outputs, accumulate);
        }
    }

    /// <summary>The same for a single row of the batch, and some outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void MultiplyRow(in FanInMatrix<T> matrix, T* x, T* y, int first, int end, bool accumulate)
    {
        int fanIn = matrix.FanIn;
        T* table = matrix.Table + (nint)first * fanIn, values = matrix.Values + (nint)first * fanIn;
        T coefficient = matrix.Coefficient;
        for (int i = first; i < end; i++, table += fanIn, values += fanIn)
        {
            T sum = coefficient * Dot(x, table, values, fanIn);
            y[i] = accumulate ? y[i] + sum : sum;
        }
    }

    /// <summary>The adjoint: x[o, table[i, j]] = coefficient · Σ values[i, j] · y[o, i], or += where <paramref name="accumulate"/>.</summary>
    /// <param name="matrix">The sparse matrix.</param>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="x">[rows, size]</param>
    /// <param name="scratch">Room for size + outputs elements of each row; overwritten.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="accumulate">Whether to add to x.</param>
    public static void MultiplyAdjoint(in FanInMatrix<T> matrix, T* y, T* x, T* scratch, int rows, bool accumulate) =>
        All<Adjoint>(matrix, x, y, scratch, rows, accumulate);

    /// <summary>The gradient for the values: values[i, j] += coefficient · Σₒ y[o, i] · x[o, table[i, j]].</summary>
    /// <param name="matrix">The matrix, with the gradient in the place of its values; added to.</param>
    /// <param name="x">[rows, size]</param>
    /// <param name="y">[rows, outputs]: the gradient for the outputs.</param>
    /// <param name="scratch">Room for size + outputs elements of each row; overwritten.</param>
    /// <param name="rows">The number of rows.</param>
    public static void AddGradient(in FanInMatrix<T> matrix, T* x, T* y, T* scratch, int rows) =>
        All<Gradient>(matrix, x, y, scratch, rows, accumulate: true);

    private static void All<TProduct>(in FanInMatrix<T> matrix, T* x, T* y, T* scratch, int rows, bool accumulate)
        where TProduct : struct, IProduct
    {
        int row = Vectors<TProduct>(matrix, x, y, scratch, rows, accumulate);
        Sweep<TProduct, Lanes1<T>, T, Extent1>(matrix, x, y, scratch, row, rows, accumulate);
    }

    /// <summary>As many rows as fill vectors, the widest first.</summary>
    /// <returns>How many.</returns>
    private static int Vectors<TProduct>(in FanInMatrix<T> matrix, T* x, T* y, T* scratch, int rows, bool accumulate)
        where TProduct : struct, IProduct
    {
        int row = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            row = Sweep<TProduct, Lanes512<T>, Vector512<T>, Extent2>(matrix, x, y, scratch, row, rows, accumulate);
            row = Sweep<TProduct, Lanes512<T>, Vector512<T>, Extent1>(matrix, x, y, scratch, row, rows, accumulate);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            row = Sweep<TProduct, Lanes256<T>, Vector256<T>, Extent1>(matrix, x, y, scratch, row, rows, accumulate);
        }

        return Vector128.IsHardwareAccelerated ? Sweep<TProduct, Lanes128<T>, Vector128<T>, Extent1>(matrix, x, y, scratch, row, rows, accumulate) : row;
    }

    private static int Sweep<TProduct, S, V, C>(in FanInMatrix<T> matrix, T* x, T* y, T* scratch, int row, int rows, bool accumulate)
        where TProduct : struct, IProduct
        where S : struct, ILanes<T, V>
        where V : struct
        where C : struct, IExtent
    {
        int tile = S.Count * C.Count;
        T* inner = scratch, outer = scratch + (nint)tile * matrix.Size;
        for (; row <= rows - tile; row += tile)
        {
            T* tileX = x + (nint)row * matrix.Size, tileY = y + (nint)row * matrix.Outputs;
            TProduct.Begin(matrix, tileX, tileY, inner, outer, tile);
            TProduct.Run<S, V, C>(matrix, inner, outer);
            TProduct.End(matrix, tileX, tileY, inner, outer, tile, accumulate);
        }

        return row;
    }

    private readonly struct Product : IProduct
    {
        public static void Begin(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows) => Transpose(x, inner, matrix.Size, rows);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Run<S, V, C>(in FanInMatrix<T> matrix, T* inner, T* outer)
            where S : struct, ILanes<T, V>
            where V : struct
            where C : struct, IExtent
        {
            T* table = matrix.Table, values = matrix.Values;
            V coefficient = S.Broadcast(matrix.Coefficient);
            for (int i = 0; i < matrix.Outputs; i++, table += matrix.FanIn, values += matrix.FanIn, outer += S.Count * C.Count)
            {
                // Two entries at a time, with sums of their own, or each would wait for the one before.
                V sum00 = S.Zero, sum01 = S.Zero, sum10 = S.Zero, sum11 = S.Zero;
                int j = 0;
                for (; j <= matrix.FanIn - 2; j += 2)
                {
                    T* x0 = At<S, V, C>(inner, table + j), x1 = At<S, V, C>(inner, table + j + 1);
                    V value0 = S.Broadcast(values[j]), value1 = S.Broadcast(values[j + 1]);
                    sum00 = S.FusedMultiplyAdd(S.Load(x0), value0, sum00);
                    sum10 = S.FusedMultiplyAdd(S.Load(x1), value1, sum10);
                    sum01 = C.Count > 1 ? S.FusedMultiplyAdd(S.Load(x0 + S.Count), value0, sum01) : sum01;
                    sum11 = C.Count > 1 ? S.FusedMultiplyAdd(S.Load(x1 + S.Count), value1, sum11) : sum11;
                }

                if (j < matrix.FanIn)
                {
                    T* x0 = At<S, V, C>(inner, table + j);
                    V value0 = S.Broadcast(values[j]);
                    sum00 = S.FusedMultiplyAdd(S.Load(x0), value0, sum00);
                    sum01 = C.Count > 1 ? S.FusedMultiplyAdd(S.Load(x0 + S.Count), value0, sum01) : sum01;
                }

                S.Store(S.Multiply(coefficient, S.Add(sum00, sum10)), outer);
                if (C.Count > 1)
                {
                    S.Store(S.Multiply(coefficient, S.Add(sum01, sum11)), outer + S.Count);
                }
            }
        }

        public static void End(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows, bool accumulate) =>
            TransposeBack(outer, y, matrix.Outputs, rows, accumulate);
    }

    private readonly struct Adjoint : IProduct
    {
        public static void Begin(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows)
        {
            Transpose(y, outer, matrix.Outputs, rows);
            new Span<T>(inner, matrix.Size * rows).Clear();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Run<S, V, C>(in FanInMatrix<T> matrix, T* inner, T* outer)
            where S : struct, ILanes<T, V>
            where V : struct
            where C : struct, IExtent
        {
            T* table = matrix.Table, values = matrix.Values;
            V coefficient = S.Broadcast(matrix.Coefficient);
            for (int i = 0; i < matrix.Outputs; i++, table += matrix.FanIn, values += matrix.FanIn, outer += S.Count * C.Count)
            {
                V y0 = S.Multiply(coefficient, S.Load(outer));
                V y1 = C.Count > 1 ? S.Multiply(coefficient, S.Load(outer + S.Count)) : S.Zero;
                for (int j = 0; j < matrix.FanIn; j++)
                {
                    T* x = At<S, V, C>(inner, table + j);
                    V value = S.Broadcast(values[j]);
                    S.Store(S.FusedMultiplyAdd(y0, value, S.Load(x)), x);
                    if (C.Count > 1)
                    {
                        S.Store(S.FusedMultiplyAdd(y1, value, S.Load(x + S.Count)), x + S.Count);
                    }
                }
            }
        }

        public static void End(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows, bool accumulate) =>
            TransposeBack(inner, x, matrix.Size, rows, accumulate);
    }

    private readonly struct Gradient : IProduct
    {
        public static void Begin(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows)
        {
            Transpose(x, inner, matrix.Size, rows);
            Transpose(y, outer, matrix.Outputs, rows);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Run<S, V, C>(in FanInMatrix<T> matrix, T* inner, T* outer)
            where S : struct, ILanes<T, V>
            where V : struct
            where C : struct, IExtent
        {
            T* table = matrix.Table, values = matrix.Values;
            V coefficient = S.Broadcast(matrix.Coefficient);
            for (int i = 0; i < matrix.Outputs; i++, table += matrix.FanIn, values += matrix.FanIn, outer += S.Count * C.Count)
            {
                V y0 = S.Multiply(coefficient, S.Load(outer));
                V y1 = C.Count > 1 ? S.Multiply(coefficient, S.Load(outer + S.Count)) : S.Zero;
                for (int j = 0; j < matrix.FanIn; j++)
                {
                    T* x = At<S, V, C>(inner, table + j);
                    V product = S.Multiply(S.Load(x), y0);
                    values[j] += S.Sum(C.Count > 1 ? S.FusedMultiplyAdd(S.Load(x + S.Count), y1, product) : product);
                }
            }
        }

        public static void End(in FanInMatrix<T> matrix, T* x, T* y, T* inner, T* outer, int rows, bool accumulate)
        {
        }
    }

    /// <summary>What an entry is multiplied by: the vectors of the element that the table names.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T* At<S, V, C>(T* inner, T* place)
        where S : struct, ILanes<T, V>
        where V : struct
        where C : struct, IExtent => inner + S.Count * C.Count * (nint)T.ConvertToIntegerNative<int>(*place);

    /// <summary>to[i, row] = from[row, i].</summary>
    private static void Transpose(T* from, T* to, int length, int rows) => Layouts<T>.Gather(from, to, [length, rows], [1, length]);

    /// <summary>to[row, i] = from[i, row], or +=.</summary>
    private static void TransposeBack(T* from, T* to, int length, int rows, bool accumulate)
    {
        if (accumulate)
        {
            Layouts<T>.ScatterAdd(from, to, [length, rows], [1, length]);
        }
        else
        {
            Layouts<T>.Gather(from, to, [rows, length], [1, rows]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Dot(T* x, T* places, T* weights, int count)
    {
        int j = 0;
        T sum = T.Zero;
        if (typeof(T) == typeof(float) && Avx2.IsSupported && Fma.IsSupported)
        {
            Vector256<float> first = default, second = default;
            for (; j <= count - 16; j += 16)
            {
                first = Fma.MultiplyAdd(Gathered(x, places + j), Avx.LoadVector256((float*)weights + j), first);
                second = Fma.MultiplyAdd(Gathered(x, places + j + 8), Avx.LoadVector256((float*)weights + j + 8), second);
            }

            if (j <= count - 8)
            {
                first = Fma.MultiplyAdd(Gathered(x, places + j), Avx.LoadVector256((float*)weights + j), first);
                j += 8;
            }

            sum = T.CreateTruncating(Vector256.Sum(first + second));
        }

        for (; j < count; j++)
        {
            sum += weights[j] * x[T.ConvertToIntegerNative<int>(places[j])];
        }

        return sum;
    }

    /// <summary>Eight elements of x at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Gathered(T* x, T* places) =>
        Avx2.GatherVector256((float*)x, Avx.ConvertToVector256Int32(Avx.LoadVector256((float*)places)), sizeof(float));
}
