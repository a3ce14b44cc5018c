using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Weft.Tests.Examples;
using Weft.Tests.Formulas;

namespace Weft.Tests.Saving;

/// <summary>The safetensors format.</summary>
public class TensorFileTests
{
    private const string Adapter = "../analog4.safetensors";

    private static readonly Dictionary<string, string> NoTexts = [];

    [Fact]
    public void WhatIsWritten_IsTheFormat()
    {
        byte[] bytes = Write([("a", StoredType.F32, [2, 3], new float[] { 1, 2, 3, 4, 5, -6.5f }), ("s", StoredType.F64, [], new float[] { 0.25f })], new() { ["key"] = "text" });

        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        Assert.Equal(0, length % 8);
        using JsonDocument header = JsonDocument.Parse(bytes.AsMemory(8, length));
        Assert.Equal("text", header.RootElement.GetProperty("__metadata__").GetProperty("key").GetString());
        Assert.Equal("""{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}""", header.RootElement.GetProperty("a").GetRawText());
        Assert.Equal("""{"dtype":"F64","shape":[],"data_offsets":[24,32]}""", header.RootElement.GetProperty("s").GetRawText());
        Assert.Equal(8 + length + 32, bytes.Length);
        Assert.Equal(-6.5f, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(8 + length + 20)));
        Assert.Equal(0.25, BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(8 + length + 24)));
    }

    [Theory]
    [InlineData(StoredType.F64, 0)]
    [InlineData(StoredType.F32, 6e-8)]
    [InlineData(StoredType.F16, 5e-4)]
    [InlineData(StoredType.BF16, 4e-3)]
    public void Numbers_AreRoundedToTheirType(StoredType type, double error)
    {
        double[] values = [0, 1, -2.5, .. Numbers.Normal(new Random(1), 200)], read = new double[values.Length];
        TensorFile file = Open(Write([("x", type, [values.Length], values)], NoTexts));
        file.Read<double>("x", [read.Length], read);
        Assert.Equal(values[..3], read[..3]);
        Assert.All(values.Zip(read), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= error * Math.Abs(pair.First)));
        Assert.Equal(error == 0, values.SequenceEqual(read));
    }

    [Fact]
    public void Bfloat16_IsRoundedToEven()
    {
        // 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷, and 1 + 3·2⁻⁸ between 1 + 2⁻⁷ and 1 + 2⁻⁶.
        float[] values = [1 + (1 / 256f), 1 + (3 / 256f), float.NaN, float.PositiveInfinity, float.MaxValue], read = new float[5];
        Open(Write([("x", StoredType.BF16, [5], values)], NoTexts)).Read<float>("x", [5], read);
        Assert.Equal([1, 1 + (1 / 64f), float.NaN, float.PositiveInfinity, float.PositiveInfinity], read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"a":1}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2000000000,2000000000,2000000000],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":3,"shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"__metadata__":{"a":1}}""")]
    public void WhatIsNotAFile_IsRefused(string header) => Assert.Throws<InvalidDataException>(() => Open(File(header, 16)));

    [Fact]
    public void FilesThatEndTooEarly_AreRefused()
    {
        byte[] whole = Write([("x", StoredType.F32, [3], new float[] { 1, 2, 3 })], NoTexts);
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => Open(whole[..length]));
        }
    }

    [Theory]
    [InlineData(StoredType.I64, "D2FFFFFFFFFFFFFF", -46)]
    [InlineData(StoredType.I32, "D2FFFFFF", -46)]
    [InlineData(StoredType.I16, "D2FF", -46)]
    [InlineData(StoredType.I8, "D2", -46)]
    [InlineData(StoredType.U64, "0000000000000080", 9223372036854775808.0)]
    [InlineData(StoredType.U32, "FFFFFFFF", 4294967295.0)]
    [InlineData(StoredType.U8, "D2", 210)]
    [InlineData(StoredType.BOOL, "01", 1)]
    [InlineData(StoredType.F8_E4M3, "FE", -448)]
    [InlineData(StoredType.F8_E4M3, "01", 1.0 / 512)]
    [InlineData(StoredType.F8_E5M2, "7B", 57344)]
    public void EveryType_IsReadAndWritten(StoredType type, string bytes, double value)
    {
        byte[] data = Convert.FromHexString(bytes), file = File($$"""{"x":{"dtype":"{{type}}","shape":[1],"data_offsets":[0,{{data.Length}}] } }""", data.Length);
        double[] read = new double[1];
        data.CopyTo(file, file.Length - data.Length);
        Open(file).Read<double>("x", [1], read);
        Assert.Equal(value, read[0]);
        Assert.Equal(data, Write([("x", type, [1], read)], NoTexts)[^data.Length..]);
    }

    [Fact]
    public void OtherTypes_AreListedAndCopied()
    {
        byte[] file = File("""{"a":{"dtype":"F6_E3M2","shape":[4],"data_offsets":[13,16]},"b":{"dtype":"0","shape":[1],"data_offsets":[0,4]}}""", 16);
        (file[^3], file[^1]) = (7, 9);
        TensorFile source = Open(file);
        Assert.Equal([StoredType.Other, StoredType.Other], source.Tensors.Values.Select(tensor => tensor.Type));
        Assert.Throws<NotSupportedException>(() => source.Read<float>("a", [4], new float[4]));

        var stream = new MemoryStream();
        var writer = new TensorWriter(stream, [source.Tensors["a"], new StoredTensor("x", StoredType.F32, [1])], NoTexts);
        writer.Copy(source, "a");
        writer.Write<float>([2]);
        Assert.Throws<InvalidOperationException>(() => writer.Write<float>([2]));
        TensorFile copy = Open(stream.ToArray());
        Assert.Equal(("F6_E3M2", 3), (copy.Tensors["a"].TypeName, copy.Tensors["a"].Bytes));
        using var bytes = new MemoryStream();
        copy.CopyTo("a", bytes);
        Assert.Equal([7, 0, 9], bytes.ToArray());
    }

    [Fact]
    public void AWriter_TakesTensorsInTheirOrder()
    {
        TensorFile source = Open(Write([("x", StoredType.F32, [2], new float[2])], NoTexts));
        var writer = new TensorWriter(new MemoryStream(), [new StoredTensor("y", StoredType.F16, [2])], NoTexts);
        Assert.Throws<ArgumentException>(() => writer.Copy(source, "x"));
        Assert.Throws<ArgumentException>(() => writer.Write<float>(new float[3]));
        writer.Write<float>(new float[2]);
        Assert.Throws<ArgumentException>(() => new TensorWriter(new MemoryStream(), [source.Tensors["x"], source.Tensors["x"]], NoTexts));
    }

    /// <summary>More than is read at a time.</summary>
    [Fact]
    public void LargeTensors_AreReadInPieces()
    {
        double[] values = Numbers.Normal(new Random(2), 300_001), read = new double[values.Length];
        Open(Write([("a", StoredType.F16, [1], new double[1]), ("x", StoredType.F64, [values.Length], values)], NoTexts)).Read<double>("x", [read.Length], read);
        Assert.Equal(values, read);
    }

    [Theory]
    [InlineData("layers.0.q_proj.lora_A.weight", "was 'model.layers.0.q_proj.lora_A.weight' meant?")]
    [InlineData("model.layers.0.q_prj.lora_A.weight", "was 'model.layers.0.q_proj.lora_A.weight' meant?")]
    [InlineData("model.layers.0.q_proj.lora_B.weight", "was 'model.layers.0.q_proj.lora_A.weight' meant?")]
    [InlineData("quite another", "There is no tensor 'quite another' in the file.")]
    public void AName_ThatIsNotThere(string name, string message)
    {
        TensorFile file = Open(Write([("bias", StoredType.F32, [1], new float[1]), ("model.layers.0.q_proj.lora_A.weight", StoredType.F32, [1], new float[1])], NoTexts));
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => file.Read<float>(name, [1], new float[1])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheSameNumbersInAnotherShape_AreNotRead()
    {
        float[] values = new float[12];
        TensorFile file = Open(Write([("x", StoredType.F32, [4, 3], values)], NoTexts));
        file.Read<float>("x", [4, 3], values);
        var error = Assert.Throws<ArgumentException>(() => file.Read<float>("x", [3, 4], values));
        Assert.StartsWith("'x' has the shape [4, 3]; [3, 4] is expected.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongTensors_AreNotWritten()
    {
        var stream = new MemoryStream();
        Assert.Throws<ArgumentException>(() => TensorFile.Write<float>(stream, [("a", StoredType.F32, [2], new float[3])], NoTexts));
        Assert.Throws<ArgumentException>(() => TensorFile.Write<float>(stream, [("a", StoredType.F32, [3], new float[3]), ("a", StoredType.F32, [3], new float[3])], NoTexts));
        Assert.Throws<ArgumentException>(() => TensorFile.Write<float>(stream, [("a", StoredType.Other, [3], new float[3])], NoTexts));
        Assert.Equal(0, stream.Length);
    }

    [DataFact(Adapter)]
    public void ARealAdapter_IsRead()
    {
        using FileStream stream = System.IO.File.OpenRead(Path.Combine(DataFactAttribute.Folder, Adapter));
        TensorFile file = TensorFile.Open(stream);
        Assert.Equal(384, file.Tensors.Count);
        Assert.Equal("4", file.Metadata["text_encoder:0:rank"]);
        Assert.All(file.Tensors.Values, tensor => Assert.Equal(StoredType.F16, tensor.Type));

        // Every pair is an update of rank 4, and none of it is empty.
        foreach (string down in file.Tensors.Keys.Where(name => name.EndsWith(":down", StringComparison.Ordinal)))
        {
            StoredTensor a = file.Tensors[down], b = file.Tensors[down.Replace(":down", ":up", StringComparison.Ordinal)];
            Assert.Equal((4, 4), (a.Shape[0], b.Shape[1]));
            foreach (StoredTensor tensor in new[] { a, b })
            {
                float[] values = new float[tensor.Length];
                file.Read<float>(tensor.Name, tensor.Shape.AsSpan(), values);
                Assert.All(values, value => Assert.True(float.IsFinite(value)));
                Assert.Contains(values, value => value != 0);
            }
        }
    }

    private static byte[] Write<T>((string, StoredType, ImmutableArray<int>, T[])[] tensors, Dictionary<string, string> texts)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var stream = new MemoryStream();
        TensorFile.Write(stream, [.. tensors.Select(tensor => (tensor.Item1, tensor.Item2, tensor.Item3, (ReadOnlyMemory<T>)tensor.Item4))], texts);
        return stream.ToArray();
    }

    private static TensorFile Open(byte[] bytes) => TensorFile.Open(new MemoryStream(bytes));

    private static byte[] File(string header, int data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header), bytes = new byte[8 + text.Length + data];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)text.Length);
        text.CopyTo(bytes, 8);
        return bytes;
    }
}
