using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>Determinants.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>log |det A|: the sum of the logarithms of the pivots. −∞ where A is singular, with a derivative that is not finite.</summary>
    public static class LogDeterminant
    {
        /// <summary>[batch, size, size] → [batch]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                y[b] = T.Zero;
                Copy(a + b * size * size, work.Pointer, size);
                Eliminate(products, work.Pointer, size);
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
            using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
            using Scratch work = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                Copy(a + b * size * size, work.Pointer, size);
                y[b] = Eliminate(products, work.Pointer, size) ? -T.One : T.One;
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

    private static void Copy(T* a, T* target, int size) => new Span<T>(a, size * size).CopyTo(new(target, size * size));

    /// <summary>Makes A the L and U of P A = L U, by elimination with partial pivoting; true if the order P of the rows is odd.</summary>
    private static bool Eliminate(in MatrixProducts<T> products, T* a, int size)
    {
        using Scratch room = new(size);
        int* pivots = (int*)room.Pointer; // as large as the elements, or smaller
        Factorizations<T>.Decompose(products, new(a, size), size, size, pivots);
        bool isOdd = false;
        for (int k = 0; k < size; k++)
        {
            isOdd ^= pivots[k] != k;
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

        using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
        using Scratch work = new(size * size), inverse = new(size * size);
        Copy(a, work.Pointer, size);
        Invert(products, work.Pointer, inverse.Pointer, size);
        Transpose(inverse.Pointer, work.Pointer, size);
        AddScaled(new(work.Pointer, size * size), scale, new(target, size * size));
    }

    /// <summary>tr(A⁻¹ B)</summary>
    private static T TraceOfQuotient(T* a, T* b, int size)
    {
        using MatrixProducts<T> products = Factorizations<T>.ProductsFor(size);
        using Scratch work = new(size * size), inverse = new(size * size);
        Copy(a, work.Pointer, size);
        Invert(products, work.Pointer, inverse.Pointer, size);
        Transpose(inverse.Pointer, work.Pointer, size);
        return TensorPrimitives.Dot<T>(new(work.Pointer, size * size), new(b, size * size));
    }
}
