using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>
/// Triangular solves and factorizations in place, by halves: what remains of a half once the other is done are products of matrices (Elmroth, Gustavson,
/// Jonsson and Kågström, <i>Recursive blocked algorithms and hybrid data structures for dense matrix library software</i>, 2004). Matrices have rows in
/// one piece, but for triangles, which are views; an upper triangle is a lower one from its last row and column on.
/// </summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal static unsafe class Factorizations<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Rows that are done one after the other.</summary>
    private const int Leaf = 32;

    /// <summary>Room for the products of a factorization, a triangular inverse and its Gram matrix: few rows have none.</summary>
    public static MatrixProducts<T> ProductsFor(int size) => new(size <= Leaf ? 0 : size);

    /// <summary>X = L⁻¹ B. Not finite where an element of the diagonal is 0.</summary>
    /// <param name="products">Room for products of the size.</param>
    /// <param name="l">[size, size], lower triangular; what is above its diagonal is not read.</param>
    /// <param name="b">[size, columns]; becomes X.</param>
    /// <param name="size">Rows of L.</param>
    /// <param name="columns">Columns of B.</param>
    /// <param name="isUnit">Whether the diagonal is 1, and not read.</param>
    public static void SolveLower(in MatrixProducts<T> products, MatrixView<T> l, MatrixView<T> b, int size, int columns, bool isUnit = false)
    {
        if (size <= Leaf)
        {
            Substitute(l, b, size, columns, isUnit);
            return;
        }

        int half = HalfOf(size);
        SolveLower(products, l, b, half, columns, isUnit);
        products.Add(l.From(half, 0), b, b.From(half, 0), (size - half, half, columns), -T.One);
        SolveLower(products, l.From(half, half), b.From(half, 0), size - half, columns, isUnit);
    }

    /// <summary>X = U⁻¹ B for an upper triangular U, as <see cref="SolveLower"/>.</summary>
    public static void SolveUpper(in MatrixProducts<T> products, MatrixView<T> u, MatrixView<T> b, int size, int columns) =>
        SolveLower(products, u.FromLast(size), b.FromLastRow(size), size, columns);

    /// <summary>X = L⁻¹, as <see cref="SolveLower"/>.</summary>
    /// <param name="products">Room for products of the size.</param>
    /// <param name="l">[size, size], lower triangular; what is above its diagonal is not read.</param>
    /// <param name="x">[size, size]; overwritten, and apart from L.</param>
    /// <param name="size">Rows of L.</param>
    /// <param name="isUnit">Whether the diagonal is 1, and not read.</param>
    public static void InvertLower(in MatrixProducts<T> products, MatrixView<T> l, MatrixView<T> x, int size, bool isUnit = false)
    {
        for (int i = 0; i < size; i++)
        {
            new Span<T>(x.At(i, 0), size).Clear();
        }

        InvertPart(products, l, x, size, isUnit);
    }

    /// <summary>The upper triangle of C += Lᵀ L; below its diagonal is nothing to rely on.</summary>
    /// <param name="products">Room for products of the size.</param>
    /// <param name="l">[size, size], lower triangular; what is above its diagonal is 0.</param>
    /// <param name="c">[size, size]; apart from L.</param>
    /// <param name="size">Rows of L.</param>
    public static void AddGramOfLower(in MatrixProducts<T> products, MatrixView<T> l, MatrixView<T> c, int size)
    {
        if (size <= 2 * Leaf)
        {
            products.AddUpper(l.Transposed, l, c, size, size, T.One);
            return;
        }

        int half = HalfOf(size), rest = size - half;
        MatrixView<T> below = l.From(half, 0);
        AddGramOfLower(products, l, c, half);
        products.AddUpper(below.Transposed, below, c, half, rest, T.One);
        products.AddTimesLower(below.Transposed, l.From(half, half), c.From(0, half), half, rest, T.One);
        AddGramOfLower(products, l.From(half, half), c.From(half, half), rest);
    }

    /// <summary>
    /// U with Uᵀ U = A, which is Cholesky's factor transposed. Whether A is positive definite: else pivots that are not positive make U NaN or infinite from
    /// there on.
    /// </summary>
    /// <param name="products">Room for products of the size.</param>
    /// <param name="a">[size, size], symmetric, of which the upper triangle counts and becomes U; what is below is overwritten.</param>
    /// <param name="size">Rows of A.</param>
    public static bool FactorDefinite(in MatrixProducts<T> products, MatrixView<T> a, int size)
    {
        if (size <= Leaf)
        {
            return FactorLeaf(a, size);
        }

        int half = HalfOf(size), rest = size - half;
        MatrixView<T> right = a.From(0, half), last = a.From(half, half);
        bool isDefinite = FactorDefinite(products, a, half);
        SolveLower(products, a.Transposed, right, half, rest);
        products.AddUpper(right.Transposed, right, last, rest, half, -T.One);
        return FactorDefinite(products, last, rest) & isDefinite;
    }

    /// <summary>P A = L U with a unit lower triangular L, whose elements partial pivoting keeps at magnitudes up to 1. A column without a pivot is left as it is.</summary>
    /// <param name="products">Room for products of the rows.</param>
    /// <param name="a">[rows, columns]; becomes L below the diagonal, and U.</param>
    /// <param name="rows">Rows of A, at least as many as columns.</param>
    /// <param name="columns">Columns of A.</param>
    /// <param name="pivots">[columns]: the row that each one was exchanged with, in this order.</param>
    public static void Decompose(in MatrixProducts<T> products, MatrixView<T> a, int rows, int columns, int* pivots)
    {
        if (columns <= Leaf)
        {
            Eliminate(a, rows, columns, pivots);
            return;
        }

        int half = HalfOf(columns), rest = columns - half;
        MatrixView<T> right = a.From(0, half), last = a.From(half, half);
        Decompose(products, a, rows, half, pivots);
        Exchange(right, rest, pivots, half);
        SolveLower(products, a, right, half, rest, isUnit: true);
        products.Add(a.From(half, 0), right, last, (rows - half, half, rest), -T.One);
        Decompose(products, last, rows - half, rest, pivots + half);
        Exchange(a.From(half, 0), half, pivots + half, rest);
        for (int k = half; k < columns; k++)
        {
            pivots[k] += half;
        }
    }

    private static int HalfOf(int size) => (size + (2 * Leaf) - 1) / (2 * Leaf) * Leaf;

    private static void InvertPart(in MatrixProducts<T> products, MatrixView<T> l, MatrixView<T> x, int size, bool isUnit)
    {
        if (size <= Leaf)
        {
            for (int i = 0; i < size; i++)
            {
                x[i, i] = T.One;
            }

            Substitute(l, x, size, size, isUnit);
            return;
        }

        int half = HalfOf(size), rest = size - half;
        MatrixView<T> below = x.From(half, 0);
        InvertPart(products, l, x, half, isUnit);
        InvertPart(products, l.From(half, half), x.From(half, half), rest, isUnit);
        products.AddTimesLower(l.From(half, 0), x, below, rest, half, -T.One);
        SolveLower(products, l.From(half, half), below, rest, half, isUnit);
    }

    /// <summary>Rows of U, whose outer products are taken out of what is left of A.</summary>
    private static bool FactorLeaf(MatrixView<T> a, int size)
    {
        bool isDefinite = true;
        for (int k = 0; k < size; k++)
        {
            T pivot = a[k, k];
            isDefinite &= pivot > T.Zero && T.IsFinite(pivot);
            T root = a[k, k] = T.Sqrt(pivot);
            Span<T> row = new(a.At(k, k), size - k);
            TensorPrimitives.Divide(row[1..], root, row[1..]);
            for (int i = k + 1; i < size; i++)
            {
                Span<T> changed = new(a.At(i, i), size - i);
                TensorPrimitives.MultiplyAdd(row[(i - k)..], -row[i - k], changed, changed);
            }
        }

        return isDefinite;
    }

    /// <summary>Elimination of few columns.</summary>
    private static void Eliminate(MatrixView<T> a, int rows, int columns, int* pivots)
    {
        // The row of a pivot, and zeros before: rows are then changed from their first column on, in whole vectors.
        T* row = stackalloc T[Leaf];
        for (int k = 0; k < columns; k++)
        {
            int pivot = k;
            T most = T.Abs(a[k, k]);
            for (int i = k + 1; i < rows; i++)
            {
                T other = T.Abs(a[i, k]);
                (pivot, most) = other > most ? (i, other) : (pivot, most);
            }

            pivots[k] = pivot;
            Exchange(a, columns, pivots + k, 1, k);
            T head = a[k, k];
            if (head == T.Zero)
            {
                continue;
            }

            new Span<T>(row, k + 1).Clear();
            new Span<T>(a.At(k, k + 1), columns - k - 1).CopyTo(new(row + k + 1, columns - k - 1));
            for (int i = k + 1; i < rows; i++)
            {
                a[i, k] /= head;
            }

            int done = 0;
            if (Vector512.IsHardwareAccelerated)
            {
                done = TakeOut<Lanes512<T>, Vector512<T>>(row, a.From(k + 1, 0), k, rows - k - 1, columns, done);
            }

            if (Vector256.IsHardwareAccelerated)
            {
                done = TakeOut<Lanes256<T>, Vector256<T>>(row, a.From(k + 1, 0), k, rows - k - 1, columns, done);
            }

            if (Vector128.IsHardwareAccelerated)
            {
                done = TakeOut<Lanes128<T>, Vector128<T>>(row, a.From(k + 1, 0), k, rows - k - 1, columns, done);
            }

            TakeOut<Lanes1<T>, T>(row, a.From(k + 1, 0), k, rows - k - 1, columns, done);
        }
    }

    /// <summary>Takes a multiple of a row out of each row below: so much as its element of a column says.</summary>
    /// <returns>The columns done, in vectors of one width.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int TakeOut<S, V>(T* row, MatrixView<T> a, int column, int rows, int columns, int done)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        // The vectors before the pivot's column would change nothing.
        int end = done + ((columns - done) / S.Count * S.Count), first = Math.Max(done, done + ((column + 1 - done) / S.Count * S.Count));
        if (end - first == 2 * S.Count)
        {
            V u0 = S.Load(row + first), u1 = S.Load(row + first + S.Count);
            T* p = a.Start;
            for (int i = rows; i > 0; i--, p += a.Row)
            {
                V factor = S.Broadcast(-p[column]);
                S.Store(S.FusedMultiplyAdd(factor, u0, S.Load(p + first)), p + first);
                S.Store(S.FusedMultiplyAdd(factor, u1, S.Load(p + first + S.Count)), p + first + S.Count);
            }

            return end;
        }

        for (int j = first; j < end; j += S.Count)
        {
            V u = S.Load(row + j);
            T* p = a.Start;
            for (int i = rows; i > 0; i--, p += a.Row)
            {
                S.Store(S.FusedMultiplyAdd(S.Broadcast(-p[column]), u, S.Load(p + j)), p + j);
            }
        }

        return end;
    }

    /// <summary>Exchanges rows as pivots say.</summary>
    private static void Exchange(MatrixView<T> a, int columns, int* pivots, int count, int first = 0)
    {
        const int Piece = 128;
        T* piece = stackalloc T[Piece];
        for (int k = 0; k < count; k++)
        {
            if (pivots[k] == first + k)
            {
                continue;
            }

            for (int j = 0; j < columns; j += Piece)
            {
                int length = Math.Min(Piece, columns - j);
                Span<T> one = new(a.At(first + k, j), length), other = new(a.At(pivots[k], j), length), between = new(piece, length);
                one.CopyTo(between);
                other.CopyTo(one);
                between.CopyTo(other);
            }
        }
    }

    private static void Substitute(MatrixView<T> l, MatrixView<T> b, int size, int columns, bool isUnit)
    {
        int done = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            done = Substitute<Lanes512<T>, Vector512<T>>(l, b, size, columns, isUnit, done);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            done = Substitute<Lanes256<T>, Vector256<T>>(l, b, size, columns, isUnit, done);
        }

        if (Vector128.IsHardwareAccelerated)
        {
            done = Substitute<Lanes128<T>, Vector128<T>>(l, b, size, columns, isUnit, done);
        }

        Substitute<Lanes1<T>, T>(l, b, size, columns, isUnit, done);
    }

    /// <summary>Row by row, as many columns of vectors side by side as keep the units of multiplication busy.</summary>
    /// <returns>The columns done, in vectors of one width.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Substitute<S, V>(MatrixView<T> l, MatrixView<T> b, int size, int columns, bool isUnit, int done)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        for (; columns - done >= 4 * S.Count; done += 4 * S.Count)
        {
            for (int i = 0; i < size; i++)
            {
                T* row = b.At(i, done), factor = l.At(i, 0), above = b.At(0, done);
                V c0 = S.Load(row), c1 = S.Load(row + S.Count), c2 = S.Load(row + (2 * S.Count)), c3 = S.Load(row + (3 * S.Count));
                for (int j = i; j > 0; j--, factor += l.Column, above += b.Row)
                {
                    V f = S.Broadcast(-*factor);
                    c0 = S.FusedMultiplyAdd(f, S.Load(above), c0);
                    c1 = S.FusedMultiplyAdd(f, S.Load(above + S.Count), c1);
                    c2 = S.FusedMultiplyAdd(f, S.Load(above + (2 * S.Count)), c2);
                    c3 = S.FusedMultiplyAdd(f, S.Load(above + (3 * S.Count)), c3);
                }

                if (!isUnit)
                {
                    V pivot = S.Broadcast(*factor);
                    (c0, c1, c2, c3) = (S.Divide(c0, pivot), S.Divide(c1, pivot), S.Divide(c2, pivot), S.Divide(c3, pivot));
                }

                S.Store(c0, row);
                S.Store(c1, row + S.Count);
                S.Store(c2, row + (2 * S.Count));
                S.Store(c3, row + (3 * S.Count));
            }
        }

        for (; columns - done >= S.Count; done += S.Count)
        {
            for (int i = 0; i < size; i++)
            {
                T* row = b.At(i, done), factor = l.At(i, 0), above = b.At(0, done);
                V c = S.Load(row);
                for (int j = i; j > 0; j--, factor += l.Column, above += b.Row)
                {
                    c = S.FusedMultiplyAdd(S.Broadcast(-*factor), S.Load(above), c);
                }

                S.Store(isUnit ? c : S.Divide(c, S.Broadcast(*factor)), row);
            }
        }

        return done;
    }
}
