namespace WeftModel;

/// <summary>Made data: noisy points on the three arms of a spiral. Put your own in its place.</summary>
internal static class Spirals
{
    /// <summary>Points, two numbers each, and the arms that they are on.</summary>
    public static (float[] Points, int[] Labels) Draw(int count, int seed)
    {
        var random = new Random(seed);
        float[] points = new float[2 * count];
        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            double radius = random.NextDouble(), noise = 0.2 * (random.NextDouble() - 0.5);
            labels[i] = random.Next(3);
            (double sin, double cos) = Math.SinCos((2 * Math.PI * labels[i] / 3) + (4 * radius) + noise);
            (points[2 * i], points[(2 * i) + 1]) = ((float)(radius * cos), (float)(radius * sin));
        }

        return (points, labels);
    }
}
