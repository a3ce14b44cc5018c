using System.Numerics;

namespace Weft.Solvers;

/// <summary>
/// The generalized method of minimal residuals with restarts, for any square operator (Saad and Schultz 1986). The basis is orthogonalized by the
/// modified Gram-Schmidt process, with which the method is backward stable (Paige, Rozložník and Strakoš 2006). One product a step, and two vectors
/// more than there are steps between restarts, three with a preconditioner.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Gmres<T> : SquareSolver<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What is left of a vector that is as small beside it is rounding: the Krylov space ends there.</summary>
    private static readonly double Negligible = typeof(T) == typeof(float) ? 1e-6 : 1e-14;

    /// <summary>Makes a solver.</summary>
    /// <param name="a">A, square.</param>
    /// <param name="options">When the iteration ends.</param>
    /// <param name="preconditioner">An operator M close to A⁻¹, applied on the right: A M u = b, x = M u; null for none.</param>
    /// <param name="restart">The steps after which the method starts again from what it has reached; more take memory and fewer products.</param>
    /// <exception cref="ArgumentException">An operator is not square, or the two have other sizes.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="restart"/> is less than 1.</exception>
    public Gmres(ILinearOperator<T> a, SolverOptions? options = null, ILinearOperator<T>? preconditioner = null, int restart = 30)
        : base(a, options, preconditioner)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(restart, 1);
        Restart = restart;
    }

    /// <summary>The steps after which the method starts again from what it has reached.</summary>
    public int Restart { get; }

    private protected override void Correct(Scratch<T> scratch, Span<T> residuals, in ActiveRows<T> rows, CancellationToken cancellationToken)
    {
        int n = Operator.Inputs, length = residuals.Length, count = rows.Count;
        int restart = Math.Min(Restart, n);
        var basis = new Basis(scratch, residuals);
        Span<State> states = scratch.States<State>(rows.Count);
        int perRow = (restart + 1) * (restart + 3);
        Span<double> numbers = scratch.Numbers(rows.Count * perRow);
        for (int k = 0; k < rows.Count; k++)
        {
            states[k] = new State { Numbers = k * perRow };
            Krylov.Of(numbers, states[k], restart).Start();
        }

        Span<T> z = Preconditioner == null ? default : scratch.Block(FirstBlock, length);
        for (int step = 0; step < restart && count > 0; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int active = count * n;
            Span<T> image = basis[step + 1][..active];
            if (Preconditioner == null)
            {
                Operator.Apply(basis[step][..active], image);
            }
            else
            {
                Preconditioner.Apply(basis[step][..active], z[..active]);
                Operator.Apply(z[..active], image);
            }

            for (int k = 0; k < count;)
            {
                Krylov krylov = Krylov.Of(numbers, states[k], restart);
                bool isWhole = Orthogonalize(basis, krylov.Column(step), step, k);
                states[k].Steps = step + 1;
                double residual = krylov.Turn(step);
                bool isConverged = residual <= rows.Rows[k].Aim;
                if (isConverged)
                {
                    rows.End(k, SolveStatus.Converged);
                }

                if (rows.Step(k) && !isConverged && !isWhole)
                {
                    k++;
                    continue;
                }

                count--;
                rows.Swap(k, count);
                (states[k], states[count]) = (states[count], states[k]);
                for (int i = 0; i <= step + 1; i++)
                {
                    Vectors<T>.Swap(basis[i], k, count, n);
                }
            }
        }

        Span<T> u = scratch.Block(1, length), correction = Preconditioner == null ? u : z;
        u.Clear();
        for (int k = 0; k < rows.Count; k++)
        {
            int steps = states[k].Steps;
            ReadOnlySpan<double> y = Krylov.Of(numbers, states[k], restart).Solve(steps, Negligible);
            for (int i = 0; i < steps; i++)
            {
                Vectors<T>.Add(y[i], Vectors<T>.Row(basis[i], k, n), Vectors<T>.Row(u, k, n));
            }
        }

        Preconditioner?.Apply(u, correction);
        for (int k = 0; k < rows.Count; k++)
        {
            Vectors<T>.Add(rows.Rows[k].Scale, Vectors<T>.Row(correction, k, n), rows.X(k, n));
        }
    }

    /// <summary>Takes from the newest vector its parts along those before it, and gives it norm 1.</summary>
    /// <returns>Whether nothing is left of it: the space holds the solution, or A is singular.</returns>
    private bool Orthogonalize(in Basis basis, Span<double> column, int step, int k)
    {
        int n = Operator.Inputs;
        Span<T> newest = Vectors<T>.Row(basis[step + 1], k, n);
        double before = Vectors<T>.Norm(newest);
        for (int i = 0; i <= step; i++)
        {
            Span<T> v = Vectors<T>.Row(basis[i], k, n);
            column[i] = Vectors<T>.Dot(newest, v);
            Vectors<T>.Add(-column[i], v, newest);
        }

        double left = Vectors<T>.Norm(newest);
        bool isWhole = left <= Negligible * before;
        column[step + 1] = isWhole ? 0 : left;
        Vectors<T>.Scale(isWhole ? 0 : 1 / left, newest);
        return isWhole;
    }

    /// <summary>The vectors of the basis: the residuals, and a block for each step.</summary>
    private readonly ref struct Basis(Scratch<T> scratch, Span<T> residuals)
    {
        private readonly Span<T> _residuals = residuals;

        public Span<T> this[int i] => i == 0 ? _residuals : scratch.Block(FirstBlock + i, _residuals.Length);
    }

    private struct State
    {
        /// <summary>The steps of this start.</summary>
        public int Steps;

        /// <summary>Where the numbers of the row begin.</summary>
        public int Numbers;
    }

    /// <summary>The least-squares problem of a row: a triangular matrix, its right-hand side, and the rotations that made them.</summary>
    private readonly ref struct Krylov
    {
        private readonly Span<double> _columns, _right, _rotations;
        private readonly int _restart;

        private Krylov(Span<double> numbers, int restart)
        {
            _restart = restart;
            _columns = numbers[..((restart + 1) * restart)];
            _right = numbers.Slice(_columns.Length, restart + 1);
            _rotations = numbers.Slice(_columns.Length + _right.Length, 2 * restart);
        }

        public static Krylov Of(Span<double> numbers, State state, int restart) =>
            new(numbers.Slice(state.Numbers, (restart + 1) * (restart + 3)), restart);

        public Span<double> Column(int step) => _columns.Slice(step * (_restart + 1), step + 2);

        public void Start()
        {
            _right.Clear();
            _right[0] = 1;
        }

        /// <summary>Makes the newest column triangular.</summary>
        /// <returns>The norm of the residual.</returns>
        public double Turn(int step)
        {
            Span<double> column = Column(step);
            for (int i = 0; i < step; i++)
            {
                (double c, double s) = (_rotations[2 * i], _rotations[(2 * i) + 1]);
                (column[i], column[i + 1]) = ((c * column[i]) + (s * column[i + 1]), (c * column[i + 1]) - (s * column[i]));
            }

            double length = Math.Sqrt((column[step] * column[step]) + (column[step + 1] * column[step + 1]));
            (double cosine, double sine) = length == 0 ? (1, 0) : (column[step] / length, column[step + 1] / length);
            (_rotations[2 * step], _rotations[(2 * step) + 1]) = (cosine, sine);
            (column[step], column[step + 1]) = (length, 0);
            (_right[step], _right[step + 1]) = (cosine * _right[step], -sine * _right[step]);
            return length == 0 ? Math.Abs(_right[step]) : Math.Abs(_right[step + 1]);
        }

        /// <summary>The weights of the basis vectors; 0 where A is singular on them.</summary>
        public ReadOnlySpan<double> Solve(int steps, double negligible)
        {
            double largest = 0;
            for (int i = 0; i < steps; i++)
            {
                largest = Math.Max(largest, Column(i)[i]);
            }

            for (int i = steps - 1; i >= 0; i--)
            {
                double pivot = Column(i)[i];
                double value = pivot <= negligible * largest ? 0 : _right[i] / pivot;
                _right[i] = value;
                for (int j = 0; j < i; j++)
                {
                    _right[j] -= value * Column(i)[j];
                }
            }

            return _right[..steps];
        }
    }
}
