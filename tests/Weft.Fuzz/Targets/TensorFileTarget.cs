using System.Collections.Immutable;
using System.Text;
using Weft.Fuzz.Inputs;

namespace Weft.Fuzz.Targets;

/// <summary>Files of tensors: each is read, or refused as documented; and a map that refuses one is as before.</summary>
internal sealed class TensorFileTarget : FuzzTarget
{
    private readonly Map<float>[] maps = [.. Enumerable.Range(0, Maps.Names.Length).Select(Maps.Create<float>)];
    private readonly byte[][] seeds;

    public TensorFileTarget()
    {
        var files = new List<byte[]>();
        foreach (Map<float> map in maps)
        {
            map.Initialize(1);
            foreach (StoredParameters parameters in Enum.GetValues<StoredParameters>())
            {
                foreach (StoredType? type in new StoredType?[] { null, StoredType.BF16 })
                {
                    using var stream = new MemoryStream();
                    map.Save(stream, parameters, type);
                    files.Add([(byte)files.Count, .. stream.ToArray()]);
                }
            }
        }

        using var other = new MemoryStream();
        TensorFile.Write<float>(
            other,
            [("s", StoredType.F64, [], new float[] { 1 }), ("e", StoredType.F16, [0, 3], default), ("u", StoredType.U16, [2, 1], new float[] { 1, 2 }), ("b", StoredType.U8, [3], new float[] { 1, 2, 3 })],
            new Dictionary<string, string> { ["a"] = "b" });
        files.Add([0, .. other.ToArray()]);
        seeds = [.. files];
    }

    public override string Name => "tensors";

    public override long MostAllocated => 4 << 20;

    public override byte[] Make(Random random)
    {
        byte[] seed = seeds[random.Next(seeds.Length)];
        if (random.Next(2) == 0)
        {
            return Mutations.OfBytes(seed, random, seeds);
        }

        // The header's text changed, and its length with it.
        int length = BitConverter.ToInt32(seed, 1);
        byte[] header = Encoding.UTF8.GetBytes(Mutations.OfTokens(Encoding.UTF8.GetString(seed, 9, length), random, Mutations.Few(random)));
        return [seed[0], .. BitConverter.GetBytes((long)header.Length), .. header, .. seed[(9 + length)..]];
    }

    public override void Run(byte[] input)
    {
        if (input.Length == 0)
        {
            return;
        }

        byte[] bytes = input[1..];
        try
        {
            TensorFile file = TensorFile.Open(new MemoryStream(bytes));
            foreach (StoredTensor tensor in file.Tensors.Values)
            {
                Read<float>(file, tensor);
                Read<double>(file, tensor);
            }
        }
        catch (InvalidDataException)
        {
        }

        Map<float> map = maps[input[0] % maps.Length];
        float[] before = map.Parameters.ToArray();
        try
        {
            LoadReport report = map.Load(new MemoryStream(bytes));
            if (report.Loaded.Length == 0 && map.TrainedCount > 0)
            {
                throw new FuzzException("a file without the trained parameters was taken");
            }
        }
        catch (InvalidDataException)
        {
            if (!map.Parameters.SequenceEqual(before) && !before.Any(float.IsNaN))
            {
                throw new FuzzException("a map that refused a file has changed");
            }
        }

        map.Forward(new float[map.Inputs], new float[map.Outputs]);
    }

    private static void Read<T>(TensorFile file, StoredTensor tensor)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        try
        {
            // A tensor without elements has any other extents, of which the product may not be a number.
            ImmutableArray<int> shape = tensor.Shape;
            file.Read(tensor.Name, shape.AsSpan(), new T[tensor.Type == StoredType.Other ? 0 : tensor.Length]);
        }
        catch (NotSupportedException) when (tensor.Type == StoredType.Other)
        {
        }
        catch (ArgumentException) when (tensor.Type == StoredType.Other)
        {
        }
    }
}
