namespace Weft.Examples.Distributed;

/// <summary>Tones of eight pitches in noise. A row's number is its seed: who draws it does not matter.</summary>
internal static class Sound
{
    /// <param name="first">The number of the first row.</param>
    /// <param name="x">[rows, n]: the rows.</param>
    /// <param name="labels">[rows]: the pitch in each.</param>
    public static void Draw(long first, Span<float> x, Span<int> labels)
    {
        int n = x.Length / labels.Length;
        for (int row = 0; row < labels.Length; row++)
        {
            var random = new Random(unchecked((int)(first + row)));
            labels[row] = random.Next(8);
            double phase = 2 * Math.PI * random.NextDouble(), pitch = 2 * Math.PI * (40 + (25 * labels[row])) / n;
            for (int i = 0; i < n; i++)
            {
                x[(row * n) + i] = (float)((0.3 * Math.Sin((pitch * i) + phase)) + (3 * (random.NextDouble() - 0.5)));
            }
        }
    }
}
