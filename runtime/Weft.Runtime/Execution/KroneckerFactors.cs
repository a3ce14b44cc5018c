using System.Numerics;
using System.Numerics.Tensors;
using Weft.Kernels;

namespace Weft.Execution;

/// <summary>
/// What is known of the curvature along matrices of one shape: L, the mean of G Gᵀ, and R, that of Gᵀ G, over the gradients G (Gupta, Koren and Singer 2018),
/// with their eigenvectors, into whose basis matrices are rotated. A side that is too long is left as it is. Memory is the caller's; scratch is shared
/// by all matrices of the shape.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal sealed unsafe class KroneckerFactors<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // What is left of a power step of a direction in which the factor vanishes: it stays a direction.
    private static readonly T s_shift = T.Sqrt(T.BitIncrement(T.One) - T.One);

    private readonly int rows, columns;
    private readonly double keep;
    private readonly Side left, right;
    private readonly AlignedBuffer<T> between;

    /// <param name="rows">Rows of a matrix.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="largest">The longest side that is rotated.</param>
    /// <param name="keep">What the factors decay by.</param>
    public KroneckerFactors(int rows, int columns, int largest, double keep)
    {
        (this.rows, this.columns, this.keep) = (rows, columns, keep);
        (left, right) = (new Side(rows <= largest ? rows : 0), new Side(columns <= largest ? columns : 0));
        between = new(rows * columns);
    }

    /// <summary>How many of the two sides are rotated.</summary>
    public int Sides => (left.Size > 0 ? 1 : 0) + (right.Size > 0 ? 1 : 0);

    /// <summary>Numbers of the two factors, and of the two bases.</summary>
    public int Length => left.Length + right.Length;

    /// <summary>Numbers of the eigenvalues of both: those of L, then those of R.</summary>
    public int Values => left.Size + right.Size;

    /// <summary>Those of L.</summary>
    public int LeftValues => left.Size;

    /// <summary>Adds a gradient to the means.</summary>
    /// <param name="gradient">[rows, columns]</param>
    /// <param name="factors">[<see cref="Length"/>]</param>
    public void Add(ReadOnlySpan<T> gradient, Span<T> factors)
    {
        TensorPrimitives.Multiply(factors, T.CreateTruncating(keep), factors);
        using MatrixProducts<T> products = new(Math.Max(rows, columns));
        fixed (T* g = gradient, l = factors)
        {
            MatrixView<T> matrix = new(g, columns);
            if (left.Size > 0)
            {
                products.Add(matrix, matrix.Transposed, new(l, rows), (rows, columns, rows), T.CreateTruncating(1 - keep));
            }

            if (right.Size > 0)
            {
                products.Add(matrix.Transposed, matrix, new(l + left.Length, columns), (columns, rows, columns), T.CreateTruncating(1 - keep));
            }
        }
    }

    /// <summary>
    /// Takes the bases nearer to the eigenvectors, by a step of the orthogonal iteration, or to them where there are none yet. Directions stand in the order
    /// of their eigenvalues, from the largest on, and what is remembered of each goes with it.
    /// </summary>
    /// <param name="factors">[<see cref="Length"/>]</param>
    /// <param name="bases">[<see cref="Length"/>]: eigenvectors as rows.</param>
    /// <param name="values">[<see cref="Values"/>]</param>
    /// <param name="remembered">[rows, columns] in these bases, or empty.</param>
    /// <param name="isFirst">Whether there are no bases yet.</param>
    public void Turn(ReadOnlySpan<T> factors, Span<T> bases, Span<T> values, Span<T> remembered, bool isFirst)
    {
        if (left.Turn(factors[..left.Length], bases[..left.Length], values[..left.Size], isFirst) && !remembered.IsEmpty)
        {
            remembered.CopyTo(between.Span);
            for (int i = 0; i < rows; i++)
            {
                between.Span.Slice(left.Order[i] * columns, columns).CopyTo(remembered.Slice(i * columns, columns));
            }
        }

        if (right.Turn(factors[left.Length..], bases[left.Length..], values[left.Size..], isFirst) && !remembered.IsEmpty)
        {
            remembered.CopyTo(between.Span);
            for (int i = 0; i < remembered.Length; i++)
            {
                remembered[i] = between.Span[i - (i % columns) + right.Order[i % columns]];
            }
        }
    }

    /// <summary>A matrix in the bases: Eₗ A Eᵣᵀ.</summary>
    public void Rotate(ReadOnlySpan<T> matrix, ReadOnlySpan<T> bases, Span<T> rotated)
    {
        fixed (T* a = matrix, e = bases, to = rotated)
        {
            Rotate(a, new(e, rows), new MatrixView<T>(e + left.Length, columns).Transposed, to);
        }
    }

    /// <summary>Back again: Eₗᵀ A Eᵣ.</summary>
    public void RotateBack(ReadOnlySpan<T> rotated, ReadOnlySpan<T> bases, Span<T> matrix)
    {
        fixed (T* a = rotated, e = bases, to = matrix)
        {
            Rotate(a, new MatrixView<T>(e, rows).Transposed, new(e + left.Length, columns), to);
        }
    }

    /// <summary>target = P A Q, without the P or the Q of a side that is not rotated.</summary>
    private void Rotate(T* a, MatrixView<T> p, MatrixView<T> q, T* target)
    {
        using MatrixProducts<T> products = new(Math.Max(rows, columns));
        T* half = right.Size == 0 ? a : left.Size == 0 ? target : between.Pointer;
        if (right.Size > 0)
        {
            products.Set(new(a, columns), q, new(half, columns), (rows, columns, columns), T.One);
        }

        if (left.Size > 0)
        {
            products.Set(p, new(half, columns), new(target, columns), (rows, rows, columns), T.One);
        }
    }

    /// <summary>One factor and its eigenvectors; of size 0 for none.</summary>
    private sealed class Side(int size)
    {
        private readonly AlignedBuffer<T> product = new(size * size), other = new(size * size);
        private readonly T[] keys = new T[size];

        public int Size => size;

        public int Length => size * size;

        /// <summary>Where each direction was before the last turn.</summary>
        public int[] Order { get; } = new int[size];

        /// <returns>Whether directions have changed places.</returns>
        public bool Turn(ReadOnlySpan<T> factor, Span<T> basis, Span<T> values, bool isFirst)
        {
            if (size == 0)
            {
                return false;
            }

            bool moved = false;
            fixed (T* f = factor, e = basis)
            {
                if (isFirst)
                {
                    Decompose(f, e);
                    Measure(f, e, values);
                }

                // Eigenvalues, by Rayleigh's quotients, from the largest on.
                Multiply(e, f);
                for (int k = 0; k < size; k++)
                {
                    (Order[k], keys[k]) = (k, -values[k]);
                }

                Array.Sort(keys, Order);
                T mean = TensorPrimitives.Sum<T>(values) / T.CreateTruncating(size);
                for (int k = 0; k < size; k++)
                {
                    moved |= Order[k] != k;
                    Span<T> row = other.Span.Slice(k * size, size);
                    product.Span.Slice(Order[k] * size, size).CopyTo(row);
                    TensorPrimitives.MultiplyAdd(basis.Slice(Order[k] * size, size), mean * s_shift, row, row);
                }

                ParameterFunctions<T>.OrthonormalRows.Value(other.Pointer, product.Pointer, (1, size, size));
                if (TensorPrimitives.Norm<T>(product.Span) is var norm && norm * norm < T.CreateTruncating(size - 0.5))
                {
                    Decompose(f, e); // a direction was lost
                }
                else if (mean > T.Zero)
                {
                    product.Span.CopyTo(basis);
                }

                Measure(f, e, values);
            }

            return moved;
        }

        private void Decompose(T* factor, T* basis)
        {
            ParameterFunctions<T>.Eigenvectors.Value(factor, other.Pointer, (1, size));
            for (int k = 0; k < size; k++)
            {
                for (int i = 0; i < size; i++)
                {
                    basis[((size - 1 - k) * size) + i] = other.Pointer[(i * size) + k];
                }
            }
        }

        private void Multiply(T* basis, T* factor)
        {
            using MatrixProducts<T> products = new(size);
            products.Set(new(basis, size), new(factor, size), new(product.Pointer, size), (size, size, size), T.One);
        }

        private void Measure(T* factor, T* basis, Span<T> values)
        {
            Multiply(basis, factor);
            for (int k = 0; k < size; k++)
            {
                values[k] = TensorPrimitives.Dot<T>(product.Span.Slice(k * size, size), new(basis + (k * size), size));
            }
        }
    }
}
