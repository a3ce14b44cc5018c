using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Onnx;

/// <content>Sums of products: one product of matrices each, or one elementwise product, between transposes that only change what lies how.</content>
internal sealed partial class Exporter
{
    /// <summary>
    /// So many elements behind those that are summed over make a product with the weight at its left as fast as one of rows, without moving them (measured
    /// in ONNX Runtime 1.31 with AVX-512).
    /// </summary>
    private const int LeastBehind = 16;

    private void Contract(ContractStep step)
    {
        Contraction contraction = step.Contraction;
        View target = contraction.Target;
        Index[] kept = [.. InOrder(target.Position).Where(IsLong)];
        (Value value, List<Index> order) = contraction.Right is { } right
            ? Product(contraction.Left, right, kept)
            : Reduced(contraction.Left, [.. kept.Where(contraction.Left.Has)], []);
        value = contraction.Coefficient == 1 ? value : _graph.Node("Mul", [value, _graph.Constant(contraction.Coefficient)], value.Shape);

        // What no factor has, the result is the same along.
        Index[] missing = [.. kept.Where(index => index != View.Rows && !order.Contains(index))];
        if (missing.Length > 0)
        {
            Dim[] shape = [.. value.Shape, .. missing.Select(index => (Dim)index.Extent)];
            long[] extents = [.. value.Shape.Select(_ => 1L), .. missing.Select(index => (long)index.Extent)];
            value = _graph.Node("Expand", [_graph.Reshape(value, [.. value.Shape, .. missing.Select(_ => (Dim)1)]), _graph.Constant(extents)], shape);
            order.AddRange(missing);
        }

        Affine position = Long(target.Position);
        Laid laid = _layouts.Dense(value, order, position) ?? _layouts.Scattered(value, order, position);
        if (target.Storage.IsPerRow && !laid.HasRows && !(step.Accumulates && ContentOf(target.Storage).Parts.Exists(part => part.Offset == position.Minimum && part.Part.Length == laid.Length)))
        {
            laid = Layouts.InOrder(_layouts.ForRows(_layouts.Flat(laid).Value, laid.Length));
        }

        Write(target.Storage, position.Minimum, laid, step.Accumulates);
    }

    /// <summary>The rows, then indices by their strides, the largest first.</summary>
    private static IEnumerable<Index> InOrder(Affine position) =>
        position.Terms.OrderByDescending(term => term.Index == View.Rows ? int.MaxValue : Math.Abs(term.Stride)).Select(term => term.Index);

    /// <summary>An operand with its axes in an order, summed over those that nothing else has.</summary>
    private (Value Value, List<Index> Order) Reduced(View view, IReadOnlyList<Index> kept, IReadOnlyList<Index> shared)
    {
        List<Index> order = [.. kept, .. shared];
        Index[] own = [.. InOrder(view.Position).Where(IsLong).Except(order)];
        Value value = Read(view.Storage, Long(view.Position), [.. order, .. own]);
        if (own.Length > 0)
        {
            value = _graph.Node(
                "ReduceSum",
                [value, _graph.Constant([.. Enumerable.Range(order.Count, own.Length).Select(axis => (long)axis)])],
                [.. value.Shape.Take(order.Count)],
                GraphBuilder.Integer("keepdims", 0));
        }

        return (value, order);
    }

