using Weft.Examples.Digits.Data;

namespace Weft.Examples.Adapters;

/// <summary>Digits that the program draws itself, in place of handwritten ones: strokes between points that are moved at random.</summary>
internal static class DrawnDigits
{
    private const float Mean = 0.1307f, Deviation = 0.3081f;

    /// <summary>For each digit the points of its one stroke, from (0, 0) at the upper left to (1, 1).</summary>
    private static readonly (double X, double Y)[][] Strokes =
    [
        [(0.5, 0.1), (0.72, 0.25), (0.75, 0.5), (0.72, 0.75), (0.5, 0.9), (0.28, 0.75), (0.25, 0.5), (0.28, 0.25), (0.5, 0.1)],
        [(0.38, 0.25), (0.55, 0.1), (0.55, 0.9)],
        [(0.27, 0.28), (0.4, 0.12), (0.62, 0.12), (0.73, 0.28), (0.65, 0.48), (0.27, 0.9), (0.75, 0.9)],
        [(0.28, 0.15), (0.6, 0.1), (0.72, 0.28), (0.5, 0.47), (0.74, 0.68), (0.6, 0.88), (0.27, 0.85)],
        [(0.62, 0.9), (0.62, 0.1), (0.25, 0.65), (0.78, 0.65)],
        [(0.72, 0.1), (0.32, 0.1), (0.3, 0.45), (0.6, 0.42), (0.74, 0.65), (0.6, 0.88), (0.27, 0.86)],
        [(0.65, 0.1), (0.38, 0.35), (0.28, 0.65), (0.4, 0.88), (0.62, 0.88), (0.72, 0.68), (0.6, 0.52), (0.32, 0.58)],
        [(0.25, 0.1), (0.75, 0.1), (0.45, 0.9)],
        [(0.5, 0.47), (0.3, 0.28), (0.5, 0.1), (0.7, 0.28), (0.5, 0.47), (0.27, 0.7), (0.5, 0.9), (0.73, 0.7), (0.5, 0.47)],
        [(0.68, 0.42), (0.4, 0.48), (0.28, 0.3), (0.4, 0.12), (0.62, 0.12), (0.7, 0.35), (0.6, 0.9)],
    ];

    /// <summary>Draws images, each of a random digit.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">Decides all of them.</param>
    public static DigitSet Draw(int count, int seed)
    {
        var random = new Random(seed);
        float[] images = new float[count * DigitSet.Pixels];
        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = random.Next(10);
            Draw(Strokes[labels[i]], random, images.AsSpan(i * DigitSet.Pixels, DigitSet.Pixels));
        }

        return new DigitSet(images, labels);
    }

    private static void Draw((double X, double Y)[] stroke, Random random, Span<float> image)
    {
        double angle = Between(-0.25, 0.25), size = Between(0.65, 0.95) * DigitSet.Side, shear = Between(-0.25, 0.25), width = Between(0.8, 1.6);
        double left = DigitSet.Side / 2 + Between(-2, 2), top = DigitSet.Side / 2 + Between(-2, 2);
        (double X, double Y)[] points =
        [
            .. stroke.Select(point =>
            {
                double x = point.X - 0.5 + Between(-0.05, 0.05), y = point.Y - 0.5 + Between(-0.05, 0.05);
                x += shear * y;
                return (left + size * (x * Math.Cos(angle) - y * Math.Sin(angle)), top + size * (x * Math.Sin(angle) + y * Math.Cos(angle)));
            }),
        ];
        for (int pixel = 0; pixel < image.Length; pixel++)
        {
            (double x, double y) = (pixel % DigitSet.Side + 0.5, pixel / DigitSet.Side + 0.5);
            double distance = points.Zip(points.Skip(1), (a, b) => Distance(x, y, a, b)).Min();
            double ink = Math.Clamp(width + 0.5 - distance, 0, 1) + Between(-0.05, 0.05);
            image[pixel] = ((float)Math.Clamp(ink, 0, 1) - Mean) / Deviation;
        }

        double Between(double low, double high) => low + (high - low) * random.NextDouble();
    }

    /// <summary>From a point to the segment from a to b.</summary>
    private static double Distance(double x, double y, (double X, double Y) a, (double X, double Y) b)
    {
        (double dx, double dy) = (b.X - a.X, b.Y - a.Y);
        double along = Math.Clamp(((x - a.X) * dx + (y - a.Y) * dy) / Math.Max(dx * dx + dy * dy, 1e-9), 0, 1);
        return Math.Sqrt(Math.Pow(x - a.X - along * dx, 2) + Math.Pow(y - a.Y - along * dy, 2));
    }
}
