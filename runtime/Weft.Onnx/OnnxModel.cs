using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using Google.Protobuf;
using global::Onnx;
using Weft.Dynamic;
using static global::Onnx.TensorProto.Types;

namespace Weft.Onnx;

/// <summary>
/// A model whose weights can be replaced by maps. What a map is made of is written in place of the nodes that multiply by the weight; all other nodes, names, inputs, outputs
/// and the version of the operators stay, and what only the weight needed is dropped. Weights may be initializers or <c>Constant</c> nodes of <c>MatMul</c>, <c>Gemm</c> and
/// <c>Conv</c>, also behind <c>Identity</c>, <c>Cast</c>, <c>Transpose</c> and <c>DequantizeLinear</c>; rows may have any number of axes before them.
/// </summary>
public sealed class OnnxModel
{
    /// <summary>The oldest version of the operators that nodes are written in: from here on shapes broadcast and <c>Expand</c> is there.</summary>
    public const int OldestOpset = 8;

    private readonly ModelProto _model;
    private readonly HashSet<string> _names;
    private readonly Dictionary<string, OnnxLayer> _layers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _fixed = new(StringComparer.Ordinal);

    private OnnxModel(ModelProto model, string? folder)
    {
        _model = model;
        Weights = new OnnxWeights(model, folder);
        foreach ((string name, TensorProto tensor) in Stored(model.Graph))
        {
            OnnxTensors.Embed(name, tensor, folder);
        }

        Opset = model.OpsetImport.FirstOrDefault(set => set.Domain is "" or "ai.onnx")?.Version ?? 0;
        _names = [.. Nested(model.Graph).SelectMany(graph => graph.Input.Concat(graph.Output).Select(info => info.Name)
            .Concat(graph.Initializer.Select(tensor => tensor.Name))
            .Concat(graph.Node.SelectMany(node => node.Input.Concat(node.Output).Append(node.Name))))];
        foreach (string name in Weights.Weights.Keys.Concat(Weights.Unreadable.Keys))
        {
            Describe(name);
        }
    }

    /// <summary>The version of the standard operators that the model has.</summary>
    public long Opset { get; }

    /// <summary>The model's weights, as they were when it was opened.</summary>
    public OnnxWeights Weights { get; }

    /// <summary>The weights that can be replaced, by name.</summary>
    public IReadOnlyDictionary<string, OnnxLayer> Layers => _layers;

    /// <summary>Tensors of two axes or more that no map can stand in for, by name, and why.</summary>
    public IReadOnlyDictionary<string, string> Fixed => _fixed;

    /// <summary>Opens a model, with weights that it keeps in files beside it.</summary>
    /// <param name="path">The model's file.</param>
    /// <exception cref="InvalidDataException">It is no ONNX model, or a weight is not where it says.</exception>
    public static OnnxModel Open(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Open(stream, Path.GetDirectoryName(Path.GetFullPath(path)));
    }

    /// <summary>Reads a model.</summary>
    /// <param name="stream">The model; it has to hold all of its weights.</param>
    /// <exception cref="InvalidDataException">It is no ONNX model.</exception>
    /// <exception cref="NotSupportedException">It has weights in other files.</exception>
    public static OnnxModel Open(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Open(stream, folder: null);
    }

    /// <summary>A copy, of which other weights can be replaced.</summary>
    public OnnxModel Clone() => new(_model.Clone(), folder: null);

    /// <summary>The model as it is now.</summary>
    public ModelProto ToModel() => _model.Clone();

    /// <summary>Writes the model as it is now.</summary>
    /// <param name="stream">Where it goes.</param>
    /// <exception cref="OnnxExportException">It has 2 GiB or more.</exception>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        long bytes = Stored(_model.Graph).Sum(pair => (long)pair.Tensor.RawData.Length);
        if (bytes > int.MaxValue)
        {
            throw new OnnxExportException($"The model has {bytes} bytes of weights; one message has less than 2 GiB.");
        }

