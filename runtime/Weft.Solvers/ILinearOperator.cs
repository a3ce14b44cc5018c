using System.Numerics;

namespace Weft.Solvers;

/// <summary>
/// A linear operator that is applied to rows: y = A x, where the matrix A has <see cref="Outputs"/> rows and <see cref="Inputs"/> columns. Maps are
/// operators by <see cref="LinearOperators.AsOperator{T}"/>, and preconditioners are operators too.
/// </summary>
/// <remarks>Any number of threads may call one at the same time, and calls keep nothing of their arguments.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface ILinearOperator<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The length of a row that <see cref="Apply"/> reads.</summary>
    int Inputs { get; }

    /// <summary>The length of a row that <see cref="Apply"/> writes.</summary>
    int Outputs { get; }

    /// <summary>y = A x for each row.</summary>
    /// <param name="x">[batch, <see cref="Inputs"/>]</param>
    /// <param name="y">[batch, <see cref="Outputs"/>]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap.</exception>
    void Apply(ReadOnlySpan<T> x, Span<T> y);

    /// <summary>x = Aᵀ y for each row.</summary>
    /// <param name="y">[batch, <see cref="Outputs"/>]</param>
    /// <param name="x">[batch, <see cref="Inputs"/>]; overwritten.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the spans overlap.</exception>
    void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x);
}
