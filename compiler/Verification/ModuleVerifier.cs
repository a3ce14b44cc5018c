using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Verification;

/// <summary>
/// Whether the parts of a bound module fit together: what each link takes is what the one before gives, operands have the shapes that their
/// operator needs, and every position lies inside its tensor. The nodes of the algebra do not check themselves.
/// </summary>
public static class ModuleVerifier
{
    /// <summary>The first fault, or null.</summary>
    public static string? Fault(Module module)
    {
        (string? fault, int width) = Fault(module.Links, module.Inputs, module.InputPorts);
        return fault ?? (width == module.Outputs ? null : $"the links give {width} instead of {module.Outputs} outputs")
            ?? Fault(module.InputPorts, module.Inputs) ?? Fault(module.OutputPorts, module.Outputs)
            ?? module.Penalties.Where(penalty => penalty.Value.Shape.Count > 0 || penalty.Value.IsPerRow() || !Fits(penalty.Value))
                .Select(penalty => $"the penalty {penalty.Name} is {Show(penalty.Value)}, no scalar of parameters").FirstOrDefault();
    }

    /// <summary>Whether ports, if there are any, are all of a row, one behind the other.</summary>
    private static string? Fault(EquatableArray<Port> ports, int width)
    {
        int end = ports.Aggregate(0, (end, port) => port.Offset == end && port.Shape.All(extent => extent > 0) ? end + port.Length : -1);
        return ports.Count == 0 || end == width ? null : $"the ports {string.Join(", ", ports)} are not the {width} elements of a row";
    }

    /// <param name="links">The links of the chain, first to last.</param>
    /// <param name="inputs">To how many elements.</param>
    /// <param name="given">The parts of these that hold positions, among others.</param>
    private static (string? Fault, int Width) Fault(IEnumerable<Link> links, int inputs, IReadOnlyList<Port> given)
    {
        int width = inputs;
        foreach (Link link in links)
        {
            switch (link)
            {
                case BranchLink branches:
                    (string? Fault, int Width)[] parts = [.. branches.Branches.Select(branch => Fault(branch, width, given))];
                    if (parts.Length == 0 || Array.Exists(parts, part => part.Fault is not null || part.Width != parts[0].Width))
                    {
                        return (parts.Select(part => part.Fault).FirstOrDefault(part => part is not null) ?? "branches of unequal widths", width);
                    }

                    width = parts[0].Width;
                    break;

                case LinearLink { Operator: var node }:
                    if (Fault(node) is { } fault)
                    {
                        return (fault, width);
                    }

                    if (node.Columns != width)
                    {
                        return ($"an operator of {node.Columns} columns is given {width} inputs", width);
                    }

                    width = node.Rows;
                    break;

                case BiasLink { Bias: var bias } when !bias.Shape.SequenceEqual([width]) || !Fits(bias) || bias.IsPerRow():
                    return ($"a bias {Show(bias)} for {width} elements", width);

                case ValueLink { Value: var value }:
                    if (!Fits(value, given) || Given(value).Any(input => input.Size != width))
                    {
                        return ($"a value {Show(value)} does not fit {width} inputs", width);
                    }

                    width = Length(value);
                    break;

                case ScanLink scan:
                    (string? Fault, int Width) step = Fault(scan.Step, scan.Given, []);
                    if (step.Fault is not null)
                    {
                        return step;
                    }

                    if (step.Width != scan.Gives || scan.Steps < 1 || width != (long)scan.Steps * scan.PartGiven
                        || !Fit(scan.State.Select(part => (part.Input, part.Length)), scan.Given) || !Fit(scan.State.Select(part => (part.Output, part.Length)), scan.Gives))
                    {
                        return ($"a scan of {scan.Steps} steps {scan.Given} -> {scan.Gives} that hands on {scan.Carried} is given {width} inputs", width);
                    }

                    width = checked(scan.Steps * scan.PartGives);
                    break;

                case FunctionLink { Length: var length } when length < 1 || width % length != 0:
                    return ($"a function of rows of {length} is given {width} inputs", width);

                case NonlinearLink function:
                    width = function.Outputs(width);
                    break;
            }

            // What a link makes is checked by nobody.
            given = [];
        }

        return (null, width);
    }

