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
    /// <param name="f">The activation.</param>
    /// <param name="z">[rows, length]</param>
    /// <param name="y">[rows, length]; overwritten, and may be <paramref name="z"/>.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="length">Elements of a row.</param>
    public static void Apply(Activation f, RowTensor<T> z, RowTensor<T> y, int rows, int length)
    {
        if (z.Pitch == length && y.Pitch == length)
        {
            (rows, length) = (1, rows * length);
        }

        T* from = z.First, to = y.First;
        for (; rows > 0; rows--, from += z.Pitch, to += y.Pitch)
        {
            Run(f, from, null, to, length, accumulate: false);
        }
    }

    /// <summary>dz = f′(z) · dy</summary>
    /// <param name="f">The activation.</param>
    /// <param name="z">[rows, length]: the function's argument.</param>
    /// <param name="dy">[rows, length]</param>
    /// <param name="dz">[rows, length]; overwritten, and may be <paramref name="z"/> or <paramref name="dy"/>.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="length">Elements of a row.</param>
    public static void Derivative(Activation f, RowTensor<T> z, RowTensor<T> dy, RowTensor<T> dz, int rows, int length) =>
        Derive(f, z, dy, dz, rows, length, accumulate: false);

    /// <summary>dz += f′(z) · dy</summary>
    /// <param name="f">The activation.</param>
    /// <param name="z">[rows, length]: the function's argument.</param>
    /// <param name="dy">[rows, length]</param>
    /// <param name="dz">[rows, length]; added to.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="length">Elements of a row.</param>
    public static void AddDerivative(Activation f, RowTensor<T> z, RowTensor<T> dy, RowTensor<T> dz, int rows, int length) =>
        Derive(f, z, dy, dz, rows, length, accumulate: true);

    private static void Derive(Activation f, RowTensor<T> z, RowTensor<T> dy, RowTensor<T> dz, int rows, int length, bool accumulate)
    {
        if (z.Pitch == length && dy.Pitch == length && dz.Pitch == length)
        {
            (rows, length) = (1, rows * length);
        }

        T* at = z.First, along = dy.First, to = dz.First;
        for (; rows > 0; rows--, at += z.Pitch, along += dy.Pitch, to += dz.Pitch)
        {
            Run(f, at, along, to, length, accumulate);
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
