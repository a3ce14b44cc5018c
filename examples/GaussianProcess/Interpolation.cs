using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Spectre.Console;

namespace Weft.Examples.GaussianProcess;

/// <summary>Learns the process of a field with holes, and finds what is behind them.</summary>
internal static class Interpolation
{
    private const double LearningRate = 0.1;

    [RequiresDynamicCode("Compiles for the grid.")]
    [RequiresUnreferencedCode("Compiles for the grid.")]
    public static Band Run(IAnsiConsole console, Field field, int steps)
    {
        bool[] known = [.. field.Values.Select(value => !double.IsNaN(value))];
        using var process = new GridProcess(field.Shape, known);
        double mean = field.Values.Where(double.IsFinite).Average(), unit = Math.Sqrt(field.Values.Where(double.IsFinite).Average(value => (value - mean) * (value - mean)));
        double[] scaled = [.. field.Values.Select(value => double.IsNaN(value) ? 0 : (value - mean) / unit)];
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"A grid of {string.Join(" x ", field.Shape)}: {scaled.Length:N0} points, of which {process.Known:N0} are known. Its covariance has {(double)scaled.Length * scaled.Length:N0} entries and {process.Measured.TrainedCount} parameters."));
        Report("before", 0, 0);
        long start = Stopwatch.GetTimestamp();
        int products = 0;
        process.Fit(scaled, new AdamW<double>(LearningRate, weightDecay: 0), steps, iterations => products += iterations);
        Report("after", Stopwatch.GetElapsedTime(start).TotalSeconds, products);

        double[] expected = [.. process.Expect(scaled).Select(value => mean + (unit * value))];
        int[] hidden = [.. Enumerable.Range(0, known.Length).Where(i => !known[i] && double.IsFinite(field.Truth[i]))];
        if (hidden.Length > 0)
        {
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"Behind the {hidden.Length:N0} holes the error is {Root(hidden.Select(i => expected[i] - field.Truth[i])):F3}, where the mean of what is known is wrong by {Root(hidden.Select(i => mean - field.Truth[i])):F3}. The noise was learned as {Math.Sqrt(process.Noise) * unit:F3}."));
        }

        int[] line = Line(field, known);
        double[] deviations = process.Deviations(line);
        return new Band([.. line.Select((point, k) => new BandPoint(expected[point], deviations[k] * unit, field.Values[point], known[point] ? double.NaN : field.Truth[point]))]);

        void Report(string when, double seconds, int iterations)
        {
            (double loss, double deviation) = process.MinusLogLikelihood(scaled);
            string work = iterations == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {steps} steps with {iterations} of conjugate gradients in {seconds:F1} s");
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Minus log-likelihood per point {when}: {loss:F4} ± {deviation:F4}{work}"));
        }

        static double Root(IEnumerable<double> errors) => Math.Sqrt(errors.Average(x => x * x));
    }

    /// <summary>The line along the first axis that goes through the most holes that are not all of it.</summary>
    private static int[] Line(Field field, bool[] known)
    {
        int length = field.Shape[0], lines = known.Length / length;
        int best = Enumerable.Range(0, lines).MaxBy(line => Enumerable.Range(0, length).Count(i => !known[(i * lines) + line]) is var holes && holes * 2 <= length ? holes : 0);
        return [.. Enumerable.Range(0, length).Select(i => (i * lines) + best)];
    }
}
