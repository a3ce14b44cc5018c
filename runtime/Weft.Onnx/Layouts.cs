using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Onnx;

/// <summary>Tensors of a graph by affine positions: read with one axis for each index, written where a program says.</summary>
/// <param name="graph">Where the nodes go.</param>
/// <param name="rows">The rows of the batch as a shape of one axis, in whole numbers.</param>
internal sealed class Layouts(GraphBuilder graph, Value rows)
{
    private static readonly Index Rows = Compiler.Operations.View.Rows;

    /// <summary>The rows of the batch as a shape of one axis.</summary>
    public Value RowsOfBatch => rows;

    /// <summary>A digit of a position: of an index, or of none, where one position of it is taken.</summary>
    private readonly record struct Digit(Index? Index, int Stride, int Radix, int Start)
    {
        public int Extent => Index?.Extent ?? 1;
    }

    /// <summary>A tensor whose axes are in the order of a row's elements, the rows of the batch before them.</summary>
    public static Laid InOrder(Value value)
    {
        var axes = new Axis[value.Rank];
        int stride = 1;
        for (int k = value.Rank - 1; k >= 0; k--)
        {
            axes[k] = value.Shape[k].IsRows ? Axis.Rows : new Axis(value.Shape[k].Extent, stride);
            stride *= axes[k].Extent;
        }

        return new Laid(value, axes);
    }

    /// <summary>The same elements without axes of extent 1, but for the rows'.</summary>
    public Laid Squeezed(Laid laid)
    {
        Axis[] axes = [.. laid.Axes.Where(axis => axis.IsRows || axis.Extent > 1)];
        return axes.Length == laid.Axes.Count ? laid : new Laid(graph.Reshape(laid.Value, [.. axes.Select(axis => axis.Dim)]), axes);
    }

    /// <summary>One axis for the elements of a row, behind the rows.</summary>
    public Laid Flat(Laid laid)
    {
        int length = laid.Length;
        Axis[] axes = laid.HasRows ? [Axis.Rows, new Axis(length, 1)] : [new Axis(length, 1)];
        int[] order = [.. Enumerable.Range(0, laid.Axes.Count).OrderByDescending(k => laid.Axes[k].IsRows).ThenByDescending(k => laid.Axes[k].Stride)];
        return new Laid(graph.Reshape(graph.Transpose(laid.Value, order), [.. axes.Select(axis => axis.Dim)]), axes);
    }

    /// <summary>The elements at a position, with one axis for each index, in an order that may name the rows.</summary>
    /// <param name="laid">What is read.</param>
    /// <param name="position">Where, for indices of extent 2 or more.</param>
    /// <param name="order">The indices of the position; and the rows, whether the tensor has them or is the same for all.</param>
    public Value Read(Laid laid, Affine position, IReadOnlyList<Index> order)
    {
        Dim[] shape = [.. order.Select(index => index == Rows ? laid.HasRows ? Dim.Rows : 1 : (Dim)index.Extent)];
        int length = laid.Length;
        if (Digits(position, length) is { } digits)
        {
            return Read(laid, digits, order, shape);
        }

        // The part of it that the position runs over may have digits where the whole has none.
        int start = position.Minimum, reach = position.Terms.Count == 0 ? 1 : position.Terms.Max(term => Math.Abs(term.Stride) * term.Index.Extent);
        if (start + reach <= length && Digits(position + -start, reach) is { } fewer)
        {
            Laid flat = Flat(laid);
            Axis[] axes = [.. flat.Axes.SkipLast(1), new Axis(reach, 1)];
            return Read(new Laid(graph.Slice(flat.Value, flat.Axes.Count - 1, start, reach), axes), fewer, order, shape);
        }

        Laid elements = Flat(laid);
        Index[] indices = [.. order.Where(index => index != Rows)];
        Value places = graph.Constant(Places(position, indices), [.. indices.Select(index => (Dim)index.Extent)]);
        Dim[] gathered = [.. elements.HasRows ? [Dim.Rows] : Array.Empty<Dim>(), .. places.Shape];
        Value value = graph.Node("Gather", [elements.Value, places], gathered, GraphBuilder.Integer("axis", elements.HasRows ? 1 : 0));
        int at = order.ToList().IndexOf(Rows);
        return !elements.HasRows || at <= 0
            ? graph.Reshape(value, shape)
            : graph.Transpose(value, [.. Enumerable.Range(1, at), 0, .. Enumerable.Range(at + 1, indices.Length - at)]);
    }

