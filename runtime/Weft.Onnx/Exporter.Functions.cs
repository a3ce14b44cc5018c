using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Oracle;
using static global::Onnx.TensorProto.Types;

namespace Weft.Onnx;

/// <content>Functions of elements, rows and matrices that differ from row to row.</content>
internal sealed partial class Exporter
{
    /// <summary>What ONNX has an operator of its own for, which runtimes compute at once; all else is made of its definition.</summary>
    private static readonly IReadOnlyDictionary<string, Func<Exporter, Value, double, Value>> s_ofElements = new Dictionary<string, Func<Exporter, Value, double, Value>>(StringComparer.Ordinal)
    {
        ["relu"] = (graph, x, _) => graph.Unary("Relu", x),
        ["gelu"] = (graph, x, _) => graph._graph.Node("Gelu", [x], x.Shape, GraphBuilder.Text("approximate", "tanh")),
        ["gelu_exact"] = (graph, x, _) => graph.Unary("Gelu", x),
        ["silu"] = (graph, x, _) => graph.Binary("Mul", x, graph.Unary("Sigmoid", x)),
        ["softplus"] = (graph, x, _) => graph.Unary("Softplus", x),
        ["elu"] = (graph, x, alpha) => graph._graph.Node("Elu", [x], x.Shape, GraphBuilder.Number("alpha", alpha)),
        ["hardswish"] = (graph, x, _) => graph.Unary("HardSwish", x),
        ["sign"] = (graph, x, _) => graph.Unary("Sign", x),
        ["atanh"] = (graph, x, _) => graph.Unary("Atanh", x),
        ["atanhc"] = (graph, x, _) => graph.Ratio("Atanh", graph.Binary("Min", graph.Unary("Abs", x), graph._graph.Constant(1 - Math.ScaleB(1, -24)))),
        ["tanhc"] = (graph, x, _) => graph.Ratio("Tanh", graph.Unary("Abs", x)),
        ["sin"] = (graph, x, _) => graph.Unary("Sin", x),
        ["cos"] = (graph, x, _) => graph.Unary("Cos", x),
        ["power"] = (graph, x, p) => graph.Binary("Pow", x, graph._graph.Constant(p)),
    };

    /// <summary>Functions of several tensors, or of matrices, by their arguments and their number.</summary>
    private static readonly IReadOnlyDictionary<string, Func<Exporter, IReadOnlyList<Value>, double, Value>> s_ofTensors = new Dictionary<string, Func<Exporter, IReadOnlyList<Value>, double, Value>>(StringComparer.Ordinal)
    {
        ["quotient"] = (graph, a, _) => graph.Binary("Div", a[0], a[1]),
        ["where"] = (graph, a, _) => graph.Where(graph.Binary("Equal", a[0], graph._graph.Constant(0.0)), a[2], a[1]),
        ["straight_through"] = (_, a, _) => a[0],
        ["softmax"] = (graph, a, _) => graph.Softmax(a[0]),
        ["layer_norm"] = (graph, a, eps) =>
        {
            Dim length = a[0].Shape[^1];
            double[] ones = new double[length.Extent];
            Array.Fill(ones, 1);
            return graph._graph.Node("LayerNormalization", [a[0], graph._graph.Constant(ones, [length])], a[0].Shape, GraphBuilder.Number("epsilon", eps));
        },
        ["row_norms"] = (graph, a, _) => graph.Reduce("ReduceL2", a[0], -1, keeps: false),
        ["column_norms"] = (graph, a, _) => graph.Reduce("ReduceL2", a[0], -2, keeps: false),
        ["normalize_columns"] = (graph, a, _) => graph.SwapLast(graph.Rowwise(TensorFunction.All["normalize_rows"].Definition!(0, 0), graph.SwapLast(a[0]))),
        ["prefix"] = (graph, a, n) => graph.Cast(
            graph.Binary("Less", graph._graph.Constant([.. Enumerable.Range(0, (int)n).Select(i => (double)i)], [(int)n]), graph._graph.Reshape(a[0], [.. a[0].Shape, 1])), DataType.Float),
        ["largest"] = (graph, a, k) => graph.AtLargest(a[0], (int)k, values => graph._graph.Node("Expand", [graph._graph.Constant(1.0), graph.ShapeOf(values)], values.Shape)),
        ["top_k_softmax"] = (graph, a, k) => graph.TopKSoftmax(a[0], (int)k),
        ["admix"] = (graph, a, k) => graph.MatMul(graph.TopKSoftmax(a[1], (int)k), a[0]),
        ["above_quantile"] = (graph, a, q) => graph.AboveQuantile(a[0], q),
        ["normal_float"] = (graph, a, bits) => graph.NormalFloat(a[0], (int)bits),
        ["take"] = (graph, a, _) => graph.Take(a[0], a[1]),
        ["rfft"] = (graph, a, n) => graph._graph.Reshape(
            graph.MatMul(a[0], graph.Frequencies((int)n, isInverse: false)), [.. a[0].Shape.SkipLast(1), 2, ((int)n / 2) + 1]),
        ["irfft"] = (graph, a, n) => graph.MatMul(
            graph._graph.Reshape(a[0], [.. a[0].Shape.SkipLast(2), 2 * (((int)n / 2) + 1)]), graph.Frequencies((int)n, isInverse: true)),
        ["rbf"] = (graph, a, gamma) =>
        {
            Value square = graph.Reduce("ReduceSumSquare", graph.Differences(a[0], a[1]), -1, keeps: false);
            return graph.Unary("Exp", graph.Binary("Mul", square, graph._graph.Constant(-gamma)));
        },
        ["distances"] = (graph, a, p) =>
        {
            Value difference = graph.Differences(a[0], a[1]);
            return p == 1 ? graph.Reduce("ReduceL1", difference, -1, keeps: false)
                : p == 2 ? graph.Reduce("ReduceL2", difference, -1, keeps: false)
                : graph.Binary(
                    "Pow",
                    graph.Reduce("ReduceSum", graph.Binary("Pow", graph.Unary("Abs", difference), graph._graph.Constant(p)), -1, keeps: false),
                    graph._graph.Constant(1 / p));
        },
    };

