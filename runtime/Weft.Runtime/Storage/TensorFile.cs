using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using System.Text.Json;

namespace Weft;

/// <summary>How the numbers of a stored tensor are written.</summary>
public enum StoredType
{
    /// <summary>IEEE 754, 64 bits.</summary>
    F64,

    /// <summary>IEEE 754, 32 bits.</summary>
    F32,

    /// <summary>IEEE 754, 16 bits.</summary>
    F16,

    /// <summary>The upper half of an <see cref="F32"/>.</summary>
    BF16,

    /// <summary>Whole numbers from 0, 32 bits.</summary>
    U32,

    /// <summary>Whole numbers from 0, 16 bits.</summary>
    U16,

    /// <summary>Whole numbers from 0, 8 bits.</summary>
    U8,

    /// <summary>Some other type, which is listed and cannot be read.</summary>
    Other,
}

/// <summary>A tensor in a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">How its numbers are written.</param>
/// <param name="Shape">The extent of each axis, row-major; empty for a scalar.</param>
/// <param name="Start">Where it begins, behind the header.</param>
/// <param name="Bytes">Its length.</param>
public sealed record StoredTensor(string Name, StoredType Type, ImmutableArray<int> Shape, long Start, long Bytes)
{
    /// <summary>The number of elements: the product of the shape.</summary>
    public long Length => Shape.Aggregate(1L, (product, extent) => checked(product * extent));
}

/// <summary>
/// A file of named tensors in the safetensors format (Hugging Face): the length of the header as 8 bytes, the header in JSON with the type,
/// the shape and the place of each tensor, then their elements; all little-endian and row-major. It holds numbers only: reading it runs no code.
/// </summary>
public sealed class TensorFile
{
    private const int MostHeaderBytes = 100_000_000;
    private const string MetadataName = "__metadata__";

