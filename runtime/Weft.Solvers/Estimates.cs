using System.Numerics;
using System.Numerics.Tensors;
using Weft.Execution;
using Weft.Kernels;

namespace Weft.Solvers;

/// <summary>
/// Estimates of what products with an operator say about its matrix. Random vectors are drawn by <see cref="EstimateOptions.Seed"/>, and all are one
/// batch of each product.
/// </summary>
public static class Estimates
{
    /// <summary>The trace of a square operator: the mean of zᵀ A z over vectors z of random signs (Hutchinson 1990).</summary>
    /// <exception cref="ArgumentException">The operator is not square.</exception>
    public static Estimate EstimateTrace<T>(this ILinearOperator<T> a, EstimateOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        LinearOperators.RequireSquare(a, nameof(a));
        options ??= new EstimateOptions();
        return Estimate.Of(Forms<T>(a, Signs<T>(options, options.Probes, a.Inputs)));
    }

    /// <summary>
    /// The trace of a square operator by Hutch++ (Meyer, Musco, Musco and Woodruff 2021): exactly on the space that A maps a third of the random vectors to, and
    /// by Hutchinson's estimate on what is orthogonal to it. The error falls with the number of vectors, and not only with its root, where few eigenvalues are large.
    /// </summary>
    /// <param name="a">A.</param>
    /// <param name="options">With as many products as <see cref="EstimateTrace"/> makes with the same options. Those on the space are as many as a row is long at most.</param>
    /// <exception cref="ArgumentException">The operator is not square.</exception>
    public static Estimate EstimateTraceHutchPlusPlus<T>(this ILinearOperator<T> a, EstimateOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        LinearOperators.RequireSquare(a, nameof(a));
        options ??= new EstimateOptions();
        int n = a.Inputs, sketch = Math.Min(options.Probes / 3, n), rest = Math.Max(2, options.Probes - (2 * sketch));
        T[] signs = Signs<T>(options, sketch + rest, n), space = new T[sketch * n];
        a.Apply(signs.AsSpan(0, space.Length), space);
        Span<T> basis = space.AsSpan(0, Orthonormalize(space, n) * n);
        Span<T> others = signs.AsSpan(sketch * n);
        for (int k = 0; k < rest; k++)
        {
            Project(basis, Vectors<T>.Row(others, k, n));
        }

        double within = 0;
        foreach (double form in Forms<T>(a, basis))
        {
            within += form;
        }

        Estimate beside = Estimate.Of(Forms<T>(a, others));
        return beside with { Value = within + beside.Value };
    }

    /// <summary>The diagonal of a square operator: for each element the mean of z ⊙ A z over vectors z of random signs (Bekas, Kokiopoulou and Saad 2007).</summary>
    /// <param name="a">A.</param>
    /// <param name="diagonal">[n]: the estimates; overwritten.</param>
    /// <param name="standardErrors">[n]: the standard error of each, overwritten; or empty: not wanted.</param>
    /// <param name="options">The number of vectors, and their seed.</param>
    /// <exception cref="ArgumentException">The operator is not square, a length is wrong, or the spans overlap; nothing was written.</exception>
    public static void EstimateDiagonal<T>(this ILinearOperator<T> a, Span<T> diagonal, Span<T> standardErrors = default, EstimateOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        LinearOperators.RequireSquare(a, nameof(a));
        int n = a.Inputs;
        Lengths.Require(diagonal.Length, 1, n, nameof(diagonal));
        if (!standardErrors.IsEmpty)
        {
            LinearOperators.RequireRows<T>(diagonal, n, standardErrors, n, nameof(diagonal), nameof(standardErrors));
        }

        options ??= new EstimateOptions();
        T[] signs = Signs<T>(options, options.Probes, n), images = new T[signs.Length];
        a.Apply(signs, images);
        TensorPrimitives.Multiply(signs, images, images);
        var samples = new double[options.Probes];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < samples.Length; k++)
            {
                samples[k] = double.CreateTruncating(images[(k * n) + i]);
            }

