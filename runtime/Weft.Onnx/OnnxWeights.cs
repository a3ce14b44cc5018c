using System.Collections.Immutable;
using System.Numerics;
using Google.Protobuf;
using global::Onnx;

namespace Weft.Onnx;

/// <summary>A weight of a model.</summary>
/// <param name="Name">The name of its initializer, or that of the result of its <c>Constant</c> node.</param>
/// <param name="Shape">The shape in which it is read: that of a matrix of outputs × inputs where a node multiplies by it, else the stored one.</param>
/// <param name="StoredShape">The shape that it has in the model.</param>
/// <param name="Use">What multiplies by it, as <c>Gemm 'fc1'</c>; null where nothing does.</param>
public sealed record OnnxWeight(string Name, ImmutableArray<int> Shape, ImmutableArray<int> StoredShape, string? Use);

/// <summary>
/// The weights of an ONNX model by their names, as Weft has them: matrices y = W x, outputs × inputs, row-major. Of <c>MatMul</c>, whose weight stands
/// right, that is the transpose; of <c>Gemm</c> with its <c>transB</c> and <c>alpha</c>; of <c>Conv</c> outputs × (inputs of a group · taps), what a row of im2col is
/// multiplied by. Weights may be initializers or <c>Constant</c> nodes; those behind <c>DequantizeLinear</c> (by tensor, axis or block; 8 and 4 bits) and in
/// <c>MatMulNBits</c> of ONNX Runtime are given by the numbers that they stand for.
/// </summary>
public sealed class OnnxWeights
{
    private readonly Dictionary<string, OnnxWeight> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Func<double[]>> _elements = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorProto> _tensors = new(StringComparer.Ordinal);
    private readonly ILookup<string, NodeProto> _users;
    private readonly Dictionary<string, string> _unreadable = new(StringComparer.Ordinal);
    private readonly string? _folder;

    internal OnnxWeights(ModelProto model, string? folder)
    {
        _folder = folder;
        GraphProto graph = model.Graph ?? throw new InvalidDataException("Not an ONNX model: it has no graph.");
        foreach (TensorProto tensor in graph.Initializer)
        {
            Add(tensor.Name, tensor);
        }

        foreach (NodeProto node in graph.Node.Where(node => node.OpType == "Constant" && node.Output.Count == 1))
        {
            if (Find(node, "value")?.T is { } tensor)
            {
                Add(node.Output[0], tensor);
            }
        }

        _users = graph.Node.SelectMany(node => node.Input.Distinct().Select(input => (input, node))).ToLookup(pair => pair.input, pair => pair.node, StringComparer.Ordinal);
        foreach (string name in _tensors.Keys)
        {
            try
            {
                Describe(name);
            }
            catch (Exception exception) when (exception is InvalidDataException or NotSupportedException)
            {
                // A part of the model that nobody asks for hinders nobody.
                _unreadable.Add(name, exception.Message);
            }
        }

        void Add(string name, TensorProto tensor)
        {
            if (!_tensors.TryAdd(name, tensor))
            {
                throw new InvalidDataException($"'{name}' stands twice in the model.");
            }
        }
    }

    /// <summary>The weights that can be read, by name.</summary>
    public IReadOnlyDictionary<string, OnnxWeight> Weights => _weights;

    /// <summary>What of the model's tensors cannot be read, by name, and why.</summary>
    public IReadOnlyDictionary<string, string> Unreadable => _unreadable;

    /// <summary>Opens a model; weights that it keeps in files beside it are read when they are asked for.</summary>
    /// <param name="path">The model's file.</param>
    /// <exception cref="InvalidDataException">It is no ONNX model.</exception>
    public static OnnxWeights Open(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Open(stream, Path.GetDirectoryName(Path.GetFullPath(path)));
    }

    /// <summary>Reads a model.</summary>
    /// <param name="stream">The model; weights that it keeps in other files cannot be read.</param>
    /// <exception cref="InvalidDataException">It is no ONNX model.</exception>
    public static OnnxWeights Open(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Open(stream, folder: null);
    }

