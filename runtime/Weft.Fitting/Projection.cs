using System.Numerics;
using System.Numerics.Tensors;
using Weft.Kernels;

namespace Weft.Fitting;

/// <summary>What <see cref="Projection.Project{T}"/> found.</summary>
/// <param name="RelativeError">‖matrix − map‖ / ‖matrix‖ in Frobenius norms; 0 for a zero matrix that is met.</param>
/// <param name="Parameters">The number of trained parameters, all of which were set.</param>
/// <param name="DenseParameters">The number of elements of the matrix.</param>
/// <param name="OptimalityFactor">
/// The error is at most so many times the smallest that there is: 1 where at most one singular value decomposition cut something off, else
/// the square root of the number of those that did.
/// </param>
public sealed record ProjectionReport(double RelativeError, int Parameters, long DenseParameters, double OptimalityFactor)
{
    /// <summary>Whether no other parameters come closer, up to rounding.</summary>
    public bool IsOptimal => OptimalityFactor == 1;
}

/// <summary>
/// Projects dense matrices onto structures: sets the trained parameters of a linear map so that it is as close to a matrix as it can be,
/// in the Frobenius norm. The compiler derives how from the map's tensor network: least squares where each term has one trained tensor, and
/// truncated singular value decompositions where tensors can be split off a product one by one. This gives the projections of low-rank
/// matrices (Eckart and Young 1936), Kronecker products (Van Loan and Pitsianis 1993), Monarch matrices (Dao et al. 2022), tensor trains
/// (Oseledets 2011) and Tucker decompositions (De Lathauwer, De Moor and Vandewalle 2000; Vannieuwenhoven et al. 2012), and of what is
/// composed of them. Frozen and seeded tensors keep their values: frozen terms are subtracted from the matrix, frozen factors are undone.
/// </summary>
public static class Projection
{
    /// <summary>Whether <see cref="Project{T}"/> works for a map.</summary>
    /// <param name="map">The map.</param>
    /// <param name="obstacle">Why it does not.</param>
    public static bool HasProjection<T>(this LinearMap<T> map, out string? obstacle)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        obstacle = map.Program.CreateProjectionPlan() is { } plan ? plan.Obstacle : "it was not generated";
        return obstacle == null;
    }

    /// <summary>Sets the trained parameters so that the map is close to a matrix. Nothing else may run on the map meanwhile.</summary>
    /// <param name="map">The map.</param>
    /// <param name="matrix">[<see cref="Map{T}.Outputs"/>, <see cref="Map{T}.Inputs"/>], row-major.</param>
    /// <returns>How close it is.</returns>
    /// <exception cref="NotSupportedException">There is no closed form; the message says why. Nothing was changed.</exception>
    /// <exception cref="ArgumentException">The matrix has another length, or an element that is not finite; nothing was changed.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static ProjectionReport Project<T>(this LinearMap<T> map, ReadOnlySpan<T> matrix)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RequireProjection(map);
        map.Arguments.ToDense(matrix);
        if (!T.IsFinite(TensorPrimitives.Sum(matrix)))
        {
            throw new ArgumentException("matrix has an element that is not finite.", nameof(matrix));
        }

        // What is set altogether need not have been given before.
        if (!map.IsGiven && map.TrainedCount == map.ParameterCount)
        {
            using ParameterEdit<T> edit = map.EditTrained();
        }

        ProjectionPlan plan = map.Program.CreateProjectionPlan()!;
        T[] dense = matrix.ToArray();
        double[] trained = Widen(map.Parameters[..map.TrainedCount]);
        if (plan.HasConstantTerms)
        {
            Write(map, new double[trained.Length]);
            map.ToDense(dense);
            TensorPrimitives.Subtract(matrix, dense, dense);
        }

        double factor = 1;
        var target = new Target(plan, Widen(dense), map.Inputs);
        double[] weights = Widen(map.WeightBlock);
        foreach (ProjectionPart part in plan.Parts)
        {
            if (part.Last < 0)
            {
                LeastSquares.Solve(part, target, weights, trained);
            }
            else
            {
                factor = Math.Max(factor, Factorization.Solve(part, target, weights, trained));
            }
        }

        Write(map, trained);
        map.ToDense(dense);
        TensorPrimitives.Subtract(matrix, dense, dense);
        double norm = Norm<T>(matrix), error = Norm<T>(dense);
        return new ProjectionReport(error == 0 ? 0 : error / norm, trained.Length, matrix.Length, factor);
    }

    /// <summary>
    /// Truncates ranks: sets a map close to another one, usually of the same structure with larger ranks. Frozen parameters of the same name
    /// and shape take that one's values first, so that an adapter is cut beside its own weight. Nothing else may run on the maps meanwhile.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="larger">What it is to be close to.</param>
    /// <returns>How close it is.</returns>
    /// <exception cref="NotSupportedException">There is no closed form, or the matrix has more elements than an array; the message says so. Nothing was changed.</exception>
    /// <exception cref="ArgumentException">The other map has another number of inputs or outputs, or an element that is not finite.</exception>
    /// <exception cref="ObjectDisposedException">A map is disposed.</exception>
    public static ProjectionReport Truncate<T>(this LinearMap<T> map, LinearMap<T> larger)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(larger);
        if ((map.Inputs, map.Outputs) != (larger.Inputs, larger.Outputs))
        {
            throw new ArgumentException($"{larger.Description.Name} is {larger.Inputs} -> {larger.Outputs}; {map.Inputs} -> {map.Outputs} is expected.", nameof(larger));
        }

        RequireProjection(map);
        T[] matrix = DenseOf(larger);
        using (ParameterEdit<T> edit = map.Edit())
        {
            foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role == Role.Frozen))
            {
                if (larger.Description.Parameters.FirstOrDefault(other => other.Name == info.Name) is { Role: not Role.Seeded } same && same.Shape.SequenceEqual(info.Shape))
                {
                    larger[info.Name].Values.CopyTo(edit[info.Name]);
                }
            }
        }

        return map.Project<T>(matrix);
    }

    private static void RequireProjection<T>(LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!map.HasProjection(out string? obstacle))
        {
            throw new NotSupportedException(
                $"{map.Description.Name} has no closed-form projection: {obstacle}. Approximate fits it step by step.");
        }
    }

    /// <summary>The matrix of a map.</summary>
    /// <exception cref="NotSupportedException">It has more elements than an array.</exception>
    internal static T[] DenseOf<T>(LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        long length = (long)map.Outputs * map.Inputs;
        if (length > Array.MaxLength)
        {
            throw new NotSupportedException($"The matrix of {map.Description.Name} ({map.Outputs} × {map.Inputs}) would have {length} elements: an array has at most {Array.MaxLength}.");
        }

        T[] matrix = new T[length];
        map.ToDense(matrix);
        return matrix;
    }

    private static void Write<T>(LinearMap<T> map, double[] trained)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using ParameterEdit<T> edit = map.EditTrained();
        TensorPrimitives.ConvertTruncating<double, T>(trained, edit.Trained);
    }

    internal static double[] Widen<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double[] wide = new double[values.Length];
        TensorPrimitives.ConvertTruncating(values, wide);
        return wide;
    }

    internal static double Norm<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TensorPrimitives.Norm<double>(Widen(values));
}

/// <summary>The elements of a dense matrix, as terms reach them.</summary>
internal sealed class Target(ProjectionPlan plan, double[] matrix, int columns)
{
    /// <summary>The number of an element, for terms.</summary>
    public long Place(int output, int input) =>
        ((long)(plan.Rows.IsEmpty ? output : plan.Rows[output]) * columns) + (plan.Columns.IsEmpty ? input : plan.Columns[input]);

    public double this[long place] => matrix[place];
}
