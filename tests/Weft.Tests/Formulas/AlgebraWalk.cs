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
