using System.Numerics.Tensors;

namespace Weft.Examples.Filters;

/// <summary>
/// A stationary random signal of n samples around a circle, with the power S(f) = 1 / |1 − a exp(−2πi f/n)|² of an autoregression, in white noise of power σ². What is known of it:
/// no linear filter is better than that with the gains S / (S + σ²) (Wiener 1949), and what that leaves of the signal's power is the mean of S σ² / (S + σ²) over that of S.
/// </summary>
internal sealed class Signal(int count, double memory = 0.95, double noise = 2)
{
    /// <summary>The least share of the signal's power that any linear filter leaves as an error.</summary>
    public double LeastError => Enumerable.Range(0, count).Sum(f => Power(f) * (1 - Gain(f))) / Enumerable.Range(0, count).Sum(Power);

    /// <summary>The share that a filter A leaves: tr((A − I) C (A − I)ᵀ) + σ² ‖A‖² over tr C, for the covariance C, whose eigenvectors are the waves.</summary>
    /// <param name="filter">[n, n], row-major.</param>
    public double Error(double[] filter)
    {
        double error = noise * noise * filter.Sum(entry => entry * entry);
        for (int f = 0; f < count; f++)
        {
            foreach (double shift in new[] { 0, Math.PI / 2 })
            {
                double[] wave = [.. Enumerable.Range(0, count).Select(t => Math.Cos((2 * Math.PI * f * t / count) - shift))];
                for (int i = 0; i < count; i++)
                {
                    double left = TensorPrimitives.Dot<double>(filter.AsSpan(i * count, count), wave) - wave[i];
                    error += Power(f) / count * left * left;
                }
            }
        }

        return error / Enumerable.Range(0, count).Sum(Power);
    }

    /// <summary>Wiener's gain at a frequency.</summary>
    public double Gain(int frequency) => Power(frequency) / (Power(frequency) + (noise * noise));

    /// <summary>Draws signals, each a sum of waves with normal amplitudes.</summary>
    /// <returns>With noise and without, [rows, n].</returns>
    public (double[] Noisy, double[] Clean) Draw(int rows, int seed)
    {
        var random = new Random(seed);
        double[] noisy = new double[rows * count], clean = new double[rows * count];
        for (int row = 0; row < rows; row++)
        {
            for (int f = 0; f < count; f++)
            {
                double amplitude = Math.Sqrt(Power(f) / count), cosine = amplitude * Normal(), sine = amplitude * Normal();
                for (int t = 0; t < count; t++)
                {
                    double angle = 2 * Math.PI * f * t / count;
                    clean[(row * count) + t] += (cosine * Math.Cos(angle)) + (sine * Math.Sin(angle));
                }
            }

            for (int t = 0; t < count; t++)
            {
                noisy[(row * count) + t] = clean[(row * count) + t] + (noise * Normal());
            }
        }

        return (noisy, clean);

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }

    private double Power(int frequency) => 1 / (1 + (memory * memory) - (2 * memory * Math.Cos(2 * Math.PI * frequency / count)));
}
