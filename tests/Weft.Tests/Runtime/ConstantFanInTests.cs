using System.Numerics;
using System.Runtime.InteropServices;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

/// <summary>Products with sparse matrices against the definition.</summary>
public unsafe class ConstantFanInTests
{
    private static readonly int[] Batches = [1, 2, 5, 9, 17, 33, 52];

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

    /// <summary>Product, adjoint and gradient for several numbers of rows, and the product from slices, whatever these have room for.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void AreTheDefinition(int outputs, int size, int fanIn, Columns columns, double room)
    {
        Assert.Equal("", Fault<float>(outputs, size, fanIn, columns, room));
        Assert.Equal("", Fault<double>(outputs, size, fanIn, columns, room));
    }

    /// <summary>What is wrong, on the vectors of this process.</summary>
    internal static string Faults() => string.Concat(Cases.Select(row => ((int)row[0], (int)row[1], (int)row[2], (Columns)row[3], (double)row[4])).Select(row =>
        Fault<float>(row.Item1, row.Item2, row.Item3, row.Item4, row.Item5) + Fault<double>(row.Item1, row.Item2, row.Item3, row.Item4, row.Item5)));

    private static string Fault<T>(int outputs, int size, int fanIn, Columns columns, double room)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const double Coefficient = -1.5;
        int lanes = 64 / sizeof(T), slices = (outputs + lanes - 1) / lanes, steps = (int)(room * slices * fanIn), pitch = size + outputs + 48 - ((size + outputs) % 16);
        var random = new Random(outputs);
        int[] places = [.. Enumerable.Range(0, outputs * fanIn).Select(i => columns switch
        {
            Columns.Ascending => i % fanIn * (size / fanIn),
            Columns.Same => i / fanIn % size,
            Columns.Crowded => (size / 2) + random.Next(5),
            Columns.Scattered => i / fanIn * 37 % size,
            _ => random.Next(size),
        })];
        string where = $"{typeof(T).Name} {outputs}x{size} by {fanIn}, {columns}, room {room}";
        T one = T.CreateTruncating(Coefficient);
        int length = (steps * (lanes + (lanes / sizeof(T)) + 2)) + (2 * slices) + 2;
        T* copy = Aligned(length), scratch = Aligned(Batches[^1] * pitch);
        T[] table = [.. places.Select(place => T.CreateTruncating(place))], values = Normal(table.Length);
        try
        {
            fixed (T* s = table, v = values)
            {
                FanInMatrix<T> matrix = new(s, v, outputs, fanIn, size, one);
                SlicedMatrix<T> inSlices = new(matrix, copy, length);
                SlicedEllpack<T>.Pack(inSlices);
                foreach (int rows in Batches)
                {
                    T[] x = Normal(rows * size), y = Normal(rows * outputs), product = Normal(y.Length), sliced = Normal(y.Length), adjoint = Normal(x.Length), gradient = Normal(values.Length);
                    foreach (bool accumulate in new[] { false, true })
                    {
                        double[] expectedProduct = Start(product, accumulate), expectedSliced = Start(sliced, accumulate);
                        double[] expectedAdjoint = Start(adjoint, accumulate), expectedGradient = Start(gradient, true);
                        for (int k = 0; k < rows * places.Length; k++)
                        {
                            int row = k / places.Length, entry = k % places.Length, i = (row * outputs) + (entry / fanIn), j = (row * size) + places[entry];
                            double value = Coefficient * double.CreateTruncating(values[entry]), input = double.CreateTruncating(x[j]), output = double.CreateTruncating(y[i]);
                            expectedProduct[i] += value * input;
                            expectedSliced[i] += value * input;
                            expectedAdjoint[j] += value * output;
                            expectedGradient[entry] += Coefficient * input * output;
                        }

                        fixed (T* px = x, py = y, p = product, q = sliced, a = adjoint, g = gradient)
                        {
                            ConstantFanIn<T>.Multiply(matrix, px, p, scratch, rows, accumulate);
                            SlicedEllpack<T>.Multiply(inSlices, px, q, new(scratch, pitch), rows, accumulate);
                            ConstantFanIn<T>.MultiplyAdjoint(matrix, py, a, scratch, rows, accumulate);
                            ConstantFanIn<T>.AddGradient(new(s, g, outputs, fanIn, size, one), px, py, scratch, rows);
                        }

                        string fault = Off("product", expectedProduct, product) + Off("slices", expectedSliced, sliced)
                            + Off("adjoint", expectedAdjoint, adjoint) + Off("gradient", expectedGradient, gradient);
                        if (fault.Length > 0)
                        {
                            return $"{where}, {rows} rows: {fault}. ";
                        }
                    }
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(copy);
            NativeMemory.AlignedFree(scratch);
        }

        return "";

        T[] Normal(int length) => [.. Enumerable.Range(0, length).Select(_ => T.CreateTruncating(random.NextDouble() - 0.5))];

        static double[] Start(T[] numbers, bool accumulate) => [.. numbers.Select(number => accumulate ? double.CreateTruncating(number) : 0)];

        static string Off(string what, double[] expected, T[] actual)
        {
            double error = expected.Zip(actual, (one, other) => Math.Abs(one - double.CreateTruncating(other))).Max();
            return error <= (typeof(T) == typeof(float) ? 1e-4 : 1e-12) ? "" : $"{what} off by {error} ";
        }

        static T* Aligned(int length) => (T*)NativeMemory.AlignedAlloc((nuint)(length * sizeof(T)), 64);
    }
}
