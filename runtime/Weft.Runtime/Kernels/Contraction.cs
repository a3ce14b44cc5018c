using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>One loop of a contraction.</summary>
/// <param name="Extent">How often it runs; 0 for the rows of the batch.</param>
/// <param name="A">What it adds to the position in a.</param>
/// <param name="B">What it adds to the position in b.</param>
/// <param name="C">What it adds to the position in c.</param>
public readonly record struct Loop(int Extent, int A, int B, int C)
{
    /// <summary>What it adds to the position in what is added: as in c, where nothing else is said.</summary>
    public int D { get; init; } = C;
}

/// <summary>
/// A contraction <c>c = d + Coefficient · Σ a · b</c> as numbers: loops with their strides around a register tile of rows × columns of vectors. Its code
/// is the same for all shapes: it is compiled once for each width of vectors and each form of its operands.
/// </summary>
/// <typeparam name="T">The element.</typeparam>
/// <typeparam name="TA">How the lanes of a are read.</typeparam>
/// <typeparam name="TB">How the lanes of b are read.</typeparam>
/// <typeparam name="TC">How the lanes of c are written.</typeparam>
/// <param name="form">How the lanes run.</param>
public sealed unsafe partial class Contraction<T, TA, TB, TC>(LaneForm form)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TA : struct, IOperand<T>
    where TB : struct, IOperand<T>
    where TC : struct, IResult<T>
{
    /// <summary>Terms that one accumulator adds up. A sum that is much longer is one of such sums: rounding errors grow with the length.</summary>
    private const int SumBlock = 4096;

    private static readonly Loop Nothing = new(1, 0, 0, 0);

    /// <summary>Positions in a and b of each step of the sums between, for each width of vectors and choice of the innermost sum; pinned.</summary>
    private readonly int[]?[] _offsets = new int[]?[2 * 5];

    /// <summary>The loops around the tile, from the outside in.</summary>
    public Loop[] Outer { get; init; } = [];

    /// <summary>What is summed beside the lanes, from the outside in; the rows of the batch only outermost.</summary>
    public Loop[] Sums { get; init; } = [];

    /// <summary>The rows of a tile, in a and c.</summary>
    public Loop Rows { get; init; } = Nothing;

    /// <summary>The columns of a tile, in b and c, where they are not vectors of lanes.</summary>
    public Loop Columns { get; init; } = Nothing;

    /// <summary>The lanes.</summary>
    public Loop Lanes { get; init; } = new(1, 1, 1, 1);

    /// <summary>How much further apart than its lanes two panels of a and of b are; 1 for an operand that is in none.</summary>
    public (int A, int B) Panels { get; init; } = (1, 1);

    /// <summary>What the sums are multiplied by.</summary>
    public double Coefficient { get; init; } = 1;

    /// <summary>Whether the rows of a are long and follow one another in memory: for a single column they are then best read one by one.</summary>
    public bool IsOneStream { get; init; }

    /// <summary>Lanes of a panel of packed weights: two of the widest vectors, and half of them where columns are not vectors of lanes.</summary>
    private int Panel => 2 * MemoryBlock.WidestVector / sizeof(T) / (form == LaneForm.Broadcast ? 1 : 2);

    /// <summary>c = d + Coefficient · Σ a · b, where d is null for nothing, c itself, or a tensor whose lanes are laid out like those of c.</summary>
    /// <param name="a">First element of a.</param>
    /// <param name="b">First element of b, if there is one.</param>
    /// <param name="c">First element of c.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="d">First element of what is added.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(T* a, T* b, T* c, int rows, T* d)
    {
        long terms = form == LaneForm.Dot ? Lanes.Extent : 1;
        foreach (Loop loop in Sums)
        {
            terms *= Math.Max(1, loop.Extent);
        }

        var frame = new Frame
        {
            BatchRows = rows,
            Rows = Rows.Extent == 0 ? rows : Rows.Extent,
            Columns = Columns.Extent == 0 ? rows : Columns.Extent,
            RowA = Rows.A,
            RowC = Rows.C,
            LaneA = Lanes.A,
            LaneB = Lanes.B,
            LaneC = Lanes.C,
            LaneD = Lanes.D,
            Panel = Panel,
            PanelA = Panels.A,
            PanelB = Panels.B,
            IsBroadcast = form == LaneForm.Broadcast,
            IsDot = form == LaneForm.Dot,
            IsOneStream = IsOneStream,
            SingleHeight = Processor.Registers == 32 && Rows.Extent != 0 ? 16 : 12,
            Coefficient = T.CreateChecked(Coefficient),
            IsElementwise = form == LaneForm.Parallel && Sums.Length == 0 && Rows == Nothing && Columns == Nothing,
            IsLong = terms > 4 * SumBlock,
        };
        int done = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            done = Width<Lanes512<T>, Vector512<T>>(&frame, done, a, b, c, d);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            done = Width<Lanes256<T>, Vector256<T>>(&frame, done, a, b, c, d);
        }

        if (Vector128.IsHardwareAccelerated)
        {
            done = Width<Lanes128<T>, Vector128<T>>(&frame, done, a, b, c, d);
        }

        Width<Lanes1<T>, T>(&frame, done, a, b, c, d);
        GC.KeepAlive(this); // the offsets are this object's
    }

    /// <summary>
    /// c = d + coefficient · a · b of two matrices whose sizes are known only now, as in the blocks of a factorization: nothing is made for it. The lanes
    /// run along the columns of b; panels of it are two of the widest vectors wide.
    /// </summary>
    /// <param name="rows">The rows of a, c and d.</param>
    /// <param name="sum">The columns of a, which are the rows of b: at most as many as one accumulator adds up.</param>
    /// <param name="lanes">The columns of b, c and d.</param>
    /// <param name="panels">How much further apart than its lanes two panels of b are; 1 where they follow one another.</param>
    /// <param name="coefficient">What the sums are multiplied by.</param>
    /// <param name="a">First element of a.</param>
    /// <param name="b">First element of b.</param>
    /// <param name="c">First element of c.</param>
    /// <param name="d">First element of what is added; null for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Product(Loop rows, Loop sum, Loop lanes, int panels, T coefficient, T* a, T* b, T* c, T* d)
    {
        var frame = new Frame
        {
            Rows = rows.Extent,
            RowA = rows.A,
            RowC = rows.C,
            LaneB = lanes.B,
            LaneC = lanes.C,
            LaneD = lanes.D,
            Panel = 2 * MemoryBlock.WidestVector / sizeof(T),
            PanelA = 1,
            PanelB = panels,
            IsBroadcast = true,
            SingleHeight = 12,
            Coefficient = coefficient,
            Count = 1,
            Blocks = 1,
            Terms = sum.Extent,
            TermA = sum.A,
            TermB = sum.B,
        };
        int done = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            done = Lines<Lanes512<T>, Vector512<T>>(&frame, rows, lanes.Extent, done, a, b, c, d);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            done = Lines<Lanes256<T>, Vector256<T>>(&frame, rows, lanes.Extent, done, a, b, c, d);
        }

        if (Vector128.IsHardwareAccelerated)
        {
            done = Lines<Lanes128<T>, Vector128<T>>(&frame, rows, lanes.Extent, done, a, b, c, d);
        }

        Lines<Lanes1<T>, T>(&frame, rows, lanes.Extent, done, a, b, c, d);
    }

    /// <summary>All whole vectors of one width of a product of matrices.</summary>
    /// <returns>The lanes done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Lines<S, V>(Frame* f, Loop rows, int lanes, int done, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int vectors = (lanes - done) / S.Count;
        if (vectors > 0)
        {
            Lay<S, V>(f, rows, Nothing, done, vectors);
            Line<S, V>(f, a, b, c, d);
        }

        return done + (vectors * S.Count);
    }

    /// <summary>All whole vectors of one width from <paramref name="done"/> on.</summary>
    /// <returns>The lanes done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Width<S, V>(Frame* f, int done, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int vectors = (Lanes.Extent - done) / S.Count;
        if (vectors == 0)
        {
            return done;
        }

        SetSums(f, vectors, S.Count);
        Lay<S, V>(f, Rows, Columns, done, vectors);
        bool isLater = f->IsLater;

        // What is all there is at a point of the outer loops may be there very often.
        int columns = form == LaneForm.Broadcast ? vectors : f->Columns;
        f->IsOneGroup = !f->IsLong && !f->IsElementwise && (form != LaneForm.Parallel || vectors == 1)
            && columns is 1 or 2 or 4 && columns <= f->Wide && !(IsOneStream && columns == 1);
        if (f->IsOneGroup)
        {
            Split<S, V>(f, columns, columns, Height(f, columns));
        }

        if (f->IsOneGroup || form == LaneForm.Dot)
        {
            a += Position(done, f->Panel, f->LaneA, f->PanelA);
            b += Position(done, f->Panel, f->LaneB, f->PanelB);
            c += done * Lanes.C;
            d = isLater ? c : d == null ? null : d + (done * Lanes.D);
        }

        Walk<S, V>(f, 0, a, b, c, d);
        return f->LaneEnd;
    }

    /// <summary>How the tiles of one width of vectors lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lay<S, V>(Frame* f, Loop rows, Loop columns, int done, int vectors)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        bool isLater = f->IsLater = f->IsDot && done > 0;
        (f->Lane, f->LaneEnd) = (done, done + (vectors * S.Count));
        (f->RowD, f->SplitColumns) = (isLater ? rows.C : rows.D, 0);
        (f->ColumnB, f->ColumnC, f->ColumnD) = f->IsBroadcast
            ? (S.Count * f->LaneB, S.Count * f->LaneC, S.Count * f->LaneD)
            : (columns.B, columns.C, isLater ? columns.C : columns.D);
        f->PairB = f->IsBroadcast && 2 * S.Count >= f->Panel ? (nint)f->Panel * f->PanelB * f->LaneB : 2 * f->ColumnB;
        f->Wide = !f->IsBroadcast ? Processor.Registers / 8
            : vectors < 4 ? 2
            : f->Rows == 1 ? (f->PanelB > 1 && 4 * S.Count > f->Panel ? 2 : 4)
            : Processor.Registers < 32 || (long)f->Terms * f->Blocks * 4 * S.Count * sizeof(T) > Processor.Machine.SecondLevelOfCore / 4 ? 2
            : 4;
    }

    /// <summary>Lays out the sums: the innermost one is the last loop or the lanes, whichever is longer; the rows of the batch else the outermost.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void SetSums(Frame* f, int vectors, int width)
    {
        Loop lanes = form == LaneForm.Dot ? new(vectors, width * Lanes.A, width * Lanes.B, 0) : Nothing;
        Loop last = Sums.Length > 0 ? Sums[^1] : Nothing;
        int extent = last.Extent == 0 ? f->BatchRows : last.Extent;
        bool isLane = form == LaneForm.Dot && vectors >= extent;
        bool isBatch = Sums.Length > (isLane ? 0 : 1) && Sums[0].Extent == 0;
        (f->Terms, f->TermA, f->TermB) = isLane ? (vectors, lanes.A, lanes.B) : (extent, last.A, last.B);
        (f->Count, f->CountA, f->CountB) = isBatch ? (f->BatchRows, Sums[0].A, Sums[0].B) : (1, 0, 0);
        ref int[]? offsets = ref _offsets[(2 * BitOperations.Log2((uint)width)) + (isLane ? 1 : 0)];
        if (offsets is null)
        {
            IEnumerable<Loop> between = Sums.Take(isLane ? Sums.Length : Sums.Length - 1).Where(loop => loop.Extent > 0);
            Interlocked.CompareExchange(ref offsets, Offsets([.. between, isLane ? Nothing : lanes]), null);
        }

        f->Offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(offsets));
        f->Blocks = offsets.Length / 2;
    }

    /// <summary>Where a lane of an operand is, whose panels are so many lanes wide and further apart than their lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Position(int lane, int width, nint stride, nint apart)
    {
        int within = lane & (width - 1);
        return ((lane - within) * stride * apart) + (within * stride);
    }

    /// <summary>The loops around the tile, from one of them inwards.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Walk<S, V>(Frame* f, int depth, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        if (f->IsOneGroup && depth >= Outer.Length - 1)
        {
            Groups(f, depth < Outer.Length ? Outer[depth] : Nothing, a, b, c, d);
        }
        else if (depth == Outer.Length)
        {
            Line<S, V>(f, a, b, c, d);
        }
        else
        {
            Loop loop = Outer[depth];
            for (int i = loop.Extent == 0 ? f->BatchRows : loop.Extent; i > 0; i--)
            {
                if (depth == Outer.Length - 1)
                {
                    Line<S, V>(f, a, b, c, d);
                }
                else
                {
                    Walk<S, V>(f, depth + 1, a, b, c, d);
                }

                a += loop.A;
                b += loop.B;
                c += loop.C;
                d = d == null ? null : d + (f->IsLater ? loop.C : loop.D);
            }
        }
    }

    /// <summary>The innermost outer loop, where the lanes are few and all columns fit into one tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Groups(Frame* f, Loop loop, T* a, T* b, T* c, T* d)
    {
        int points = loop.Extent == 0 ? f->BatchRows : loop.Extent;
        int columns = f->SplitColumns, stepD = f->IsLater ? loop.C : loop.D;
        if (f->Tiles == 1)
        {
            (f->StepA, f->StepB, f->StepC, f->StepD) = (loop.A, loop.B, loop.C, stepD);
            Repeat(f, columns, points, a, b, c, d);
            return;
        }

        for (; points > 0; points--)
        {
            Heights(f, columns, a, b, c, d);
            a += loop.A;
            b += loop.B;
            c += loop.C;
            d = d == null ? null : d + stepD;
        }
    }

    /// <summary>All rows of what is one tile wide: tiles of one or two heights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Heights(Frame* f, int columns, T* a, T* b, T* c, T* d)
    {
        int taller = f->Taller, height = f->Height;
        f->StepB = 0;
        if (taller > 0)
        {
            (f->StepA, f->StepC, f->StepD) = ((height + 1) * f->RowA, (height + 1) * f->RowC, (height + 1) * f->RowD);
            Repeat(f, Taller + columns, taller, a, b, c, d);
            a += taller * f->StepA;
            c += taller * f->StepC;
            d = d == null ? null : d + (taller * f->StepD);
        }

        (f->StepA, f->StepC, f->StepD) = (height * f->RowA, height * f->RowC, height * f->RowD);
        Repeat(f, columns, f->Tiles - taller, a, b, c, d);
    }

    /// <summary>All lanes at one point of the outer loops. A panel of b stays in cache while all rows pass over it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Line<S, V>(Frame* f, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        if (f->IsElementwise)
        {
            Elements<S, V>(f, a, b, c, d);
            return;
        }

        int lane = f->Lane;
        int end = f->IsDot ? lane + S.Count : f->LaneEnd;
        if (f->Rows == 1 && f->IsBroadcast && !f->IsLong && (f->PanelB == 1 || f->Wide * S.Count == f->Panel))
        {
            // One row of a panel is so little that the panels follow one another.
            int step = f->Wide * S.Count;
            int times = (end - lane) / step;
            if (f->SplitColumns != f->Wide)
            {
                Split<S, V>(f, f->Wide, f->Wide, 1);
            }

            (f->StepA, f->StepB, f->StepC, f->StepD) = (0, (nint)step * f->LaneB * f->PanelB, (nint)step * f->LaneC, (nint)step * f->LaneD);
            Repeat(f, f->Wide, times, a, b + Position(lane, f->Panel, f->LaneB, f->PanelB), c + ((nint)lane * f->LaneC), d == null ? null : d + ((nint)lane * f->LaneD));
            lane += times * step;
        }

        while (lane < end)
        {
            int left = (end - lane) / S.Count;
            int vectors = !f->IsBroadcast ? 1 : left >= f->Wide ? f->Wide : left >= 2 ? 2 : 1;
            int columns = f->IsBroadcast ? vectors : f->Columns;
            T* pa = a, pb = b, pc = c, pd = d;
            if (lane > 0 && !f->IsDot)
            {
                pa += Position(lane, f->Panel, f->LaneA, f->PanelA);
                pb += Position(lane, f->Panel, f->LaneB, f->PanelB);
                pc += (nint)lane * f->LaneC;
                pd = d == null ? null : d + ((nint)lane * f->LaneD);
            }

            if (f->IsLong)
            {
                Pieces<S, V>(f, columns, pa, pb, pc, pd);
            }
            else
            {
                Tiles<S, V>(f, columns, pa, pb, pc, pd);
            }

            lane += vectors * S.Count;
        }
    }

    /// <summary>A long sum in pieces, each added to the sum of those before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Pieces<S, V>(Frame* f, int columns, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        (int terms, int blocks, nint rowD, nint columnD) = (f->Terms, f->Blocks, f->RowD, f->ColumnD);
        int most = SumBlock / (f->IsDot ? S.Count : 1);
        int mostBlocks = Math.Max(1, most / terms);
        for (f->Block = 0; f->Block < blocks; f->Block += mostBlocks)
        {
            f->Blocks = Math.Min(blocks, f->Block + mostBlocks);
            (f->FirstA, f->FirstB) = (f->Offsets[2 * f->Block], f->Offsets[(2 * f->Block) + 1]);
            for (int term = 0; term < terms; term += most)
            {
                f->Terms = Math.Min(terms - term, most);
                Tiles<S, V>(f, columns, a + (term * f->TermA), b + (term * f->TermB), c, d);
                d = c;
                (f->RowD, f->ColumnD) = (f->RowC, f->ColumnC);
            }
        }

        (f->Terms, f->Block, f->Blocks, f->FirstA, f->FirstB, f->RowD, f->ColumnD) = (terms, 0, blocks, 0, 0, rowD, columnD);
    }

    /// <summary>All tiles of so many columns. The rows of a tile stay in cache while the columns pass by: there are more of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tiles<S, V>(Frame* f, int columns, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        int wide = columns >= f->Wide ? f->Wide : columns >= 2 ? 2 : 1;
        if (columns != f->SplitColumns)
        {
            Split<S, V>(f, columns, wide, f->IsOneStream && columns == 1 ? 1 : Height(f, wide));
        }

        if (columns == wide)
        {
            Heights(f, columns, a, b, c, d);
            return;
        }

        for (int tile = 0; tile < f->Tiles; tile++)
        {
            (int rows, int taller) = tile < f->Taller ? (f->Height + 1, Taller) : (f->Height, 0);
            int column = 0;
            for (int width = wide; width > 0; width /= 2)
            {
                int times = (columns - column) / width;
                (f->StepA, f->StepB, f->StepC, f->StepD) = (0, width * f->ColumnB, width * f->ColumnC, width * f->ColumnD);
                Repeat(f, taller + width, times, a, b + (column * f->ColumnB), c + (column * f->ColumnC), d == null ? null : d + (column * f->ColumnD));
                column += times * width;
            }

            a += rows * f->RowA;
            c += rows * f->RowC;
            d = d == null ? null : d + (rows * f->RowD);
        }
    }

    /// <summary>Tiles of as equal heights as can be: with six at the most, 32 rows are 6 + 6 + 5 + 5 + 5 + 5.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Split<S, V>(Frame* f, int columns, int wide, int most)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        f->SplitColumns = columns;
        f->Tiles = (f->Rows + most - 1) / most;
        f->Height = f->Rows / f->Tiles;
        f->Taller = f->Rows - (f->Tiles * f->Height);
        for (int width = wide; width > 0; width /= 2)
        {
            if (width == wide || (columns % wide & width) != 0)
            {
                f->Runs[width] = (long)TileOf<S, V>(f->Height, width);
                f->Runs[Taller + width] = f->Taller > 0 ? (long)TileOf<S, V>(f->Height + 1, width) : 0;
            }
        }
    }

    /// <summary>So many tiles, a step apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Repeat(Frame* f, int tile, int times, T* a, T* b, T* c, T* d)
    {
        f->Times = times;
        if (times > 0)
        {
            ((delegate*<Frame*, T*, T*, T*, T*, void>)f->Runs[tile])(f, a, b, c, d);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void* TileOf<S, V>(int rows, int columns)
        where S : struct, ILanes<T, V>
        where V : struct => columns == 4 ? TileOf4<S, V>(rows) : columns == 2 ? TileOf2<S, V>(rows) : TileOf1<S, V>(rows);

    /// <summary>
    /// The most rows of a tile: three quarters of the registers are its sums. Rows of the batch in a single column are no more than in two: as they may
    /// lie a large power of two apart, a set of the cache has to hold a line of each.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Height(Frame* f, int columns) => columns > 1 ? Processor.Registers * 3 / 4 / columns : f->SingleHeight;

    /// <summary>c = d + Coefficient · a · b where nothing is summed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Elements<S, V>(Frame* f, T* a, T* b, T* c, T* d)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        (int laneA, int laneB, int laneC) = (f->LaneA, f->LaneB, f->LaneC);
        for (nint i = f->Lane; i < f->LaneEnd; i += S.Count)
        {
            V value = S.Multiply(TA.Load<S, V>(a + (i * laneA), laneA), TB.Load<S, V>(b + (i * laneB), laneB));
            if (d == null)
            {
                TC.Store<S, V>(value, f->Coefficient, c + (i * laneC), laneC);
            }
            else
            {
                TC.StoreSum<S, V>(value, f->Coefficient, c + (i * laneC), d + (i * laneC), laneC);
            }
        }
    }

    /// <summary>Positions in a and b of each step of loops, from the outside in.</summary>
    private static int[] Offsets(ReadOnlySpan<Loop> loops)
    {
        int count = 1;
        foreach (Loop loop in loops)
        {
            count = checked(count * loop.Extent);
        }

        int[] offsets = GC.AllocateArray<int>(2 * count, pinned: true);
        int inner = count;
        foreach (Loop loop in loops)
        {
            inner /= loop.Extent;
            for (int i = 0; i < count; i++)
            {
                offsets[2 * i] += i / inner % loop.Extent * loop.A;
                offsets[(2 * i) + 1] += i / inner % loop.Extent * loop.B;
            }
        }

        return offsets;
    }

    /// <summary>Where the taller tiles are among all.</summary>
    private const int Taller = 8;

    /// <summary>What the loops of one run hand to one another.</summary>
    private struct Frame
    {
        /// <summary>Rows of the batch; rows and columns of the target.</summary>
        public int BatchRows, Rows, Columns;

        /// <summary>The lanes of this width, the most columns of a tile, and the most rows of one of a single column.</summary>
        public int Lane, LaneEnd, Wide, SingleHeight;

        /// <summary>How the lanes run, and whether rows of a are best read one by one.</summary>
        public bool IsBroadcast, IsDot, IsOneStream;

        /// <summary>Whether narrower vectors add what is left of sums over the lanes, so that c itself is what is added to.</summary>
        public bool IsLater;

        /// <summary>Whether nothing is summed and only lanes are left; whether a sum is one of sums; whether all lanes and columns at a point of the
        /// outer loops are those of one tile.</summary>
        public bool IsElementwise, IsLong, IsOneGroup;

        /// <summary>The rows as tiles of so many columns: how many tiles, the rows of one, and how many of them have one more.</summary>
        public int SplitColumns, Tiles, Height, Taller;

        /// <summary>The tile of each width, and after those the taller ones.</summary>
        public fixed long Runs[2 * Contraction<T, TA, TB, TC>.Taller];

        /// <summary>From one row of the target to the next, in a, c and d.</summary>
        public nint RowA, RowC, RowD;

        /// <summary>From one column to the next, in b, c and d; in b from a pair of columns to the next pair.</summary>
        public nint ColumnB, PairB, ColumnC, ColumnD;

        /// <summary>From one lane to the next.</summary>
        public int LaneA, LaneB, LaneC, LaneD;

        /// <summary>Lanes of a panel, and how much further apart than its lanes two panels are.</summary>
        public int Panel, PanelA, PanelB;

        /// <summary>Rows of the batch that are summed outside of all other sums, and what one adds to the positions in a and b.</summary>
        public int Count;
        public nint CountA, CountB;

        /// <summary>Steps of the sums between: from one of them to another, with their positions, and those of the first.</summary>
        public int Block, Blocks;
        public int* Offsets;
        public nint FirstA, FirstB;

        /// <summary>Terms of the innermost sum, and what one adds to the positions in a and b.</summary>
        public int Terms;
        public nint TermA, TermB;

        /// <summary>Tiles that follow one another, and from one to the next in a, b, c and d.</summary>
        public int Times;
        public nint StepA, StepB, StepC, StepD;

        /// <summary>What sums are multiplied by.</summary>
        public T Coefficient;
    }
}
