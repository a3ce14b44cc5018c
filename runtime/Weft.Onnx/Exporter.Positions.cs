using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using static global::Onnx.TensorProto.Types;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Onnx;

/// <content>What is read and written at positions that are data, arithmetic on these, and scans.</content>
internal sealed partial class Exporter
{
    private void Gather(GatherStep step)
    {
        GatherShape shape = step.Shape;
        Value table = Positions(step.Table, shape.Count);
        Value source = Elements(step.A.Storage, step.A.Offset, step.Transposed ? shape.Direct : shape.Indirect);
        Dim[] rows = source.HasRows ? [Dim.Rows] : [];
        if (step.Transposed)
        {
            source = source.HasRows ? source : _layouts.ForRows(source, source.Shape);
            Scatter(step, table, _graph.Reshape(source, [Dim.Rows, shape.Outer, shape.Count, shape.Inner]));
            return;
        }

        source = _graph.Reshape(source, [.. rows, shape.Outer, shape.Size, shape.Inner]);
        Value value;
        if (table.HasRows && source.HasRows)
        {
            // Positions of each row in that row: [rows, size, outer, inner] at [rows, count].
            value = _graph.Node(
                "GatherND",
                [_graph.Transpose(source, [0, 2, 1, 3]), _graph.Reshape(table, [Dim.Rows, shape.Count, 1])],
                [Dim.Rows, shape.Count, shape.Outer, shape.Inner],
                GraphBuilder.Integer("batch_dims", 1));
            value = _graph.Transpose(value, [0, 2, 1, 3]);
        }
        else if (table.HasRows)
        {
            value = _graph.Node("Gather", [source, table], [shape.Outer, Dim.Rows, shape.Count, shape.Inner], GraphBuilder.Integer("axis", 1));
            value = _graph.Transpose(value, [1, 0, 2, 3]);
        }
        else
        {
            value = _graph.Node("Gather", [source, table], [.. rows, shape.Outer, shape.Count, shape.Inner], GraphBuilder.Integer("axis", rows.Length + 1));
            value = value.HasRows ? value : _layouts.ForRows(value, value.Shape);
        }

        Write(step.C.Storage, step.C.Offset, _layouts.Squeezed(Layouts.InOrder(value)), step.Accumulate);
    }

    /// <summary>Adds parts to those at positions: [rows, outer, count, inner] to [rows, outer, size, inner].</summary>
    private void Scatter(GatherStep step, Value table, Value source)
    {
        GatherShape shape = step.Shape;
        Dim length = shape.Outer * shape.Inner;
        Value parts = _graph.Reshape(_graph.Transpose(source, [0, 2, 1, 3]), [Dim.Rows, shape.Count, length]);
        Value places = _graph.Reshape(table, [.. table.HasRows ? [Dim.Rows] : Array.Empty<Dim>(), shape.Count, 1]);
        places = _graph.Node("Expand", [places, ShapeOf(parts)], parts.Shape);
        Value zeros = _graph.Reshape(_layouts.Zeros(shape.Size * length.Extent), [Dim.Rows, shape.Size, length]);
        Value sums = _graph.Node("ScatterElements", [zeros, places, parts], zeros.Shape, GraphBuilder.Integer("axis", 1), GraphBuilder.Text("reduction", "add"));
        Value value = _graph.Transpose(_graph.Reshape(sums, [Dim.Rows, shape.Size, shape.Outer, shape.Inner]), [0, 2, 1, 3]);
        Write(step.C.Storage, step.C.Offset, _layouts.Squeezed(Layouts.InOrder(value)), accumulate: true);
    }

    /// <summary>Consecutive positions as whole numbers, behind the rows where they differ from row to row.</summary>
    private Value Positions(Place table, int count)
    {
        if (!table.Storage.IsPerRow)
        {
            return _graph.Constant([.. _weights.Of(table.Storage).Skip(table.Offset).Take(count).Select(place => (long)place)]);
        }

        var each = new Index("i", count);
        Index[] order = [View.Rows, each];
        return _graph.Reshape(Positions(table.Storage, Long(Affine.Of(each) + table.Offset), [.. order.Where(IsLong)]), [Dim.Rows, count]);
    }

    private Value Positions(Storage storage, Affine position, IReadOnlyList<Index> order)
    {
        foreach ((int offset, Laid part) in _positions.TryGetValue(storage, out List<(int, Laid)>? parts) ? parts : [])
        {
            if (offset <= position.Minimum && position.Maximum < offset + part.Length)
            {
                return _layouts.Read(part, position + -offset, order);
            }
        }

        return Cast(Read(storage, position, order), DataType.Int64);
    }

