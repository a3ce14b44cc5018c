using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Weft.Fitting;

/// <summary>
/// Fits the trained parameters of any map by least squares, by the method of Levenberg (1944) and Marquardt (1963): the way for structures that have no closed
/// form (CP, BLAST, sums of Kronecker products, reflections), for errors that count where inputs are, for matrices with holes, and for layers. It
/// needs no learning rate, and the error never rises; it ends in a minimum that may be local, for which there are several starts.
/// </summary>
public static class LeastSquaresFit
{
    /// <summary>Sets the trained parameters so that f(x) is close to y, in the Frobenius norm. Nothing else may run on the map meanwhile.</summary>
    /// <remarks>It starts where the map's parameters are, if they were given, else where <see cref="Map{T}.Initialize"/> draws them.</remarks>
    /// <param name="map">The map; frozen parameters keep their values.</param>
    /// <param name="x">[rows, <see cref="Map{T}.Inputs"/>]</param>
    /// <param name="y">[rows, <see cref="Map{T}.Outputs"/>]; what is NaN is not known and does not count.</param>
    /// <param name="weights">What the squared error of each element of y is multiplied by, 0 or above; or empty: 1.</param>
    /// <param name="options">How far it goes.</param>
    /// <param name="cancellationToken">Ends the work between two steps; the map is then somewhere on the way.</param>
    /// <returns>How close it is.</returns>
    /// <exception cref="ArgumentException">A length is wrong, an element is infinite, a weight is negative or not finite, the map has no trained parameters, or all of y is so small or large that squares leave the range; nothing was changed.</exception>
    /// <exception cref="InvalidOperationException">The map has frozen parameters that were never given, or is being edited.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    /// <exception cref="OperationCanceledException">The work was ended.</exception>
    public static FitReport Fit<T>(
        this Map<T> map, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> weights = default, FitOptions? options = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        map.Arguments.Forward(x, y);
        if (weights.Length != 0 && weights.Length != y.Length)
        {
            throw new ArgumentException($"weights has {weights.Length} elements; {y.Length} are expected, one for each of y.", nameof(weights));
        }

        if (map.TrainedCount == 0)
        {
            throw new ArgumentException($"{map.Description.Name} has no trained parameters.", nameof(map));
        }

        T[] target = y.ToArray(), roots = [];
        if (weights.Length > 0 || TensorPrimitives.IsNaNAny(y))
        {
            roots = new T[y.Length];
            for (int i = 0; i < roots.Length; i++)
            {
                T weight = weights.IsEmpty ? T.One : weights[i];
                if (!T.IsFinite(weight) || T.IsNegative(weight) && weight != T.Zero)
                {
                    throw new ArgumentException($"weights has {weight} at {i}; a number of 0 or above is expected.", nameof(weights));
                }

                bool isKnown = !T.IsNaN(target[i]);
                (target[i], roots[i]) = isKnown ? (target[i], T.Sqrt(weight)) : (T.Zero, T.Zero);
            }
        }

        RequireFinite(x, nameof(x));
        RequireFinite(target, nameof(y));
        RequireMiddling(target, nameof(y));
        options ??= new FitOptions();
        if (!map.IsGiven)
        {
            Draw(map, options.Seed);
        }

        var method = new LevenbergMarquardt<T>(map, x.ToArray(), target, roots, options);
        FitReport best = method.Run(cancellationToken);
        int products = best.Products;
        T[] parameters = Trained(map);
        for (int start = 1; start < options.Starts; start++)
        {
            Draw(map, options.Seed + start);
            FitReport other = method.Run(cancellationToken);
            products = other.Products;
            if (other.RelativeError < best.RelativeError)
            {
                (best, parameters) = (other, Trained(map));
            }
        }

        Write(map, parameters);
        return best with { Products = products };
    }

