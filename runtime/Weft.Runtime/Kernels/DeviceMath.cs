namespace Weft.Kernels;

/// <summary>
/// Functions of kernels in arithmetic alone: compilers for devices without a library of such functions take them as they are. Errors are a
/// few units in the last place.
/// </summary>
public static class DeviceMath
{
    private const double Log2E = 1.4426950408889634074;

    // ln 2 in two parts: a multiple of the first up to a thousand is exact.
    private const float Ln2HighFloat = 0.693145752f, Ln2LowFloat = 1.42860677e-6f;
    private const double Ln2High = 0.693147180369123816490, Ln2Low = 1.90821492927058770002e-10;

    public static float Abs(float z) => z < 0 ? -z : z;

    public static double Abs(double z) => z < 0 ? -z : z;

    /// <summary>The largest whole number that is not above z.</summary>
    public static float Floor(float z)
    {
        float whole = Abs(z) < 8388608 ? (int)z : z;
        return whole > z ? whole - 1 : whole;
    }

    /// <inheritdoc cref="Floor(float)"/>
    public static double Floor(double z)
    {
        double whole = Abs(z) < 4503599627370496 ? (long)z : z;
        return whole > z ? whole - 1 : whole;
    }

    /// <summary>The nearest whole number, of two the even one.</summary>
    public static float Rint(float z)
    {
        float below = Floor(z), even = 2 * Floor(below / 2);
        float rest = z - below;
        return rest > 0.5f || (rest == 0.5f && even != below) ? below + 1 : below;
    }

    /// <inheritdoc cref="Rint(float)"/>
    public static double Rint(double z)
    {
        double below = Floor(z), even = 2 * Floor(below / 2);
        double rest = z - below;
        return rest > 0.5 || (rest == 0.5 && even != below) ? below + 1 : below;
    }

    public static float Max(float a, float b) => a < b ? b : a;

    public static double Max(double a, double b) => a < b ? b : a;

    public static float Min(float a, float b) => b < a ? b : a;

    public static double Min(double a, double b) => b < a ? b : a;

    /// <summary>exp(z) = 2ⁿ exp(r) with |r| ≤ ½ ln 2: a Taylor polynomial, and powers of two in two steps so that none overflows.</summary>
    public static float Exp(float z)
    {
        z = Min(Max(z, -105), 89);
        float scaled = z * (float)Log2E;
        int n = (int)(scaled + (scaled < 0 ? -0.5f : 0.5f));
        float r = z - (n * Ln2HighFloat) - (n * Ln2LowFloat);
        float p = 1f / 5040;
        p = (p * r) + 1f / 720;
        p = (p * r) + 1f / 120;
        p = (p * r) + 1f / 24;
        p = (p * r) + 1f / 6;
        p = (p * r) + 0.5f;
        p = 1 + (r * (1 + (r * p)));
        int half = n / 2;
        return p * BitConverter.Int32BitsToSingle((half + 127) << 23) * BitConverter.Int32BitsToSingle((n - half + 127) << 23);
    }

    /// <inheritdoc cref="Exp(float)"/>
    public static double Exp(double z)
    {
        z = Min(Max(z, -746), 710);
        double scaled = z * Log2E;
        int n = (int)(scaled + (scaled < 0 ? -0.5 : 0.5));
        double r = z - (n * Ln2High) - (n * Ln2Low);
        double p = 1.0 / 6227020800;
        p = (p * r) + 1.0 / 479001600;
        p = (p * r) + 1.0 / 39916800;
        p = (p * r) + 1.0 / 3628800;
        p = (p * r) + 1.0 / 362880;
        p = (p * r) + 1.0 / 40320;
        p = (p * r) + 1.0 / 5040;
        p = (p * r) + 1.0 / 720;
        p = (p * r) + 1.0 / 120;
        p = (p * r) + 1.0 / 24;
        p = (p * r) + 1.0 / 6;
        p = (p * r) + 0.5;
        p = 1 + (r * (1 + (r * p)));
        int half = n / 2;
        return p * BitConverter.Int64BitsToDouble((long)(half + 1023) << 52) * BitConverter.Int64BitsToDouble((long)(n - half + 1023) << 52);
    }