    /// <summary>The matrix of a Fourier transform, by which rows are multiplied: the operator of ONNX has no real inverse.</summary>
    private Value Frequencies(int n, bool isInverse)
    {
        var transform = new Fourier(n, isInverse);
        double[,] matrix = new Interpreter(Module, Module.Parameters.ToDictionary(parameter => parameter.Name, parameter => new double[parameter.Length])).Dense(transform);
        double[] transposed = [.. Enumerable.Range(0, transform.Columns).SelectMany(j => Enumerable.Range(0, transform.Rows).Select(i => matrix[i, j]))];
        return _graph.Constant(transposed, [transform.Columns, transform.Rows]);
    }

    /// <summary>A link, on all that a storage holds.</summary>
    private Laid Apply(NonlinearLink link, Content content)
    {
        Laid whole = Whole(content);
        string name = link is ActivationLink ? link.Name : ((FunctionLink)link).Function.Name;
        double number = link is FunctionLink { Number: var given } ? given : 0;
        if (link.Definition.Value.IsElementwise)
        {
            // Whatever the order in which it lies.
            return whole with { Value = OfElements(name, link.Definition, whole.Value, number) };
        }

        int length = ((FunctionLink)link).Length;
        Value rows = _graph.Reshape(_layouts.Flat(whole).Value, [Dim.Rows, content.Length / length, length]);
        Value value = s_ofTensors.TryGetValue(name, out Func<Exporter, IReadOnlyList<Value>, double, Value>? own) ? own(this, [rows], number) : Rowwise(link.Definition, rows);
        return Layouts.InOrder(_graph.Reshape(value, [Dim.Rows, link.Outputs(content.Length)]));
    }

    /// <summary>A function of tensors.</summary>
    /// <exception cref="OnnxExportException">ONNX has nothing that it could be made of.</exception>
    private Value Apply(FunctionCall call, IReadOnlyList<Value> arguments)
    {
        TensorFunction function = call.Function;
        double number = call.Numbers.FirstOrDefault();
        return s_ofTensors.TryGetValue(function.Name, out Func<Exporter, IReadOnlyList<Value>, double, Value>? ofTensors) ? ofTensors(this, arguments, number)
            : s_ofElements.TryGetValue(function.Name, out Func<Exporter, Value, double, Value>? ofElements) ? ofElements(this, arguments[0], number)
            : function.Definition is { } definition ? Rowwise(definition(number, call.Shapes[0].Count == 0 ? 1 : call.Shapes[0][^1]), arguments[0])
            : throw new OnnxExportException($"{Module.Name} has {function.Name} of what differs from row to row, for which ONNX has no operators. Of parameters alone it can be exported.");
    }

