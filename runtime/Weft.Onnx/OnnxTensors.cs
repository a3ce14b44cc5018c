using System.Buffers.Binary;
using System.Collections.Immutable;
using Google.Protobuf;
using global::Onnx;
using Weft.Kernels;
using static global::Onnx.TensorProto.Types;

namespace Weft.Onnx;

/// <summary>The elements of ONNX's tensor messages.</summary>
internal static unsafe class OnnxTensors
{
    /// <exception cref="InvalidDataException">An extent is none.</exception>
    public static ImmutableArray<int> ShapeOf(string name, TensorProto tensor)
    {
        long length = 1;
        foreach (long extent in tensor.Dims)
        {
            if (extent is < 0 or > int.MaxValue || (extent > 0 && length > int.MaxValue / extent))
            {
                throw new InvalidDataException($"'{name}' has the shape [{string.Join(", ", tensor.Dims)}].");
            }

            length *= extent;
        }

        return [.. tensor.Dims.Select(extent => (int)extent)];
    }

    /// <summary>The elements as numbers, whatever their type.</summary>
    /// <param name="name">What messages call the tensor.</param>
    /// <param name="tensor">The message.</param>
    /// <param name="folder">Where files lie that it may name; null where there is none.</param>
    /// <exception cref="InvalidDataException">There are not as many numbers as the shape says.</exception>
    /// <exception cref="NotSupportedException">They are of a type that is not read.</exception>
    public static double[] Elements(string name, TensorProto tensor, string? folder)
    {
        var type = (DataType)tensor.DataType;
        int count = ShapeOf(name, tensor).Aggregate(1, (product, extent) => product * extent);
        long size = BytesOf(name, tensor);
        if (tensor.DataLocation == DataLocation.External)
        {
            return Decode(External(name, tensor, folder, size), type, count);
        }

        if (!tensor.RawData.IsEmpty || count == 0)
        {
            return tensor.RawData.Length == size
                ? Decode(tensor.RawData.Span, type, count)
                : throw new InvalidDataException($"'{name}' has {tensor.RawData.Length} bytes; {size} are expected.");
        }

        // Small numbers may be written one by one; two in a byte still are.
        IReadOnlyList<double> numbers = type switch
        {
            DataType.Float => [.. tensor.FloatData.Select(number => (double)number)],
            DataType.Double => tensor.DoubleData,
            DataType.Int64 => [.. tensor.Int64Data.Select(number => (double)number)],
            DataType.Uint64 or DataType.Uint32 => [.. tensor.Uint64Data.Select(number => (double)number)],
            DataType.Int32 or DataType.Int16 or DataType.Int8 or DataType.Uint16 or DataType.Uint8 or DataType.Bool => [.. tensor.Int32Data.Select(number => (double)number)],
            DataType.Float16 or DataType.Bfloat16 => Decode([.. tensor.Int32Data.SelectMany(number => new[] { (byte)(number & 0xFF), (byte)((number >> 8) & 0xFF) })], type, tensor.Int32Data.Count),
            _ => tensor.Int32Data.Count == size ? Decode([.. tensor.Int32Data.Select(number => (byte)(number & 0xFF))], type, count) : [],
        };
        return numbers.Count == count ? [.. numbers] : throw new InvalidDataException($"'{name}' has {numbers.Count} numbers; {count} are expected.");
    }

    /// <summary>How many bytes the elements take.</summary>
    /// <exception cref="NotSupportedException">They are of a type that is not read.</exception>
    public static long BytesOf(string name, TensorProto tensor)
    {
        int bits = (DataType)tensor.DataType switch
        {
            DataType.Double or DataType.Int64 or DataType.Uint64 => 64,
            DataType.Float or DataType.Int32 or DataType.Uint32 => 32,
            DataType.Float16 or DataType.Bfloat16 or DataType.Int16 or DataType.Uint16 => 16,
            DataType.Int8 or DataType.Uint8 or DataType.Bool or DataType.Float8E4M3Fn or DataType.Float8E5M2 => 8,
            DataType.Int4 or DataType.Uint4 => 4,
            DataType type => throw new NotSupportedException($"'{name}' is of the type {type}, which is not read."),
        };
        return ((ShapeOf(name, tensor).Aggregate(1L, (product, extent) => product * extent) * bits) + 7) / 8;
    }