    /// <summary>eᶻ − 1: by its series near 0, where it would lose digits of z.</summary>
    public static float Expm1(float z)
    {
        float p = 1f / 40320;
        p = (p * z) + 1f / 5040;
        p = (p * z) + 1f / 720;
        p = (p * z) + 1f / 120;
        p = (p * z) + 1f / 24;
        p = (p * z) + 1f / 6;
        p = (p * z) + 0.5f;
        return Abs(z) < 0.5f ? z + (z * z * p) : Exp(z) - 1;
    }

    /// <inheritdoc cref="Expm1(float)"/>
    public static double Expm1(double z)
    {
        double p = 1.0 / 1307674368000;
        p = (p * z) + 1.0 / 87178291200;
        p = (p * z) + 1.0 / 6227020800;
        p = (p * z) + 1.0 / 479001600;
        p = (p * z) + 1.0 / 39916800;
        p = (p * z) + 1.0 / 3628800;
        p = (p * z) + 1.0 / 362880;
        p = (p * z) + 1.0 / 40320;
        p = (p * z) + 1.0 / 5040;
        p = (p * z) + 1.0 / 720;
        p = (p * z) + 1.0 / 120;
        p = (p * z) + 1.0 / 24;
        p = (p * z) + 1.0 / 6;
        p = (p * z) + 0.5;
        return Abs(z) < 0.5 ? z + (z * z * p) : Exp(z) - 1;
    }

    /// <summary>1 − erf(z), as <see cref="LaneMath{T}.Erfc"/>.</summary>
    public static float Erfc(float z)
    {
        float size = Abs(z), t = 2 / (2 + size), at = (4 * t) - 2, a = -9.91364156e-10f, b = (at * a) + 5.059343495e-9f;
        a = (at * b) - a + 6.529054439e-9f;
        b = (at * a) - b - 8.5238095915e-8f;
        a = (at * b) - a + 1.5626441722e-8f;
        b = (at * a) - b + 1.303655835580e-6f;
        a = (at * b) - a - 1.624290004647e-6f;
        b = (at * a) - b - 2.0278578112534e-5f;
        a = (at * b) - a + 4.2523324806907e-5f;
        b = (at * a) - b + 3.66839497852761e-4f;
        a = (at * b) - a - 9.46595344482036e-4f;
        b = (at * a) - b - 9.561514786808631e-3f;
        a = (at * b) - a + 1.9476473204185836e-2f;
        b = (at * a) - b + 6.4196979235649026e-1f;
        float value = t * Exp((0.5f * ((at * b) - 1.3026537197817094f)) - a - (z * z));
        return z < 0 ? 2 - value : value;
    }

    /// <inheritdoc cref="Erfc(float)"/>
    public static double Erfc(double z)
    {
        double size = Abs(z), t = 2 / (2 + size), at = (4 * t) - 2, a = -2.8e-17, b = (at * a) + 1.21e-16;
        a = (at * b) - a - 9.4e-17;
        b = (at * a) - b - 1.523e-15;
        a = (at * b) - a + 7.106e-15;
        b = (at * a) - b + 3.81e-16;
        a = (at * b) - a - 1.12708e-13;
        b = (at * a) - b + 3.13092e-13;
        a = (at * b) - a + 8.94487e-13;
        b = (at * a) - b - 6.886027e-12;
        a = (at * b) - a + 2.394038e-12;
        b = (at * a) - b + 9.6467911e-11;
        a = (at * b) - a - 2.27365122e-10;
        b = (at * a) - b - 9.91364156e-10;
        a = (at * b) - a + 5.059343495e-9;
        b = (at * a) - b + 6.529054439e-9;
        a = (at * b) - a - 8.5238095915e-8;
        b = (at * a) - b + 1.5626441722e-8;
        a = (at * b) - a + 1.303655835580e-6;
        b = (at * a) - b - 1.624290004647e-6;
        a = (at * b) - a - 2.0278578112534e-5;
        b = (at * a) - b + 4.2523324806907e-5;
        a = (at * b) - a + 3.66839497852761e-4;
        b = (at * a) - b - 9.46595344482036e-4;
        a = (at * b) - a - 9.561514786808631e-3;
        b = (at * a) - b + 1.9476473204185836e-2;
        a = (at * b) - a + 6.4196979235649026e-1;
        double value = t * Exp((0.5 * ((at * a) - 1.3026537197817094)) - b - (z * z));
        return z < 0 ? 2 - value : value;
    }

