using System.Numerics;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

/// <summary>Contractions of random shapes, orders and strides against their definition, one product after the other.</summary>
public sealed unsafe class ContractionTests
{
    /// <summary>Elements of a panel of packed weights, in bytes: two of the widest vectors.</summary>
    private const int PanelBytes = 2 * MemoryBlock.WidestVector;

    private enum Added
    {
        Nothing,
        Itself,
        Another,
    }

    [Fact]
    public void AreTheirDefinitions()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            if (seed % 3 > 0)
            {
                Check<float>(new Random(seed), 2e-5, isLong: false);
            }
            else
            {
                Check<double>(new Random(seed), 1e-13, isLong: false);
            }
        }
    }

    /// <summary>Sums of many times what one accumulator adds up.</summary>
    [Fact]
    public void LongSumsAreTheirDefinitions()
    {
        for (int seed = 0; seed < 4; seed++)
        {
            Check<float>(new Random(seed), 2e-6, isLong: true);
        }
    }

    private static void Check<T>(Random random, double tolerance, bool isLong)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        LaneForm form = (LaneForm)random.Next(3);
        int batch = random.Next(1, 40), panel = PanelBytes / sizeof(T);
        int lanes = random.Next(3) == 0 ? panel * random.Next(1, 5) : random.Next(1, 90);
        bool hasB = form != LaneForm.Parallel || random.Next(3) > 0;

        // At most one of the loops runs over the rows of the batch; of the sums the outermost.
        int role = random.Next(5);
        int[] outer = [.. Enumerable.Range(0, random.Next(3)).Select(i => i == 0 && role == 0 ? 0 : random.Next(1, 4))];
        int[] sums = [.. Enumerable.Range(0, random.Next(form == LaneForm.Broadcast ? 1 : 0, 4)).Select(i => i == 0 && role == 1 ? 0 : random.Next(1, 7))];
        int rows = role == 2 ? 0 : random.Next(1, 40), columns = form == LaneForm.Broadcast || !hasB ? 1 : role == 3 ? 0 : random.Next(1, 14);
        if (isLong)
        {
            (rows, columns, lanes, outer, sums) = (random.Next(1, 4), Math.Min(columns, 2), random.Next(1, 20), [], random.Next(2) == 0 ? [17000] : [130, 131]);
        }

        // The loops in one list: outer ones, sums, rows, columns, lanes. Which operand has which.
        int[] extents = [.. outer, .. sums, rows, columns, lanes];
        int firstSum = outer.Length, row = firstSum + sums.Length, column = row + 1, lane = row + 2;
        bool isSplat = form == LaneForm.Parallel && hasB && random.Next(4) == 0;
        bool[] inA = [.. extents.Select((_, i) => i < firstSum ? random.Next(2) == 0 : i == lane ? form != LaneForm.Broadcast && !isSplat : i != column)];
        bool[] inB = [.. extents.Select((_, i) => hasB && (i < firstSum ? random.Next(2) == 0 : i != row))];
        bool[] inC = [.. extents.Select((_, i) => i < firstSum || i == row || i == column || (i == lane && form != LaneForm.Dot))];
        bool hasPanels = form == LaneForm.Broadcast && lanes % panel == 0 && lanes > panel && random.Next(2) == 0;
        bool isNearA = random.Next(4) > 0, isNearB = hasPanels || random.Next(4) > 0, isNearC = form == LaneForm.Dot || random.Next(4) > 0;
        (int[] a, int lengthA) = Strides(random, extents, inA, batch, isNearA ? lane : -1);
        (int[] b, int lengthB) = Strides(random, extents, inB, batch, isNearB ? lane : -1, hasPanels ? panel : 0);
        (int[] c, int lengthC) = Strides(random, extents, inC, batch, isNearC ? lane : -1);
        Added added = (Added)random.Next(3);
        (int[] d, int lengthD) = added == Added.Another ? Strides(random, extents, inC, batch, isNearC ? lane : -1) : (c, lengthC);
        if (added == Added.Another && d[lane] != c[lane])
        {
            (d, lengthD) = (c, lengthC);
        }

        int apart = hasPanels ? b[extents.Length] : 1;
        double coefficient = random.Next(3) == 0 ? -0.75 : 1;
        Loop LoopOf(int i) => new(extents[i], a[i], b[i], c[i]) { D = d[i] };
        Loop[] all = [.. Enumerable.Range(0, extents.Length).Select(LoopOf)];
        using var ga = new GuardedArray<T>(Numbers.Draw<T>(lengthA, 1));
        using var gb = new GuardedArray<T>(Numbers.Draw<T>(lengthB, 2));
        using var gd = new GuardedArray<T>(Numbers.Draw<T>(lengthD, 3));
        using var gc = new GuardedArray<T>(added == Added.Itself ? Numbers.Draw<T>(lengthC, 4) : [.. Enumerable.Repeat(T.NaN, lengthC)]);
        T[] before = gc.Span.ToArray();
        fixed (T* pa = ga.Span, pb = gb.Span, pc = gc.Span, pd = gd.Span)
        {
            T* addend = added switch { Added.Nothing => null, Added.Itself => pc, _ => pd };
            var shape = new Shape(form, all[..firstSum], all[firstSum..row], all[row], all[column], all[lane], (1, apart), coefficient);
            int strideB = hasB ? b[lane] : -1;
            shape.Run<T>(a[lane], strideB, pa, hasB ? pb : null, pc, batch, addend);
        }

        // The definition.
        int[] counts = [.. extents.Select(extent => extent == 0 ? batch : extent)];
        var expected = new Dictionary<int, (double Sum, double Size, double Addend)>();
        foreach (int[] at in Points(counts))
        {
            int Position(int[] strides, bool[] has) => at.Select((k, i) => has[i] ? k * strides[i] : 0).Sum();
            int within = at[lane] % panel, placeB = Position(b, inB);
            placeB += hasPanels ? (at[lane] - within) * (apart - 1) * b[lane] : 0;
            double product = coefficient * double.CreateChecked(ga.Span[Position(a, inA)]) * (hasB ? double.CreateChecked(gb.Span[placeB]) : 1);
            int place = Position(c, inC);
            double start = added switch { Added.Nothing => 0, Added.Itself => double.CreateChecked(before[place]), _ => double.CreateChecked(gd.Span[Position(d, inC)]) };
            (double sum, double size, _) = expected.GetValueOrDefault(place);
            expected[place] = (sum + product, size + Math.Abs(product), start);
        }

        string text = $"{form}, batch {batch}, loops {string.Join(" ", extents)} ({outer.Length} outer, {sums.Length} sums), {added}, coefficient {coefficient}, panels {hasPanels}, near {isNearA} {isNearB} {isNearC}, b {hasB}";
        for (int place = 0; place < lengthC; place++)
        {
            double found = double.CreateChecked(gc.Span[place]);
            if (expected.TryGetValue(place, out (double Sum, double Size, double Addend) right))
            {
                Assert.True(Math.Abs(found - (right.Sum + right.Addend)) <= tolerance * (right.Size + Math.Abs(right.Addend) + 1e-3), $"{text}: {found} at {place}, {right.Sum + right.Addend} expected");
            }
            else
            {
                Assert.True(gc.Span[place].Equals(before[place]), $"{text}: {place} was written");
            }
        }
    }

    /// <summary>Strides of a tensor whose axes lie in a random order, with room between some; the near one innermost. Of panels the last number is how much further apart they are than their lanes.</summary>
    private static (int[] Strides, int Length) Strides(Random random, int[] extents, bool[] has, int batch, int near, int panel = 0)
    {
        int[] order = [.. Enumerable.Range(0, extents.Length).Where(i => has[i] && i != near)];
        random.Shuffle(order);
        int[] strides = new int[extents.Length + 1];
        int stride = 1, last = 1;
        foreach (int i in near >= 0 && has[near] ? [near, .. order] : order)
        {
            strides[i] = stride;
            int extent = extents[i] == 0 ? batch : extents[i];
            last += stride * ((i == near && panel > 0 ? panel : extent) - 1);
            stride *= i == near && panel > 0 ? panel : extent;
            stride += panel == 0 && random.Next(4) == 0 ? 3 : 0;
        }

        if (panel > 0)
        {
            strides[^1] = stride / panel;
            last += stride * ((extents[near] / panel) - 1);
        }

        return (strides, last);
    }

    private static IEnumerable<int[]> Points(int[] counts)
    {
        var at = new int[counts.Length];
        while (true)
        {
            yield return at;
            int axis = counts.Length - 1;
            while (axis >= 0 && ++at[axis] == counts[axis])
            {
                at[axis--] = 0;
            }

            if (axis < 0)
            {
                yield break;
            }
        }
    }

    /// <summary>A contraction, for whatever way its operands are read and its result is written.</summary>
    private sealed record Shape(LaneForm Form, Loop[] Outer, Loop[] Sums, Loop Rows, Loop Columns, Loop Lanes, (int, int) Panels, double Coefficient)
    {
        public void Run<T>(int strideA, int strideB, T* a, T* b, T* c, int rows, T* d)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            switch (strideA)
            {
                case 0:
                    RunB<T, Splat<T>>(strideB, a, b, c, rows, d);
                    break;
                case 1:
                    RunB<T, Adjacent<T>>(strideB, a, b, c, rows, d);
                    break;
                default:
                    RunB<T, Strided<T>>(strideB, a, b, c, rows, d);
                    break;
            }
        }

        private void RunB<T, TA>(int strideB, T* a, T* b, T* c, int rows, T* d)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TA : struct, IOperand<T>
        {
            switch (strideB)
            {
                case < 0:
                    RunC<T, TA, One<T>>(a, b, c, rows, d);
                    break;
                case 1:
                    RunC<T, TA, Adjacent<T>>(a, b, c, rows, d);
                    break;
                default:
                    RunC<T, TA, Strided<T>>(a, b, c, rows, d);
                    break;
            }
        }

        private void RunC<T, TA, TB>(T* a, T* b, T* c, int rows, T* d)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TA : struct, IOperand<T>
            where TB : struct, IOperand<T>
        {
            if (Form == LaneForm.Dot)
            {
                Made<T, TA, TB, Summed<T>>().Run(a, b, c, rows, d);
            }
            else if (Lanes.C != 1)
            {
                Made<T, TA, TB, Spread<T>>().Run(a, b, c, rows, d);
            }
            else if (Coefficient != 1)
            {
                Made<T, TA, TB, Scaled<T>>().Run(a, b, c, rows, d);
            }
            else
            {
                Made<T, TA, TB, Stored<T>>().Run(a, b, c, rows, d);
            }
        }

        private Contraction<T, TA, TB, TC> Made<T, TA, TB, TC>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TA : struct, IOperand<T>
            where TB : struct, IOperand<T>
            where TC : struct, IResult<T> =>
            new(Form) { Outer = Outer, Sums = Sums, Rows = Rows, Columns = Columns, Lanes = Lanes, Panels = Panels, Coefficient = Coefficient };
    }
}
