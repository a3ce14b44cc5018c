using Weft.Kernels;

namespace Weft.Tests.Runtime;

public sealed unsafe class LayoutTests
{
    public static TheoryData<int[], int[]> Cases => new()
    {
        { [], [] },
        { [1], [9] },
        { [7], [1] },
        { [7], [3] },
        { [4, 5], [5, 1] }, // straight: one copy
        { [4, 5], [8, 1] }, // runs
        { [37, 41], [1, 37] }, // transposed
        { [37, 41], [2, 80] },
        { [3, 17, 5, 19], [17 * 5 * 19, 1, 17 * 19, 17] },
        { [3, 4, 5], [1, 15, 3] },
        { [3, 4, 5], [1, 3, 12] },
        { [2, 1, 3, 1, 4], [1, 77, 8, 77, 2] },
        { [5, 3], [0, 1] }, // repeated rows
        { [5, 3], [1, 0] },
        { [3, 4], [4, -1] }, // reversed
        { [2, 2, 2, 2, 2, 2, 2, 2], [1, 2, 4, 8, 16, 32, 64, 128] },
        { [3, 0, 2], [1, 1, 1] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void GatherAndItsAdjoint(int[] extents, int[] strides)
    {
        const int Length = 20_000, Origin = 10;
        int count = extents.Aggregate(1, (product, extent) => product * extent);
        double[] source = Numbers.Draw<double>(Length, 1), target = Enumerable.Repeat(9.0, count + 1).ToArray();
        double[] dense = Numbers.Draw<double>(Math.Max(1, count), 2), sums = Numbers.Draw<double>(Length, 3), expectedSums = [.. sums];
        double[] expected = new double[count];
        for (int i = 0; i < count; i++)
        {
            int place = Origin, rest = i;
            for (int axis = extents.Length - 1; axis >= 0; rest /= extents[axis--])
            {
                place += rest % extents[axis] * strides[axis];
            }

            expected[i] = source[place];
            expectedSums[place] += dense[i];
        }

        fixed (double* ps = source, pt = target, pd = dense, psums = sums)
        {
            Layouts<double>.Gather(ps + Origin, pt, extents, strides);
            Layouts<double>.ScatterAdd(pd, psums + Origin, extents, strides);
        }

        Assert.Equal(expected, target[..count]);
        Assert.Equal(9, target[count]);
        Numbers.AssertClose<double>(expectedSums, sums, 1e-14);
    }
}
