using System.Numerics;
using System.Runtime.CompilerServices;

namespace Weft.Execution;

/// <summary>
/// Memory that does not move and starts on a cache line. It is the garbage collector's own, so that a span over it keeps it alive
/// and a call that is still running when its map is disposed reads nothing that was freed.
/// </summary>
internal sealed unsafe class AlignedBuffer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Alignment = 64;
    private readonly T[] array;
    private readonly int start;

    /// <summary>Zeroed memory.</summary>
    public AlignedBuffer(int length)
    {
        array = GC.AllocateArray<T>(checked(length + Alignment / sizeof(T)), pinned: true);
        nuint address = (nuint)Unsafe.AsPointer(ref array[0]);
        start = (int)((Alignment - address % Alignment) % Alignment) / sizeof(T);
        Pointer = (T*)address + start;
        Length = length;
    }

    public T* Pointer { get; }

    public int Length { get; }

    public Span<T> Span => array.AsSpan(start, Length);

    public Memory<T> Memory => array.AsMemory(start, Length);
}