    /// <summary>Reads a weight.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">The shape that it is expected to have: numbers in another one would be other numbers.</param>
    /// <param name="values">Its elements, row-major; overwritten.</param>
    /// <exception cref="ArgumentException">There is no such weight, or it has another shape.</exception>
    /// <exception cref="InvalidDataException">The weight's numbers are not there, or more or fewer than its shape says.</exception>
    /// <exception cref="NotSupportedException">It is of a kind that is not read; the message says which.</exception>
    public void Read<T>(string name, ReadOnlySpan<int> shape, Span<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        OnnxWeight weight = Find(name);
        if (!weight.Shape.AsSpan().SequenceEqual(shape))
        {
            string use = weight.Use is null ? "" : $" for {weight.Use}";
            throw new ArgumentException($"'{name}' has the shape [{string.Join(", ", weight.Shape)}]{use}; [{string.Join(", ", shape.ToArray())}] is expected.", nameof(shape));
        }

        double[] elements = _elements[name]();
        if (values.Length != elements.Length)
        {
            throw new ArgumentException($"values has {values.Length} elements; '{name}' has {elements.Length}.", nameof(values));
        }

        for (int i = 0; i < elements.Length; i++)
        {
            values[i] = T.CreateTruncating(elements[i]);
        }
    }

    private static OnnxWeights Open(Stream stream, string? folder)
    {
        try
        {
            return new OnnxWeights(ModelProto.Parser.ParseFrom(stream), folder);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new InvalidDataException("Not an ONNX model: its message is malformed.", exception);
        }
    }

