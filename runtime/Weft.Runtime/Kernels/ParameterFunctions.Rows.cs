using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Weft.Kernels;

/// <content>Functions of the rows or columns of a matrix.</content>
public static unsafe partial class ParameterFunctions<T>
{
    /// <summary>A function from vectors to vectors of the same length whose Jacobian is symmetric.</summary>
    public interface ISymmetric
    {
        /// <summary>target += J(x) direction, where y = f(x)</summary>
        static abstract void AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target);
    }

    /// <summary>Both derivatives at once: tensors of [rows, length], and what else the value takes.</summary>
    public abstract class Symmetric<TFunction>
        where TFunction : ISymmetric
    {
        /// <summary>dx += J dy, row by row.</summary>
        public static void Gradient(T* x, T* y, T* dy, T* dx, int rows, int length, int count = 0)
        {
            for (int row = 0; dx != null && row < rows; row++)
            {
                TFunction.AddJacobian(Row(x, row, length), Row(y, row, length), Row(dy, row, length), Row(dx, row, length));
            }
        }

        /// <summary>ty = J tx, row by row.</summary>
        public static void Tangent(T* x, T* y, T* tx, T* ty, int rows, int length, int count = 0)
        {
            if (ty != null)
            {
                new Span<T>(ty, rows * length).Clear();
                Gradient(x, y, tx, tx == null ? null : ty, rows, length);
            }
        }
    }

    /// <summary>eˣ / Σ eˣ along each row.</summary>
    public sealed class Softmax : Symmetric<Softmax>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]; finite whatever the size of the logits.</summary>
        public static void Value(T* x, T* y, int rows, int length)
        {
            for (int row = 0; row < rows; row++)
            {
                Span<T> target = Row(y, row, length);
                TensorPrimitives.Subtract(Row(x, row, length), TensorPrimitives.Max<T>(Row(x, row, length)), target);
                TensorPrimitives.Exp(target, target);
                TensorPrimitives.Divide(target, TensorPrimitives.Sum<T>(target), target);
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddSoftmaxJacobian(y, direction, target);
    }

    /// <summary>Each row divided by its norm; a zero row stays zero, with derivative 0.</summary>
    public sealed class NormalizeRows : Symmetric<NormalizeRows>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, int rows, int length)
        {
            for (int row = 0; row < rows; row++)
            {
                Normalize(Row(x, row, length), Row(y, row, length));
            }
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target)
        {
            (T norm, int exponent) = ScaledNorm(x);
            T along = TensorPrimitives.Dot(y, direction);
            for (int i = 0; norm != T.Zero && i < x.Length; i++)
            {
                T change = (direction[i] - y[i] * along) / norm;
                target[i] += exponent == 0 ? change : T.ScaleB(change, -exponent);
            }
        }
    }

    /// <summary>The Euclidean norm of each row; at a zero row the derivative is 0.</summary>
    public static class RowNorms
    {
        /// <summary>[rows, length] → [rows]</summary>
        public static void Value(T* x, T* y, int rows, int length)
        {
            for (int row = 0; row < rows; row++)
            {
                (T norm, int exponent) = ScaledNorm(Row(x, row, length));
                y[row] = T.ScaleB(norm, exponent);
            }
        }

        /// <summary>dx += dy · x / y</summary>
        public static void Gradient(T* x, T* y, T* dy, T* dx, int rows, int length)
        {
            using Scratch direction = new(length);
            for (int row = 0; dx != null && row < rows; row++)
            {
                Normalize(Row(x, row, length), Row(direction.Pointer, 0, length));
                AddScaled(Row(direction.Pointer, 0, length), dy[row], Row(dx, row, length));
            }
        }

        /// <summary>ty = ⟨x / y, tx⟩</summary>
        public static void Tangent(T* x, T* y, T* tx, T* ty, int rows, int length)
        {
            using Scratch direction = new(length);
            for (int row = 0; ty != null && row < rows; row++)
            {
                Normalize(Row(x, row, length), Row(direction.Pointer, 0, length));
                ty[row] = tx == null ? T.Zero : TensorPrimitives.Dot<T>(Row(direction.Pointer, 0, length), Row(tx, row, length));
            }
        }
    }

    /// <summary>As <see cref="RowNorms"/>, of the columns.</summary>
    public static class ColumnNorms
    {
        /// <summary>[batch, rows, columns] → [batch, columns]</summary>
        public static void Value(T* x, T* y, int batch, int rows, int columns)
        {
            using Transposed tx = new(x, batch, rows, columns);
            RowNorms.Value(tx.Pointer, y, batch * columns, rows);
        }

        /// <summary>dx += dy · x / y</summary>
        public static void Gradient(T* x, T* y, T* dy, T* dx, int batch, int rows, int columns)
        {
            if (dx != null)
            {
                using Transposed tx = new(x, batch, rows, columns), tdx = new(dx, batch, rows, columns);
                RowNorms.Gradient(tx.Pointer, y, dy, tdx.Pointer, batch * columns, rows);
                tdx.WriteBack(dx);
            }
        }

        /// <summary>ty = ⟨x / y, tx⟩</summary>
        public static void Tangent(T* x, T* y, T* tx, T* ty, int batch, int rows, int columns)
        {
            using Transposed transposed = new(x, batch, rows, columns), tangent = new(tx, batch, rows, columns);
            RowNorms.Tangent(transposed.Pointer, y, tangent.Pointer, ty, batch * columns, rows);
        }
    }

    /// <summary>As <see cref="NormalizeRows"/>, of the columns.</summary>
    public static class NormalizeColumns
    {
        /// <summary>[batch, rows, columns] → [batch, rows, columns]</summary>
        public static void Value(T* x, T* y, int batch, int rows, int columns)
        {
            using Transposed t = new(x, batch, rows, columns);
            NormalizeRows.Value(t.Pointer, t.Pointer, batch * columns, rows);
            t.WriteBack(y);
        }

        /// <summary>dx += J dy, column by column.</summary>
        public static void Gradient(T* x, T* y, T* dy, T* dx, int batch, int rows, int columns)
        {
            if (dx != null)
            {
                using Transposed tx = new(x, batch, rows, columns), ty = new(y, batch, rows, columns);
                using Transposed tdy = new(dy, batch, rows, columns), tdx = new(dx, batch, rows, columns);
                NormalizeRows.Gradient(tx.Pointer, ty.Pointer, tdy.Pointer, tdx.Pointer, batch * columns, rows);
                tdx.WriteBack(dx);
            }
        }

        /// <summary>ty = J tx, column by column.</summary>
        public static void Tangent(T* x, T* y, T* tx, T* ty, int batch, int rows, int columns)
        {
            if (ty != null)
            {
                new Span<T>(ty, batch * rows * columns).Clear();
                Gradient(x, y, tx, tx == null ? null : ty, batch, rows, columns);
            }
        }
    }

    /// <summary>exp(−γ |p − q|²) for every row p of one matrix and every row q of another.</summary>
    public static class Rbf
    {
        /// <summary>[ps, length], [qs, length] → [ps, qs]</summary>
        public static void Value(T* p, T* q, T* y, int ps, int qs, int length, double gamma)
        {
            for (int i = 0; i < ps * qs; i++)
            {
                T distance = TensorPrimitives.Distance<T>(Row(p, i / qs, length), Row(q, i % qs, length));
                y[i] = T.Exp(T.CreateTruncating(-gamma) * distance * distance);
            }
        }

        /// <summary>dp −= 2γ dy y (p − q), dq += 2γ dy y (p − q)</summary>
        public static void Gradient(T* p, T* q, T* y, T* dy, T* dp, T* dq, int ps, int qs, int length, double gamma)
        {
            for (int i = 0; i < ps * qs; i++)
            {
                T slope = T.CreateTruncating(2 * gamma) * dy[i] * y[i];
                for (int j = 0; slope != T.Zero && j < length; j++)
                {
                    T change = slope * (p[i / qs * length + j] - q[i % qs * length + j]);
                    if (dp != null)
                    {
                        dp[i / qs * length + j] -= change;
                    }

                    if (dq != null)
                    {
                        dq[i % qs * length + j] += change;
                    }
                }
            }
        }

        /// <summary>ty = −2γ y ⟨p − q, tp − tq⟩</summary>
        public static void Tangent(T* p, T* q, T* y, T* tp, T* tq, T* ty, int ps, int qs, int length, double gamma)
        {
            for (int i = 0; ty != null && i < ps * qs; i++)
            {
                T sum = T.Zero;
                for (int j = 0; j < length; j++)
                {
                    int a = i / qs * length + j, b = i % qs * length + j;
                    sum += (p[a] - q[b]) * ((tp == null ? T.Zero : tp[a]) - (tq == null ? T.Zero : tq[b]));
                }

                ty[i] = T.CreateTruncating(-2 * gamma) * y[i] * sum;
            }
        }
    }

    /// <summary>|p − q| in the norm of a power for every row p of one matrix and every row q of another; at equal rows the derivative is 0.</summary>
    public static class Distances
    {
        /// <summary>[batch, ps, length], [batch, qs, length] → [batch, ps, qs], with <paramref name="power"/> 1 or more.</summary>
        public static void Value(T* p, T* q, T* y, int batch, int ps, int qs, int length, double power)
        {
            for (int i = 0; i < batch * ps * qs; i++)
            {
                T* a = p + i / qs * length, b = q + (i / (ps * qs) * qs + i % qs) * length;
                T most = T.Zero, sum = T.Zero;
                for (int j = 0; j < length; j++)
                {
                    most = T.Max(most, T.Abs(a[j] - b[j]));
                }

                // In units of the largest, so that no power leaves the range of numbers.
                for (int j = 0; most != T.Zero && j < length; j++)
                {
                    sum += Raise(T.Abs(a[j] - b[j]) / most, power);
                }

                y[i] = most * (power == 2 ? T.Sqrt(sum) : Raise(sum, 1 / power));
            }
        }

        /// <summary>dp += s, dq −= s, where s = dy · sign(p − q) (|p − q| / y)^(power − 1)</summary>
        public static void Gradient(T* p, T* q, T* y, T* dy, T* dp, T* dq, int batch, int ps, int qs, int length, double power)
        {
            for (int i = 0; i < batch * ps * qs; i++)
            {
                nint a = i / qs * length, b = (i / (ps * qs) * qs + i % qs) * length;
                for (int j = 0; y[i] != T.Zero && j < length; j++)
                {
                    T slope = dy[i] * Slope(p[a + j] - q[b + j], y[i], power);
                    if (dp != null)
                    {
                        dp[a + j] += slope;
                    }

                    if (dq != null)
                    {
                        dq[b + j] -= slope;
                    }
                }
            }
        }

        /// <summary>ty = ⟨sign(p − q) (|p − q| / y)^(power − 1), tp − tq⟩</summary>
        public static void Tangent(T* p, T* q, T* y, T* tp, T* tq, T* ty, int batch, int ps, int qs, int length, double power)
        {
            for (int i = 0; ty != null && i < batch * ps * qs; i++)
            {
                nint a = i / qs * length, b = (i / (ps * qs) * qs + i % qs) * length;
                ty[i] = T.Zero;
                for (int j = 0; y[i] != T.Zero && j < length; j++)
                {
                    T change = (tp == null ? T.Zero : tp[a + j]) - (tq == null ? T.Zero : tq[b + j]);
                    ty[i] += Slope(p[a + j] - q[b + j], y[i], power) * change;
                }
            }
        }

        private static T Slope(T difference, T distance, double power) =>
            T.CopySign(difference == T.Zero ? T.Zero : Raise(T.Abs(difference) / distance, power - 1), difference);

        private static T Raise(T x, double power) => power switch
        {
            0 => T.One,
            1 => x,
            2 => x * x,
            _ => T.Pow(x, T.CreateTruncating(power)),
        };
    }

    /// <summary>target += y ⊙ (direction − ⟨y, direction⟩), also where zeros stand for what was not chosen.</summary>
    private static void AddSoftmaxJacobian(ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target)
    {
        T mean = TensorPrimitives.Dot(y, direction);
        for (int i = 0; i < y.Length; i++)
        {
            target[i] += y[i] * (direction[i] - mean);
        }
    }

    /// <summary>A copy of matrices with rows and columns exchanged; null stays null.</summary>
    private readonly ref struct Transposed : IDisposable
    {
        private readonly int _batch;
        private readonly int _rows;
        private readonly int _columns;

        public Transposed(T* source, int batch, int rows, int columns)
        {
            (_batch, _rows, _columns) = (batch, rows, columns);
            if (source != null)
            {
                Pointer = (T*)NativeMemory.Alloc((nuint)(batch * rows * columns), (nuint)sizeof(T));
                for (int i = 0; i < batch * rows * columns; i++)
                {
                    Pointer[Place(i)] = source[i];
                }
            }
        }

        public T* Pointer { get; }

        /// <summary>Overwrites matrices with the transposed of this copy.</summary>
        public void WriteBack(T* target)
        {
            for (int i = 0; i < _batch * _rows * _columns; i++)
            {
                target[i] = Pointer[Place(i)];
            }
        }

        public void Dispose() => NativeMemory.Free(Pointer);

        private int Place(int i) => i / (_rows * _columns) * (_rows * _columns) + i % _columns * _rows + i / _columns % _rows;
    }
}
