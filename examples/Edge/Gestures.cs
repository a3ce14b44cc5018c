namespace Weft.Examples.Edge;

/// <summary>Movements of a hand as an accelerometer would measure them, drawn at random.</summary>
internal static class Gestures
{
    public const int Moments = 64;

    /// <summary>What a hand does along the three axes, by the gesture's number, at a moment from 0 to 1.</summary>
    private static readonly Func<double, (double X, double Y, double Z)>[] s_kinds =
    [
        t => (Math.Cos(2 * Math.PI * t), Math.Sin(2 * Math.PI * t), 0),  // a circle
        t => (Math.Sin(10 * Math.PI * t), 0, 0),                         // a shake
        t => (0, 0, Math.Exp(-Math.Pow((t - 0.5) / 0.05, 2))),           // a tap
        t => (t - 0.5, 0.5 - t, 0),                                      // a turn
        t => (0, Math.Sin(4 * Math.PI * t), Math.Cos(4 * Math.PI * t)),  // a wave
    ];

    public static int Kinds => s_kinds.Length;

    /// <summary>Gestures of random strength, beginning and direction, in noise.</summary>
    /// <returns>The rows, [count, 3 · 64], and the number of each one's gesture.</returns>
    public static (float[] Rows, int[] Labels) Draw(int count, int seed)
    {
        var random = new Random(seed);
        float[] rows = new float[count * 3 * Moments];
        int[] labels = new int[count];
        for (int row = 0; row < count; row++)
        {
            labels[row] = random.Next(Kinds);
            double strength = 0.5 + random.NextDouble(), begin = 0.3 * (random.NextDouble() - 0.5), tilt = 0.5 * (random.NextDouble() - 0.5);
            for (int i = 0; i < Moments; i++)
            {
                (double x, double y, double z) = s_kinds[labels[row]](((double)i / Moments) + begin);
                Span<float> at = rows.AsSpan(((row * Moments) + i) * 3, 3);
                at[0] = (float)((strength * ((Math.Cos(tilt) * x) - (Math.Sin(tilt) * y))) + Noise());
                at[1] = (float)((strength * ((Math.Sin(tilt) * x) + (Math.Cos(tilt) * y))) + Noise());
                at[2] = (float)((strength * z) + Noise());
            }
        }

        return (rows, labels);

        double Noise() => 1.5 * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5);
    }
}
