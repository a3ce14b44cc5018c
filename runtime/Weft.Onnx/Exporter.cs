using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Text;
using global::Onnx;
using static global::Onnx.TensorProto.Types;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Onnx;

/// <summary>
/// From a program to a graph: what depends on parameters alone is computed here and becomes initializers, every operation on rows becomes nodes.
/// </summary>
internal sealed partial class Exporter
{
    private readonly OperationProgram _program;
    private readonly WeightValues _weights;
    private readonly Dictionary<Storage, Content> _contents = [];
    private readonly Dictionary<Storage, IReadOnlyList<int>> _shapes;

    /// <summary>Storages as whole numbers, in the parts that hold positions.</summary>
    private readonly Dictionary<Storage, List<(int Offset, Laid Part)>> _positions = [];
    private readonly GraphBuilder _model = new();
    private readonly IReadOnlyList<string> _results;
    private GraphBuilder _graph;
    private Layouts _layouts;

    private Exporter(OperationProgram program, IReadOnlyDictionary<string, double[]> parameters)
    {
        (_program, _graph) = (program, _model);
        _weights = new WeightValues(program, parameters);

        // Of tensors that only differ in shape the storage is one.
        _shapes = program.Derived.GroupBy(derived => derived.Value).ToDictionary(derived => derived.Key, derived => derived.First().Key.Shape);
        foreach (ParameterPlace place in program.Parameters)
        {
            _shapes[place.Storage] = [.. place.Parameter.Shape];
        }

        _layouts = AddInputs();

        // A state comes in and goes out under one name. These names are the map's before parameters are.
        HashSet<string> inputs = [.. Inputs.Select(port => port.Name)];
        _results = [.. Outputs.Select(port => _graph.NewName(inputs.Contains(port.Name) ? $"next_{port.Name}" : port.Name))];
    }

    private Module Module => _program.Module;

    private IReadOnlyList<Port> Inputs => Module.InputPorts.Count > 0 ? Module.InputPorts : [new Port("x", EquatableArray.Of(Module.Inputs), 0)];

    private IReadOnlyList<Port> Outputs => Module.OutputPorts.Count > 0 ? Module.OutputPorts : [new Port("y", EquatableArray.Of(Module.Outputs), 0)];

    /// <exception cref="OnnxExportException">An operation has no counterpart in ONNX.</exception>
    /// <exception cref="InvalidOperationException">A table of positions holds one that is none.</exception>
    public static GraphProto Export(OperationProgram program, IReadOnlyDictionary<string, double[]> parameters) => new Exporter(program, parameters).Run();

    private GraphProto Run()
    {
        foreach (Operation operation in _program.Rows)
        {
            Add(operation);
        }

        Storage y = _program.Rows.SelectMany(operation => operation.Writes).Select(place => place.Storage).First(storage => storage.Space == Space.Output);
        foreach ((Port port, string name) in Outputs.Zip(_results))
        {
            Value value = _graph.Reshape(Elements(y, port.Offset, port.Length), [Dim.Rows, .. port.Shape.Select(extent => (Dim)extent)]);
            _graph.Output(value, name, DataType.Float);
        }

        return _graph.Finish(Module.Name);
    }

    /// <summary>The inputs of the graph, the first of which tells how many rows there are.</summary>
    private Layouts AddInputs()
    {
        Value[] inputs = [.. Inputs.Select(port => _graph.Input(
            _graph.NewName(port.Name), port.IsPositions ? DataType.Int64 : DataType.Float, [Dim.Rows, .. port.Shape.Select(extent => (Dim)extent)]))];
        var layouts = new Layouts(_graph, _graph.Node("Shape", [inputs[0]], [1], GraphBuilder.Integer("start", 0), GraphBuilder.Integer("end", 1)));
        List<(int, Laid)> positions = _positions[_program.Input] = [];
        foreach ((Port port, Value input) in Inputs.Zip(inputs))
        {
            if (port.IsPositions)
            {
                positions.Add((port.Offset, layouts.Squeezed(Layouts.InOrder(input))));
            }

            Value numbers = port.IsPositions ? Cast(input, DataType.Float) : input;
            ContentOf(_program.Input).Parts.Add((port.Offset, layouts.Squeezed(Layouts.InOrder(numbers))));
        }

        return layouts;
    }

    private void Add(Operation operation)
    {
        _graph.Purpose = operation is ScanStep ? "" : operation.Describe();
        switch (operation)
        {
            case ContractStep contract:
                Contract(contract);
                break;

            case ClearStep { C.Storage: { Window: null } cleared }:
                ContentOf(cleared).Parts.Clear();
                break;

            case ClearStep:
                // The state before the first step, with which a scan begins.
                break;

            case ActivationStep activation:
                Set(activation.C.Storage, Apply(activation.Function, ContentOf(activation.A.Storage)));
                break;

            case FunctionStep function:
                Value value = Apply(function.Function, [.. function.Arguments.Select((argument, k) => Argument(argument, function.Function.Shapes[k]))]);
                Set(function.Result, Layouts.InOrder(value.HasRows ? value : _layouts.ForRows(value, value.Shape)));
                break;

            case GatherStep gather:
                Gather(gather);
                break;

            case PositionStep positions:
                Add(positions);
                break;

            case WalshHadamardStep transform:
                Transform(transform);
                break;

            case ScanStep scan:
                Scan(scan);
                break;

            default:
                throw new InvalidOperationException($"{operation.GetType().Name} has no row in the table of ONNX.");
        }
    }

