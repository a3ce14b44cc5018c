using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>Small dense linear algebra. Matrices are [batch, …]; sizes are those of adapters, so nothing here is blocked.</content>
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
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                new Span<T>(a + b * size * size, size * size).CopyTo(new Span<T>(work.Pointer, size * size));
                Invert(work.Pointer, y + b * size * size, size);
            }
        }

        /// <summary>dA −= Yᵀ dY Yᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch transposed = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Transpose(y.Value + at, transposed.Pointer, size);
                AddSandwich(transposed.Pointer, y.Mirror + at, -T.One, a.Mirror + at, size);
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
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                AddSandwich(y.Value + at, a.Mirror + at, -T.One, y.Mirror + at, size);
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
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++, a += size * size, y += size * size)
            {
                Skew(a, work.Pointer, size);
                AddDiagonal(work.Pointer, T.One, size);
                Invert(work.Pointer, y, size);
                TensorPrimitives.Multiply(Row(y, 0, size * size), T.One + T.One, Row(y, 0, size * size));
                AddDiagonal(y, -T.One, size);
            }
        }

        /// <summary>dS = −2 Fᵀ dY Fᵀ, dA += dS − dSᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch half = new(size * size), factor = new(size * size), slope = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Factor(y.Value + at, half.Pointer, size);
                Transpose(half.Pointer, factor.Pointer, size);
                new Span<T>(slope.Pointer, size * size).Clear();
                AddSandwich(factor.Pointer, y.Mirror + at, -(T.One + T.One), slope.Pointer, size);
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
            using Scratch factor = new(size * size), skew = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Factor(y.Value + at, factor.Pointer, size);
                Skew(a.Mirror + at, skew.Pointer, size);
                AddSandwich(factor.Pointer, skew.Pointer, -(T.One + T.One), y.Mirror + at, size);
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
    /// The Q of V = L Q with L lower triangular and positive on its diagonal: Gram's and Schmidt's process, row by row. A row that depends
    /// on those before it, but for rounding errors, has no direction of its own left: zero, with derivative 0.
    /// </summary>
    public static class OrthonormalRows
    {
        /// <summary>[batch, rows, columns] → [batch, rows, columns], rows ≤ columns</summary>
        public static void Value(T* v, T* q, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            for (int b = 0; b < batch; b++, v += rows * columns, q += rows * columns)
            {
                for (int i = 0; i < rows; i++)
                {
                    Span<T> row = Row(q, i, columns);
                    Normalize(Row(v, i, columns), row);
                    for (int j = 0; j < i; j++)
                    {
                        AddScaled(Row(q, j, columns), -TensorPrimitives.Dot<T>(row, Row(q, j, columns)), row);
                    }

                    if (TensorPrimitives.Norm<T>(row) <= Negligible)
                    {
                        row.Clear();
                        continue;
                    }

                    // Again, so that the rows are orthogonal to the last bits (Giraud et al. 2005).
                    for (int j = 0; j < i; j++)
                    {
                        AddScaled(Row(q, j, columns), -TensorPrimitives.Dot<T>(row, Row(q, j, columns)), row);
                    }

                    Normalize(row, row);
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
            using Scratch lower = new(rows * rows), slope = new(rows * columns);
            for (int b = 0; v.Mirror != null && b < batch; b++)
            {
                int at = b * rows * columns;
                Products(v.Value + at, q.Value + at, lower.Pointer, rows, columns);
                new Span<T>(q.Mirror + at, rows * columns).CopyTo(new Span<T>(slope.Pointer, rows * columns));
                for (int i = 0; i < rows; i++)
                {
                    for (int j = 0; j < rows; j++)
                    {
                        T inner = TensorPrimitives.Dot<T>(Row(q.Mirror + at, Math.Max(i, j), columns), Row(q.Value + at, Math.Min(i, j), columns));
                        AddScaled(Row(q.Value + at, j, columns), -inner, Row(slope.Pointer, i, columns));
                    }
                }

                for (int i = rows - 1; i >= 0; i--)
                {
                    Span<T> row = Row(slope.Pointer, i, columns);
                    for (int j = i + 1; j < rows; j++)
                    {
                        AddScaled(Row(slope.Pointer, j, columns), -lower.Pointer[j * rows + i], row);
                    }

                    DivideOrClear(row, lower.Pointer[i * rows + i]);
                    AddScaled(row, T.One, Row(v.Mirror + at, i, columns));
                }
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
            using Scratch lower = new(rows * rows), products = new(rows * rows);
            for (int b = 0; v.Mirror != null && b < batch; b++)
            {
                int at = b * rows * columns;
                Products(v.Value + at, q.Value + at, lower.Pointer, rows, columns);
                for (int i = 0; i < rows; i++)
                {
                    Span<T> row = Row(q.Mirror + at, i, columns);
                    Row(v.Mirror + at, i, columns).CopyTo(row);
                    for (int j = 0; j < i; j++)
                    {
                        AddScaled(Row(q.Mirror + at, j, columns), -lower.Pointer[i * rows + j], row);
                    }

                    DivideOrClear(row, lower.Pointer[i * rows + i]);
                }

                Products(q.Mirror + at, q.Value + at, products.Pointer, rows, columns);
                for (int i = 0; i < rows; i++)
                {
                    for (int j = 0; j <= i; j++)
                    {
                        T change = products.Pointer[i * rows + j] + (i == j ? T.Zero : products.Pointer[j * rows + i]);
                        AddScaled(Row(q.Value + at, j, columns), -change, Row(q.Mirror + at, i, columns));
                    }
                }
            }
        }

        /// <summary>result = A Bᵀ</summary>
        private static void Products(T* a, T* b, T* result, int rows, int columns)
        {
            for (int i = 0; i < rows * rows; i++)
            {
                result[i] = TensorPrimitives.Dot<T>(Row(a, i / rows, columns), Row(b, i % rows, columns));
            }
        }

        private static void DivideOrClear(Span<T> row, T divisor)
        {
            if (divisor == T.Zero)
            {
                row.Clear();
            }
            else
            {
                TensorPrimitives.Divide(row, divisor, row);
            }
        }
    }

    /// <summary>Leaves A⁻¹ in <paramref name="inverse"/>, by Gauss and Jordan's elimination with partial pivoting; A is used up.</summary>
    private static void Invert(T* a, T* inverse, int size)
    {
        new Span<T>(inverse, size * size).Clear();
        AddDiagonal(inverse, T.One, size);
        for (int k = 0; k < size; k++)
        {
            int pivot = k;
            for (int i = k + 1; i < size; i++)
            {
                pivot = T.Abs(a[i * size + k]) > T.Abs(a[pivot * size + k]) ? i : pivot;
            }

            for (int j = 0; pivot != k && j < size; j++)
            {
                (a[k * size + j], a[pivot * size + j]) = (a[pivot * size + j], a[k * size + j]);
                (inverse[k * size + j], inverse[pivot * size + j]) = (inverse[pivot * size + j], inverse[k * size + j]);
            }

            T scale = a[k * size + k];
            TensorPrimitives.Divide(Row(a, k, size), scale, Row(a, k, size));
            TensorPrimitives.Divide(Row(inverse, k, size), scale, Row(inverse, k, size));
            for (int i = 0; i < size; i++)
            {
                if (i != k)
                {
                    T factor = -a[i * size + k];
                    AddScaled(Row(a, k, size), factor, Row(a, i, size));
                    AddScaled(Row(inverse, k, size), factor, Row(inverse, i, size));
                }
            }
        }
    }

    /// <summary>target += scale · F M F</summary>
    private static void AddSandwich(T* f, T* m, T scale, T* target, int size)
    {
        using Scratch product = new(size * size);
        new Span<T>(product.Pointer, size * size).Clear();
        AddProduct(f, m, T.One, product.Pointer, size);
        AddProduct(product.Pointer, f, scale, target, size);
    }

    /// <summary>target += scale · A B</summary>
    private static void AddProduct(T* a, T* b, T scale, T* target, int size)
    {
        for (int i = 0; i < size; i++)
        {
            for (int k = 0; k < size; k++)
            {
                AddScaled(Row(b, k, size), scale * a[i * size + k], Row(target, i, size));
            }
        }
    }

    private static void Transpose(T* a, T* target, int size)
    {
        for (int i = 0; i < size * size; i++)
        {
            target[i] = a[i % size * size + i / size];
        }
    }

    /// <summary>target = A − Aᵀ</summary>
    private static void Skew(T* a, T* target, int size)
    {
        for (int i = 0; i < size * size; i++)
        {
            target[i] = a[i] - a[i % size * size + i / size];
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