    private (Value Value, List<Index> Order) Product(View left, View right, Index[] kept)
    {
        // What differs from row to row stands left.
        if (!left.Has(View.Rows) && right.Has(View.Rows))
        {
            (left, right) = (right, left);
        }

        HashSet<Index> ofLeft = [.. left.Position.Indices], ofRight = [.. right.Position.Indices];
        Index[] summed = [.. InOrder(left.Position).Where(index => IsLong(index) && ofRight.Contains(index) && !kept.Contains(index))];
        if (summed.Length == 0)
        {
            // Elementwise, or an outer product.
            (Value a, List<Index> first) = Reduced(left, [.. kept.Where(ofLeft.Contains)], []);
            (Value b, List<Index> second) = Reduced(right, [.. kept.Where(ofRight.Contains)], []);
            List<Index> all = [.. kept.Where(index => ofLeft.Contains(index) || ofRight.Contains(index))];
            Dim[] shape = [.. all.Select(index => index == View.Rows ? Dim.Rows : (Dim)index.Extent)];
            return (_graph.Node("Mul", [Between(a, first), Between(b, second)], shape), all);

            Value Between(Value value, List<Index> own) => _graph.Reshape(value, [.. all.Select(index => own.Contains(index) ? value.Shape[own.IndexOf(index)] : 1)]);
        }

        Index[] lying = [.. Lying(left)];
        summed = [.. lying.Where(summed.Contains)];
        Index[] batch = [.. lying.Where(index => kept.Contains(index) && ofRight.Contains(index))];
        Index[] rows = [.. lying.Where(index => kept.Contains(index) && !ofRight.Contains(index))];
        Index[] columns = [.. InOrder(right.Position).Where(index => kept.Contains(index) && !ofLeft.Contains(index))];
        Index[] behind = [.. rows.Where(index => Array.IndexOf(lying, index) > Array.IndexOf(lying, summed[^1]))], before = [.. rows.Except(behind)];
        if (behind.Length > 0 && Total(behind).Extent >= LeastBehind && lying.SequenceEqual([.. before, .. batch, .. summed, .. behind]))
        {
            // The weight stands left: nothing has to be moved.
            (Value matrix, List<Index> _) = Reduced(right, [.. batch, .. columns], summed);
            (Value tensor, List<Index> _) = Reduced(left, [.. before, .. batch], [.. summed, .. behind]);
            Dim[] stack = [Total(before), .. Dims(batch)];
            Value result = _graph.Node(
                "MatMul",
                [_graph.Reshape(matrix, [.. Dims(batch), Total(columns), Total(summed)]), _graph.Reshape(tensor, [.. stack, Total(summed), Total(behind)])],
                [.. stack, Total(columns), Total(behind)]);
            return (_graph.Reshape(result, [.. tensor.Shape.Take(before.Length), .. Dims(batch), .. Dims(columns), .. Dims(behind)]), [.. before, .. batch, .. columns, .. behind]);
        }

        (Value x, List<Index> _) = Reduced(left, [.. batch, .. rows], summed);
        (Value w, List<Index> _) = Reduced(right, [.. batch, .. summed], columns);
        (Dim m, Dim k, Dim n) = (Total(rows), Total(summed), Total(columns));
        Value product = _graph.Node("MatMul", [_graph.Reshape(x, [.. Dims(batch), m, k]), _graph.Reshape(w, [.. Dims(batch), k, n])], [.. Dims(batch), m, n]);
        return (_graph.Reshape(product, [.. Dims(batch), .. Dims(rows), .. Dims(columns)]), [.. batch, .. rows, .. columns]);

        static IEnumerable<Dim> Dims(IEnumerable<Index> indices) => indices.Select(index => index == View.Rows ? Dim.Rows : (Dim)index.Extent);

        static Dim Total(IEnumerable<Index> indices) => Dims(indices).Aggregate(new Dim(1), (total, dim) => total * dim);
    }

    /// <summary>The transform by digits: a matrix of up to 16 × 16 for each of the factors of its size.</summary>
    private void Transform(WalshHadamardStep step)
    {
        const int Most = 16;
        Storage source = step.A.Storage;
        int size = source.Length / step.Outer;
        Value value = Elements(source, 0, source.Length);
        for (int inner = 1; inner < size;)
        {
            int digit = Math.Min(Most, size / inner);
            double[] signs = [.. Enumerable.Range(0, digit * digit).Select(place => int.IsEvenInteger(int.PopCount(place / digit & place % digit)) ? 1.0 : -1.0)];
            Value matrix = _graph.Constant(signs, [digit, digit]);
            Dim before = Dim.Rows * (source.Length / (inner * digit));
            value = inner == 1
                ? _graph.Node("MatMul", [_graph.Reshape(value, [before, digit]), matrix], [before, digit])
                : _graph.Node("MatMul", [matrix, _graph.Reshape(value, [before, digit, inner])], [before, digit, inner]);
            inner *= digit;
        }

        Set(step.C.Storage, Layouts.InOrder(_graph.Reshape(value, [Dim.Rows, source.Length])));
    }
}
