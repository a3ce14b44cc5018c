using Weft.Kernels;

namespace Weft.Tests.Runtime;

public unsafe class TableTests
{
    [Fact]
    public void AGatherReadsAtItsTable_AndItsAdjointAddsThere()
    {
        float[] table = [2, 0, 2, 3, 1, 1, 0, 3, 2, 2];
        float[] source = [10, 11, 12, 13, 20, 21, 22, 23], there = new float[20], back = new float[8];
        fixed (float* ps = source, pt = there, pb = back, places = table)
        {
            Tables<float>.Gather(ps, pt, places, 2, 10, 4, accumulate: false);
            Assert.Equal([12, 10, 12, 13, 11, 11, 10, 13, 12, 12, 22, 20, 22, 23, 21, 21, 20, 23, 22, 22], there);
            Tables<float>.ScatterAdd(pt, pb, places, 2, 10, 4);
            Tables<float>.Gather(ps, pt, places, 2, 10, 4, accumulate: true);
        }

        Assert.Equal([20, 22, 48, 26, 40, 42, 88, 46], back);
        Assert.Equal([24, 20, 24, 26, 22, 22, 20, 26, 24, 24, 44, 40, 44, 46, 42, 42, 40, 46, 44, 44], there);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public void APositionThatIsNone_IsNamed(double position)
    {
        double[] table = [3, 0, position];
        var error = Assert.Throws<InvalidOperationException>(() =>
        {
            fixed (double* places = table)
            {
                Tables<double>.Check(places, 3, 4, "S");
            }
        });
        Assert.StartsWith("S is a table of positions from 0 to 3; its element 2 is ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ConstantsAreFilledInOrder()
    {
        double[] target = new double[6];
        fixed (double* first = target)
        {
            Tables<double>.Fill(first, [2, 3], static at => (10 * at[0]) + at[1]);
        }

        Assert.Equal([0, 1, 2, 10, 11, 12], target);
    }
}
