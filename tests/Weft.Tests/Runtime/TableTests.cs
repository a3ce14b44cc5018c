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
            Tables<float>.Gather(new(ps, 4), new(places, 0), new(pt, 10), 2, new(1, 4, 10, 1), accumulate: false);
            Assert.Equal([12, 10, 12, 13, 11, 11, 10, 13, 12, 12, 22, 20, 22, 23, 21, 21, 20, 23, 22, 22], there);
            Tables<float>.ScatterAdd(new(pt, 10), new(places, 0), new(pb, 4), 2, new(1, 4, 10, 1));
            Tables<float>.Gather(new(ps, 4), new(places, 0), new(pt, 10), 2, new(1, 4, 10, 1), accumulate: true);
        }

        Assert.Equal([20, 22, 48, 26, 40, 42, 88, 46], back);
        Assert.Equal([24, 20, 24, 26, 22, 22, 20, 26, 24, 24, 44, 40, 44, 46, 42, 42, 40, 46, 44, 44], there);
    }

    [Fact]
    public void RowsReadVectorsOfOneTable_AndAddToIt()
    {
        // Two rows with three positions each in a table of four vectors, under an outer axis of two.
        double[] table = [3, 0, 3, 1, 1, 2];
        double[] source = [.. Enumerable.Range(0, 16).Select(i => (double)i)], there = new double[24], back = new double[16];
        fixed (double* ps = source, pt = there, pb = back, places = table)
        {
            Tables<double>.Gather(new(ps, 0), new(places, 3), new(pt, 12), 2, new(2, 4, 3, 2), accumulate: false);
            Assert.Equal([6, 7, 0, 1, 6, 7, 14, 15, 8, 9, 14, 15, 2, 3, 2, 3, 4, 5, 10, 11, 10, 11, 12, 13], there);
            Tables<double>.ScatterAdd(new(pt, 12), new(places, 3), new(pb, 0), 2, new(2, 4, 3, 2));
            Assert.Equal([0, 1, 4, 6, 4, 5, 12, 14, 8, 9, 20, 22, 12, 13, 28, 30], back);
            Tables<double>.Gather(new(ps, 0), new(places, 3), new(pt, 0), 2, new(2, 4, 3, 2), accumulate: true);
        }

        Assert.Equal([6 + 6 + 2, 7 + 7 + 3], there[..2]);
    }

    [Theory]
    [InlineData(5, -1)]
    [InlineData(0, 16777216)]
    [InlineData(17, 3.5)]
    [InlineData(20, float.NaN)]
    [InlineData(3, float.PositiveInfinity)]
    public void TheFirstThatIsNoPosition_IsFound(int at, float wrong)
    {
        float[] elements = new float[21];
        Assert.Equal(-1, Positions.FirstWrong<float>(elements, 4));
        elements[at] = wrong;
        Assert.Equal(at, Positions.FirstWrong<float>(elements, 4));
        elements[at] = 4;
        Assert.Equal(at, Positions.FirstWrong<float>(elements, 4));
        elements[at] = 3;
        Assert.Equal(-1, Positions.FirstWrong<float>(elements, 4));
    }

    /// <summary>In wider arithmetic; the first state gives the first number of SplitMix64's published sequence for the seed 0.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(-3, 12345)]
    public void HashesAreThoseOfTheGenerator(double a, double b)
    {
        System.UInt128 modulus = System.UInt128.One << 64;
        System.UInt128 state = (((System.UInt128)(((long)a % long.MaxValue) + (System.Int128)modulus) % modulus) + (((System.UInt128)b + 1) * 0x9E3779B97F4A7C15 % modulus)) % modulus;
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % modulus;
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB % modulus;
        double expected = (double)((state ^ (state >> 31)) >> 32);
        Assert.True(a != 0 || b != 0 || expected == 0xE220A839);
        Assert.Equal(expected, Positions.Hash(a, b));
        Assert.Equal(expected, Weft.Compiler.Algebra.FormulaOperator.All["hash"].Evaluate([a, b]));
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
