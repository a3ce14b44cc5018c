using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using System.Text.Json;
using Weft.Kernels;

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

    /// <summary>8 bits with 4 of exponent and 3 of fraction, as the format <c>e4m3</c>: up to 448, no infinities (Micikevicius et al. 2022).</summary>
    F8_E4M3,

    /// <summary>8 bits with 5 of exponent and 2 of fraction, as the format <c>e5m2</c>: up to 57,344 (Micikevicius et al. 2022).</summary>
    F8_E5M2,

    /// <summary>Whole numbers from 0, 64 bits.</summary>
    U64,

    /// <summary>Whole numbers from 0, 32 bits.</summary>
    U32,

    /// <summary>Whole numbers from 0, 16 bits.</summary>
    U16,

    /// <summary>Whole numbers from 0, 8 bits.</summary>
    U8,

    /// <summary>Whole numbers, 64 bits.</summary>
    I64,

    /// <summary>Whole numbers, 32 bits.</summary>
    I32,

    /// <summary>Whole numbers, 16 bits.</summary>
    I16,

    /// <summary>Whole numbers, 8 bits.</summary>
    I8,

    /// <summary>False and true, a byte of 0 or 1 each: the numbers 0 and 1.</summary>
    BOOL,

    /// <summary>Some other type, which is listed and copied, and cannot be read.</summary>
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
    /// <summary>A tensor to be written, wherever it will stand.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">How its numbers are written.</param>
    /// <param name="shape">The extent of each axis.</param>
    /// <exception cref="NotSupportedException">The type is <see cref="StoredType.Other"/>.</exception>
    public StoredTensor(string name, StoredType type, ImmutableArray<int> shape)
        : this(name, type, shape, 0, checked(shape.Aggregate(1L, (product, extent) => product * extent) * TensorFile.SizeOf(type)))
    {
    }

    /// <summary>The type as files spell it; it tells one <see cref="StoredType.Other"/> from another.</summary>
    public string TypeName { get; init; } = Type.ToString();

    /// <summary>The number of elements: the product of the shape.</summary>
    public long Length => Shape.Aggregate(1L, (product, extent) => checked(product * extent));
}

/// <summary>
/// A file of named tensors in the safetensors format (Hugging Face): the length of the header as 8 bytes, the header in JSON with the type,
/// the shape and the place of each tensor, then their elements; all little-endian and row-major. It holds numbers only: reading it runs no code.
/// </summary>
public sealed class TensorFile
{
    internal const string MetadataName = "__metadata__";

    private const int MostHeaderBytes = 100_000_000;

