namespace Weft.Solvers;

/// <summary>How much is spent on an estimate, and with which random numbers.</summary>
public sealed record EstimateOptions
{
    /// <summary>The number of random vectors; the standard error falls with its root. 16 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 2, of which there is no standard error.</exception>
    public int Probes
    {
        get;
        init => field = value >= 2
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Probes), value, "At least two are expected: a standard error is of several.");
    } = 16;

    /// <summary>The steps of Lanczos's process, each a product with all random vectors. 32 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int Steps
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Steps), value, "At least one step is expected.");
    } = 32;

    /// <summary>The same seed draws the same vectors on every machine.</summary>
    public int Seed { get; init; }
}

/// <summary>An estimated number.</summary>
/// <param name="Value">The mean over the random vectors.</param>
/// <param name="StandardError">The standard deviation of that mean, from the spread of the vectors.</param>
public readonly record struct Estimate(double Value, double StandardError)
{
    internal static Estimate Of(ReadOnlySpan<double> samples)
    {
        double mean = 0, squares = 0;
        foreach (double sample in samples)
        {
            mean += sample / samples.Length;
        }

        foreach (double sample in samples)
        {
            squares += (sample - mean) * (sample - mean);
        }

        return new Estimate(mean, Math.Sqrt(squares / (samples.Length - 1.0) / samples.Length));
    }
}

/// <summary>The ends of a symmetric operator's spectrum, as Lanczos's process has found them.</summary>
/// <param name="Smallest">The smallest Ritz value: the smallest eigenvalue is not above it, but for rounding.</param>
/// <param name="Largest">The largest Ritz value: the largest eigenvalue is not below it, but for rounding.</param>
/// <param name="SmallestError">An eigenvalue is so close to the smallest Ritz value: ‖A u − θ u‖ for its unit vector u.</param>
/// <param name="LargestError">An eigenvalue is so close to the largest Ritz value.</param>
public readonly record struct SpectrumRange(double Smallest, double Largest, double SmallestError, double LargestError)
{
    /// <summary>An estimate of the condition number from below, for positive definite operators; infinite where the smallest Ritz value is not positive.</summary>
    public double Condition => Smallest > 0 ? Largest / Smallest : double.PositiveInfinity;
}