    /// <summary>A tensor with these axes as what it is written to has them; null where no place is written to once, one after the other.</summary>
    /// <param name="value">The tensor.</param>
    /// <param name="order">The indices of its axes, and perhaps the rows.</param>
    /// <param name="position">Where its elements go, for indices of extent 2 or more.</param>
    public Laid? Dense(Value value, IReadOnlyList<Index> order, Affine position)
    {
        int stride = 1;
        foreach ((Index index, int own) in position.Terms.OrderBy(term => term.Stride))
        {
            if (own != stride)
            {
                return null;
            }

            stride *= index.Extent;
        }

        return Squeezed(new Laid(value, [.. order.Select(index => index == Rows ? value.HasRows ? Axis.Rows : new Axis(1, stride) : new Axis(index.Extent, position.StrideOf(index)))]));
    }

    /// <summary>Elements that go to places with gaps between them, or to one place more than once: those from the first to the last place, in order.</summary>
    public Laid Scattered(Value value, IReadOnlyList<Index> order, Affine position)
    {
        int first = position.Minimum, length = position.Maximum - first + 1;
        Index[] indices = [.. order.Where(index => index != Rows)];
        bool hasRows = value.HasRows;
        int at = order.ToList().IndexOf(Rows);
        Value elements = at <= 0 ? value : graph.Transpose(value, [at, .. Enumerable.Range(0, order.Count).Where(k => k != at)]);
        long[] places = Places(position + -first, indices);
        elements = graph.Reshape(elements, hasRows ? [Dim.Rows, places.Length] : [places.Length]);
        int axis = hasRows ? 1 : 0;
        Dim[] shape = hasRows ? [Dim.Rows, length] : [length];
        long[] from = new long[length];
        Array.Fill(from, places.Length);
        for (int k = 0; k < places.Length; k++)
        {
            from[places[k]] = from[places[k]] == places.Length ? k : -1;
        }

        if (!from.Contains(-1))
        {
            if (from.Contains(places.Length))
            {
                elements = Padded(elements, axis, 0, 1);
            }

            return InOrder(graph.Node("Gather", [elements, graph.Constant(from)], shape, GraphBuilder.Integer("axis", axis)));
        }

        Value target = graph.Constant(places), zeros = hasRows ? Zeros(length) : graph.Constant(new double[length], [length]);
        target = hasRows ? graph.Node("Expand", [target, Joined(rows, graph.Constant([(long)places.Length]))], elements.Shape) : target;
        return InOrder(graph.Node(
            "ScatterElements", [zeros, target, elements], shape, GraphBuilder.Integer("axis", axis), GraphBuilder.Text("reduction", "add")));
    }

    /// <summary>The sum of two tensors of as many elements of a row.</summary>
    public Laid Sum(Laid left, Laid right)
    {
        (Laid a, Laid b) = Split(left, right.Axes.Select(axis => axis.Stride)) is { } first && Split(right, left.Axes.Select(axis => axis.Stride)) is { } second
            ? (first, second)
            : (Flat(left), Flat(right));
        if (!a.HasRows && b.HasRows)
        {
            (a, b) = (b, a);
        }

        int[] order = [.. a.Axes.Where(axis => !axis.IsRows || b.HasRows).Select(axis => b.Axes.ToList().IndexOf(axis))];
        Value other = graph.Transpose(b.Value, order);
        other = a.HasRows && !b.HasRows ? graph.Reshape(other, [.. a.Axes.Select(axis => axis.IsRows ? 1 : axis.Dim)]) : other;
        return new Laid(graph.Node("Add", [a.Value, other], a.Value.Shape), a.Axes);
    }

    /// <summary>Zeros before and behind along an axis.</summary>
    public Value Padded(Value value, int axis, int before, int behind)
    {
        if (before == 0 && behind == 0)
        {
            return value;
        }

        Dim[] shape = [.. value.Shape];
        shape[axis] = shape[axis].Extent + before + behind;
        return graph.Node("Pad", [value, graph.Constant([before, behind]), graph.Constant(0.0), graph.Constant([(long)axis])], shape);
    }

    /// <summary>Zeros for each row.</summary>
    public Value Zeros(int length) => ForRows(graph.Constant(0.0), length);

    /// <summary>The same for each row: what broadcasts to a shape behind the rows.</summary>
    public Value ForRows(Value value, params IReadOnlyList<Dim> shape) =>
        graph.Node("Expand", [value, Joined(rows, graph.Constant([.. shape.Select(dim => (long)dim.Extent)]))], [Dim.Rows, .. shape]);

