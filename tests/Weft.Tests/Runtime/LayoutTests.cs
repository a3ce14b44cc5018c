using System.Numerics;
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
        { [32, 3, 48], [1, 32, 96] }, // squares across a third axis
        { [48, 3, 32], [1, 1536, 48] },
        { [3, 17, 5, 19], [17 * 5 * 19, 1, 17 * 19, 17] },
        { [3, 4, 5], [1, 15, 3] },
        { [3, 4, 5], [1, 3, 12] },
        { [2, 1, 3, 1, 4], [1, 77, 8, 77, 2] },
        { [5, 3], [0, 1] }, // repeated rows
        { [5, 3], [1, 0] },
        { [3, 4], [4, -1] }, // reversed
        { [2, 2, 2, 2, 2, 2, 2, 2], [1, 2, 4, 8, 16, 32, 64, 128] },
        { [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048] }, // as many axes as there are
        { [2, 3, 2, 1, 2, 2, 2, 3, 2, 2, 2, 2], [1, 2, 6, 0, 24, 12, 48, 96, 576, 288, 1152, 2304] },
        { [3, 0, 2], [1, 1, 1] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void GatherAndItsAdjoint(int[] extents, int[] strides)
    {
        Check<float>(extents, strides, 1e-6);
        Check<double>(extents, strides, 1e-14);
    }

    private static void Check<T>(int[] extents, int[] strides, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int Length = 20_000, Origin = 10;
        int count = extents.Aggregate(1, (product, extent) => product * extent);
        T nine = T.CreateChecked(9);
        T[] source = Numbers.Draw<T>(Length, 1), target = Enumerable.Repeat(nine, count + 1).ToArray();
        T[] dense = Numbers.Draw<T>(Math.Max(1, count), 2), sums = Numbers.Draw<T>(Length, 3);
        T[] expectedSums = [.. sums];
        T[] expected = new T[count];
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

        fixed (T* ps = source, pt = target, pd = dense, psums = sums)
        {
            Layouts<T>.Gather(ps + Origin, pt, extents, strides);
            Layouts<T>.ScatterAdd(pd, psums + Origin, extents, strides);
        }

        Assert.Equal(expected, target[..count]);
        Assert.Equal(nine, target[count]);
        Numbers.AssertClose<T>(expectedSums, sums, tolerance);
    }
}
