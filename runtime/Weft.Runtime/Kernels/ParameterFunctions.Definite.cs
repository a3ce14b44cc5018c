using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>
/// Cholesky's factor, and what positive definite and triangular matrices have by it and by substitution. What is said of a positive definite matrix is
/// done with the symmetric part (A + Aᵀ) / 2, so that gradients are symmetric.
/// </content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>The lower triangular L with a positive diagonal of L Lᵀ = A, the symmetric part of A counting. NaN where that is not positive definite.</summary>
    public static class Cholesky
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            for (int b = 0; b < batch; b++)
            {
                Factor(a + b * size * size, y + b * size * size, size);
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
                InvertLower(y.Value + at, inverse.Pointer, size);
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
                InvertLower(y.Value + at, inverse.Pointer, size);
                ToBasis(inverse.Pointer, a.Mirror + at, work.Pointer, size);
                KeepLower(work.Pointer, size);
                AddProduct(y.Value + at, work.Pointer, T.One, y.Mirror + at, size);
            }
        }

        /// <summary>Φ: the lower triangle with half of the diagonal.</summary>
        private static void KeepLower(T* a, int size)
        {
            ClearAboveDiagonal(a, size);
            for (int i = 0; i < size; i++)
            {
                a[i * size + i] *= Half;
            }
        }
    }

    /// <summary>
    /// A⁻¹ = L⁻ᵀ L⁻¹ of the symmetric part of A by Cholesky's factor L; by elimination where that part is not positive definite, or rounding makes it so.
    /// </summary>
    public static class InverseOfDefinite
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                InvertDefinite(a + b * size * size, work.Pointer, y + b * size * size, size);
            }
        }

        /// <summary>dA −= Y (dY + dYᵀ) Y / 2</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch symmetric = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Symmetrize(y.Mirror + at, symmetric.Pointer, 0, size);
                AddSandwich(y.Value + at, symmetric.Pointer, -T.One, a.Mirror + at, size);
            }
        }

        /// <summary>tY = −Y (tA + tAᵀ) Y / 2</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            if (y.Mirror != null)
            {
                new Span<T>(y.Mirror, sizes.Batch * sizes.Size * sizes.Size).Clear();
                Gradient(new(a.Value, a.Mirror == null ? null : y.Mirror), new(y.Value, a.Mirror), sizes);
            }
        }
    }

    /// <summary>log |det A| = 2 Σ log Lᵢᵢ of the symmetric part of A by Cholesky's factor L; by elimination where that part has none.</summary>
    public static class LogDeterminantOfDefinite
    {
        /// <summary>[batch, size, size] → [batch]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch work = new(size * size), symmetric = new(size * size);
            for (int b = 0; b < batch; b++, a += size * size)
            {
                bool isDefinite = Factor(a, work.Pointer, size);
                if (!isDefinite)
                {
                    Symmetrize(a, symmetric.Pointer, 0, size);
                    Eliminate(symmetric.Pointer, work.Pointer, size);
                }

                y[b] = T.Zero;
                for (int k = 0; k < size; k++)
                {
                    T log = T.Log(T.Abs(work.Pointer[k * size + k]));
                    y[b] += isDefinite ? log + log : log;
                }
            }
        }

        /// <summary>dA += dy A⁻¹; nothing for a dy of 0, whatever A is.</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch work = new(size * size), inverse = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                if (y.Mirror[b] != T.Zero)
                {
                    InvertDefinite(a.Value + b * size * size, work.Pointer, inverse.Pointer, size);
                    AddScaled(new(inverse.Pointer, size * size), y.Mirror[b], new(a.Mirror + b * size * size, size * size));
                }
            }
        }

        /// <summary>ty = tr(A⁻¹ tA)</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch work = new(size * size), inverse = new(size * size);
            for (int b = 0; y.Mirror != null && b < batch; b++)
            {
                y.Mirror[b] = T.Zero;
                if (a.Mirror != null)
                {
                    InvertDefinite(a.Value + b * size * size, work.Pointer, inverse.Pointer, size);
                    y.Mirror[b] = TensorPrimitives.Dot<T>(new(inverse.Pointer, size * size), new(a.Mirror + b * size * size, size * size));
                }
            }
        }
    }

    /// <summary>The inverse of the lower triangle of A, by substitution. Not finite where an element of the diagonal is 0.</summary>
    public static class InverseOfLower
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            for (int b = 0; b < batch; b++)
            {
                InvertLower(a + b * size * size, y + b * size * size, size);
            }
        }

        /// <summary>The lower triangle of dA −= Yᵀ dY Yᵀ, of whose dY the lower triangle counts.</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch transposed = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Transpose(y.Value + at, transposed.Pointer, size);
                AddBetweenTriangles(transposed.Pointer, y.Mirror + at, a.Mirror + at, size);
            }
        }

        /// <summary>tY = −Y tA Y, of whose tA the lower triangle counts.</summary>
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
                AddBetweenTriangles(y.Value + at, a.Mirror + at, y.Mirror + at, size);
            }
        }

        /// <summary>The lower triangle of target −= F M F, of whose M the lower triangle counts.</summary>
        private static void AddBetweenTriangles(T* f, T* m, T* target, int size)
        {
            using Scratch lower = new(size * size), result = new(size * size);
            Copy(m, lower.Pointer, size);
            ClearAboveDiagonal(lower.Pointer, size);
            new Span<T>(result.Pointer, size * size).Clear();
            AddSandwich(f, lower.Pointer, -T.One, result.Pointer, size);
            ClearAboveDiagonal(result.Pointer, size);
            AddScaled(new(result.Pointer, size * size), T.One, new(target, size * size));
        }
    }

    /// <summary>
    /// L with L Lᵀ = A for the symmetric part of A. Whether that is positive definite: else pivots that are not positive make L NaN or infinite from there on.
    /// </summary>
    private static bool Factor(T* a, T* l, int size)
    {
        bool isDefinite = true;
        for (int i = 0; i < size; i++)
        {
            for (int j = i; j < size; j++)
            {
                l[i * size + j] = Half * a[i * size + j] + Half * a[j * size + i];
            }
        }

        // Rows of Lᵀ, whose outer products are taken out of what is left of A.
        for (int k = 0; k < size; k++)
        {
            T pivot = l[k * size + k];
            isDefinite &= pivot > T.Zero && T.IsFinite(pivot);
            T root = l[k * size + k] = T.Sqrt(pivot);
            Span<T> row = new(l + k * size + k, size - k);
            TensorPrimitives.Divide(row[1..], root, row[1..]);
            for (int i = k + 1; i < size; i++)
            {
                AddScaled(row[(i - k)..], -l[k * size + i], new(l + i * size + i, size - i));
            }
        }

        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < i; j++)
            {
                (l[i * size + j], l[j * size + i]) = (l[j * size + i], T.Zero);
            }
        }

        return isDefinite;
    }

    /// <summary>Leaves the inverse of the symmetric part of A in the target; the work is as large as A.</summary>
    private static void InvertDefinite(T* a, T* work, T* target, int size)
    {
        if (!Factor(a, work, size))
        {
            Symmetrize(a, work, 0, size);
            Invert(work, target, size);
            return;
        }

        using Scratch inverse = new(size * size);
        InvertLower(work, inverse.Pointer, size);
        new Span<T>(target, size * size).Clear();
        for (int k = 0; k < size; k++)
        {
            for (int i = 0; i <= k; i++)
            {
                AddScaled(new(inverse.Pointer + k * size, i + 1), inverse.Pointer[k * size + i], new(target + i * size, i + 1));
            }
        }

        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < i; j++)
            {
                target[j * size + i] = target[i * size + j];
            }
        }
    }

    /// <summary>Leaves the inverse of the lower triangle of A in the target.</summary>
    private static void InvertLower(T* a, T* target, int size)
    {
        for (int i = 0; i < size; i++)
        {
            Span<T> row = Row(target, i, size);
            row.Clear();
            for (int j = 0; j < i; j++)
            {
                AddScaled(new(target + j * size, j + 1), -a[i * size + j], row[..(j + 1)]);
            }

            row[i] = T.One;
            TensorPrimitives.Divide(row[..(i + 1)], a[i * size + i], row[..(i + 1)]);
        }
    }

    private static void ClearAboveDiagonal(T* a, int size)
    {
        for (int i = 0; i < size; i++)
        {
            new Span<T>(a + i * size + i + 1, size - i - 1).Clear();
        }
    }
}