    /// <summary>Arithmetic on positions, in double precision, which is exact as far as formulas are.</summary>
    private void Add(PositionStep step)
    {
        Index[] axes = [.. step.Extents.Select((extent, k) => new Index($"i{k}", extent))];
        Value[] sources = [.. step.Sources.Select(Source)];
        Value result = Evaluate(step.Formula);
        Dim[] shape = [.. step.Extents.Select(extent => (Dim)extent)];
        Value places = Cast(_layouts.ForRows(result, shape), DataType.Int64);
        _positions[step.C.Storage] = [(0, _layouts.Squeezed(Layouts.InOrder(places)))];
        Set(step.C.Storage, Layouts.InOrder(Cast(places, DataType.Float)));

        Value Source((Place Place, IReadOnlyList<int> Strides) source)
        {
            Index[] own = [.. axes.Where((axis, k) => axis.Extent > 1 && source.Strides[k] != 0)];
            var position = new Affine(source.Place.Offset, [.. own.Select(axis => (axis, source.Strides[Array.IndexOf(axes, axis)]))]);
            Storage storage = source.Place.Storage;
            Value value = storage.IsPerRow ? Positions(storage, position, [View.Rows, .. own]) : Read(storage, position, [View.Rows, .. own]);
            return Cast(_graph.Reshape(value, [value.Shape[0], .. axes.Select(axis => own.Contains(axis) ? axis.Extent : 1)]), DataType.Double);
        }

        Value Evaluate(Formula formula) => formula switch
        {
            FormulaNumber { Number: var number } => _graph.Double(number),
            FormulaIndex { Axis: var axis } => axis < axes.Length ? Counted(axis) : sources[axis - axes.Length],
            FormulaOperation operation => Operate(operation.Operator.Symbol, [.. operation.Operands.Select(Evaluate)]),
            _ => throw new InvalidOperationException(formula.GetType().Name),
        };

        Value Counted(int axis)
        {
            long[] count = [.. Enumerable.Range(0, axes[axis].Extent).Select(i => (long)i)];
            return Cast(_graph.Constant(count, [.. axes.Select((other, k) => (Dim)(k == axis ? other.Extent : 1))]), DataType.Double);
        }
    }

    private Value Operate(string symbol, Value[] a)
    {
        return symbol switch
        {
            "+" => Binary("Add", a[0], a[1]),
            "-" => Binary("Sub", a[0], a[1]),
            "*" or "and" => Binary("Mul", a[0], a[1]),
            "/" => Binary("Div", a[0], a[1]),
            "%" => Binary("Sub", a[0], Binary("Mul", a[1], Unary("Floor", Binary("Div", a[0], a[1])))),
            "^" => Binary("Pow", a[0], a[1]),
            "hash" => Hash(a[0], a[1]),
            "==" => Holds("Equal"),
            "!=" => Binary("Sub", _graph.Double(1), Holds("Equal")),
            "<" => Holds("Less"),
            "<=" => Holds("LessOrEqual"),
            ">" => Holds("Greater"),
            ">=" => Holds("GreaterOrEqual"),
            "or" or "max" => Binary("Max", a[0], a[1]),
            "min" => Binary("Min", a[0], a[1]),
            "if" => Where(Cast(a[0], DataType.Bool), a[1], a[2]),
            "not" => Binary("Sub", _graph.Double(1), a[0]),
            "sqrt" => Unary("Sqrt", a[0]),
            "abs" => Unary("Abs", a[0]),
            "floor" => Unary("Floor", a[0]),
            "exp" => Unary("Exp", a[0]),
            "log" => Unary("Log", a[0]),
            "sin" => Unary("Sin", a[0]),
            "cos" => Unary("Cos", a[0]),
            _ => throw new InvalidOperationException(symbol),
        };

        Value Holds(string operation) => Cast(Binary(operation, a[0], a[1]), DataType.Double);
    }

    /// <summary>
    /// The language's hash: the upper 32 bits of SplitMix64's output (Steele, Lea and Flood 2014) for the state <c>a + (b + 1)·0x9E3779B97F4A7C15</c> modulo
    /// 2⁶⁴. Products are of numbers with a sign, for which more runtimes have them: their bits are the same.
    /// </summary>
    private Value Hash(Value a, Value b)
    {
        Value state = Binary("Add", Whole(a), Binary("Mul", Binary("Add", Whole(b), Signed(1)), Signed(0x9E3779B97F4A7C15)));
        state = Binary("Mul", Mixed(state, 30), Signed(0xBF58476D1CE4E5B9));
        state = Binary("Mul", Mixed(state, 27), Signed(0x94D049BB133111EB));
        Value bits = Cast(Mixed(state, 31), DataType.Uint64);
        return Cast(Cast(Shifted(bits, 32), DataType.Int64), DataType.Double);

        Value Whole(Value number) => Cast(
            Unary("Floor", Binary("Max", _graph.Double(-PositionRange.Exact), Binary("Min", number, _graph.Double(PositionRange.Exact)))), DataType.Int64);

        Value Signed(ulong number) => _graph.Constant([unchecked((long)number)], []);

        Value Mixed(Value number, ulong by)
        {
            Value bits = Cast(number, DataType.Uint64);
            return Cast(Binary("BitwiseXor", bits, Shifted(bits, by)), DataType.Int64);
        }

        Value Shifted(Value bits, ulong by) =>
            _graph.Node("BitShift", [bits, _graph.Unsigned(by)], bits.Shape, GraphBuilder.Text("direction", "RIGHT"));
    }

