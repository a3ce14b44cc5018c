using System.ComponentModel;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>How the vector lanes of a kernel run.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum LaneForm
{
    /// <summary><c>c[r, l] += a[r, k] · b[k, l]</c>: lanes along b and c, a is broadcast.</summary>
    Broadcast,

    /// <summary><c>c[r, s, l] += a[r, k, l] · b[s, k, l]</c>.</summary>
    Parallel,

    /// <summary><c>c[r, s] += Σ a[r, l] · b[s, l]</c>.</summary>
    Dot,
}

/// <summary>A register tile: c = d + a · b over its rows × columns of vectors.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe interface ITile<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    static abstract LaneForm Form { get; }

    /// <summary>What is added to the positions in a, c and d from row to row.</summary>
    static abstract (int A, int C, int D) Rows { get; }

    /// <summary>What is added from column to column, in b, c and d; the columns of <see cref="LaneForm.Broadcast"/> are vectors of lanes.</summary>
    static abstract (int B, int C, int D) Columns { get; }

    /// <summary>What is added from lane to lane.</summary>
    static abstract (int A, int B, int C) Lanes { get; }

    /// <summary>How much further apart than its lanes two panels of a and of b are; 1 for an operand that is in none.</summary>
    static abstract (int A, int B) Panels { get; }

    /// <summary>The most rows of a tile: 6 where it has four columns, and up to 16 where it has fewer.</summary>
    static abstract int Height { get; }

    /// <summary>The most vectors of lanes that are columns of <see cref="LaneForm.Broadcast"/>: 1, 2 or 4.</summary>
    static abstract int Vectors { get; }

    /// <summary>Whether the rows of a are long and follow one another in memory: for a single column they are then best read one by one.</summary>
    static abstract bool IsOneStream { get; }

    /// <summary>Runs one tile of <typeparamref name="R"/> rows and <typeparamref name="C"/> columns.</summary>
    /// <param name="a">First element of a.</param>
    /// <param name="b">First element of b, if there is one.</param>
    /// <param name="c">First element of c.</param>
    /// <param name="count">Rows of the batch, for a tile that sums over them.</param>
    /// <param name="lanes">Lanes that a <see cref="LaneForm.Dot"/> sums over: a multiple of the vector's.</param>
    /// <param name="d">What is added to: null for nothing, c itself, or a tensor whose rows are laid out like those of c.</param>
    static abstract void Run<S, V, R, C>(T* a, T* b, T* c, int count, int lanes, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
        where R : struct, IExtent
        where C : struct, IExtent;
}

