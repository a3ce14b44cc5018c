using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using global::Onnx;
using Weft.Dynamic;
using Weft.Onnx;
using Weft.Tests.Formulas;
using static Weft.Tests.Onnx.OnnxMessages;
using static global::Onnx.TensorProto.Types;

namespace Weft.Tests.Onnx;

/// <summary>Models whose weights maps stand in for: they compute what they would with the maps' matrices as weights.</summary>
public class OnnxModelTests
{
    private const int N = 6, M = 4;

    /// <summary>Ways in which a model multiplies by 4 × 6 matrices, and the axes of what comes in.</summary>
    private static readonly Dictionary<string, (int[] Axes, long[] Stored, bool IsStoredTransposed, float Scale, Func<NodeProto[]> Nodes)> s_products = new()
    {
        ["MatMul"] = ([5, N], [N, M], true, 1, () => [Node("MatMul", ["x", "w"], "y")]),
        ["MatMulOfImages"] = ([2, 3, 5, N], [N, M], true, 1, () => [Node("MatMul", ["x", "w"], "y")]),
        ["MatMulOfOneRow"] = ([N], [N, M], true, 1, () => [Node("MatMul", ["x", "w"], "y")]),
        ["MatMulOfTranspose"] = ([2, 5, N], [M, N], false, 1, () => [Node("Transpose", ["w"], "t"), Node("MatMul", ["x", "t"], "y")]),
        ["Twice"] = ([5, N], [N, M], true, 1, () => [Node("MatMul", ["x", "w"], "a"), Node("Relu", ["x"], "r"), Node("MatMul", ["r", "w"], "b"), Node("Add", ["a", "b"], "y")]),
        ["Gemm"] = ([5, N], [N, M], true, 0.5f, () => [Node("Gemm", ["x", "w", "c"], "y", Number("alpha", 0.5f), Number("beta", 2))]),
        ["GemmOfTransposes"] = ([N, 5], [M, N], false, 1, () => [Node("Gemm", ["x", "w", "c"], "y", Attribute("transA", 1), Attribute("transB", 1))]),
        ["ConvOfPoints"] = ([2, N, 3, 5], [M, N, 1, 1], false, 1, () => [Node("Conv", ["x", "w", "c"], "y")]),
        ["ConvOfPointsInARow"] = ([2, N, 7], [M, N, 1], false, 1, () => [Node("Conv", ["x", "w"], "y")]),
        ["ConvOfTaps"] = ([2, 2, 9], [M, 2, 3], false, 1, () => [Node("Conv", ["x", "w", "c"], "y", Attributes("strides", 2), Attributes("dilations", 2), Attributes("pads", 1, 0), Attributes("kernel_shape", 3))]),
        ["ConvOfTapsOnImages"] = ([1, 1, 8, 9], [M, 1, 2, 3], false, 1, () => [Node("Conv", ["x", "w"], "y", new AttributeProto { Name = "auto_pad", Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8("SAME_UPPER") })]),
    };

