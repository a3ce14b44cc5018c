using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using global::Onnx;
using static global::Onnx.AttributeProto.Types;
using static global::Onnx.TensorProto.Types;

namespace Weft.Onnx;

/// <summary>Makes the nodes of a graph, or of the body of one. Initializers are all of the whole model.</summary>
internal sealed class GraphBuilder
{
    private readonly GraphBuilder? _outer;
    private readonly GraphProto _graph = new();
    private readonly HashSet<string> _names;
    private readonly Dictionary<string, Value> _constants;

    public GraphBuilder(GraphBuilder? outer = null)
    {
        _outer = outer;
        _names = outer?._names ?? new(StringComparer.Ordinal);
        _constants = outer?._constants ?? new(StringComparer.Ordinal);
    }

    /// <summary>What the next node that does more than move elements is for, in a line.</summary>
    public string Purpose { get; set; } = "";

    private GraphProto Root => _outer?.Root ?? _graph;

    /// <summary>A name for something of its own making, which no name of a map's is.</summary>
    public string NewInnerName(string wanted) => NewName("/" + wanted);

    /// <summary>A name that nothing has yet.</summary>
    public string NewName(string wanted)
    {
        string name = wanted;
        for (int k = 2; !_names.Add(name); k++)
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{wanted}_{k}");
        }

