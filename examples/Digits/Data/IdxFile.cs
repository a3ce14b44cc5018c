using System.Buffers.Binary;
using System.IO.Compression;

namespace Weft.Examples.Digits.Data;

/// <summary>
/// Reads files of bytes in the IDX format (LeCun's): two zero bytes, the element type (8 for bytes), the number of axes, each axis'
/// length as a big-endian 32-bit number, and the elements.
/// </summary>
internal static class IdxFile
{
    private const int MaxElements = 1 << 30;

    /// <summary>The path of a file in a folder, as it is or compressed with gzip; null where there is neither.</summary>
    public static string? Find(string folder, string name) =>
        new[] { Path.Combine(folder, name), Path.Combine(folder, name + ".gz") }.FirstOrDefault(File.Exists);

    /// <summary>The lengths of the axes and the elements.</summary>
    /// <exception cref="InvalidDataException">The file is not in the format, or ends too early or too late.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static (int[] Shape, byte[] Elements) Read(string path, int axes)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
            return Read(stream, axes);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidDataException($"{path} is not an IDX file of bytes with {axes} axes: {exception.Message}", exception);
        }
    }

    /// <summary>The lengths of the axes and the elements of an open file.</summary>
    /// <exception cref="InvalidDataException">The file is not in the format, or ends too late.</exception>
    /// <exception cref="EndOfStreamException">The file ends too early.</exception>
    internal static (int[] Shape, byte[] Elements) Read(Stream stream, int axes)
    {
        byte[] header = new byte[4 + 4 * axes];
        stream.ReadExactly(header);
        int magic = BinaryPrimitives.ReadInt32BigEndian(header), expected = 8 << 8 | axes;
        if (magic != expected)
        {
            throw new InvalidDataException($"it starts with 0x{magic:x8} instead of 0x{expected:x8}.");
        }

        int[] shape = new int[axes];
        long count = 1;
        for (int axis = 0; axis < axes; axis++)
        {
            shape[axis] = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 + 4 * axis));
            if (shape[axis] < 1 || (count *= shape[axis]) > MaxElements)
            {
                throw new InvalidDataException($"axis {axis} has the length {shape[axis]}.");
            }
        }

        // As far as the file reaches, whatever its header says.
        using var read = new MemoryStream();
        byte[] buffer = new byte[(int)Math.Min(count, 1 << 16)];
        while (read.Length < count)
        {
            int part = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, count - read.Length));
            read.Write(buffer, 0, part > 0 ? part : throw new EndOfStreamException($"it ends after {read.Length} of {count} elements."));
        }

        byte[] elements = read.ToArray();
        return stream.ReadByte() < 0 ? (shape, elements) : throw new InvalidDataException($"more than its {count} elements follow.");
    }
}
