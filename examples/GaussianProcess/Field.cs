namespace Weft.Examples.GaussianProcess;

/// <summary>Values on a grid, of which some are not known.</summary>
/// <param name="Shape">The grid's extents.</param>
/// <param name="Values">What was measured, in row-major order; NaN where nothing was.</param>
/// <param name="Truth">What is there, where that is known; else NaN.</param>
internal sealed record Field(IReadOnlyList<int> Shape, double[] Values, double[] Truth)
{
    /// <summary>The standard deviation of the noise of an invented field.</summary>
    public const double Noise = 0.2;

    /// <summary>An invented field of waves, measured with noise, with round holes through which nothing was seen.</summary>
    public static Field OfWaves(IReadOnlyList<int> shape, int seed)
    {
        const int Holes = 6;
        const double Radius = 0.2;
        var random = new Random(seed);
        double[][] holes = [.. Enumerable.Range(0, Holes).Select(_ => shape.Select(_ => random.NextDouble()).ToArray())];
        double[][] places = [.. Enumerable.Range(0, GridProcess.Length(shape)).Select(point => Place(shape, point))];
        double[] truth = [.. places.Select(place =>
            Math.Cos(3 * place.Sum()) + place.Select((x, axis) => 1.2 + Math.Sin(((5 + axis) * x) + (2 * axis))).Aggregate(1.0, (product, wave) => product * wave) - 1)];
        double[] values = [.. truth.Select((value, i) =>
        {
            double noise = Noise * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            return Array.Exists(holes, hole => hole.Zip(places[i], (a, b) => (a - b) * (a - b)).Sum() < Radius * Radius) ? double.NaN : value + noise;
        })];
        return new Field(shape, values, truth);
    }

    /// <summary>The field with a share of what was measured held back, to be found again.</summary>
    public Field HoldingBack(double share, int seed)
    {
        var random = new Random(seed);
        return this with { Values = [.. Values.Select(value => random.NextDouble() < share ? double.NaN : value)], Truth = Values };
    }

    /// <summary>The places of a point along the axes, from 0 to below 1.</summary>
    private static double[] Place(IReadOnlyList<int> shape, int point)
    {
        double[] place = new double[shape.Count];
        for (int axis = shape.Count - 1; axis >= 0; axis--)
        {
            place[axis] = (double)(point % shape[axis]) / shape[axis];
            point /= shape[axis];
        }

        return place;
    }
}
