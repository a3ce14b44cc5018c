using System.Runtime.InteropServices;
using global::Onnx;

namespace Weft.Onnx;

/// <summary>The graph of a linear map, to be written into a model in the version of the operators that this has.</summary>
internal sealed class MapNodes
{
    /// <summary>The versions from which on nodes of a map's graph have the form that they are exported in.</summary>
    private static readonly Dictionary<string, int> s_versions = new(StringComparer.Ordinal)
    {
        ["MatMul"] = 1,
        ["Transpose"] = 1,
        ["Identity"] = 1,
        ["Gather"] = 1,
        ["Reshape"] = 5,
        ["Mul"] = 7,
        ["Add"] = 7,
        ["Sub"] = 7,
        ["Div"] = 7,
        ["Concat"] = 4,
        ["Expand"] = 8,
        ["Cast"] = 6,
        ["Shape"] = 15,
        ["Slice"] = 10,
        ["ReduceSum"] = 13,
        ["ScatterElements"] = 16,
        ["Pad"] = 18,
    };

    private readonly GraphProto _graph;
    private readonly long _opset;
    private readonly Dictionary<string, TensorProto> _tensors;
    private readonly Dictionary<string, NodeProto> _makers = new(StringComparer.Ordinal);

    /// <summary>What differs from row to row.</summary>
    private readonly HashSet<string> _rows = new(StringComparer.Ordinal);

    /// <summary>The names in the model of what is the same for all rows, and so for all places where the map stands.</summary>
    private readonly Dictionary<string, string> _written = new(StringComparer.Ordinal);

    /// <param name="graph">The graph, with the rows as its only input.</param>
    /// <param name="opset">The version of the model's operators.</param>
    public MapNodes(GraphProto graph, long opset)
    {
        (_graph, _opset) = (graph, opset);
        _tensors = graph.Initializer.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        _rows.Add(graph.Input.Single().Name);
        foreach (NodeProto node in graph.Node)
        {
            _makers.Add(node.Output.Single(), node);
            if (node.Input.Any(_rows.Contains))
            {
                _rows.Add(node.Output[0]);
            }
        }
    }

    /// <summary>What rows are multiplied by one after the other, a matrix first, where the map is nothing else; else null.</summary>
    public IReadOnlyList<Factor>? Factors
    {
        get
        {
            var factors = new List<Factor>();
            string value = _graph.Input[0].Name;
            foreach (NodeProto node in RowNodes)
            {
                if (node.Input[0] != value || !(node.OpType == "Identity" || IsProductByMatrix(node) || (factors.Count > 0 && IsScaling(node))))
                {
                    return null;
                }

                factors.AddRange(node.Input.Skip(1).Select(other => new Factor(other, IsDiagonal: node.OpType == "Mul")));
                value = node.Output[0];
            }

            return factors.Count > 0 ? factors : null;
        }
    }

    private IEnumerable<NodeProto> RowNodes => _graph.Node.Where(node => _rows.Contains(node.Output[0]));

    /// <summary>Whether nodes take rows behind any number of axes as they are.</summary>
    private bool TakesAnyAxes => RowNodes.All(node => node.OpType == "Identity" || IsProductByMatrix(node) || (node.OpType is "Add" or "Sub" && node.Input.All(_rows.Contains)));

    /// <summary>Writes the map where a node multiplies by a weight.</summary>
    /// <param name="writer">Where nodes go.</param>
    /// <param name="node">The node, a <c>MatMul</c>, <c>Gemm</c> or <c>Conv</c> with the weight as its second input.</param>
    /// <param name="layer">What is replaced.</param>
    /// <param name="stored">The shape of the weight in the model.</param>
    /// <returns>The name of the result.</returns>
    /// <exception cref="OnnxExportException">The model's operators are too old for it.</exception>
    public string Write(NodeWriter writer, NodeProto node, OnnxLayer layer, IReadOnlyList<int> stored)
    {
        string x = node.Input[0];
        switch (node.OpType)
        {
            case "Conv" when Factors is { } factors:
                return WriteConvolutions(writer, node, factors, stored);

            case "Conv":
                int last = stored.Count - 1;
                string behind = writer.Add("Transpose", [x], GraphBuilder.Integers("perm", [0, .. Enumerable.Range(2, last - 1), 1]));
                string image = WithBias(writer, WriteFlat(writer, behind, layer), node);
                return writer.Add("Transpose", [image], GraphBuilder.Integers("perm", [0, last, .. Enumerable.Range(1, last - 1)]));

            case "Gemm":
                x = OnnxWeights.Integer(node, "transA", 0) > 0 ? writer.Add("Transpose", [x], GraphBuilder.Integers("perm", [1, 0])) : x;
                return WithBias(writer, WriteRows(writer, x), node);

            default:
                return TakesAnyAxes ? WriteRows(writer, x) : WriteFlat(writer, x, layer);
        }
    }

