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
        return new ArrayView<T>(item.Group.Shared<T>(item.NextAllocation(), extent), 0, extent);
    }
}

public static class Stride1D
{
    public readonly struct Dense;
}

/// <summary>Elements of a buffer. Every access is checked.</summary>
public readonly struct ArrayView<T> : Runtime.IContiguousArrayView<T>
    where T : unmanaged
{
    private readonly T[] buffer;
    private readonly long start;

    internal ArrayView(T[] buffer, long start, long length)
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

            return ref buffer[start + index];
        }
    }

    public ArrayView<T> SubView(long index, long subViewLength) => index >= 0 && subViewLength >= 0 && index + subViewLength <= Length
        ? new ArrayView<T>(buffer, start + index, subViewLength)
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"{subViewLength} elements are not inside a view of {Length}.");

    Span<T> Runtime.IContiguousArrayView<T>.Elements => buffer.AsSpan((int)start, (int)Length);
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
