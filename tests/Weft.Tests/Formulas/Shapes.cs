using Weft.Compiler.Algebra;

namespace Weft.Tests.Formulas;

/// <summary>Whether the shapes in a module fit together, which the algebra's nodes do not check themselves.</summary>
internal static class Shapes
{
    /// <summary>The first fault, or null.</summary>
    public static string? Fault(Module module)
    {
        (string? fault, int width) = Fault(module.Links, module.Inputs);
        return fault ?? (width == module.Outputs ? null : $"{width} instead of {module.Outputs} outputs");
    }

    /// <summary>How long the vector is that links make of one of a length.</summary>
    public static int Width(IEnumerable<Link> links, int inputs) => links.Aggregate(inputs, (width, link) => link switch
    {
        LinearLink linear => linear.Operator.Rows,
        BranchLink branches => Width(branches.Branches[0], width),
        _ => width,
    });

    private static (string? Fault, int Width) Fault(IEnumerable<Link> links, int inputs)
    {
        int width = inputs;
        foreach (Link link in links)
        {
            switch (link)
            {
                case BranchLink branches:
                    (string? Fault, int Width)[] parts = [.. branches.Branches.Select(branch => Fault(branch, width))];
                    if (parts.Any(part => part.Fault is not null || part.Width != parts[0].Width))
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
                        return ($"{node.Columns} columns for {width} inputs", width);
                    }

                    width = node.Rows;
                    break;

                case BiasLink { Bias.Shape: var shape } when !shape.SequenceEqual([width]):
                    return ($"a bias of another length than {width}", width);
            }
        }

        return (null, width);
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
            Crop crop => crop.Start + crop.Length <= crop.Size,
            Pad pad => pad.Start + pad.Length <= pad.Size,
            Einsum einsum => einsum.Factors.All(Fits),
            Product => operands.Length > 0 && operands.Zip(operands.Skip(1), (left, right) => left.Columns == right.Rows).All(same => same),
            Sum => operands.Length > 0 && operands.All(operand => (operand.Rows, operand.Columns) == (node.Rows, node.Columns)),
            HorizontalStack => operands.Length > 0 && operands.All(operand => operand.Rows == node.Rows),
            VerticalStack => operands.Length > 0 && operands.All(operand => operand.Columns == node.Columns),
            Kronecker or DirectSum => operands.Length > 0,
            _ => true,
        };
        return !fits ? $"{node.GetType().Name} does not fit: {node}"
            : node.Tensors().All(Fits) ? null
            : $"a tensor in {node.GetType().Name} does not fit: {node}";
    }

    private static bool Fits(TensorExpression tensor) => tensor switch
    {
        SliceTensor slice => Fits(slice.Source)
            && slice.Axes.Count == slice.Source.Shape.Count
            && slice.Axes.Zip(slice.Source.Shape, Fits).All(fits => fits),
        EinsumTensor einsum => einsum.Factors.All(Fits),
        FunctionTensor function => function.Arguments.All(Fits)
            && function.Arguments.Count == function.Function.Tensors.Count
            && function.Function.Check([.. function.Arguments.Select(argument => argument.Shape)], function.Numbers.FirstOrDefault()) is null,
        _ => true,
    };

    private static bool Fits(SliceAxis axis, int extent) => axis switch
    {
        RangeAxis range => range.Start >= 0 && range.Start + range.Length <= extent,
        PointAxis point => point.Index.Offset
            + point.Index.Terms.Sum(term => term.Coefficient * (term.Variable.Extent - 1)) < extent,
        _ => false,
    };

    private static bool Fits(IndexedTensor factor) => Fits(factor.Tensor)
        && factor.Indices.Count == factor.Tensor.Shape.Count
        && factor.Indices.Zip(factor.Tensor.Shape, (index, extent) => Fits(new PointAxis(index), extent)).All(fits => fits);
}
