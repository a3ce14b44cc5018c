using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Weft.Execution;

/// <summary>The elements of tensors that lie in memory as a batch does: row after row, without gaps.</summary>
internal static class DenseTensors
{
    public static ReadOnlySpan<T> Rows<T>(in ReadOnlyTensorSpan<T> tensor, int columns, string name)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Check(tensor.Lengths, tensor.Strides, columns, name);
        return tensor.IsEmpty ? default : MemoryMarshal.CreateReadOnlySpan(in tensor.GetPinnableReference(), checked((int)tensor.FlattenedLength));
    }

    public static Span<T> Rows<T>(in TensorSpan<T> tensor, int columns, string name)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Check(tensor.Lengths, tensor.Strides, columns, name);
        return tensor.IsEmpty ? default : MemoryMarshal.CreateSpan(ref tensor.GetPinnableReference(), checked((int)tensor.FlattenedLength));
    }

    private static void Check(ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> strides, int columns, string name)
    {
        bool empty = lengths.IsEmpty || lengths.Contains(0);
        if (!empty && (lengths.Length != 2 || lengths[1] != columns))
        {
            throw new ArgumentException($"{name} has shape [{Join(lengths)}]; [batch, {columns}] is expected.", name);
        }

        // The stride of an axis of one element means nothing.
        if (!empty && ((lengths[1] != 1 && strides[1] != 1) || (lengths[0] != 1 && strides[0] != columns)))
        {
            throw new ArgumentException($"{name} is not dense: its strides are [{Join(strides)}], and [{columns}, 1] are expected. Copy it to a dense tensor first.", name);
        }
    }

    private static string Join(ReadOnlySpan<nint> numbers) => string.Join(", ", numbers.ToArray());
}