    /// <summary>Brings what lies in a file beside the model into the tensor.</summary>
    public static void Embed(string name, TensorProto tensor, string? folder)
    {
        if (tensor.DataLocation == DataLocation.External)
        {
            tensor.RawData = ByteString.CopyFrom(External(name, tensor, folder, BytesOf(name, tensor)));
            tensor.DataLocation = DataLocation.Default;
            tensor.ExternalData.Clear();
        }
    }

    /// <summary>The bytes that lie in a file beside the model.</summary>
    private static byte[] External(string name, TensorProto tensor, string? folder, long size)
    {
        Dictionary<string, string> entries = tensor.ExternalData.GroupBy(entry => entry.Key).ToDictionary(group => group.Key, group => group.Last().Value, StringComparer.Ordinal);
        string location = entries.GetValueOrDefault("location", "");
        if (folder is null)
        {
            throw new NotSupportedException($"'{name}' lies in '{location}' beside the model: open the model by its path.");
        }

        // What a file names is looked for beside it, and nowhere else.
        string path = Path.GetFullPath(Path.Combine(folder, location));
        string root = Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar;
        if (location.Length == 0 || !path.StartsWith(root, StringComparison.Ordinal) || !File.Exists(path))
        {
            throw new InvalidDataException($"'{name}' lies in '{location}', which is no file beside the model.");
        }

        using FileStream file = File.OpenRead(path);
        bool isPlaced = long.TryParse(entries.GetValueOrDefault("offset", "0"), out long offset);
        if (!isPlaced || offset < 0 || size > file.Length - offset)
        {
            throw new InvalidDataException($"'{location}' has {file.Length} bytes; '{name}' is said to have {size} from {entries.GetValueOrDefault("offset", "0")} on.");
        }

        file.Position = offset;
        byte[] bytes = new byte[size];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static double[] Decode(ReadOnlySpan<byte> source, DataType type, int count)
    {
        double[] values = new double[count];
        fixed (byte* bytes = source)
        {
            double* e4m3 = StorageFormats<double>.Scale<E4M3<double>>((double*)bytes), e5m2 = StorageFormats<double>.Scale<E5M2<double>>((double*)bytes);
            for (int i = 0; i < count; i++)
            {
                values[i] = type switch
                {
                    DataType.Double => BinaryPrimitives.ReadDoubleLittleEndian(source[(8 * i)..]),
                    DataType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(source[(8 * i)..]),
                    DataType.Uint64 => BinaryPrimitives.ReadUInt64LittleEndian(source[(8 * i)..]),
                    DataType.Float => BinaryPrimitives.ReadSingleLittleEndian(source[(4 * i)..]),
                    DataType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(source[(4 * i)..]),
                    DataType.Uint32 => BinaryPrimitives.ReadUInt32LittleEndian(source[(4 * i)..]),
                    DataType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * i)..]),
                    DataType.Bfloat16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..]) << 16),
                    DataType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(source[(2 * i)..]),
                    DataType.Uint16 => BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..]),
                    DataType.Int8 => unchecked((sbyte)source[i]),
                    DataType.Float8E4M3Fn => E4M3<double>.Read(e4m3 + i),
                    DataType.Float8E5M2 => E5M2<double>.Read(e5m2 + i),
                    DataType.Uint4 => (source[i / 2] >> (4 * (i % 2))) & 0xF,
                    DataType.Int4 => (((source[i / 2] >> (4 * (i % 2))) & 0xF) ^ 8) - 8,
                    _ => source[i],
                };
            }
        }

        return values;
    }
}
