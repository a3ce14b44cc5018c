namespace Weft;

/// <summary>Settings of the process.</summary>
public static class WeftOptions
{
    private static int maxThreads = Environment.ProcessorCount;

    /// <summary>
    /// The most threads that one call uses, the calling one included; at first the number of processors. A batch is split
    /// differently for a different number, which may change the last bits of a gradient.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than one.</exception>
    public static int MaxThreads
    {
        get => maxThreads;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            maxThreads = value;
        }
    }
}