    private Value OfElements(string name, FunctionDefinition definition, Value x, double number) =>
        s_ofElements.TryGetValue(name, out Func<Exporter, Value, double, Value>? own) ? own(this, x, number) : Rowwise(definition, x);

    /// <summary>A function of the rows of the last axis, by its definition.</summary>
    private Value Rowwise(FunctionDefinition definition, Value x)
    {
        var values = new List<Value>();
        foreach (FunctionInstruction instruction in definition.Value.Instructions)
        {
            Value[] operands = [.. instruction.Operands.Select(operand => values[operand])];
            values.Add(instruction.Operation switch
            {
                FunctionOperation.Constant => _graph.Constant(instruction.Number),
                FunctionOperation.Element => x,
                FunctionOperation.Add => Binary("Add", operands[0], operands[1]),
                FunctionOperation.Subtract => Binary("Sub", operands[0], operands[1]),
                FunctionOperation.Multiply => Binary("Mul", operands[0], operands[1]),
                FunctionOperation.Divide => Binary("Div", operands[0], operands[1]),
                FunctionOperation.Min => Binary("Min", operands[0], operands[1]),
                FunctionOperation.Max => Binary("Max", operands[0], operands[1]),
                FunctionOperation.Choose => Where(Binary("Greater", operands[0], _graph.Constant(0.0)), operands[1], operands[2]),
                FunctionOperation.Abs => Unary("Abs", operands[0]),
                FunctionOperation.Exp => Unary("Exp", operands[0]),
                FunctionOperation.Log => Unary("Log", operands[0]),
                FunctionOperation.Sqrt => Unary("Sqrt", operands[0]),
                FunctionOperation.Tanh => Unary("Tanh", operands[0]),
                FunctionOperation.Sigmoid => Unary("Sigmoid", operands[0]),
                FunctionOperation.Rint => Unary("Round", operands[0]),
                FunctionOperation.Floor => Unary("Floor", operands[0]),
                FunctionOperation.Sum => Reduce("ReduceSum", operands[0], -1, keeps: true),
                FunctionOperation.Largest => Reduce("ReduceMax", operands[0], -1, keeps: true),
                _ => throw new InvalidOperationException($"{instruction.Operation} has no operator of ONNX that is as exact."),
            });
        }

        Value result = values[definition.Value.Result];
        bool isOfRow = definition.Value.Instructions[definition.Value.Result].IsOfRow && !definition.Value.IsElementwise;
        return isOfRow ? _graph.Reshape(result, [.. x.Shape.SkipLast(1)]) : result;
    }

    private Value Unary(string operation, Value x) => _graph.Node(operation, [x], x.Shape);

    /// <summary>f(s) / s for a size s, which is 1 at 0.</summary>
    private Value Ratio(string operation, Value size)
    {
        Value least = Binary("Max", size, _graph.Constant(1e-30));
        return Binary("Div", Unary(operation, least), least);
    }

    /// <summary>An operation on elements, whose operands broadcast.</summary>
    private Value Binary(string operation, Value a, Value b) => _graph.Node(operation, [a, b], Broadcast(a.Shape, b.Shape));

    private Value Where(Value condition, Value then, Value otherwise) =>
        _graph.Node("Where", [condition, then, otherwise], Broadcast(condition.Shape, Broadcast(then.Shape, otherwise.Shape)));

    private static Dim[] Broadcast(IReadOnlyList<Dim> a, IReadOnlyList<Dim> b)
    {
        var shape = new Dim[Math.Max(a.Count, b.Count)];
        for (int k = 1; k <= shape.Length; k++)
        {
            (Dim one, Dim other) = (k <= a.Count ? a[^k] : 1, k <= b.Count ? b[^k] : 1);
            shape[^k] = one == 1 ? other : one;
        }

        return shape;
    }

    private Value Reduce(string operation, Value x, int axis, bool keeps)
    {
        List<Dim> shape = [.. x.Shape];
        int at = x.Rank + axis;
        shape[at] = 1;
        if (!keeps)
        {
            shape.RemoveAt(at);
        }

        return _graph.Node(operation, [x, _graph.Constant([(long)axis])], shape, GraphBuilder.Integer("keepdims", keeps ? 1 : 0));
    }