    /// <summary>Whether parts lie in a vector, apart from each other, and leave some of it.</summary>
    private static bool Fit(IEnumerable<(int Start, int Length)> parts, int length)
    {
        (long end, long sum) = (0, 0);
        foreach ((int start, int count) in parts.OrderBy(part => part.Start))
        {
            if (start < end || count < 1)
            {
                return false;
            }

            (end, sum) = ((long)start + count, sum + count);
        }

        return end <= length && sum < length;
    }

    /// <summary>The first fault in an operator, or null.</summary>
    public static string? Fault(Operator node)
    {
        Operator[] operands = [.. node.Operands()];
        if (operands.Select(Fault).FirstOrDefault(fault => fault is not null) is { } inner)
        {
            return inner;
        }

        bool fits = node switch
        {
            Matrix matrix => matrix.Tensor.Shape.Count == 2,
            Column column => column.Tensor.Shape.Count == 1,
            Diagonal diagonal => diagonal.Tensor.Shape.Count == 1,
            BlockDiagonal blocks => blocks.Tensor.Shape.Count == 3,
            Reflections reflections => reflections.Tensor.Shape.Count == 2,
            ScaledByTensor scaled => scaled.Factor.Shape.Count == 0,
            WalshHadamard transform => transform.Size > 0 && (transform.Size & (transform.Size - 1)) == 0,
            Fourier transform => transform.Size is > 0 and <= Fourier.MostLength,
            Permutation permutation => permutation.Table.OrderBy(position => position).Select((position, k) => position == k).All(fits => fits),
            Crop crop => crop.Start >= 0 && (long)crop.Start + crop.Length <= crop.Size,
            Pad pad => pad.Start >= 0 && (long)pad.Start + pad.Length <= pad.Size,
            Einsum einsum => einsum.Factors.All(Fits) && Fits(einsum.Input, einsum.Columns) && Fits(einsum.Output, einsum.Rows),
            Gather gather => gather.Size > 0 && (gather.Table is not ListTensor list || list.Elements.All(at => at >= 0 && at < gather.Size && Math.Floor(at) == at)),
            Product => operands.Length > 0 && operands.Zip(operands.Skip(1), (left, right) => left.Columns == right.Rows).All(same => same),
            Sum or Alternatives => operands.Length > 0 && operands.All(operand => (operand.Rows, operand.Columns) == (node.Rows, node.Columns)),
            HorizontalStack => operands.Length > 0 && operands.All(operand => operand.Rows == node.Rows),
            VerticalStack => operands.Length > 0 && operands.All(operand => operand.Columns == node.Columns),
            Kronecker or DirectSum => operands.Length > 0,
            _ => true,
        };
        return !fits || node.Rows < 1 || node.Columns < 1 ? $"{node.GetType().Name} does not fit: {AlgebraPrinter.Print(node)}"
            : node.Tensors().All(tensor => Fits(tensor) && !tensor.IsPerRow()) ? null
            : $"a tensor in {node.GetType().Name} does not fit: {AlgebraPrinter.Print(node)}";
    }

    private static bool Fits(TensorExpression tensor) => Fits(tensor, []);

    private static bool Fits(TensorExpression tensor, IReadOnlyList<Port> given) => tensor switch
    {
        SliceTensor slice => Fits(slice.Source, given)
            && slice.Axes.Count == slice.Source.Shape.Count
            && slice.Axes.Zip(slice.Source.Shape, Fits).All(fits => fits),
        EinsumTensor einsum => einsum.Factors.All(factor => Fits(factor, given)),
        FunctionTensor function => function.Arguments.All(argument => Fits(argument, given))
            && function.Arguments.Count == function.Function.Tensors.Count
            && function.Function.Check([.. function.Arguments.Select(argument => argument.Shape)], function.Numbers.FirstOrDefault()) is null,
        EntriesTensor entries => Fault(entries.Operator) is null && (!entries.IsDiagonal || entries.Operator.Rows == entries.Operator.Columns),
        GatherTensor gather => Fits(gather.Source, given) && Fits(gather, Length(gather.Source), Length(gather.Positions))
            && (gather.Positions.IsPerRow() ? Range(gather.Positions, given) is { } range && range.IsBelow(gather.Size) : !gather.Positions.IsTrained() && Fits(gather.Positions, given)),
        PositionTensor positions => Fits(positions, given),
        AppliedTensor applied => Fits(applied.Argument, given)
            && Fault(applied.Links, Length(applied.Argument), Given(applied.Argument, given)) is { Fault: null, Width: var width } && width == Length(applied),
        _ => tensor.Shape.All(extent => extent > 0),
    };

