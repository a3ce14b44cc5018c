using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Text;

namespace Weft.Compiler.Verification;

/// <summary>
/// Whether a lowered module stays inside its tensors: every position lies in what it reads or writes, by the extents of its indices; every
/// vector is filled once, before it is read; and what a statement does to whole vectors fits their lengths.
/// </summary>
public sealed class NetworkVerifier
{
    private readonly HashSet<RowVector> _filled = [];
    private readonly HashSet<WeightTensor> _known = [];

    private NetworkVerifier(LoweredModule module) => _filled.Add(module.Input);

    /// <summary>The first fault, or null.</summary>
    public static string? Fault(LoweredModule module)
    {
        var verifier = new NetworkVerifier(module);
        return module.Statements.Select(verifier.Fault).FirstOrDefault(fault => fault is not null)
            ?? (module.Input.Size != module.Module.Inputs || module.Output.Size != module.Module.Outputs ? "the ends have other sizes than the module" : null)
            ?? (verifier._filled.Contains(module.Output) ? null : "nothing fills the output");
    }

    private string? Fault(Statement statement)
    {
        RowVector target = statement.Target;
        RowVector[] sources = statement switch
        {
            SumStatement sum => [.. sum.Terms.Select(term => term.Input).OfType<RowVector>()],
            GatherStatement gather => [gather.Source],
            WalshHadamardStatement transform => [transform.Source],
            ReflectionsStatement chain => [chain.Source],
            ProductStatement product => [product.Left, product.Right],
            ActivationStatement activation => [activation.Source],
            _ => throw new InvalidOperationException(statement.GetType().Name),
        };
        string? fault = Array.Find(sources, source => !_filled.Contains(source)) is { } unfilled ? $"{unfilled} is read before it is filled" : statement switch
        {
            SumStatement sum => Fault(sum.Terms, target.Size),
            GatherStatement gather => Fault(gather.Table) ?? Parts(gather.Outer, gather.Source, target)
                ?? Same(gather.Table.Length, (gather.Transposed ? gather.Source : target).Size / gather.Outer, "positions of a table"),
            WalshHadamardStatement transform => Parts(transform.Outer, transform.Source, target) ?? Same(transform.Source.Size, target.Size, "elements"),
            ReflectionsStatement { Rows: { Shape.Count: 2 } rows } chain => Fault(rows)
                ?? Same(chain.Source.Size, target.Size, "elements") ?? Same(rows.Shape[1] * chain.Outer, target.Size, "elements of reflected parts"),
            ReflectionsStatement chain => $"{chain.Rows} has no rows to reflect along",
            ProductStatement product => Same(product.Left.Size, target.Size, "elements") ?? Same(product.Right.Size, target.Size, "elements"),
            ActivationStatement { Function: FunctionLink { Length: var length }, Source: var source } when length < 1 || source.Size % length != 0 => $"{source.Size} elements are no rows of {length}",
            ActivationStatement activation => Same(activation.Function.Outputs(activation.Source.Size), target.Size, "elements"),
            _ => null,
        };
        fault ??= _filled.Add(target) ? null : "it is filled twice";
        return fault is null ? null : $"{fault}, in {target}";
    }

    private string? Fault(IEnumerable<Term> terms, int size) => terms.Select(term => Fault(term, size)).FirstOrDefault(fault => fault is not null);

    private string? Fault(Term term, int size) =>
        Inside(term.Output, size, "the target")
        ?? (term.Input is null ? null : Inside(term.InputPosition, term.Input.Size, term.Input.Name))
        ?? term.Factors.Select(factor => Fault(factor.Tensor) ?? Inside(factor.Position, factor.Tensor.Length, factor.Tensor.Name)).FirstOrDefault(fault => fault is not null);

    /// <summary>What a tensor is made of; each is looked at once.</summary>
    private string? Fault(WeightTensor tensor) => !_known.Add(tensor) ? null : tensor switch
    {
        NetworkWeight network => Fault(network.Definition, network.Length) ?? (network.Definition.All(term => term.Input is null) ? null : $"{tensor} depends on a row"),
        FunctionWeight function => function.Arguments.Select(Fault).FirstOrDefault(fault => fault is not null) ?? Shape(function),
        ConstantWeight constant when !constant.Value.Shape.SequenceEqual(constant.Shape) => $"{tensor} has another shape than its value",
        _ => null,
    };

    private static string? Shape(FunctionWeight function)
    {
        EquatableArray<int>[] shapes = [.. function.Arguments.Select(argument => argument.Shape.ToEquatable())];
        double number = function.Numbers.FirstOrDefault();
        return function.Function.Check(shapes, number) is { } wrong ? $"{function.Function} needs {wrong.Expected}"
            : function.Function.Shape(shapes, number).SequenceEqual(function.Shape) ? null
            : $"{function} has another shape than its value";
    }

    private static string? Parts(int outer, RowVector source, RowVector target) =>
        outer < 1 || source.Size % outer != 0 || target.Size % outer != 0 ? $"{source.Size} to {target.Size} elements are not {outer} equal parts" : null;

    private static string? Same(int found, int expected, string what) => found == expected ? null : $"{found} {what} instead of {expected}";

    private static string? Inside(Affine position, int size, string what)
    {
        (int least, int most) = (position.Minimum, position.Maximum);
        return least >= 0 && most < size ? null : $"the positions {position} from {least} to {most} do not lie in the {size} elements of {what}";
    }
}
