using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Weft.Execution;

namespace Weft.Solvers;

/// <summary>
/// An iterative solver of A x = b with a square operator, for a batch of right-hand sides at once: each step is one product of A with all
/// rows that are left, each with numbers of its own. What has converged leaves the batch.
/// </summary>
/// <remarks>
/// <para>
/// The residual by which a method ends comes from its own recurrences. It is computed anew then, and where rounding has left a larger one the method starts
/// again from what it has reached, until no smaller one is found: the reported residuals are true.
/// </para>
/// <para>Any number of threads may use a solver at the same time. After the first calls only reports are allocated.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class SquareSolver<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Recurrences aim so far below the tolerance that their rounding seldom costs another start.</summary>
    private const double Aim = 0.9;

    /// <summary>A start that was to reach the tolerance and has not even brought this, or one that was cut short and not even that, is the last.</summary>
    private const double LeastGain = 0.5, LeastGainOfCut = 1 - 1e-6;

    /// <summary>Blocks that the method itself may use begin here.</summary>
    private protected const int FirstBlock = 2;

    private readonly Pool<Scratch<T>> _scratch = new();

    private protected SquareSolver(ILinearOperator<T> a, SolverOptions? options, ILinearOperator<T>? preconditioner = null)
    {
        LinearOperators.RequireSquare(a, nameof(a));
        if (preconditioner != null && (preconditioner.Inputs, preconditioner.Outputs) != (a.Inputs, a.Outputs))
        {
            throw new ArgumentException(
                $"preconditioner is {preconditioner.Inputs} -> {preconditioner.Outputs}; {a.Inputs} -> {a.Outputs} is expected, as a is.", nameof(preconditioner));
        }

        (Operator, Options, Preconditioner) = (a, options ?? new SolverOptions(), preconditioner);
    }

    /// <summary>A.</summary>
    public ILinearOperator<T> Operator { get; }

    /// <summary>An operator that is close to A⁻¹; null for none.</summary>
    public ILinearOperator<T>? Preconditioner { get; }

    /// <summary>When the iteration ends.</summary>
    public SolverOptions Options { get; }

    /// <summary>Solves A x = b for each row, from x = 0.</summary>
    /// <param name="b">[batch, n]: the right-hand sides.</param>
    /// <param name="x">[batch, n]: the solutions; overwritten.</param>
    /// <param name="cancellationToken">Ends the work between two steps; x is then somewhere on the way.</param>
    /// <returns>For each row why it ended, after how many steps, and ‖b − A x‖ / ‖b‖; 0 for b = 0, whose solution is 0.</returns>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap; nothing was written.</exception>
    /// <exception cref="OperationCanceledException">The work was ended.</exception>
    public SolveReport Solve(ReadOnlySpan<T> b, Span<T> x, CancellationToken cancellationToken = default) => Run(b, x, isGiven: false, cancellationToken);

    /// <summary>As <see cref="Solve"/>, but from the x that is given: the solution of a system that was close, or that of fewer steps.</summary>
    /// <inheritdoc cref="Solve"/>
    public SolveReport Refine(ReadOnlySpan<T> b, Span<T> x, CancellationToken cancellationToken = default) => Run(b, x, isGiven: true, cancellationToken);

    /// <summary>
    /// Adds solutions for the residuals, which have norm 1, to x: until each is below its aim, or the steps that are left are made, or the
    /// method has to start again.
    /// </summary>
    private protected abstract void Correct(Scratch<T> scratch, Span<T> residuals, in ActiveRows<T> rows, CancellationToken cancellationToken);

    private SolveReport Run(ReadOnlySpan<T> b, Span<T> x, bool isGiven, CancellationToken cancellationToken)
    {
        int n = Operator.Inputs, batch = LinearOperators.RequireRows<T>(b, n, x, n, nameof(b), nameof(x));
        var reports = new RowReport[batch];
        Scratch<T> scratch = _scratch.Take();
        try
        {
            if (!isGiven)
            {
                x.Clear();
            }

            Span<ActiveRow> states = scratch.Rows(batch);
            int count = 0;
            for (int i = 0; i < batch; i++)
            {
                double norm = Vectors<T>.Norm(b.Slice(i * n, n));
                if (norm == 0)
                {
                    Vectors<T>.Row(x, i, n).Clear();
                }

                reports[i] = norm > 0 && double.IsFinite(norm) ? new(SolveStatus.IterationLimit, 0, double.PositiveInfinity)
                    : norm == 0 ? new(SolveStatus.Converged, 0, 0)
                    : new(SolveStatus.NotFinite, 0, double.NaN);
                if (reports[i].Status == SolveStatus.IterationLimit)
                {
                    states[count++] = new ActiveRow { Index = i, Norm = norm };
                }
            }

            for (bool isStart = !isGiven; ; isStart = false)
            {
                Span<T> residuals = Residuals(scratch, b, x, states[..count], isStart);
                count = Check(residuals, states[..count], reports);
                if (count == 0)
                {
                    return new SolveReport(ImmutableCollectionsMarshal.AsImmutableArray(reports));
                }

                cancellationToken.ThrowIfCancellationRequested();
                Correct(scratch, residuals[..(count * n)], new ActiveRows<T>(x, states[..count], reports, Options.StepsFor(n)), cancellationToken);
            }
        }
        finally
        {
            _scratch.Return(scratch);
        }
    }

    /// <summary>b − A x of the rows that are left, one behind the other.</summary>
    private Span<T> Residuals(Scratch<T> scratch, ReadOnlySpan<T> b, ReadOnlySpan<T> x, ReadOnlySpan<ActiveRow> rows, bool isStart)
    {
        int n = Operator.Inputs;
        Span<T> residuals = scratch.Block(0, rows.Length * n);
        if (!isStart)
        {
            Span<T> gathered = scratch.Block(1, rows.Length * n);
            for (int k = 0; k < rows.Length; k++)
            {
                x.Slice(rows[k].Index * n, n).CopyTo(Vectors<T>.Row(gathered, k, n));
            }

            Operator.Apply(gathered, residuals);
        }

        for (int k = 0; k < rows.Length; k++)
        {
            ReadOnlySpan<T> right = b.Slice(rows[k].Index * n, n);
            Span<T> residual = Vectors<T>.Row(residuals, k, n);
            if (isStart)
            {
                right.CopyTo(residual);
            }
            else
            {
                TensorPrimitives.Subtract(right, residual, residual);
            }
        }

        return residuals;
    }

    /// <summary>Measures residuals, lets go of the rows that are done, and gives those that are left norm 1.</summary>
    /// <returns>The number of those that are left, which stand first.</returns>
    private int Check(Span<T> residuals, Span<ActiveRow> rows, RowReport[] reports)
    {
        int n = Operator.Inputs, count = rows.Length;
        for (int k = 0; k < count;)
        {
            ref ActiveRow row = ref rows[k];
            ref RowReport report = ref reports[row.Index];
            Span<T> residual = Vectors<T>.Row(residuals, k, n);
            double size = Vectors<T>.Norm(residual), relative = size / row.Norm;
            double least = (report.Status == SolveStatus.Converged ? LeastGain : LeastGainOfCut) * report.Residual;
            SolveStatus? end = !double.IsFinite(relative) ? SolveStatus.NotFinite
                : relative <= Options.Tolerance ? SolveStatus.Converged
                : report.Status is SolveStatus.Indefinite or SolveStatus.Stagnated or SolveStatus.NotFinite ? report.Status
                : report.Iterations >= Options.StepsFor(n) ? SolveStatus.IterationLimit
                : relative > least ? SolveStatus.Stagnated
                : null;
            report = report with { Status = end ?? SolveStatus.IterationLimit, Residual = relative };
            if (end != null)
            {
                count--;
                row = rows[count];
                Vectors<T>.Move(residuals, count, k, n);
                continue;
            }

            (row.Scale, row.Aim) = (size, Aim * Options.Tolerance / relative);
            Vectors<T>.Scale(1 / size, residual);
            k++;
        }

        return count;
    }
}

