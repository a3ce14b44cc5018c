using System.Numerics;

namespace Weft.Solvers;

/// <summary>
/// Lanczos's process (1950) for a batch of starting vectors at once: the tridiagonal matrix T of each, whose eigenvalues are Ritz values of A, and
/// whose first row of eigenvectors makes of them the nodes and weights of a Gauss quadrature (Golub and Meurant 1994). Vectors are not
/// orthogonalized again: what that leaves are copies of eigenvalues, which change neither the ends of the spectrum nor the quadrature.
/// </summary>
internal sealed class Lanczos
{
    private readonly double[] _diagonals, _beside;
    private readonly int[] _sizes;
    private readonly int _steps;

    private Lanczos(int rows, int steps)
    {
        (_steps, _sizes) = (steps, new int[rows]);
        (_diagonals, _beside) = (new double[rows * steps], new double[rows * steps]);
    }

    /// <summary>Runs the process.</summary>
    /// <param name="a">A, symmetric.</param>
    /// <param name="start">[rows, n]: the starting vectors; destroyed.</param>
    /// <param name="steps">The most steps.</param>
    /// <param name="cancellationToken">Ends the work between two steps.</param>
    public static Lanczos Run<T>(ILinearOperator<T> a, Span<T> start, int steps, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // What is left of a vector that is as small beside A is rounding: there the Krylov space ends.
        double negligible = typeof(T) == typeof(float) ? 1e-6 : 1e-14;
        int n = a.Inputs, rows = start.Length / n;
        var result = new Lanczos(rows, steps);
        Span<T> v = start, before = new T[start.Length], next = new T[start.Length];
        var sizes = new double[rows];
        for (int k = 0; k < rows; k++)
        {
            Vectors<T>.Normalize(Vectors<T>.Row(v, k, n));
        }

        for (int step = 0, going = rows; step < result._steps && going > 0; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            a.Apply(v, next);
            for (int k = 0; k < rows; k++)
            {
                if (result._sizes[k] < step)
                {
                    continue;
                }

                int place = (k * result._steps) + step;
                Span<T> image = Vectors<T>.Row(next, k, n), newest = Vectors<T>.Row(v, k, n);
                double last = step == 0 ? 0 : result._beside[place - 1];
                double alpha = Vectors<T>.SubtractAndMultiply(last, Vectors<T>.Row(before, k, n), image, newest);
                Vectors<T>.Add(-alpha, newest, image);
                double beta = Vectors<T>.Normalize(image);
                sizes[k] = Math.Max(sizes[k], last + Math.Abs(alpha) + beta);
                if (!double.IsFinite(sizes[k]))
                {
                    throw new ArithmeticException("The operator gave numbers that are not finite.");
                }

                result._sizes[k] = step + 1;
                result._diagonals[place] = alpha;
                result._beside[place] = beta;
                if (beta <= negligible * sizes[k])
                {
                    result._beside[place] = 0;
                    image.Clear(); // so nothing comes of it any more
                    going--;
                }
            }

            Span<T> free = before;
            before = v;
            v = next;
            next = free;
        }

        return result;
    }

    /// <summary>Σ τ² f(θ) over the Ritz values θ of a starting vector with the squares τ² of what it has along their vectors: vᵀ f(A) v for that vector v of norm 1.</summary>
    /// <param name="row">The starting vector.</param>
    /// <param name="f">The function.</param>
    /// <param name="leave">The steps at the end that are not counted, for comparison; one always is.</param>
    public double Quadrature(int row, Func<double, double> f, int leave)
    {
        int size = Math.Max(1, _sizes[row] - leave);
        var (values, first, _) = Decompose(row, size);
        double sum = 0;
        for (int i = 0; i < size; i++)
        {
            sum += first[i] * first[i] * f(values[i]);
        }

        return sum;
    }

    /// <summary>The ends of the Ritz values of the first starting vector.</summary>
    public SpectrumRange Range()
    {
        int size = _sizes[0];
        var (values, _, last) = Decompose(0, size);
        (int least, int most) = (0, 0);
        for (int i = 1; i < size; i++)
        {
            least = values[i] < values[least] ? i : least;
            most = values[i] > values[most] ? i : most;
        }

        double beta = _beside[size - 1];
        return new SpectrumRange(values[least], values[most], Math.Abs(beta * last[least]), Math.Abs(beta * last[most]));
    }

    private (double[] Values, double[] First, double[] Last) Decompose(int row, int size)
    {
        double[] values = _diagonals.AsSpan(row * _steps, size).ToArray(), beside = _beside.AsSpan(row * _steps, size).ToArray();
        double[] first = new double[size], last = new double[size];
        Tridiagonal.Decompose(values, beside, first, last);
        return (values, first, last);
    }
}
