using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text.Json;
using Weft.Kernels;

namespace Weft;

/// <summary>
/// Writes a file in the safetensors format tensor by tensor, so that no two need be in memory: the header first, then the elements of each
/// in the order of the header.
/// </summary>
public sealed class TensorWriter
{
    private readonly Stream stream;
    private readonly IReadOnlyList<StoredTensor> tensors;
    private int next;

    /// <summary>Writes the header.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">What will be written; where each stood before says nothing.</param>
    /// <param name="metadata">Texts that go with them.</param>
    /// <exception cref="ArgumentException">Two tensors have one name; nothing was written.</exception>
    public TensorWriter(Stream stream, IReadOnlyList<StoredTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(metadata);
        var names = new HashSet<string>(StringComparer.Ordinal) { TensorFile.MetadataName };
        foreach (StoredTensor tensor in tensors)
        {
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException($"Tensor '{tensor.Name}' cannot be written: its name is taken.", nameof(tensors));
            }
        }

        (this.stream, this.tensors) = (stream, tensors);
        stream.Write(Header(tensors, metadata));
    }

    /// <summary>Writes the next tensor's elements in its type. Numbers are rounded to the nearest.</summary>
    /// <param name="values">The elements, row-major.</param>
    /// <exception cref="ArgumentException">It has another number of elements, or its type is <see cref="StoredType.Other"/>.</exception>
    /// <exception cref="InvalidOperationException">All tensors are written.</exception>
    public void Write<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        StoredTensor tensor = Next();
        if (tensor.Type == StoredType.Other || values.Length != tensor.Length)
        {
            throw new ArgumentException($"'{tensor.Name}' is {tensor.TypeName} of {tensor.Length} elements; {values.Length} were given.", nameof(values));
        }

        const int PieceLength = 1 << 17;
        int size = TensorFile.SizeOf(tensor.Type);
        byte[] bytes = new byte[Math.Min(values.Length, PieceLength) * size];
        for (; values.Length > 0; values = values[Math.Min(values.Length, PieceLength)..])
        {
            ReadOnlySpan<T> piece = values[..Math.Min(values.Length, PieceLength)];
            Encode(piece, tensor.Type, bytes);
            stream.Write(bytes.AsSpan(0, piece.Length * size));
        }

        next++;
    }

    /// <summary>Writes the next tensor as it stands in another file, bit for bit.</summary>
    /// <param name="source">The file.</param>
    /// <param name="name">What it is called there.</param>
    /// <exception cref="ArgumentException">There is no such tensor, or it has another type or number of bytes.</exception>
    /// <exception cref="InvalidOperationException">All tensors are written.</exception>
    /// <exception cref="InvalidDataException">That file ends too early.</exception>
    public void Copy(TensorFile source, string name)
    {
        ArgumentNullException.ThrowIfNull(source);
        StoredTensor tensor = Next();
        if (source.Tensors.TryGetValue(name, out StoredTensor? other) && (other.TypeName, other.Bytes) != (tensor.TypeName, tensor.Bytes))
        {
            throw new ArgumentException($"'{name}' is {other.TypeName} of {other.Bytes} bytes; '{tensor.Name}' is {tensor.TypeName} of {tensor.Bytes}.", nameof(name));
        }

        source.CopyTo(name, stream);
        next++;
    }

    private StoredTensor Next() => next < tensors.Count ? tensors[next] : throw new InvalidOperationException($"All {tensors.Count} tensors are written.");

    private static byte[] Header(IReadOnlyList<StoredTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(TensorFile.MetadataName);
                foreach ((string key, string value) in metadata)
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            long start = 0;
            foreach (StoredTensor tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.TypeName);
                json.WriteStartArray("shape");
                foreach (int extent in tensor.Shape)
                {
                    json.WriteNumberValue(extent);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(start);
                json.WriteNumberValue(start += tensor.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Blanks, so that the elements are aligned.
        int length = (buffer.WrittenCount + 7) / 8 * 8;
        byte[] header = new byte[8 + length];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        header.AsSpan(8).Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(header.AsSpan(8));
        return header;
    }

    private static unsafe void Encode<T>(ReadOnlySpan<T> values, StoredType type, Span<byte> bytes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (type is StoredType.F8_E4M3 or StoredType.F8_E5M2)
        {
            fixed (T* source = values)
            {
                fixed (byte* packed = bytes)
                {
                    (type == StoredType.F8_E4M3 ? (delegate*<T*, byte*, int, void>)&E4M3<T>.Write : &E5M2<T>.Write)(source, packed, values.Length);
                }
            }

            return;
        }

        int size = TensorFile.SizeOf(type);
        for (int i = 0; i < values.Length; i++)
        {
            Encode(values[i], type, bytes.Slice(i * size, size));
        }
    }

    private static void Encode<T>(T value, StoredType type, Span<byte> target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        switch (type)
        {
            case StoredType.F64:
                BinaryPrimitives.WriteDoubleLittleEndian(target, double.CreateTruncating(value));
                break;

            case StoredType.F32:
                BinaryPrimitives.WriteSingleLittleEndian(target, float.CreateTruncating(value));
                break;

            case StoredType.F16:
                BinaryPrimitives.WriteHalfLittleEndian(target, Half.CreateTruncating(value));
                break;

            case StoredType.BF16:
                // To the nearest, the even one of two.
                float single = float.CreateTruncating(value);
                uint bits = BitConverter.SingleToUInt32Bits(single);
                bits = float.IsNaN(single) ? bits | 0x0040_0000 : bits + 0x7FFF + ((bits >> 16) & 1);
                BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)(bits >> 16));
                break;

            case StoredType.U64:
                BinaryPrimitives.WriteUInt64LittleEndian(target, ulong.CreateTruncating(value));
                break;

            case StoredType.U32:
                BinaryPrimitives.WriteUInt32LittleEndian(target, uint.CreateTruncating(value));
                break;

            case StoredType.U16:
                BinaryPrimitives.WriteUInt16LittleEndian(target, ushort.CreateTruncating(value));
                break;

            case StoredType.I64:
                BinaryPrimitives.WriteInt64LittleEndian(target, long.CreateTruncating(value));
                break;

            case StoredType.I32:
                BinaryPrimitives.WriteInt32LittleEndian(target, int.CreateTruncating(value));
                break;

            case StoredType.I16:
                BinaryPrimitives.WriteInt16LittleEndian(target, short.CreateTruncating(value));
                break;

            case StoredType.I8:
                target[0] = (byte)sbyte.CreateTruncating(value);
                break;

            case StoredType.BOOL:
                target[0] = value == T.Zero ? (byte)0 : (byte)1;
                break;

            default:
                target[0] = byte.CreateTruncating(value);
                break;
        }
    }
}
