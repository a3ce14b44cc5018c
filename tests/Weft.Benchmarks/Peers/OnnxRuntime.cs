using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using global::Onnx;
using Weft.Onnx;

namespace Weft.Benchmarks.Peers;

/// <summary>A model in ONNX Runtime, on one thread, with its optimizations.</summary>
internal sealed unsafe class OnnxRuntime : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtValue _x;
    private readonly OrtValue _y;
    private readonly RunOptions _options = new();

    /// <param name="model">The model, with one input and one output.</param>
    /// <param name="x">What it is given.</param>
    /// <param name="y">Where its result goes.</param>
    /// <param name="shape">The shape of both.</param>
    public OnnxRuntime(ModelProto model, FloatBuffer x, FloatBuffer y, params long[] shape)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        _session = new InferenceSession(model.ToByteArray(), options);
        (_x, _y) = (Value(x), Value(y));

        OrtValue Value(FloatBuffer buffer) => OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float, shape, (nint)buffer.Pointer, (long)buffer.Length * sizeof(float));
    }

    public void Run() => _session.Run(_options, _session.InputNames, [_x], _session.OutputNames, [_y]);

    public void Dispose()
    {
        _x.Dispose();
        _y.Dispose();
        _options.Dispose();
        _session.Dispose();
    }

    /// <summary>The attention of a map of the standard library's <c>attention</c> or <c>causal_attention</c>, by ONNX Runtime's own operator for it.</summary>
    /// <param name="map">The map, with parameters Q, K, V of [heads, c, n] and O of [n, heads, c].</param>
    /// <param name="isCausal">Whether a position sees those before it alone.</param>
    public static ModelProto FusedAttention(Map<float> map, bool isCausal)
    {
        ParameterInfo queries = map.Description.Parameters.Single(parameter => parameter.Name == "Q");
        int heads = queries.Shape[0], width = heads * queries.Shape[1], size = queries.Shape[2];
        var graph = new GraphProto { Name = "attention", Input = { Info("x") }, Output = { Info("y") } };
        foreach (string name in new[] { "Q", "K", "V" })
        {
            graph.Initializer.Add(Transposed(name, width, size));
            graph.Node.Add(new NodeProto { OpType = "MatMul", Input = { "x", name }, Output = { $"of{name}" } });
        }

        var attention = new NodeProto { OpType = "MultiHeadAttention", Domain = "com.microsoft", Input = { "ofQ", "ofK", "ofV" }, Output = { "values" } };
        attention.Attribute.Add(new AttributeProto { Name = "num_heads", Type = AttributeProto.Types.AttributeType.Int, I = heads });
        attention.Attribute.Add(new AttributeProto { Name = "unidirectional", Type = AttributeProto.Types.AttributeType.Int, I = isCausal ? 1 : 0 });
        graph.Node.Add(attention);
        graph.Initializer.Add(Transposed("O", size, width));
        graph.Node.Add(new NodeProto { OpType = "MatMul", Input = { "values", "O" }, Output = { "y" } });
        return new ModelProto
        {
            IrVersion = 10,
            Graph = graph,
            OpsetImport = { new OperatorSetIdProto { Version = OnnxExport.Opset }, new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 } },
        };

        ValueInfoProto Info(string name) => new()
        {
            Name = name,
            Type = new TypeProto
            {
                TensorType = new TypeProto.Types.Tensor
                {
                    ElemType = (int)TensorProto.Types.DataType.Float,
                    Shape = new TensorShapeProto
                    {
                        Dim =
                        {
                            new TensorShapeProto.Types.Dimension { DimParam = "rows" },
                            new TensorShapeProto.Types.Dimension { DimValue = map.Inputs / size },
                            new TensorShapeProto.Types.Dimension { DimValue = size },
                        },
                    },
                },
            },
        };

        // A matrix of so many rows and columns, the other way round.
        TensorProto Transposed(string name, int rows, int columns)
        {
            ReadOnlySpan<float> values = map[name].Values;
            var tensor = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Float, Dims = { columns, rows } };
            for (int column = 0; column < columns; column++)
            {
                for (int row = 0; row < rows; row++)
                {
                    tensor.FloatData.Add(values[(row * columns) + column]);
                }
            }

            return tensor;
        }
    }
}
