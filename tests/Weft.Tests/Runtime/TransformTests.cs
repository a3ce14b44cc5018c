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

    /// <summary>Powers of two, small primes and products of them, primes that are stages, and others that are not; one and two sides long.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(30)]
    [InlineData(31)]
    [InlineData(37)]
    [InlineData(74)]
    [InlineData(210)]
    [InlineData(512)]
    [InlineData(529)]
    [InlineData(2048)]
    [InlineData(2310)]
    [InlineData(4099)]
    public void FourierTransformsAreTheirDefinition(int size)
    {
        CheckFourier<float>(size, 2e-6);
        CheckFourier<double>(size, 4e-15);
    }

    /// <summary>Gradients are added to, and are the adjoints: ⟨g, F x⟩ = ⟨Fᵀ g, x⟩.</summary>
    private static void CheckFourier<T>(int size, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int Rows = 2;
        int count = (size / 2) + 1;
        T[] x = Numbers.Draw<T>(Rows * size, 1), g = Numbers.Draw<T>(2 * Rows * count, 2);
        T[] frequencies = new T[2 * Rows * count], back = new T[Rows * size], dx = new T[Rows * size], dy = new T[2 * Rows * count], y = new T[Rows * size];
        Array.Fill(dx, T.One);
        fixed (T* px = x, pg = g, pf = frequencies, pb = back, pdx = dx, pdy = dy, py = y)
        {
            ParameterFunctions<T>.RealFourier.Value(px, pf, (Rows, size));
            ParameterFunctions<T>.InverseRealFourier.Value(pf, pb, (Rows, size));
            ParameterFunctions<T>.RealFourier.Gradient(new(null, pdx), new(null, pg), (Rows, size));
            ParameterFunctions<T>.InverseRealFourier.Value(pg, py, (Rows, size));
            ParameterFunctions<T>.InverseRealFourier.Gradient(new(null, pdy), new(null, px), (Rows, size));
        }

        double root = Math.Sqrt(size), scale = Math.Max(1, Math.Log2(size)) * root;
        Assert.Equal(0, x.Zip(back, (a, b) => Math.Abs(double.CreateChecked(a - b))).Max(), tolerance * scale);
        Assert.Equal(Dot(g, frequencies), Dot(dx, x) - x.Sum(double.CreateChecked), tolerance * scale * root);
        Assert.Equal(Dot(x, y), Dot(dy, g), tolerance * scale);
        for (int f = 0; f < count; f += Math.Max(1, count / 7))
        {
            Complex expected = Enumerable.Range(0, size).Aggregate(
                Complex.Zero, (sum, j) => sum + (double.CreateChecked(x[size + j]) * Complex.Exp(-2 * Math.PI * Complex.ImaginaryOne * ((long)f * j % size) / size)));
            Assert.Equal(expected.Real, double.CreateChecked(frequencies[(2 * count) + f]), tolerance * scale);
            Assert.Equal(expected.Imaginary, double.CreateChecked(frequencies[(3 * count) + f]), tolerance * scale);
        }

        static double Dot(T[] a, T[] b) => a.Zip(b, (x, y) => double.CreateChecked(x) * double.CreateChecked(y)).Sum();
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
