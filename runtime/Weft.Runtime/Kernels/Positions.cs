using System.Numerics;

namespace Weft.Kernels;

/// <summary>Arithmetic on positions: whole numbers that a double holds exactly.</summary>
public static class Positions
{
    private const double Exact = 1L << 53;

    /// <summary>The remainder of a division, with the sign of the divisor.</summary>
    public static double Remainder(double a, double b) => a - (b * Math.Floor(a / b));

    /// <summary>aᵇ; for whole exponents from 0 to 64 by products alone, so that powers of whole numbers are exact as far as doubles are.</summary>
    public static double Power(double a, double b)
    {
        if (!(b is >= 0 and <= 64) || !double.IsInteger(b))
        {
            return Math.Pow(a, b);
        }

        double power = 1;
        for (int k = (int)b; k > 0; k >>= 1, a *= a)
        {
            power *= (k & 1) == 0 ? 1 : a;
        }

        return power;
    }

    /// <summary>
    /// The upper 32 bits of SplitMix64's output for the state <c>a + (b + 1)·0x9E3779B97F4A7C15</c> modulo 2⁶⁴ (Steele, Lea and Flood, <i>Fast
    /// Splittable Pseudorandom Number Generators</i>, 2014).
    /// </summary>
    /// <param name="a">A number, of which the whole part up to ±2⁵³ counts.</param>
    /// <param name="b">Another one: which of many hashes.</param>
    public static double Hash(double a, double b)
    {
        ulong state = Whole(a) + ((Whole(b) + 1) * 0x9E3779B97F4A7C15);
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB;
        return (state ^ (state >> 31)) >> 32;

        static ulong Whole(double number) => double.IsNaN(number) ? 0 : (ulong)(long)Math.Floor(Math.Clamp(number, -Exact, Exact));
    }

    /// <summary>The first element that is no whole number from 0 to below a size, or -1.</summary>
    /// <param name="elements">Elements that should be positions.</param>
    /// <param name="size">The number that positions are below.</param>
    internal static int FirstWrong<T>(ReadOnlySpan<T> elements, int size)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T end = T.CreateTruncating(size);
        int i = 0;
        if (Vector.IsHardwareAccelerated && elements.Length >= Vector<T>.Count)
        {
            Vector<T> ends = new(end);
            for (; i <= elements.Length - Vector<T>.Count; i += Vector<T>.Count)
            {
                Vector<T> element = new(elements[i..]);
                if (!(Vector.GreaterThanOrEqualAll(element, Vector<T>.Zero) && Vector.LessThanAll(element, ends) && Vector.EqualsAll(element, Truncated(element))))
                {
                    break;
                }
            }
        }

        for (; i < elements.Length; i++)
        {
            if (!(elements[i] >= T.Zero && elements[i] < end && T.IsInteger(elements[i])))
            {
                return i;
            }
        }

        return -1;
    }

    private static Vector<T> Truncated<T>(Vector<T> elements)
        where T : unmanaged => typeof(T) == typeof(float)
        ? Vector.Truncate(elements.As<T, float>()).As<float, T>()
        : Vector.Truncate(elements.As<T, double>()).As<double, T>();
}
