namespace Weft.Kernels;

/// <summary>Tensors of random numbers: what parameters start from.</summary>
public static class RandomTensor
{
    /// <summary>The elements in order. Each depends on the seed and its index alone, and is the same on every machine.</summary>
    /// <param name="shape">The extent of each axis; distributions of rows and of matrices need the last ones.</param>
    /// <param name="distribution">The distribution.</param>
    /// <param name="scale">Its number.</param>
    /// <param name="seed">The seed of all elements.</param>
    public static IEnumerable<double> Elements(IReadOnlyList<int> shape, Distribution distribution, double scale, int seed)
    {
        int axes = shape.Count, length = shape.Aggregate(1, (product, extent) => product * extent);
        int rowLength = axes == 0 ? 1 : shape[axes - 1], rows = axes < 2 ? 1 : shape[axes - 2];
        return distribution == Distribution.Orthogonal
            ? Enumerable.Range(0, rows * rowLength == 0 ? 0 : length / (rows * rowLength)).SelectMany(k => Orthogonal(rows, rowLength, scale, seed, k))
            : Enumerable.Range(0, length).Select(InRow);

        double InRow(int i) => distribution switch
        {
            Distribution.Paired => scale * RandomNumbers.Normal(seed, (ulong)((i / rowLength / 2 * rowLength) + (i % rowLength))),
            Distribution.Whole => Math.Floor(scale * RandomNumbers.Uniform(seed, (ulong)i)),
            Distribution.Distinct => RandomNumbers.Permuted(RandomNumbers.Combine(seed, i / rowLength), i % rowLength, (int)scale),
            Distribution.Identity => i / rowLength % rows == i % rowLength ? scale : 0,
            _ => Element(distribution, scale, seed, i),
        };
    }

    /// <summary>An element of a tensor whose elements are independent of each other and of its shape.</summary>
    /// <param name="distribution">A distribution of single elements.</param>
    /// <param name="scale">Its number.</param>
    /// <param name="seed">The seed of all elements.</param>
    /// <param name="i">The element's index.</param>
    /// <exception cref="ArgumentOutOfRangeException">The distribution is one of rows or of matrices.</exception>
    public static double Element(Distribution distribution, double scale, int seed, int i) => distribution switch
    {
        Distribution.Zeros => 0,
        Distribution.Constant => scale,
        Distribution.Normal => scale * RandomNumbers.Normal(seed, (ulong)i),
        Distribution.Uniform => scale * ((2 * RandomNumbers.Uniform(seed, (ulong)i)) - 1),
        Distribution.Sign => RandomNumbers.Bits(seed, (ulong)i) >> 63 == 0 ? scale : -scale,
        Distribution.Dropout => RandomNumbers.Uniform(seed, (ulong)i) < scale ? 0 : 1 / (1 - scale),
        _ => throw new ArgumentOutOfRangeException(nameof(distribution)),
    };

    /// <summary>The mean of such an element where noise can be drawn from its distribution; null where it cannot.</summary>
    /// <param name="distribution">The distribution.</param>
    public static double? MeanOfNoise(Distribution distribution) => distribution switch
    {
        Distribution.Normal or Distribution.Uniform or Distribution.Sign => 0,
        Distribution.Dropout => 1,
        _ => null,
    };

    /// <summary>
    /// Orthonormal rows, or columns where these are fewer, times a scale. Each vector is freed twice of those before it, one after the other, which
    /// leaves nothing but rounding errors (Giraud, Langou and Rozložník, <i>The Loss of Orthogonality in the Gram–Schmidt Orthogonalization
    /// Process</i>, 2005); all operations are those that IEEE 754 defines exactly, in double precision.
    /// </summary>
    private static double[] Orthogonal(int rows, int columns, double scale, int seed, int matrix)
    {
        int count = Math.Min(rows, columns), size = Math.Max(rows, columns);
        ulong first = (ulong)matrix * (ulong)(rows * columns);
        double[] elements = new double[rows * columns];
        double[][] vectors = new double[count][];
        for (int k = 0; k < count; k++)
        {
            double[] v = vectors[k] = new double[size];
            for (int i = 0; i < size; i++)
            {
                v[i] = RandomNumbers.Normal(seed, first + (ulong)((k * size) + i));
            }

            for (int before = 0; before < 2 * k; before++)
            {
                double[] other = vectors[before % k];
                double along = Dot(v, other);
                for (int i = 0; i < size; i++)
                {
                    v[i] -= along * other[i];
                }
            }

            double norm = Math.Sqrt(Dot(v, v));
            for (int i = 0; i < size; i++)
            {
                v[i] /= norm;
                elements[rows <= columns ? (k * columns) + i : (i * columns) + k] = scale * v[i];
            }
        }

        return elements;

        // In one order on every machine: vectors would add up in another.
        static double Dot(double[] a, double[] b)
        {
            double sum = 0;
            for (int i = 0; i < a.Length; i++)
            {
                sum += a[i] * b[i];
            }

            return sum;
        }
    }
}
