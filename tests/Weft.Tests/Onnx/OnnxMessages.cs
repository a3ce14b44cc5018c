using Google.Protobuf;
using global::Onnx;
using static global::Onnx.AttributeProto.Types;
using static global::Onnx.TensorProto.Types;

namespace Weft.Tests.Onnx;

/// <summary>Short ways to write models.</summary>
internal static class OnnxMessages
{
    public static GraphProto Graph(TensorProto[] weights, params NodeProto[] nodes)
    {
        var graph = new GraphProto { Name = "test" };
        graph.Initializer.AddRange(weights);
        graph.Node.AddRange(nodes);
        return graph;
    }

    public static TensorProto Weight(string name, DataType type, long[] shape, double[] values)
    {
        IEnumerable<byte> bytes = type switch
        {
            DataType.Float => values.SelectMany(value => BitConverter.GetBytes((float)value)),
            DataType.Float16 => values.SelectMany(value => BitConverter.GetBytes((Half)value)),
            DataType.Int4 => values.Chunk(2).Select(pair => (byte)(((int)pair[0] & 15) | (((int)pair[1] & 15) << 4))),
            _ => values.Select(value => unchecked((byte)(int)value)),
        };
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom([.. bytes]) };
        tensor.Dims.AddRange(shape);
        return tensor;
    }

    public static NodeProto Node(string operation, string[] inputs, string output, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = operation, Name = output };
        node.Input.AddRange(inputs);
        node.Output.Add(output);
        node.Attribute.AddRange(attributes);
        return node;
    }

    public static AttributeProto Attribute(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    public static AttributeProto Attributes(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    public static AttributeProto Number(string name, float value) => new() { Name = name, Type = AttributeType.Float, F = value };

    /// <summary>An input or an output of single precision; an axis is a number, or the name of one that only a run knows.</summary>
    public static ValueInfoProto Info(string name, params object[] axes)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(axes.Select(axis => axis is int extent
            ? new TensorShapeProto.Types.Dimension { DimValue = extent }
            : new TensorShapeProto.Types.Dimension { DimParam = (string)axis }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float, Shape = shape } } };
    }
}
