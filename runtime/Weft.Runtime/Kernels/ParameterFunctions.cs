using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Weft.Execution;

namespace Weft.Kernels;

/// <summary>
/// Functions from parameters to tensors that a map's formula uses, a class for each with its value and derivatives. Tensors are
/// row-major and contiguous. Arguments come before the result, then extents and the function's number. A derivative takes each tensor with its
/// mirror: gradients of arguments are added to; a null gradient or tangent is not wanted, or zero.
/// </summary>
public static unsafe partial class ParameterFunctions<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private static readonly T Half = T.One / (T.One + T.One);

    /// <summary>From here on a sum of squares has lost nothing that counts to the least number that there is: that number over the spacing at 1.</summary>
    private static readonly T LeastSquare = T.ScaleB(T.One, typeof(T) == typeof(float) ? -103 : -970);

    /// <summary>A tensor with its mirror: the gradient for it, or its tangent.</summary>
    /// <param name="value">The tensor's first element.</param>
    /// <param name="mirror">The first element of its gradient or tangent; or null.</param>
    public readonly struct Dual(T* value, T* mirror)
    {
        /// <summary>The tensor's first element.</summary>
        public readonly T* Value = value;

        /// <summary>The first element of its gradient or tangent; or null.</summary>
        public readonly T* Mirror = mirror;
    }

    /// <summary>Draws a tensor; as <see cref="float"/> an element is the rounded <see cref="double"/>.</summary>
    /// <param name="target">∏ shape elements; overwritten.</param>
    /// <param name="shape">The extent of each axis.</param>
    /// <param name="initializer">The distribution with its scale.</param>
    /// <param name="seed">The seed of all elements.</param>
    public static void Draw(T* target, IReadOnlyList<int> shape, Initializer initializer, int seed)
    {
        foreach (double element in RandomTensor.Elements(shape, initializer.Distribution, initializer.Scale, seed))
        {
            *target++ = T.CreateTruncating(element);
        }
    }

    /// <summary>
    /// What of a row is left after others are taken out of it, or of the largest singular value, counts as rounding errors up to this share:
    /// 32 times the spacing of numbers at 1.
    /// </summary>
    private static readonly T Negligible = T.ScaleB(T.BitIncrement(T.One) - T.One, 5);

    /// <summary>
    /// ‖x‖ = Length · 2^Exponent over the whole range of exponents. The power is 1 where the sum of squares neither overflows nor loses what
    /// counts; else x is scaled by its largest magnitude first, as the BLAS's dnrm2 does. What is not finite gives a length that is not.
    /// </summary>
    private static (T Length, int Exponent) ScaledNorm(ReadOnlySpan<T> x)
    {
        T square = TensorPrimitives.SumOfSquares(x);
        int exponent = T.IsFinite(square) && square >= LeastSquare ? 0 : ExponentOf(x);
        if (exponent == 0)
        {
            return (T.Sqrt(square), 0);
        }

        T sum = T.Zero;
        foreach (T value in x)
        {
            T scaled = T.ScaleB(value, -exponent);
            sum += scaled * scaled;
        }

        return (T.Sqrt(sum), exponent);
    }

    /// <summary>The binary exponent of the largest magnitude; 0 where all are 0, or one is not finite.</summary>
    private static int ExponentOf(ReadOnlySpan<T> x)
    {
        T most = T.Abs(TensorPrimitives.MaxMagnitude(x));
        return most == T.Zero || !T.IsFinite(most) ? 0 : T.ILogB(most);
    }

    /// <summary>target = x / ‖x‖, and 0 for 0; may be in place.</summary>
    private static void Normalize(ReadOnlySpan<T> x, Span<T> target)
    {
        (T length, int exponent) = ScaledNorm(x);
        Scale(x, -exponent, target);
        TensorPrimitives.Divide(target, length == T.Zero ? T.One : length, target);
    }

    /// <summary>target = x · 2^exponent; may be in place.</summary>
    private static void Scale(ReadOnlySpan<T> x, int exponent, Span<T> target)
    {
        if (exponent == 0)
        {
            x.CopyTo(target);
            return;
        }

        for (int i = 0; i < x.Length; i++)
        {
            target[i] = T.ScaleB(x[i], exponent);
        }
    }

    /// <summary>
    /// The slope along a change, and 0 along none whatever the slope: what <see cref="Where"/> keeps from a pole has no derivative there.
    /// </summary>
    private static T Along(T slope, T change) => change == T.Zero ? T.Zero : slope * change;

    private static Span<T> Row(T* matrix, int row, int length) => new(matrix + (nint)row * length, length);

    private static void AddScaled(ReadOnlySpan<T> x, T scale, Span<T> target) => TensorPrimitives.MultiplyAdd(x, scale, target, target);

    /// <summary>Memory for one call, outside the garbage collector's heap.</summary>
    public readonly ref struct Scratch : IDisposable
    {
        private readonly MemoryManager<T>? guarded;

        /// <summary>Room for so many elements, whose content is arbitrary; null for none.</summary>
        public Scratch(int length)
        {
            if (length == 0)
            {
                return;
            }

            guarded = AlignedBuffer<T>.Guarded?.Invoke(length);
            Pointer = guarded != null ? (T*)guarded.Pin().Pointer : (T*)NativeMemory.Alloc((nuint)length, (nuint)sizeof(T));
        }

        public T* Pointer { get; }

        public void Dispose()
        {
            if (guarded != null)
            {
                ((IDisposable)guarded).Dispose();
            }
            else
            {
                NativeMemory.Free(Pointer);
            }
        }
    }
}
