using System.Numerics;
using System.Text;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

public sealed unsafe class ActivationTests
{
    public static TheoryData<Activation> All => new(Enum.GetValues<Activation>());

    [Theory]
    [MemberData(nameof(All))]
    public void ValuesAreTheFormulas(Activation f)
    {
        // Several blocks and a remainder; arguments that are floats.
        double[] z = [.. Enumerable.Range(0, 700).Select(i => (double)(float)InDomain(f, (i - 350) / 17.0))];
        double[] expected = [.. z.Select(value => Formula(f, value))];
        Numbers.AssertClose<double>(expected, Apply(f, z), 1e-13);
        Numbers.AssertClose<float>([.. expected.Select(value => (float)value)], Apply<float>(f, [.. z.Select(value => (float)value)]), 2e-6);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void DerivativesAgreeWithDifferences(Activation f)
    {
        double[] z = [.. Enumerable.Range(0, 601).Select(i => InDomain(f, (i - 300.5) / 41))], dy = Numbers.Draw<double>(z.Length, 1);
        double[] expected = [.. z.Zip(dy, (at, slope) => slope * (Formula(f, at + 1e-5) - Formula(f, at - 1e-5)) / 2e-5)];
        Numbers.AssertClose<double>(expected, Derivative(f, z, dy, accumulate: false), 1e-8);
        Numbers.AssertClose<double>([.. expected.Select(value => value + 1)], Derivative(f, z, dy, accumulate: true), 1e-8);
    }

    [Fact]
    public void ExtremesAreAsStated() => Assert.Empty(Faults());

    /// <summary>What is wrong with extreme arguments, with the vectors of this process; nothing, if they are right.</summary>
    internal static string Faults() => string.Concat(Enum.GetValues<Activation>().Select(f => Faults<float>(f, 1e-6) + Faults<double>(f, 1e-12)));

    /// <summary>An extreme among ordinary numbers, at each place of a vector and behind whole ones: its value and slope, and nothing else changes.</summary>
    private static string Faults<T>(Activation f, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int Length = 37;
        var faults = new StringBuilder();
        T[] ordinary = [.. Enumerable.Range(0, Length).Select(i => T.CreateChecked(0.1 + (0.02 * i)))], ones = Enumerable.Repeat(T.One, Length).ToArray();
        T[] values = Apply(f, ordinary), slopes = Derivative(f, ordinary, ones, accumulate: false);
        foreach ((double z, double value, double slope) in Extremes(f, typeof(T) == typeof(float) ? float.MaxValue : double.MaxValue))
        {
            for (int place = 0; place < Length; place++)
            {
                T[] among = [.. ordinary];
                among[place] = T.CreateChecked(z);
                T[] y = Apply(f, among), dz = Derivative(f, among, ones, accumulate: false);
                bool isRight = IsNear(y[place], value) && (double.IsNaN(z) || IsNear(dz[place], slope));
                (y[place], dz[place]) = (values[place], slopes[place]);
                if (!isRight || !y.SequenceEqual(values) || !dz.SequenceEqual(slopes))
                {
                    faults.Append(System.Globalization.CultureInfo.InvariantCulture, $"{f}({z}) in {typeof(T).Name} at {place} of {Length}. ");
                }
            }
        }

        return faults.ToString();

        bool IsNear(T found, double expected) => T.CreateChecked(expected) is var wanted
            && (wanted.Equals(found) || T.Abs(wanted - found) <= T.CreateChecked(tolerance) * T.Max(T.Abs(wanted), T.CreateChecked(1e-30)));
    }

    /// <summary>Arguments with the values and slopes that are stated for them: at the ends, where the formula is 0 / 0, and NaN for no number.</summary>
    private static IEnumerable<(double Z, double Value, double Slope)> Extremes(Activation f, double largest)
    {
        const double Infinity = double.PositiveInfinity;
        double clamped = Math.Atanh(1 - Math.Pow(2, -24)) / (1 - Math.Pow(2, -24));
        double[] far = [1e4, 1e30, largest, Infinity];
        IEnumerable<(double, double, double)> Ends(Func<double, double> above, double slopeAbove, double below) =>
            far.SelectMany(z => new[] { (z, above(z), slopeAbove), (-z, below, 0.0) });
        IEnumerable<(double, double, double)> stated = f switch
        {
            Activation.Relu => Ends(z => z, 1, 0).Append((0, 0, 0)),
            Activation.Gelu or Activation.Silu => Ends(z => z, 1, 0).Append((0, 0, 0.5)),
            Activation.Softplus => Ends(z => z, 1, 0).Append((0, Math.Log(2), 0.5)),
            Activation.Tanh => Ends(_ => 1, 0, -1).Append((0, 0, 1)),
            Activation.Sigmoid => Ends(_ => 1, 0, 0).Append((0, 0.5, 0.25)),
            Activation.Exp => Ends(_ => Infinity, Infinity, 0).Append((0, 1, 1)),
            Activation.Square => [(0, 0, 0), (Infinity, Infinity, Infinity), (-Infinity, Infinity, -Infinity)],
            Activation.Sqrt => [(0, 0, 0), (1e30, 1e15, 0.5e-15), (Infinity, Infinity, 0), (-1, double.NaN, 0)],
            Activation.Reciprocal => [(0, Infinity, -Infinity), (Infinity, 0, 0), (-Infinity, 0, 0), (1e30, 1e-30, 0)],
            Activation.Atanh => [(0, 0, 1), (1, Infinity, Infinity), (-1, -Infinity, Infinity), (2, double.NaN, -1 / 3.0)],
            Activation.Tanhc => [(0, 1, 0), (1e30, 1e-30, 0), (-1e30, 1e-30, 0), (Infinity, 0, 0), (-Infinity, 0, 0), (1e-30, 1, -2e-30 / 3)],
            _ => [(0, 1, 0), (1e-30, 1, 2e-30 / 3), .. far.Append(1).SelectMany(z => new[] { (z, clamped, 0.0), (-z, clamped, 0.0) })],
        };
        return stated.Append((double.NaN, double.NaN, 0));
    }

    [Fact]
    public void SoftplusKeepsItsRelativeAccuracyWhereItIsSmall()
    {
        float[] y = Apply<float>(Activation.Softplus, [-5, -15, -20, -60]);
        Assert.Equal(1, y[0] / Math.Log(1 + Math.Exp(-5)), 1e-5);
        Assert.Equal(1, y[1] / Math.Exp(-15), 1e-5);
        Assert.Equal(1, y[2] / Math.Exp(-20), 1e-5);
        Assert.Equal(1, y[3] / Math.Exp(-60), 1e-5);
    }

    /// <summary>An argument that the function is defined for, and not steep beyond what differences can follow.</summary>
    private static double InDomain(Activation f, double z) => f switch
    {
        Activation.Exp => z / 4,
        Activation.Sqrt => Math.Abs(z) + 0.1,
        Activation.Reciprocal => z + (2 * Math.Sign(z)) + (z == 0 ? 2 : 0),
        Activation.Atanh or Activation.Atanhc => Math.Tanh(z / 10),
        _ => z,
    };

    private static double Formula(Activation f, double z) => f switch
    {
        Activation.Relu => Math.Max(z, 0),
        Activation.Gelu => 0.5 * z * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z))),
        Activation.Silu => z / (1 + Math.Exp(-z)),
        Activation.Tanh => Math.Tanh(z),
        Activation.Sigmoid => 1 / (1 + Math.Exp(-z)),
        Activation.Exp => Math.Exp(z),
        Activation.Square => z * z,
        Activation.Sqrt => Math.Sqrt(z),
        Activation.Reciprocal => 1 / z,
        Activation.Atanh => Math.Atanh(z),
        Activation.Tanhc => z == 0 ? 1 : Math.Tanh(z) / z,
        Activation.Atanhc => z == 0 ? 1 : Math.Atanh(z) / z,
        _ => Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z))),
    };

    private static T[] Apply<T>(Activation f, T[] z)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T[] y = new T[z.Length], inPlace = [.. z];
        fixed (T* pz = z, py = y, p = inPlace)
        {
            Activations<T>.Apply(f, new(pz, 0), new(py, 0), 1, z.Length);
            Activations<T>.Apply(f, new(p, 0), new(p, 0), 1, z.Length);
        }

        Assert.Equal(y, inPlace);
        return y;
    }

    private static T[] Derivative<T>(Activation f, T[] z, T[] dy, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T[] dz = Enumerable.Repeat(T.One, z.Length).ToArray(), inPlace = [.. dy];
        fixed (T* pz = z, pdy = dy, pdz = dz, p = inPlace)
        {
            if (accumulate)
            {
                Activations<T>.AddDerivative(f, new(pz, 0), new(pdy, 0), new(pdz, 0), 1, z.Length);
            }
            else
            {
                Activations<T>.Derivative(f, new(pz, 0), new(pdy, 0), new(pdz, 0), 1, z.Length);
            }

            Activations<T>.Derivative(f, new(pz, 0), new(p, 0), new(p, 0), 1, z.Length);
        }

        Assert.True(accumulate || dz.SequenceEqual(inPlace));
        return dz;
    }
}
