using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;
using Weft.Execution;
using Weft.Kernels;

namespace Weft.Fitting;

/// <summary>How much two forms of one map differ.</summary>
/// <param name="RelativeError">The largest norm of a difference, divided by what it is measured against.</param>
/// <param name="Bound">
/// What rounding may do to it: u·(inputs + outputs + 16) with the unit roundoff u of the element type, 2⁻²⁴ or 2⁻⁵³. It holds as long as no
/// sum in the map is much smaller than its terms.
/// </param>
public sealed record MergeReport(double RelativeError, double Bound)
{
    /// <summary>Whether the two are the same up to rounding.</summary>
    public bool IsWithinBound => RelativeError <= Bound;
}

/// <summary>
/// Merging: a map's trained parameters change and its matrix does not, because a frozen weight takes up the difference. An adapter such as
/// W + B A, or W times a chain of reflections, is merged into W by giving its trained parameters the values that they start from, and
/// unmerged by giving them their former values. Which weight that is follows from the map: it has to stand in the matrix as c·W + C,
/// W·G + C or G·W + C, where c, G and C depend on other parameters, or in a tensor c·W + C of its shape, as in DoRA's normalize(W + B A). What
/// is trained outside of that tensor, such as DoRA's magnitudes, then keeps its values.
/// </summary>
public static class Merging
{
    /// <summary>Compares a map with a dense matrix, on random rows: usually the one that <see cref="LinearMap{T}.ToDense"/> gave.</summary>
    /// <param name="map">The map.</param>
    /// <param name="matrix">[<see cref="Map{T}.Outputs"/>, <see cref="Map{T}.Inputs"/>], row-major.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="seed">The seed of the rows' normal numbers.</param>
    /// <returns>The largest ‖A x − map(x)‖ / (‖A‖ ‖x‖), with the Frobenius norm of A.</returns>
    /// <exception cref="ArgumentException">The matrix has another length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static MergeReport CompareWithDense<T>(this LinearMap<T> map, ReadOnlySpan<T> matrix, int rows = 64, int seed = 0)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        map.Arguments.ToDense(matrix);
        var random = new Random(seed);
        T[] x = new T[rows * map.Inputs], y = new T[rows * map.Outputs];
        foreach (ref T element in x.AsSpan())
        {
            element = T.CreateTruncating(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        map.Forward(x, y);
        double norm = Projection.Norm(matrix), worst = 0;
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<T> input = x.AsSpan(row * map.Inputs, map.Inputs);
            Span<T> output = y.AsSpan(row * map.Outputs, map.Outputs);
            for (int i = 0; i < output.Length; i++)
            {
                output[i] -= TensorPrimitives.Dot(matrix.Slice(i * map.Inputs, map.Inputs), input);
            }

            double error = Projection.Norm<T>(output);
            worst = Math.Max(worst, error == 0 ? 0 : error / (norm * Projection.Norm(input)));
        }

        return new MergeReport(worst, Bound(map));
    }

    /// <summary>
    /// Merges an adapter into its frozen weight: the trained parameters become what they start from, and the map stays the same. Where that
    /// cannot be for all of them, those that matter only through a sum with the weight do.
    /// Keep <see cref="Map{T}.Parameters"/>[..<see cref="Map{T}.TrainedCount"/>] to unmerge. Nothing else may run on the map meanwhile.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="weight">The frozen parameter that takes up the difference.</param>
    /// <param name="seed">The seed of the trained parameters' new values, as for <see cref="Map{T}.Initialize"/>.</param>
    /// <returns>How much the map changed, relative to the largest of the norms of its matrix before, of the weight before and of the weight after.</returns>
    /// <exception cref="ArgumentException">There is no such parameter, or it is not frozen.</exception>
    /// <exception cref="NotSupportedException">The weight cannot take up the difference. Nothing was changed.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static MergeReport Merge<T>(this LinearMap<T> map, string weight, int seed = 0)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        T[] before = map.Parameters.ToArray();
        map.Initialize(seed);
        T[] start = map.Parameters[..map.TrainedCount].ToArray();
        Set(map, before);
        MergeReport report = Change<T>(map, weight, start);
        if (report.RelativeError <= report.Bound)
        {
            return report;
        }

        // What matters outside of the sum with the weight keeps its values.
        if (SumWith(map, weight) is not { Parameters.IsEmpty: false } sum)
        {
            throw Refusal(map, weight, report);
        }

