using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>What singular values and vectors give: they themselves, the nearest matrix with orthonormal rows or columns, and the pseudoinverse.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>
    /// The orthonormal factor of A = Q H, or of A = H Q where there are fewer rows than columns: of all matrices with orthonormal columns, or
    /// rows, the nearest to A (Higham, <i>Computing the polar decomposition—with applications</i>, 1986). Without full rank it is what takes A's
    /// row space to its column space and the rest to zero, with the derivative along changes that keep the rank.
    /// </summary>
    public static class Polar
    {
        /// <summary>[batch, rows, columns] → [batch, rows, columns]</summary>
        public static void Value(T* a, T* y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using Wide wideA = new(a, batch, rows, columns), wideY = new(y, batch, rows, columns);
            (int k, int n) = (wideA.Rows, wideA.Columns);
            using Scratch g = new(k * k), z = new(k * n), sigma = new(k);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSingular(wideA.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
                new Span<T>(wideY.Pointer + b * k * n, k * n).Clear();
                AddTransposedProduct(g.Pointer, z.Pointer, wideY.Pointer + b * k * n, k, n);
            }

            wideY.WriteBack(y);
        }

        /// <summary>dA += J dY; the derivative is symmetric.</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (a.Mirror == null)
            {
                return;
            }

            using Wide wideA = new(a.Value, batch, rows, columns), direction = new(y.Mirror, batch, rows, columns), target = new(a.Mirror, batch, rows, columns);
            (int k, int n) = (wideA.Rows, wideA.Columns);
            using Scratch g = new(k * k), z = new(k * n), sigma = new(k), turned = new(k * n), inner = new(k * k), result = new(k * n);
            for (int b = 0; b < batch; b++)
            {
                // With A = Gᵀ diag(σ) Z, along D and in the basis of G: Dᵢ / σᵢ + Σⱼ ((Cᵢⱼ − Cⱼᵢ) / (σᵢ + σⱼ) − Cᵢⱼ / σᵢ) Zⱼ for C = D Zᵀ. What
                // would be divided by 0 is left out.
                DecomposeSingular(wideA.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
                TurnDirection(g.Pointer, z.Pointer, direction.Pointer + b * k * n, turned.Pointer, inner.Pointer, k, n);
                for (int i = 0; i < k; i++)
                {
                    Span<T> row = Row(result.Pointer, i, n);
                    T own = sigma.Pointer[i];
                    row.Clear();
                    AddScaled(Row(turned.Pointer, i, n), own == T.Zero ? T.Zero : T.One / own, row);
                    for (int j = 0; j < k; j++)
                    {
                        T c = inner.Pointer[i * k + j], sum = own + sigma.Pointer[j];
                        T skew = sum == T.Zero ? T.Zero : (c - inner.Pointer[j * k + i]) / sum;
                        AddScaled(Row(z.Pointer, j, n), skew - (own == T.Zero ? T.Zero : c / own), row);
                    }
                }

                AddTransposedProduct(g.Pointer, result.Pointer, target.Pointer + b * k * n, k, n);
            }

            target.WriteBack(a.Mirror);
        }

        /// <summary>tY = J tA</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (y.Mirror != null)
            {
                new Span<T>(y.Mirror, batch * rows * columns).Clear();
                Gradient(new(a.Value, a.Mirror == null ? null : y.Mirror), new(y.Value, a.Mirror), sizes);
            }
        }
    }

    /// <summary>
    /// The pseudoinverse A⁺ of Moore and Penrose: of all X for which ‖A X − I‖ is least, the least itself (Penrose, <i>A generalized inverse for
    /// matrices</i>, 1955). Without full rank, the derivative is that along changes that keep the rank (Golub and Pereyra 1973).
    /// </summary>
    public static class PseudoInverse
    {
        /// <summary>[batch, rows, columns] → [batch, columns, rows]</summary>
        public static void Value(T* a, T* y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using Wide wideA = new(a, batch, rows, columns), wideY = Wide.OfTransposed(y, batch, rows, columns);
            (int k, int n) = (wideA.Rows, wideA.Columns);
            using Scratch g = new(k * k), z = new(k * n), sigma = new(k);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSingular(wideA.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
                for (int i = 0; i < k; i++)
                {
                    Span<T> row = Row(z.Pointer, i, n);
                    TensorPrimitives.Divide(row, sigma.Pointer[i] == T.Zero ? T.One : sigma.Pointer[i], row);
                }

                new Span<T>(wideY.Pointer + b * k * n, k * n).Clear();
                AddTransposedProduct(g.Pointer, z.Pointer, wideY.Pointer + b * k * n, k, n);
            }

            wideY.WriteBack(y);
        }

        /// <summary>dA += J dY; the derivative of the transposed pseudoinverse is symmetric.</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (a.Mirror != null)
            {
                using Wide wideA = new(a.Value, batch, rows, columns), direction = Wide.OfTransposed(y.Mirror, batch, rows, columns), target = new(a.Mirror, batch, rows, columns);
                AddDerivative(wideA, direction, target, batch);
                target.WriteBack(a.Mirror);
            }
        }

        /// <summary>tY = J tA</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * rows * columns).Clear();
            if (a.Mirror != null)
            {
                using Wide wideA = new(a.Value, batch, rows, columns), direction = new(a.Mirror, batch, rows, columns), target = Wide.OfTransposed(y.Mirror, batch, rows, columns);
                AddDerivative(wideA, direction, target, batch);
                target.WriteBack(y.Mirror);
            }
        }

        /// <summary>
        /// With A = Gᵀ diag(σ) Z, along D and in the basis of G, for C = G D Zᵀ: Σⱼ (Cᵢⱼ [σᵢ = 0] / σⱼ² − Cⱼᵢ / (σᵢ σⱼ)) Zⱼ, and what of D is at right angles to Z
        /// over σᵢ². What would be divided by 0 is left out.
        /// </summary>
        private static void AddDerivative(Wide a, Wide direction, Wide target, int batch)
        {
            (int k, int n) = (a.Rows, a.Columns);
            using Scratch g = new(k * k), z = new(k * n), sigma = new(k), turned = new(k * n), inner = new(k * k), result = new(k * n);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSingular(a.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
                TurnDirection(g.Pointer, z.Pointer, direction.Pointer + b * k * n, turned.Pointer, inner.Pointer, k, n);
                for (int i = 0; i < k; i++)
                {
                    Span<T> row = Row(result.Pointer, i, n);
                    T own = Over(sigma.Pointer[i]);
                    row.Clear();
                    AddScaled(Row(turned.Pointer, i, n), own * own, row);
                    for (int j = 0; j < k; j++)
                    {
                        T other = Over(sigma.Pointer[j]), c = inner.Pointer[i * k + j];
                        T factor = (own == T.Zero ? c * other * other : -c * own * own) - inner.Pointer[j * k + i] * own * other;
                        AddScaled(Row(z.Pointer, j, n), factor, row);
                    }
                }

                AddTransposedProduct(g.Pointer, result.Pointer, target.Pointer + b * k * n, k, n);
            }

            static T Over(T value) => value == T.Zero ? T.Zero : T.One / value;
        }
    }

    /// <summary>Singular values, from the largest to the least. The derivative of one that is zero is taken as 0.</summary>
    public static class SingularValues
    {
        /// <summary>[batch, rows, columns] → [batch, min(rows, columns)]</summary>
        public static void Value(T* a, T* y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using Wide wide = new(a, batch, rows, columns);
            (int k, int n) = (wide.Rows, wide.Columns);
            using Scratch g = new(k * k), z = new(k * n);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSingular(wide.Pointer + b * k * n, g.Pointer, z.Pointer, y + b * k, k, n);
                SortDescending(y + b * k, g.Pointer, z.Pointer, k, n);
            }
        }

        /// <summary>dA += Σᵢ dσᵢ gᵢ zᵢᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (a.Mirror == null)
            {
                return;
            }

            using Wide wide = new(a.Value, batch, rows, columns), target = new(a.Mirror, batch, rows, columns);
            (int k, int n) = (wide.Rows, wide.Columns);
            using Scratch g = new(k * k), z = new(k * n), sigma = new(k);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSingular(wide.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
                SortDescending(sigma.Pointer, g.Pointer, z.Pointer, k, n);
                for (int i = 0; i < k; i++)
                {
                    TensorPrimitives.Multiply(Row(z.Pointer, i, n), y.Mirror[b * k + i], Row(z.Pointer, i, n));
                }

                AddTransposedProduct(g.Pointer, z.Pointer, target.Pointer + b * k * n, k, n);
            }

            target.WriteBack(a.Mirror);
        }

        /// <summary>tσᵢ = gᵢᵀ tA zᵢ</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * Math.Min(rows, columns)).Clear();
            if (a.Mirror == null)
            {
                return;
            }

            using Wide wide = new(a.Value, batch, rows, columns), direction = new(a.Mirror, batch, rows, columns);
            (int k, int n) = (wide.Rows, wide.Columns);
            using Scratch g = new(k * k), z = new(k * n), sigma = new(k), turned = new(k * n), inner = new(k * k);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSingular(wide.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
                SortDescending(sigma.Pointer, g.Pointer, z.Pointer, k, n);
                TurnDirection(g.Pointer, z.Pointer, direction.Pointer + b * k * n, turned.Pointer, inner.Pointer, k, n);
                for (int i = 0; i < k; i++)
                {
                    y.Mirror[b * k + i] = inner.Pointer[i * k + i];
                }
            }
        }

        private static void SortDescending(T* sigma, T* g, T* z, int k, int n)
        {
            for (int i = 0; i < k; i++)
            {
                int largest = i;
                for (int j = i + 1; j < k; j++)
                {
                    largest = sigma[j] > sigma[largest] ? j : largest;
                }

                if (largest != i)
                {
                    (sigma[i], sigma[largest]) = (sigma[largest], sigma[i]);
                    Swap(Row(g, i, k), Row(g, largest, k));
                    Swap(Row(z, i, n), Row(z, largest, n));
                }
            }
        }
    }

    private static void Swap(Span<T> a, Span<T> b)
    {
        for (int i = 0; i < a.Length; i++)
        {
            (a[i], b[i]) = (b[i], a[i]);
        }
    }

    /// <summary>A direction D in the basis of G: G D, and G D Zᵀ.</summary>
    private static void TurnDirection(T* g, T* z, T* direction, T* turned, T* inner, int k, int n)
    {
        using MatrixProducts<T> products = new(n);
        products.Set(new(g, k), new(direction, n), new(turned, n), (k, k, n), T.One);
        products.Set(new(turned, n), new MatrixView<T>(z, n).Transposed, new(inner, k), (k, n, k), T.One);
    }

    /// <summary>
    /// A = Gᵀ diag(σ) Z with orthogonal G and orthonormal rows of Z: the rows of A are turned in pairs until all are at right angles
    /// (Hestenes, <i>Inversion of matrices by biorthogonalization and related results</i>, 1958). Singular values that are rounding errors of
    /// the largest are zero, and so are their rows of Z.
    /// </summary>
    private static void DecomposeSingular(T* a, T* g, T* z, T* sigma, int k, int n)
    {
        int exponent = ExponentOf(new(a, k * n));
        Scale(new(a, k * n), -exponent, new(z, k * n));
        new Span<T>(g, k * k).Clear();
        AddDiagonal(g, T.One, k);
        T tolerance = T.BitIncrement(T.One) - T.One;
        bool isDone = false;
        for (int sweep = 0; !isDone && sweep < 40; sweep++)
        {
            isDone = true;
            for (int i = 0; i < k; i++)
            {
                for (int j = i + 1; j < k; j++)
                {
                    Span<T> p = Row(z, i, n), q = Row(z, j, n);
                    T pp = TensorPrimitives.Dot<T>(p, p), qq = TensorPrimitives.Dot<T>(q, q), pq = TensorPrimitives.Dot<T>(p, q);
                    if (T.Abs(pq) > tolerance * (T.Sqrt(pp) * T.Sqrt(qq)))
                    {
                        isDone = false;
                        T cot = (qq - pp) * Half / pq;
                        T tan = T.CopySign(T.One, cot) / (T.Abs(cot) + T.Sqrt(T.One + cot * cot)), cos = T.One / T.Sqrt(T.One + tan * tan);
                        Turn(p, q, cos, cos * tan);
                        Turn(Row(g, i, k), Row(g, j, k), cos, cos * tan);
                    }
                }
            }
        }

        T most = T.Zero;
        for (int i = 0; i < k; i++)
        {
            sigma[i] = TensorPrimitives.Norm<T>(Row(z, i, n));
            most = T.Max(most, sigma[i]);
        }

        for (int i = 0; i < k; i++)
        {
            if (sigma[i] <= Negligible * most)
            {
                sigma[i] = T.Zero;
                Row(z, i, n).Clear();
            }
            else
            {
                TensorPrimitives.Divide(Row(z, i, n), sigma[i], Row(z, i, n));
                sigma[i] = T.ScaleB(sigma[i], exponent);
            }
        }
    }

    private static void Turn(Span<T> p, Span<T> q, T cos, T sin)
    {
        for (int i = 0; i < p.Length; i++)
        {
            (p[i], q[i]) = (cos * p[i] - sin * q[i], sin * p[i] + cos * q[i]);
        }
    }

    /// <summary>target += Gᵀ M</summary>
    private static void AddTransposedProduct(T* g, T* m, T* target, int k, int n)
    {
        using MatrixProducts<T> products = new(n);
        products.Add(new MatrixView<T>(g, k).Transposed, new(m, n), new(target, n), (k, k, n), T.One);
    }

    /// <summary>Matrices, transposed where they have more rows than columns.</summary>
    private readonly ref struct Wide : IDisposable
    {
        private readonly Transposed _copy;

        public Wide(T* source, int batch, int rows, int columns)
            : this(source, batch, rows, columns, rows > columns)
        {
        }

        private Wide(T* source, int batch, int rows, int columns, bool isTransposed)
        {
            _copy = isTransposed ? new(source, batch, rows, columns) : new(source, batch, 1, rows * columns);
            (Rows, Columns) = isTransposed ? (columns, rows) : (rows, columns);
        }

        /// <summary>The transposed of matrices of so many rows and columns: of the shape that these have as they are here.</summary>
        public static Wide OfTransposed(T* source, int batch, int rows, int columns) => new(source, batch, columns, rows, rows <= columns);

        public int Rows { get; }

        public int Columns { get; }

        public T* Pointer => _copy.Pointer;

        public void WriteBack(T* target) => _copy.WriteBack(target);

        public void Dispose() => _copy.Dispose();
    }
}
