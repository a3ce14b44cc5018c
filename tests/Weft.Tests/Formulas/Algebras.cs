using Weft.Compiler.Algebra;
using Weft.Compiler.Text;

namespace Weft.Tests.Formulas;

/// <summary>What the tests change in modules, and how they make one from its parts.</summary>
internal static class Algebras
{
    /// <summary>The same node over other operands, which may be more or fewer where a node takes any number.</summary>
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

    /// <summary>Changes a tensor and everything inside it, the innermost first; not what links in it are made of.</summary>
    public static TensorExpression Map(this TensorExpression tensor, Func<TensorExpression, TensorExpression> change) => change(tensor switch
    {
        SliceTensor slice => slice with { Source = Map(slice.Source, change) },
        EinsumTensor einsum => einsum.MapFactors(factor => factor with { Tensor = Map(factor.Tensor, change) }),
        FunctionTensor function => function with { Arguments = Change(function.Arguments, argument => Map(argument, change)) },
        AppliedTensor applied => applied with { Argument = Map(applied.Argument, change) },
        GatherTensor gather => gather with { Source = Map(gather.Source, change) },
        _ => tensor,
    });

    private static EquatableArray<T> Change<T>(EquatableArray<T> items, Func<T, T> change) => items.Select(change).ToEquatable();

    /// <summary>An activation behind others that keep its argument where it is finite, and neither it nor its slope large.</summary>
    public static IEnumerable<Link> Tame(Activation activation)
    {
        Activation[] before = activation switch
        {
            Activation.Exp or Activation.Square => [Activation.Tanh],
            Activation.Sqrt or Activation.Reciprocal => [Activation.Tanh, Activation.Exp],
            Activation.Atanh or Activation.Atanhc => [Activation.Tanh, Activation.Tanh],
            _ => [],
        };
        return before.Append(activation).Select(Link (one) => new ActivationLink(one));
    }

    /// <summary>A function of rows behind links that keep rows from being short, and what is zero on one side and nearly so on the other from a jump.</summary>
    public static IEnumerable<Link> Tame(TensorFunction function, int length, double number)
    {
        Link[] before = function.Name switch
        {
            "normalize_rows" => [new ActivationLink(Activation.Tanh), new ActivationLink(Activation.Exp)],
            "sign" or "step" or "quantize_bipolar" => [new FunctionLink(TensorFunction.All["shift"], length, 0.3)],
            _ => [],
        };
        return before.Append(new FunctionLink(function, length, number));
    }

    /// <summary>Whether devices have all that a module needs: of the functions of values they have those that code is made of.</summary>
    public static bool RunsOnDevices(this Module module) =>
        !HasScan(module.Links) && !HasFourier(module.Links) && !module.Links.SelectMany(link => link.Tensors()).SelectMany(OperatorStructure.DescendantsAndSelf).Any(tensor => tensor is GatherTensor or PositionTensor or NoiseTensor || (tensor is FunctionTensor { Function.Definition: null } && tensor.IsPerRow()));

    private static bool HasFourier(EquatableArray<Link> links)
    {
        bool has = false;
        links.MapOperators(op =>
        {
            has |= op.DescendantsAndSelf().Any(node => node is Fourier);
            return op;
        });
        return has;
    }

    private static bool HasScan(IEnumerable<Link> links) => links.Any(link => link is ScanLink || (link is BranchLink branches && branches.Branches.Any(branch => HasScan(branch))));

    /// <summary>A module of these links with the parameters that they use.</summary>
    public static Module ModuleOf(string name, int inputs, int outputs, params Link[] links) =>
        new(name, "", "", inputs, outputs, links.ToEquatable(), links
            .SelectMany(link => link.Tensors())
            .SelectMany(OperatorStructure.DescendantsAndSelf)
            .OfType<ParameterTensor>()
            .Select(tensor => tensor.Parameter)
            .Distinct()
            .ToEquatable());

    public static Module ModuleOf(string name, Operator node) =>
        ModuleOf(name, node.Columns, node.Rows, new LinearLink(node));
}