    /// <summary>A product of matrices as convolutions, the first with the taps, strides and padding, the others of one tap; diagonal ones multiply channels.</summary>
    private string WriteConvolutions(NodeWriter writer, NodeProto node, IReadOnlyList<Factor> factors, IReadOnlyList<int> stored)
    {
        string value = node.Input[0];
        string[] bias = [.. node.Input.Skip(2).Where(input => input.Length > 0)];
        int axes = stored.Count - 2;
        long[] channels = [1, -1, .. Enumerable.Repeat(1L, axes)];
        for (int k = 0; k < factors.Count; k++)
        {
            if (factors[k].IsDiagonal)
            {
                value = writer.Add("Mul", [value, writer.Add("Reshape", [Written(writer, factors[k].Name), writer.Constant(channels)])]);
                continue;
            }

            // What multiplies from the right is the transpose of a matrix already, most often.
            string matrix = _makers.TryGetValue(factors[k].Name, out NodeProto? maker) && maker.OpType == "Transpose"
                ? Written(writer, maker.Input[0])
                : writer.Add("Transpose", [Written(writer, factors[k].Name)], GraphBuilder.Integers("perm", [1, 0]));
            int[] taps = k == 0 ? [.. stored.Skip(2)] : [.. Enumerable.Repeat(1, axes)];
            string kernel = writer.Add("Reshape", [matrix, writer.Constant([0, k == 0 ? stored[1] : 0, .. taps.Select(tap => (long)tap)])]);
            value = writer.Add("Conv", [value, kernel, .. k == factors.Count - 1 ? bias : []], k == 0 ? node.Attribute : [GraphBuilder.Integers("kernel_shape", taps)]);
        }

        return factors[^1].IsDiagonal && bias is [var added] ? writer.Add("Add", [value, writer.Add("Reshape", [added, writer.Constant(channels)])]) : value;
    }

    /// <summary>The map on the last axis of a tensor of any number of axes.</summary>
    private string WriteFlat(NodeWriter writer, string x, OnnxLayer layer)
    {
        string before = Slice(writer, writer.Add("Shape", [x]), [0], [-1], [0]);
        string shape = writer.Add("Concat", [before, writer.Constant(layer.Outputs)], GraphBuilder.Integer("axis", 0));
        string rows = WriteRows(writer, writer.Add("Reshape", [x, writer.Constant(-1, layer.Inputs)]));
        return writer.Add("Reshape", [rows, shape]);
    }

    /// <summary>What a node adds to its product.</summary>
    private static string WithBias(NodeWriter writer, string value, NodeProto node)
    {
        float beta = OnnxWeights.Find(node, "beta")?.F ?? 1;
        if (node.Input.Count < 3 || node.Input[2].Length == 0 || beta == 0)
        {
            return value;
        }

        string bias = beta == 1 ? node.Input[2] : writer.Add("Mul", [node.Input[2], writer.Constant([beta])]);
        return writer.Add("Add", [value, bias]);
    }