    /// <summary>How much of a tensor is read at a time.</summary>
    private const int PieceBytes = 1 << 20;

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
        StoredTensor tensor = Find(name);
        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new ArgumentException($"'{name}' has the shape [{string.Join(", ", tensor.Shape)}]; [{string.Join(", ", shape.ToArray())}] is expected.", nameof(shape));
        }

        if (values.Length != tensor.Length)
        {
            throw new ArgumentException($"values has {values.Length} elements; '{name}' has {tensor.Length}.", nameof(values));
        }

        int size = SizeOf(tensor.Type), done = 0;
        foreach (ReadOnlyMemory<byte> piece in Pieces(tensor))
        {
            int count = piece.Length / size;
            Decode(piece.Span, tensor.Type, values.Slice(done, count));
            done += count;
        }
    }

    /// <summary>Copies a tensor's bytes as they are, whatever its type.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="target">Where to.</param>
    /// <exception cref="ArgumentException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">The file ends too early.</exception>
    public void CopyTo(string name, Stream target)
    {
        ArgumentNullException.ThrowIfNull(target);
        foreach (ReadOnlyMemory<byte> piece in Pieces(Find(name)))
        {
            target.Write(piece.Span);
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
        ArgumentNullException.ThrowIfNull(tensors);
        foreach ((string name, StoredType type, ImmutableArray<int> shape, ReadOnlyMemory<T> values) in tensors)
        {
            if (type == StoredType.Other || shape.Aggregate(1L, (product, extent) => product * extent) != values.Length)
            {
                throw new ArgumentException($"Tensor '{name}' cannot be written: its type cannot be written, or its shape is not that of its {values.Length} elements.", nameof(tensors));
            }
        }

        var writer = new TensorWriter(stream, [.. tensors.Select(tensor => new StoredTensor(tensor.Name, tensor.Type, tensor.Shape))], metadata);
        foreach ((_, _, _, ReadOnlyMemory<T> values) in tensors)
        {
            writer.Write(values.Span);
        }
    }

    /// <summary>The bytes of an element.</summary>
    internal static int SizeOf(StoredType type) => type switch
    {
        StoredType.F64 or StoredType.U64 or StoredType.I64 => 8,
        StoredType.F32 or StoredType.U32 or StoredType.I32 => 4,
        StoredType.F16 or StoredType.BF16 or StoredType.U16 or StoredType.I16 => 2,
        StoredType.Other => throw new NotSupportedException("Numbers of this type cannot be read."),
        _ => 1,
    };

    /// <summary>The name among others that one was perhaps meant to be: the most of its beginning and its end, more than half of it; or null.</summary>
    internal static string? Nearest(string name, IEnumerable<string> others)
    {
        (string Name, int Same) best = others.Select(other => (other, Same(other))).DefaultIfEmpty().MaxBy(pair => pair.Item2);
        return best.Same > name.Length / 2 ? best.Name : null;

        int Same(string other)
        {
            int most = Math.Min(name.Length, other.Length), start = name.AsSpan().CommonPrefixLength(other), end = 0;
            while (end < most - start && name[^(end + 1)] == other[^(end + 1)])
            {
                end++;
            }

            return start + end;
        }
    }

    private StoredTensor Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return tensors.TryGetValue(name, out StoredTensor? tensor)
            ? tensor
            : throw new ArgumentException($"There is no tensor '{name}' in the file{(Nearest(name, tensors.Keys) is { } other ? $": was '{other}' meant?" : ".")}", nameof(name));
    }

    /// <summary>A tensor's bytes, piece by piece, each of whole elements.</summary>
    private IEnumerable<ReadOnlyMemory<byte>> Pieces(StoredTensor tensor)
    {
        byte[] bytes = new byte[Math.Min(tensor.Bytes, PieceBytes)];
        stream.Position = dataStart + tensor.Start;
        for (long left = tensor.Bytes; left > 0; left -= bytes.Length)
        {
            Memory<byte> piece = bytes.AsMemory(0, (int)Math.Min(left, bytes.Length));
            Read(piece.Span);
            yield return piece;
        }
    }

    private static unsafe void Decode<T>(ReadOnlySpan<byte> source, StoredType type, Span<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int size = SizeOf(type);
        fixed (byte* bytes = source)
        {
            T* e4m3 = StorageFormats<T>.Scale<E4M3<T>>((T*)bytes), e5m2 = StorageFormats<T>.Scale<E5M2<T>>((T*)bytes);
            for (int i = 0; i < values.Length; i++)
            {
                ReadOnlySpan<byte> element = source.Slice(i * size, size);
                values[i] = type switch
                {
                    StoredType.F64 => T.CreateTruncating(BinaryPrimitives.ReadDoubleLittleEndian(element)),
                    StoredType.F32 => T.CreateTruncating(BinaryPrimitives.ReadSingleLittleEndian(element)),
                    StoredType.F16 => T.CreateTruncating(BinaryPrimitives.ReadHalfLittleEndian(element)),
                    StoredType.BF16 => T.CreateTruncating(BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(element) << 16)),
                    StoredType.F8_E4M3 => E4M3<T>.Read(e4m3 + i),
                    StoredType.F8_E5M2 => E5M2<T>.Read(e5m2 + i),
                    StoredType.U64 => T.CreateTruncating(BinaryPrimitives.ReadUInt64LittleEndian(element)),
                    StoredType.U32 => T.CreateTruncating(BinaryPrimitives.ReadUInt32LittleEndian(element)),
                    StoredType.U16 => T.CreateTruncating(BinaryPrimitives.ReadUInt16LittleEndian(element)),
                    StoredType.I64 => T.CreateTruncating(BinaryPrimitives.ReadInt64LittleEndian(element)),
                    StoredType.I32 => T.CreateTruncating(BinaryPrimitives.ReadInt32LittleEndian(element)),
                    StoredType.I16 => T.CreateTruncating(BinaryPrimitives.ReadInt16LittleEndian(element)),
                    StoredType.I8 => T.CreateTruncating((sbyte)element[0]),
                    _ => T.CreateTruncating(element[0]),
                };
            }
        }
    }

    private StoredTensor Describe(JsonProperty entry)
    {
        string name = entry.Value.GetProperty("dtype").GetString() ?? "";
        StoredType type = Enum.TryParse(name, ignoreCase: false, out StoredType known) && Enum.IsDefined(known) && known.ToString() == name ? known : StoredType.Other;
        ImmutableArray<int> shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32())];
        long[] offsets = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64())];
        (long start, long end) = offsets.Length == 2 ? (offsets[0], offsets[1]) : throw new FormatException();
        var tensor = new StoredTensor(entry.Name, type, shape, start, end - start) { TypeName = name };
        return start >= 0 && start <= end && end <= stream.Length - dataStart
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
