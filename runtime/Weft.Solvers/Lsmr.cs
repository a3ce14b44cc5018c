using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Weft.Execution;

namespace Weft.Solvers;

/// <summary>
/// Least squares with an operator of any shape (LSMR, Fong and Saunders 2011): the x of least ‖b − A x‖² + λ² ‖x‖², and of least norm where λ = 0 leaves a
/// choice, for a batch of right-hand sides at once. It is the method of minimal residuals for the normal equations, by the Golub-Kahan
/// bidiagonalization: ‖Aᵀ r − λ² x‖ falls with each step. A step is a product with A and one with Aᵀ, of all rows that are left.
/// </summary>
/// <remarks>Any number of threads may use a solver at the same time. After the first calls only reports are allocated.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Lsmr<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Pool<Scratch<T>> _scratch = new();

    /// <summary>Makes a solver.</summary>
    /// <param name="a">A, of any shape.</param>
    /// <param name="damping">λ, 0 or above.</param>
    /// <param name="options">When the iteration ends.</param>
    /// <exception cref="ArgumentNullException">The operator is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="damping"/> is negative or not finite.</exception>
    public Lsmr(ILinearOperator<T> a, double damping = 0, SolverOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(a);
        if (!double.IsFinite(damping) || damping < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(damping), damping, "A number of 0 or above is expected.");
        }

        (Operator, Damping, Options) = (a, damping, options ?? new SolverOptions());
    }

    /// <summary>A.</summary>
    public ILinearOperator<T> Operator { get; }

    /// <summary>λ.</summary>
    public double Damping { get; }

    /// <summary>When the iteration ends.</summary>
    public SolverOptions Options { get; }

    /// <summary>Solves the least-squares problem of each row.</summary>
    /// <param name="b">[batch, <see cref="ILinearOperator{T}.Outputs"/>]: the right-hand sides.</param>
    /// <param name="x">[batch, <see cref="ILinearOperator{T}.Inputs"/>]: the solutions; overwritten.</param>
    /// <param name="cancellationToken">Ends the work between two steps; x is then somewhere on the way.</param>
    /// <returns>
    /// For each row why it ended, after how many steps, and what the tolerance is held against: with ρ² = ‖r‖² + λ² ‖x‖² the smaller of ρ / ‖b‖, which tends to
    /// 0 where A x = b has a solution, and ‖Aᵀ r − λ² x‖ / (‖A‖ ρ), which always does. ‖A‖ is estimated from the steps.
    /// </returns>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="OperationCanceledException">The work was ended.</exception>
    public SolveReport Solve(ReadOnlySpan<T> b, Span<T> x, CancellationToken cancellationToken = default)
    {
        (int m, int n) = (Operator.Outputs, Operator.Inputs);
        int batch = LinearOperators.RequireRows<T>(b, m, x, n, nameof(b), nameof(x));
        var reports = new RowReport[batch];
        Scratch<T> scratch = _scratch.Take();
        try
        {
            x.Clear();
            Span<State> states = scratch.States<State>(batch);
            Run(scratch, b, x, states, reports, cancellationToken);
            Measure(scratch, b, x, states, reports);
            return new SolveReport(ImmutableCollectionsMarshal.AsImmutableArray(reports));
        }
        finally
        {
            _scratch.Return(scratch);
        }
    }

    private void Run(Scratch<T> scratch, ReadOnlySpan<T> b, Span<T> x, Span<State> states, RowReport[] reports, CancellationToken cancellationToken)
    {
        (int m, int n, int count, int limit) = (Operator.Outputs, Operator.Inputs, states.Length, Options.StepsFor(Operator.Inputs));
        int left = count * m, right = count * n;
        Span<T> u = scratch.Block(0, left), mu = scratch.Block(1, left);
        Span<T> v = scratch.Block(2, right), mv = scratch.Block(3, right), h = scratch.Block(4, right), bar = scratch.Block(5, right);
        b.CopyTo(u);
        bar.Clear();
        for (int k = 0; k < count; k++)
        {
            states[k] = new State(k, Vectors<T>.Normalize(Vectors<T>.Row(u, k, m)));
        }

        Operator.ApplyAdjoint(u, v);
        for (int k = 0; k < count; k++)
        {
            states[k].Begin(Vectors<T>.Normalize(Vectors<T>.Row(v, k, n)));
        }

        v.CopyTo(h);
        for (int step = 0; ; step++)
        {
            for (int k = 0; k < count;)
            {
                ref State state = ref states[k];
                double measure = state.Measure;
                if (double.IsNaN(measure) || measure <= Options.Tolerance || step == limit)
                {
                    SolveStatus status = double.IsNaN(measure) ? SolveStatus.NotFinite : measure <= Options.Tolerance ? SolveStatus.Converged : SolveStatus.IterationLimit;
                    reports[state.Index] = new RowReport(status, step, measure);
                    count--;
                    (states[k], states[count]) = (states[count], states[k]);
                    Vectors<T>.Move(u, count, k, m);
                    Vectors<T>.Move(v, count, k, n);
                    Vectors<T>.Move(h, count, k, n);
                    Vectors<T>.Move(bar, count, k, n);
                    continue;
                }

                k++;
            }

            if (count == 0)
            {
                return;
            }

            cancellationToken.ThrowIfCancellationRequested();
            Operator.Apply(v[..(count * n)], mu[..(count * m)]);
            for (int k = 0; k < count; k++)
            {
                Span<T> next = Vectors<T>.Row(mu, k, m);
                Vectors<T>.Add(-states[k].Alpha, Vectors<T>.Row(u, k, m), next);
                states[k].Beta = Vectors<T>.Normalize(next);
            }

            Span<T> old = u;
            u = mu;
            mu = old;
            Operator.ApplyAdjoint(u[..(count * m)], mv[..(count * n)]);
            for (int k = 0; k < count; k++)
            {
                ref State state = ref states[k];
                Span<T> next = Vectors<T>.Row(mv, k, n), direction = Vectors<T>.Row(h, k, n), average = Vectors<T>.Row(bar, k, n);
                Vectors<T>.Add(-state.Beta, Vectors<T>.Row(v, k, n), next);
                state.Alpha = Vectors<T>.Normalize(next);
                (double ofBar, double ofX, double ofH) = state.Turn(Damping);
                TensorPrimitives.MultiplyAdd(average, T.CreateTruncating(ofBar), direction, average);
                Vectors<T>.Add(ofX, average, Vectors<T>.Row(x, state.Index, n));
                TensorPrimitives.MultiplyAdd(direction, T.CreateTruncating(ofH), next, direction);
            }

            old = v;
            v = mv;
            mv = old;
        }
    }

    /// <summary>Computes residuals anew. Those that have become larger by rounding than the recurrences have them are reported so.</summary>
    private void Measure(Scratch<T> scratch, ReadOnlySpan<T> b, ReadOnlySpan<T> x, ReadOnlySpan<State> states, RowReport[] reports)
    {
        (int m, int n) = (Operator.Outputs, Operator.Inputs);
        Span<T> r = scratch.Block(0, b.Length), s = scratch.Block(2, x.Length);
        Operator.Apply(x, r);
        TensorPrimitives.Subtract(b, r, r);
        Operator.ApplyAdjoint(r, s);
        TensorPrimitives.MultiplyAdd(x, T.CreateTruncating(-Damping * Damping), s, s);
        foreach (State state in states)
        {
            int i = state.Index;
            double size = double.Hypot(Vectors<T>.Norm(Vectors<T>.Row(r, i, m)), Damping * Vectors<T>.Norm(x.Slice(i * n, n)));
            double measure = State.Ratio(state.Norm, size, Vectors<T>.Norm(Vectors<T>.Row(s, i, n)), state.Size);
            SolveStatus status = double.IsNaN(measure) ? SolveStatus.NotFinite
                : measure <= Options.Tolerance ? SolveStatus.Converged
                : reports[i].Status == SolveStatus.Converged ? SolveStatus.Stagnated
                : reports[i].Status;
            reports[i] = reports[i] with { Status = status, Residual = measure };
        }
    }

    /// <summary>The numbers of a row, in the letters of the paper.</summary>
    private struct State(int index, double norm)
    {
        private double _zetaBar, _alphaBar, _rho = 1, _rhoBar = 1, _cBar = 1, _sBar, _zeta;

        // For the norm of the residual.
        private double _betaDd = norm, _betaD, _rhoDold = 1, _tauTilde, _thetaTilde, _d, _normA2, _residual = norm;

        public int Index { get; } = index;

        public double Norm { get; } = norm;

        public double Alpha { get; set; }

        public double Beta { get; set; }

        /// <summary>An estimate of ‖A‖ from below, in the Frobenius norm.</summary>
        public readonly double Size => Math.Sqrt(_normA2);

        /// <summary>What the tolerance is held against.</summary>
        public readonly double Measure => Ratio(Norm, _residual, Math.Abs(_zetaBar), Size);

        public static double Ratio(double norm, double residual, double gradient, double size) =>
            gradient == 0 || residual == 0 ? 0 : Math.Min(residual / norm, gradient / (size * residual));

        public void Begin(double alpha)
        {
            (Alpha, _alphaBar, _zetaBar, _normA2) = (alpha, alpha, alpha * Norm, alpha * alpha);
        }

        /// <summary>Takes the newest α and β in by two rotations.</summary>
        /// <returns>The factors by which h̄, x and h go on.</returns>
        public (double OfBar, double OfX, double OfH) Turn(double damping)
        {
            _normA2 += Beta * Beta;
            (double cHat, double sHat, double alphaHat) = Rotation(_alphaBar, damping);
            (double rhoOld, double rhoBarOld, double zetaOld) = (_rho, _rhoBar, _zeta);
            (double c, double s, _rho) = Rotation(alphaHat, Beta);
            double theta = s * Alpha, thetaBar = _sBar * _rho;
            _alphaBar = c * Alpha;
            (_cBar, _sBar, _rhoBar) = Rotation(_cBar * _rho, theta);
            (_zeta, _zetaBar) = (_cBar * _zetaBar, -_sBar * _zetaBar);

            (double betaAcute, double betaCheck) = (cHat * _betaDd, -sHat * _betaDd);
            double betaHat = c * betaAcute;
            _betaDd = -s * betaAcute;
            double thetaTildeOld = _thetaTilde;
            (double cTilde, double sTilde, double rhoTilde) = Rotation(_rhoDold, thetaBar);
            (_thetaTilde, _rhoDold) = (sTilde * _rhoBar, cTilde * _rhoBar);
            _betaD = (cTilde * betaHat) - (sTilde * _betaD);
            _tauTilde = Divide(zetaOld - (thetaTildeOld * _tauTilde), rhoTilde);
            double tau = Divide(_zeta - (_thetaTilde * _tauTilde), _rhoDold), gap = _betaD - tau;
            _d += betaCheck * betaCheck;
            _residual = Math.Sqrt(_d + (gap * gap) + (_betaDd * _betaDd));
            _normA2 += Alpha * Alpha;
            return (-Divide(thetaBar * _rho, rhoOld * rhoBarOld), Divide(_zeta, _rho * _rhoBar), -Divide(theta, _rho));
        }

        private static (double C, double S, double R) Rotation(double a, double b)
        {
            double r = double.Hypot(a, b);
            return r == 0 ? (1, 0, 0) : (a / r, b / r, r);
        }

        private static double Divide(double a, double b) => b == 0 ? 0 : a / b;
    }
}