    private Value Softmax(Value x) => _graph.Node("Softmax", [x], x.Shape, GraphBuilder.Integer("axis", -1));

    private Value MatMul(Value a, Value b) => _graph.Node("MatMul", [a, b], [.. a.Shape.SkipLast(1), b.Shape[^1]]);

    private Value ShapeOf(Value x) => _graph.Node("Shape", [x], [x.Rank]);

    private Value SwapLast(Value x) => _graph.Transpose(x, [.. Enumerable.Range(0, x.Rank - 2), x.Rank - 1, x.Rank - 2]);

    /// <summary>What is made of the largest elements of each row, where they stand; zeros elsewhere. Of equal ones the lower position comes first.</summary>
    private Value AtLargest(Value x, int count, Func<Value, Value> make)
    {
        Dim[] shape = [.. x.Shape.SkipLast(1), count];
        Value[] largest = _graph.Nodes("TopK", [x, _graph.Constant([(long)count])], [shape, shape]);
        Value zeros = _graph.Node("Expand", [_graph.Constant(0.0), ShapeOf(x)], x.Shape);
        return _graph.Node("ScatterElements", [zeros, largest[1], make(largest[0])], x.Shape, GraphBuilder.Integer("axis", -1));
    }

    private Value TopKSoftmax(Value x, int count) => AtLargest(x, count, Softmax);

    private Value AboveQuantile(Value x, double q)
    {
        int length = x.Shape[^1].Extent;
        double place = (length - 1) * q, share = place - Math.Floor(place);
        (int lower, int upper) = ((int)Math.Floor(place), (int)Math.Ceiling(place));
        Value sorted = _graph.Nodes("TopK", [x, _graph.Constant([(long)length])], [x.Shape, x.Shape], GraphBuilder.Integer("largest", 0))[0];
        Value low = _graph.Slice(sorted, x.Rank - 1, lower, 1), high = _graph.Slice(sorted, x.Rank - 1, upper, 1);
        Value quantile = Binary("Add", low, Binary("Mul", Binary("Sub", high, low), _graph.Constant(share)));
        return Cast(Binary("Greater", x, quantile), DataType.Float);
    }

    /// <summary>The nearest of the values that the format has for the largest magnitude of each row.</summary>
    private Value NormalFloat(Value x, int bits)
    {
        double[] levels = FunctionKernels.NormalFloatLevels(bits);
        Value values = _graph.Constant(levels, [levels.Length]);
        Value scale = Reduce("ReduceMax", Unary("Abs", x), -1, keeps: true);
        Value distances = Unary("Abs", Binary("Sub", _graph.Reshape(x, [.. x.Shape, 1]), Binary("Mul", _graph.Reshape(scale, [.. scale.Shape, 1]), values)));
        Value nearest = _graph.Node("ArgMin", [distances], x.Shape, GraphBuilder.Integer("axis", -1), GraphBuilder.Integer("keepdims", 0));
        return Binary("Mul", _graph.Node("Gather", [values, nearest], x.Shape, GraphBuilder.Integer("axis", 0)), scale);
    }

    /// <summary>All differences of rows: [..., a, d] and [..., b, d] to [..., a, b, d].</summary>
    private Value Differences(Value p, Value q) => Binary(
        "Sub", _graph.Reshape(p, [.. p.Shape.SkipLast(1), 1, p.Shape[^1]]), _graph.Reshape(q, [.. q.Shape.SkipLast(2), 1, .. q.Shape.TakeLast(2)]));

    /// <summary>The parts of a tensor along its first axis that a table names, where either may differ from row to row.</summary>
    private Value Take(Value tensor, Value table)
    {
        Value places = Cast(table, DataType.Int64);
        Dim[] part = [.. tensor.Shape.Skip(tensor.HasRows ? 2 : 1)];
        if (!tensor.HasRows || !table.HasRows)
        {
            int axis = tensor.HasRows ? 1 : 0;
            return _graph.Node("Gather", [tensor, places], [.. tensor.Shape.Take(axis), .. table.Shape, .. part], GraphBuilder.Integer("axis", axis));
        }

        return _graph.Node("GatherND", [tensor, _graph.Reshape(places, [.. table.Shape, 1])], [.. table.Shape, .. part], GraphBuilder.Integer("batch_dims", 1));
    }
}
