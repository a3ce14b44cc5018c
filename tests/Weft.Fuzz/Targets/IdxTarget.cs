using System.Buffers.Binary;
using Weft.Examples.Digits.Data;
using Weft.Fuzz.Inputs;

namespace Weft.Fuzz.Targets;

/// <summary>Files in the IDX format: each is read, or refused as documented, whatever lengths its header states.</summary>
internal sealed class IdxTarget : FuzzTarget
{
    private const int MostAxes = 4;

    private static readonly byte[][] Seeds = [.. Enumerable.Range(1, MostAxes).Select(File)];

    public override string Name => "idx";

    public override long MostAllocated => 1 << 20;

    public override byte[] Make(Random random) => Mutations.OfBytes(Seeds[random.Next(Seeds.Length)], random, Seeds);

    public override void Run(byte[] input)
    {
        int axes = input.Length > 3 ? input[3] % (MostAxes + 1) : 1;
        try
        {
            (int[] shape, byte[] elements) = IdxFile.Read(new MemoryStream(input), axes);
            if (shape.Length != axes || shape.Aggregate(1L, (product, extent) => product * extent) != elements.Length)
            {
                throw new FuzzException($"the shape [{string.Join(", ", shape)}] of {elements.Length} elements");
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
        }
    }

    private static byte[] File(int axes)
    {
        byte[] file = new byte[4 + (4 * axes) + (1 << axes)];
        (file[2], file[3]) = (8, (byte)axes);
        for (int axis = 0; axis < axes; axis++)
        {
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + (4 * axis)), 2);
        }

        return file;
    }
}