            Estimate element = Estimate.Of(samples);
            diagonal[i] = T.CreateTruncating(element.Value);
            if (!standardErrors.IsEmpty)
            {
                standardErrors[i] = T.CreateTruncating(element.StandardError);
            }
        }
    }

    /// <summary>
    /// tr f(A) of a symmetric operator by stochastic Lanczos quadrature (Ubaru, Chen and Saad 2017): the mean of zᵀ f(A) z over vectors z of
    /// random signs, each by the Gauss quadrature that Lanczos's process gives.
    /// </summary>
    /// <param name="a">A, symmetric. That it is so is not checked.</param>
    /// <param name="f">A function of an eigenvalue: x => 1 / x gives the trace of the inverse.</param>
    /// <param name="options">The number of vectors, their seed, and the steps of the process.</param>
    /// <param name="cancellationToken">Ends the work between two steps.</param>
    /// <returns>The estimate; to its standard error is added how much the last step has moved it.</returns>
    /// <exception cref="ArgumentException">The operator is not square.</exception>
    /// <exception cref="ArithmeticException">The operator gave numbers that are not finite.</exception>
    /// <exception cref="OperationCanceledException">The work was ended.</exception>
    public static Estimate EstimateTraceOf<T>(
        this ILinearOperator<T> a, Func<double, double> f, EstimateOptions? options = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        LinearOperators.RequireSquare(a, nameof(a));
        ArgumentNullException.ThrowIfNull(f);
        options ??= new EstimateOptions();
        var lanczos = Lanczos.Run<T>(a, Signs<T>(options, options.Probes, a.Inputs), options.Steps, cancellationToken);
        double[] samples = new double[options.Probes], before = new double[options.Probes];
        for (int k = 0; k < samples.Length; k++)
        {
            samples[k] = a.Inputs * lanczos.Quadrature(k, f, leave: 0);
            before[k] = a.Inputs * lanczos.Quadrature(k, f, leave: 1);
        }

        Estimate estimate = Estimate.Of(samples);
        return estimate with { StandardError = estimate.StandardError + Math.Abs(estimate.Value - Estimate.Of(before).Value) };
    }

    /// <summary>The logarithm of the determinant of a symmetric positive definite operator, as <see cref="EstimateTraceOf"/> of the logarithm.</summary>
    /// <exception cref="ArgumentException">The operator is not square.</exception>
    /// <exception cref="ArithmeticException">A Ritz value is not positive, so the operator is not positive definite; or it gave numbers that are not finite.</exception>
    /// <exception cref="OperationCanceledException">The work was ended.</exception>
    public static Estimate EstimateLogDeterminant<T>(this ILinearOperator<T> a, EstimateOptions? options = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        a.EstimateTraceOf(
            value => value > 0 ? Math.Log(value) : throw new ArithmeticException(FormattableString.Invariant(
                $"A Ritz value of the operator is {value}: the logarithm of a determinant is estimated of positive definite operators alone. A + σ I is one, by Shift, for a σ above its magnitude.")),
            options,
            cancellationToken);

    /// <summary>The ends of the spectrum of a symmetric operator by Lanczos's process from one random vector, and the condition number that they mean.</summary>
    /// <param name="a">A, symmetric. That it is so is not checked.</param>
    /// <param name="options">The steps of the process, each one product, and the seed.</param>
    /// <param name="cancellationToken">Ends the work between two steps.</param>
    /// <exception cref="ArgumentException">The operator is not square.</exception>
    /// <exception cref="ArithmeticException">The operator gave numbers that are not finite.</exception>
    /// <exception cref="OperationCanceledException">The work was ended.</exception>
    public static SpectrumRange EstimateSpectrum<T>(this ILinearOperator<T> a, EstimateOptions? options = null, CancellationToken cancellationToken = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        LinearOperators.RequireSquare(a, nameof(a));
        options ??= new EstimateOptions();
        var start = new T[a.Inputs];
        for (int i = 0; i < start.Length; i++)
        {
            start[i] = T.CreateTruncating(RandomNumbers.Normal(options.Seed, (ulong)i));
        }

        return Lanczos.Run<T>(a, start, options.Steps, cancellationToken).Range();
    }

    /// <summary>Rows of random signs.</summary>
    internal static T[] Signs<T>(EstimateOptions options, int rows, int n)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var signs = new T[checked(rows * n)];
        for (int i = 0; i < signs.Length; i++)
        {
            signs[i] = RandomNumbers.Bits(options.Seed, (ulong)i) >> 63 == 0 ? T.One : T.NegativeOne;
        }

        return signs;
    }

    /// <summary>zᵀ A z for each row.</summary>
    private static double[] Forms<T>(ILinearOperator<T> a, ReadOnlySpan<T> rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = a.Inputs;
        var images = new T[rows.Length];
        a.Apply(rows, images);
        var forms = new double[rows.Length / n];
        for (int k = 0; k < forms.Length; k++)
        {
            forms[k] = Vectors<T>.Dot(rows.Slice(k * n, n), images.AsSpan(k * n, n));
        }

        return forms;
    }

    /// <summary>Makes rows orthonormal, and leaves out those that depend on others.</summary>
    /// <returns>The number of those that are left, which stand first.</returns>
    private static int Orthonormalize<T>(Span<T> rows, int n)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double negligible = typeof(T) == typeof(float) ? 1e-5 : 1e-13;
        int count = 0;
        for (int k = 0; k < rows.Length / n; k++)
        {
            Span<T> row = Vectors<T>.Row(rows, count, n);
            Vectors<T>.Row(rows, k, n).CopyTo(row);
            double norm = Vectors<T>.Norm(row);
            Project(rows[..(count * n)], row);
            if (Vectors<T>.Normalize(row) > negligible * norm)
            {
                Project(rows[..(count * n)], row); // twice is enough (Giraud, Langou and Rozložník 2005)
                Vectors<T>.Normalize(row);
                count++;
            }
        }

        return count;
    }

    /// <summary>Takes from a vector its parts along orthonormal rows.</summary>
    private static void Project<T>(ReadOnlySpan<T> rows, Span<T> vector)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = vector.Length;
        for (int k = 0; k < rows.Length / n; k++)
        {
            ReadOnlySpan<T> row = rows.Slice(k * n, n);
            Vectors<T>.Add(-Vectors<T>.Dot(row, vector), row, vector);
        }
    }
}
