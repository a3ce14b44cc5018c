using System.Numerics;

namespace Weft.Kernels;

/// <summary>What a map on a device needs of the device: its kernels, memory, and copies to and from it, all in the order of the calls.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <typeparam name="TBuffer">Numbers in the device's memory.</typeparam>
public interface IDevice<T, TBuffer> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TBuffer : class, IDisposable
{
    /// <summary>The device's memory, in bytes.</summary>
    long MemoryBytes { get; }

    /// <summary>The largest buffer, in bytes.</summary>
    long MaxBufferBytes { get; }

    /// <summary>Takes the program that <see cref="Launch"/> runs, once; refuses one for which the device lacks a type of numbers, or groups as large.</summary>
    /// <param name="program">The map's kernels and what they are launched on.</param>
    /// <param name="name">The name of the map, for messages.</param>
    void Load(DeviceProgram program, string name);

    /// <summary>Runs a kernel of the program.</summary>
    /// <param name="launch">Which kernel, and whether it adds to what is there.</param>
    /// <param name="arguments">The memory of each of its operands.</param>
    /// <param name="rows">The rows of the chunk.</param>
    void Launch(in DeviceLaunch launch, ReadOnlySpan<DeviceArgument<TBuffer>> arguments, int rows);

    /// <summary>Makes a buffer; what it holds is not defined.</summary>
    TBuffer Allocate(int length);

    /// <summary>The number of elements of a buffer.</summary>
    int Length(TBuffer buffer);

    /// <summary>Whether a buffer is this device's.</summary>
    bool Owns(TBuffer buffer);

    /// <summary>Copies to a buffer, from one of its elements on; the source may change when this returns.</summary>
    void Write(TBuffer buffer, ReadOnlySpan<T> source, int start = 0);

    /// <summary>Copies the first elements of a buffer, once everything before has run.</summary>
    void Read(TBuffer buffer, Span<T> target);

    /// <summary>Fills a buffer with zeros.</summary>
    void Clear(TBuffer buffer);
}

/// <summary>An operand of a launch: its memory, and the element that it begins with.</summary>
public readonly record struct DeviceArgument<TBuffer>(TBuffer Buffer, long Start)
    where TBuffer : class;
