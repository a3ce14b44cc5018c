using System.Numerics;
using System.Runtime.Intrinsics;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

/// <summary>Functions of lanes, in vectors of every width.</summary>
public sealed unsafe class LaneMathTests
{
    [Fact]
    public void Expm1KeepsTheDigitsOfSmallNumbers()
    {
        Check(new Expm1Of<float>(), new Expm1Of<double>(), z => 2 * Math.Sinh(z / 2) * Math.Exp(z / 2), -1.1, 1.1);
        Check(new Expm1Of<float>(), new Expm1Of<double>(), z => Math.Exp(z) - 1, 0.4, 80);
        Check(new Expm1Of<float>(), new Expm1Of<double>(), z => Math.Exp(z) - 1, -40, -0.4);
    }

    [Fact]
    public void ErfcIsWhatADeviceComputes()
    {
        // Both are polynomials; where the series of the definition is exact they are held against it too.
        Check(new ErfcOf<float>(), new ErfcOf<double>(), z => DeviceMath.Erfc(z), -6, 2);
        Assert.Equal(0.15729920705028513, Apply<ErfcOf<double>, double>([1])[0], 1e-15);
        Assert.Equal([0, 2, 0], Apply<ErfcOf<float>, float>([float.PositiveInfinity, float.NegativeInfinity, 1e30f]));
        Assert.Equal([0, 2, double.NaN], Apply<ErfcOf<double>, double>([1e300, -1e300, double.NaN]));
    }

    [Fact]
    public void ReductionsTakeEveryElement()
    {
        for (int count = 1; count < 70; count++)
        {
            double[] x = Numbers.Draw<double>(count, count);
            fixed (double* p = x)
            {
                Assert.Equal(x.Sum(), Elements<double>.Sum(new Terms(p), count), 1e-12);
                Assert.Equal(x.Max(), Elements<double>.Largest(new Terms(p), count));
            }
        }
    }

    private static void Check<TFloat, TDouble>(TFloat single, TDouble twofold, Func<double, double> exact, double from, double to)
        where TFloat : struct, IFunction<float>
        where TDouble : struct, IFunction<double>
    {
        double[] z = [.. Enumerable.Range(0, 1003).Select(k => (double)(float)(from + ((to - from) * k / 1002)))];
        Near(Apply<TDouble, double>(z), 1e-14);
        Near(Apply<TFloat, float>([.. z.Select(value => (float)value)]), 2e-6);

        void Near<T>(T[] values, double tolerance)
            where T : IBinaryFloatingPointIeee754<T>
        {
            for (int k = 0; k < z.Length; k++)
            {
                double expected = exact(z[k]), value = double.CreateChecked(values[k]);
                Assert.True(Math.Abs(value - expected) <= tolerance * Math.Abs(expected), $"f({z[k]}) is {value}, not {expected}");
            }
        }
    }

    private static T[] Apply<F, T>(T[] z)
        where F : struct, IFunction<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T[] y = new T[z.Length];
        fixed (T* pz = z, py = y)
        {
            Elements<T>.Run(new Loop<F, T>(pz, py), z.Length);
        }

        T[] one = [.. z.Select(value => F.Of<Lanes1<T>, T>(value))];
        Assert.All(y.Zip(one), pair => Assert.True(pair.First.Equals(pair.Second) || T.Abs(pair.First - pair.Second) <= T.Abs(pair.First) * T.CreateChecked(1e-6)));
        return y;
    }

    private interface IFunction<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        static abstract V Of<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct;
    }

    private readonly struct Expm1Of<T> : IFunction<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public static V Of<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => LaneMath<T>.Expm1<S, V>(z);
    }

    private readonly struct ErfcOf<T> : IFunction<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public static V Of<S, V>(V z)
            where S : struct, ILanes<T, V>
            where V : struct => LaneMath<T>.Erfc<S, V>(z);
    }

    private readonly struct Loop<F, T>(T* z, T* y) : IElementwiseLoop<T>
        where F : struct, IFunction<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct => S.Store(F.Of<S, V>(S.Load(z + i)), y + i);
    }

    private readonly struct Terms(double* x) : IElementwiseTerms<double>
    {
        public V At<S, V>(int i)
            where S : struct, ILanes<double, V>
            where V : struct => S.Load(x + i);
    }
}
