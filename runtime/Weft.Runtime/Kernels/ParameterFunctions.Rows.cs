using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
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
        public static void Gradient(Dual x, Dual y, (int Rows, int Length) sizes, int count = 0)
        {
            (int rows, int length) = sizes;
            for (int row = 0; x.Mirror != null && row < rows; row++)
            {
                TFunction.AddJacobian(Row(x.Value, row, length), Row(y.Value, row, length), Row(y.Mirror, row, length), Row(x.Mirror, row, length));
            }
        }

        /// <summary>ty = J tx, row by row.</summary>
        public static void Tangent(Dual x, Dual y, (int Rows, int Length) sizes, int count = 0)
        {
            (int rows, int length) = sizes;
            if (y.Mirror != null)
            {
                new Span<T>(y.Mirror, rows * length).Clear();
                Gradient(new(x.Value, x.Mirror == null ? null : y.Mirror), new(y.Value, x.Mirror), sizes);
            }
        }
    }

    /// <summary>eˣ / Σ eˣ along each row.</summary>
    public sealed class Softmax : Symmetric<Softmax>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]; finite whatever the size of the logits. What is outside the bounds of a row is zero.</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes, RowBounds? bounds = null)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                (int from, int to) = bounds?.Of(row, length) ?? (0, length);
                nint start = (nint)row * length;
                new Span<T>(y + start, from).Clear();
                Value(x + start + from, y + start + from, to - from);
                new Span<T>(y + start + to, length - to).Clear();
            }
        }

        private static void Value(T* x, T* y, int length)
        {
            T sum = Elements<T>.Sum(new Powers(x, y, Elements<T>.Largest(new Terms(x), length)), length);
            Elements<T>.Run(new Scaled(y, T.One / sum), length);
        }

        private readonly struct Terms(T* x) : IElementwiseTerms<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V At<S, V>(int i)
                where S : struct, ILanes<T, V>
                where V : struct => S.Load(x + i);
        }

        /// <summary>y = exp(x − largest), which is kept and added up.</summary>
        private readonly struct Powers(T* x, T* y, T largest) : IElementwiseTerms<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V At<S, V>(int i)
                where S : struct, ILanes<T, V>
                where V : struct
            {
                V power = LaneMath<T>.Exp<S, V>(S.Subtract(S.Load(x + i), S.Broadcast(largest)));
                S.Store(power, y + i);
                return power;
            }
        }

        private readonly struct Scaled(T* y, T factor) : IElementwiseLoop<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<S, V>(int i)
                where S : struct, ILanes<T, V>
                where V : struct => S.Store(S.Multiply(S.Load(y + i), S.Broadcast(factor)), y + i);
        }

        static void ISymmetric.AddJacobian(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> direction, Span<T> target) =>
            AddSoftmaxJacobian(y, direction, target);
    }

    /// <summary>Each row divided by its norm; a zero row stays zero, with derivative 0.</summary>
    public sealed class NormalizeRows : Symmetric<NormalizeRows>, ISymmetric
    {
        /// <summary>[rows, length] → [rows, length]</summary>
        public static void Value(T* x, T* y, (int Rows, int Length) sizes)
        {
            (int rows, int length) = sizes;
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
        public static void Value(T* x, T* y, (int Rows, int Length) sizes)
        {
            (int rows, int length) = sizes;
            for (int row = 0; row < rows; row++)
            {
                (T norm, int exponent) = ScaledNorm(Row(x, row, length));
                y[row] = T.ScaleB(norm, exponent);
            }
        }

        /// <summary>dx += dy · x / y</summary>
        public static void Gradient(Dual x, Dual y, (int Rows, int Length) sizes)
        {
            (int rows, int length) = sizes;
            using Scratch direction = new(length);
            for (int row = 0; x.Mirror != null && row < rows; row++)
            {
                Normalize(Row(x.Value, row, length), Row(direction.Pointer, 0, length));
                AddScaled(Row(direction.Pointer, 0, length), y.Mirror[row], Row(x.Mirror, row, length));
            }
        }

        /// <summary>ty = ⟨x / y, tx⟩</summary>
        public static void Tangent(Dual x, Dual y, (int Rows, int Length) sizes)
        {
            (int rows, int length) = sizes;
            using Scratch direction = new(length);
            for (int row = 0; y.Mirror != null && row < rows; row++)
            {
                Normalize(Row(x.Value, row, length), Row(direction.Pointer, 0, length));
                y.Mirror[row] = x.Mirror == null ? T.Zero : TensorPrimitives.Dot<T>(Row(direction.Pointer, 0, length), Row(x.Mirror, row, length));
            }
        }
    }

    /// <summary>As <see cref="RowNorms"/>, of the columns.</summary>
    public static class ColumnNorms
    {
        /// <summary>[batch, rows, columns] → [batch, columns]</summary>
        public static void Value(T* x, T* y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using Transposed tx = new(x, batch, rows, columns);
            RowNorms.Value(tx.Pointer, y, (batch * columns, rows));
        }

        /// <summary>dx += dy · x / y</summary>
        public static void Gradient(Dual x, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (x.Mirror != null)
            {
                using Transposed tx = new(x.Value, batch, rows, columns), tdx = new(x.Mirror, batch, rows, columns);
                RowNorms.Gradient(new(tx.Pointer, tdx.Pointer), y, (batch * columns, rows));
                tdx.WriteBack(x.Mirror);
            }
        }

        /// <summary>ty = ⟨x / y, tx⟩</summary>
        public static void Tangent(Dual x, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using Transposed transposed = new(x.Value, batch, rows, columns), tangent = new(x.Mirror, batch, rows, columns);
            RowNorms.Tangent(new(transposed.Pointer, tangent.Pointer), y, (batch * columns, rows));
        }
    }

    /// <summary>As <see cref="NormalizeRows"/>, of the columns.</summary>
    public static class NormalizeColumns
    {
        /// <summary>[batch, rows, columns] → [batch, rows, columns]</summary>
        public static void Value(T* x, T* y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            using Transposed t = new(x, batch, rows, columns);
            NormalizeRows.Value(t.Pointer, t.Pointer, (batch * columns, rows));
            t.WriteBack(y);
        }

        /// <summary>dx += J dy, column by column.</summary>
        public static void Gradient(Dual x, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (x.Mirror != null)
            {
                using Transposed tx = new(x.Value, batch, rows, columns), ty = new(y.Value, batch, rows, columns);
                using Transposed tdy = new(y.Mirror, batch, rows, columns), tdx = new(x.Mirror, batch, rows, columns);
                NormalizeRows.Gradient(new(tx.Pointer, tdx.Pointer), new(ty.Pointer, tdy.Pointer), (batch * columns, rows));
                tdx.WriteBack(x.Mirror);
            }
        }

        /// <summary>ty = J tx, column by column.</summary>
        public static void Tangent(Dual x, Dual y, (int Batch, int Rows, int Columns) sizes)
        {
            (int batch, int rows, int columns) = sizes;
            if (y.Mirror != null)
            {
                new Span<T>(y.Mirror, batch * rows * columns).Clear();
                Gradient(new(x.Value, x.Mirror == null ? null : y.Mirror), new(y.Value, x.Mirror), sizes);
            }
        }
    }

    /// <summary>exp(−γ |p − q|²) for every row p of one matrix and every row q of another.</summary>
    public static class Rbf
    {
        /// <summary>[ps, length], [qs, length] → [ps, qs]</summary>
        public static void Value(T* p, T* q, T* y, (int Ps, int Qs, int Length) sizes, double gamma)
        {
            (int ps, int qs, int length) = sizes;
            for (int i = 0; i < ps * qs; i++)
            {
                T distance = TensorPrimitives.Distance<T>(Row(p, i / qs, length), Row(q, i % qs, length));
                y[i] = T.Exp(T.CreateTruncating(-gamma) * distance * distance);
            }
        }

        /// <summary>dp −= 2γ dy y (p − q), dq += 2γ dy y (p − q)</summary>
        public static void Gradient(Dual p, Dual q, Dual y, (int Ps, int Qs, int Length) sizes, double gamma)
        {
            (int ps, int qs, int length) = sizes;
            for (int i = 0; i < ps * qs; i++)
            {
                T slope = T.CreateTruncating(2 * gamma) * y.Mirror[i] * y.Value[i];
                for (int j = 0; slope != T.Zero && j < length; j++)
                {
                    T change = slope * (p.Value[i / qs * length + j] - q.Value[i % qs * length + j]);
                    if (p.Mirror != null)
                    {
                        p.Mirror[i / qs * length + j] -= change;
                    }

                    if (q.Mirror != null)
                    {
                        q.Mirror[i % qs * length + j] += change;
                    }
                }
            }
        }

        /// <summary>ty = −2γ y ⟨p − q, tp − tq⟩</summary>
        public static void Tangent(Dual p, Dual q, Dual y, (int Ps, int Qs, int Length) sizes, double gamma)
        {
            (int ps, int qs, int length) = sizes;
            for (int i = 0; y.Mirror != null && i < ps * qs; i++)
            {
                T sum = T.Zero;
                for (int j = 0; j < length; j++)
                {
                    int a = i / qs * length + j, b = i % qs * length + j;
                    sum += (p.Value[a] - q.Value[b]) * ((p.Mirror == null ? T.Zero : p.Mirror[a]) - (q.Mirror == null ? T.Zero : q.Mirror[b]));
                }

                y.Mirror[i] = T.CreateTruncating(-2 * gamma) * y.Value[i] * sum;
            }
        }
    }

    /// <summary>|p − q| in the norm of a power for every row p of one matrix and every row q of another; at equal rows the derivative is 0.</summary>
    public static class Distances
    {
        /// <summary>[batch, ps, length], [batch, qs, length] → [batch, ps, qs], with <paramref name="power"/> 1 or more.</summary>
        public static void Value(T* p, T* q, T* y, (int Batch, int Ps, int Qs, int Length) sizes, double power)
        {
            (int batch, int ps, int qs, int length) = sizes;
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
        public static void Gradient(Dual p, Dual q, Dual y, (int Batch, int Ps, int Qs, int Length) sizes, double power)
        {
            (int batch, int ps, int qs, int length) = sizes;
            for (int i = 0; i < batch * ps * qs; i++)
            {
                nint a = i / qs * length, b = (i / (ps * qs) * qs + i % qs) * length;
                for (int j = 0; y.Value[i] != T.Zero && j < length; j++)
                {
                    T slope = y.Mirror[i] * Slope(p.Value[a + j] - q.Value[b + j], y.Value[i], power);
                    if (p.Mirror != null)
                    {
                        p.Mirror[a + j] += slope;
                    }

                    if (q.Mirror != null)
                    {
                        q.Mirror[b + j] -= slope;
                    }
                }
            }
        }

        /// <summary>ty = ⟨sign(p − q) (|p − q| / y)^(power − 1), tp − tq⟩</summary>
        public static void Tangent(Dual p, Dual q, Dual y, (int Batch, int Ps, int Qs, int Length) sizes, double power)
        {
            (int batch, int ps, int qs, int length) = sizes;
            for (int i = 0; y.Mirror != null && i < batch * ps * qs; i++)
            {
                nint a = i / qs * length, b = (i / (ps * qs) * qs + i % qs) * length;
                y.Mirror[i] = T.Zero;
                for (int j = 0; y.Value[i] != T.Zero && j < length; j++)
                {
                    T change = (p.Mirror == null ? T.Zero : p.Mirror[a + j]) - (q.Mirror == null ? T.Zero : q.Mirror[b + j]);
                    y.Mirror[i] += Slope(p.Value[a + j] - q.Value[b + j], y.Value[i], power) * change;
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
        fixed (T* values = y, directions = direction, results = target)
        {
            T mean = Elements<T>.Sum(new Products(values, directions), y.Length);
            Elements<T>.Run(new SoftmaxChange(values, directions, results, mean), y.Length);
        }
    }

    private readonly struct Products(T* x, T* y) : IElementwiseTerms<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct => S.Multiply(S.Load(x + i), S.Load(y + i));
    }

    private readonly struct SoftmaxChange(T* y, T* direction, T* target, T mean) : IElementwiseLoop<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct =>
            S.Store(S.FusedMultiplyAdd(S.Load(y + i), S.Subtract(S.Load(direction + i), S.Broadcast(mean)), S.Load(target + i)), target + i);
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
