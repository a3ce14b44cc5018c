using System.Runtime.InteropServices;
using Google.Protobuf;
using global::Onnx;
using static global::Onnx.TensorProto.Types;

namespace Weft.Onnx;

/// <summary>Writes nodes into a model that has others: names are new ones, after the weight that they stand for.</summary>
/// <param name="add">Takes a node.</param>
/// <param name="newName">Makes a name that nothing has yet from a wanted one.</param>
/// <param name="addTensor">Takes a tensor under a name like a wanted one, and gives the name that it got.</param>
/// <param name="prefix">What names begin with.</param>
internal sealed class NodeWriter(Action<NodeProto> add, Func<string, string> newName, Func<TensorProto, string, string> addTensor, string prefix)
{
    /// <summary>Adds a node.</summary>
    /// <returns>The name of its result.</returns>
    public string Add(string operation, IEnumerable<string> inputs, params IEnumerable<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = operation, Name = newName($"{prefix}/{operation}") };
        node.Input.AddRange(inputs);
        node.Output.Add(node.Name);
        node.Attribute.AddRange(attributes.Select(attribute => attribute.Clone()));
        add(node);
        return node.Name;
    }

    /// <summary>Adds a tensor.</summary>
    /// <returns>Its name.</returns>
    public string Add(TensorProto tensor) => addTensor(tensor, $"{prefix}/{tensor.Name.TrimStart('/')}");

    /// <summary>Adds whole numbers, as shapes and axes are given.</summary>
    public string Constant(params long[] numbers) => Constant(DataType.Int64, MemoryMarshal.AsBytes(numbers.AsSpan()), [numbers.Length]);

    /// <summary>Adds numbers in a shape.</summary>
    public string Constant(float[] numbers, params long[] shape) => Constant(DataType.Float, MemoryMarshal.AsBytes(numbers.AsSpan()), shape);

    private string Constant(DataType type, ReadOnlySpan<byte> elements, long[] shape)
    {
        var tensor = new TensorProto { Name = "Constant", DataType = (int)type, RawData = ByteString.CopyFrom(elements) };
        tensor.Dims.AddRange(shape);
        return Add(tensor);
    }
}