    private Content ContentOf(Storage storage)
    {
        if (!_contents.TryGetValue(storage, out Content? content))
        {
            content = new Content(storage.Length);
            _contents.Add(storage, content);
            if (!storage.IsPerRow)
            {
                // Whatever reads it first, it is of the whole model.
                GraphBuilder here = _graph;
                _graph = _model;
                content.Parts.Add((0, Layouts.InOrder(Stored(storage))));
                _graph = here;
            }
        }

        return content;
    }

    private void Set(Storage storage, Laid value)
    {
        Content content = ContentOf(storage);
        content.Parts.Clear();
        content.Parts.Add((0, _layouts.Squeezed(value)));
    }

    /// <summary>What is written to a part of a storage, in place of what is there or added to it.</summary>
    private void Write(Storage storage, int offset, Laid value, bool accumulate)
    {
        List<(int Offset, Laid Part)> parts = ContentOf(storage).Parts;
        int length = value.Length;
        (int Offset, Laid Part)[] met = [.. parts.Where(part => part.Offset < offset + length && offset < part.Offset + part.Part.Length)];
        if (!accumulate && met.Any(part => part.Offset != offset || part.Part.Length != length))
        {
            throw new InvalidOperationException($"A part of {storage} is written over.");
        }

        if (met.Length == 0 || !accumulate)
        {
            parts.RemoveAll(met.Contains);
            parts.Add((offset, value));
        }
        else if (met.Length == 1 && met[0].Offset == offset && met[0].Part.Length == length)
        {
            parts[parts.IndexOf(met[0])] = (offset, _layouts.Sum(met[0].Part, value));
        }
        else
        {
            Laid whole = Whole(ContentOf(storage)), flat = _layouts.Flat(value);
            int axis = flat.Axes.Count - 1;
            Value padded = _layouts.Padded(flat.Value, axis, offset, storage.Length - offset - length);
            Set(storage, _layouts.Sum(whole, Layouts.InOrder(padded)));
        }
    }

    /// <summary>All of a storage as one part.</summary>
    private Laid Whole(Content content)
    {
        List<(int Offset, Laid Part)> parts = content.Parts;
        if (parts.Count == 1 && parts[0].Part.Length == content.Length)
        {
            return parts[0].Part;
        }

        var pieces = new List<Value>();
        int at = 0;
        foreach ((int offset, Laid part) in parts.OrderBy(part => part.Offset))
        {
            if (offset > at)
            {
                pieces.Add(_layouts.Zeros(offset - at));
            }

            pieces.Add(_layouts.Flat(part).Value);
            at = offset + part.Length;
        }

        if (at < content.Length)
        {
            pieces.Add(_layouts.Zeros(content.Length - at));
        }

        Laid whole = Layouts.InOrder(pieces.Count == 1 ? pieces[0] : _graph.Node("Concat", pieces, [Dim.Rows, content.Length], GraphBuilder.Integer("axis", 1)));
        parts.Clear();
        parts.Add((0, whole));
        return whole;
    }

    /// <summary>What a storage holds at a position.</summary>
    private Value Read(Storage storage, Affine position, IReadOnlyList<Index> order)
    {
        Content content = ContentOf(storage);
        foreach ((int offset, Laid part) in content.Parts)
        {
            if (offset <= position.Minimum && position.Maximum < offset + part.Length)
            {
                return _layouts.Read(_layouts.Squeezed(part), position + -offset, order);
            }
        }

        return _layouts.Read(Whole(content), position, order);
    }

    /// <summary>The indices of a view, and its rows, in the order in which what it reads lies now.</summary>
    private IEnumerable<Index> Lying(View view)
    {
        Affine position = Long(view.Position);
        Index[] indices = [.. InOrder(view.Position).Where(IsLong)];
        (int offset, Laid part) = ContentOf(view.Storage).Parts.Find(part => part.Offset <= position.Minimum && position.Maximum < part.Offset + part.Part.Length);
        if (part is null)
        {
            return indices;
        }

        List<Axis> axes = [.. part.Axes];
        return indices.OrderBy(index => index == View.Rows
            ? axes.FindIndex(axis => axis.IsRows)
            : axes.FindIndex(axis => !axis.IsRows && axis.Stride <= position.StrideOf(index) && position.StrideOf(index) < axis.Stride * axis.Extent));
    }

    /// <summary>Consecutive elements, behind the rows where they differ from row to row.</summary>
    private Value Elements(Storage storage, int offset, int length)
    {
        var each = new Index("i", length);
        Index[] order = storage.IsPerRow ? [View.Rows, each] : [each];
        return _graph.Reshape(Read(storage, Long(Affine.Of(each) + offset), [.. order.Where(IsLong)]), [.. storage.IsPerRow ? [Dim.Rows] : Array.Empty<Dim>(), length]);
    }

    /// <summary>A tensor that a function takes, behind the rows where it differs from row to row.</summary>
    private Value Argument(Storage storage, IReadOnlyList<int> shape) => _graph.Reshape(
        Elements(storage, 0, storage.Length), [.. storage.IsPerRow ? [Dim.Rows] : Array.Empty<Dim>(), .. shape.Select(extent => (Dim)extent)]);

    private Value Cast(Value value, DataType type) => _graph.Node("Cast", [value], value.Shape, GraphBuilder.Integer("to", (long)type));

    /// <summary>Whether an index runs at all; the rows do.</summary>
    private static bool IsLong(Index index) => index == View.Rows || index.Extent > 1;

    /// <summary>A position by the indices that run, but for the rows.</summary>
    private static Affine Long(Affine position) => new(position.Offset, [.. position.Terms.Where(term => term.Index != View.Rows && term.Index.Extent > 1)]);
}
