using System.Numerics;
using Weft.Execution;

namespace Weft.Solvers;

/// <summary>The curvature of a loss along a map's parameters.</summary>
public static class GaussNewton
{
    /// <summary>
    /// The Gauss–Newton matrix Jᵀ H J of a loss over a batch: J the derivative of the outputs for the trained parameters, H that of second order of the loss for the outputs (Schraudolph, <i>Fast
    /// Curvature Matrix-Vector Products for Second-Order Gradient Descent</i>, 2002). It is symmetric and positive semidefinite, and the loss's second derivative where outputs are linear in the
    /// parameters, or residuals are 0. A product is a tangent pass and a gradient pass; the matrix is never there. With <see cref="LinearOperators.Shift{T}"/> for damping, <see cref="ConjugateGradient{T}"/>
    /// solves for a step (Martens, <i>Deep learning via Hessian-free optimization</i>, 2010).
    /// </summary>
    /// <param name="map">The map; products are those at its parameters when they are made.</param>
    /// <param name="x">[batch, inputs]: kept, not copied.</param>
    /// <param name="loss">What is to become small.</param>
    /// <returns>An operator on rows of <see cref="Map{T}.TrainedCount"/> numbers.</returns>
    /// <exception cref="ArgumentException">x is not a whole number of rows, at least one, the loss does not fit them, or nothing of the map is trained.</exception>
    /// <exception cref="ArgumentNullException">The map is null.</exception>
    public static ILinearOperator<T> GaussNewtonMatrix<T, TLoss>(this Map<T> map, ReadOnlyMemory<T> x, TLoss loss)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLoss : struct, IConvexLoss<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        int rows = Lengths.Rows(x.Length, map.Inputs, nameof(x));
        if (rows == 0)
        {
            throw new ArgumentException("x has no rows; at least one is expected.", nameof(x));
        }

        if (map.TrainedCount == 0)
        {
            throw new ArgumentException($"Nothing of {map.Description.Name} is trained.", nameof(map));
        }

        loss.Check(rows, map.Outputs);
        return new Matrix<T, TLoss>(map, x, loss, rows);
    }

    private sealed class Matrix<T, TLoss>(Map<T> map, ReadOnlyMemory<T> x, TLoss loss, int rows) : ILinearOperator<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLoss : struct, IConvexLoss<T>
    {
        private readonly Pool<Scratch<T>> _scratch = new();

        public int Inputs => map.TrainedCount;

        public int Outputs => map.TrainedCount;

        public void Apply(ReadOnlySpan<T> x, Span<T> y)
        {
            int directions = LinearOperators.RequireRows(x, Inputs, y, Outputs, nameof(x), nameof(y)), length = checked(rows * map.Outputs);
            using Scratch<T>.Lease lease = Scratch<T>.Take(_scratch, checked(2 * length));
            Span<T> outputs = lease.Span[..length], slopes = lease.Span[length..];
            for (int k = 0; k < directions; k++)
            {
                Span<T> product = y.Slice(k * Outputs, Outputs);
                map.Tangent(X, default, x.Slice(k * Inputs, Inputs), outputs, slopes);
                loss.Curve(outputs, slopes, 0, rows, rows);
                product.Clear();
                map.Gradient(X, slopes, default, product);
            }
        }

        public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x) => Apply(y, x);

        private ReadOnlySpan<T> X => x.Span;
    }
}
