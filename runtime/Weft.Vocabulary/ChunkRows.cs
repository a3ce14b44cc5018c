namespace Weft.Kernels;

/// <summary>
/// How many rows of a batch are processed together: a function of sizes and of caches, so that what explains a map and what runs it agree.
/// </summary>
public static class ChunkRows
{
    /// <summary>Rows that fill the tallest tiles, whatever they take.</summary>
    public const int Least = 12;

    /// <summary>More rows bring nothing.</summary>
    public const int Most = 192;

    /// <summary>A batch of so many rows is one chunk where they take less room than the weights: reading those again would cost more than what leaves the cache.</summary>
    public const int AtOnce = 48;

    /// <summary>
    /// The second-level cache that chunks are chosen for where gradients of weights are summed over the rows of one, so that rounding is the same on every
    /// machine.
    /// </summary>
    public const int SecondLevelOfSums = 1 << 20;

    /// <summary>The last cache before memory that those are chosen for.</summary>
    public const int LastLevelOfSums = 16 << 20;

    /// <summary>Bytes that a chunk of rows and their scratch take at most: in a cache of 2 MiB, twice as many cost 3 to 6 % (measured).</summary>
    private const long MostBytes = 512 << 10;

    /// <summary>Rows that are worth reading weights from memory for.</summary>
    private const int LeastOfFar = 96;

    /// <summary>
    /// As many rows as keep scratch, input and output in half of the second-level cache, or in 512 KiB; more of them where weights come from memory for
    /// each chunk.
    /// </summary>
    /// <param name="rowBytes">Scratch, input and output of a row.</param>
    /// <param name="weightBytes">The parameters.</param>
    /// <param name="least">Rows of a chunk at least.</param>
    /// <param name="secondLevelBytes">The second-level cache, of a core.</param>
    /// <param name="lastLevelBytes">What a core can count on of the last cache before memory; three quarters of it keep weights beside a batch.</param>
    /// <returns>Rows of a chunk of a larger batch, and of a batch that is one chunk at most.</returns>
    public static (int OfLarger, int AtMost) Of(long rowBytes, long weightBytes, int least, long secondLevelBytes, long lastLevelBytes)
    {
        least = weightBytes > lastLevelBytes / 4 * 3 ? Math.Max(least, LeastOfFar) : least;
        int rows = (int)Math.Max(least, Math.Min(Most, Math.Min(MostBytes, secondLevelBytes / 2) / rowBytes / 4 * 4));
        return (rows, (int)Math.Max(rows, Math.Min(AtOnce, weightBytes / rowBytes)));
    }
}
