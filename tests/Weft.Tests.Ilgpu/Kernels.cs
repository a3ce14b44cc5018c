using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU.Execution;

namespace ILGPU;

public readonly record struct Index1D(int X)
{
    public static implicit operator Index1D(int x) => new(x);
}

public readonly record struct Index3D(int X, int Y, int Z);

public readonly struct KernelConfig(Index3D gridDim, Index3D groupDim)
{
    public Index3D GridDim { get; } = gridDim;

    public Index3D GroupDim { get; } = groupDim;
}

public static class Group
{
    public static int IdxX => Item.Current.X;

    public static int IdxY => Item.Current.Y;

    public static void Barrier() => Item.Current.Wait();
}

public static class Grid
{
    public static int IdxX => Item.Current.Group.Position.X;

    public static int IdxY => Item.Current.Group.Position.Y;

    public static int IdxZ => Item.Current.Group.Position.Z;
}

public static class Interop
{
    public static uint FloatAsInt(float value) => BitConverter.SingleToUInt32Bits(value);

    public static ulong FloatAsInt(double value) => BitConverter.DoubleToUInt64Bits(value);

    public static float IntAsFloat(uint value) => BitConverter.UInt32BitsToSingle(value);
}

public static class SharedMemory
{
    public static ArrayView<T> Allocate<T>(int extent)
        where T : unmanaged
    {
        Item item = Item.Current;
        return new ArrayView<T>(item.Group.Shared(item.NextAllocation(), extent * Unsafe.SizeOf<T>()), 0, extent);
    }
}

public static class Stride1D
{
    public readonly struct Dense;
}

/// <summary>Elements of a buffer. Every access is checked, its alignment too.</summary>
public readonly struct ArrayView<T> : Runtime.IContiguousArrayView<T>
    where T : unmanaged
{
    private readonly byte[] buffer;
    private readonly long start;

    internal ArrayView(byte[] buffer, long start, long length)
    {
        this.buffer = buffer;
        this.start = start;
        Length = length;
    }

    public long Length { get; }

    public ref T this[Index1D index] => ref this[(long)index.X];

    public ref T this[int index] => ref this[(long)index];

    public ref T this[long index]
    {
        get
        {
            if (index < 0 || index >= Length)
            {
                throw new ArgumentOutOfRangeException(nameof(index), index, $"A view has {Length} elements.");
            }

            return ref Elements[(int)index];
        }
    }

    private Span<T> Elements => MemoryMarshal.Cast<byte, T>(buffer.AsSpan((int)start, checked((int)(Length * Size))));

    private static int Size => Unsafe.SizeOf<T>();

    public ArrayView<T> SubView(long index, long subViewLength) => index >= 0 && subViewLength >= 0 && index + subViewLength <= Length
        ? new ArrayView<T>(buffer, start + (index * Size), subViewLength)
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"{subViewLength} elements are not inside a view of {Length}.");

    /// <summary>As many whole elements as there are. A GPU loads and stores what begins at a multiple of its size only.</summary>
    public ArrayView<TOther> Cast<TOther>()
        where TOther : unmanaged => start % Unsafe.SizeOf<TOther>() == 0
        ? new ArrayView<TOther>(buffer, start, Length * Size / Unsafe.SizeOf<TOther>())
        : throw new InvalidOperationException($"Elements of {Unsafe.SizeOf<TOther>()} bytes begin at byte {start}.");

    Span<T> Runtime.IContiguousArrayView<T>.Elements => Elements;
}

/// <summary>What accelerators are made in.</summary>
public sealed class Context : IDisposable
{
    private Context()
    {
    }

    public static Context Create(Action<Builder> buildingCallback)
    {
        buildingCallback(new Builder());
        return new Context();
    }

    public void Dispose()
    {
    }

    public sealed class Builder;
}
