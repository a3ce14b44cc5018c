using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Weft.Fitting;

/// <summary>Ranks by singular values: what a matrix of a rank leaves of another one is at least the root of the squares of those behind (Eckart and Young 1936).</summary>
public static class RankChoice
{
    /// <summary>The singular values of a matrix W, the largest first; with samples those of W X, the error that <see cref="LeastSquaresFit.Approximate{T}"/> makes small for these.</summary>
    /// <param name="matrix">[rows, columns], row-major.</param>
    /// <param name="columns">The number of columns: a map's inputs.</param>
    /// <param name="samples">[count, columns]: vectors as they come in; or empty.</param>
    /// <returns>As many as the shorter side.</returns>
    /// <exception cref="ArgumentException">A length is no multiple of the columns, the matrix is empty, or an element is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no column.</exception>
    public static double[] SingularValues<T>(ReadOnlySpan<T> matrix, int columns, ReadOnlySpan<T> samples = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (matrix.IsEmpty || matrix.Length % columns != 0)
        {
            throw new ArgumentException($"matrix has {matrix.Length} elements; rows of {columns} are expected.", nameof(matrix));
        }

        if (samples.Length % columns != 0)
        {
            throw new ArgumentException($"samples has {samples.Length} elements; rows of {columns} are expected.", nameof(samples));
        }

        LeastSquaresFit.RequireFinite(matrix, nameof(matrix));
        LeastSquaresFit.RequireFinite(samples, nameof(samples));
        Matrix<double> w = Matrix<double>.Build.DenseOfRowMajor(matrix.Length / columns, columns, Projection.Widen(matrix));
        if (samples.IsEmpty)
        {
            return [.. w.Svd(computeVectors: false).S];
        }

        // Where there are fewer samples than the shorter side, the other values are zero.
        double[] values = [.. w.TransposeAndMultiply(LeastSquaresFit.Root(samples, columns)).Svd(computeVectors: false).S];
        return [.. values, .. new double[Math.Max(0, Math.Min(w.RowCount, columns) - values.Length)]];
    }

    /// <summary>The least rank that keeps a share of the energy, which is the sum of the squares.</summary>
    /// <param name="singularValues">Singular values, the largest first.</param>
    /// <param name="share">From 0 to 1.</param>
    /// <returns>From 0 to the number of singular values.</returns>
    /// <exception cref="ArgumentException">A value is negative, not finite, or larger than the one before.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The share is below 0 or above 1.</exception>
    public static int ByEnergy(ReadOnlySpan<double> singularValues, double share)
    {
        RequireFalling(singularValues, nameof(singularValues));
        if (!(share is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(share), share, "A share from 0 to 1 is expected.");
        }

        double all = 0, kept = 0;
        for (int i = singularValues.Length - 1; i >= 0; i--)
        {
            all += singularValues[i] * singularValues[i];
        }

        int rank = 0;
        for (; rank < singularValues.Length && kept < share * all; rank++)
        {
            kept += singularValues[rank] * singularValues[rank];
        }

        return rank;
    }

    /// <summary>
    /// A rank for each of many matrices, so that what all leave together, the sum of squares, is least under a budget. The next rank goes where it takes most
    /// away for what it costs; since singular values fall, that is the least but for what the last rank that does not fit would have been.
    /// </summary>
    /// <param name="spectra">The singular values of each matrix, the largest first.</param>
    /// <param name="costs">What each rank of a matrix costs: its rows and columns, if parameters count.</param>
    /// <param name="budget">What all may cost together.</param>
    /// <returns>The rank of each, from 0 on.</returns>
    /// <exception cref="ArgumentException">A spectrum does not fall, or there are more or fewer costs than spectra.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A cost is not above 0, or the budget is negative or not a number.</exception>
    public static int[] ByBudget(IReadOnlyList<double[]> spectra, IReadOnlyList<double> costs, double budget)
    {
        ArgumentNullException.ThrowIfNull(spectra);
        ArgumentNullException.ThrowIfNull(costs);
        if (spectra.Count != costs.Count)
        {
            throw new ArgumentException($"costs has {costs.Count} numbers; {spectra.Count} are expected, one for each spectrum.", nameof(costs));
        }

        if (!(budget >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(budget), budget, "A number of 0 or above is expected.");
        }

        int[] ranks = new int[spectra.Count];
        var next = new PriorityQueue<int, double>();
        for (int k = 0; k < ranks.Length; k++)
        {
            RequireFalling(spectra[k], nameof(spectra));
            if (!(costs[k] > 0))
            {
                throw new ArgumentOutOfRangeException(nameof(costs), costs[k], "A number above 0 is expected.");
            }

            Offer(k);
        }

        while (next.TryDequeue(out int k, out _))
        {
            // One that does not fit is given up: later ones of the same matrix cost as much.
            if (costs[k] <= budget)
            {
                budget -= costs[k];
                ranks[k]++;
                Offer(k);
            }
        }

        return ranks;

        void Offer(int k)
        {
            if (ranks[k] < spectra[k].Length && spectra[k][ranks[k]] is > 0 and var value)
            {
                next.Enqueue(k, -value * value / costs[k]);
            }
        }
    }

    private static void RequireFalling(ReadOnlySpan<double> values, string name)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]) || values[i] < 0 || (i > 0 && values[i] > values[i - 1]))
            {
                throw new ArgumentException($"{name} has {values[i]} at {i}; singular values are 0 or above and fall.", name);
            }
        }
    }
}
