using System.Text;

namespace Weft.Compiler.Explanation;

/// <summary>
/// Images of up to 16 colours as PNG (ISO/IEC 15948). What is compressed is stored as it is, so that the same image is the same bytes on every machine.
/// </summary>
internal static class IndexedPng
{
    private const int BitsPerPixel = 4;

    private const int LargestStored = ushort.MaxValue;

    /// <summary>An image whose pixels are given as numbers of colours.</summary>
    public static byte[] Encode(byte[,] pixels, IReadOnlyList<(byte Red, byte Green, byte Blue, byte Alpha)> colours)
    {
        (int height, int width) = (pixels.GetLength(0), pixels.GetLength(1));
        List<byte> png = [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1A, (byte)'\n'];
        Chunk(png, "IHDR", [.. BigEndian((uint)width), .. BigEndian((uint)height), BitsPerPixel, 3, 0, 0, 0]);
        Chunk(png, "PLTE", [.. colours.SelectMany(colour => new[] { colour.Red, colour.Green, colour.Blue })]);
        Chunk(png, "tRNS", [.. colours.Select(colour => colour.Alpha)]);
        Chunk(png, "IDAT", Stored(Rows(pixels)));
        Chunk(png, "IEND", []);
        return [.. png];
    }

    /// <summary>Each row after the number of its filter, which is none.</summary>
    private static byte[] Rows(byte[,] pixels)
    {
        (int height, int width) = (pixels.GetLength(0), pixels.GetLength(1));
        int stride = 1 + ((width + 1) / 2);
        byte[] rows = new byte[height * stride];
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width; j++)
            {
                rows[(i * stride) + 1 + (j / 2)] |= (byte)(pixels[i, j] << (j % 2 == 0 ? BitsPerPixel : 0));
            }
        }

        return rows;
    }

    /// <summary>A stream of zlib (RFC 1950) whose blocks are not compressed.</summary>
    private static byte[] Stored(byte[] data)
    {
        List<byte> stream = [0x78, 0x01];
        for (int start = 0; start < data.Length; start += LargestStored)
        {
            int length = Math.Min(LargestStored, data.Length - start), complement = LargestStored - length;
            stream.AddRange([(byte)(start + length == data.Length ? 1 : 0), (byte)(length & 255), (byte)(length >> 8), (byte)(complement & 255), (byte)(complement >> 8)]);
            stream.AddRange(new ArraySegment<byte>(data, start, length));
        }

        (uint a, uint b) = (1, 0);
        foreach (byte value in data)
        {
            a = (a + value) % 65521;
            b = (b + a) % 65521;
        }

        stream.AddRange(BigEndian((b << 16) | a));
        return [.. stream];
    }

    private static void Chunk(List<byte> png, string type, byte[] data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        uint check = uint.MaxValue;
        foreach (byte value in body)
        {
            check ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                check = (check >> 1) ^ ((check & 1) == 0 ? 0 : 0xEDB88320);
            }
        }

        png.AddRange(BigEndian((uint)data.Length));
        png.AddRange(body);
        png.AddRange(BigEndian(~check));
    }

    private static byte[] BigEndian(uint value) => [(byte)(value >> 24), (byte)((value >> 16) & 255), (byte)((value >> 8) & 255), (byte)(value & 255)];
}