    private OnnxWeight Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _weights.TryGetValue(name, out OnnxWeight? weight) ? weight
            : _unreadable.TryGetValue(name, out string? why) ? throw new NotSupportedException(why)
            : throw new ArgumentException($"There is no weight '{name}' in the model{(TensorFile.Nearest(name, _weights.Keys) is { } other ? $": was '{other}' meant?" : ".")}", nameof(name));
    }

    /// <summary>How a weight is read, by what uses it.</summary>
    private void Describe(string name)
    {
        TensorProto tensor = _tensors[name];
        ImmutableArray<int> stored = OnnxTensors.ShapeOf(name, tensor);
        NodeProto[] users = [.. _users[name]];

        // A scale or a zero point is a part of another weight.
        if (users.Length > 0 && users.All(node => node.Input.IndexOf(name) >= (node.OpType == "DequantizeLinear" ? 1 : node.OpType == "MatMulNBits" ? 2 : int.MaxValue)))
        {
            return;
        }

        if (users is [{ OpType: "MatMulNBits", Input.Count: > 1 } product] && product.Input[1] == name)
        {
            Blocks blocks = BlocksOf(product);
            Add(name, new OnnxWeight(name, [blocks.Rows, blocks.Columns], stored, Show(product)), () => blocks.Dequantized(Elements));
            return;
        }

        Func<double[]> elements = () => Elements(name);
        string result = name;
        if (Dequantizer(name) is { } dequantize)
        {
            elements = () => Dequantized(dequantize, stored);
            result = Name(dequantize, dequantize.Output, 0);
        }

        (ImmutableArray<int> shape, Func<double[]> read, string? use) = AsMatrix(name, result, stored, elements);
        Add(name, new OnnxWeight(name, shape, stored, use), read);
    }

    private void Add(string name, OnnxWeight weight, Func<double[]> elements)
    {
        _weights.Add(name, weight);
        _elements.Add(name, elements);
    }

    /// <summary>A tensor as the matrix that its users multiply by, if they do.</summary>
    private (ImmutableArray<int> Shape, Func<double[]> Elements, string? Use) AsMatrix(string name, string result, ImmutableArray<int> shape, Func<double[]> elements)
    {
        WeightUse[] uses = [.. Uses(result, isTransposed: false, depth: 0).Where(use => use.IsProduct)];
        if (uses.Length == 0 || shape.Length < 2)
        {
            return (shape, elements, null);
        }

        if (uses.Select(use => (use.IsTransposed, use.Scale, use.IsFlat)).Distinct().Count() > 1)
        {
            throw new NotSupportedException($"'{name}' is no one matrix: it is used otherwise by {string.Join(" and by ", uses.Select(use => Show(use.Node)))}. Read it from a copy of the model with only one of them.");
        }

        (NodeProto node, int _, bool isTransposed, double scale, bool isFlat, bool _) = uses[0];
        if (isFlat)
        {
            int columns = shape.Skip(1).Aggregate(1, (product, extent) => checked(product * extent));
            return ([shape[0], columns], elements, Show(node));
        }

        (int rows, int inner) = (shape[^2], shape[^1]);
        ImmutableArray<int> matrix = isTransposed ? [.. shape[..^2], inner, rows] : shape;
        return (matrix, Read, Show(node));

        double[] Read()
        {
            double[] read = elements(), values = new double[read.Length];
            for (int i = 0; i < values.Length; i++)
            {
                (int batch, int place) = Math.DivRem(i, rows * inner);
                values[i] = scale * (isTransposed ? read[(batch * rows * inner) + (place % rows * inner) + (place / rows)] : read[i]);
            }

            return values;
        }
    }

    /// <summary>What reads a weight in the model's graph: nodes that multiply by it, or by what only moves or widens its elements, and others.</summary>
    internal IEnumerable<WeightUse> UsesOf(string name) => Uses(Dequantizer(name) is { } node ? Name(node, node.Output, 0) : name, isTransposed: false, depth: 0);

    /// <summary>The type of a tensor that the model holds; null where it holds none of that name.</summary>
    internal TensorProto.Types.DataType? TypeOf(string name) => _tensors.TryGetValue(name, out TensorProto? tensor) ? (TensorProto.Types.DataType)tensor.DataType : null;

    /// <summary>What the elements of a tensor that the model holds take; 0 where it holds none of that name.</summary>
    internal long BytesOf(string name) => _tensors.TryGetValue(name, out TensorProto? tensor) ? OnnxTensors.BytesOf(name, tensor) : 0;

    /// <summary>The node that makes numbers of codes, where nothing else reads them.</summary>
    internal NodeProto? Dequantizer(string name) => _users[name].ToArray() is [{ OpType: "DequantizeLinear" } node] && node.Input[0] == name ? node : null;

    private IEnumerable<WeightUse> Uses(string tensor, bool isTransposed, int depth)
    {
        // A model whose nodes read what they make is none.
        const int Most = 100;
        if (depth > Most)
        {
            throw new InvalidDataException($"What is made of '{tensor}' goes round in a circle.");
        }

        foreach (NodeProto node in _users[tensor])
        {
            int at = node.Input.IndexOf(tensor);
            switch (node.OpType, at)
            {
                case ("MatMul", 0):
                    yield return new WeightUse(node, at, isTransposed);
                    break;

                case ("MatMul", 1):
                    yield return new WeightUse(node, at, !isTransposed);
                    break;

                case ("Gemm", 0):
                    yield return new WeightUse(node, at, isTransposed != Integer(node, "transA", 0) > 0, Alpha(node));
                    break;

                case ("Gemm", 1):
                    yield return new WeightUse(node, at, isTransposed == Integer(node, "transB", 0) > 0, Alpha(node));
                    break;

                case ("Conv", 1) when !isTransposed:
                    yield return new WeightUse(node, at, IsTransposed: false, IsFlat: true);
                    break;

                case ("Identity" or "Cast", 0):
                    foreach (WeightUse use in Uses(Name(node, node.Output, 0), isTransposed, depth + 1))
                    {
                        yield return use;
                    }

                    break;

                case ("Transpose", 0) when IsOfLastTwo(Find(node, "perm")?.Ints ?? []):
                    foreach (WeightUse use in Uses(Name(node, node.Output, 0), !isTransposed, depth + 1))
                    {
                        yield return use;
                    }

                    break;

                default:
                    yield return new WeightUse(node, at, isTransposed, IsProduct: false);
                    break;
            }
        }

        static double Alpha(NodeProto node) => Find(node, "alpha")?.F ?? 1;

        static bool IsOfLastTwo(IReadOnlyList<long> order) => order.Count == 0
            || (order.Count > 1 && order.SequenceEqual([.. Enumerable.Range(0, order.Count - 2).Select(axis => (long)axis), order.Count - 1, order.Count - 2]));
    }

    /// <summary>The numbers that the codes of a tensor stand for.</summary>
    private double[] Dequantized(NodeProto node, ImmutableArray<int> shape)
    {
        double[] codes = Elements(Name(node, node.Input, 0)), scales = Elements(Name(node, node.Input, 1));
        double[] zeros = node.Input.Count > 2 && node.Input[2].Length > 0 ? Elements(node.Input[2]) : new double[scales.Length];
        (long axis, long block) = (Integer(node, "axis", 1), Integer(node, "block_size", 0));
        axis = axis < 0 && axis >= -shape.Length ? axis + shape.Length : axis;
        bool hasAxis = axis >= 0 && axis < shape.Length;
        int extent = hasAxis ? shape[(int)axis] : 1, inner = hasAxis ? shape.Skip((int)axis + 1).Aggregate(1, (product, one) => product * one) : codes.Length;
        int outer = codes.Length / Math.Max(1, extent * inner), blocks = block is > 0 and <= int.MaxValue ? (int)((extent + block - 1) / block) : 1;
        int expected = block > 0 ? outer * blocks * inner : scales.Length == 1 ? 1 : hasAxis ? extent : 1;
        if (scales.Length != expected || zeros.Length != expected || (block > 0 && !hasAxis))
        {
            throw new InvalidDataException($"{Show(node)} has {scales.Length} scales and {zeros.Length} zero points; {expected} are expected.");
        }

        double[] values = new double[codes.Length];
        for (int i = 0; i < values.Length; i++)
        {
            (int o, int a, int c) = (i / (extent * inner), i / inner % extent, i % inner);
            int k = expected == 1 ? 0 : block > 0 ? (((o * blocks) + (int)(a / block)) * inner) + c : a;
            values[i] = (codes[i] - zeros[k]) * scales[k];
        }

        return values;
    }

    /// <summary>The weight of a product of ONNX Runtime's own, in blocks of a row.</summary>
    private sealed record Blocks(NodeProto Node, int Rows, int Columns, int Bits, int Size)
    {
        /// <summary>The numbers that the codes stand for: those of a block lie in whole bytes, the first of a byte lowest.</summary>
        public double[] Dequantized(Func<string, double[]> elements)
        {
            int blocks = (Columns + Size - 1) / Size, perByte = 8 / Bits, blockBytes = Size / perByte, mask = (1 << Bits) - 1;
            double[] bytes = elements(Name(Node, Node.Input, 1)), scales = elements(Name(Node, Node.Input, 2));
            double[]? zeros = Node.Input.Count > 3 && Node.Input[3].Length > 0 ? elements(Node.Input[3]) : null;
            int zeroBytes = (blocks + perByte - 1) / perByte;
            if (bytes.Length != (long)Rows * blocks * blockBytes || scales.Length != (long)Rows * blocks || (zeros is not null && zeros.Length != (long)Rows * zeroBytes))
            {
                throw new InvalidDataException($"{Show(Node)} has {bytes.Length} bytes of codes and {scales.Length} scales, which are not those of {Rows} × {Columns} numbers in blocks of {Size}.");
            }

            double[] values = new double[checked(Rows * Columns)];
            for (int i = 0; i < values.Length; i++)
            {
                (int row, int column) = Math.DivRem(i, Columns);
                (int block, int place) = Math.DivRem(column, Size);
                int zero = zeros is null ? 1 << (Bits - 1) : Code(zeros, (row * zeroBytes) + (block / perByte), block % perByte);
                int code = Code(bytes, (((row * blocks) + block) * blockBytes) + (place / perByte), place % perByte);
                values[i] = (code - zero) * scales[(row * blocks) + block];
            }

            return values;

            int Code(double[] codes, int at, int part) => ((int)codes[at] >> (part * Bits)) & mask;
        }
    }

    private static Blocks BlocksOf(NodeProto node)
    {
        (long rows, long columns, long bits, long size) = (Integer(node, "N", 0), Integer(node, "K", 0), Integer(node, "bits", 4), Integer(node, "block_size", 0));
        bool isRight = rows > 0 && columns > 0 && columns <= int.MaxValue / rows && (bits is 2 or 4 or 8) && size is >= 16 and <= 1 << 20 && BitOperations.IsPow2(size);
        return !isRight ? throw new InvalidDataException($"{Show(node)} has sizes that are none: N {rows}, K {columns}, bits {bits}, block_size {size}.")
            : node.Input.Count > 4 && node.Input[4].Length > 0 ? throw new NotSupportedException($"{Show(node)} has its columns in another order (g_idx), which is not read.")
            : new Blocks(node, (int)rows, (int)columns, (int)bits, (int)size);
    }

    private double[] Elements(string name) => _tensors.TryGetValue(name, out TensorProto? tensor)
        ? OnnxTensors.Elements(name, tensor, _folder)
        : throw new NotSupportedException($"'{name}' is no constant of the model: it is computed.");

    internal static string Name(NodeProto node, IReadOnlyList<string> names, int at) =>
        at < names.Count ? names[at] : throw new InvalidDataException($"{Show(node)} has {names.Count} names where {at + 1} are expected.");

    internal static AttributeProto? Find(NodeProto node, string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name);

    internal static long Integer(NodeProto node, string name, long otherwise) => Find(node, name)?.I ?? otherwise;

    internal static string Show(NodeProto node) => $"{node.OpType} '{(node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault() ?? "")}'";
}