        return name;
    }

    /// <summary>An input, under a name that is kept for it.</summary>
    public Value Input(string name, DataType type, params IReadOnlyList<Dim> shape)
    {
        var value = new Value(name, shape);
        _graph.Input.Add(Info(value, type));
        return value;
    }

    /// <summary>Makes a tensor a result, under a name that is kept for it.</summary>
    public void Output(Value value, string name, DataType type)
    {
        var result = new Value(name, value.Shape);
        Add("Identity", [value], [result]);
        _graph.Output.Add(Info(result, type));
    }

    public Value Node(string operation, IReadOnlyList<Value> inputs, IReadOnlyList<Dim> shape, params AttributeProto[] attributes) =>
        Nodes(operation, inputs, [shape], attributes)[0];

    /// <summary>A node with several results.</summary>
    public Value[] Nodes(string operation, IReadOnlyList<Value> inputs, IReadOnlyList<IReadOnlyList<Dim>> shapes, params AttributeProto[] attributes)
    {
        Value[] outputs = [.. shapes.Select(shape => new Value(NewInnerName(operation), shape))];
        Add(operation, inputs, outputs, attributes);
        return outputs;
    }

    /// <summary>The same elements in another shape.</summary>
    public Value Reshape(Value value, params IReadOnlyList<Dim> shape)
    {
        value = value.Source ?? value;
        if (value.Shape.SequenceEqual(shape))
        {
            return value;
        }

        return Node("Reshape", [value, Constant([.. shape.Select(dim => dim.InShape)])], shape) with { Source = value };
    }

    /// <summary>
    /// The axes in another order; axis k of the result is axis <paramref name="order"/>[k]. One run of axes at a time is moved over another, between shapes
    /// in which runs are single axes: that is what ONNX Runtime does fast, and any other order up to 20 times as slowly.
    /// </summary>
    public Value Transpose(Value value, IReadOnlyList<int> order)
    {
        IReadOnlyList<Dim> axes = value.Shape;
        Dim[] shape = [.. order.Select(axis => axes[axis])];
        List<int> wanted = [.. order.Where(axis => axes[axis] != 1)], now = [.. wanted.Order()];
        while (!now.SequenceEqual(wanted))
        {
            // Up to here they are in order; what comes next there stands further behind, with what follows it.
            int from = Enumerable.Range(0, now.Count).First(k => now[k] != wanted[k]), at = now.IndexOf(wanted[from]), count = 1;
            while (at + count < now.Count && from + count < wanted.Count && now[at + count] == wanted[from + count])
            {
                count++;
            }

            Dim[] before = Runs(0, from), over = Runs(from, at - from), run = Runs(at, count), behind = Runs(at + count, now.Count - at - count);
            Value apart = Reshape(value, [.. before, .. over, .. run, .. behind]);
            int first = before.Length;
            value = Node(
                "Transpose",
                [apart],
                [.. before, .. run, .. over, .. behind],
                Integers("perm", [.. Enumerable.Range(0, first), first + 1, first, .. Enumerable.Range(first + 2, behind.Length)]));
            List<int> moved = now.GetRange(at, count);
            now.RemoveRange(at, count);
            now.InsertRange(from, moved);
        }

        return Reshape(value, shape);

        Dim[] Runs(int first, int count) => count == 0 ? [] : [now.GetRange(first, count).Aggregate(new Dim(1), (total, axis) => total * axes[axis])];
    }

    /// <summary>From a start on so many positions of an axis.</summary>
    public Value Slice(Value value, int axis, int start, int count)
    {
        Dim[] shape = [.. value.Shape];
        if (shape[axis] == count)
        {
            return value;
        }

        shape[axis] = count;
        return Node("Slice", [value, Constant([start]), Constant([start + count]), Constant([axis])], shape);
    }

    /// <summary>A tensor of whole numbers.</summary>
    public Value Constant(long[] numbers) => Constant(numbers, [numbers.Length]);

    /// <summary>A tensor of whole numbers in a shape.</summary>
    public Value Constant(long[] numbers, IReadOnlyList<Dim> shape) => Constant(DataType.Int64, MemoryMarshal.AsBytes(numbers.AsSpan()), shape);

    /// <summary>A number.</summary>
    public Value Constant(double number) => Constant([number], []);

    /// <summary>A tensor of numbers.</summary>
    public Value Constant(double[] numbers, IReadOnlyList<Dim> shape)
    {
        float[] rounded = Array.ConvertAll(numbers, number => (float)number);
        return Constant(DataType.Float, MemoryMarshal.AsBytes(rounded.AsSpan()), shape);
    }

    /// <summary>A number in double precision.</summary>
    public Value Double(double number) => Constant(DataType.Double, MemoryMarshal.AsBytes([number]), []);

    /// <summary>A number of 64 bits without sign.</summary>
    public Value Unsigned(ulong number) => Constant(DataType.Uint64, MemoryMarshal.AsBytes([number]), []);

    /// <summary>An initializer under a name.</summary>
    public Value Initializer(string name, double[] numbers, IReadOnlyList<Dim> shape)
    {
        float[] rounded = Array.ConvertAll(numbers, number => (float)number);
        return Initializer(name, DataType.Float, MemoryMarshal.AsBytes(rounded.AsSpan()), shape);
    }

    /// <summary>An initializer under a name, by the bytes of its elements.</summary>
    public Value Initializer(string name, DataType type, ReadOnlySpan<byte> elements, IReadOnlyList<Dim> shape)
    {
        var value = new Value(NewName(name), shape);
        var tensor = new TensorProto { Name = value.Name, DataType = (int)type, RawData = ByteString.CopyFrom(elements) };
        tensor.Dims.AddRange(shape.Select(dim => (long)dim.Extent));
        Root.Initializer.Add(tensor);
        return value;
    }

    /// <summary>The graph, of which only what a result needs is kept.</summary>
    public GraphProto Finish(string name)
    {
        _graph.Name = name;
        var needed = new HashSet<string>(_graph.Output.Select(output => output.Name), StringComparer.Ordinal);
        for (int k = _graph.Node.Count - 1; k >= 0; k--)
        {
            if (_graph.Node[k].Output.Any(needed.Contains))
            {
                needed.UnionWith(Reads(_graph.Node[k]));
            }
            else
            {
                _graph.Node.RemoveAt(k);
            }
        }

        TensorProto[] unused = [.. _graph.Initializer.Where(tensor => !needed.Contains(tensor.Name))];
        Array.ForEach(unused, tensor => _graph.Initializer.Remove(tensor));
        return _graph;

        static IEnumerable<string> Reads(NodeProto node) => node.Input.Concat(node.Attribute.Where(attribute => attribute.G is not null).SelectMany(attribute =>
            attribute.G.Node.SelectMany(Reads).Concat(attribute.G.Output.Select(output => output.Name))));
    }

    public static AttributeProto Integer(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    public static AttributeProto Integers(string name, IEnumerable<int> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Ints };
        attribute.Ints.AddRange(values.Select(value => (long)value));
        return attribute;
    }

    public static AttributeProto Number(string name, double value) => new() { Name = name, Type = AttributeType.Float, F = (float)value };

    public static AttributeProto Text(string name, string value) => new() { Name = name, Type = AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    public static AttributeProto Graph(string name, GraphProto value) => new() { Name = name, Type = AttributeType.Graph, G = value };

    private Value Constant(DataType type, ReadOnlySpan<byte> elements, IReadOnlyList<Dim> shape)
    {
        // Small ones recur: shapes, axes, numbers of formulas.
        const int MostKept = 256;
        string key = elements.Length > MostKept ? "" : $"{type}[{string.Join(",", shape.Select(dim => dim.Extent))}]{Convert.ToHexString(elements)}";
        if (key.Length > 0 && _constants.TryGetValue(key, out Value? known))
        {
            return known;
        }

        Value value = Initializer("/Constant", type, elements, shape);
        if (key.Length > 0)
        {
            _constants.Add(key, value);
        }

        return value;
    }

    private void Add(string operation, IReadOnlyList<Value> inputs, IReadOnlyList<Value> outputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = operation, Name = outputs[0].Name };
        if (operation is not ("Reshape" or "Transpose" or "Slice" or "Concat" or "Pad" or "Expand" or "Shape" or "Cast" or "Identity"))
        {
            (node.DocString, Purpose) = (Purpose, "");
        }

        node.Input.AddRange(inputs.Select(input => input.Name));
        node.Output.AddRange(outputs.Select(output => output.Name));
        node.Attribute.AddRange(attributes);
        _graph.Node.Add(node);
    }

    private static ValueInfoProto Info(Value value, DataType type)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(value.Shape.Select(dim => dim.IsRows
            ? new TensorShapeProto.Types.Dimension { DimParam = "rows" }
            : new TensorShapeProto.Types.Dimension { DimValue = dim.Extent }));
        return new ValueInfoProto
        {
            Name = value.Name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } },
        };
    }
}
