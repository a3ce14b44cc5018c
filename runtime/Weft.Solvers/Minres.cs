using System.Numerics;
using System.Numerics.Tensors;

namespace Weft.Solvers;

/// <summary>
/// The method of minimal residuals for symmetric operators, definite or not (Paige and Saunders 1975): of all x in the Krylov space of each step,
/// that of the least residual. One product a step, and six vectors, seven with a preconditioner.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Minres<T> : SquareSolver<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What is as small beside A is rounding: there the Krylov space has no direction left that lessens the residual.</summary>
    private static readonly double Negligible = typeof(T) == typeof(float) ? 1e-6 : 1e-12;

    /// <summary>Makes a solver.</summary>
    /// <param name="a">A, symmetric. That it is so is not checked.</param>
    /// <param name="options">When the iteration ends.</param>
    /// <param name="preconditioner">An operator, symmetric and positive definite, close to the inverse of A but for the signs of its eigenvalues; null for none.</param>
    /// <exception cref="ArgumentException">An operator is not square, or the two have other sizes.</exception>
    public Minres(ILinearOperator<T> a, SolverOptions? options = null, ILinearOperator<T>? preconditioner = null)
        : base(a, options, preconditioner)
    {
    }

    private protected override void Correct(Scratch<T> scratch, Span<T> residuals, in ActiveRows<T> rows, CancellationToken cancellationToken)
    {
        int n = Operator.Inputs, length = residuals.Length;
        var vectors = new Lanczos
        {
            // Of the last step, times its norm; of the one before; the same with the preconditioner, and with norm 1; of the next step.
            Last = residuals,
            Before = scratch.Block(FirstBlock, length),
            Z = Preconditioner == null ? residuals : scratch.Block(FirstBlock + 1, length),
            V = scratch.Block(FirstBlock + 2, length),
            Next = scratch.Block(FirstBlock + 3, length),
            W1 = scratch.Block(FirstBlock + 4, length),
            W2 = scratch.Block(FirstBlock + 5, length),
            States = scratch.States<State>(rows.Count),
            Count = rows.Count,
        };
        vectors.Before.Clear();
        vectors.W1.Clear();
        vectors.W2.Clear();
        vectors.States.Fill(new State { OldBeta = 1, Cosine = -1 });
        Preconditioner?.Apply(vectors.Last, vectors.Z);
        for (int k = 0; k < vectors.Count;)
        {
            ref State state = ref vectors.States[k];
            state.Square = 1;
            state.Beta = state.Start = state.Residual = Size(vectors, k);
            if (state.Beta > 0)
            {
                k++;
            }
            else
            {
                rows.End(k, SolveStatus.Indefinite);
                Drop(ref vectors, rows, k);
            }
        }

        while (vectors.Count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Extend(ref vectors);
            for (int k = 0; k < vectors.Count;)
            {
                SolveStatus? end = Descend(vectors, rows, k);
                if (end != null)
                {
                    rows.End(k, end.Value);
                }

                if (rows.Step(k) && end == null)
                {
                    k++;
                }
                else
                {
                    Drop(ref vectors, rows, k);
                }
            }

            Span<T> newest = vectors.W2;
            vectors.W2 = vectors.W1;
            vectors.W1 = newest;
        }
    }

    /// <summary>The next Lanczos vectors, by the recurrence of three terms.</summary>
    private void Extend(ref Lanczos vectors)
    {
        int n = Operator.Inputs, active = vectors.Count * n;
        for (int k = 0; k < vectors.Count; k++)
        {
            TensorPrimitives.Multiply(Vectors<T>.Row(vectors.Z, k, n), T.CreateTruncating(1 / vectors.States[k].Beta), Vectors<T>.Row(vectors.V, k, n));
        }

        Operator.Apply(vectors.V[..active], vectors.Next[..active]);
        for (int k = 0; k < vectors.Count; k++)
        {
            ref State state = ref vectors.States[k];
            Span<T> next = Vectors<T>.Row(vectors.Next, k, n);
            state.Alpha = Vectors<T>.SubtractAndMultiply(
                state.Beta / state.OldBeta, Vectors<T>.Row(vectors.Before, k, n), next, Vectors<T>.Row(vectors.V, k, n));
            state.Square = Vectors<T>.SubtractAndSquare(state.Alpha / state.Beta, Vectors<T>.Row(vectors.Last, k, n), next);
        }

        Span<T> free = vectors.Before;
        vectors.Before = vectors.Last;
        vectors.Last = vectors.Next;
        vectors.Next = free;
        if (Preconditioner == null)
        {
            vectors.Z = vectors.Last;
        }
        else
        {
            Preconditioner.Apply(vectors.Last[..active], vectors.Z[..active]);
        }
    }

    /// <summary>Turns the last column of the tridiagonal matrix into that of its triangular factor, and takes the step that this gives.</summary>
    /// <returns>Why the row ends; null where it goes on.</returns>
    private SolveStatus? Descend(in Lanczos vectors, in ActiveRows<T> rows, int k)
    {
        int n = Operator.Inputs;
        ref State state = ref vectors.States[k];
        double beta = Size(vectors, k);
        if (double.IsNaN(beta))
        {
            return SolveStatus.Indefinite;
        }

        (double oldEpsilon, double delta) = (state.Epsilon, (state.Cosine * state.Bar) + (state.Sine * state.Alpha));
        double diagonal = (state.Sine * state.Bar) - (state.Cosine * state.Alpha);
        (state.Epsilon, state.Bar) = (state.Sine * beta, -state.Cosine * beta);
        (state.OldBeta, state.Beta) = (state.Beta, beta);
        state.Size = Math.Max(state.Size, Math.Abs(state.Alpha) + beta);
        double gamma = Math.Sqrt((diagonal * diagonal) + (beta * beta)), gradient = Math.Sqrt((diagonal * diagonal) + (state.Bar * state.Bar));
        if (Math.Min(gamma, gradient) <= Negligible * state.Size)
        {
            return SolveStatus.Stagnated; // A r = 0: no x is better
        }

        (state.Cosine, state.Sine) = (diagonal / gamma, beta / gamma);
        double step = state.Cosine * state.Residual;
        state.Residual *= state.Sine;
        Vectors<T>.Turn(
            (1 / gamma, -delta / gamma, -oldEpsilon / gamma, step * rows.Rows[k].Scale),
            Vectors<T>.Row(vectors.V, k, n),
            Vectors<T>.Row(vectors.W1, k, n),
            Vectors<T>.Row(vectors.W2, k, n),
            rows.X(k, n));
        return state.Residual <= rows.Rows[k].Aim * state.Start || beta == 0 ? SolveStatus.Converged : null;
    }

    /// <summary>The norm of the last Lanczos vector, √(rᵀ M r) with a preconditioner M; no number where that is not definite.</summary>
    private double Size(in Lanczos vectors, int k)
    {
        int n = Operator.Inputs;
        return Math.Sqrt(Preconditioner == null
            ? vectors.States[k].Square
            : Vectors<T>.Dot(Vectors<T>.Row(vectors.Last, k, n), Vectors<T>.Row(vectors.Z, k, n)));
    }

    private void Drop(ref Lanczos vectors, in ActiveRows<T> rows, int k)
    {
        int n = Operator.Inputs, last = --vectors.Count;
        rows.Swap(k, last);
        vectors.States[k] = vectors.States[last];
        Vectors<T>.Move(vectors.Last, last, k, n);
        Vectors<T>.Move(vectors.Before, last, k, n);
        Vectors<T>.Move(vectors.V, last, k, n);
        Vectors<T>.Move(vectors.W1, last, k, n);
        Vectors<T>.Move(vectors.W2, last, k, n);
        if (Preconditioner != null)
        {
            Vectors<T>.Move(vectors.Z, last, k, n);
        }
    }

    /// <summary>The rows' vectors, which change places from step to step: Lanczos vectors, and the search directions of the last two steps.</summary>
    private ref struct Lanczos
    {
        public Span<T> Last, Before, Z, V, Next, W1, W2;
        public Span<State> States;
        public int Count;
    }

    /// <summary>The numbers of a row: of the tridiagonal matrix, of the rotation that was applied last, and of the residual.</summary>
    private struct State
    {
        public double Alpha, Beta, OldBeta, Bar, Epsilon, Cosine, Sine, Start, Residual, Size, Square;
    }
}
