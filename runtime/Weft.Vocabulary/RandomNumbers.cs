namespace Weft.Kernels;

/// <summary>
/// Random numbers by counter: the number at an index depends on the seed and the index alone, so any part of a tensor can be drawn on
/// its own. Only additions, multiplications, divisions and square roots are used, which IEEE 754 defines to the last bit: every
/// machine draws the same.
/// </summary>
public static class RandomNumbers
{
    private const ulong Increment = 0x9E3779B97F4A7C15;

    /// <summary>A seed that is as good as independent of the seeds of other streams.</summary>
    public static int Combine(int seed, int stream) => (int)(Bits(seed, (uint)stream) >> 32);

    /// <summary>The seed of a stream with a name, by FNV-1a.</summary>
    public static int Combine(int seed, string stream)
    {
        uint hash = 2166136261u ^ (uint)seed;
        foreach (char letter in stream)
        {
            hash = unchecked((hash ^ letter) * 16777619u);
        }

        return (int)hash;
    }

    /// <summary>The seed of a tensor of noise.</summary>
    /// <param name="seed">The seed of a run.</param>
    /// <param name="step">The number of a step of training.</param>
    /// <param name="tensor">The seed of the tensor.</param>
    /// <param name="row">The place of a row in its batch.</param>
    public static int OfRow(int seed, long step, int tensor, int row) =>
        Combine(Combine(Combine(Combine(seed, unchecked((int)step)), unchecked((int)(step >> 32))), tensor), row);

    /// <summary>64 random bits: the index-th output of SplitMix64 (Steele, Lea and Flood, 2014), started from the scrambled seed.</summary>
    public static ulong Bits(int seed, ulong index) => BitsFrom(Start(seed), index);

    /// <summary>The scrambled seed.</summary>
    public static ulong Start(int seed) => Mix(unchecked((uint)seed + Increment));

    /// <summary><see cref="Bits"/> of the seed that was scrambled.</summary>
    public static ulong BitsFrom(ulong start, ulong index) => Mix(unchecked(start + (index + 1) * Increment));

    /// <summary>Uniform on (0, 1), never 0 or 1, and symmetric about ½.</summary>
    public static double Uniform(int seed, ulong index) => UniformOf(Bits(seed, index));

    /// <summary>The uniform number that 64 random bits are.</summary>
    public static double UniformOf(ulong bits) => ((bits >> 12) + 0.5) * (1.0 / (1UL << 52));

    /// <summary>Standard normal, by inversion: the percentage points of algorithm AS 241 (Wichura 1988), to about 16 digits.</summary>
    public static double Normal(int seed, ulong index) => NormalQuantile(Uniform(seed, index));

    /// <summary>The number that a standard normal one is below with probability <paramref name="p"/>, from 0 to 1 without the ends.</summary>
    public static double NormalQuantile(double p)
    {
        double q = p - 0.5;
        if (Math.Abs(q) <= 0.425)
        {
            return q * Ratio(0.180625 - q * q, CentreNumerator, CentreDenominator);
        }

        double r = Math.Sqrt(-Log(Math.Min(p, 1 - p)));
        double magnitude = r <= 5 ? Ratio(r - 1.6, MiddleNumerator, MiddleDenominator) : Ratio(r - 5, TailNumerator, TailDenominator);
        return q < 0 ? -magnitude : magnitude;
    }

    /// <summary>
    /// The place of a number in a random permutation of 0 … size − 1: four rounds of a Feistel network (Luby and Rackoff, 1988) on as many bits
    /// as the size needs, taken again and again until the result is below the size.
    /// </summary>
    public static int Permuted(int seed, int number, int size)
    {
        int half = 1;
        while (1L << (2 * half) < size)
        {
            half++;
        }

        ulong mask = (1UL << half) - 1;
        ulong value = (ulong)number;
        do
        {
            (ulong left, ulong right) = (value >> half, value & mask);
            for (int round = 0; round < 4; round++)
            {
                (left, right) = (right, left ^ (Bits(Combine(seed, round), right) & mask));
            }

            value = (left << half) | right;
        }
        while (value >= (ulong)size);

        return (int)value;
    }

    private static readonly double[] CentreNumerator =
    [
        2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
        1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2, 3.3871328727963666080e+0,
    ];

    private static readonly double[] CentreDenominator =
    [
        5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
        5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0,
    ];

    private static readonly double[] MiddleNumerator =
    [
        7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e+0,
        3.64784832476320460504e+0, 5.76949722146069140550e+0, 4.63033784615654529590e+0, 1.42343711074968357734e+0,
    ];

    private static readonly double[] MiddleDenominator =
    [
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
        6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0,
    ];

    private static readonly double[] TailNumerator =
    [
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
        2.96560571828504891230e-1, 1.78482653991729133580e+0, 5.46378491116411436990e+0, 6.65790464350110377720e+0,
    ];

    private static readonly double[] TailDenominator =
    [
        2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
        1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
    ];

    private static double Ratio(double x, double[] numerator, double[] denominator)
    {
        double above = 0, below = 0;
        for (int i = 0; i < numerator.Length; i++)
        {
            above = above * x + numerator[i];
            below = below * x + denominator[i];
        }

        return above / below;
    }

    /// <summary>The natural logarithm of a normal number: of the power of two, and by a series of what is left. A library's may differ in the last bit from machine to machine.</summary>
    private static double Log(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)(bits >> 52) - 1023;
        double fraction = BitConverter.Int64BitsToDouble((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000);
        double s = (fraction - 1) / (fraction + 1), square = s * s, series = 0; // s ≤ 1/3: terms fall by 9
        for (int power = 37; power >= 1; power -= 2)
        {
            series = series * square + 1.0 / power;
        }

        return exponent * 0.69314718055994530942 + 2 * s * series;
    }

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
