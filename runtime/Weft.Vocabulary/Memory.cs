namespace Weft.Kernels;

/// <summary>A block of memory, such as all weights of a map.</summary>
public static class MemoryBlock
{
    /// <summary>Elements of one: what an array of .NET holds, from a cache line on.</summary>
    public const int MaxLength = 2_147_483_575;

    /// <summary>Bytes of the widest vector that there is: packed panels are two of them wide, slices of sparse matrices one.</summary>
    public const int WidestVector = 64;
}
