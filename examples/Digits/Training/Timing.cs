using System.Diagnostics;

namespace Weft.Examples.Digits.Training;

/// <summary>What a row takes, in microseconds, in a batch of <see cref="Trainer.BatchRows"/>.</summary>
/// <param name="Forward">The forward pass.</param>
/// <param name="Gradient">The forward pass and the gradients for the input and all trained parameters.</param>
internal readonly record struct Timing(double Forward, double Gradient)
{
    /// <summary>Measures a map: the shortest of several repetitions, each long enough for the clock: what else runs can only add.</summary>
    public static Timing Of(Map<float> map)
    {
        float[] x = new float[Trainer.BatchRows * map.Inputs], y = new float[Trainer.BatchRows * map.Outputs];
        float[] dx = new float[x.Length], gradient = new float[map.TrainedCount];
        Array.Fill(x, 0.5f);
        return new Timing(
            Shortest(() => map.Forward(x, y)),
            Shortest(() => map.Gradient(x, y, dx, gradient)));
    }

    /// <summary>The shortest time of a call for a batch of <see cref="Trainer.BatchRows"/>, in microseconds for each row.</summary>
    internal static double Shortest(Action call)
    {
        const int Repetitions = 15, MillisecondsEach = 10;
        call();
        double shortest = double.PositiveInfinity;
        for (int repetition = 0; repetition < Repetitions; repetition++)
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

            shortest = Math.Min(shortest, elapsed.TotalMicroseconds / (calls * Trainer.BatchRows));
        }

        return shortest;
    }
}
