using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>The number of rows in a register tile, as a type: the just-in-time compiler drops the accumulators of absent rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IRows
{
    static abstract int Count { get; }
}

/// <summary>A tile of 1 row.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows1 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }
}

/// <summary>A tile of 2 rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows2 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }
}

/// <summary>A tile of 3 rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows3 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 3;
    }
}

/// <summary>A tile of 4 rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows4 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }
}

/// <summary>A tile of 5 rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows5 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 5;
    }
}

/// <summary>A tile of 6 rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows6 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 6;
    }
}

/// <summary>A tile of 7 rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows7 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 7;
    }
}

/// <summary>A tile of 8 rows.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Rows8 : IRows
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }
}
