using System.Numerics;
using System.Runtime.InteropServices;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

/// <summary>Sparse products in slices against the definition.</summary>
public unsafe class SlicedEllpackTests
{
    /// <summary>How the columns of a row are chosen.</summary>
    public enum Columns
    {
        Random,
        Ascending,
        Same,
        Crowded,
        Scattered,
    }

    public static TheoryData<int, int, int, Columns, double> Cases => new()
    {
        { 1, 1, 1, Columns.Random, 2 },
        { 37, 91, 13, Columns.Random, 2 },
        { 37, 91, 13, Columns.Random, 1.1 },
        { 37, 91, 13, Columns.Random, 0 },
        { 16, 32, 4, Columns.Ascending, 2 },
        { 33, 17, 40, Columns.Random, 2 },
        { 50, 203, 9, Columns.Same, 2 },
        { 50, 203, 30, Columns.Crowded, 2 },
        { 50, 600, 7, Columns.Scattered, 2 },
    };

    /// <summary>All of it, whatever a slice has room for, for each number of rows, added or not.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void IsTheProduct(int outputs, int size, int fanIn, Columns columns, double room)
    {
        Assert.Null(Fault<float>(outputs, size, fanIn, columns, room));
        Assert.Null(Fault<double>(outputs, size, fanIn, columns, room));
    }

    /// <summary>What is wrong, on the vectors of this process.</summary>
    internal static string Faults() => string.Concat(Cases.Select(row => ((int)row[0], (int)row[1], (int)row[2], (Columns)row[3], (double)row[4])).Select(row =>
        Fault<float>(row.Item1, row.Item2, row.Item3, row.Item4, row.Item5) + Fault<double>(row.Item1, row.Item2, row.Item3, row.Item4, row.Item5)));

    private static string? Fault<T>(int outputs, int size, int fanIn, Columns columns, double room)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int MaxRows = 9;
        int lanes = 64 / sizeof(T), slices = (outputs + lanes - 1) / lanes, steps = (int)(room * slices * fanIn), pitch = ((size + 15) / 16 * 16) + 32;
        var random = new Random(outputs);
        T[] table = Draw(outputs * fanIn, i => T.CreateTruncating(columns switch
        {
            Columns.Ascending => i % fanIn * (size / fanIn),
            Columns.Same => i / fanIn % size,
            Columns.Crowded => (size / 2) + random.Next(5),
            Columns.Scattered => (i / fanIn * 37) % size,
            _ => random.Next(size),
        }));
        T[] values = Normal(table.Length), x = Normal(MaxRows * size);
        T* copy = Aligned((steps * (lanes + (lanes / sizeof(T)) + 2)) + slices + 1), padded = Aligned(MaxRows * pitch);
        try
        {
            fixed (T* pt = table, pv = values, px = x)
            {
                SlicedEllpack<T>.Pack(pt, pv, copy, outputs, fanIn, size, steps);
                for (int rows = 1; rows <= MaxRows; rows++)
                {
                    T[] start = Normal(rows * outputs);
                    foreach (bool accumulate in new[] { false, true })
                    {
                        T[] y = [.. start];
                        fixed (T* py = y)
                        {
                            SlicedEllpack<T>.Multiply(px, copy, pt, pv, py, padded, pitch, rows, outputs, fanIn, size, steps, T.CreateTruncating(-1.5), accumulate);
                        }

                        for (int k = 0; k < y.Length; k++)
                        {
                            int first = k % outputs * fanIn;
                            double sum = Enumerable.Range(first, fanIn)
                                .Sum(j => double.CreateTruncating(values[j]) * double.CreateTruncating(x[(k / outputs * size) + int.CreateTruncating(table[j])]));
                            double expected = (accumulate ? double.CreateTruncating(start[k]) : 0) - (1.5 * sum);
                            if (!(Math.Abs(double.CreateTruncating(y[k]) - expected) <= (typeof(T) == typeof(float) ? 1e-4 : 1e-12)))
                            {
                                return $"{typeof(T).Name} {outputs}x{size} by {fanIn}, {columns}, room {room}, {rows} rows: element {k} is {y[k]}, not {expected}. ";
                            }
                        }
                    }
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(copy);
            NativeMemory.AlignedFree(padded);
        }

        return null;

        static T[] Draw(int length, Func<int, T> element) => [.. Enumerable.Range(0, length).Select(element)];

        T[] Normal(int length) => Draw(length, _ => T.CreateTruncating(random.NextDouble() - 0.5));

        static T* Aligned(int length) => (T*)NativeMemory.AlignedAlloc((nuint)(length * sizeof(T)), 64);
    }
}