/// <summary>A right-hand side that is not done.</summary>
internal struct ActiveRow
{
    /// <summary>Where it stands in the batch.</summary>
    public int Index { get; set; }

    /// <summary>Its norm.</summary>
    public double Norm { get; set; }

    /// <summary>The norm of its residual, by which what solves for a residual of norm 1 is multiplied.</summary>
    public double Scale { get; set; }

    /// <summary>The residual to come to, beside one of norm 1.</summary>
    public double Aim { get; set; }
}

/// <summary>The right-hand sides that a method is to go on with.</summary>
/// <param name="x">The solutions of the whole batch.</param>
/// <param name="rows">The rows that are left.</param>
/// <param name="reports">A report for each row of the batch.</param>
/// <param name="limit">The most steps of a row.</param>
internal readonly ref struct ActiveRows<T>(Span<T> x, Span<ActiveRow> rows, Span<RowReport> reports, int limit)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Span<T> _x = x;
    private readonly Span<RowReport> _reports = reports;

    public Span<ActiveRow> Rows { get; } = rows;

    public int Count => Rows.Length;

    /// <summary>The solution of the k-th row that is left.</summary>
    public Span<T> X(int k, int n) => Vectors<T>.Row(_x, Rows[k].Index, n);

    /// <summary>Exchanges two of the rows that are left.</summary>
    public void Swap(int a, int b) => (Rows[a], Rows[b]) = (Rows[b], Rows[a]);

    /// <summary>Counts a step of the k-th row that is left.</summary>
    /// <returns>Whether it may make another.</returns>
    public bool Step(int k)
    {
        ref RowReport report = ref _reports[Rows[k].Index];
        report = report with { Iterations = report.Iterations + 1 };
        return report.Iterations < limit;
    }

    /// <summary>Says why the k-th row that is left ends: whether it has converged is measured yet.</summary>
    public void End(int k, SolveStatus status)
    {
        ref RowReport report = ref _reports[Rows[k].Index];
        report = report with { Status = status };
    }
}
