using System.Diagnostics;

namespace Weft.Examples.Digits.Training;

/// <summary>What a row takes, in microseconds, in a batch of <see cref="Trainer.BatchRows"/>.</summary>
/// <param name="Forward">The forward pass.</param>
/// <param name="Gradient">The forward pass and the gradients for the input and all trained parameters.</param>
internal readonly record struct Timing(double Forward, double Gradient)
{
    /// <summary>Measures a map: the median of several repetitions, each long enough for the clock.</summary>
    public static Timing Of(Map<float> map)
    {
        float[] x = new float[Trainer.BatchRows * map.Inputs], y = new float[Trainer.BatchRows * map.Outputs];
        float[] dx = new float[x.Length], gradient = new float[map.TrainedCount];
        Array.Fill(x, 0.5f);
        return new Timing(
            Median(() => map.Forward(x, y)),
            Median(() => map.Gradient(x, y, dx, gradient)));
    }

    private static double Median(Action call)
    {
        const int Repetitions = 9, MillisecondsEach = 10;
        call();
        double[] times = new double[Repetitions];
        foreach (ref double time in times.AsSpan())
        {
            long start = Stopwatch.GetTimestamp();
            int calls = 0;
            TimeSpan elapsed;
            do
            {
                call();
                calls++;
                elapsed = Stopwatch.GetElapsedTime(start);
            }
            while (elapsed.TotalMilliseconds < MillisecondsEach);

            time = elapsed.TotalMicroseconds / (calls * Trainer.BatchRows);
        }

        Array.Sort(times);
        return times[Repetitions / 2];
    }
}