    private readonly Stream stream;
    private readonly long dataStart;
    private readonly Dictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);

    private TensorFile(Stream stream)
    {
        this.stream = stream;
        long start = stream.Position;
        byte[] prefix = new byte[8];
        Read(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MostHeaderBytes || (long)length > stream.Length - start - 8)
        {
            throw new InvalidDataException($"Not a safetensors file: it begins with a header of {length} bytes.");
        }

        byte[] header = new byte[length];
        Read(header);
        dataStart = start + 8 + (long)length;
        try
        {
            using JsonDocument document = JsonDocument.Parse(header);
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
            {
                if (entry.Name == MetadataName)
                {
                    foreach (JsonProperty pair in entry.Value.EnumerateObject())
                    {
                        metadata[pair.Name] = pair.Value.GetString() ?? "";
                    }
                }
                else if (!tensors.TryAdd(entry.Name, Describe(entry)))
                {
                    throw new InvalidDataException($"Tensor '{entry.Name}' stands twice in the file.");
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or OverflowException)
        {
            throw new InvalidDataException("Not a safetensors file: its header is malformed.", exception);
        }
    }

    /// <summary>The tensors, by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <summary>Texts that come with them.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Reads the header. The tensors are read from the stream when they are asked for, so it has to stay open.</summary>
    /// <param name="stream">A stream that can seek, at the beginning of the file.</param>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    /// <exception cref="InvalidDataException">It holds something else, or ends too early.</exception>
    public static TensorFile Open(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return stream.CanSeek ? new TensorFile(stream) : throw new ArgumentException("The stream has to be one that can seek.", nameof(stream));
    }

    /// <summary>Reads a tensor, converting its numbers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">The shape that it is expected to have: numbers in another one would be other numbers.</param>
    /// <param name="values">Its elements, row-major; overwritten.</param>
    /// <exception cref="ArgumentException">There is no such tensor, or it has another shape.</exception>
    /// <exception cref="NotSupportedException">Its type is <see cref="StoredType.Other"/>.</exception>
    /// <exception cref="InvalidDataException">The file ends too early.</exception>
    public void Read<T>(string name, ReadOnlySpan<int> shape, Span<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!tensors.TryGetValue(name, out StoredTensor? tensor))
        {
            throw new ArgumentException($"There is no tensor '{name}' in the file.", nameof(name));
        }

        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new ArgumentException($"'{name}' has the shape [{string.Join(", ", tensor.Shape)}]; [{string.Join(", ", shape.ToArray())}] is expected.", nameof(shape));
        }

        if (values.Length != tensor.Length)
        {
            throw new ArgumentException($"values has {values.Length} elements; '{name}' has {tensor.Length}.", nameof(values));
        }

        int size = SizeOf(tensor.Type);
        byte[] bytes = new byte[tensor.Bytes];
        stream.Position = dataStart + tensor.Start;
        Read(bytes);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Decode<T>(bytes.AsSpan(i * size), tensor.Type);
        }
    }

    /// <summary>Writes a file.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">Names, types and shapes, with the elements row-major.</param>
    /// <param name="metadata">Texts that go with them.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, a shape does not fit its elements, or a type is <see cref="StoredType.Other"/>; nothing was written.</exception>
    public static void Write<T>(
        Stream stream,
        IReadOnlyList<(string Name, StoredType Type, ImmutableArray<int> Shape, ReadOnlyMemory<T> Values)> tensors,
        IReadOnlyDictionary<string, string> metadata)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(metadata);
        var names = new HashSet<string>(StringComparer.Ordinal) { MetadataName };
        foreach ((string name, StoredType type, ImmutableArray<int> shape, ReadOnlyMemory<T> values) in tensors)
        {
            if (!names.Add(name) || type == StoredType.Other || shape.Aggregate(1L, (product, extent) => product * extent) != values.Length)
            {
                throw new ArgumentException($"Tensor '{name}' cannot be written: its name is taken, its type cannot be written, or its shape is not that of its {values.Length} elements.", nameof(tensors));
            }
        }

        stream.Write(Header());
        foreach ((_, StoredType type, _, ReadOnlyMemory<T> values) in tensors)
        {
            int size = SizeOf(type);
            byte[] bytes = new byte[values.Length * size];
            for (int i = 0; i < values.Length; i++)
            {
                Encode(values.Span[i], type, bytes.AsSpan(i * size));
            }

            stream.Write(bytes);
        }

        byte[] Header()
        {
            var buffer = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartObject();
                if (metadata.Count > 0)
                {
                    json.WriteStartObject(MetadataName);
                    foreach ((string key, string value) in metadata)
                    {
                        json.WriteString(key, value);
                    }

                    json.WriteEndObject();
                }

                long start = 0;
                foreach ((string name, StoredType type, ImmutableArray<int> shape, ReadOnlyMemory<T> values) in tensors)
                {
                    json.WriteStartObject(name);
                    json.WriteString("dtype", type.ToString());
                    json.WriteStartArray("shape");
                    foreach (int extent in shape)
                    {
                        json.WriteNumberValue(extent);
                    }

                    json.WriteEndArray();
                    json.WriteStartArray("data_offsets");
                    json.WriteNumberValue(start);
                    json.WriteNumberValue(start += (long)values.Length * SizeOf(type));
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
    }

    /// <summary>The bytes of an element.</summary>
    internal static int SizeOf(StoredType type) => type switch
    {
        StoredType.F64 => 8,
        StoredType.F32 or StoredType.U32 => 4,
        StoredType.U8 => 1,
        StoredType.Other => throw new NotSupportedException("Numbers of this type cannot be read."),
        _ => 2,
    };

    private static T Decode<T>(ReadOnlySpan<byte> source, StoredType type)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => type switch
        {
            StoredType.F64 => T.CreateTruncating(BinaryPrimitives.ReadDoubleLittleEndian(source)),
            StoredType.F32 => T.CreateTruncating(BinaryPrimitives.ReadSingleLittleEndian(source)),
            StoredType.F16 => T.CreateTruncating(BinaryPrimitives.ReadHalfLittleEndian(source)),
            StoredType.BF16 => T.CreateTruncating(BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(source) << 16)),
            StoredType.U32 => T.CreateTruncating(BinaryPrimitives.ReadUInt32LittleEndian(source)),
            StoredType.U16 => T.CreateTruncating(BinaryPrimitives.ReadUInt16LittleEndian(source)),
            _ => T.CreateTruncating(source[0]),
        };

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

            case StoredType.U32:
                BinaryPrimitives.WriteUInt32LittleEndian(target, uint.CreateTruncating(value));
                break;

            case StoredType.U16:
                BinaryPrimitives.WriteUInt16LittleEndian(target, ushort.CreateTruncating(value));
                break;

            default:
                target[0] = byte.CreateTruncating(value);
                break;
        }
    }

    private StoredTensor Describe(JsonProperty entry)
    {
        string name = entry.Value.GetProperty("dtype").GetString() ?? "";
        StoredType type = Enum.TryParse(name, ignoreCase: false, out StoredType known) && Enum.IsDefined(known) && known.ToString() == name ? known : StoredType.Other;
        ImmutableArray<int> shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32())];
        long[] offsets = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64())];
        (long start, long end) = offsets.Length == 2 ? (offsets[0], offsets[1]) : throw new FormatException();
        var tensor = new StoredTensor(entry.Name, type, shape, start, end - start);
        return start >= 0 && start <= end && end <= stream.Length - dataStart && end - start <= Array.MaxLength
            && shape.All(extent => extent >= 0)
            && (type == StoredType.Other || tensor.Length * SizeOf(type) == tensor.Bytes)
            ? tensor
            : throw new InvalidDataException($"Tensor '{entry.Name}' of shape [{string.Join(", ", shape)}] does not fit its place in the file.");
    }

    private void Read(Span<byte> bytes)
    {
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
        {
            throw new InvalidDataException("The file ends too early.");
        }
    }
}
