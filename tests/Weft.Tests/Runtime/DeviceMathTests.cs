using System.Numerics;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

public class DeviceMathTests
{
    private const int Steps = 20_000;

    [Fact]
    public void Float()
    {
        AssertNear<float>(DeviceMath.Exp, Math.Exp, -87, 88.7);
        AssertNear<float>(DeviceMath.Log1p, z => Math.Log(1 + z), 1e-3, 5);
        AssertNear<float>(DeviceMath.Log1p, z => Math.Log(1 + z), -0.99, -1e-3);
        AssertNear<float>(DeviceMath.Log, Math.Log, 1.4, 1e4);
        AssertNear<float>(DeviceMath.Log, Math.Log, 1e-30, 0.7);
        AssertNear<float>(DeviceMath.Tanh, Math.Tanh, -12, 12);
        AssertNear<float>(DeviceMath.Tanh, Math.Tanh, -1e-3, 1e-3);
        AssertNear<float>(DeviceMath.Expm1, z => Math.Exp(z) - 1, -20, 80);
        AssertNear<float>(DeviceMath.Erfc, Erfc, -3, 0.5);
    }

    [Fact]
    public void Double()
    {
        AssertNear<double>(DeviceMath.Exp, Math.Exp, -708, 709.7);
        AssertNear<double>(DeviceMath.Log1p, z => Math.Log(1 + z), 0.5, 5);
        AssertNear<double>(DeviceMath.Log1p, z => z - (z * z / 2) + (z * z * z / 3), 0, 1e-5);
        AssertNear<double>(DeviceMath.Log, Math.Log, 1.4, 1e9);
        AssertNear<double>(DeviceMath.Log, Math.Log, 1e-300, 0.7);
        AssertNear<double>(DeviceMath.Tanh, Math.Tanh, -22, 22);
        AssertNear<double>(DeviceMath.Tanh, Math.Tanh, -1e-3, 1e-3);
        AssertNear<double>(DeviceMath.Expm1, z => Math.Exp(z) - 1, 0.4, 700);
        AssertNear<double>(DeviceMath.Expm1, z => 2 * Math.Sinh(z / 2) * Math.Exp(z / 2), -0.6, 0.6);
        AssertNear<double>(DeviceMath.Erfc, Erfc, -3, 0.5);
    }

    [Fact]
    public void AtTheEnds()
    {
        Assert.Equal(0, DeviceMath.Exp(float.NegativeInfinity));
        Assert.Equal(float.PositiveInfinity, DeviceMath.Exp(float.PositiveInfinity));
        Assert.Equal(0, DeviceMath.Exp(-1e300));
        Assert.Equal(double.PositiveInfinity, DeviceMath.Exp(1e300));
        Assert.Equal(0, DeviceMath.Log1p(0f));
        Assert.Equal((0, 3f), (DeviceMath.Log(1f), DeviceMath.Sqrt(9f)));
        Assert.Equal((0, 3d), (DeviceMath.Log(1d), DeviceMath.Sqrt(9d)));
        Assert.Equal(-1, DeviceMath.Tanh(-1e30f));
        Assert.Equal(1, DeviceMath.Tanh(double.MaxValue));
        Assert.Equal(float.NaN, DeviceMath.Tanh(float.NaN));
        Assert.Equal(double.NaN, DeviceMath.Exp(double.NaN));
        Assert.Equal((0, 2f), (DeviceMath.Erfc(float.PositiveInfinity), DeviceMath.Erfc(-1e30f)));
        Assert.Equal((0, 2d), (DeviceMath.Erfc(1e300), DeviceMath.Erfc(double.NegativeInfinity)));
        Assert.Equal((-1, -1d), (DeviceMath.Expm1(-1e30f), DeviceMath.Expm1(double.NegativeInfinity)));
        Assert.Equal((2f, -3f, 3f), (DeviceMath.Max(-3f, 2f), DeviceMath.Min(-3f, 2f), DeviceMath.Abs(-3f)));
        Assert.Equal((2d, -3d, 3d), (DeviceMath.Max(-3d, 2d), DeviceMath.Min(-3d, 2d), DeviceMath.Abs(-3d)));
    }

    [Fact]
    public void WholeNumbers()
    {
        for (double z = -4.75; z <= 5; z += 0.125)
        {
            Assert.Equal((Math.Floor(z), Math.Round(z)), (DeviceMath.Floor(z), DeviceMath.Rint(z)));
            Assert.Equal(((float)Math.Floor(z), (float)Math.Round(z)), (DeviceMath.Floor((float)z), DeviceMath.Rint((float)z)));
        }

        Assert.Equal((-1e20, 1e20f), (DeviceMath.Rint(-1e20), DeviceMath.Floor(1e20f)));
        Assert.Equal((8388609f, 4503599627370497), (DeviceMath.Rint(8388609f), DeviceMath.Rint(4503599627370497)));
        Assert.Equal((float.NaN, double.NegativeInfinity), (DeviceMath.Rint(float.NaN), DeviceMath.Rint(double.NegativeInfinity)));
    }

    /// <summary>1 − 2/√π e^(−z²) Σ 2ᵏ z^(2k + 1) / (1 · 3 · … (2k + 1)).</summary>
    private static double Erfc(double z)
    {
        double sum = 0, term = z;
        for (int k = 1; k < 120; k++)
        {
            sum += term;
            term *= 2 * z * z / ((2 * k) + 1);
        }

        return 1 - (2 / Math.Sqrt(Math.PI) * Math.Exp(-z * z) * sum);
    }

    /// <summary>Within four units in the last place of the exact value.</summary>
    private static void AssertNear<T>(Func<T, T> actual, Func<double, double> exact, double from, double to)
        where T : IBinaryFloatingPointIeee754<T>
    {
        double ulp = double.CreateChecked(T.BitIncrement(T.One) - T.One);
        for (int k = 0; k <= Steps; k++)
        {
            T z = T.CreateChecked(from + ((to - from) * k / Steps));
            double expected = exact(double.CreateChecked(z));
            Assert.True(Math.Abs(double.CreateChecked(actual(z)) - expected) <= 4 * ulp * Math.Abs(expected), $"f({z}) is {actual(z)}, not {expected}");
        }
    }
}
