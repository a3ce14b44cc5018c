using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>Finds the parameters that a chain of links uses.</summary>
internal sealed class ParameterCollector
{
    private readonly HashSet<Parameter> _found = [];

    public static HashSet<Parameter> Collect(EquatableArray<Link> links)
    {
        var collector = new ParameterCollector();
        foreach (Link link in links)
        {
            if (link is LinearLink linear)
            {
                collector.Visit(linear.Operator);
            }
            else if (link is BiasLink bias)
            {
                collector.Visit(bias.Bias);
            }
        }

        return collector._found;
    }

    private void Visit(Operator node)
    {
        switch (node)
        {
            case Matrix matrix:
                Visit(matrix.Tensor);
                break;
            case Column column:
                Visit(column.Tensor);
                break;
            case Diagonal diagonal:
                Visit(diagonal.Tensor);
                break;
            case BlockDiagonal blocks:
                Visit(blocks.Tensor);
                break;
            case Reflections reflections:
                Visit(reflections.Tensor);
                break;
            case Einsum einsum:
                VisitAll(einsum.Factors);
                break;
            case Scaled scaled:
                Visit(scaled.Operand);
                break;
            case ScaledByTensor scaled:
                Visit(scaled.Factor);
                Visit(scaled.Operand);
                break;
            case Transpose transpose:
                Visit(transpose.Operand);
                break;
            case Indexed indexed:
                Visit(indexed.Body);
                break;
            default:
                foreach (Operator operand in Operands(node))
                {
                    Visit(operand);
                }

                break;
        }
    }

    private static EquatableArray<Operator> Operands(Operator node) => node switch
    {
        Product product => product.Operands,
        Sum sum => sum.Operands,
        Kronecker kronecker => kronecker.Operands,
        DirectSum sum => sum.Operands,
        HorizontalStack stack => stack.Operands,
        VerticalStack stack => stack.Operands,
        _ => default,
    };

    private void VisitAll(IEnumerable<IndexedTensor> factors)
    {
        foreach (IndexedTensor factor in factors)
        {
            Visit(factor.Tensor);
        }
    }

    private void Visit(TensorExpression tensor)
    {
        switch (tensor)
        {
            case ParameterTensor parameter:
                _found.Add(parameter.Parameter);
                break;
            case SliceTensor slice:
                Visit(slice.Source);
                break;
            case EinsumTensor einsum:
                VisitAll(einsum.Factors);
                break;
            case FunctionTensor function:
                foreach (TensorExpression argument in function.Arguments)
                {
                    Visit(argument);
                }

                break;
        }
    }
}
