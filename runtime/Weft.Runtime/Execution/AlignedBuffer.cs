using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Weft.Execution;

/// <summary>
/// Memory that does not move and starts on a cache line; its content is arbitrary. It is the garbage collector's own, so that a span over it
/// keeps it alive and a call that is still running when its map is disposed reads nothing that was freed.
/// </summary>
internal sealed unsafe class AlignedBuffer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Alignment = 64;
    private readonly T[] array = [];
    private readonly int start;
    private readonly MemoryManager<T>? guarded;

    public AlignedBuffer(int length)
    {
        Length = length;
        if (Guarded is { } allocate)
        {
            guarded = allocate(length);
            Pointer = (T*)guarded.Pin().Pointer;
            return;
        }

        array = GC.AllocateUninitializedArray<T>(checked(length + (Alignment / sizeof(T))), pinned: true);
        nuint address = (nuint)Unsafe.AsPointer(ref array[0]);
        start = (int)((Alignment - (address % Alignment)) % Alignment) / sizeof(T);
        Pointer = (T*)address + start;
    }

    /// <summary>Where memory comes from in a test that looks for accesses outside a block, or to what was never written; else null.</summary>
    public static Func<int, MemoryManager<T>>? Guarded { get; set; }

    public T* Pointer { get; }

    public int Length { get; }

    public Span<T> Span => guarded != null ? guarded.GetSpan() : array.AsSpan(start, Length);

    public Memory<T> Memory => guarded != null ? guarded.Memory : array.AsMemory(start, Length);

    /// <summary>Whether there is room for so many elements; guarded memory has to end where they do.</summary>
    public bool Holds(int length) => guarded != null ? Length == length : Length >= length;

    /// <summary>Begins a use that counts on no content: guarded memory is then what is found out if it is read.</summary>
    public void Forget()
    {
        if (guarded != null)
        {
            Span.Fill(T.NaN);
        }
    }
}
