using System.Numerics;
using System.Numerics.Tensors;
using Weft.Execution;

namespace Weft.Solvers;

/// <summary>Operators of maps and of other operators.</summary>
public static class LinearOperators
{
    /// <summary>The operator that a map is, by its forward pass and its adjoint.</summary>
    /// <exception cref="ArgumentNullException">The map is null.</exception>
    public static ILinearOperator<T> AsOperator<T>(this LinearMap<T> map)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        return new MapOperator<T>(map);
    }

    /// <summary>A + σ I.</summary>
    /// <exception cref="ArgumentException">The operator is not square.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The shift is not finite.</exception>
    public static ILinearOperator<T> Shift<T>(this ILinearOperator<T> a, double sigma)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RequireSquare(a, nameof(a));
        return double.IsFinite(sigma)
            ? new Shifted<T>(a, T.CreateTruncating(sigma))
            : throw new ArgumentOutOfRangeException(nameof(sigma), sigma, "A finite shift is expected.");
    }

    /// <summary>A + B.</summary>
    /// <exception cref="ArgumentException">The operators have other sizes.</exception>
    public static ILinearOperator<T> Plus<T>(this ILinearOperator<T> a, ILinearOperator<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return (a.Inputs, a.Outputs) == (b.Inputs, b.Outputs)
            ? new Sum<T>(a, b)
            : throw new ArgumentException($"b is {b.Inputs} -> {b.Outputs}; {a.Inputs} -> {a.Outputs} is expected, as a is.", nameof(b));
    }

    /// <summary>A B: first B, then A.</summary>
    /// <exception cref="ArgumentException">A does not take what B gives.</exception>
    public static ILinearOperator<T> Times<T>(this ILinearOperator<T> a, ILinearOperator<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return a.Inputs == b.Outputs
            ? new Product<T>(a, b)
            : throw new ArgumentException($"b gives {b.Outputs} numbers; {a.Inputs} are expected, since a takes as many.", nameof(b));
    }

    /// <summary>Aᵀ.</summary>
    /// <exception cref="ArgumentNullException">The operator is null.</exception>
    public static ILinearOperator<T> Transpose<T>(this ILinearOperator<T> a)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(a);
        return a is Transposed<T> transposed ? transposed.Of : new Transposed<T>(a);
    }

    /// <summary>Aᵀ A, symmetric and positive semidefinite, by two products.</summary>
    /// <exception cref="ArgumentNullException">The operator is null.</exception>
    public static ILinearOperator<T> Gram<T>(this ILinearOperator<T> a)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => a.Transpose().Times(a);

    internal static void RequireSquare<T>(ILinearOperator<T> a, string name)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(a, name);
        if (a.Inputs != a.Outputs)
        {
            throw new ArgumentException($"A square operator is expected; {name} is {a.Inputs} -> {a.Outputs}.", name);
        }
    }

    /// <summary>Refuses spans that are not as many whole rows of what is read and of what is written, or that overlap.</summary>
    /// <returns>The number of rows.</returns>
    internal static int RequireRows<T>(
        ReadOnlySpan<T> read, int columns, ReadOnlySpan<T> written, int writtenColumns, string name, string writtenName)
    {
        int rows = Lengths.Rows(read.Length, columns, name);
        Lengths.Require(written.Length, rows, writtenColumns, writtenName);
        return written.Overlaps(read) ? throw new ArgumentException($"{writtenName} is written and must not overlap {name}.", writtenName) : rows;
    }

    private sealed class MapOperator<T>(LinearMap<T> map) : ILinearOperator<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public int Inputs => map.Inputs;

        public int Outputs => map.Outputs;

        public void Apply(ReadOnlySpan<T> x, Span<T> y) => map.Forward(x, y);

        public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x) => map.Adjoint(y, x);
    }

    private sealed class Transposed<T>(ILinearOperator<T> a) : ILinearOperator<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public ILinearOperator<T> Of => a;

        public int Inputs => a.Outputs;

        public int Outputs => a.Inputs;

        public void Apply(ReadOnlySpan<T> x, Span<T> y) => a.ApplyAdjoint(x, y);

        public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x) => a.Apply(y, x);
    }

    private sealed class Shifted<T>(ILinearOperator<T> a, T sigma) : ILinearOperator<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public int Inputs => a.Inputs;

        public int Outputs => a.Outputs;

        public void Apply(ReadOnlySpan<T> x, Span<T> y)
        {
            a.Apply(x, y);
            TensorPrimitives.MultiplyAdd(x, sigma, y, y);
        }

        public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x)
        {
            a.ApplyAdjoint(y, x);
            TensorPrimitives.MultiplyAdd(y, sigma, x, x);
        }
    }

    private sealed class Sum<T>(ILinearOperator<T> a, ILinearOperator<T> b) : ILinearOperator<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private readonly Pool<Scratch<T>> _scratch = new();

        public int Inputs => a.Inputs;

        public int Outputs => a.Outputs;

        public void Apply(ReadOnlySpan<T> x, Span<T> y)
        {
            a.Apply(x, y);
            using Scratch<T>.Lease second = Scratch<T>.Take(_scratch, y.Length);
            b.Apply(x, second.Span);
            TensorPrimitives.Add(y, second.Span, y);
        }

        public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x)
        {
            a.ApplyAdjoint(y, x);
            using Scratch<T>.Lease second = Scratch<T>.Take(_scratch, x.Length);
            b.ApplyAdjoint(y, second.Span);
            TensorPrimitives.Add(x, second.Span, x);
        }
    }

    private sealed class Product<T>(ILinearOperator<T> a, ILinearOperator<T> b) : ILinearOperator<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private readonly Pool<Scratch<T>> _scratch = new();

        public int Inputs => b.Inputs;

        public int Outputs => a.Outputs;

        public void Apply(ReadOnlySpan<T> x, Span<T> y)
        {
            int rows = RequireRows(x, Inputs, y, Outputs, nameof(x), nameof(y));
            using Scratch<T>.Lease middle = Scratch<T>.Take(_scratch, checked(rows * a.Inputs));
            b.Apply(x, middle.Span);
            a.Apply(middle.Span, y);
        }

        public void ApplyAdjoint(ReadOnlySpan<T> y, Span<T> x)
        {
            int rows = RequireRows(y, Outputs, x, Inputs, nameof(y), nameof(x));
            using Scratch<T>.Lease middle = Scratch<T>.Take(_scratch, checked(rows * a.Inputs));
            a.ApplyAdjoint(y, middle.Span);
            b.ApplyAdjoint(middle.Span, x);
        }
    }
}