        T[] kept = before[..map.TrainedCount];
        foreach (ParameterInfo info in sum.Parameters.Select(name => map[name].Info))
        {
            start.AsSpan(info.Offset, info.Length).CopyTo(kept.AsSpan(info.Offset));
        }

        return Unmerge<T>(map, weight, kept);
    }

    /// <summary>
    /// Gives the trained parameters other values while the map stays the same, as <see cref="Merge{T}"/>: with the values that they had
    /// before a merge it undoes that merge. Nothing else may run on the map meanwhile.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="weight">The frozen parameter that takes up the difference.</param>
    /// <param name="trained">[<see cref="Map{T}.TrainedCount"/>]: the new values.</param>
    /// <inheritdoc cref="Merge{T}" path="/returns"/>
    /// <inheritdoc cref="Merge{T}" path="/exception"/>
    public static MergeReport Unmerge<T>(this LinearMap<T> map, string weight, ReadOnlySpan<T> trained)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        MergeReport report = Change(map, weight, trained);
        return report.RelativeError <= report.Bound ? report : throw Refusal(map, weight, report);
    }

    private static NotSupportedException Refusal<T>(LinearMap<T> map, string weight, MergeReport closest)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => new(
            IsRounded(map, weight)
                ? FormattableString.Invariant($"{weight} of {map.Description.Name} cannot take up what other trained parameters change: the map rounds it to a short format, as frozen(bf16) does, and the closest that the format holds is off by {closest.RelativeError:0.#e+0}, where {closest.Bound:0.#e+0} is allowed.")
                : $"{weight} of {map.Description.Name} cannot take up what other trained parameters change: it does not stand in the matrix as c·{weight} + C, {weight}·G + C or G·{weight} + C with an invertible G, nor in one tensor as c·{weight} + C.");

    private static WeightSum? SumWith<T>(LinearMap<T> map, string weight)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => map.Program.CreateProjectionPlan()?.Sums.FirstOrDefault(sum => sum.Weight == weight);

    /// <summary>Whether the map takes values of a weight that are next to each other for the same.</summary>
    private static bool IsRounded<T>(LinearMap<T> map, string weight)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ParameterInfo info = map.Description.Parameters[map.Description.IndexOf(weight)];
        T[] before = map.Parameters.ToArray(), after = before.ToArray();
        Span<T> values = after.AsSpan(info.Offset, info.Length);
        values.Fill(T.One);
        Set(map, after);
        double[] expected = Dense(map);

        // Less than half the distance to the number before 1 in any such format.
        for (int i = 1; i < values.Length; i += 2)
        {
            values[i] = T.One - T.CreateTruncating(Math.ScaleB(1, -14));
        }

        Set(map, after);
        bool isSame = expected.AsSpan().SequenceEqual(Dense(map));
        Set(map, before);
        return isSame;
    }

    /// <summary>Changes the map where that succeeds, else leaves it as it is and says how close the closest is.</summary>
    private static MergeReport Change<T>(LinearMap<T> map, string weight, ReadOnlySpan<T> trained)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ParameterInfo info = map.Description.Parameters[map.Description.IndexOf(weight)];
        if (info.Role != Role.Frozen)
        {
            throw new ArgumentException($"{weight} is {info.Role.ToString().ToLowerInvariant()}; a frozen parameter takes up the difference.", nameof(weight));
        }

        Lengths.RequireTrained(trained.Length, map.TrainedCount, nameof(trained));
        T[] before = map.Parameters.ToArray(), after = before.ToArray();
        trained.CopyTo(after);
        double former = Projection.Norm<T>(before.AsSpan(info.Offset, info.Length));
        double[] target = Dense(map), summed = SumWith(map, weight) is { } found ? Projection.Widen(map.WeightBlock.Slice(found.Offset, info.Length)) : [];
        double bound = Bound(map), best = double.PositiveInfinity;
        foreach (Func<double[], double[]?> solve in new Func<double[], double[]?>[] { FromTheSum, Scaled, FromTheRight, FromTheLeft })
        {
            if (solve(target) is { } solution)
            {
                double[] dense = With(solution);
                double scale = Math.Max(Math.Max(TensorPrimitives.Norm<double>(target), former), TensorPrimitives.Norm<double>(solution));
                TensorPrimitives.Subtract(dense, target, dense);
                double error = TensorPrimitives.Norm<double>(dense);
                best = Math.Min(best, error == 0 ? 0 : error / scale);
                if (best <= bound)
                {
                    return new MergeReport(best, bound);
                }
            }
        }

        Set(map, before);
        return new MergeReport(best, bound);

        // The matrix with other values of the weight.
        double[] With(double[] values)
        {
            TensorPrimitives.ConvertTruncating<double, T>(values, after.AsSpan(info.Offset, info.Length));
            Set(map, after);
            return Dense(map);
        }

        double[] Constant() => With(new double[info.Length]);

        double[]? Scaled(double[] matrix)
        {
            if (info.Length != matrix.Length)
            {
                return null;
            }

            double[] constant = Constant(), rest = new double[matrix.Length];
            TensorPrimitives.Subtract(matrix, constant, rest);
            double[] image = With(rest);
            TensorPrimitives.Subtract(image, constant, image);
            double scale = TensorPrimitives.Dot<double>(image, rest) / TensorPrimitives.SumOfSquares<double>(rest);
            TensorPrimitives.Divide(rest, double.IsFinite(scale) && scale != 0 ? scale : 1, rest);
            return rest;
        }

        double[]? FromTheRight(double[] matrix)
        {
            int size = info.Length / map.Outputs;
            return info.Length % map.Outputs == 0 && Solve(matrix, map.Outputs, map.Inputs, size, (row, k) => (row * size) + k) is { } solution
                ? Rows(solution)
                : null;
        }

        double[]? FromTheLeft(double[] matrix)
        {
            int size = info.Length / map.Inputs;
            if (info.Length % map.Inputs != 0)
            {
                return null;
            }

            // (G W)ᵀ = Wᵀ Gᵀ: the same with rows and columns exchanged.
            Matrix<double> transposed = Matrix<double>.Build.Dense(map.Inputs, map.Outputs, [.. matrix]);
            return Solve(Rows(transposed), map.Inputs, map.Outputs, size, (column, k) => (k * map.Inputs) + column, isTransposed: true) is { } solution
                ? Rows(solution.Transpose())
                : null;
        }

        // The sum without the weight is what it has to be added to.
        double[]? FromTheSum(double[] matrix)
        {
            if (SumWith(map, weight) is not { } sum)
            {
                return null;
            }

            With(new double[info.Length]);
            double[] rest = Projection.Widen(map.WeightBlock.Slice(sum.Offset, info.Length));
            TensorPrimitives.Subtract(summed, rest, rest);
            TensorPrimitives.Divide(rest, sum.Coefficient, rest);
            return rest;
        }

        // X with X G + C = matrix, where G comes from weights that are unit vectors: row k of G is what the k-th one maps to.
        Matrix<double>? Solve(double[] matrix, int rows, int columns, int size, Func<int, int, int> place, bool isTransposed = false)
        {
            if (size != columns)
            {
                return null;
            }

            Matrix<double> constant = AsMatrix(Constant());
            Matrix<double> factor = Matrix<double>.Build.Dense(size, columns);
            for (int first = 0; first < size; first += rows)
            {
                double[] probe = new double[info.Length];
                int count = Math.Min(rows, size - first);
                for (int k = 0; k < count; k++)
                {
                    probe[place(k, first + k)] = 1;
                }

                factor.SetSubMatrix(first, 0, (AsMatrix(With(probe)) - constant).SubMatrix(0, count, 0, columns));
            }

            Matrix<double> target = Matrix<double>.Build.DenseOfRowMajor(rows, columns, matrix) - constant;
            Matrix<double> solution = factor.Transpose().Solve(target.Transpose()).Transpose();
            return solution.Enumerate().All(double.IsFinite) ? solution : null;

            Matrix<double> AsMatrix(double[] dense) => isTransposed
                ? Matrix<double>.Build.Dense(rows, columns, dense)
                : Matrix<double>.Build.DenseOfRowMajor(rows, columns, dense);
        }
    }

    private static double[] Rows(Matrix<double> matrix) => matrix.ToRowMajorArray();

    private static double Bound<T>(LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        double.CreateTruncating(T.BitIncrement(T.One) - T.One) / 2 * (map.Inputs + map.Outputs + 16);

    private static void Set<T>(LinearMap<T> map, T[] parameters)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using ParameterEdit<T> edit = map.Edit();
        parameters.CopyTo(edit.All);
    }

    private static double[] Dense<T>(LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Projection.Widen<T>(Projection.DenseOf(map));
}
