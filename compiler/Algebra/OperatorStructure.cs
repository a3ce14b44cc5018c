using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>The recursive structure of operators and tensors, in one place for every pass that walks them.</summary>
public static class OperatorStructure
{
    /// <summary>The operators directly inside.</summary>
    public static IEnumerable<Operator> Operands(this Operator op) => op switch
    {
        Scaled scaled => [scaled.Operand],
        ScaledByTensor scaled => [scaled.Operand],
        Transpose transpose => [transpose.Operand],
        Indexed indexed => [indexed.Body],
        Product product => product.Operands,
        Sum sum => sum.Operands,
        Kronecker kronecker => kronecker.Operands,
        DirectSum direct => direct.Operands,
        HorizontalStack stack => stack.Operands,
        VerticalStack stack => stack.Operands,
        Alternatives alternatives => alternatives.Operands,
        _ => [],
    };

    /// <summary>The same operator over other operands.</summary>
    public static Operator MapOperands(this Operator op, Func<Operator, Operator> map) => op switch
    {
        Scaled scaled => scaled with { Operand = map(scaled.Operand) },
        ScaledByTensor scaled => scaled with { Operand = map(scaled.Operand) },
        Transpose transpose => transpose with { Operand = map(transpose.Operand) },
        Indexed indexed => indexed with { Body = map(indexed.Body) },
        Product product => new Product(product.Operands.Select(map).ToEquatable()),
        Sum sum => new Sum(sum.Operands.Select(map).ToEquatable()),
        Kronecker kronecker => new Kronecker(kronecker.Operands.Select(map).ToEquatable()),
        DirectSum direct => new DirectSum(direct.Operands.Select(map).ToEquatable()),
        HorizontalStack stack => new HorizontalStack(stack.Operands.Select(map).ToEquatable()),
        VerticalStack stack => new VerticalStack(stack.Operands.Select(map).ToEquatable()),
        Alternatives alternatives => new Alternatives(alternatives.Operands.Select(map).ToEquatable()),
        _ => op,
    };

    /// <summary>The same links over other operators.</summary>
    public static EquatableArray<Link> MapOperators(this EquatableArray<Link> links, Func<Operator, Operator> map) => links.Select(link => link switch
    {
        LinearLink linear => new LinearLink(map(linear.Operator)),
        BranchLink branches => branches with { Branches = branches.Branches.Select(branch => branch.MapOperators(map)).ToEquatable() },
        _ => link,
    }).ToEquatable();

    /// <summary>The tensors that a node itself names.</summary>
    public static IEnumerable<TensorExpression> Tensors(this Operator op) => op switch
    {
        Matrix matrix => [matrix.Tensor],
        Column column => [column.Tensor],
        Diagonal diagonal => [diagonal.Tensor],
        BlockDiagonal blocks => [blocks.Tensor],
        Reflections reflections => [reflections.Tensor],
        Gather gather => [gather.Table],
        ScaledByTensor scaled => [scaled.Factor],
        Einsum einsum => einsum.Factors.Select(factor => factor.Tensor),
        _ => [],
    };

    /// <summary>A node and everything inside it.</summary>
    public static IEnumerable<Operator> DescendantsAndSelf(this Operator op) =>
        op.Operands().SelectMany(DescendantsAndSelf).Prepend(op);

    /// <summary>A tensor and everything inside it.</summary>
    public static IEnumerable<TensorExpression> DescendantsAndSelf(this TensorExpression tensor) => (tensor switch
    {
        SliceTensor slice => [slice.Source],
        EinsumTensor einsum => einsum.Factors.Select(factor => factor.Tensor),
        FunctionTensor function => function.Arguments,
        _ => Enumerable.Empty<TensorExpression>(),
    }).SelectMany(DescendantsAndSelf).Prepend(tensor);

    /// <summary>Whether a derivative reaches a trained parameter in it.</summary>
    public static bool IsTrained(this TensorExpression tensor) => tensor switch
    {
        ParameterTensor parameter => parameter.Parameter.Role == Role.Trained,
        SliceTensor slice => slice.Source.IsTrained(),
        EinsumTensor einsum => einsum.Factors.Any(factor => factor.Tensor.IsTrained()),
        FunctionTensor function => function.Function.HasDerivative && function.Arguments.Any(IsTrained),
        _ => false,
    };

    /// <summary>Whether an enclosing index decides what a tensor is.</summary>
    public static bool DependsOn(this TensorExpression tensor, IndexVariable variable) => tensor.DescendantsAndSelf().Any(part => part switch
    {
        SliceTensor slice => slice.Axes.OfType<PointAxis>().Any(axis => axis.Index.DependsOn(variable)),
        EinsumTensor einsum => einsum.Factors.Any(factor => factor.Indices.Any(index => index.DependsOn(variable))),
        _ => false,
    });

    public static bool DependsOn(this AffineIndex index, IndexVariable variable) =>
        index.Terms.Any(term => term.Variable.Id == variable.Id);

    /// <summary>One repetition of an indexed operator: the variable takes a value.</summary>
    public static Operator At(this Operator op, IndexVariable variable, int value)
    {
        return Visit(op);

        Operator Visit(Operator node) => node switch
        {
            Matrix matrix => new Matrix(VisitTensor(matrix.Tensor)),
            Column column => new Column(VisitTensor(column.Tensor)),
            Diagonal diagonal => new Diagonal(VisitTensor(diagonal.Tensor)),
            BlockDiagonal blocks => new BlockDiagonal(VisitTensor(blocks.Tensor)),
            Reflections reflections => new Reflections(VisitTensor(reflections.Tensor)),
            Gather gather => gather with { Table = VisitTensor(gather.Table) },
            ScaledByTensor scaled => new ScaledByTensor(VisitTensor(scaled.Factor), Visit(scaled.Operand)),
            Einsum einsum => einsum with { Factors = einsum.Factors.Select(VisitFactor).ToEquatable() },
            _ => node.MapOperands(Visit),
        };

        TensorExpression VisitTensor(TensorExpression tensor) => tensor switch
        {
            SliceTensor slice => new SliceTensor(
                VisitTensor(slice.Source),
                slice.Axes.Select(axis => axis is PointAxis point ? new PointAxis(VisitIndex(point.Index)) : axis).ToEquatable()),
            EinsumTensor einsum => einsum.MapFactors(VisitFactor),
            FunctionTensor function => function with { Arguments = function.Arguments.Select(VisitTensor).ToEquatable() },
            _ => tensor,
        };

        IndexedTensor VisitFactor(IndexedTensor factor) =>
            new(VisitTensor(factor.Tensor), factor.Indices.Select(VisitIndex).ToEquatable());

        AffineIndex VisitIndex(AffineIndex index) => new(
            index.Offset + index.Terms.Where(term => term.Variable.Id == variable.Id).Sum(term => term.Coefficient * value),
            index.Terms.Where(term => term.Variable.Id != variable.Id).ToEquatable());
    }

    /// <summary>The repetitions of an indexed operator, written out.</summary>
    public static Operator Unroll(this Indexed indexed)
    {
        EquatableArray<Operator> operands = Enumerable.Range(0, indexed.Variable.Extent)
            .Select(value => indexed.Body.At(indexed.Variable, value))
            .ToEquatable();
        return indexed.Kind switch
        {
            IndexedKind.Sum => new Sum(operands),
            IndexedKind.DirectSum => new DirectSum(operands),
            IndexedKind.HorizontalStack => new HorizontalStack(operands),
            _ => new VerticalStack(operands),
        };
    }
}
