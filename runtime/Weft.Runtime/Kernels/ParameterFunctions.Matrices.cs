using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>Dense linear algebra. Matrices are [batch, …].</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>
    /// A⁻¹, by elimination with the largest pivot of each column. A singular matrix gives elements that are not finite.
    /// </summary>
    public static class Inverse
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                Copy(a + b * size * size, work.Pointer, size);
                Invert(products, work.Pointer, y + b * size * size, size);
            }
        }

        /// <summary>dA −= Yᵀ dY Yᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = new(size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                AddSandwich(products, new MatrixView<T>(y.Value + at, size).Transposed, y.Mirror + at, -T.One, a.Mirror + at, size);
            }
        }

        /// <summary>tY = −Y tA Y</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * size * size).Clear();
            using MatrixProducts<T> products = new(size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                AddSandwich(products, new(y.Value + at, size), a.Mirror + at, -T.One, y.Mirror + at, size);
            }
        }
    }

    /// <summary>
    /// Cayley's orthogonal matrix (I − S)(I + S)⁻¹ = 2F − I of S = A − Aᵀ, with F = (I + S)⁻¹ (Cayley 1846).
    /// </summary>
    public static class Cayley
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++, a += size * size, y += size * size)
            {
                Skew(a, work.Pointer, size);
                AddDiagonal(work.Pointer, T.One, size);
                Invert(products, work.Pointer, y, size);
                TensorPrimitives.Multiply(Row(y, 0, size * size), T.One + T.One, Row(y, 0, size * size));
                AddDiagonal(y, -T.One, size);
            }
        }

        /// <summary>dS = −2 Fᵀ dY Fᵀ, dA += dS − dSᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = new(size);
            using Scratch factor = new(size * size), slope = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Factor(y.Value + at, factor.Pointer, size);
                new Span<T>(slope.Pointer, size * size).Clear();
                AddSandwich(products, new MatrixView<T>(factor.Pointer, size).Transposed, y.Mirror + at, -(T.One + T.One), slope.Pointer, size);
                Skew(slope.Pointer, factor.Pointer, size);
                AddScaled(new(factor.Pointer, size * size), T.One, new(a.Mirror + at, size * size));
            }
        }

        /// <summary>tY = −2 F (tA − tAᵀ) F</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * size * size).Clear();
            using MatrixProducts<T> products = new(size);
            using Scratch factor = new(size * size), skew = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Factor(y.Value + at, factor.Pointer, size);
                Skew(a.Mirror + at, skew.Pointer, size);
                AddSandwich(products, new(factor.Pointer, size), skew.Pointer, -(T.One + T.One), y.Mirror + at, size);
            }
        }

        /// <summary>F = (Y + I) / 2</summary>
        private static void Factor(T* y, T* f, int size)
        {
            TensorPrimitives.Multiply(Row(y, 0, size * size), Half, Row(f, 0, size * size));
            AddDiagonal(f, Half, size);
        }
    }

    /// <summary>
    /// The Q of V = L Q with L lower triangular and positive on its diagonal: Gram's and Schmidt's process. A row that depends on those before it, but for
    /// rounding errors, has no direction of its own left: zero, with derivative 0.
    /// </summary>
    public static class OrthonormalRows
    {
        /// <summary>Rows that are made orthogonal to one another row by row.</summary>
        private const int Few = 32;

        /// <summary>[batch, rows, columns] → [batch, rows, columns], rows ≤ columns</summary>
        public static void Value(T* v, T* q, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using MatrixProducts<T> products = new(rows > Few ? columns : 0);
            using Scratch left = new(rows), shares = new(rows * rows);
            for (int b = 0; b < batch; b++, v += rows * columns, q += rows * columns)
            {
                for (int i = 0; i < rows; i++)
                {
                    Normalize(Row(v, i, columns), Row(q, i, columns));
                    left.Pointer[i] = T.One;
                }

                // Twice, so that the rows are orthogonal to the last bits (Giraud et al. 2005).
                Orthogonalize(products, new(q, columns), rows, columns, left.Pointer, shares.Pointer);
                Orthogonalize(products, new(q, columns), rows, columns, left.Pointer, shares.Pointer);
            }
        }

        /// <summary>Takes what each row shares with those before it out of it, by halves, whose products are those of matrices.</summary>
        /// <param name="products">Room for products of the columns.</param>
        /// <param name="q">[rows, columns]: rows of norm 1, or 0; and so they become again.</param>
        /// <param name="rows">Rows of Q.</param>
        /// <param name="columns">Columns of Q.</param>
        /// <param name="left">[rows]: what share of its norm is left of each row.</param>
        /// <param name="shares">Room for rows · rows numbers.</param>
        private static void Orthogonalize(in MatrixProducts<T> products, MatrixView<T> q, int rows, int columns, T* left, T* shares)
        {
            if (rows > Few)
            {
                int half = rows / 2, rest = rows - half;
                MatrixView<T> below = q.From(half, 0), between = new(shares, half);
                Orthogonalize(products, q, half, columns, left, shares);
                products.Set(below, q.Transposed, between, (rest, columns, half), -T.One);
                products.Add(between, q, below, (rest, half, columns), T.One);
                Orthogonalize(products, below, rest, columns, left + half, shares);
                return;
            }

            for (int i = 0; i < rows; i++)
            {
                Span<T> row = Row(q.Start, i, columns);
                for (int j = 0; j < i; j++)
                {
                    Span<T> other = Row(q.Start, j, columns);
                    AddScaled(other, -TensorPrimitives.Dot<T>(row, other), row);
                }

                T norm = TensorPrimitives.Norm<T>(row);
                left[i] *= norm;
                if (left[i] <= Negligible)
                {
                    row.Clear();
                }
                else
                {
                    TensorPrimitives.Divide(row, norm, row);
                }
            }
        }

        /// <summary>
        /// dV += L⁻ᵀ (dQ − C Q), where C is symmetric with the lower triangle of dQ Qᵀ (Walter and Lehmann, <i>Algorithmic
        /// differentiation of linear algebra functions</i>, 2010).
        /// </summary>
        public static void Gradient(Dual v, Dual q, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using MatrixProducts<T> products = new(columns);
            using Scratch upper = new(rows * rows), symmetric = new(rows * rows), slope = new(rows * columns);
            for (int b = 0; v.Mirror != null && b < batch; b++)
            {
                int at = b * rows * columns;
                MatrixView<T> rowsOfQ = new(q.Value + at, columns), slopes = new(slope.Pointer, columns), c = new(symmetric.Pointer, rows);
                new Span<T>(q.Mirror + at, rows * columns).CopyTo(new(slope.Pointer, rows * columns));
                new Span<T>(symmetric.Pointer, rows * rows).Clear();
                products.AddUpper(rowsOfQ, slopes.Transposed, c, rows, columns, T.One);
                MirrorUpper(symmetric.Pointer, upper.Pointer, rows);
                products.Add(c, rowsOfQ, slopes, (rows, rows, columns), -T.One);
                SetTriangle(products, v.Value + at, q.Value + at, upper.Pointer, rows, columns);
                Factorizations<T>.SolveUpper(products, new(upper.Pointer, rows), slopes, rows, columns);
                AddScaled(new(slope.Pointer, rows * columns), T.One, new(v.Mirror + at, rows * columns));
            }
        }

        /// <summary>tQ = X − (C − Ω) Q, where X = L⁻¹ tV, C = X Qᵀ, and Ω is skew with the strict upper triangle of C.</summary>
        public static void Tangent(Dual v, Dual q, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (q.Mirror == null)
            {
                return;
            }

            new Span<T>(q.Mirror, batch * rows * columns).Clear();
            using MatrixProducts<T> products = new(columns);
            using Scratch triangle = new(rows * rows);
            for (int b = 0; v.Mirror != null && b < batch; b++)
            {
                int at = b * rows * columns;
                MatrixView<T> rowsOfQ = new(q.Value + at, columns), x = new(q.Mirror + at, columns), c = new(triangle.Pointer, rows);
                new Span<T>(v.Mirror + at, rows * columns).CopyTo(new(q.Mirror + at, rows * columns));
                SetTriangle(products, v.Value + at, q.Value + at, triangle.Pointer, rows, columns);
                Factorizations<T>.SolveLower(products, c.Transposed, x, rows, columns);
                products.Set(x, rowsOfQ.Transposed, c, (rows, columns, rows), T.One);
                for (int i = 0; i < rows; i++)
                {
                    for (int j = 0; j < i; j++)
                    {
                        c[i, j] += c[j, i];
                    }
                }

                ClearAboveDiagonal(triangle.Pointer, rows);
                products.Add(c, rowsOfQ, x, (rows, rows, columns), -T.One);
            }
        }

        /// <summary>The upper triangle of Lᵀ = Q Vᵀ, with ∞ on the diagonal for each row of Q that is zero: what is divided by it is 0.</summary>
        private static void SetTriangle(in MatrixProducts<T> products, T* v, T* q, T* upper, int rows, int columns)
        {
            new Span<T>(upper, rows * rows).Clear();
            products.AddUpper(new(q, columns), new MatrixView<T>(v, columns).Transposed, new(upper, rows), rows, columns, T.One);
            for (int i = 0; i < rows; i++)
            {
                if (upper[i * rows + i] == T.Zero)
                {
                    upper[i * rows + i] = T.PositiveInfinity;
                }
            }
        }
    }

    /// <summary>Leaves A⁻¹ = U⁻¹ L⁻¹ P in <paramref name="inverse"/>, by elimination with partial pivoting, P A = L U; A is used up. NaN where A is singular.</summary>
    private static void Invert(in MatrixProducts<T> products, T* a, T* inverse, int size)
    {
        using Scratch room = new(size);
        int* pivots = (int*)room.Pointer; // as large as the elements, or smaller
        MatrixView<T> factors = new(a, size), x = new(inverse, size);
        Factorizations<T>.Decompose(products, factors, size, size, pivots);
        for (int k = 0; k < size; k++)
        {
            if (factors[k, k] == T.Zero)
            {
                new Span<T>(inverse, size * size).Fill(T.NaN);
                return;
            }
        }

        Factorizations<T>.InvertLower(products, factors, x, size, isUnit: true);
        Factorizations<T>.SolveUpper(products, factors, x, size, size);
        for (int i = 0; i < size; i++)
        {
            T* row = x.At(i, 0);
            for (int k = size - 1; k >= 0; k--)
            {
                (row[k], row[pivots[k]]) = (row[pivots[k]], row[k]);
            }
        }
    }

    /// <summary>target += scale · F M F</summary>
    private static void AddSandwich(in MatrixProducts<T> products, MatrixView<T> f, T* m, T scale, T* target, int size)
    {
        using Scratch product = new(size * size);
        products.Set(f, new(m, size), new(product.Pointer, size), (size, size, size), T.One);
        products.Add(new(product.Pointer, size), f, new(target, size), (size, size, size), scale);
    }

    private static void Transpose(T* a, T* target, int size)
    {
        const int Small = 16; // nothing is gained by squares yet
        if (size >= Small)
        {
            Layouts<T>.Gather(a, target, [size, size], [1, size]);
            return;
        }

        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
            {
                *target++ = a[j * size + i];
            }
        }
    }

    /// <summary>target = A − Aᵀ</summary>
    private static void Skew(T* a, T* target, int size)
    {
        Transpose(a, target, size);
        TensorPrimitives.Subtract(Row(a, 0, size * size), Row(target, 0, size * size), Row(target, 0, size * size));
    }

    /// <summary>Copies what is above the diagonal to below it; the work is as large as A.</summary>
    private static void MirrorUpper(T* a, T* work, int size)
    {
        Transpose(a, work, size);
        for (int i = 0; i < size; i++)
        {
            new Span<T>(work + i * size, i).CopyTo(Row(a, i, size));
        }
    }

    private static void AddDiagonal(T* a, T value, int size)
    {
        for (int i = 0; i < size; i++)
        {
            a[i * size + i] += value;
        }
    }
}