    /// <summary>The map of rows, [count, inputs].</summary>
    private string WriteRows(NodeWriter writer, string x)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal) { [_graph.Input[0].Name] = x };
        foreach (NodeProto node in RowNodes)
        {
            values[node.Output[0]] = Write(writer, node, name => values.TryGetValue(name, out string? value) ? value : Written(writer, name));
        }

        return values[_graph.Output.Single().Name];
    }

    /// <summary>The name in the model of what is the same for all rows; it is written the first time.</summary>
    private string Written(NodeWriter writer, string name)
    {
        if (!_written.TryGetValue(name, out string? written))
        {
            written = _tensors.TryGetValue(name, out TensorProto? tensor) ? writer.Add(Checked(tensor)) : Write(writer, _makers[name], input => Written(writer, input));
            _written.Add(name, written);
        }

        return written;
    }

    private string Write(NodeWriter writer, NodeProto node, Func<string, string> nameOf)
    {
        switch (node.OpType)
        {
            case "Identity":
                return nameOf(node.Input[0]);

            case "Shape" when _opset < s_versions["Shape"] && node.Attribute.Count > 0:
                return Slice(writer, writer.Add("Shape", [nameOf(node.Input[0])]), [OnnxWeights.Integer(node, "start", 0)], [OnnxWeights.Integer(node, "end", int.MaxValue)], [0]);

            case "Slice" when node.Input.Count == 4:
                return Slice(writer, nameOf(node.Input[0]), Numbers(node.Input[1]), Numbers(node.Input[2]), Numbers(node.Input[3]));

            case "ReduceSum" when _opset < s_versions["ReduceSum"]:
                return writer.Add("ReduceSum", [nameOf(node.Input[0])], [.. node.Attribute, Integers("axes", Numbers(node.Input[1]))]);

            default:
                int version = s_versions.GetValueOrDefault(node.OpType, OnnxExport.Opset);
                return _opset >= version
                    ? writer.Add(node.OpType, node.Input.Select(nameOf), node.Attribute)
                    : throw new OnnxExportException($"{_graph.Name} is exported with {node.OpType} of version {version} of the operators; the model has {_opset}. A converter of versions can raise it.");
        }
    }

    /// <summary>A part of some axes, by attributes where these are not yet inputs.</summary>
    private string Slice(NodeWriter writer, string value, long[] starts, long[] ends, long[] axes) => _opset >= s_versions["Slice"]
        ? writer.Add("Slice", [value, writer.Constant(starts), writer.Constant(ends), writer.Constant(axes)])
        : writer.Add("Slice", [value], Integers("starts", starts), Integers("ends", ends), Integers("axes", axes));

    private bool IsProductByMatrix(NodeProto node) => node.OpType == "MatMul" && _rows.Contains(node.Input[0]) && !_rows.Contains(node.Input[1]) && AxesOf(node.Input[1]) == 2;

    /// <summary>Whether each element of a row is multiplied by a number of its own.</summary>
    private bool IsScaling(NodeProto node) => node.OpType == "Mul" && _rows.Contains(node.Input[0]) && !_rows.Contains(node.Input[1]);

    /// <summary>The number of axes of what is the same for all rows; −1 where it is not known.</summary>
    private int AxesOf(string name)
    {
        if (_tensors.TryGetValue(name, out TensorProto? tensor))
        {
            return tensor.Dims.Count;
        }

        NodeProto node = _makers[name];
        return node.OpType switch
        {
            "Transpose" or "Cast" or "Identity" => AxesOf(node.Input[0]),
            "Reshape" when _tensors.TryGetValue(node.Input[1], out TensorProto? shape) => (int)shape.Dims[0],
            "Gather" when AxesOf(node.Input[0]) is >= 0 and var data && AxesOf(node.Input[1]) is >= 0 and var places => data - 1 + places,
            _ => -1,
        };
    }

    /// <summary>A tensor whose type the model's operators have.</summary>
    private TensorProto Checked(TensorProto tensor)
    {
        var type = (TensorProto.Types.DataType)tensor.DataType;
        int version = type switch
        {
            TensorProto.Types.DataType.Bfloat16 => 13,
            TensorProto.Types.DataType.Float8E4M3Fn or TensorProto.Types.DataType.Float8E5M2 => 19,
            TensorProto.Types.DataType.Int4 or TensorProto.Types.DataType.Uint4 => 21,
            _ => 1,
        };
        return _opset >= version ? tensor
            : throw new OnnxExportException($"{_graph.Name} stores '{tensor.Name}' as {type}, of version {version} of the operators; the model has {_opset}. A converter of versions can raise it.");
    }

    private long[] Numbers(string name) => MemoryMarshal.Cast<byte, long>(_tensors[name].RawData.Span).ToArray();

    private static AttributeProto Integers(string name, long[] values) => GraphBuilder.Integers(name, values.Select(value => checked((int)value)));

    /// <summary>What rows are multiplied by: the transpose of a matrix, or the elements of a diagonal one.</summary>
    /// <param name="Name">The tensor's name in the map's graph.</param>
    /// <param name="IsDiagonal">Whether it is that of a diagonal matrix.</param>
    public sealed record Factor(string Name, bool IsDiagonal);
}
