using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>Transforms that are faster than any product of matrices.</summary>
public static unsafe partial class Transforms<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>y[o] = H x[o] for H = ∏ᵢ (I − 2 vᵢvᵢᵀ / vᵢᵀvᵢ), the factor of row 0 leftmost. A zero row stands for no reflection.</summary>
    /// <param name="x">[outer, size]</param>
    /// <param name="v">[count, size]</param>
    /// <param name="y">[outer, size]; not <paramref name="x"/>.</param>
    /// <param name="sizes">The number of rows and of reflections, and the size of the space.</param>
    /// <param name="transposed">Whether to apply Hᵀ.</param>
    public static void Reflect(T* x, T* v, T* y, (int Outer, int Count, int Size) sizes, bool transposed)
    {
        (int outer, int count, int size) = sizes;
        for (int o = 0; o < outer; o++, x += size, y += size)
        {
            // Each pass subtracts what the reflection before it takes away, and finds the two products of its own.
            T* from = x, before = null;
            T factor = T.Zero;
            for (int k = 0; k <= count; k++)
            {
                T* row = k == count ? null : v + ((nint)(transposed ? k : count - 1 - k) * size);
                (T product, T square) = Vector512.IsHardwareAccelerated ? Reflect<Lanes512<T>, Vector512<T>>(from, before, row, y, factor, size)
                    : Vector256.IsHardwareAccelerated ? Reflect<Lanes256<T>, Vector256<T>>(from, before, row, y, factor, size)
                    : Reflect<Lanes128<T>, Vector128<T>>(from, before, row, y, factor, size);
                T half = square / (T.One + T.One);
                factor = half == T.Zero || T.IsSubnormal(half) ? T.Zero : product / half;
                from = y;
                before = row;
            }
        }
    }

    /// <summary>y = x − factor · u, and the products of v with it and with itself. A null u is zero, and so is a null v.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (T Product, T Square) Reflect<S, V>(T* x, T* u, T* v, T* y, T factor, int size)
        where S : struct, ILanes<T, V>
        where V : struct
    {
        V minus = S.Broadcast(-factor);
        V p0 = S.Zero, p1 = S.Zero, p2 = S.Zero, p3 = S.Zero, q0 = S.Zero, q1 = S.Zero; // two more would be too much for 16 registers
        int i = 0;
        for (; i <= size - (4 * S.Count); i += 4 * S.Count)
        {
            V y0 = S.Load(x + i), y1 = S.Load(x + i + S.Count), y2 = S.Load(x + i + (2 * S.Count)), y3 = S.Load(x + i + (3 * S.Count));
            if (u != null)
            {
                y0 = S.FusedMultiplyAdd(minus, S.Load(u + i), y0);
                y1 = S.FusedMultiplyAdd(minus, S.Load(u + i + S.Count), y1);
                y2 = S.FusedMultiplyAdd(minus, S.Load(u + i + (2 * S.Count)), y2);
                y3 = S.FusedMultiplyAdd(minus, S.Load(u + i + (3 * S.Count)), y3);
            }

            S.Store(y0, y + i);
            S.Store(y1, y + i + S.Count);
            S.Store(y2, y + i + (2 * S.Count));
            S.Store(y3, y + i + (3 * S.Count));
            if (v != null)
            {
                V v0 = S.Load(v + i), v1 = S.Load(v + i + S.Count), v2 = S.Load(v + i + (2 * S.Count)), v3 = S.Load(v + i + (3 * S.Count));
                (p0, q0) = (S.FusedMultiplyAdd(v0, y0, p0), S.FusedMultiplyAdd(v0, v0, q0));
                (p1, q1) = (S.FusedMultiplyAdd(v1, y1, p1), S.FusedMultiplyAdd(v1, v1, q1));
                (p2, q0) = (S.FusedMultiplyAdd(v2, y2, p2), S.FusedMultiplyAdd(v2, v2, q0));
                (p3, q1) = (S.FusedMultiplyAdd(v3, y3, p3), S.FusedMultiplyAdd(v3, v3, q1));
            }
        }

        T product = S.Sum(S.Add(S.Add(p0, p1), S.Add(p2, p3))), square = S.Sum(S.Add(q0, q1));
        for (; i < size; i++)
        {
            y[i] = u == null ? x[i] : x[i] - (factor * u[i]);
            T element = v == null ? T.Zero : v[i];
            product += element * y[i];
            square += element * element;
        }

        return (product, square);
    }
}
