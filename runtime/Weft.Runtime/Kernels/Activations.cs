using System.Numerics;
using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>
/// Activations and their derivatives over rows of elements. Those that grow no faster than their argument are finite for every finite one, and
/// so are their derivatives; at ±∞ they have their limits, and NaN gives NaN. Results may overwrite arguments in place.
/// </summary>
public static unsafe class Activations<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>y = f(z)</summary>
    /// <param name="f">The function.</param>
    /// <param name="z">[rows, length]</param>
    /// <param name="y">[rows, length]; overwritten, and may be <paramref name="z"/>.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="length">Elements of a row.</param>
    /// <param name="pitches">Elements from one row of z and of y to the next.</param>
    public static void Apply(Activation f, T* z, T* y, int rows, int length, (int Z, int Y) pitches)
    {
        if (pitches == (length, length))
        {
            (rows, length) = (1, rows * length);
        }

        for (; rows > 0; rows--, z += pitches.Z, y += pitches.Y)
        {
            Run(f, z, null, y, length, accumulate: false);
        }
    }

    /// <summary>dz = f′(z) · dy, or += where <paramref name="accumulate"/>.</summary>
    /// <param name="f">The function.</param>
    /// <param name="z">[rows, length]: the function's argument.</param>
    /// <param name="dy">[rows, length]</param>
    /// <param name="dz">[rows, length]; may be <paramref name="z"/> or <paramref name="dy"/>.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="length">Elements of a row.</param>
    /// <param name="pitches">Elements from one row of z, of dy and of dz to the next.</param>
    /// <param name="accumulate">Whether to add to <paramref name="dz"/>.</param>
    public static void Derivative(Activation f, T* z, T* dy, T* dz, int rows, int length, (int Z, int Dy, int Dz) pitches, bool accumulate)
    {
        if (pitches == (length, length, length))
        {
            (rows, length) = (1, rows * length);
        }

        for (; rows > 0; rows--, z += pitches.Z, dy += pitches.Dy, dz += pitches.Dz)
        {
            Run(f, z, dy, dz, length, accumulate);
        }
    }

    private static void Run(Activation f, T* z, T* dy, T* result, int length, bool accumulate)
    {
        switch (f)
        {
            case Activation.Relu:
                Run<ActivationFunctions<T>.Relu>(z, dy, result, length, accumulate);
                break;
            case Activation.Gelu:
                Run<ActivationFunctions<T>.Gelu>(z, dy, result, length, accumulate);
                break;
            case Activation.Silu:
                Run<ActivationFunctions<T>.Silu>(z, dy, result, length, accumulate);
                break;
            case Activation.Tanh:
                Run<ActivationFunctions<T>.Tanh>(z, dy, result, length, accumulate);
                break;
            case Activation.Sigmoid:
                Run<ActivationFunctions<T>.Sigmoid>(z, dy, result, length, accumulate);
                break;
            case Activation.Softplus:
                Run<ActivationFunctions<T>.Softplus>(z, dy, result, length, accumulate);
                break;
            case Activation.Exp:
                Run<ActivationFunctions<T>.Exp>(z, dy, result, length, accumulate);
                break;
            case Activation.Square:
                Run<ActivationFunctions<T>.Square>(z, dy, result, length, accumulate);
                break;
            case Activation.Sqrt:
                Run<ActivationFunctions<T>.Sqrt>(z, dy, result, length, accumulate);
                break;
            case Activation.Reciprocal:
                Run<ActivationFunctions<T>.Reciprocal>(z, dy, result, length, accumulate);
                break;
            case Activation.Atanh:
                Run<ActivationFunctions<T>.Atanh>(z, dy, result, length, accumulate);
                break;
            case Activation.Tanhc:
                Run<ActivationFunctions<T>.Tanhc>(z, dy, result, length, accumulate);
                break;
            case Activation.Atanhc:
                Run<ActivationFunctions<T>.Atanhc>(z, dy, result, length, accumulate);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(f), f, null);
        }
    }

    private static void Run<F>(T* z, T* dy, T* result, int length, bool accumulate)
        where F : struct, IActivationFunction<T>
    {
        if (dy == null)
        {
            Elements<T>.Run(new Values<F>(z, result), length);
        }
        else
        {
            Elements<T>.Run(new Slopes<F>(z, dy, result, accumulate), length);
        }
    }

    private readonly struct Values<F>(T* z, T* y) : IElementwiseLoop<T>
        where F : struct, IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct => S.Store(F.Value<S, V>(S.Load(z + i)), y + i);
    }

    private readonly struct Slopes<F>(T* z, T* dy, T* dz, bool accumulate) : IElementwiseLoop<T>
        where F : struct, IActivationFunction<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<S, V>(int i)
            where S : struct, ILanes<T, V>
            where V : struct
        {
            V slope = F.Slope<S, V>(S.Load(z + i)), from = S.Load(dy + i);
            S.Store(accumulate ? S.FusedMultiplyAdd(slope, from, S.Load(dz + i)) : S.Multiply(slope, from), dz + i);
        }
    }
}
