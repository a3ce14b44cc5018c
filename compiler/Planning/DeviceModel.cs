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
    /// <summary>Operations in the time of one load from the first-level cache or local memory.</summary>
    private const int FlopsPerLoad = 8;

    /// <summary>Work items that keep it busy.</summary>
    public int WorkItems { get; init; } = 32768;

    /// <summary>Bytes of local memory that a group may take: what every device has.</summary>
    public int LocalBytes { get; init; } = 32 * 1024;

    /// <summary>A GPU of a data centre, where nothing better is known.</summary>
    public static readonly DeviceModel Default = new(50e12, 3e12, 4e-6);

    /// <summary>The time of a kernel that does so many operations and moves so many elements.</summary>
    public double Seconds(double flops, double elements) =>
        Math.Max(flops / FlopsPerSecond, elements * ElementSize / BytesPerSecond) + LaunchSeconds;

    /// <summary>The same for a kernel of so many work items, which load so many numbers for each multiplication.</summary>
    public double Seconds(double flops, double elements, double loads, double workItems)
    {
        double busy = Math.Min(1, workItems / WorkItems);
        double arithmetic = flops / FlopsPerSecond * Math.Max(1, loads * FlopsPerLoad / 2);
        return (Math.Max(arithmetic, elements * ElementSize / BytesPerSecond) / busy) + LaunchSeconds;
    }
}
