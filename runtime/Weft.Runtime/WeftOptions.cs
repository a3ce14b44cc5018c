using Weft.Kernels;

namespace Weft;

/// <summary>Settings of the process.</summary>
public static class WeftOptions
{
    private static int maxThreads;

    /// <summary>
    /// The most threads that one call uses, the calling one included; at first <see cref="Machine.Cores"/>. A batch is split
    /// differently for a different number, which may change the last bits of a gradient.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than one.</exception>
    public static int MaxThreads
    {
        get => maxThreads > 0 ? maxThreads : Machine.Cores;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            maxThreads = value;
        }
    }

    /// <summary>
    /// The machine that maps are run for: the one found, with what the environment variable <c>WEFT_MACHINE</c> pins of it. What is set holds for maps made
    /// from then on. Results do not depend on it, speed does.
    /// </summary>
    /// <exception cref="FormatException">The environment variable is wrong.</exception>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public static Machine Machine
    {
        get => Processor.Machine;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            Processor.Machine = value;
        }
    }
}