    public static TheoryData<string, int> Products
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string kind in s_products.Keys)
            {
                Array.ForEach([9, 13, 21], opset => data.Add(kind, opset));
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void AMapDoesWhatItsMatrixWouldAsTheWeight(string kind, int opset)
    {
        var random = new Random(3);
        var axes = s_products[kind].Axes;
        float[] x = Singles(random, axes.Aggregate(1, (product, extent) => product * extent));
        const string WholeNumbers = "operator codes : 6 -> 4\n  frozen(int8) B[4, 2] ~ normal(1), A[2, 6] ~ normal(1)\n  = B * A";
        foreach (string formula in new[] { "low_rank(4, 6, 2)", "monarch_rectangular(4, 6, 2)", "kronecker([2, 2], [3, 2])", "toeplitz(4, 6)", WholeNumbers })
        {
            using CompiledWeft compiled = formula == WholeNumbers ? DynamicMaps.Compile(formula) : DynamicMaps.CompileFormula(formula);
            using var map = (LinearMap<float>)compiled.CreateFloat(compiled.Modules.Single().Name);
            map.Initialize(seed: 1);
            float[] matrix = new float[M * N];
            map.ToDense(matrix);
            OnnxModel model = Open(kind, opset, Singles(random, M * N));
            if (!model.Layers["w"].IsPointwise && formula[0] is 'm' or 'k')
            {
                byte[] before = model.ToModel().ToByteArray();
                Assert.Contains("no product of matrices", Assert.Throws<OnnxExportException>(() => model.Replace("w", map)).Message);
                Assert.Equal(before, model.ToModel().ToByteArray());
                continue;
            }

            long bytes = model.Replace("w", map);
            float[] expected = Run(Open(kind, opset, matrix).ToModel(), x, axes, "y"), actual = Run(model.ToModel(), x, axes, "y");
            Numbers.AssertClose([.. expected.Select(value => (double)value)], [.. actual.Select(value => (double)value)], 1e-5, $"{kind}: {formula}");

            // Of the weight nothing is left; all that was added is what is said.
            GraphProto graph = model.ToModel().Graph;
            Assert.DoesNotContain(graph.Initializer, tensor => tensor.Name == "w");
            Assert.DoesNotContain(graph.Node, node => node.Input.Contains("w"));
            Assert.Equal(graph.Initializer.Where(tensor => tensor.Name != "c").Sum(tensor => (long)tensor.RawData.Length), bytes);
            Assert.DoesNotContain("w", model.Layers.Keys);
        }
    }

    /// <summary>Rows times the weight's matrix are what the nodes make of them, before what these add.</summary>
    [Theory]
    [MemberData(nameof(Products))]
    public void RowsAreWhatTheWeightIsMultipliedWith(string kind, int opset)
    {
        var random = new Random(4);
        float[] matrix = Singles(random, M * N), x = Singles(random, s_products[kind].Axes.Aggregate(1, (product, extent) => product * extent));
        OnnxModel model = Open(kind, opset, matrix);
        string name = model.AddRows("w"), squares = model.AddSecondMoment("w");
        ModelProto made = model.ToModel();
        float[] rows = Run(made, x, s_products[kind].Axes, name), moment = Run(made, x, s_products[kind].Axes, squares);
        int count = rows.Length / N;
        for (int i = 0; i < N; i++)
        {
            for (int j = 0; j < N; j++)
            {
                Assert.Equal(Enumerable.Range(0, count).Sum(row => rows[(row * N) + i] * rows[(row * N) + j]), moment[(i * N) + j], 1e-3);
            }
        }

        // Channels come before positions in what a Conv makes; the order does not matter for a sum of squares.
        if (kind != "Twice")
        {
            ModelProto bare = Open(kind, opset, matrix, hasBias: false).ToModel();
            double expected = Run(bare, x, s_products[kind].Axes, "y").Sum(value => (double)value * value), actual = 0;
            for (int row = 0; row < count; row++)
            {
                for (int i = 0; i < M; i++)
                {
                    actual += Math.Pow(Enumerable.Range(0, N).Sum(j => (double)matrix[(i * N) + j] * rows[(row * N) + j]), 2);
                }
            }

            Assert.Equal(expected, actual, 1e-3 * expected);
        }
    }

    [Fact]
    public void WhatIsNotReplacedIsSaid()
    {
        OnnxModel model = Of(
            9,
            [
                Node("MatMul", ["left", "x"], "a"), Node("MatMul", ["x", "shared"], "b"), Node("Gather", ["shared", "places"], "c"), Node("Conv", ["x", "grouped"], "d", Attribute("group", 2)),
                Node("MatMul", ["x", "stack"], "e"), Node("Cast", ["x"], "h", Attribute("to", (int)DataType.Float16)), Node("MatMul", ["h", "halves"], "f"), Node("LSTM", ["x", "recurrent", "recurrent"], "g"),
                Node("MatMul", ["x", "good"], "y"), Node("MatMul", ["x", "result"], "z"),
            ],
            [
                Weight("left", DataType.Float, [2, 2], new double[4]), Weight("shared", DataType.Float, [2, 2], new double[4]), Weight("places", DataType.Int8, [1], [0]),
                Weight("grouped", DataType.Float, [2, 1, 1], new double[2]), Weight("stack", DataType.Float, [3, 2, 2], new double[12]), Weight("halves", DataType.Float16, [2, 2], new double[4]),
                Weight("recurrent", DataType.Float, [1, 4, 2], new double[8]), Weight("good", DataType.Float, [2, 2], new double[4]), Weight("result", DataType.Float, [2, 2], new double[4]),
            ],
            Info("x", 2, 2),
            Info("result", 2, 2));
        Assert.Equal(["good"], model.Layers.Keys);
        Assert.Equal(["grouped", "halves", "left", "recurrent", "result", "shared", "stack"], model.Fixed.Keys.Order());
        Assert.Contains("at the left of MatMul 'a'", model.Fixed["left"]);
        Assert.Contains("used by Gather 'c'", model.Fixed["shared"]);
        Assert.Contains("2 groups of channels", model.Fixed["grouped"]);
        Assert.Contains("3 axes", model.Fixed["stack"]);
        Assert.Contains("type Float16", model.Fixed["halves"]);
        Assert.Contains("used by LSTM 'g'", model.Fixed["recurrent"]);
        Assert.Contains("an output of the model too", model.Fixed["result"]);

        using CompiledWeft compiled = DynamicMaps.CompileFormula("dense(3, 2)");
        using var map = (LinearMap<float>)compiled.CreateFloat("Formula");
        map.Initialize(1);
        Assert.Contains("2 -> 2 is expected", Assert.Throws<ArgumentException>(() => model.Replace("good", map)).Message);
        Assert.Contains("used by Gather 'c'", Assert.Throws<ArgumentException>(() => model.Replace("shared", map)).Message);
        Assert.Contains("was 'good' meant?", Assert.Throws<ArgumentException>(() => model.AddRows("goods")).Message);
        OnnxModel old = Of(7, [Node("MatMul", ["x", "w"], "y")], [Weight("w", DataType.Float, [2, 2], new double[4])], Info("x", 2, 2), Info("y", 2, 2));
        Assert.Contains("version 7 of the operators; nodes are written from 8 on", old.Fixed["w"]);
        Assert.Throws<InvalidDataException>(() => OnnxModel.Open(new MemoryStream([1, 2, 3])));
    }

    /// <summary>What a version of the operators does not have yet is refused before anything is changed.</summary>
    [Fact]
    public void OperatorsThatAreTooNewAreNamed()
    {
        using CompiledWeft compiled = DynamicMaps.Compile("operator narrow : 6 -> 4\n  param(bf16) W[4, 6]\n  = W\n");
        using var map = (LinearMap<float>)compiled.CreateFloat("narrow");
        map.Initialize(1);
        var options = new OnnxExportOptions { Files = new Dictionary<string, string> { ["a.weft"] = "operator narrow : 6 -> 4\n  param(bf16) W[4, 6]\n  = W\n" } };
        OnnxModel model = Open("MatMul", 9, Singles(new Random(1), M * N));
        byte[] before = model.ToModel().ToByteArray();
        Assert.Contains("stores 'W' as Bfloat16, of version 13 of the operators; the model has 9", Assert.Throws<OnnxExportException>(() => model.Replace("w", map, options)).Message);
        Assert.Equal(before, model.ToModel().ToByteArray());
        Assert.Equal(2 * M * N, Open("MatMul", 13, Singles(new Random(1), M * N)).Replace("w", map, options));
    }

    private static OnnxModel Open(string kind, int opset, float[] matrix, bool hasBias = true)
    {
        (int[] axes, long[] stored, bool isTransposed, float scale, Func<NodeProto[]> nodes) = s_products[kind];
        double[] values = [.. Enumerable.Range(0, M * N).Select(i => matrix[isTransposed ? (i % M * N) + (i / M) : i] / (double)scale)];
        double[] bias = hasBias ? [1, -2, 3, -4] : new double[M];
        return Of(opset, nodes(), [Weight("w", DataType.Float, stored, values), Weight("c", DataType.Float, [M], bias)], Info("x", [.. axes.Select(extent => (object)extent)]), new ValueInfoProto { Name = "y" });
    }

    private static OnnxModel Of(int opset, NodeProto[] nodes, TensorProto[] weights, ValueInfoProto input, ValueInfoProto output)
    {
        GraphProto graph = Graph(weights, nodes);
        graph.Input.Add(input);
        graph.Output.Add(output);
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
        return OnnxModel.Open(new MemoryStream(model.ToByteArray()));
    }

    private static float[] Run(ModelProto model, float[] x, int[] axes, string output)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(model.ToByteArray(), options);
        using var input = OrtValue.CreateTensorValueFromMemory(x, [.. axes.Select(extent => (long)extent)]);
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(new RunOptions(), ["x"], [input], [output]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static float[] Singles(Random random, int count) => [.. Numbers.Normal(random, count).Select(value => (float)value)];
}
