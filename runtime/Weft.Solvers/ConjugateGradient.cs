using System.Numerics;

namespace Weft.Solvers;

/// <summary>
/// The method of conjugate gradients for symmetric positive definite operators (Hestenes and Stiefel 1952): the error falls by
/// (√κ − 1) / (√κ + 1) a step, with the condition number κ of A, or of M A with a preconditioner M. One product a step, and four vectors, five
/// with a preconditioner.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ConjugateGradient<T> : SquareSolver<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Makes a solver.</summary>
    /// <param name="a">A, symmetric and positive definite. That it is symmetric is not checked.</param>
    /// <param name="options">When the iteration ends.</param>
    /// <param name="preconditioner">An operator close to A⁻¹, symmetric and positive definite; null for none.</param>
    /// <exception cref="ArgumentException">An operator is not square, or the two have other sizes.</exception>
    public ConjugateGradient(ILinearOperator<T> a, SolverOptions? options = null, ILinearOperator<T>? preconditioner = null)
        : base(a, options, preconditioner)
    {
    }

    private protected override void Correct(Scratch<T> scratch, Span<T> residuals, in ActiveRows<T> rows, CancellationToken cancellationToken)
    {
        int n = Operator.Inputs, count = rows.Count, length = residuals.Length;
        // x goes on beside the others: the caller's memory may begin where loads and stores get in each other's way.
        Span<T> r = residuals, d = scratch.Block(1, length), p = scratch.Block(FirstBlock, length), q = scratch.Block(FirstBlock + 1, length);
        Span<T> z = Preconditioner == null ? r : scratch.Block(FirstBlock + 2, length);
        d.Clear();
        Span<State> states = scratch.States<State>(count);
        Preconditioner?.Apply(r, z);
        z.CopyTo(p);
        for (int k = 0; k < count; k++)
        {
            states[k].Product = Vectors<T>.Dot(Vectors<T>.Row(r, k, n), Vectors<T>.Row(z, k, n));
        }

        while (count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Operator.Apply(p[..(count * n)], q[..(count * n)]);
            for (int k = 0; k < count;)
            {
                if (!Descend(rows, ref states[k], r, d, p, q, k) || (Preconditioner == null && !Turn(rows, ref states[k], r, d, p, r, k)))
                {
                    Drop(rows, states, r, d, p, q, k, --count);
                    continue;
                }

                k++;
            }

            if (Preconditioner != null && count > 0)
            {
                Preconditioner.Apply(r[..(count * n)], z[..(count * n)]);
                for (int k = 0; k < count;)
                {
                    if (!Turn(rows, ref states[k], r, d, p, z, k))
                    {
                        Drop(rows, states, r, d, p, z, k, --count);
                        continue;
                    }

                    k++;
                }
            }
        }
    }

    /// <summary>Takes the step along p from the residual. That of the correction d is taken when p is read next, or here where it is the last.</summary>
    /// <returns>Whether the row goes on.</returns>
    private bool Descend(in ActiveRows<T> rows, ref State state, Span<T> r, Span<T> d, Span<T> p, Span<T> q, int k)
    {
        int n = Operator.Inputs;
        Span<T> direction = Vectors<T>.Row(p, k, n), image = Vectors<T>.Row(q, k, n);
        double curvature = Vectors<T>.Dot(direction, image);
        if (!(curvature > 0 && state.Product > 0))
        {
            rows.End(k, double.IsNaN(curvature) ? SolveStatus.NotFinite : SolveStatus.Indefinite);
            return false;
        }

        state.Step = state.Product / curvature;
        state.Square = Vectors<T>.SubtractAndSquare(state.Step, image, Vectors<T>.Row(r, k, n));
        double aim = rows.Rows[k].Aim;
        bool goesOn = rows.Step(k) && state.Square > aim * aim;
        if (!goesOn)
        {
            Vectors<T>.Add(state.Step, direction, Vectors<T>.Row(d, k, n));
            if (!(state.Square > aim * aim))
            {
                rows.End(k, SolveStatus.Converged);
            }
        }

        return goesOn;
    }

    /// <summary>Takes the step of d, and turns p to the new residual, or to z, what the preconditioner makes of it.</summary>
    /// <returns>Whether the row goes on.</returns>
    private bool Turn(in ActiveRows<T> rows, ref State state, Span<T> r, Span<T> d, Span<T> p, Span<T> z, int k)
    {
        int n = Operator.Inputs;
        Span<T> next = Vectors<T>.Row(z, k, n);
        double product = Preconditioner == null ? state.Square : Vectors<T>.Dot(Vectors<T>.Row(r, k, n), next);
        Vectors<T>.Advance(state.Step, Vectors<T>.Row(d, k, n), product / state.Product, Vectors<T>.Row(p, k, n), next);
        state.Product = product;
        if (!(product > 0))
        {
            rows.End(k, double.IsNaN(product) ? SolveStatus.NotFinite : SolveStatus.Indefinite);
        }

        return product > 0;
    }

    private void Drop(in ActiveRows<T> rows, Span<State> states, Span<T> r, Span<T> d, Span<T> p, Span<T> image, int k, int last)
    {
        int n = Operator.Inputs;
        Vectors<T>.Add(rows.Rows[k].Scale, Vectors<T>.Row(d, k, n), rows.X(k, n));
        rows.Swap(k, last);
        states[k] = states[last];
        Vectors<T>.Move(r, last, k, n);
        Vectors<T>.Move(d, last, k, n);
        Vectors<T>.Move(p, last, k, n);
        Vectors<T>.Move(image, last, k, n);
    }

    /// <summary>The numbers of a row.</summary>
    private struct State
    {
        /// <summary>rᵀ z.</summary>
        public double Product;

        /// <summary>‖r‖².</summary>
        public double Square;

        /// <summary>How far the last step went along p.</summary>
        public double Step;
    }
}
