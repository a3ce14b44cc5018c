using System.ComponentModel;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>An elementwise function between the operators of a layer.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum Activation
{
    /// <summary>max(z, 0); the derivative at 0 is 0.</summary>
    Relu,

    /// <summary>½ z (1 + tanh(√(2/π) (z + 0.044715 z³))): the tanh form of Hendrycks and Gimpel, <i>Gaussian Error Linear Units</i>, 2016.</summary>
    Gelu,

    /// <summary>z · sigmoid(z)</summary>
    Silu,

    /// <summary>tanh(z)</summary>
    Tanh,

    /// <summary>1 / (1 + exp(−z))</summary>
    Sigmoid,

    /// <summary>log(1 + exp(z))</summary>
    Softplus,

    /// <summary>exp(z)</summary>
    Exp,

    /// <summary>z²</summary>
    Square,

    /// <summary>√z; the derivative at 0 is taken as 0.</summary>
    Sqrt,

    /// <summary>1 / z</summary>
    Reciprocal,

    /// <summary>½ log((1 + z) / (1 − z))</summary>
    Atanh,
}

/// <summary>Activations and their derivatives over contiguous elements; finite for every finite argument that they are defined for. Results may overwrite arguments in place.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Activations<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Elements at a time: temporaries of this length live on the stack and stay in the first-level cache.</summary>
    private const int Block = 256;

    // Twice the argument of GELU's tanh: 2 √(2/π) (z + 0.044715 z³), since (1 + tanh u) / 2 = sigmoid(2u).
    private static readonly T GeluLinear = T.CreateTruncating(2 * 0.79788456080286535588);
    private static readonly T GeluCubic = T.CreateTruncating(2 * 0.79788456080286535588 * 0.044715);

    // Beyond it GELU is 0 or z to the last bit, and its derivative 0 or 1; the powers of a clamped argument do not overflow.
    private static readonly T GeluRange = T.CreateTruncating(30);

    /// <summary>y = f(z)</summary>
    /// <param name="f">The function.</param>
    /// <param name="z">[length]</param>
    /// <param name="y">[length]; overwritten, and may be <paramref name="z"/>.</param>
    /// <param name="length">The number of elements.</param>
    [SkipLocalsInit]
    public static void Apply(Activation f, T* z, T* y, int length)
    {
        Span<T> a = stackalloc T[Block], b = stackalloc T[Block], c = stackalloc T[Block];
        for (int start = 0; start < length; start += Block)
        {
            int count = Math.Min(Block, length - start);
            Apply(f, new ReadOnlySpan<T>(z + start, count), new Span<T>(y + start, count), a[..count], b[..count], c[..count]);
        }
    }

    /// <summary>dz = f′(z) · dy, or += where <paramref name="accumulate"/>.</summary>
    /// <param name="f">The function.</param>
    /// <param name="z">[length]: the function's argument.</param>
    /// <param name="dy">[length]</param>
    /// <param name="dz">[length]; may be <paramref name="z"/> or <paramref name="dy"/>.</param>
    /// <param name="length">The number of elements.</param>
    /// <param name="accumulate">Whether to add to <paramref name="dz"/>.</param>
    [SkipLocalsInit]
    public static void Derivative(Activation f, T* z, T* dy, T* dz, int length, bool accumulate)
    {
        Span<T> a = stackalloc T[Block], b = stackalloc T[Block], c = stackalloc T[Block];
        for (int start = 0; start < length; start += Block)
        {
            int count = Math.Min(Block, length - start);
            Span<T> slope = a[..count];
            Slope(f, new ReadOnlySpan<T>(z + start, count), slope, b[..count], c[..count]);
            ReadOnlySpan<T> incoming = new(dy + start, count);
            Span<T> target = new(dz + start, count);
            if (accumulate)
            {
                TensorPrimitives.MultiplyAdd(slope, incoming, target, target);
            }
            else
            {
                TensorPrimitives.Multiply(slope, incoming, target);
            }
        }
    }

    private static void Apply(Activation f, ReadOnlySpan<T> z, Span<T> y, Span<T> a, Span<T> b, Span<T> c)
    {
        switch (f)
        {
            case Activation.Relu:
                TensorPrimitives.Max(z, T.Zero, y);
                break;
            case Activation.Gelu:
                GeluGate(z, a, b);
                TensorPrimitives.Multiply(z, a, y);
                break;
            case Activation.Silu:
                TensorPrimitives.Sigmoid(z, a);
                TensorPrimitives.Multiply(z, a, y);
                break;
            case Activation.Tanh:
                TensorPrimitives.Tanh(z, y);
                break;
            case Activation.Sigmoid:
                TensorPrimitives.Sigmoid(z, y);
                break;
            case Activation.Softplus:
                Softplus(z, y, a, b, c);
                break;
            case Activation.Exp:
                TensorPrimitives.Exp(z, y);
                break;
            case Activation.Square:
                TensorPrimitives.Multiply(z, z, y);
                break;
            case Activation.Sqrt:
                TensorPrimitives.Sqrt(z, y);
                break;
            case Activation.Reciprocal:
                TensorPrimitives.Divide(T.One, z, y);
                break;
            case Activation.Atanh:
                TensorPrimitives.Atanh(z, y);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(f), f, null);
        }
    }

    private static void Slope(Activation f, ReadOnlySpan<T> z, Span<T> slope, Span<T> a, Span<T> b)
    {
        switch (f)
        {
            case Activation.Relu:
                Step(z, slope);
                break;
            case Activation.Gelu:
                // s + z s (1 − s) u′ with the gate s = sigmoid(u)
                GeluGate(z, slope, b);
                TensorPrimitives.Subtract(T.One, slope, a);
                TensorPrimitives.Multiply(a, slope, a);
                TensorPrimitives.Multiply(a, b, a);
                TensorPrimitives.Multiply(b, b, b);
                TensorPrimitives.Multiply(b, T.CreateTruncating(3) * GeluCubic, b);
                TensorPrimitives.Add(b, GeluLinear, b);
                TensorPrimitives.MultiplyAdd(a, b, slope, slope);
                break;
            case Activation.Silu:
                // s + z s (1 − s)
                TensorPrimitives.Sigmoid(z, slope);
                TensorPrimitives.Subtract(T.One, slope, a);
                TensorPrimitives.Multiply(a, slope, a);
                TensorPrimitives.MultiplyAdd(a, z, slope, slope);
                break;
            case Activation.Tanh:
                TensorPrimitives.Tanh(z, slope);
                TensorPrimitives.Multiply(slope, slope, slope);
                TensorPrimitives.Subtract(T.One, slope, slope);
                break;
            case Activation.Sigmoid:
                TensorPrimitives.Sigmoid(z, slope);
                TensorPrimitives.Subtract(T.One, slope, a);
                TensorPrimitives.Multiply(a, slope, slope);
                break;
            case Activation.Softplus:
                TensorPrimitives.Sigmoid(z, slope);
                break;
            case Activation.Exp:
                TensorPrimitives.Exp(z, slope);
                break;
            case Activation.Square:
                TensorPrimitives.Add(z, z, slope);
                break;
            case Activation.Sqrt:
                // 1 / (2 √z), and 0 at 0
                Step(z, a);
                TensorPrimitives.Subtract(T.One, a, b);
                TensorPrimitives.Add(b, z, b);
                TensorPrimitives.Sqrt(b, b);
                TensorPrimitives.Add(b, b, b);
                TensorPrimitives.Divide(a, b, slope);
                break;
            case Activation.Reciprocal:
                // −1 / z²
                TensorPrimitives.Multiply(z, z, slope);
                TensorPrimitives.Divide(-T.One, slope, slope);
                break;
            case Activation.Atanh:
                // 1 / (1 − z²)
                TensorPrimitives.Multiply(z, z, slope);
                TensorPrimitives.Subtract(T.One, slope, slope);
                TensorPrimitives.Divide(T.One, slope, slope);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(f), f, null);
        }
    }

    /// <summary>The factor of z in GELU, and the clamped z.</summary>
    private static void GeluGate(ReadOnlySpan<T> z, Span<T> gate, Span<T> clamped)
    {
        TensorPrimitives.Clamp(z, -GeluRange, GeluRange, clamped);
        TensorPrimitives.Multiply(clamped, clamped, gate);
        TensorPrimitives.Multiply(gate, GeluCubic, gate);
        TensorPrimitives.Add(gate, GeluLinear, gate);
        TensorPrimitives.Multiply(gate, clamped, gate);
        TensorPrimitives.Sigmoid(gate, gate);
    }

    /// <summary>
    /// max(z, 0) + log(1 + e) with e = exp(−|z|) ≤ 1. What rounding 1 + e to u loses is put back: log(1 + e) ≈ log u + (e − (u − 1)) / u,
    /// so that the result keeps its relative accuracy where it is small.
    /// </summary>
    private static void Softplus(ReadOnlySpan<T> z, Span<T> y, Span<T> e, Span<T> u, Span<T> kept)
    {
        TensorPrimitives.Abs(z, e);
        TensorPrimitives.Negate(e, e);
        TensorPrimitives.Exp(e, e);
        TensorPrimitives.Max(z, T.Zero, y);
        TensorPrimitives.Add(e, T.One, u);
        TensorPrimitives.Subtract(u, T.One, kept);
        TensorPrimitives.Subtract(e, kept, e);
        TensorPrimitives.Divide(e, u, e);
        TensorPrimitives.Log(u, u);
        TensorPrimitives.Add(y, e, y);
        TensorPrimitives.Add(y, u, y);
    }

    /// <summary>1 where z is positive, else 0.</summary>
    private static void Step(ReadOnlySpan<T> z, Span<T> slope)
    {
        int i = 0;
        for (; Vector.IsHardwareAccelerated && i <= z.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector.ConditionalSelect(Vector.GreaterThan(new Vector<T>(z[i..]), Vector<T>.Zero), Vector<T>.One, Vector<T>.Zero).CopyTo(slope[i..]);
        }

        for (; i < z.Length; i++)
        {
            slope[i] = z[i] > T.Zero ? T.One : T.Zero;
        }
    }
}
