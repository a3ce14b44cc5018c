namespace Weft.Kernels;

/// <summary>A tensor of each row of a batch.</summary>
/// <typeparam name="T">The element.</typeparam>
/// <param name="first">The first element of the first row's.</param>
/// <param name="pitch">Elements from one row's to the next; 0 where all rows have the same one.</param>
public readonly unsafe struct RowTensor<T>(T* first, int pitch)
    where T : unmanaged
{
    /// <summary>The first element of the first row's.</summary>
    public readonly T* First = first;

    /// <summary>Elements from one row's to the next; 0 where all rows have the same one.</summary>
    public readonly int Pitch = pitch;
}
