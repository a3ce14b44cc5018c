using System.Numerics;
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
    public void TheSquareRootHasSlopeZeroAtZero()
    {
        float[] z = [0, 4, 0];
        Assert.Equal([0, 2, 0], Apply(Activation.Sqrt, z));
        Assert.Equal([0, 0.25f, 0], Derivative(Activation.Sqrt, z, [1, 1, 1], accumulate: false));
    }

    [Theory]
    [InlineData(Activation.Relu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Tanh)]
    [InlineData(Activation.Sigmoid)]
    [InlineData(Activation.Softplus)]
    public void LargeArgumentsGiveTheLimits(Activation f)
    {
        Check<float>(100, 1e4, 1e10, 1e20, 3e38);
        Check<double>(1000, 1e10, 1e100, 1e155, 1e308);

        void Check<T>(params double[] sizes)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            foreach (double size in sizes)
            {
                T[] z = [T.CreateTruncating(size), T.CreateTruncating(-size)];
                bool bounded = f is Activation.Tanh or Activation.Sigmoid;
                T top = bounded ? T.One : z[0], bottom = f == Activation.Tanh ? -T.One : T.Zero;
                Numbers.AssertClose<T>([top, bottom], Apply(f, z), 1e-6);
                Numbers.AssertClose<T>([bounded ? T.Zero : T.One, T.Zero], Derivative(f, z, [T.One, T.One], accumulate: false), 1e-6);
            }
        }
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
        Activation.Atanh => Math.Tanh(z / 10),
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
        _ => Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z))),
    };

    private static T[] Apply<T>(Activation f, T[] z)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T[] y = new T[z.Length], inPlace = [.. z];
        fixed (T* pz = z, py = y, p = inPlace)
        {
            Activations<T>.Apply(f, pz, py, 1, z.Length, (z.Length, z.Length));
            Activations<T>.Apply(f, p, p, 1, z.Length, (z.Length, z.Length));
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
            Activations<T>.Derivative(f, pz, pdy, pdz, 1, z.Length, (z.Length, z.Length, z.Length), accumulate);
            Activations<T>.Derivative(f, pz, p, p, 1, z.Length, (z.Length, z.Length, z.Length), accumulate: false);
        }

        Assert.True(accumulate || dz.SequenceEqual(inPlace));
        return dz;
    }
}
