using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>Determinants and Cholesky's factor.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>log |det A|: the sum of the logarithms of the pivots. −∞ where A is singular, with a derivative that is not finite.</summary>
    public static class LogDeterminant
    {
        /// <summary>[batch, size, size] → [batch]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                y[b] = T.Zero;
                Eliminate(a + b * size * size, work.Pointer, size);
                for (int k = 0; k < size; k++)
                {
                    y[b] += T.Log(T.Abs(work.Pointer[k * size + k]));
                }
            }
        }

        /// <summary>dA += dy A⁻ᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            for (int b = 0; a.Mirror != null && b < sizes.Batch; b++)
            {
                int at = b * sizes.Size * sizes.Size;
                AddTransposedInverse(a.Value + at, y.Mirror[b], a.Mirror + at, sizes.Size);
            }
        }

        /// <summary>ty = tr(A⁻¹ tA)</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            for (int b = 0; y.Mirror != null && b < sizes.Batch; b++)
            {
                int at = b * sizes.Size * sizes.Size;
                y.Mirror[b] = a.Mirror == null ? T.Zero : TraceOfQuotient(a.Value + at, a.Mirror + at, sizes.Size);
            }
        }
    }

    /// <summary>det A: the product of the pivots, with the sign of their order. The derivative of a singular matrix is not finite.</summary>
    public static class Determinant
    {
        /// <summary>[batch, size, size] → [batch]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                y[b] = Eliminate(a + b * size * size, work.Pointer, size) ? -T.One : T.One;
                for (int k = 0; k < size; k++)
                {
                    y[b] *= work.Pointer[k * size + k];
                }
            }
        }

        /// <summary>dA += dy det(A) A⁻ᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            for (int b = 0; a.Mirror != null && b < sizes.Batch; b++)
            {
                int at = b * sizes.Size * sizes.Size;
                AddTransposedInverse(a.Value + at, y.Mirror[b] * y.Value[b], a.Mirror + at, sizes.Size);
            }
        }

        /// <summary>ty = det(A) tr(A⁻¹ tA)</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            for (int b = 0; y.Mirror != null && b < sizes.Batch; b++)
            {
                int at = b * sizes.Size * sizes.Size;
                y.Mirror[b] = a.Mirror == null ? T.Zero : y.Value[b] * TraceOfQuotient(a.Value + at, a.Mirror + at, sizes.Size);
            }
        }
    }

    /// <summary>The lower triangular L with a positive diagonal of L Lᵀ = A, the symmetric part of A counting. NaN where that is not positive definite.</summary>
    public static class Cholesky
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            for (int b = 0; b < batch; b++, a += size * size, y += size * size)
            {
                for (int i = 0; i < size; i++)
                {
                    for (int j = 0; j <= i; j++)
                    {
                        T rest = Half * a[i * size + j] + Half * a[j * size + i] - TensorPrimitives.Dot<T>(new(y + i * size, j), new(y + j * size, j));
                        y[i * size + j] = i == j ? T.Sqrt(rest) : rest / y[j * size + j];
                    }

                    new Span<T>(y + i * size + i + 1, size - i - 1).Clear();
                }
            }
        }

        /// <summary>dA += L⁻ᵀ Φ(Lᵀ dL) L⁻¹, of which the symmetric part counts (Murray, <i>Differentiation of the Cholesky decomposition</i>, 2016).</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch work = new(size * size), inverse = new(size * size), inner = new(size * size), outer = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                new Span<T>(inner.Pointer, size * size).Clear();
                AddTransposedProduct(y.Value + at, y.Mirror + at, inner.Pointer, size, size);
                KeepLower(inner.Pointer, size);
                Copy(y.Value + at, work.Pointer, size);
                Invert(work.Pointer, inverse.Pointer, size);
                new Span<T>(work.Pointer, size * size).Clear();
                AddProduct(inner.Pointer, inverse.Pointer, T.One, work.Pointer, size);
                new Span<T>(outer.Pointer, size * size).Clear();
                AddTransposedProduct(inverse.Pointer, work.Pointer, outer.Pointer, size, size);
                Symmetrize(outer.Pointer, work.Pointer, 0, size);
                AddScaled(new(work.Pointer, size * size), T.One, new(a.Mirror + at, size * size));
            }
        }

        /// <summary>tL = L Φ(L⁻¹ tA L⁻ᵀ)</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * size * size).Clear();
            using Scratch work = new(size * size), inverse = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Copy(y.Value + at, work.Pointer, size);
                Invert(work.Pointer, inverse.Pointer, size);
                ToBasis(inverse.Pointer, a.Mirror + at, work.Pointer, size);
                KeepLower(work.Pointer, size);
                AddProduct(y.Value + at, work.Pointer, T.One, y.Mirror + at, size);
            }
        }

        /// <summary>Φ: the lower triangle with half of the diagonal.</summary>
        private static void KeepLower(T* a, int size)
        {
            for (int i = 0; i < size; i++)
            {
                a[i * size + i] *= Half;
                new Span<T>(a + i * size + i + 1, size - i - 1).Clear();
            }
        }
    }

    private static void Copy(T* a, T* target, int size) => new Span<T>(a, size * size).CopyTo(new(target, size * size));

    /// <summary>Leaves U of P A = L U in the upper triangle of the target, by elimination with partial pivoting; true if the order P of the rows is odd.</summary>
    private static bool Eliminate(T* a, T* target, int size)
    {
        Copy(a, target, size);
        bool isOdd = false;
        for (int k = 0; k < size; k++)
        {
            int pivot = k;
            for (int i = k + 1; i < size; i++)
            {
                pivot = T.Abs(target[i * size + k]) > T.Abs(target[pivot * size + k]) ? i : pivot;
            }

            if (pivot != k)
            {
                Swap(Row(target, k, size), Row(target, pivot, size));
                isOdd = !isOdd;
            }

            for (int i = k + 1; i < size && target[k * size + k] != T.Zero; i++)
            {
                T factor = target[i * size + k] / target[k * size + k];
                AddScaled(new(target + k * size + k, size - k), -factor, new(target + i * size + k, size - k));
            }
        }

        return isOdd;
    }

    /// <summary>target += scale · A⁻ᵀ; nothing for a scale of 0, whatever A is.</summary>
    private static void AddTransposedInverse(T* a, T scale, T* target, int size)
    {
        if (scale == T.Zero)
        {
            return;
        }

        using Scratch work = new(size * size), inverse = new(size * size);
        Copy(a, work.Pointer, size);
        Invert(work.Pointer, inverse.Pointer, size);
        Transpose(inverse.Pointer, work.Pointer, size);
        AddScaled(new(work.Pointer, size * size), scale, new(target, size * size));
    }

    /// <summary>tr(A⁻¹ B)</summary>
    private static T TraceOfQuotient(T* a, T* b, int size)
    {
        using Scratch work = new(size * size), inverse = new(size * size);
        Copy(a, work.Pointer, size);
        Invert(work.Pointer, inverse.Pointer, size);
        Transpose(inverse.Pointer, work.Pointer, size);
        return TensorPrimitives.Dot<T>(new(work.Pointer, size * size), new(b, size * size));
    }
}
