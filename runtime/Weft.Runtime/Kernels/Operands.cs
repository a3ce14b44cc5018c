using System.Numerics;
using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>How a contraction reads the lanes of an operand.</summary>
public unsafe interface IOperand<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>A vector of lanes.</summary>
    /// <param name="p">The first lane.</param>
    /// <param name="stride">Elements from one lane to the next, for what is neither one number nor in one piece.</param>
    static abstract V Load<S, V>(T* p, int stride)
        where S : struct, ILanes<T, V>
        where V : struct;
}

/// <summary>One number for all lanes.</summary>
public readonly unsafe struct Splat<T> : IOperand<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Broadcast(*p);
}

/// <summary>Lanes that are neighbours.</summary>
public readonly unsafe struct Adjacent<T> : IOperand<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Load(p);
}

/// <summary>Lanes that are apart.</summary>
public readonly unsafe struct Strided<T> : IOperand<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.LoadStrided(p, stride);
}

/// <summary>One number of a short format for all lanes; the pointer is <see cref="StorageFormats{T}.Scale">scaled</see>.</summary>
public readonly unsafe struct Splat<T, TFormat> : IOperand<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TFormat : struct, IStorageFormat<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Broadcast(TFormat.Read(p));
}

/// <summary>Lanes in one piece in a short format; the pointer is <see cref="StorageFormats{T}.Scale">scaled</see>.</summary>
public readonly unsafe struct Adjacent<T, TFormat> : IOperand<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TFormat : struct, IStorageFormat<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => TFormat.Load<S, V>(p);
}

/// <summary>No second operand: one.</summary>
public readonly unsafe struct One<T> : IOperand<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Broadcast(T.One);
}

/// <summary>How a contraction writes its sums.</summary>
public unsafe interface IResult<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Writes a vector of sums.</summary>
    /// <param name="sum">The sums, or what has to be summed.</param>
    /// <param name="coefficient">What they are multiplied by.</param>
    /// <param name="c">Where the first one goes.</param>
    /// <param name="stride">Elements from one lane to the next, where they are apart.</param>
    static abstract void Store<S, V>(V sum, T coefficient, T* c, int stride)
        where S : struct, ILanes<T, V>
        where V : struct;

    /// <summary>The same, added to what is laid out alike at <paramref name="d"/>.</summary>
    static abstract void StoreSum<S, V>(V sum, T coefficient, T* c, T* d, int stride)
        where S : struct, ILanes<T, V>
        where V : struct;
}

/// <summary>Sums as they are, lanes side by side.</summary>
public readonly unsafe struct Stored<T> : IResult<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<S, V>(V sum, T coefficient, T* c, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Store(sum, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSum<S, V>(V sum, T coefficient, T* c, T* d, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Store(S.Add(S.Load(d), sum), c);
}

/// <summary>Sums times a coefficient, lanes side by side.</summary>
public readonly unsafe struct Scaled<T> : IResult<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<S, V>(V sum, T coefficient, T* c, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Store(S.Multiply(S.Broadcast(coefficient), sum), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSum<S, V>(V sum, T coefficient, T* c, T* d, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.Store(S.Add(S.Load(d), S.Multiply(S.Broadcast(coefficient), sum)), c);
}

/// <summary>Sums times a coefficient, lanes apart.</summary>
public readonly unsafe struct Spread<T> : IResult<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<S, V>(V sum, T coefficient, T* c, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.StoreStrided(S.Multiply(S.Broadcast(coefficient), sum), c, stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSum<S, V>(V sum, T coefficient, T* c, T* d, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => S.StoreStrided(S.Add(S.LoadStrided(d, stride), S.Multiply(S.Broadcast(coefficient), sum)), c, stride);
}

/// <summary>Sums over the lanes, times a coefficient.</summary>
public readonly unsafe struct Summed<T> : IResult<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<S, V>(V sum, T coefficient, T* c, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => *c = coefficient * S.Sum(sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSum<S, V>(V sum, T coefficient, T* c, T* d, int stride)
        where S : struct, ILanes<T, V>
        where V : struct => *c = *d + (coefficient * S.Sum(sum));
}
