namespace Weft.Compiler.Planning;

/// <summary>
/// What a device can do at best (the roofline of Williams, Waterman and Patterson 2009): a kernel takes as long as its operations or its
/// traffic, whichever is longer, and its launch.
/// </summary>
/// <param name="FlopsPerSecond">Operations in the maps' precision, outside of matrix units.</param>
/// <param name="BytesPerSecond">Bandwidth of its memory.</param>
/// <param name="LaunchSeconds">From one kernel's end to the next one's start.</param>
/// <param name="ElementSize">Bytes of an element: 4 or 8.</param>
public sealed record DeviceModel(double FlopsPerSecond, double BytesPerSecond, double LaunchSeconds, int ElementSize = 4)
{
    /// <summary>A GPU of a data centre, where nothing better is known.</summary>
    public static readonly DeviceModel Default = new(50e12, 3e12, 4e-6);

    /// <summary>The time of a kernel that does so many operations and moves so many elements.</summary>
    public double Seconds(double flops, double elements) =>
        Math.Max(flops / FlopsPerSecond, elements * ElementSize / BytesPerSecond) + LaunchSeconds;
}