    /// <summary>A scan as one of ONNX, over parts of the sources and of the target: the state goes from step to step.</summary>
    private void Scan(ScanStep scan)
    {
        (GraphBuilder outer, Layouts layouts) = (_graph, _layouts);
        var step = new Index("step", scan.Steps);
        Storage[] states = [.. scan.Given.Concat(scan.Gives).Select(part => part.Window!.Of).Where(storage => storage.IsState).Distinct()];
        Storage[] given = [.. scan.Given.Where(part => !part.Window!.Of.IsState)], gives = [.. scan.Gives.Where(part => !part.Window!.Of.IsState)];
        List<Value> inputs = [.. states.Select(state => layouts.Zeros(StrideOf(state))), .. given.Select(Steps)];

        var body = new GraphBuilder(outer);
        (_graph, _layouts) = (body, new Layouts(body, layouts.RowsOfBatch));
        foreach (Storage state in states)
        {
            Value before = body.Input(body.NewInnerName("state"), DataType.Float, [Dim.Rows, StrideOf(state)]);
            foreach (Storage part in scan.Given.Where(part => part.Window!.Of == state))
            {
                Set(part, Layouts.InOrder(body.Slice(before, 1, part.Window!.Offset, part.Length)));
            }
        }

        foreach (Storage part in given)
        {
            Set(part, Layouts.InOrder(body.Input(body.NewInnerName("part"), DataType.Float, [Dim.Rows, part.Length])));
        }

        bool isGiven = given.Length > 0;
        if (!isGiven)
        {
            // What tells how many steps there are is an input.
            inputs.Add(outer.Constant(new double[scan.Steps], [scan.Steps]));
            body.Input(body.NewInnerName("step"), DataType.Float);
        }

        foreach (Operation operation in scan.Body)
        {
            Add(operation);
        }

        foreach (Storage state in states)
        {
            var next = new Content(StrideOf(state));
            next.Parts.AddRange(scan.Gives.Where(part => part.Window!.Of == state).Select(part => (part.Window!.Offset - next.Length, Whole(ContentOf(part)))));
            body.Output(_layouts.Flat(Whole(next)).Value, body.NewInnerName("next"), DataType.Float);
        }

        foreach (Storage part in gives)
        {
            body.Output(Elements(part, 0, part.Length), body.NewInnerName("result"), DataType.Float);
        }

        (_graph, _layouts) = (outer, layouts);
        outer.Purpose = $"a scan of {scan.Steps} steps";
        Value[] results = outer.Nodes(
            "Scan",
            inputs,
            [.. states.Select(state => (IReadOnlyList<Dim>)[Dim.Rows, StrideOf(state)]), .. gives.Select(part => (IReadOnlyList<Dim>)[Dim.Rows, scan.Steps, part.Length])],
            GraphBuilder.Graph("body", body.Finish("step")),
            GraphBuilder.Integer("num_scan_inputs", isGiven ? given.Length : 1),
            GraphBuilder.Integers("scan_input_axes", isGiven ? given.Select(_ => 1) : [0]),
            GraphBuilder.Integers("scan_output_axes", gives.Select(_ => 1)));
        foreach ((Storage part, Value value) in gives.Zip(results.Skip(states.Length)))
        {
            var each = new Index("i", part.Length);
            Index[] order = [View.Rows, step, each];
            Affine position = Long(PositionOf(part, each));
            order = [.. order.Where(IsLong)];
            Value squeezed = outer.Reshape(value, [.. order.Select(index => index == View.Rows ? Dim.Rows : (Dim)index.Extent)]);
            Laid laid = layouts.Dense(squeezed, order, position) ?? layouts.Scattered(squeezed, order, position);
            Write(part.Window!.Of, position.Minimum, laid, accumulate: true);
        }

        Affine PositionOf(Storage part, Index each) => new Affine(part.Window!.Offset, [(step, part.Window.Strides[0])]) + Affine.Of(each);

        int StrideOf(Storage state) => scan.Given.Concat(scan.Gives).First(part => part.Window!.Of == state).Window!.Strides[0];

        Value Steps(Storage part)
        {
            var each = new Index("i", part.Length);
            Index[] order = [View.Rows, step, each];
            Value value = Read(part.Window!.Of, Long(PositionOf(part, each)), [.. order.Where(IsLong)]);
            return outer.Reshape(value, [Dim.Rows, scan.Steps, part.Length]);
        }
    }
}
