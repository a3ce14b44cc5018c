using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Weft.Execution;

namespace Weft.Tests.Runtime;

/// <summary>
/// Memory that ends where a page without access begins, and starts as NaN: a process that touches what is behind it ends, and what was read
/// before it was written shows in the results.
/// </summary>
internal sealed unsafe class GuardedMemory<T> : MemoryManager<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Pages pages;
    private readonly T* start;
    private readonly int length;

    public GuardedMemory(int length)
    {
        pages = new Pages((nuint)length * (nuint)sizeof(T));
        start = (T*)pages.End - length;
        this.length = length;
        GetSpan().Fill(T.NaN);
    }

    public override Span<T> GetSpan() => new(start, length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => pages.Dispose();
}

/// <summary>Pages of the system, the last of them without access.</summary>
internal sealed partial class Pages : SafeHandleMinusOneIsInvalid
{
    private const int ReadWrite = 3, NoAccess = 0, PrivateAnonymous = 0x22;

    /// <summary>A process may have 65,530 mappings, and one of these takes two: what nothing holds any more is given back before that.</summary>
    private const int MadeBetweenCollections = 8192;

    private static int s_made;
    private readonly nuint length;

    public Pages(nuint bytes)
        : base(ownsHandle: true)
    {
        if (Interlocked.Increment(ref s_made) % MadeBetweenCollections == 0)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        nuint page = (nuint)Environment.SystemPageSize, used = (bytes + page - 1) / page * page;
        length = used + page;
        SetHandle(Map(0, length, ReadWrite, PrivateAnonymous, -1, 0));
        End = handle + (nint)used;
        if (IsInvalid || Protect(End, page, NoAccess) != 0)
        {
            throw new OutOfMemoryException($"{length} bytes of guarded memory");
        }
    }

    /// <summary>Whether this system has them.</summary>
    public static bool AreSupported => OperatingSystem.IsLinux();

    /// <summary>Where the page without access begins.</summary>
    public nint End { get; }

    protected override bool ReleaseHandle() => Unmap(handle, length) == 0;

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}

/// <summary>Whether memory is guarded: every block of the maps of a process, and what <see cref="GuardedArray{T}"/> holds.</summary>
internal static class Guards
{
    public static bool AreOn { get; private set; }

    /// <summary>Guards all blocks that are made from now on, where the system can.</summary>
    public static void Switch()
    {
        if (Pages.AreSupported)
        {
            AreOn = true;
            AlignedBuffer<float>.Guarded = length => new GuardedMemory<float>(length);
            AlignedBuffer<double>.Guarded = length => new GuardedMemory<double>(length);
        }
    }
}

/// <summary>Numbers that a test hands to a map; guarded where <see cref="Guards"/> are on.</summary>
internal sealed class GuardedArray<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly GuardedMemory<T>? guarded;
    private readonly T[] array = [];

    /// <summary>So many elements, all NaN.</summary>
    public GuardedArray(int length)
    {
        guarded = Guards.AreOn ? new GuardedMemory<T>(length) : null;
        if (guarded == null)
        {
            array = new T[length];
            array.AsSpan().Fill(T.NaN);
        }
    }

    public GuardedArray(ReadOnlySpan<T> values)
        : this(values.Length) => values.CopyTo(Span);

    public Span<T> Span => guarded != null ? guarded.GetSpan() : array;

    public void Dispose() => ((IDisposable?)guarded)?.Dispose();
}
