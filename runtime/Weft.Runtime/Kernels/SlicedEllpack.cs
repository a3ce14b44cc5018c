using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>A sparse matrix with a copy of it in slices.</summary>
/// <typeparam name="T">The element.</typeparam>
/// <param name="matrix">The matrix as a table and values.</param>
/// <param name="slices">The first element of the copy.</param>
/// <param name="room">How many elements the copy has room for.</param>
public readonly unsafe struct SlicedMatrix<T>(FanInMatrix<T> matrix, T* slices, int room)
    where T : unmanaged
{
    internal readonly FanInMatrix<T> Matrix = matrix;

    internal readonly T* Slices = slices;

    internal readonly int Room = room;
}

/// <summary>
/// A sparse matrix with a constant fan-in, in slices of as many rows as a vector has lanes (SELL-C: Kreutzer et al. 2014). A step multiplies
/// an entry of each row of a slice; what they are multiplied by lies in a window of x that two registers hold, so that a permutation
/// finds it where a gather would load element by element. A row without an entry in the window has a zero there. A slice that would take
/// more steps than there is room for, since its rows have too little in common, is left to <see cref="ConstantFanIn{T}"/>.
/// </summary>
public static unsafe class SlicedEllpack<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Rows of the batch that share what is loaded of the matrix.</summary>
    private const int TileRows = 4;

    /// <summary>Steps from what is multiplied to what is asked for: a tile of rows is too slow for the hardware to run as far ahead (measured).</summary>
    private const int Ahead = 64;

    private static bool IsSupported
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated && Avx512F.IsSupported || Avx2.IsSupported;
    }

    /// <summary>Rows of a slice, and elements of half a window.</summary>
    private static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated ? Vector512<T>.Count : Vector256<T>.Count;
    }

    /// <summary>The most steps that a copy has room for: an entry and its place for each lane and the step's window, besides the first step of each slice.</summary>
    private static int StepsOf(in SlicedMatrix<T> matrix)
    {
        long bytes = ((long)matrix.Room * sizeof(T)) - (((matrix.Matrix.Outputs + Lanes - 1L) / Lanes + 1) * sizeof(int));
        return (int)(bytes / ((Lanes * sizeof(T)) + Lanes + sizeof(int)));
    }

    /// <summary>The copy: entries step by step, the lane of the window for each, where each step's window is, and the first step of each slice.</summary>
    private readonly struct Slices(T* block, int steps)
    {
        public T* Entries { get; } = block;

        public byte* Places { get; } = (byte*)(block + (nint)steps * Lanes);

        public int* Windows { get; } = (int*)((byte*)(block + (nint)steps * Lanes) + (nint)steps * Lanes);

        public int* Starts => Windows + steps;
    }

    /// <summary>Makes the copy. A machine that permutes no vectors of 256 bits has no use for one.</summary>
    /// <param name="matrix">The matrix, whose copy is overwritten.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(in SlicedMatrix<T> matrix)
    {
        if (!IsSupported)
        {
            return;
        }

        // A list of the entries in each half of a window for each lane.
        T* table = matrix.Matrix.Table, values = matrix.Matrix.Values;
        int outputs = matrix.Matrix.Outputs, fanIn = matrix.Matrix.FanIn, size = matrix.Matrix.Size, steps = StepsOf(matrix);
        var copy = new Slices(matrix.Slices, steps);
        int halves = (size + Lanes - 1) / Lanes, length = (halves + 1) * Lanes;
        int* lists = (int*)NativeMemory.Alloc((nuint)length, sizeof(int));
        Entry* memory = (Entry*)NativeMemory.Alloc((nuint)Lanes * (nuint)fanIn + 1, (nuint)sizeof(Entry)), entries = memory + 1;
        entries[-1] = new Entry { Next = -1 };
        int step = 0;
        for (int slice = 0, row = 0; row < outputs; slice++, row += Lanes)
        {
            new Span<int>(lists, length).Fill(-1);
            int rows = Math.Min(Lanes, outputs - row), begin = step, entry = 0;
            for (int lane = 0; lane < rows; lane++)
            {
                for (int end = entry + fanIn; entry < end; entry++)
                {
                    uint column = T.ConvertToIntegerNative<uint>(*table++), place = column % (uint)Lanes;
                    int* list = lists + (column - place) + lane;
                    entries[entry] = new Entry { Value = *values++, Next = *list, Place = (int)place };
                    *list = entry;
                }
            }

            for (int window = 0; window < halves * Lanes; window += Lanes)
            {
                while (HasEntries(lists + window))
                {
                    if (step == steps)
                    {
                        new Span<int>(lists, length).Fill(-1);
                        step = begin;
                        break;
                    }

                    copy.Windows[step] = window;
                    Take(lists + window, entries, copy.Entries + (nint)step * Lanes, copy.Places + (nint)step * Lanes);
                    step++;
                }
            }

            copy.Starts[slice] = begin;
            copy.Starts[slice + 1] = step;
        }

        NativeMemory.Free(lists);
        NativeMemory.Free(memory);
    }

    /// <summary>An entry of a slice in the list of its lane and half of a window.</summary>
    private struct Entry
    {
        public T Value;

        /// <summary>The next one in the list; −1 for none, which stands for a zero that is followed by itself.</summary>
        public int Next;

        /// <summary>Where in its half.</summary>
        public int Place;
    }

    /// <summary>Whether a lane has an entry in a half: whether not all lists are −1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasEntries(int* lists)
    {
        int all = -1;
        for (int lane = 0; lane < Lanes; lane++)
        {
            all &= lists[lane];
        }

        return all >= 0;
    }

    /// <summary>Takes of each lane an entry of the window's first half, or else of its second, or none. Which it is cannot be predicted: there are no branches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(int* lists, Entry* entries, T* values, byte* places)
    {
        for (int lane = 0; lane < Lanes; lane++)
        {
            int half = (lists[lane] >> 31) & Lanes, first = lists[lane + half];
            Entry entry = entries[first];
            lists[lane + half] = entry.Next;
            values[lane] = entry.Value;
            places[lane] = (byte)(entry.Place + (half & ~(first >> 31)));
        }
    }

    /// <summary>y[o, i] = coefficient · Σⱼ values[i, j] · x[o, table[i, j]], or += where <paramref name="accumulate"/>.</summary>
    /// <param name="matrix">The matrix and its copy.</param>
    /// <param name="x">[rows, size]</param>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="scratch">64-byte aligned: in each row room for x with a window behind its last element, and for a row of y. Overwritten.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="accumulate">Whether to add to y.</param>
    public static void Multiply(in SlicedMatrix<T> matrix, T* x, T* y, RowTensor<T> scratch, int rows, bool accumulate)
    {
        ref readonly FanInMatrix<T> whole = ref matrix.Matrix;
        if (!IsSupported)
        {
            ConstantFanIn<T>.Multiply(whole, x, y, scratch.First, rows, accumulate);
            return;
        }

        int outputs = whole.Outputs, pitch = scratch.Pitch;
        T coefficient = whole.Coefficient;
        var copy = new Slices(matrix.Slices, StepsOf(matrix));
        Layouts<T>.CopyRows(x, scratch.First, rows, whole.Size, pitch);
        for (int row = 0; row < rows; row += TileRows)
        {
            T* tileX = scratch.First + (nint)row * pitch, tileY = y + (nint)row * outputs;
            switch (rows - row)
            {
                case 1:
                    Run<Extent1>(tileX, pitch, copy, tileY, outputs, coefficient, accumulate);
                    break;
                case 2:
                    Run<Extent2>(tileX, pitch, copy, tileY, outputs, coefficient, accumulate);
                    break;
                case 3:
                    Run<Extent3>(tileX, pitch, copy, tileY, outputs, coefficient, accumulate);
                    break;
                default:
                    Run<Extent4>(tileX, pitch, copy, tileY, outputs, coefficient, accumulate);
                    break;
            }
        }

        for (int slice = 0, i = 0; i < outputs; slice++, i += Lanes)
        {
            for (int row = 0; row < rows && copy.Starts[slice] == copy.Starts[slice + 1]; row++)
            {
                ConstantFanIn<T>.MultiplyRow(whole, x + (nint)row * whole.Size, y + (nint)row * outputs, i, Math.Min(i + Lanes, outputs), accumulate);
            }
        }
    }

    private static void Run<R>(T* x, nint pitch, Slices copy, T* y, int outputs, T coefficient, bool accumulate)
        where R : struct, IExtent
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Run<R, Lanes512<T>, Vector512<T>, Window512>(x, pitch, copy, y, outputs, coefficient, accumulate);
        }
        else
        {
            Run<R, Lanes256<T>, Vector256<T>, Window256>(x, pitch, copy, y, outputs, coefficient, accumulate);
        }
    }

    /// <summary>All slices that are there, for a tile of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<R, S, V, W>(T* x, nint pitch, Slices copy, T* y, int outputs, T coefficient, bool accumulate)
        where R : struct, IExtent
        where S : struct, ILanes<T, V>
        where V : struct
        where W : struct, IWindow<V>
    {
        T* x1 = x + pitch, x2 = x1 + pitch, x3 = x2 + pitch;
        for (int slice = 0, i = 0; i < outputs; slice++, i += Lanes)
        {
            nint step = copy.Starts[slice], end = copy.Starts[slice + 1];
            if (step == end)
            {
                continue;
            }

            V sum0 = S.Zero, sum1 = S.Zero, sum2 = S.Zero, sum3 = S.Zero;
            if (R.Count == 1)
            {
                // A chain of its own for each of four steps, or each would wait for the one before.
                for (; step <= end - 4; step += 4)
                {
                    sum0 = Add<S, V, W>(copy, step, x, sum0);
                    sum1 = Add<S, V, W>(copy, step + 1, x, sum1);
                    sum2 = Add<S, V, W>(copy, step + 2, x, sum2);
                    sum3 = Add<S, V, W>(copy, step + 3, x, sum3);
                }

                for (; step < end; step++)
                {
                    sum0 = Add<S, V, W>(copy, step, x, sum0);
                }

                sum0 = S.Add(S.Add(sum0, sum1), S.Add(sum2, sum3));
            }
            else
            {
                for (; step < end; step++)
                {
                    Sse.Prefetch0(copy.Entries + (step + Ahead) * Lanes);
                    sum0 = Add<S, V, W>(copy, step, x, sum0);
                    sum1 = Add<S, V, W>(copy, step, x1, sum1);
                    sum2 = R.Count > 2 ? Add<S, V, W>(copy, step, x2, sum2) : sum2;
                    sum3 = R.Count > 3 ? Add<S, V, W>(copy, step, x3, sum3) : sum3;
                }
            }

            int count = Math.Min(Lanes, outputs - i);
            Store<S, V>(y + i, sum0, count, coefficient, accumulate);
            if (R.Count > 1)
            {
                Store<S, V>(y + outputs + i, sum1, count, coefficient, accumulate);
            }

            if (R.Count > 2)
            {
                Store<S, V>(y + 2 * (nint)outputs + i, sum2, count, coefficient, accumulate);
            }

            if (R.Count > 3)
            {
                Store<S, V>(y + 3 * (nint)outputs + i, sum3, count, coefficient, accumulate);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Add<S, V, W>(in Slices copy, nint step, T* x, V sum)
        where S : struct, ILanes<T, V>
        where V : struct
        where W : struct, IWindow<V> =>
        S.FusedMultiplyAdd(W.Read(x + copy.Windows[step], copy.Places + (step * S.Count)), S.Load(copy.Entries + (step * S.Count)), sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<S, V>(T* y, V sum, int count, T coefficient, bool accumulate)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        sum = S.Multiply(sum, S.Broadcast(coefficient));
        if (count == S.Count)
        {
            S.Store(accumulate ? S.Add(S.Load(y), sum) : sum, y);
        }
        else
        {
            StorePart<S, V>(y, sum, count, accumulate);
        }
    }

    private static void StorePart<S, V>(T* y, V sum, int count, bool accumulate)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        T* lanes = stackalloc T[S.Count];
        S.Store(sum, lanes);
        for (int lane = 0; lane < count; lane++)
        {
            y[lane] = accumulate ? y[lane] + lanes[lane] : lanes[lane];
        }
    }

    /// <summary>Elements of two vectors that lie one behind the other, by permutations of these.</summary>
    private interface IWindow<V>
        where V : struct
    {
        /// <summary>The elements at the places of a step, one for each lane.</summary>
        static abstract V Read(T* window, byte* places);
    }

    private readonly struct Window512 : IWindow<Vector512<T>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<T> Read(T* window, byte* places) => typeof(T) == typeof(float)
            ? Avx512F.PermuteVar16x32x2(
                Vector512.Load((float*)window), Avx512F.ConvertToVector512Int32(Vector128.Load(places)), Vector512.Load((float*)window + Vector512<float>.Count)).As<float, T>()
            : Avx512F.PermuteVar8x64x2(
                Vector512.Load((double*)window),
                Avx512F.ConvertToVector512Int64(Vector128.CreateScalarUnsafe(*(ulong*)places).AsByte()),
                Vector512.Load((double*)window + Vector512<double>.Count)).As<double, T>();
    }

    /// <summary>Each half is permuted by the last bits of the places; the bit before says which half it is.</summary>
    private readonly struct Window256 : IWindow<Vector256<T>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<T> Read(T* window, byte* places)
        {
            if (typeof(T) == typeof(float))
            {
                Vector256<int> place = Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(*(ulong*)places).AsByte());
                Vector256<float> first = Avx2.PermuteVar8x32(Vector256.Load((float*)window), place);
                Vector256<float> second = Avx2.PermuteVar8x32(Vector256.Load((float*)window + Vector256<float>.Count), place);
                return Avx.BlendVariable(first, second, (place << 28).AsSingle()).As<float, T>();
            }

            // There is no permutation of doubles: one of their halves, 2 p and 2 p + 1.
            Vector256<long> pair = Avx2.ConvertToVector256Int64(Vector128.CreateScalarUnsafe(*(uint*)places).AsByte());
            Vector256<int> halves = ((pair << 1) | (pair << 33) | Vector256.Create(1L << 32)).AsInt32();
            Vector256<double> low = Avx2.PermuteVar8x32(Vector256.Load((float*)window), halves).AsDouble();
            Vector256<double> high = Avx2.PermuteVar8x32(Vector256.Load((float*)((double*)window + Vector256<double>.Count)), halves).AsDouble();
            return Avx.BlendVariable(low, high, (pair << 61).AsDouble()).As<double, T>();
        }
    }
}
