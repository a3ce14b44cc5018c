using System.Numerics;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

public unsafe class TransformTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(256)]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(8192)]
    public void WalshHadamardIsItsDefinition(int size)
    {
        Check<float>(size, 2e-6);
        Check<double>(size, 1e-14);
    }

    private static void Check<T>(int size, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T[] x = Numbers.Draw<T>(2 * size, 1), y = new T[2 * size];
        fixed (T* px = x, py = y)
        {
            Transforms<T>.WalshHadamard(px, py, 2, size);
        }

        // Some elements, by the definition.
        for (int k = 0; k < 2 * size; k += Math.Max(1, size / 37))
        {
            double expected = 0;
            for (int j = 0; j < size; j++)
            {
                double element = double.CreateChecked(x[(k / size * size) + j]);
                expected += BitOperations.PopCount((uint)(k % size & j)) % 2 == 0 ? element : -element;
            }

            Assert.Equal(expected, double.CreateChecked(y[k]), tolerance * size);
        }
    }
}
