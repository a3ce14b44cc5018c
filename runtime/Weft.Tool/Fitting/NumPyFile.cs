using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Weft.Tool.Fitting;

/// <summary>Arrays as NumPy saves them: <c>.npy</c>, format versions 1 to 3, of floating-point numbers.</summary>
internal static partial class NumPyFile
{
    /// <summary>Reads an array.</summary>
    /// <returns>Its shape, and its elements in row-major order.</returns>
    /// <exception cref="InvalidDataException">It is no such file; the message says what is expected.</exception>
    /// <exception cref="EndOfStreamException">It ends too early.</exception>
    /// <exception cref="OverflowException">There are more elements than an array can have.</exception>
    public static (int[] Shape, double[] Values) Read(Stream stream)
    {
        Span<byte> start = stackalloc byte[8];
        stream.ReadExactly(start);
        if (start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8))
        {
            throw new InvalidDataException("it is not a .npy file, which numpy.save writes");
        }

        Span<byte> size = stackalloc byte[start[6] == 1 ? 2 : 4];
        stream.ReadExactly(size);
        byte[] bytes = new byte[size.Length == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(size) : checked((int)BinaryPrimitives.ReadUInt32LittleEndian(size))];
        stream.ReadExactly(bytes);
        string header = Encoding.UTF8.GetString(bytes);
        (Match type, Match order, Match extents) = (TypeOf().Match(header), OrderOf().Match(header), ShapeOf().Match(header));
        if (!type.Success || !order.Success || !extents.Success)
        {
            throw new InvalidDataException("the header of the .npy file is malformed");
        }

        (int width, Func<byte[], int, double> element) = type.Groups[1].Value switch
        {
            "<f8" => (8, (Func<byte[], int, double>)((data, at) => BinaryPrimitives.ReadDoubleLittleEndian(data.AsSpan(at)))),
            "<f4" => (4, (data, at) => BinaryPrimitives.ReadSingleLittleEndian(data.AsSpan(at))),
            "<f2" => (2, (data, at) => (double)BinaryPrimitives.ReadHalfLittleEndian(data.AsSpan(at))),
            string other => throw new InvalidDataException($"the numbers are '{other}'; '<f8', '<f4' and '<f2' are read: save a.astype('<f8')"),
        };
        int[] shape = [.. extents.Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        double[] values = new double[shape.Aggregate(1, (product, extent) => checked(product * extent))];
        int[] strides = [.. shape.Select((_, axis) => shape.Skip(axis + 1).Aggregate(1, (product, extent) => product * extent))];
        bool isByColumns = order.Groups[1].Value == "True";
        int[] axes = [.. isByColumns ? Enumerable.Range(0, shape.Length).Reverse() : Enumerable.Range(0, shape.Length)];
        byte[] row = new byte[checked(width * (shape.Length == 0 ? 1 : shape[axes[^1]]))];
        int[] position = new int[shape.Length];
        for (int read = 0; read < values.Length; read += row.Length / width)
        {
            stream.ReadExactly(row);
            int first = position.Zip(strides, (at, stride) => at * stride).Sum(), step = shape.Length == 0 ? 1 : strides[axes[^1]];
            for (int i = 0; i < row.Length / width; i++)
            {
                values[first + (i * step)] = element(row, i * width);
            }

            for (int k = axes.Length - 2; k >= 0 && ++position[axes[k]] == shape[axes[k]]; k--)
            {
                position[axes[k]] = 0;
            }
        }

        return (shape, values);
    }

    [GeneratedRegex(@"'descr'\s*:\s*'([^']*)'")]
    private static partial Regex TypeOf();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)")]
    private static partial Regex OrderOf();

    [GeneratedRegex(@"'shape'\s*:\s*\(([\d\s,]*)\)")]
    private static partial Regex ShapeOf();
}
