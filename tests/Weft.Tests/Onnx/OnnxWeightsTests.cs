using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using global::Onnx;
using Weft.Dynamic;
using Weft.Onnx;
using Weft.Tests.Formulas;
using static Weft.Tests.Onnx.OnnxMessages;
using static global::Onnx.AttributeProto.Types;
using static global::Onnx.TensorProto.Types;

namespace Weft.Tests.Onnx;

/// <summary>Weights of models by their names: a map of the weight does what the model's node does.</summary>
public class OnnxWeightsTests
{
    private const int Inputs = 6, Outputs = 4;

    public static TheoryData<string> Nodes => ["MatMul", "MatMulOfConstant", "Gemm", "GemmTransposed", "MatMulOfTranspose", "Float16", "Int8ByRow", "Int8ByTensor", "UInt8WithZeroPoint", "Int4Blocks"];

    /// <summary>ONNX Runtime's result of the node is the map's with the weight that was read from it.</summary>
    [Theory]
    [MemberData(nameof(Nodes))]
    public void AMapOfTheWeightDoesWhatTheNodeDoes(string kind)
    {
        ModelProto model = Model(kind);
        using CompiledWeft compiled = DynamicMaps.CompileFormula($"dense({Outputs}, {Inputs})");
        using Map<float> map = compiled.CreateFloat("Formula");
        LoadReport report = map.Load(OnnxWeights.Open(new MemoryStream(model.ToByteArray())), new LoadOptions { TensorName = _ => "fc.weight" });
        Assert.Equal<string>(["W"], report.Loaded);

        float[] x = [.. Numbers.Normal(new Random(1), 3 * Inputs).Select(value => (float)value)], actual = new float[3 * Outputs];
        map.Forward(x, actual);

        // Where it may, ONNX Runtime multiplies codes by rounded rows, which is not the weight alone.
        using var exact = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL };
        using var session = new InferenceSession(model.ToByteArray(), exact);
        using var input = OrtValue.CreateTensorValueFromMemory(x, [3, Inputs]);
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(new RunOptions(), ["x"], [input], ["y"]);
        Numbers.AssertClose([.. results[0].GetTensorDataAsSpan<float>().ToArray().Select(value => (double)value)], [.. actual.Select(value => (double)value)], 1e-5, kind);
    }

    /// <summary>A row for each filter: [out, in · taps], and the weight of a part of a model of its own type.</summary>
    [Fact]
    public void AConvolutionIsAMatrixOfItsTaps()
    {
        GraphProto graph = Graph([Weight("k", DataType.Float, [4, 2, 3], [.. Enumerable.Range(0, 24).Select(i => (double)i)])], Node("Conv", ["image", "k"], "y"));
        OnnxWeights weights = Open(graph);
        Assert.Equal<int>([4, 6], weights.Weights["k"].Shape);
        Assert.Equal<int>([4, 2, 3], weights.Weights["k"].StoredShape);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (float)i), Read(weights, "k"));
    }

    /// <summary>ONNX Runtime's product of blocks: rows of codes in bytes, the lower half first, with a zero point of 8 unless given.</summary>
    [Fact]
    public void BlocksOfOnnxRuntimesProductAreDequantized()
    {
        const int Columns = 32, Size = 16;
        byte[] bytes = [.. Enumerable.Range(0, 2 * Columns / 2).Select(i => (byte)((i * 7) & 0xFF))];
        double[] scales = [0.5, 1, 2, 4];
        NodeProto node = Node("MatMulNBits", ["x", "w", "s"], "y", Attribute("N", 2), Attribute("K", Columns), Attribute("bits", 4), Attribute("block_size", Size));
        var packed = new TensorProto { Name = "w", DataType = (int)DataType.Uint8, RawData = ByteString.CopyFrom(bytes) };
        packed.Dims.AddRange([2, 2, Size / 2]);
        OnnxWeights weights = Open(Graph([packed, Weight("s", DataType.Float, [4], scales)], node));
        float[] expected = [.. Enumerable.Range(0, 2 * Columns).Select(i => (float)((((bytes[i / 2] >> (4 * (i % 2))) & 15) - 8) * scales[i / Size]))];
        Assert.Equal<int>([2, Columns], weights.Weights["w"].Shape);
        Assert.Equal(expected, Read(weights, "w"));
        Assert.DoesNotContain("s", weights.Weights.Keys);
    }

    /// <summary>What cannot be read without a guess is told by name when it is asked for, and hinders nothing else.</summary>
    [Fact]
    public void WhatIsNotReadIsSaid()
    {
        OnnxWeights weights = Open(Graph(
            [Weight("fc.weight", DataType.Float, [2, 2], [1, 2, 3, 4]), new TensorProto { Name = "text", DataType = (int)DataType.String }, Weight("good", DataType.Float, [3], [1, 2, 3])],
            Node("MatMul", ["x", "fc.weight"], "a"),
            Node("MatMul", ["fc.weight", "x"], "b")));
        Assert.Contains("MatMul 'a' and by MatMul 'b'", Assert.Throws<NotSupportedException>(() => Read(weights, "fc.weight", [2, 2])).Message);
        Assert.Contains("type String", Assert.Throws<NotSupportedException>(() => weights.Read<float>("text", [], new float[1])).Message);
        Assert.Contains("was 'good' meant?", Assert.Throws<ArgumentException>(() => weights.Read<float>("goods", [3], new float[3])).Message);
        Assert.Contains("[3]", Assert.Throws<ArgumentException>(() => weights.Read<float>("good", [1, 3], new float[3])).Message);
        using CompiledWeft compiled = DynamicMaps.CompileFormula("dense(2, 2)");
        using Map<float> map = compiled.CreateFloat("Formula");
        Assert.Contains("is no weight of the model", Assert.Throws<InvalidDataException>(() => map.Load(weights)).Message);
        Assert.Equal<string>(["W"], map.Load(weights, new LoadOptions { IsStrict = false }).Missing);
    }

    private static float[] Read(OnnxWeights weights, string name) => Read(weights, name, [.. weights.Weights[name].Shape]);

    private static float[] Read(OnnxWeights weights, string name, int[] shape)
    {
        float[] values = new float[shape.Aggregate(1, (product, extent) => product * extent)];
        weights.Read<float>(name, shape, values);
        return values;
    }

    private static OnnxWeights Open(GraphProto graph) => OnnxWeights.Open(new MemoryStream(new ModelProto { Graph = graph }.ToByteArray()));

    /// <summary>A model of one product with a weight in some form.</summary>
    private static ModelProto Model(string kind)
    {
        var random = new Random(7);
        double[] right = Numbers.Normal(random, Inputs * Outputs), codes = [.. right.Select((_, i) => (double)random.Next(-8, 8))];
        GraphProto graph = kind switch
        {
            "MatMul" => Graph([Weight("fc.weight", DataType.Float, [Inputs, Outputs], right)], Node("MatMul", ["x", "fc.weight"], "y")),
            "MatMulOfConstant" => Graph(
                [],
                Node("Constant", [], "fc.weight", new AttributeProto { Name = "value", Type = AttributeType.Tensor, T = Weight("", DataType.Float, [Inputs, Outputs], right) }),
                Node("MatMul", ["x", "fc.weight"], "y")),
            "Gemm" => Graph([Weight("fc.weight", DataType.Float, [Inputs, Outputs], right)], Node("Gemm", ["x", "fc.weight"], "y", new AttributeProto { Name = "alpha", Type = AttributeType.Float, F = 0.5f })),
            "GemmTransposed" => Graph([Weight("fc.weight", DataType.Float, [Outputs, Inputs], right)], Node("Gemm", ["x", "fc.weight"], "y", Attribute("transB", 1))),
            "MatMulOfTranspose" => Graph([Weight("fc.weight", DataType.Float, [Outputs, Inputs], right)], Node("Transpose", ["fc.weight"], "t"), Node("MatMul", ["x", "t"], "y")),
            "Float16" => Graph([Weight("fc.weight", DataType.Float16, [Inputs, Outputs], right)], Node("Cast", ["fc.weight"], "t", Attribute("to", (int)DataType.Float)), Node("MatMul", ["x", "t"], "y")),
            "Int8ByTensor" => Quantized(Weight("fc.weight", DataType.Int8, [Inputs, Outputs], codes), [Weight("s", DataType.Float, [], [0.25])]),
            "Int8ByRow" => Quantized(Weight("fc.weight", DataType.Int8, [Inputs, Outputs], codes), [Weight("s", DataType.Float, [Outputs], [0.25, 0.5, 1, 2])], Attribute("axis", 1)),
            "UInt8WithZeroPoint" => Quantized(
                Weight("fc.weight", DataType.Uint8, [Inputs, Outputs], [.. codes.Select(code => code + 9)]), [Weight("s", DataType.Float, [], [0.25]), Weight("z", DataType.Uint8, [], [11])]),
            "Int4Blocks" => Quantized(
                Weight("fc.weight", DataType.Int4, [Inputs, Outputs], codes),
                [Weight("s", DataType.Float, [3, Outputs], [.. Enumerable.Range(1, 3 * Outputs).Select(i => 0.25 * i)])],
                Attribute("axis", 0),
                Attribute("block_size", 2)),
            _ => throw new ArgumentException(kind),
        };
        graph.Input.Add(Info("x", "rows", Inputs));
        graph.Output.Add(Info("y", "rows", Outputs));
        var model = new ModelProto { IrVersion = 10, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = OnnxExport.Opset });
        return model;

        static GraphProto Quantized(TensorProto weight, TensorProto[] others, params AttributeProto[] attributes) => Graph(
            [weight, .. others], Node("DequantizeLinear", [weight.Name, .. others.Select(other => other.Name)], "t", attributes), Node("MatMul", ["x", "t"], "y"));
    }
}