    /// <summary>log(1 + z): by a series near 0, where 1 + z would lose digits of z.</summary>
    public static float Log1p(float z) => z < -0.3f || z > 1 ? Log(1 + z) : Log1pSeries(z);

    /// <inheritdoc cref="Log1p(float)"/>
    public static double Log1p(double z) => z < -0.3 || z > 1 ? Log(1 + z) : Log1pSeries(z);

    /// <summary>2 artanh(z / (2 + z)), whose series converges as 9⁻ⁿ for z from −0.3 to 1.</summary>
    private static float Log1pSeries(float z)
    {
        float s = z / (2 + z), t = s * s;
        float p = 1f / 15;
        p = (p * t) + 1f / 13;
        p = (p * t) + 1f / 11;
        p = (p * t) + 1f / 9;
        p = (p * t) + 1f / 7;
        p = (p * t) + 1f / 5;
        p = (p * t) + 1f / 3;
        return 2 * s * (1 + (t * p));
    }

    /// <inheritdoc cref="Log1pSeries(float)"/>
    private static double Log1pSeries(double z)
    {
        double s = z / (2 + z), t = s * s;
        double p = 1.0 / 33;
        p = (p * t) + 1.0 / 31;
        p = (p * t) + 1.0 / 29;
        p = (p * t) + 1.0 / 27;
        p = (p * t) + 1.0 / 25;
        p = (p * t) + 1.0 / 23;
        p = (p * t) + 1.0 / 21;
        p = (p * t) + 1.0 / 19;
        p = (p * t) + 1.0 / 17;
        p = (p * t) + 1.0 / 15;
        p = (p * t) + 1.0 / 13;
        p = (p * t) + 1.0 / 11;
        p = (p * t) + 1.0 / 9;
        p = (p * t) + 1.0 / 7;
        p = (p * t) + 1.0 / 5;
        p = (p * t) + 1.0 / 3;
        return 2 * s * (1 + (t * p));
    }

    /// <summary>log(z) for positive normal z = 2ᵉ m with m around 1: e · ln 2 + 2 artanh((m − 1) / (m + 1)).</summary>
    public static float Log(float z)
    {
        int bits = BitConverter.SingleToInt32Bits(z) - 0x3F3504F3;
        int e = bits >> 23;
        float m = BitConverter.Int32BitsToSingle((bits & 0x007FFFFF) + 0x3F3504F3);
        return (e * Ln2HighFloat) + ((e * Ln2LowFloat) + Log1pSeries(m - 1));
    }

    /// <inheritdoc cref="Log(float)"/>
    public static double Log(double z)
    {
        long bits = BitConverter.DoubleToInt64Bits(z) - 0x3FE6A09E667F3BCD;
        long e = bits >> 52;
        double m = BitConverter.Int64BitsToDouble((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD);
        return (e * Ln2High) + ((e * Ln2Low) + Log1pSeries(m - 1));
    }

    public static float Sqrt(float z) => MathF.Sqrt(z);

    public static double Sqrt(double z) => Math.Sqrt(z);

    /// <summary>tanh(z): Lambert's continued fraction near 0, else (1 − e) / (1 + e) with e = exp(−2|z|).</summary>
    public static float Tanh(float z)
    {
        float a = Abs(z), t = z * z, e = Exp(-2 * a);
        float far = (1 - e) / (1 + e);
        float near = z / (1 + (t / (3 + (t / (5 + (t / (7 + (t / 9))))))));
        return a < 0.5f ? near : z < 0 ? -far : far;
    }

    /// <inheritdoc cref="Tanh(float)"/>
    public static double Tanh(double z)
    {
        double a = Abs(z), t = z * z, e = Exp(-2 * a);
        double far = (1 - e) / (1 + e);
        double near = t / (11 + (t / (13 + (t / 15))));
        near = z / (1 + (t / (3 + (t / (5 + (t / (7 + (t / (9 + near)))))))));
        return a < 0.5 ? near : z < 0 ? -far : far;
    }
}
