using System.Numerics.Tensors;

namespace Weft.Kernels;

/// <content>
/// Eigenvalues, and functions of matrices. What is said of a symmetric matrix is done with the symmetric part (A + Aᵀ) / 2 of any other, so that
/// gradients are symmetric.
/// </content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>Eigenvalues of a symmetric matrix, from the least to the largest. The derivative is that of the sum of equal ones, shared by them.</summary>
    public static class Eigenvalues
    {
        /// <summary>[batch, size, size] → [batch, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch vectors = new(size * size);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSymmetric(a + b * size * size, vectors.Pointer, y + b * size, size);
            }
        }

        /// <summary>dA += Σₖ dλₖ vₖ vₖᵀ</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch vectors = new(size * size), values = new(size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                DecomposeSymmetric(a.Value + b * size * size, vectors.Pointer, values.Pointer, size);
                AddSpectrum(vectors.Pointer, y.Mirror + b * size, a.Mirror + b * size * size, size);
            }
        }

        /// <summary>tλₖ = vₖᵀ tA vₖ</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * size).Clear();
            using Scratch vectors = new(size * size), values = new(size), inner = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                DecomposeSymmetric(a.Value + b * size * size, vectors.Pointer, values.Pointer, size);
                ToBasis(vectors.Pointer, a.Mirror + b * size * size, inner.Pointer, size);
                for (int k = 0; k < size; k++)
                {
                    y.Mirror[b * size + k] = inner.Pointer[k * size + k];
                }
            }
        }
    }

    /// <summary>
    /// Eigenvectors of a symmetric matrix as columns, in the order of the eigenvalues, of length 1, the element of the largest magnitude (the first of equal
    /// ones) positive. They have no derivative where eigenvalues are equal: what would be divided by 0 is left out.
    /// </summary>
    public static class Eigenvectors
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch vectors = new(size * size), values = new(size);
            for (int b = 0; b < batch; b++)
            {
                DecomposeSymmetric(a + b * size * size, vectors.Pointer, values.Pointer, size);
                Transpose(vectors.Pointer, y + b * size * size, size);
            }
        }

        /// <summary>dA += V (F ∘ Vᵀ dV) Vᵀ with Fᵢⱼ = 1 / (λⱼ − λᵢ), of which the symmetric part counts.</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch vectors = new(size * size), values = new(size), inner = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                DecomposeSymmetric(a.Value + at, vectors.Pointer, values.Pointer, size);
                new Span<T>(inner.Pointer, size * size).Clear();
                AddProduct(vectors.Pointer, y.Mirror + at, T.One, inner.Pointer, size);
                for (int i = 0; i < size; i++)
                {
                    for (int j = 0; j <= i; j++)
                    {
                        T gap = values.Pointer[j] - values.Pointer[i], skew = inner.Pointer[i * size + j] - inner.Pointer[j * size + i];
                        inner.Pointer[i * size + j] = inner.Pointer[j * size + i] = gap == T.Zero ? T.Zero : Half * skew / gap;
                    }
                }

                AddFromBasis(vectors.Pointer, inner.Pointer, a.Mirror + at, size);
            }
        }

        /// <summary>tV = V (F ∘ Vᵀ tA V)</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * size * size).Clear();
            using Scratch vectors = new(size * size), values = new(size), inner = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                DecomposeSymmetric(a.Value + at, vectors.Pointer, values.Pointer, size);
                ToBasis(vectors.Pointer, a.Mirror + at, inner.Pointer, size);
                for (int i = 0; i < size * size; i++)
                {
                    T gap = values.Pointer[i % size] - values.Pointer[i / size];
                    inner.Pointer[i] = gap == T.Zero ? T.Zero : inner.Pointer[i] / gap;
                }

                AddProduct(y.Value + at, inner.Pointer, T.One, y.Mirror + at, size);
            }
        }
    }

    /// <summary>A function of eigenvalues.</summary>
    public interface IOfEigenvalues
    {
        /// <summary>f(x)</summary>
        static abstract T Of(T x, T number);

        /// <summary>(f(x) − f(y)) / (x − y), and f′(x) for y = x: without cancellation.</summary>
        static abstract T Slope(T x, T y, T number);
    }

    /// <summary>
    /// V f(Λ) Vᵀ of a symmetric matrix V Λ Vᵀ. The derivative has divided differences of f for its factors (Daleckii and Krein 1965), which exist at equal
    /// eigenvalues too.
    /// </summary>
    public abstract class OfSpectrum<F>
        where F : IOfEigenvalues
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes, double number = 0)
        {
            (int batch, int size) = sizes;
            using Scratch vectors = new(size * size), values = new(size);
            new Span<T>(y, batch * size * size).Clear();
            for (int b = 0; b < batch; b++)
            {
                DecomposeDefinite(a + b * size * size, vectors.Pointer, values.Pointer, size);
                for (int k = 0; k < size; k++)
                {
                    values.Pointer[k] = F.Of(values.Pointer[k], T.CreateTruncating(number));
                }

                AddSpectrum(vectors.Pointer, values.Pointer, y + b * size * size, size);
            }
        }

        /// <summary>dA += V (F ∘ Vᵀ dY V) Vᵀ; the derivative is symmetric.</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes, double number = 0)
        {
            (int batch, int size) = sizes;
            using Scratch vectors = new(size * size), values = new(size), inner = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                DecomposeDefinite(a.Value + at, vectors.Pointer, values.Pointer, size);
                ToBasis(vectors.Pointer, y.Mirror + at, inner.Pointer, size);
                for (int i = 0; i < size * size; i++)
                {
                    inner.Pointer[i] = Along(F.Slope(values.Pointer[i / size], values.Pointer[i % size], T.CreateTruncating(number)), inner.Pointer[i]);
                }

                AddFromBasis(vectors.Pointer, inner.Pointer, a.Mirror + at, size);
            }
        }

        /// <summary>tY = V (F ∘ Vᵀ tA V) Vᵀ</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes, double number = 0)
        {
            (int batch, int size) = sizes;
            if (y.Mirror != null)
            {
                new Span<T>(y.Mirror, batch * size * size).Clear();
                Gradient(new(a.Value, a.Mirror == null ? null : y.Mirror), new(y.Value, a.Mirror), sizes, number);
            }
        }

        /// <summary>Negative eigenvalues that are rounding errors of the largest count as 0.</summary>
        private static void DecomposeDefinite(T* a, T* vectors, T* values, int size)
        {
            DecomposeSymmetric(a, vectors, values, size);
            T least = -Negligible * T.Max(T.Abs(values[0]), T.Abs(values[size - 1]));
            for (int k = 0; k < size; k++)
            {
                values[k] = values[k] < T.Zero && values[k] >= least ? T.Zero : values[k];
            }
        }
    }

    /// <summary>The square root of a symmetric matrix without negative eigenvalues. The derivative between eigenvalues of 0 is taken as 0.</summary>
    public sealed class SquareRootOfMatrix : OfSpectrum<SquareRootOfMatrix>, IOfEigenvalues
    {
        static T IOfEigenvalues.Of(T x, T number) => T.Sqrt(x);

        static T IOfEigenvalues.Slope(T x, T y, T number) => T.Sqrt(x) + T.Sqrt(y) is var sum && sum == T.Zero ? T.Zero : T.One / sum;
    }

    /// <summary>The logarithm of a symmetric positive definite matrix.</summary>
    public sealed class LogarithmOfMatrix : OfSpectrum<LogarithmOfMatrix>, IOfEigenvalues
    {
        static T IOfEigenvalues.Of(T x, T number) => T.Log(x);

        static T IOfEigenvalues.Slope(T x, T y, T number) => x == y ? T.One / x : LogRatio(x, y) / (x - y);
    }

    /// <summary>A power of a symmetric matrix: of a positive definite one, or a whole one.</summary>
    public sealed class PowerOfMatrix : OfSpectrum<PowerOfMatrix>, IOfEigenvalues
    {
        static T IOfEigenvalues.Of(T x, T number) => T.Pow(x, number);

        static T IOfEigenvalues.Slope(T x, T y, T number)
        {
            if (x == T.Zero && y == T.Zero)
            {
                return number >= T.Zero && number < T.One ? T.Zero : number * T.Pow(x, number - T.One);
            }

            if (x > T.Zero && y > T.Zero && x != y)
            {
                // From the larger of the two powers, so that nothing overflows that the slope does not.
                (x, y) = (x > y) == (number > T.Zero) ? (y, x) : (x, y);
                return T.Pow(y, number) * T.ExpM1(number * LogRatio(x, y)) / (x - y);
            }

            // Differences of powers of numbers that are so close are less exact than the slope between them.
            return T.Abs(x - y) <= T.Sqrt(Negligible) * T.Max(T.Abs(x), T.Abs(y))
                ? number * T.Pow(Half * (x + y), number - T.One)
                : (T.Pow(x, number) - T.Pow(y, number)) / (x - y);
        }
    }

    /// <summary>log(x / y) of positive numbers that may be close, or far apart.</summary>
    private static T LogRatio(T x, T y) =>
        T.Abs(x - y) <= Half * T.Min(x, y) ? (T.One + T.One) * T.Atanh((x - y) / (x + y)) : T.Log(x) - T.Log(y);

    /// <summary>
    /// The exponential of a square matrix: the power series of A / 2ˢ, squared s times, where the largest sum of a row's magnitudes is at most ½ after the division
    /// (Moler and Van Loan, <i>Nineteen dubious ways to compute the exponential of a matrix, twenty-five years later</i>, 2003).
    /// </summary>
    public static class ExponentialOfMatrix
    {
        /// <summary>[batch, size, size] → [batch, size, size]</summary>
        public static void Value(T* a, T* y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            for (int b = 0; b < batch; b++)
            {
                int at = b * size * size;
                Exponential(new(a + at, null), new(y + at, null), size);
            }
        }

        /// <summary>dA += L(Aᵀ, dY), the derivative of exp at Aᵀ along dY (Higham, <i>Functions of Matrices</i>, 2008).</summary>
        public static void Gradient(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            using Scratch transposed = new(size * size), value = new(size * size), slope = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Transpose(a.Value + at, transposed.Pointer, size);
                Exponential(new(transposed.Pointer, y.Mirror + at), new(value.Pointer, slope.Pointer), size);
                AddScaled(new(slope.Pointer, size * size), T.One, new(a.Mirror + at, size * size));
            }
        }

        /// <summary>tY = L(A, tA)</summary>
        public static void Tangent(Dual a, Dual y, (int Batch, int Size) sizes)
        {
            (int batch, int size) = sizes;
            if (y.Mirror == null)
            {
                return;
            }

            new Span<T>(y.Mirror, batch * size * size).Clear();
            using Scratch value = new(size * size);
            for (int b = 0; a.Mirror != null && b < batch; b++)
            {
                int at = b * size * size;
                Exponential(new(a.Value + at, a.Mirror + at), new(value.Pointer, y.Mirror + at), size);
            }
        }

        /// <summary>The exponential, and its derivative along the mirror of A if it has one.</summary>
        private static void Exponential(Dual a, Dual y, int size)
        {
            int length = size * size;
            T norm = T.Zero;
            for (int i = 0; i < size; i++)
            {
                norm = T.Max(norm, TensorPrimitives.SumOfMagnitudes<T>(Row(a.Value, i, size)));
            }

            int squarings = T.IsFinite(norm) && norm > Half ? T.ILogB(norm) + 2 : 0;
            int terms = typeof(T) == typeof(float) ? 8 : 14;
            bool isDual = a.Mirror != null;
            using Scratch scaled = new(length), along = new(isDual ? length : 1), value = new(length), slope = new(isDual ? length : 1);
            Scale(new(a.Value, length), -squarings, new(scaled.Pointer, length));
            new Span<T>(y.Value, length).Clear();
            AddDiagonal(y.Value, T.One, size);
            if (isDual)
            {
                Scale(new(a.Mirror, length), -squarings, new(along.Pointer, length));
                new Span<T>(y.Mirror, length).Clear();
            }

            Dual x = new(scaled.Pointer, isDual ? along.Pointer : null), product = new(value.Pointer, isDual ? slope.Pointer : null);
            for (int k = terms; k > 0; k--)
            {
                Multiply(x, y, product, T.One / T.CreateTruncating(k), size);
                AddDiagonal(product.Value, T.One, size);
                Copy(product, y, length);
            }

            for (int k = 0; k < squarings; k++)
            {
                Multiply(y, y, product, T.One, size);
                Copy(product, y, length);
            }

            static void Multiply(Dual left, Dual right, Dual product, T scale, int size)
            {
                new Span<T>(product.Value, size * size).Clear();
                AddProduct(left.Value, right.Value, scale, product.Value, size);
                if (product.Mirror != null)
                {
                    new Span<T>(product.Mirror, size * size).Clear();
                    AddProduct(left.Mirror, right.Value, scale, product.Mirror, size);
                    AddProduct(left.Value, right.Mirror, scale, product.Mirror, size);
                }
            }

            static void Copy(Dual from, Dual to, int length)
            {
                new Span<T>(from.Value, length).CopyTo(new(to.Value, length));
                if (from.Mirror != null)
                {
                    new Span<T>(from.Mirror, length).CopyTo(new(to.Mirror, length));
                }
            }
        }
    }

    /// <summary>target += scale · A B</summary>
    private static void AddProduct(T* a, T* b, T scale, T* target, int size)
    {
        using MatrixProducts<T> products = new(size);
        products.Add(new(a, size), new(b, size), new(target, size), (size, size, size), scale);
    }

    /// <summary>target += Σₖ wₖ vₖ vₖᵀ, for vectors in rows.</summary>
    private static void AddSpectrum(T* vectors, T* weights, T* target, int size)
    {
        using MatrixProducts<T> products = new(size);
        using Scratch weighted = new(size * size);
        for (int k = 0; k < size; k++)
        {
            TensorPrimitives.Multiply(Row(vectors, k, size), weights[k], Row(weighted.Pointer, k, size));
        }

        products.Add(new MatrixView<T>(vectors, size).Transposed, new(weighted.Pointer, size), new(target, size), (size, size, size), T.One);
    }

    /// <summary>result = Vᵀ (D + Dᵀ) V / 2, for vectors in rows.</summary>
    private static void ToBasis(T* vectors, T* direction, T* result, int size)
    {
        using MatrixProducts<T> products = new(size);
        using Scratch symmetric = new(size * size), product = new(size * size);
        Symmetrize(direction, symmetric.Pointer, size);
        products.Set(new(vectors, size), new(symmetric.Pointer, size), new(product.Pointer, size), (size, size, size), T.One);
        products.Set(new(product.Pointer, size), new MatrixView<T>(vectors, size).Transposed, new(result, size), (size, size, size), T.One);
    }

    /// <summary>target += V M Vᵀ, for vectors in rows.</summary>
    private static void AddFromBasis(T* vectors, T* inner, T* target, int size)
    {
        using MatrixProducts<T> products = new(size);
        using Scratch product = new(size * size);
        products.Set(new(inner, size), new(vectors, size), new(product.Pointer, size), (size, size, size), T.One);
        products.Add(new MatrixView<T>(vectors, size).Transposed, new(product.Pointer, size), new(target, size), (size, size, size), T.One);
    }

    /// <summary>target = (A + Aᵀ) / 2</summary>
    private static void Symmetrize(T* a, T* target, int size)
    {
        Span<T> symmetric = new(target, size * size);
        Transpose(a, target, size);
        TensorPrimitives.Multiply(symmetric, Half, symmetric);
        AddScaled(new(a, size * size), Half, symmetric);
    }

    /// <summary>
    /// A = Σₖ λₖ vₖ vₖᵀ with orthonormal vₖ in rows and λ ascending, for the symmetric part of A: Householder's reflections make it tridiagonal, implicit
    /// shifts of QL diagonal (Martin, Reinsch and Wilkinson 1968; Dubrulle, Martin and Wilkinson 1968). NaN where A is not finite.
    /// </summary>
    private static void DecomposeSymmetric(T* a, T* vectors, T* values, int size)
    {
        int exponent = ExponentOf(new(a, size * size));
        using Scratch work = new(size * size), beside = new(size), product = new(size);
        Scale(new(a, size * size), -exponent, new(vectors, size * size));
        Symmetrize(vectors, work.Pointer, size);
        new Span<T>(vectors, size * size).Clear();
        AddDiagonal(vectors, T.One, size);
        MakeTridiagonal(work.Pointer, vectors, values, beside.Pointer, product.Pointer, size);
        MakeDiagonal(vectors, values, beside.Pointer, size);
        for (int k = 0; k < size; k++)
        {
            int least = k;
            for (int j = k + 1; j < size; j++)
            {
                least = values[j] < values[least] ? j : least;
            }

            if (least != k)
            {
                (values[k], values[least]) = (values[least], values[k]);
                Swap(Row(vectors, k, size), Row(vectors, least, size));
            }

            // The first of equal magnitudes, where IndexOfMaxMagnitude takes a positive one.
            Span<T> vector = Row(vectors, k, size);
            T largest = T.Zero;
            foreach (T element in vector)
            {
                largest = T.Abs(element) > T.Abs(largest) ? element : largest;
            }

            if (largest < T.Zero)
            {
                TensorPrimitives.Negate(vector, vector);
            }

            values[k] = T.ScaleB(values[k], exponent);
        }
    }

    /// <summary>Q A Qᵀ with <paramref name="diagonal"/> and <paramref name="beside"/> it, and Q in <paramref name="q"/>, which begins as the identity; A is used up.</summary>
    private static void MakeTridiagonal(T* a, T* q, T* diagonal, T* beside, T* product, int size)
    {
        for (int k = 0; k < size; k++)
        {
            diagonal[k] = a[k * size + k];
            int rest = size - k - 1;
            if (rest < 2)
            {
                beside[k] = rest == 0 ? T.Zero : a[k * size + k + 1];
                continue;
            }

            // The reflection I − β v vᵀ takes what is right of the diagonal to its first element. Its squares do not vanish beside the rest of the matrix.
            Span<T> v = new(a + k * size + k + 1, rest);
            int exponent = ExponentOf(v);
            Scale(v, -exponent, v);
            T norm = TensorPrimitives.Norm<T>(v), first = v[0] > T.Zero ? -norm : norm;
            beside[k] = T.ScaleB(first, exponent);
            v[0] -= first;
            T square = TensorPrimitives.SumOfSquares<T>(v);
            if (square == T.Zero)
            {
                continue;
            }

            T beta = (T.One + T.One) / square;
            Span<T> p = new(product, rest);
            for (int i = 0; i < rest; i++)
            {
                p[i] = beta * TensorPrimitives.Dot<T>(Part(a, i), v);
            }

            AddScaled(v, -Half * beta * TensorPrimitives.Dot<T>(p, v), p);
            for (int i = 0; i < rest; i++)
            {
                AddScaled(p, -v[i], Part(a, i));
                AddScaled(v, -p[i], Part(a, i));
            }

            Span<T> sum = new(product, size);
            sum.Clear();
            for (int i = 0; i < rest; i++)
            {
                AddScaled(Row(q, k + 1 + i, size), beta * v[i], sum);
            }

            for (int i = 0; i < rest; i++)
            {
                AddScaled(sum, -v[i], Row(q, k + 1 + i, size));
            }

            Span<T> Part(T* matrix, int row) => new(matrix + (k + 1 + row) * size + k + 1, rest);
        }
    }

    private static void MakeDiagonal(T* vectors, T* diagonal, T* beside, int size)
    {
        const int MostSteps = 64;
        T tolerance = Half * (T.BitIncrement(T.One) - T.One), two = T.One + T.One;
        for (int l = 0; l < size; l++)
        {
            for (int step = 0; step < MostSteps; step++)
            {
                int m = l;
                while (m < size - 1 && T.Abs(beside[m]) > tolerance * (T.Abs(diagonal[m]) + T.Abs(diagonal[m + 1])))
                {
                    m++;
                }

                if (m == l)
                {
                    break;
                }

                T g = (diagonal[l + 1] - diagonal[l]) / (two * beside[l]);
                g = diagonal[m] - diagonal[l] + beside[l] / (g + T.CopySign(T.Hypot(g, T.One), g));
                T sin = T.One, cos = T.One, shift = T.Zero;
                int i = m - 1;
                for (; i >= l; i--)
                {
                    T f = sin * beside[i], b = cos * beside[i], r = T.Hypot(f, g);
                    beside[i + 1] = r;
                    if (r == T.Zero)
                    {
                        diagonal[i + 1] -= shift;
                        break;
                    }

                    (sin, cos) = (f / r, g / r);
                    g = diagonal[i + 1] - shift;
                    r = (diagonal[i] - g) * sin + two * cos * b;
                    shift = sin * r;
                    diagonal[i + 1] = g + shift;
                    g = cos * r - b;
                    Turn(Row(vectors, i, size), Row(vectors, i + 1, size), cos, sin);
                }

                if (i < l)
                {
                    diagonal[l] -= shift;
                    beside[l] = g;
                }

                beside[m] = T.Zero;
            }
        }
    }
}