/// <summary>Runs register tiles over all their rows, columns and lanes, with the widest vectors that the machine has and that fit.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Tiles<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Lanes of a panel of packed weights: two of the widest vectors, and half of them where columns are not vectors of lanes.</summary>
    public static int Panel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 128 / sizeof(T);
    }

    /// <summary>c = d + a · b, where d is null for nothing, c itself, or a tensor whose rows are laid out like those of c. Lanes that fill no vector are done by narrower ones, down to single elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sweep<TTile>(T* a, T* b, T* c, int rows, int columns, int lanes, int count, T* d)
        where TTile : struct, ITile<T>
    {
        if (Vector512.IsHardwareAccelerated && lanes % Panel == 0 && TTile.Vectors > 1 && rows == 1)
        {
            // One row of a panel is so little that the loops of the general case would cost as much. What is in no panels is read line by line.
            bool isWide = TTile.Vectors == 4 && TTile.Panels.B == 1 && lanes % (2 * Panel) == 0;
            int width = isWide ? 2 * Panel : Panel;
            for (int done = 0; done < lanes; done += width)
            {
                if (isWide)
                {
                    TTile.Run<Lanes512<T>, Vector512<T>, Extent1, Extent4>(a, b, c, count, 0, d);
                }
                else
                {
                    TTile.Run<Lanes512<T>, Vector512<T>, Extent1, Extent2>(a, b, c, count, 0, d);
                }

                b += width * TTile.Lanes.B * TTile.Panels.B;
                c += width * TTile.Lanes.C;
                d = d == null ? null : d + (width * TTile.Lanes.C);
            }

            return;
        }

        All<TTile>(a, b, c, rows, columns, lanes, count, d);
    }

    /// <summary>The same for one tile of rows, as many as a type says: there may be very many such tiles, each of few operations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sweep<TTile, R>(T* a, T* b, T* c, int lanes, int count, T* d)
        where TTile : struct, ITile<T>
        where R : struct, IExtent
    {
        if (Vector512.IsHardwareAccelerated && lanes == Vector512<T>.Count)
        {
            TTile.Run<Lanes512<T>, Vector512<T>, R, Extent1>(a, b, c, count, 0, d);
        }
        else
        {
            All<TTile>(a, b, c, R.Count, 1, lanes, count, d);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void All<TTile>(T* a, T* b, T* c, int rows, int columns, int lanes, int count, T* d)
        where TTile : struct, ITile<T>
    {
        int done = 0;
        if (Vector512.IsHardwareAccelerated && lanes >= Vector512<T>.Count)
        {
            done = Vectors<TTile, Lanes512<T>, Vector512<T>>(a, b, c, rows, columns, done, lanes, count, d);
        }

        if (Vector256.IsHardwareAccelerated && lanes - done >= Vector256<T>.Count)
        {
            done = Vectors<TTile, Lanes256<T>, Vector256<T>>(a, b, c, rows, columns, done, lanes, count, d);
        }

        if (Vector128.IsHardwareAccelerated && lanes - done >= Vector128<T>.Count)
        {
            done = Vectors<TTile, Lanes128<T>, Vector128<T>>(a, b, c, rows, columns, done, lanes, count, d);
        }

        if (done < lanes)
        {
            Vectors<TTile, Lanes1<T>, T>(a, b, c, rows, columns, done, lanes, count, d);
        }
    }

    /// <summary>c = d + a · b where nothing is summed: the rows of a tile are vectors of lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Elements<TTile>(T* a, T* b, T* c, int lanes, int count, T* d)
        where TTile : struct, ITile<T>
    {
        int done = 0;
        if (Vector512.IsHardwareAccelerated && lanes >= Vector512<T>.Count)
        {
            done = Elements<TTile, Lanes512<T>, Vector512<T>>(a, b, c, done, lanes, count, d);
        }

        if (Vector256.IsHardwareAccelerated && lanes - done >= Vector256<T>.Count)
        {
            done = Elements<TTile, Lanes256<T>, Vector256<T>>(a, b, c, done, lanes, count, d);
        }

        if (Vector128.IsHardwareAccelerated && lanes - done >= Vector128<T>.Count)
        {
            done = Elements<TTile, Lanes128<T>, Vector128<T>>(a, b, c, done, lanes, count, d);
        }

        if (done < lanes)
        {
            Elements<TTile, Lanes1<T>, T>(a, b, c, done, lanes, count, d);
        }
    }

    /// <summary>All whole vectors of one width from <paramref name="done"/> on.</summary>
    /// <returns>The lanes done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Elements<TTile, S, V>(T* a, T* b, T* c, int done, int lanes, int count, T* d)
        where TTile : struct, ITile<T>
        where S : struct, ILanes<T, V>
        where V : struct
    {
        for (; done + (8 * S.Count) <= lanes; done += 8 * S.Count)
        {
            nint next = (nint)done * TTile.Lanes.C;
            TTile.Run<S, V, Extent8, Extent1>(
                a + ((nint)done * TTile.Lanes.A), b + ((nint)done * TTile.Lanes.B), c + next, count, 0, d == null ? null : d + next);
        }

        for (; done + S.Count <= lanes; done += S.Count)
        {
            nint next = (nint)done * TTile.Lanes.C;
            TTile.Run<S, V, Extent1, Extent1>(
                a + ((nint)done * TTile.Lanes.A), b + ((nint)done * TTile.Lanes.B), c + next, count, 0, d == null ? null : d + next);
        }

        return done;
    }

    /// <summary>All whole vectors of one width from <paramref name="done"/> on.</summary>
    /// <returns>The lanes done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Vectors<TTile, S, V>(T* a, T* b, T* c, int rows, int columns, int done, int lanes, int count, T* d)
        where TTile : struct, ITile<T>
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int whole = (lanes - done) / S.Count * S.Count;
        int end = done + whole;
        if (TTile.Form == LaneForm.Dot)
        {
            Rows<TTile, S, V>(
                a + (done * TTile.Lanes.A), b + (done * TTile.Lanes.B), c, rows, columns, count, whole, done > 0 ? c : d);
            return end;
        }

        // A panel of b stays in cache while all rows pass over it.
        int panel = TTile.Form == LaneForm.Broadcast ? Panel : Panel / 2;
        while (done < end)
        {
            int most = typeof(V) == typeof(Vector512<T>) && rows > 1 ? TTile.Vectors : Math.Min(TTile.Vectors, 2);
            int vectors = end - done >= most * S.Count ? most : end - done >= 2 * S.Count && most > 1 ? 2 : 1;
            int within = done % panel;
            T* pa = a + ((nint)(done - within) * TTile.Lanes.A * TTile.Panels.A) + (within * TTile.Lanes.A);
            T* pb = b + ((nint)(done - within) * TTile.Lanes.B * TTile.Panels.B) + (within * TTile.Lanes.B);
            T* pc = c + (done * TTile.Lanes.C);
            T* pd = d == null ? null : d + (done * TTile.Lanes.C);
            Rows<TTile, S, V>(pa, pb, pc, rows, TTile.Form != LaneForm.Broadcast ? columns : vectors, count, 0, pd);
            done += vectors * S.Count;
        }

        return end;
    }

    /// <summary>
    /// Tiles of as equal heights as can be: with six at the most, 32 rows are 6 + 6 + 5 + 5 + 5 + 5. The rows of a tile stay in cache
    /// while the columns pass by: there are more of them. The columns of <see cref="LaneForm.Broadcast"/> are vectors of lanes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<TTile, S, V>(T* a, T* b, T* c, int rows, int columns, int count, int lanes, T* d)
        where TTile : struct, ITile<T>
        where S : struct, ILanes<T, V>
        where V : struct
    {
        // Twelve accumulators and their operands are as many as fit in sixteen registers.
        int most = typeof(V) == typeof(Vector512<T>) ? TTile.Height : Math.Min(TTile.Height, columns > 1 ? 6 : 12);
        most = TTile.IsOneStream && columns == 1 ? 1 : most;
        int tiles = (rows + most - 1) / most;
        for (int row = 0; tiles > 0; tiles--)
        {
            int height = (rows - row + tiles - 1) / tiles;
            T* pa = a + ((nint)row * TTile.Rows.A);
            T* pc = c + ((nint)row * TTile.Rows.C);
            T* pd = d == null ? null : d + ((nint)row * TTile.Rows.D);
            switch (height)
            {
                case 1:
                    Columns<TTile, S, V, Extent1>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 2:
                    Columns<TTile, S, V, Extent2>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 3:
                    Columns<TTile, S, V, Extent3>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 4:
                    Columns<TTile, S, V, Extent4>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 5:
                    Columns<TTile, S, V, Extent5>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 6:
                    Columns<TTile, S, V, Extent6>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 7 when TTile.Height > 6:
                    Columns<TTile, S, V, Extent7>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 8 when TTile.Height > 6:
                    Columns<TTile, S, V, Extent8>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 9 when TTile.Height > 6:
                    Columns<TTile, S, V, Extent9>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 10 when TTile.Height > 6:
                    Columns<TTile, S, V, Extent10>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 11 when TTile.Height > 6:
                    Columns<TTile, S, V, Extent11>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 12 when TTile.Height > 6:
                    Columns<TTile, S, V, Extent12>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 13 when TTile.Height > 12:
                    Columns<TTile, S, V, Extent13>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 14 when TTile.Height > 12:
                    Columns<TTile, S, V, Extent14>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 15 when TTile.Height > 12:
                    Columns<TTile, S, V, Extent15>(pa, b, pc, columns, count, lanes, pd);
                    break;
                case 16 when TTile.Height > 12:
                    Columns<TTile, S, V, Extent16>(pa, b, pc, columns, count, lanes, pd);
                    break;
            }

            row += height;
        }
    }

    /// <summary>The columns of one row of tiles: a method by itself for each height, so that only those that there are get compiled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Columns<TTile, S, V, R>(T* a, T* b, T* c, int columns, int count, int lanes, T* d)
        where TTile : struct, ITile<T>
        where S : struct, ILanes<T, V>
        where V : struct
        where R : struct, IExtent
    {
        // The JIT compiles only what there can be.
        int most = TTile.Form == LaneForm.Broadcast ? TTile.Vectors : 4;
        int column = 0;
        for (; typeof(V) == typeof(Vector512<T>) && most == 4 && column + 4 <= columns; column += 4)
        {
            nint next = (nint)column * TTile.Columns.C;
            TTile.Run<S, V, R, Extent4>(a, b + ((nint)column * TTile.Columns.B), c + next, count, lanes, d == null ? null : d + ((nint)column * TTile.Columns.D));
        }

        for (; most > 1 && column + 2 <= columns; column += 2)
        {
            nint next = (nint)column * TTile.Columns.C;
            TTile.Run<S, V, R, Extent2>(a, b + ((nint)column * TTile.Columns.B), c + next, count, lanes, d == null ? null : d + ((nint)column * TTile.Columns.D));
        }

        if (column < columns)
        {
            nint next = (nint)column * TTile.Columns.C;
            TTile.Run<S, V, R, Extent1>(a, b + ((nint)column * TTile.Columns.B), c + next, count, lanes, d == null ? null : d + ((nint)column * TTile.Columns.D));
        }
    }

    /// <summary>c[offset] = d[offset] + value, a vector; a null d is zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<S, V>(T* c, T* d, int offset, V value)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        S.Store(d == null ? value : S.Add(S.Load(d + offset), value), c + offset);
    }

    /// <summary>The same with a stride between the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreStrided<S, V>(T* c, T* d, int offset, V value, int stride)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        S.StoreStrided(d == null ? value : S.Add(S.LoadStrided(d + offset, stride), value), c + offset, stride);
    }
}
