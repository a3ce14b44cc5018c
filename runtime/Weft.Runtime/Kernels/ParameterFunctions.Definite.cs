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
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch upper = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                T* lower = y + b * size * size;
                Factor(products, a + b * size * size, upper.Pointer, size);
                Transpose(upper.Pointer, lower, size);
                ClearAboveDiagonal(lower, size);
            }
        }

        /// <summary>dA += L⁻ᵀ Φ(Lᵀ dL) L⁻¹, of which the symmetric part counts (Murray, <i>Differentiation of the Cholesky decomposition</i>, 2016).</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = new(size);
            using Scratch work = new(size * size), other = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                MatrixView<T> upper = new MatrixView<T>(y.Value + at, size).Transposed, inner = new(work.Pointer, size), outer = new(other.Pointer, size);
                products.Set(upper, new(y.Mirror + at, size), inner, (size, size, size), T.One);
                KeepLower(work.Pointer, size);
                Factorizations<T>.SolveUpper(products, upper, inner, size, size);
                Transpose(work.Pointer, other.Pointer, size);
                Factorizations<T>.SolveUpper(products, upper, outer, size, size);
                Symmetrize(other.Pointer, work.Pointer, size);
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
            using MatrixProducts<T> products = new(size);
            using Scratch work = new(size * size), other = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                MatrixView<T> lower = new(y.Value + at, size), inner = new(work.Pointer, size), outer = new(other.Pointer, size);
                Symmetrize(a.Mirror + at, work.Pointer, size);
                Factorizations<T>.SolveLower(products, lower, inner, size, size);
                Transpose(work.Pointer, other.Pointer, size);
                Factorizations<T>.SolveLower(products, lower, outer, size, size);
                KeepLower(other.Pointer, size);
                products.AddTimesLower(lower, outer, new(y.Mirror + at, size), size, size, T.One);
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
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                InvertDefinite(products, a + b * size * size, work.Pointer, y + b * size * size, size);
            }
        }

        /// <summary>dA −= Y (dY + dYᵀ) Y / 2</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = new(size);
            using Scratch symmetric = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Symmetrize(y.Mirror + at, symmetric.Pointer, size);
                AddSandwich(products, new(y.Value + at, size), symmetric.Pointer, -T.One, a.Mirror + at, size);
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
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++, a += size * size)
            {
                bool isDefinite = Factor(products, a, work.Pointer, size);
                if (!isDefinite)
                {
                    Symmetrize(a, work.Pointer, size);
                    Eliminate(products, work.Pointer, size);
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
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size), inverse = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                if (y.Mirror[b] != T.Zero)
                {
                    InvertDefinite(products, a.Value + b * size * size, work.Pointer, inverse.Pointer, size);
                    AddScaled(new(inverse.Pointer, size * size), y.Mirror[b], new(a.Mirror + b * size * size, size * size));
                }
            }
        }

        /// <summary>ty = tr(A⁻¹ tA)</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size), inverse = new(size * size);
            for (int b = 0; y.Mirror != null && b < batch; b++)
            {
                y.Mirror[b] = T.Zero;
                if (a.Mirror != null)
                {
                    InvertDefinite(products, a.Value + b * size * size, work.Pointer, inverse.Pointer, size);
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
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            for (int b = 0; b < batch; b++)
            {
                Factorizations<T>.InvertLower(products, new(a + b * size * size, size), new(y + b * size * size, size), size);
            }
        }

        /// <summary>The lower triangle of dA −= Yᵀ dY Yᵀ, of whose dY the lower triangle counts.</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = new(size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                AddBetweenTriangles(products, new MatrixView<T>(y.Value + at, size).Transposed, y.Mirror + at, a.Mirror + at, size);
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
            using MatrixProducts<T> products = new(size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                AddBetweenTriangles(products, new(y.Value + at, size), a.Mirror + at, y.Mirror + at, size);
            }
        }

        /// <summary>The lower triangle of target −= F M F, of whose M the lower triangle counts.</summary>
        private static void AddBetweenTriangles(in MatrixProducts<T> products, MatrixView<T> f, T* m, T* target, int size)
        {
            using Scratch lower = new(size * size), result = new(size * size);
            Copy(m, lower.Pointer, size);
            ClearAboveDiagonal(lower.Pointer, size);
            new Span<T>(result.Pointer, size * size).Clear();
            AddSandwich(products, f, lower.Pointer, -T.One, result.Pointer, size);
            ClearAboveDiagonal(result.Pointer, size);
            AddScaled(new(result.Pointer, size * size), T.One, new(target, size * size));
        }
    }

    /// <summary>
    /// The upper triangle of U = Lᵀ with L Lᵀ = A for the symmetric part of A; below is nothing to rely on. Whether that is positive definite: else pivots
    /// that are not positive make U NaN or infinite from there on.
    /// </summary>
    private static bool Factor(in MatrixProducts<T> products, T* a, T* upper, int size)
    {
        Symmetrize(a, upper, size);
        return Factorizations<T>.FactorDefinite(products, new(upper, size), size);
    }

    /// <summary>Leaves the inverse of the symmetric part of A in the target; the work is as large as A.</summary>
    private static void InvertDefinite(in MatrixProducts<T> products, T* a, T* work, T* target, int size)
    {
        if (!Factor(products, a, work, size))
        {
            Symmetrize(a, work, size);
            Invert(products, work, target, size);
            return;
        }

        using Scratch inverse = new(size * size);
        Factorizations<T>.InvertLower(products, new MatrixView<T>(work, size).Transposed, new(inverse.Pointer, size), size);
        new Span<T>(target, size * size).Clear();
        Factorizations<T>.AddGramOfLower(products, new(inverse.Pointer, size), new(target, size), size);
        MirrorUpper(target, work, size);
    }

    private static void ClearAboveDiagonal(T* a, int size)
    {
        for (int i = 0; i < size; i++)
        {
            new Span<T>(a + i * size + i + 1, size - i - 1).Clear();
        }
    }
}
