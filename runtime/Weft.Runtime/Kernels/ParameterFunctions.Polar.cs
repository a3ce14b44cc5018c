using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>The nearest matrix with orthonormal rows or columns.</content>
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
                Decompose(wideA.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
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
                Decompose(wideA.Pointer + b * k * n, g.Pointer, z.Pointer, sigma.Pointer, k, n);
                new Span<T>(turned.Pointer, k * n).Clear();
                for (int i = 0; i < k * k; i++)
                {
                    AddScaled(Row(direction.Pointer + b * k * n, i % k, n), g.Pointer[i], Row(turned.Pointer, i / k, n));
                }

                for (int i = 0; i < k * k; i++)
                {
                    inner.Pointer[i] = TensorPrimitives.Dot<T>(Row(turned.Pointer, i / k, n), Row(z.Pointer, i % k, n));
                }

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

        /// <summary>
        /// A = Gᵀ diag(σ) Z with orthogonal G and orthonormal rows of Z: the rows of A are turned in pairs until all are at right angles
        /// (Hestenes, <i>Inversion of matrices by biorthogonalization and related results</i>, 1958). Singular values that are rounding errors of
        /// the largest are zero, and so are their rows of Z.
        /// </summary>
        private static void Decompose(T* a, T* g, T* z, T* sigma, int k, int n)
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
            for (int i = 0; i < k * k; i++)
            {
                AddScaled(Row(m, i / k, n), g[i], Row(target, i % k, n));
            }
        }

        /// <summary>Matrices, transposed where they have more rows than columns.</summary>
        private readonly ref struct Wide : IDisposable
        {
            private readonly Transposed _copy;

            public Wide(T* source, int batch, int rows, int columns)
            {
                bool isTall = rows > columns;
                _copy = isTall ? new(source, batch, rows, columns) : new(source, batch, 1, rows * columns);
                (Rows, Columns) = isTall ? (columns, rows) : (rows, columns);
            }

            public int Rows { get; }

            public int Columns { get; }

            public T* Pointer => _copy.Pointer;

            public void WriteBack(T* target) => _copy.WriteBack(target);

            public void Dispose() => _copy.Dispose();
        }
    }
}
