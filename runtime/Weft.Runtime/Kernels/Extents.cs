using System.Runtime.CompilerServices;

namespace Weft.Kernels;

/// <summary>The rows or the columns of a register tile, as a type: the just-in-time compiler drops what a smaller tile does not have.</summary>
public interface IExtent
{
    static abstract int Count { get; }
}

/// <summary>1.</summary>
public readonly struct Extent1 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }
}

/// <summary>2.</summary>
public readonly struct Extent2 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }
}

/// <summary>3.</summary>
public readonly struct Extent3 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 3;
    }
}

/// <summary>4.</summary>
public readonly struct Extent4 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }
}

/// <summary>5.</summary>
public readonly struct Extent5 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 5;
    }
}

/// <summary>6.</summary>
public readonly struct Extent6 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 6;
    }
}

/// <summary>7.</summary>
public readonly struct Extent7 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 7;
    }
}

/// <summary>8.</summary>
public readonly struct Extent8 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }
}

/// <summary>9.</summary>
public readonly struct Extent9 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 9;
    }
}

/// <summary>10.</summary>
public readonly struct Extent10 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 10;
    }
}

/// <summary>11.</summary>
public readonly struct Extent11 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 11;
    }
}

/// <summary>12.</summary>
public readonly struct Extent12 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 12;
    }
}

/// <summary>13.</summary>
public readonly struct Extent13 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 13;
    }
}

/// <summary>14.</summary>
public readonly struct Extent14 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 14;
    }
}

/// <summary>15.</summary>
public readonly struct Extent15 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 15;
    }
}

/// <summary>16.</summary>
public readonly struct Extent16 : IExtent
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }
}