    private Value Joined(Value first, Value second) =>
        graph.Node("Concat", [first, second], [first.Shape[0].Extent + second.Shape[0].Extent], GraphBuilder.Integer("axis", 0));

    private Value Read(Laid laid, List<Digit> digits, IReadOnlyList<Index> order, Dim[] shape)
    {
        int[] strides = [.. digits.Select(digit => digit.Stride)];
        Laid split = Split(laid, strides) ?? Split(Flat(laid), strides)!;
        Digit[] wanted = [.. order.Where(index => index != Rows).Select(index => digits.Find(digit => digit.Index == index)), .. digits.Where(digit => digit.Index is null)];
        var axes = new List<int>();
        foreach (Index index in order)
        {
            axes.AddRange(index == Rows ? Enumerable.Range(0, split.Axes.Count).Where(k => split.Axes[k].IsRows) : Of(digits.Find(digit => digit.Index == index)));
        }

        axes.AddRange(digits.Where(digit => digit.Index is null).SelectMany(Of));
        Value value = graph.Transpose(split.Value, axes);

        // Whole digits, of which then parts are taken.
        int at = 0;
        Dim[] whole = [.. order.Select(index => index == Rows ? laid.HasRows ? Dim.Rows : 1 : (Dim)wanted[at++].Radix), .. wanted.Skip(at).Select(digit => (Dim)digit.Radix)];
        if (wanted.Any(digit => digit.Extent < digit.Radix))
        {
            value = graph.Reshape(value, whole);
            at = 0;
            for (int axis = 0; axis < whole.Length; axis++)
            {
                if (axis >= order.Count || order[axis] != Rows)
                {
                    value = graph.Slice(value, axis, wanted[at].Start, wanted[at].Extent);
                    at++;
                }
            }
        }

        return graph.Reshape(value, shape);

        IEnumerable<int> Of(Digit digit) => Enumerable.Range(0, split.Axes.Count)
            .Where(k => !split.Axes[k].IsRows && split.Axes[k].Stride >= digit.Stride && split.Axes[k].Stride < (long)digit.Stride * digit.Radix)
            .OrderByDescending(k => split.Axes[k].Stride);
    }

    /// <summary>The digits of a position among so many elements, the one of the largest stride first; null where they are none.</summary>
    private static List<Digit>? Digits(Affine position, int length)
    {
        var digits = new List<Digit>();
        int above = length;
        foreach ((Index index, int stride) in position.Terms.OrderByDescending(term => term.Stride))
        {
            if (stride <= 0 || above % stride != 0)
            {
                return null;
            }

            (int radix, int start) = (above / stride, position.Offset % above / stride);
            if (start + index.Extent > radix)
            {
                return null;
            }

            digits.Add(new Digit(index, stride, radix, start));
            above = stride;
        }

        if (above > 1)
        {
            digits.Add(new Digit(null, 1, above, position.Offset % above));
        }

        return position.Offset < 0 || position.Maximum >= length ? null : digits;
    }

    /// <summary>The axes in parts, so that each of these strides is one of them if it is within a row; null where they do not divide.</summary>
    private Laid? Split(Laid laid, IEnumerable<int> strides)
    {
        var axes = new List<Axis>();
        int[] all = [.. strides.OrderDescending()];
        foreach (Axis axis in laid.Axes)
        {
            int above = axis.Extent * axis.Stride;
            foreach (int stride in all.Where(stride => !axis.IsRows && stride > axis.Stride && stride < axis.Stride * axis.Extent).Distinct())
            {
                if (stride % axis.Stride != 0 || above % stride != 0)
                {
                    return null;
                }

                axes.Add(new Axis(above / stride, stride));
                above = stride;
            }

            axes.Add(axis.IsRows ? axis : new Axis(above / axis.Stride, axis.Stride));
        }

        return new Laid(graph.Reshape(laid.Value, [.. axes.Select(axis => axis.Dim)]), axes);
    }

    /// <summary>Where each assignment of indices leads, the last one varying fastest.</summary>
    private static long[] Places(Affine position, IReadOnlyList<Index> indices)
    {
        long[] places = [position.Offset];
        foreach (Index index in indices)
        {
            int stride = position.StrideOf(index);
            places = [.. places.SelectMany(place => Enumerable.Range(0, index.Extent).Select(i => place + ((long)i * stride)))];
        }

        return places;
    }
}
