using Google.Protobuf;
using global::Onnx;
using Weft.Fuzz.Inputs;
using Weft.Onnx;
using static global::Onnx.AttributeProto.Types;
using static global::Onnx.TensorProto.Types;

namespace Weft.Fuzz.Targets;

/// <summary>ONNX models: each weight is read, or refused as documented, whatever its shape states; and a map that refuses one is as before.</summary>
internal sealed class OnnxTarget : FuzzTarget
{
    private readonly Map<float> map = Maps.Create<float>(0);
    private readonly byte[][] seeds;

    public OnnxTarget()
    {
        var files = new Dictionary<string, string> { ["maps.weft"] = Maps.Text };
        var models = new List<byte[]>();
        for (int k = 0; k < Maps.Names.Length; k++)
        {
            using Map<float> seed = Maps.Create<float>(k);
            seed.Initialize(1);
            models.Add(OnnxExport.Create(seed, new OnnxExportOptions { Files = files }).ToByteArray());
        }

        map.Initialize(1);
        models.Add(Products().ToByteArray());
        seeds = [.. models];
    }

    public override string Name => "onnx";

    public override long MostAllocated => 4 << 20;

    public override byte[] Make(Random random) => Mutations.OfBytes(seeds[random.Next(seeds.Length)], random, seeds);

    public override void Run(byte[] input)
    {
        OnnxWeights weights;
        try
        {
            weights = OnnxWeights.Open(new MemoryStream(input));
        }
        catch (InvalidDataException)
        {
            return;
        }

        foreach (OnnxWeight weight in weights.Weights.Values)
        {
            try
            {
                weights.Read<float>(weight.Name, weight.Shape.AsSpan(), []);
            }
            catch (Exception exception) when (exception is InvalidDataException or NotSupportedException or ArgumentException)
            {
                // With room for none, numbers are wanted for that are there.
                if (exception is ArgumentException)
                {
                    weights.Read(weight.Name, weight.Shape.AsSpan(), new float[weight.Shape.Aggregate(1, (product, extent) => product * extent)]);
                }
            }
        }

        float[] before = map.Parameters.ToArray();
        try
        {
            map.Load(weights, new LoadOptions { TensorName = _ => "w" });
        }
        catch (Exception exception) when (exception is InvalidDataException or NotSupportedException)
        {
            if (!map.Parameters.SequenceEqual(before) && !before.Any(float.IsNaN))
            {
                throw new FuzzException("a map that refused a model has changed");
            }
        }

        map.Forward(new float[map.Inputs], new float[map.Outputs]);
    }

    /// <summary>A model with a weight in each form that is read.</summary>
    private static ModelProto Products()
    {
        var graph = new GraphProto { Name = "products" };
        graph.Initializer.Add([
            Tensor("w", DataType.Float, [3, 2], 24), Tensor("g", DataType.Float16, [2, 3], 12), Tensor("k", DataType.Double, [2, 1, 3], 48), Tensor("q", DataType.Int4, [4, 2], 4),
            Tensor("s", DataType.Float, [2, 2], 16), Tensor("b", DataType.Uint8, [2, 1, 8], 16), Tensor("c", DataType.Float, [2], 8), Tensor("e", DataType.Float8E4M3Fn, [3], 3),
        ]);
        var constant = new NodeProto { OpType = "Constant", Name = "constant" };
        constant.Output.Add("t");
        constant.Attribute.Add(new AttributeProto { Name = "value", Type = AttributeType.Tensor, T = Tensor("", DataType.Int64, [2], 16) });
        graph.Node.Add([
            constant, Node("MatMul", ["x", "w"]), Node("Gemm", ["x", "g"], ("transB", 1)), Node("Conv", ["i", "k"]), Node("DequantizeLinear", ["q", "s"], ("axis", 0), ("block_size", 2)),
            Node("Transpose", ["DequantizeLinear"]), Node("MatMul", ["x", "Transpose"]), Node("MatMulNBits", ["x", "b", "c"], ("N", 2), ("K", 16), ("bits", 4), ("block_size", 16)),
        ]);
        return new ModelProto { IrVersion = 10, Graph = graph };

        static TensorProto Tensor(string name, DataType type, long[] shape, int bytes)
        {
            var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom([.. Enumerable.Range(1, bytes).Select(number => (byte)(7 * number))]) };
            tensor.Dims.AddRange(shape);
            return tensor;
        }

        static NodeProto Node(string operation, string[] inputs, params (string Name, long Value)[] attributes)
        {
            var node = new NodeProto { OpType = operation, Name = operation };
            node.Input.AddRange(inputs);
            node.Output.Add(operation);
            node.Attribute.AddRange(attributes.Select(attribute => new AttributeProto { Name = attribute.Name, Type = AttributeType.Int, I = attribute.Value }));
            return node;
        }
    }
}
