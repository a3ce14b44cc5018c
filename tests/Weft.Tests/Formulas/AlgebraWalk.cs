using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Tests.Formulas;

/// <summary>The children of the algebra's nodes, and what can be gathered by walking over them.</summary>
internal static class AlgebraWalk
{
    /// <summary>The operators directly below a node.</summary>
    public static IReadOnlyList<Operator> Operands(this Operator node) => node switch
    {
        Scaled scaled => [scaled.Operand],
        ScaledByTensor scaled => [scaled.Operand],
        Transpose transpose => [transpose.Operand],
        Product product => product.Operands,
        Sum sum => sum.Operands,
        Kronecker kronecker => kronecker.Operands,
        DirectSum sum => sum.Operands,
        HorizontalStack stack => stack.Operands,
        VerticalStack stack => stack.Operands,
        Indexed indexed => [indexed.Body],
        _ => [],
    };

    /// <summary>The same node over other operands, as many as <see cref="Operands"/> gives.</summary>
    public static Operator With(this Operator node, IReadOnlyList<Operator> operands) => node switch
    {
        Scaled scaled => scaled with { Operand = operands[0] },
        ScaledByTensor scaled => scaled with { Operand = operands[0] },
        Transpose => new Transpose(operands[0]),
        Product => new Product(operands.ToEquatable()),
        Sum => new Sum(operands.ToEquatable()),
        Kronecker => new Kronecker(operands.ToEquatable()),
        DirectSum => new DirectSum(operands.ToEquatable()),
        HorizontalStack => new HorizontalStack(operands.ToEquatable()),
        VerticalStack => new VerticalStack(operands.ToEquatable()),
        Indexed indexed => indexed with { Body = operands[0] },
        _ => node,
    };

    /// <summary>The tensors that a node itself names, not those of its operands.</summary>
    public static IEnumerable<TensorExpression> Tensors(this Operator node) => node switch
    {
        Matrix matrix => [matrix.Tensor],
        Column column => [column.Tensor],
        Diagonal diagonal => [diagonal.Tensor],
        BlockDiagonal blocks => [blocks.Tensor],
        Reflections reflections => [reflections.Tensor],
        ScaledByTensor scaled => [scaled.Factor],
        Einsum einsum => einsum.Factors.Select(factor => factor.Tensor),
        _ => [],
    };

    /// <summary>The same node over other tensors; its operands stay.</summary>
    public static Operator WithTensors(this Operator node, Func<TensorExpression, TensorExpression> change) => node switch
    {
        Matrix matrix => new Matrix(change(matrix.Tensor)),
        Column column => new Column(change(column.Tensor)),
        Diagonal diagonal => new Diagonal(change(diagonal.Tensor)),
        BlockDiagonal blocks => new BlockDiagonal(change(blocks.Tensor)),
        Reflections reflections => new Reflections(change(reflections.Tensor)),
        ScaledByTensor scaled => scaled with { Factor = change(scaled.Factor) },
        Einsum einsum => einsum with { Factors = Change(einsum.Factors, factor => factor with { Tensor = change(factor.Tensor) }) },
        _ => node,
    };

    /// <summary>Changes every tensor inside an operator, the innermost first.</summary>
    public static Operator MapTensors(this Operator node, Func<TensorExpression, TensorExpression> change) => node
        .With([.. node.Operands().Select(operand => operand.MapTensors(change))])
        .WithTensors(tensor => Map(tensor, change));

    /// <summary>An operator with one index of an enclosing indexed sum held at a position.</summary>
    public static Operator At(this Operator node, IndexVariable variable, int position)
    {
        return node.MapTensors(tensor => tensor is SliceTensor slice ? slice with { Axes = Change(slice.Axes, Hold) } : tensor);

        SliceAxis Hold(SliceAxis axis) => axis is not PointAxis { Index: var index } ? axis : new PointAxis(new AffineIndex(
            index.Offset + index.Terms.Where(term => term.Variable.Id == variable.Id).Sum(term => term.Coefficient * position),
            index.Terms.Where(term => term.Variable.Id != variable.Id).ToEquatable()));
    }

    private static TensorExpression Map(TensorExpression tensor, Func<TensorExpression, TensorExpression> change) => change(tensor switch
    {
        SliceTensor slice => slice with { Source = Map(slice.Source, change) },
        EinsumTensor einsum => einsum with
        {
            Factors = Change(einsum.Factors, factor => factor with { Tensor = Map(factor.Tensor, change) }),
        },
        AdmixTensor admix => admix with { Bank = Map(admix.Bank, change), Logits = Map(admix.Logits, change) },
        _ => tensor,
    });

    private static EquatableArray<T> Change<T>(EquatableArray<T> items, Func<T, T> change) => items.Select(change).ToEquatable();

    public static IEnumerable<Operator> SelfAndDescendants(this Operator node) =>
        node.Operands().SelectMany(SelfAndDescendants).Prepend(node);

    /// <summary>Every parameter once, in the order of its first use.</summary>
    public static EquatableArray<Parameter> ParametersOf(IEnumerable<Link> links) =>
        links.SelectMany(link => link switch
        {
            LinearLink linear => linear.Operator.SelfAndDescendants().SelectMany(Tensors),
            BiasLink bias => [bias.Bias],
            _ => [],
        }).SelectMany(ParametersOf).Distinct().ToEquatable();

    public static IEnumerable<Parameter> ParametersOf(TensorExpression tensor) => tensor switch
    {
        ParameterTensor parameter => [parameter.Parameter],
        SliceTensor slice => ParametersOf(slice.Source),
        EinsumTensor einsum => einsum.Factors.SelectMany(factor => ParametersOf(factor.Tensor)),
        AdmixTensor admix => ParametersOf(admix.Bank).Concat(ParametersOf(admix.Logits)),
        _ => throw new NotSupportedException(tensor.GetType().Name),
    };

    /// <summary>A module of these links with the parameters that they use.</summary>
    public static Module ModuleOf(string name, int inputs, int outputs, params Link[] links) =>
        new(name, "", "", inputs, outputs, links.ToEquatable(), ParametersOf(links));

    public static Module ModuleOf(string name, Operator node) =>
        ModuleOf(name, node.Columns, node.Rows, new LinearLink(node));
}
