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

    [Fact]
    public void OtherTypes_AreListedAndNotRead()
    {
        TensorFile file = Open(File("""{"a":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"b":{"dtype":"0","shape":[1],"data_offsets":[0,4]}}""", 16));
        Assert.Equal([StoredType.Other, StoredType.Other], file.Tensors.Values.Select(tensor => tensor.Type));
        Assert.Throws<NotSupportedException>(() => file.Read<float>("a", [2], new float[2]));
        Assert.Throws<ArgumentException>(() => file.Read<float>("c", [2], new float[2]));
        Assert.Throws<ArgumentException>(() => file.Read<float>("a", [2], new float[3]));
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
