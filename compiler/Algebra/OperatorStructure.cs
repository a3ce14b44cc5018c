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
        ValueLink value => new ValueLink(value.Value.MapOperators(map)),
        ScanLink scan => scan with { Step = scan.Step.MapOperators(map) },
        _ => link,
    }).ToEquatable();

    /// <summary>The same value with other operators in the links that are applied in it.</summary>
    private static TensorExpression MapOperators(this TensorExpression tensor, Func<Operator, Operator> map) => tensor is EntriesTensor entries
        ? entries with { Operator = map(entries.Operator) }
        : tensor.MapParts(part => part.MapOperators(map), links => links.MapOperators(map));

    /// <summary>The same links over other values.</summary>
    public static EquatableArray<Link> MapValues(this EquatableArray<Link> links, Func<TensorExpression, TensorExpression> map) => links.Select(link => link switch
    {
        BranchLink branches => branches with { Branches = branches.Branches.Select(branch => branch.MapValues(map)).ToEquatable() },
        ValueLink value => new ValueLink(map(value.Value)),
        ScanLink scan => scan with { Step = scan.Step.MapValues(map) },
        _ => link,
    }).ToEquatable();

    /// <summary>The same tensor of other parts, and with other links where some are applied to one.</summary>
    public static TensorExpression MapParts(
        this TensorExpression tensor, Func<TensorExpression, TensorExpression> map, Func<EquatableArray<Link>, EquatableArray<Link>> links) => tensor switch
        {
            AppliedTensor applied => applied with { Links = links(applied.Links), Argument = map(applied.Argument) },
            SliceTensor slice => slice with { Source = map(slice.Source) },
            EinsumTensor einsum => einsum.MapFactors(factor => factor with { Tensor = map(factor.Tensor) }),
            FunctionTensor function => function with { Arguments = function.Arguments.Select(map).ToEquatable() },
            GatherTensor gather => gather with { Source = map(gather.Source) },
            _ => tensor,
        };

    /// <summary>The tensors that a link names, those of its operators too.</summary>
    public static IEnumerable<TensorExpression> Tensors(this Link link) => link switch
    {
        LinearLink linear => linear.Operator.DescendantsAndSelf().SelectMany(Tensors),
        BiasLink bias => [bias.Bias],
        BranchLink branches => branches.Branches.SelectMany(branch => branch).SelectMany(Tensors),
        ValueLink value => [value.Value],
        ScanLink scan => scan.Step.SelectMany(Tensors),
        _ => [],
    };

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

    /// <summary>The tensors directly inside.</summary>
    public static IEnumerable<TensorExpression> Parts(this TensorExpression tensor) => tensor switch
    {
        SliceTensor slice => [slice.Source],
        EinsumTensor einsum => einsum.Factors.Select(factor => factor.Tensor),
        FunctionTensor function => function.Arguments,
        GatherTensor gather => [gather.Source, gather.Positions],
        PositionTensor positions => positions.Sources.Select(source => source.Tensor),
        AppliedTensor applied => applied.Links.SelectMany(Tensors).Prepend(applied.Argument),
        EntriesTensor entries => entries.Operator.DescendantsAndSelf().SelectMany(Tensors),
        _ => [],
    };

    /// <summary>A tensor and everything inside it.</summary>
    public static IEnumerable<TensorExpression> DescendantsAndSelf(this TensorExpression tensor) =>
        tensor.Parts().SelectMany(DescendantsAndSelf).Prepend(tensor);

    /// <summary>Whether it is a value of a layer, which differs from row to row.</summary>
    public static bool IsPerRow(this TensorExpression tensor) => tensor is InputTensor or NoiseTensor or AppliedTensor || tensor.Parts().Any(IsPerRow);

    /// <summary>Whether a derivative reaches a trained parameter in it.</summary>
    public static bool IsTrained(this TensorExpression tensor) => tensor switch
    {
        ParameterTensor parameter => parameter.Parameter.Role == Role.Trained,
        SliceTensor slice => slice.Source.IsTrained(),
        EinsumTensor einsum => einsum.Factors.Any(factor => factor.Tensor.IsTrained()),
        FunctionTensor function => function.Function.HasDerivative && function.Arguments.Any(IsTrained),
        GatherTensor gather => gather.Source.IsTrained(),
        EntriesTensor => tensor.Parts().Any(IsTrained),
        _ => false,
    };

    /// <summary>Whether an enclosing index decides what a tensor is.</summary>
    public static bool DependsOn(this TensorExpression tensor, IndexVariable variable) => tensor.DescendantsAndSelf().Any(part => part switch
    {
        SliceTensor slice => slice.Axes.OfType<PointAxis>().Any(axis => axis.Index.DependsOn(variable)),
        EinsumTensor einsum => einsum.Factors.Any(factor => factor.Indices.Any(index => index.DependsOn(variable))),
        EntriesTensor entries => entries.Operator.DescendantsAndSelf().OfType<Einsum>().Any(einsum => einsum.Factors.Any(factor => factor.Indices.Any(index => index.DependsOn(variable)))),
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
            EntriesTensor entries => entries with { Operator = Visit(entries.Operator) },
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
