using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Weft.Tests.Adapters;

/// <summary>A tensor of a file that a test makes.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">Its elements, row-major.</param>
/// <param name="Type">F64, F32, F16, I64 or U8.</param>
internal sealed record MadeTensor(string Name, int[] Shape, double[] Values, string Type = "F32");

/// <summary>A folder of files, made byte by byte and not by what is tested, and deleted at the end.</summary>
internal sealed class AdapterFolder : IDisposable
{
    private readonly string path = Directory.CreateTempSubdirectory("weft").FullName;

    public string this[string name] => Path.Combine(path, name);

    /// <summary>Numbers that are the same in single precision.</summary>
    public static double[] Draw(Random random, params int[] shape) =>
        [.. Enumerable.Range(0, shape.Aggregate(1, (product, extent) => product * extent)).Select(_ => (double)(float)((2 * random.NextDouble()) - 1))];

    /// <summary>The bytes of a safetensors file.</summary>
    public static byte[] Bytes(params MadeTensor[] tensors)
    {
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        var data = new MemoryStream();
        foreach (MadeTensor tensor in tensors)
        {
            long start = data.Length;
            byte[] element = new byte[8];
            foreach (double value in tensor.Values)
            {
                int size = Encode(value, tensor.Type, element);
                data.Write(element, 0, size);
            }

            header.Append(CultureInfo.InvariantCulture, $",\"{tensor.Name}\":{{\"dtype\":\"{tensor.Type}\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{start},{data.Length}]}}");
        }

        byte[] text = Encoding.UTF8.GetBytes(header.Append('}').ToString()), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. data.ToArray()];
    }

    /// <summary>Writes a safetensors file.</summary>
    public string Write(string name, params MadeTensor[] tensors)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], Bytes(tensors));
        return this[name];
    }

    /// <summary>Writes a folder of PEFT.</summary>
    public string WritePeft(string name, string config, params MadeTensor[] tensors)
    {
        Write($"{name}/adapter_model.safetensors", tensors);
        File.WriteAllText(this[$"{name}/adapter_config.json"], config);
        return this[name];
    }

    /// <summary>Writes shards and their index.</summary>
    public string WriteShards(string name, string stem, params MadeTensor[][] shards)
    {
        var places = new List<string>();
        for (int i = 0; i < shards.Length; i++)
        {
            string file = string.Create(CultureInfo.InvariantCulture, $"{stem}-{i + 1:00000}-of-{shards.Length:00000}.safetensors");
            Write($"{name}/{file}", shards[i]);
            places.AddRange(shards[i].Select(tensor => $"\"{tensor.Name}\":\"{file}\""));
        }

        File.WriteAllText(this[$"{name}/{stem}.safetensors.index.json"], $"{{\"metadata\":{{\"total_size\":1}},\"weight_map\":{{{string.Join(',', places)}}}}}");
        return this[name];
    }

    /// <summary>Every file below, by its path and its bytes.</summary>
    public Dictionary<string, string> Contents() => Directory.GetFileSystemEntries(path, "*", SearchOption.AllDirectories)
        .ToDictionary(file => file, file => File.Exists(file) ? Convert.ToBase64String(File.ReadAllBytes(file)) : "");

    public void Dispose() => Directory.Delete(path, recursive: true);

    private static int Encode(double value, string type, Span<byte> target)
    {
        switch (type)
        {
            case "F64":
                BinaryPrimitives.WriteDoubleLittleEndian(target, value);
                return 8;
            case "F32":
                BinaryPrimitives.WriteSingleLittleEndian(target, (float)value);
                return 4;
            case "F16":
                BinaryPrimitives.WriteHalfLittleEndian(target, (Half)value);
                return 2;
            case "I64":
                BinaryPrimitives.WriteInt64LittleEndian(target, (long)value);
                return 8;
            default:
                target[0] = (byte)value;
                return 1;
        }
    }
}