        _model.WriteTo(stream);
    }

    /// <summary>Puts a map in the place of a weight: nodes that multiplied by it compute what the map does.</summary>
    /// <param name="weight">The name of the weight, one of <see cref="Layers"/>.</param>
    /// <param name="map">The map, of as many inputs and outputs, with parameters.</param>
    /// <param name="options">What the map's formula is over, and what is planned for.</param>
    /// <returns>The bytes of the tensors that were added.</returns>
    /// <exception cref="ArgumentException">There is no such layer, or the map has other sizes.</exception>
    /// <exception cref="OnnxExportException">The map needs operators that the model's version does not have, or is no product of matrices where only that can stand. Nothing was changed.</exception>
    /// <exception cref="WeftException">The map's formula names what is neither in the standard library nor in the files that are given.</exception>
    /// <exception cref="InvalidOperationException">The map's parameters were never given, or are being edited.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public long Replace<T>(string weight, LinearMap<T> map, OnnxExportOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        OnnxLayer layer = Layer(weight);
        return (map.Outputs, map.Inputs) == (layer.Outputs, layer.Inputs)
            ? Replace(layer, OnnxExport.Create(map, options).Graph)
            : throw new ArgumentException($"{map.Description.Name} is {map.Inputs} -> {map.Outputs}; {layer.Inputs} -> {layer.Outputs} is expected, as '{weight}' is {layer.Outputs} × {layer.Inputs}.", nameof(map));
    }

    /// <summary>
    /// Adds an output: the rows that come in where a weight is multiplied by, [count, <see cref="OnnxLayer.Inputs"/>]. Of a <c>Conv</c> these are the patches under its taps.
    /// Fits take them as samples.
    /// </summary>
    /// <param name="weight">The name of the weight, one of <see cref="Layers"/>.</param>
    /// <returns>The name of the output.</returns>
    /// <exception cref="ArgumentException">There is no such layer.</exception>
    public string AddRows(string weight)
    {
        OnnxLayer layer = Layer(weight);
        return AddOutput(Rows(layer), layer.Inputs);
    }

    /// <summary>Adds an output: the second moment Xᵀ X of the rows that <see cref="AddRows"/> would give, [<see cref="OnnxLayer.Inputs"/>, <see cref="OnnxLayer.Inputs"/>].</summary>
    /// <param name="weight">The name of the weight, one of <see cref="Layers"/>.</param>
    /// <returns>The name of the output.</returns>
    /// <exception cref="ArgumentException">There is no such layer.</exception>
    public string AddSecondMoment(string weight)
    {
        OnnxLayer layer = Layer(weight);
        var nodes = new NodeWriter(_model.Graph.Node.Add, NewName, AddTensor, weight);
        string rows = Rows(layer);
        return AddOutput(nodes.Add("MatMul", [nodes.Add("Transpose", [rows], GraphBuilder.Integers("perm", [1, 0])), rows]), layer.Inputs);
    }

    private static OnnxModel Open(Stream stream, string? folder)
    {
        try
        {
            return new OnnxModel(ModelProto.Parser.ParseFrom(stream), folder);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new InvalidDataException("Not an ONNX model: its message is malformed.", exception);
        }
    }

    /// <summary>The bytes of the tensors that the graph of a linear map would add in the place of a weight.</summary>
    /// <exception cref="OnnxExportException">It cannot stand there.</exception>
    internal long BytesOf(OnnxLayer layer, GraphProto map)
    {
        long bytes = 0;
        MapNodes inserted = NodesOf(layer, map);
        var writer = new NodeWriter(_ => { }, wanted => wanted, (tensor, wanted) =>
        {
            bytes += tensor.RawData.Length;
            return wanted;
        }, layer.Weight);
        foreach (WeightUse use in Weights.UsesOf(layer.Weight))
        {
            inserted.Write(writer, use.Node, layer, Weights.Weights[layer.Weight].StoredShape);
        }

        return bytes;
    }

    /// <summary>Puts the graph of a linear map in the place of a weight.</summary>
    internal long Replace(OnnxLayer layer, GraphProto map)
    {
        MapNodes inserted = NodesOf(layer, map);

        // In the order of the graph, so that what the first place has made is there for the others.
        GraphProto graph = _model.Graph;
        HashSet<NodeProto> uses = [.. Weights.UsesOf(layer.Weight).Select(use => use.Node)];
        var tensors = new List<TensorProto>();
        var nodes = new List<NodeProto>();
        var writer = new NodeWriter(nodes.Add, NewName, (tensor, wanted) =>
        {
            TensorProto copy = tensor.Clone();
            copy.Name = NewName(wanted);
            tensors.Add(copy);
            return copy.Name;
        }, layer.Weight);
        foreach (NodeProto node in graph.Node)
        {
            if (!uses.Contains(node))
            {
                nodes.Add(node);
                continue;
            }

            int first = nodes.Count;
            string result = inserted.Write(writer, node, layer, Weights.Weights[layer.Weight].StoredShape);
            if (nodes.Count == first || nodes[^1].Output[0] != result)
            {
                writer.Add("Identity", [result]);
            }

            nodes[^1].Output[0] = node.Output[0];
        }

        graph.Node.Clear();
        graph.Node.AddRange(nodes);
        graph.Initializer.AddRange(tensors);

        // Earlier formats want each initializer among the inputs too.
        const int InitializersAlone = 4;
        _model.IrVersion = Math.Max(_model.IrVersion, InitializersAlone);
        Drop(uses.SelectMany(node => node.Input));
        _layers.Remove(layer.Weight);
        return tensors.Sum(tensor => (long)tensor.RawData.Length);
    }

    private MapNodes NodesOf(OnnxLayer layer, GraphProto map)
    {
        var nodes = new MapNodes(map, Opset);
        return layer.IsPointwise || nodes.Factors is not null ? nodes
            : throw new OnnxExportException($"{map.Name} is no product of matrices, and '{layer.Weight}' is that of a Conv with taps, strides or padding: a product's first factor takes these over, and no other structure does.");
    }

    private OnnxLayer Layer(string weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        return _layers.TryGetValue(weight, out OnnxLayer? layer) ? layer
            : _fixed.TryGetValue(weight, out string? why) ? throw new ArgumentException(why, nameof(weight))
            : throw new ArgumentException($"There is no layer '{weight}' in the model{(TensorFile.Nearest(weight, _layers.Keys) is { } other ? $": was '{other}' meant?" : ".")}", nameof(weight));
    }

    /// <summary>Whether a map can stand in for a tensor, and why not.</summary>
    private void Describe(string name)
    {
        WeightUse[] uses = [.. Weights.UsesOf(name)];
        if (Weights.Unreadable.TryGetValue(name, out string? obstacle))
        {
            if (uses.Any(use => use.IsProduct))
            {
                _fixed.Add(name, obstacle);
            }

            return;
        }

        OnnxWeight weight = Weights.Weights[name];
        if (weight.StoredShape.Length < 2 || uses.Length == 0)
        {
            return;
        }

        if (Obstacle(weight, uses) is { } why)
        {
            _fixed.Add(name, why);
            return;
        }

        long bytes = Weights.BytesOf(name) + (Weights.Dequantizer(name) is { } codes ? codes.Input.Skip(1).Sum(Weights.BytesOf) : 0);
        _layers.Add(name, new OnnxLayer(
            name, weight.Shape[0], weight.Shape[1], bytes, [.. uses.Select(use => OnnxWeights.Show(use.Node))], uses.All(use => use.Node.OpType != "Conv" || IsPointwise(use.Node, weight))));
    }

    private string? Obstacle(OnnxWeight weight, WeightUse[] uses)
    {
        string name = weight.Name;
        if (uses.FirstOrDefault(use => !use.IsProduct) is { Node: { } other })
        {
            return other.OpType == "Conv" ? $"'{name}' is transposed before {OnnxWeights.Show(other)}."
                : $"'{name}' is used by {OnnxWeights.Show(other)}: maps stand in for what MatMul, Gemm and Conv multiply by.";
        }

        NodeProto node = uses[0].Node;
        return Opset < OldestOpset ? $"The model has version {Opset} of the operators; nodes are written from {OldestOpset} on."
            : weight.Shape.Length != 2 ? $"'{name}' has {weight.Shape.Length} axes in {OnnxWeights.Show(node)}: it is no one matrix."
            : uses.FirstOrDefault(use => use.At == 0) is { Node: { } left } ? $"'{name}' stands at the left of {OnnxWeights.Show(left)}, which multiplies columns by it."
            : uses.FirstOrDefault(use => OnnxWeights.Integer(use.Node, "group", 1) != 1) is { Node: { } grouped } ? $"{OnnxWeights.Show(grouped)} has {OnnxWeights.Integer(grouped, "group", 1)} groups of channels, each with a small matrix of its own."
            : uses.FirstOrDefault(use => TypeOf(use.Node.Input[1]) != DataType.Float) is { Node: { } typed } ? $"{OnnxWeights.Show(typed)} multiplies numbers of the type {TypeOf(typed.Input[1])}; maps are written in single precision."
            : _model.IrVersion >= 4 && _model.Graph.Input.Any(input => input.Name == name) ? $"'{name}' is an input of the model too, which a caller may give."
            : _model.Graph.Output.Any(output => output.Name == name) ? $"'{name}' is an output of the model too."
            : null;
    }

    /// <summary>Whether a <c>Conv</c> multiplies each position by itself.</summary>
    private static bool IsPointwise(NodeProto node, OnnxWeight weight) =>
        weight.StoredShape.Skip(2).All(taps => taps == 1)
        && (OnnxWeights.Find(node, "strides")?.Ints ?? []).All(stride => stride == 1)
        && (OnnxWeights.Find(node, "pads")?.Ints ?? []).All(pad => pad == 0);

    /// <summary>The type of a weight where a node reads it.</summary>
    private DataType TypeOf(string tensor)
    {
        if (Weights.TypeOf(tensor) is { } type)
        {
            return type;
        }

        NodeProto node = _model.Graph.Node.First(node => node.Output.Contains(tensor));
        return node.OpType switch
        {
            "Cast" => (DataType)OnnxWeights.Integer(node, "to", 0),
            "DequantizeLinear" => TypeOf(node.Input[1]),
            _ => TypeOf(node.Input[0]),
        };
    }

    private string AddOutput(string tensor, int inputs)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = $"{tensor}/rows" });
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = inputs });
        _model.Graph.Output.Add(new ValueInfoProto { Name = tensor, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float, Shape = shape } } });
        return tensor;
    }

    /// <summary>Makes nodes for the rows that come in where a weight is multiplied by.</summary>
    private string Rows(OnnxLayer layer)
    {
        var nodes = new NodeWriter(_model.Graph.Node.Add, NewName, AddTensor, layer.Weight);
        ImmutableArray<int> stored = Weights.Weights[layer.Weight].StoredShape;
        string[] parts = [.. Weights.UsesOf(layer.Weight).Select(use => Rows(nodes, use.Node, layer.Inputs, stored))];
        return parts.Length == 1 ? parts[0] : nodes.Add("Concat", parts, GraphBuilder.Integer("axis", 0));
    }

    private static string Rows(NodeWriter nodes, NodeProto node, int inputs, ImmutableArray<int> stored)
    {
        string x = node.Input[0];
        if (node.OpType == "Gemm")
        {
            return OnnxWeights.Integer(node, "transA", 0) > 0 ? nodes.Add("Transpose", [x], GraphBuilder.Integers("perm", [1, 0])) : nodes.Add("Identity", [x]);
        }

        if (node.OpType == "MatMul")
        {
            return nodes.Add("Reshape", [x, nodes.Constant(-1, inputs)]);
        }

        // Each tap of each channel by a kernel that has a one there: the same strides and padding then do the rest.
        int channels = stored[1], taps = inputs / channels;
        float[] ones = new float[channels * taps * taps];
        for (int k = 0; k < channels * taps; k++)
        {
            ones[(k * taps) + (k % taps)] = 1;
        }

        AttributeProto[] geometry = [.. node.Attribute.Where(attribute => attribute.Name != "group"), GraphBuilder.Integer("group", channels)];
        string patches = nodes.Add("Conv", [x, nodes.Constant(ones, [channels * taps, 1, .. stored[2..].Select(extent => (long)extent)])], geometry);
        string last = nodes.Add("Transpose", [patches], GraphBuilder.Integers("perm", [0, .. Enumerable.Range(2, stored.Length - 2), 1]));
        return nodes.Add("Reshape", [last, nodes.Constant(-1, inputs)]);
    }

    /// <summary>Drops tensors that nothing reads any more, and what only they needed.</summary>
    private void Drop(IEnumerable<string> tensors)
    {
        GraphProto graph = _model.Graph;
        Dictionary<string, int> readers = Nested(graph).SelectMany(inner => inner.Node.SelectMany(node => node.Input).Concat(inner.Output.Select(output => output.Name)))
            .GroupBy(name => name, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        var waiting = new Queue<string>(tensors.Distinct());
        while (waiting.TryDequeue(out string? name))
        {
            if (readers.GetValueOrDefault(name) > 0)
            {
                continue;
            }

            if (graph.Initializer.FirstOrDefault(tensor => tensor.Name == name) is { } initializer)
            {
                graph.Initializer.Remove(initializer);
                Remove(graph.Input, name);
            }
            else if (graph.Node.FirstOrDefault(node => node.Output.Contains(name)) is { } maker && maker.Output.All(output => readers.GetValueOrDefault(output) == 0))
            {
                graph.Node.Remove(maker);
                foreach (string input in maker.Input)
                {
                    readers[input]--;
                    waiting.Enqueue(input);
                }
            }

            Remove(graph.ValueInfo, name);
        }

        static void Remove(Google.Protobuf.Collections.RepeatedField<ValueInfoProto> infos, string name)
        {
            if (infos.FirstOrDefault(info => info.Name == name) is { } info)
            {
                infos.Remove(info);
            }
        }
    }

    /// <summary>A graph and those in the attributes of its nodes, as the branches of an <c>If</c>.</summary>
    private static IEnumerable<GraphProto> Nested(GraphProto graph) =>
        graph.Node.SelectMany(node => node.Attribute).SelectMany(attribute => attribute.Graphs.Concat(attribute.G is null ? [] : [attribute.G])).SelectMany(Nested).Prepend(graph);

    /// <summary>The tensors that a graph holds, with what messages call them.</summary>
    private static IEnumerable<(string Name, TensorProto Tensor)> Stored(GraphProto graph) => Nested(graph).SelectMany(inner => inner.Initializer.Select(tensor => (tensor.Name, tensor))
        .Concat(inner.Node.SelectMany(node => node.Attribute.Where(attribute => attribute.T is not null).Select(attribute => (node.Output.FirstOrDefault() ?? node.Name, attribute.T)))));

    private string NewName(string wanted)
    {
        string name = wanted;
        for (int k = 2; !_names.Add(name); k++)
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{wanted}_{k}");
        }

        return name;
    }

    private string AddTensor(TensorProto tensor, string wanted)
    {
        TensorProto copy = tensor.Clone();
        copy.Name = NewName(wanted);
        _model.Graph.Initializer.Add(copy);
        return copy.Name;
    }
}