    /// <summary>Whether a gather finds its source, its positions and its result to be what it takes them for.</summary>
    private static bool Fits(GatherTensor gather, int source, int positions)
    {
        (long direct, long indirect) = gather.Transposed ? (source, Length(gather)) : (Length(gather), source);
        return gather is { Outer: >= 1, Inner: >= 1 } && direct == (long)gather.Outer * positions * gather.Inner && indirect == (long)gather.Outer * gather.Size * gather.Inner;
    }

    /// <summary>Whether a formula reads nothing but positions, inside of what holds them.</summary>
    private static bool Fits(PositionTensor positions, IReadOnlyList<Port> given) => positions.Sources.All(source => Range(source.Tensor, given) is { Least: >= 0 }
        && source.Indices.Count == source.Tensor.Shape.Count
        && source.Indices.Zip(source.Tensor.Shape, Fits).All(fits => fits)
        && source.Indices.SelectMany(axis => axis.Variables).All(positions.Axes.Contains));

    /// <summary>What a link inside a value is given: positions, where its argument is made of nothing else.</summary>
    private static IReadOnlyList<Port> Given(TensorExpression argument, IReadOnlyList<Port> given) =>
        Range(argument, given) is { Least: >= 0, Most: < int.MaxValue and var most } ? [new Port("", EquatableArray.Of(Length(argument)), 0, (int)most + 1)] : [];

    /// <summary>The range of the positions that a value holds; null where it may hold anything else.</summary>
    private static PositionRange? Range(TensorExpression tensor, IReadOnlyList<Port> given)
    {
        switch (tensor)
        {
            case InputTensor { Size: var size }:
                return Of(0, size - 1);

            case EinsumTensor { Terms: { Count: 1 } terms } einsum when terms[0] is { Coefficient: 1, Factors: { Count: 1 } factors } && factors[0].Tensor is InputTensor input:
                AffineIndex index = factors[0].Indices[0];
                return Fits(factors[0], given) && index.Variables.All(variable => einsum.Axes.Any(group => group.Contains(variable))) ? Of(Least(index), Most(index)) : null;

            case PositionTensor positions:
                return !Fits(positions, given) ? null : PositionRange.Of(positions.Formula, axis => axis < positions.Axes.Count
                    ? PositionRange.Below(positions.Axes[axis].Extent)
                    : Range(positions.Sources[axis - positions.Axes.Count].Tensor, given));

            default:
                return null;
        }

        PositionRange? Of(long least, long most) => given.FirstOrDefault(port => port.IsPositions && port.Offset <= least && most < (long)port.Offset + port.Length) is { } port
            ? PositionRange.Below(port.Size)
            : null;
    }

    /// <summary>Where a value is made of what its link is given; not what links inside it are given.</summary>
    private static IEnumerable<InputTensor> Given(TensorExpression value) => value switch
    {
        InputTensor input => [input],
        AppliedTensor applied => Given(applied.Argument),
        _ => value.Parts().SelectMany(Given),
    };

    private static int Length(TensorExpression tensor) => tensor.Shape.Aggregate(1, (product, extent) => checked(product * extent));

    private static bool Fits(IndexedTensor factor) => Fits(factor, []);

    private static bool Fits(IndexedTensor factor, IReadOnlyList<Port> given) => Fits(factor.Tensor, given)
        && factor.Indices.Count == factor.Tensor.Shape.Count
        && factor.Indices.Zip(factor.Tensor.Shape, Fits).All(fits => fits);

    private static bool Fits(SliceAxis axis, int extent) => axis switch
    {
        RangeAxis range => range is { Start: >= 0, Length: >= 1 } && (long)range.Start + range.Length <= extent,
        PointAxis point => Fits(point.Index, extent),
        _ => false,
    };

    /// <summary>Whether a position is inside an axis whatever its indices are.</summary>
    private static bool Fits(AffineIndex index, int extent) => Least(index) >= 0 && Most(index) < extent;

    private static long Least(AffineIndex index) => index.Offset + index.Terms.Sum(term => Math.Min(0L, (long)term.Coefficient * (term.Variable.Extent - 1)));

    private static long Most(AffineIndex index) => index.Offset + index.Terms.Sum(term => Math.Max(0L, (long)term.Coefficient * (term.Variable.Extent - 1)));

    private static string Show(TensorExpression tensor) => $"[{string.Join(", ", tensor.Shape)}]";
}
