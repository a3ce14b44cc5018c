using System.Numerics;

namespace Weft.OpenCl;

/// <summary>Numbers in a device's memory.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed unsafe class OpenClBuffer<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Handle handle;

    /// <summary>Makes a buffer; what it holds is not defined.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    /// <exception cref="OpenClException">The device has too little memory.</exception>
    public OpenClBuffer(OpenClContext context, int length)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Context = context;
        Length = length;
        handle = context.CreateBuffer((long)length * sizeof(T));
    }

    /// <summary>The device.</summary>
    public OpenClContext Context { get; }

    /// <summary>The number of elements.</summary>
    public int Length { get; }

    internal nint Value => handle.Value;

    /// <summary>Copies numbers to the device.</summary>
    /// <exception cref="ArgumentException">There are more than the buffer holds from <paramref name="start"/>.</exception>
    public void Write(ReadOnlySpan<T> source, int start = 0)
    {
        Check(source.Length, start, nameof(source));
        fixed (T* first = source)
        {
            if (!source.IsEmpty)
            {
                OpenClException.ThrowIfFailed(
                    NativeMethods.clEnqueueWriteBuffer(Context.Queue, Value, 1, Bytes(start), Bytes(source.Length), first, 0, null, null), "Copying to the device");
            }
        }
    }

    /// <summary>Copies numbers from the device, once everything before has run.</summary>
    /// <exception cref="ArgumentException">There are more than the buffer holds from <paramref name="start"/>.</exception>
    public void Read(Span<T> target, int start = 0)
    {
        Check(target.Length, start, nameof(target));
        fixed (T* first = target)
        {
            if (!target.IsEmpty)
            {
                OpenClException.ThrowIfFailed(
                    NativeMethods.clEnqueueReadBuffer(Context.Queue, Value, 1, Bytes(start), Bytes(target.Length), first, 0, null, null), "Copying from the device");
            }
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => handle.Dispose();

    /// <summary>Fills the buffer with zeros.</summary>
    public void Clear()
    {
        T zero = T.Zero;
        if (Length > 0)
        {
            OpenClException.ThrowIfFailed(
                NativeMethods.clEnqueueFillBuffer(Context.Queue, Value, &zero, (nuint)sizeof(T), 0, Bytes(Length), 0, null, null), "Clearing a buffer");
        }
    }

    private static nuint Bytes(int elements) => (nuint)elements * (nuint)sizeof(T);

    private void Check(int length, int start, string name)
    {
        if (start < 0 || length > Length - start)
        {
            throw new ArgumentException($"{length} elements from {start} are not inside a buffer of {Length}.", name);
        }
    }
}
