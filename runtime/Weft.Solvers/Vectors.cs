using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Weft.Kernels;

namespace Weft.Solvers;

/// <summary>What solvers do with vectors; what reads one that another has just read is one loop.</summary>
internal static unsafe class Vectors<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Squares of numbers that are farther from 1, and their sums, may overflow or vanish in T.</summary>
    private static readonly double Small = typeof(T) == typeof(float) ? 1e-15 : 1e-140, Large = 1 / Small;

    public static double Dot(ReadOnlySpan<T> a, ReadOnlySpan<T> b) => double.CreateTruncating(TensorPrimitives.Dot(a, b));

    /// <summary>y += α x</summary>
    public static void Add(double alpha, ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.MultiplyAdd(x, T.CreateTruncating(alpha), y, y);

    /// <summary>x = α x</summary>
    public static void Scale(double alpha, Span<T> x) => TensorPrimitives.Multiply(x, T.CreateTruncating(alpha), x);

    /// <summary>The Euclidean norm, whatever the size of the elements.</summary>
    public static double Norm(ReadOnlySpan<T> x)
    {
        double norm = double.CreateTruncating(TensorPrimitives.Norm(x));
        return norm > Small && norm < Large ? norm : Gradients.Norm(x);
    }

    /// <summary>x = x / ‖x‖, or 0 where that is all there is.</summary>
    /// <returns>The norm that it had.</returns>
    public static double Normalize(Span<T> x)
    {
        double norm = Norm(x);
        if (norm > 0)
        {
            TensorPrimitives.Divide(x, T.CreateTruncating(norm), x);
        }

        return norm;
    }

    /// <summary>r −= α q</summary>
    /// <returns>‖r‖²</returns>
    public static double SubtractAndSquare(double alpha, ReadOnlySpan<T> q, Span<T> r)
    {
        fixed (T* pq = q, pr = r)
        {
            return double.CreateTruncating(Elements<T>.Sum(new Subtraction(T.CreateTruncating(-alpha), pq, pr), r.Length));
        }
    }

    /// <summary>r −= α q</summary>
    /// <returns>rᵀ v</returns>
    public static double SubtractAndMultiply(double alpha, ReadOnlySpan<T> q, Span<T> r, ReadOnlySpan<T> v)
    {
        fixed (T* pq = q, pr = r, pv = v)
        {
            return double.CreateTruncating(Elements<T>.Sum(new SubtractionBeside(T.CreateTruncating(-alpha), pq, pr, pv), r.Length));
        }
    }

    /// <summary>w = α v + β u + γ w, then x += δ w.</summary>
    public static void Turn((double Alpha, double Beta, double Gamma, double Delta) factors, ReadOnlySpan<T> v, ReadOnlySpan<T> u, Span<T> w, Span<T> x)
    {
        fixed (T* pv = v, pu = u, pw = w, px = x)
        {
            var turn = new Turning(pv, pu, pw, px)
            {
                Alpha = T.CreateTruncating(factors.Alpha),
                Beta = T.CreateTruncating(factors.Beta),
                Gamma = T.CreateTruncating(factors.Gamma),
                Delta = T.CreateTruncating(factors.Delta),
            };
            Elements<T>.Run(turn, x.Length);
        }
    }

    /// <summary>x += α p, then p = z + β p.</summary>
    public static void Advance(double alpha, Span<T> x, double beta, Span<T> p, ReadOnlySpan<T> z)
    {
        fixed (T* px = x, pp = p, pz = z)
        {
            Elements<T>.Run(new Advancement(T.CreateTruncating(alpha), px, T.CreateTruncating(beta), pp, pz), x.Length);
        }
    }

    /// <summary>The k-th of rows of n elements.</summary>
    public static Span<T> Row(Span<T> rows, int k, int n) => rows.Slice(k * n, n);

    /// <summary>Puts one row in the place of another.</summary>
    public static void Move(Span<T> rows, int from, int to, int n) => Row(rows, from, n).CopyTo(Row(rows, to, n));

    /// <summary>Exchanges two rows.</summary>
    public static void Swap(Span<T> rows, int a, int b, int n)
    {
        Span<T> first = Row(rows, a, n), second = Row(rows, b, n);
        for (int i = 0; i < n; i++)
        {
            (first[i], second[i]) = (second[i], first[i]);
        }
    }

    private readonly struct Subtraction(T factor, T* q, T* r) : IElementwiseTerms<T>
    {
        private readonly T* _q = q, _r = r;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V left = S.FusedMultiplyAdd(S.Load(_q + i), S.Broadcast(factor), S.Load(_r + i));
            S.Store(left, _r + i);
            return S.Multiply(left, left);
        }
    }

    private readonly struct SubtractionBeside(T factor, T* q, T* r, T* v) : IElementwiseTerms<T>
    {
        private readonly T* _q = q, _r = r, _v = v;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V left = S.FusedMultiplyAdd(S.Load(_q + i), S.Broadcast(factor), S.Load(_r + i));
            S.Store(left, _r + i);
            return S.Multiply(left, S.Load(_v + i));
        }
    }

    private readonly struct Turning(T* v, T* u, T* w, T* x) : IElementwiseLoop<T>
    {
        private readonly T* _v = v, _u = u, _w = w, _x = x;

        public T Alpha { get; init; }

        public T Beta { get; init; }

        public T Gamma { get; init; }

        public T Delta { get; init; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V direction = S.FusedMultiplyAdd(S.Load(_v + i), S.Broadcast(Alpha), S.Multiply(S.Load(_w + i), S.Broadcast(Gamma)));
            direction = S.FusedMultiplyAdd(S.Load(_u + i), S.Broadcast(Beta), direction);
            S.Store(direction, _w + i);
            S.Store(S.FusedMultiplyAdd(direction, S.Broadcast(Delta), S.Load(_x + i)), _x + i);
        }
    }

    private readonly struct Advancement(T alpha, T* x, T beta, T* p, T* z) : IElementwiseLoop<T>
    {
        private readonly T* _x = x, _p = p, _z = z;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V direction = S.Load(_p + i);
            S.Store(S.FusedMultiplyAdd(direction, S.Broadcast(alpha), S.Load(_x + i)), _x + i);
            S.Store(S.FusedMultiplyAdd(direction, S.Broadcast(beta), S.Load(_z + i)), _p + i);
        }
    }
}