    /// <summary>
    /// Sets the trained parameters of a linear map A so that it is close to a matrix W, step by step: for structures that have no closed form, or where only
    /// what counts is to be close. Nothing else may run on the map meanwhile.
    /// </summary>
    /// <remarks>It starts at <see cref="Projection.Project{T}"/> where that is, else as <see cref="Fit{T}"/> does.</remarks>
    /// <param name="map">The map; frozen parameters keep their values.</param>
    /// <param name="matrix">[<see cref="Map{T}.Outputs"/>, <see cref="Map{T}.Inputs"/>], row-major; what is NaN is not known and does not count.</param>
    /// <param name="samples">
    /// [rows, <see cref="Map{T}.Inputs"/>]: vectors as they come in, so that A x is close to W x for these; or empty: A is close to W. Any number of rows costs
    /// no more than <see cref="Map{T}.Inputs"/> of them.
    /// </param>
    /// <param name="options">How far it goes.</param>
    /// <param name="cancellationToken">Ends the work between two steps; the map is then somewhere on the way.</param>
    /// <returns>How close it is: ‖(W − A) X‖ / ‖W X‖ with the samples as columns of X, or the identity.</returns>
    /// <exception cref="ArgumentException">A length is wrong, an element is infinite, the matrix has holes where samples are given, or the map has no trained parameters; nothing was changed. Or no closed form is the closest, and all of the matrix is so small or large that squares leave the range.</exception>
    /// <exception cref="InvalidOperationException">The map has frozen parameters that were never given, or is being edited.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    /// <exception cref="OperationCanceledException">The work was ended.</exception>
    public static FitReport Approximate<T>(
        this LinearMap<T> map, ReadOnlySpan<T> matrix, ReadOnlySpan<T> samples = default, FitOptions? options = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        map.Arguments.ToDense(matrix);
        if (samples.Length % map.Inputs != 0)
        {
            throw new ArgumentException($"samples has {samples.Length} elements, which are no whole number of rows of {map.Inputs}.", nameof(samples));
        }

        bool hasHoles = TensorPrimitives.IsNaNAny(matrix);
        if (hasHoles && !samples.IsEmpty)
        {
            throw new ArgumentException("matrix has elements that are not known, and samples are given: what it makes of them is not known either.", nameof(samples));
        }

        RequireFinite(samples, nameof(samples));
        if (!hasHoles)
        {
            RequireFinite(matrix, nameof(matrix));
            if (map.TrainedCount > 0 && (map.IsGiven || map.TrainedCount == map.ParameterCount) && map.HasProjection(out _)
                && map.Project(matrix) is { IsOptimal: true, RelativeError: var least } && samples.IsEmpty)
            {
                return new FitReport(FitStatus.Converged, least, [least], 0);
            }
        }

        (int m, int n) = (map.Outputs, map.Inputs);
        Matrix<double> rows = samples.IsEmpty ? Matrix<double>.Build.DenseIdentity(n) : Root(samples, n);
        Matrix<double> dense = Matrix<double>.Build.DenseOfRowMajor(m, n, Projection.Widen(matrix));
        Matrix<double> images = samples.IsEmpty ? dense.Transpose() : rows.TransposeAndMultiply(dense);
        return map.Fit(Narrow<T>(rows), Narrow<T>(images), default, options, cancellationToken);
    }

    /// <summary>
    /// Rows that stand for samples: ‖A X‖ is that of any root of X Xᵀ in the place of X, of the triangular factor too, which has at most as many rows as the samples have
    /// elements.
    /// </summary>
    internal static Matrix<double> Root<T>(ReadOnlySpan<T> samples, int columns)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<double> rows = Matrix<double>.Build.DenseOfRowMajor(samples.Length / columns, columns, Projection.Widen(samples));
        return rows.RowCount > columns ? rows.QR().R.SubMatrix(0, columns, 0, columns) : rows;
    }

    /// <summary>Draws the trained parameters anew; the frozen ones stay.</summary>
    private static void Draw<T>(Map<T> map, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (map.TrainedCount == map.ParameterCount)
        {
            map.Initialize(seed);
            return;
        }

        map.Weights(out _); // which refuses parameters that were never given
        T[] frozen = map.Parameters[map.TrainedCount..].ToArray();
        map.Initialize(seed);
        using ParameterEdit<T> edit = map.Edit();
        frozen.CopyTo(edit.All[map.TrainedCount..]);
    }

    private static T[] Trained<T>(Map<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => map.Parameters[..map.TrainedCount].ToArray();

    private static void Write<T>(Map<T> map, T[] trained)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using ParameterEdit<T> edit = map.EditTrained();
        trained.CopyTo(edit.Trained);
    }

    private static T[] Narrow<T>(Matrix<double> rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double[] wide = rows.ToRowMajorArray();
        T[] values = new T[wide.Length];
        TensorPrimitives.ConvertTruncating<double, T>(wide, values);
        return values;
    }

    /// <summary>Refuses numbers whose squares, times those of what a fit begins with, leave the range of the element type: its errors would be none.</summary>
    private static void RequireMiddling<T>(ReadOnlySpan<T> values, string name)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double largest = values.IsEmpty ? 0 : Math.Abs(double.CreateTruncating(TensorPrimitives.MaxMagnitude(values))), most = typeof(T) == typeof(float) ? Math.ScaleB(1, 48) : Math.ScaleB(1, 480);
        if (largest != 0 && (largest > most || largest < 1 / most))
        {
            throw new ArgumentException(
                FormattableString.Invariant($"The largest magnitude of {name} is {largest:R}; from {1 / most:G3} to {most:G3} is expected, as squares are added up. Fit multiples of it, and scale what comes out."),
                name);
        }
    }

    internal static void RequireFinite<T>(ReadOnlySpan<T> values, string name)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!values.IsEmpty && !TensorPrimitives.IsFiniteAll(values)) // of no elements that is false
        {
            throw new ArgumentException($"{name} has an element that is not finite.", name);
        }
    }
}
