using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>
/// Applies links to each of several consecutive parts of a vector, with one set of parameters: a linear one as <c>I ⊗ A</c>, a value with one
/// more index, which stands before its axes and in all that depends on the input.
/// </summary>
/// <param name="count">How many parts there are.</param>
/// <param name="newIndex">Makes an index of a name and an extent.</param>
public sealed class Lifting(int count, Func<string, int, IndexVariable> newIndex)
{
    /// <summary>The function that cannot be applied to several parts at once, where a result is null.</summary>
    public TensorFunction? Obstacle { get; private set; }

    /// <summary>The links for all parts; null where a function in them is an <see cref="Obstacle"/>.</summary>
    public EquatableArray<Link>? Links(EquatableArray<Link> links)
    {
        var lifted = new List<Link>();
        foreach (Link link in links)
        {
            switch (link)
            {
                case LinearLink { Operator: Kronecker kronecker }:
                    lifted.Add(new LinearLink(new Kronecker(kronecker.Operands.Prepend(new Identity(count)).ToEquatable())));
                    break;

                case LinearLink linear:
                    lifted.Add(new LinearLink(new Kronecker(EquatableArray.Of(new Identity(count), linear.Operator))));
                    break;

                case BiasLink { Bias: var bias }:
                    IndexVariable part = newIndex("i", count), element = newIndex("j", bias.Shape[0]);
                    lifted.Add(new BiasLink(new EinsumTensor(
                        EquatableArray.Of(EquatableArray.Of(part, element)), EquatableArray.Of(new IndexedTensor(bias, EquatableArray.Of(AffineIndex.Of(element)))))));
                    break;

                case BranchLink { Branches: var branches } joint:
                    EquatableArray<Link>?[] all = [.. branches.Select(Links)];
                    if (Array.Exists(all, branch => branch is null))
                    {
                        return null;
                    }

                    lifted.Add(joint with { Branches = all.Select(branch => branch!.Value).ToEquatable() });
                    break;

                case ValueLink { Value: var value }:
                    if (Value(value) is not { } values)
                    {
                        return null;
                    }

                    lifted.Add(new ValueLink(values));
                    break;

                case ScanLink scan:
                    if (Scan(scan) is not { } scans)
                    {
                        return null;
                    }

                    lifted.AddRange(scans);
                    break;

                default:
                    lifted.Add(link);
                    break;
            }
        }

        return lifted.ToEquatable();
    }

    /// <summary>One scan for all parts, with a state of each: what the parts are given in a step is brought together for it, and its results are brought back.</summary>
    private Link[]? Scan(ScanLink scan)
    {
        if (Links(scan.Step) is not { } step)
        {
            return null;
        }

        IEnumerable<Carry> state = Enumerable.Range(0, count).SelectMany(part => scan.State.Select(carry =>
            new Carry(checked((part * scan.Given) + carry.Input), checked((part * scan.Gives) + carry.Output), carry.Length)));
        return
        [
            new LinearLink(Exchange(count, scan.Steps, scan.PartGiven)),
            new ScanLink(scan.Steps, step, checked(count * scan.Given), checked(count * scan.Gives), state.ToEquatable()),
            new LinearLink(Exchange(scan.Steps, count, scan.PartGives)),
        ];
    }

    /// <summary>Exchanges the first two axes of a × b × length.</summary>
    private static Kronecker Exchange(int a, int b, int length) => new(EquatableArray.Of<Operator>(new Shuffle(a, b), new Identity(length)));

    /// <summary>A value of each part: of the same shape behind an axis for the parts.</summary>
    private TensorExpression? Value(TensorExpression value)
    {
        IndexVariable part = newIndex("i", count);
        switch (value)
        {
            case InputTensor { Size: var size }:
                IndexVariable element = newIndex("j", size);
                return new EinsumTensor(
                    EquatableArray.Of(EquatableArray.Of(part), EquatableArray.Of(element)),
                    EquatableArray.Of(new IndexedTensor(new InputTensor(checked(count * size)), EquatableArray.Of(AffineIndex.Group([part, element])))));

            case NoiseTensor noise:
                return noise with { Extents = noise.Extents.Prepend(count).ToEquatable() };

            case AppliedTensor applied:
                return Links(applied.Links) is { } links && Value(applied.Argument) is { } argument
                    ? new AppliedTensor(links, argument, applied.Extents.Prepend(count).ToEquatable())
                    : null;

            case SliceTensor slice:
                return Value(slice.Source) is { } source ? new SliceTensor(source, slice.Axes.Prepend(new RangeAxis(0, count)).ToEquatable()) : null;

            case GatherTensor gather when !gather.Positions.IsPerRow():
                return Value(gather.Source) is { } read
                    ? gather with { Source = read, Outer = checked(count * gather.Outer), Extents = gather.Extents.Prepend(count).ToEquatable() }
                    : null;

            case FunctionTensor { Function.IsBatched: false, Function: var function }:
                Obstacle = function;
                return null;

            case FunctionTensor function:
                TensorExpression?[] arguments = [.. function.Arguments.Select(one => one.IsPerRow() ? Value(one) : Repeated(one))];
                return Array.Exists(arguments, one => one is null) ? null : function with
                {
                    Arguments = arguments.OfType<TensorExpression>().ToEquatable(),
                    Numbers = function.Function.JoinsAlongAxis ? function.Numbers.Select(axis => axis + 1).ToEquatable() : function.Numbers,
                };

            case EinsumTensor einsum:
                var terms = new List<TensorProduct>();
                foreach (TensorProduct term in einsum.Terms)
                {
                    IndexedTensor?[] factors = [.. term.Factors.Select(factor => Factor(factor, part))];
                    if (Array.Exists(factors, factor => factor is null))
                    {
                        return null;
                    }

                    terms.Add(term with { Factors = factors.OfType<IndexedTensor>().ToEquatable() });
                }

                return new EinsumTensor(einsum.Axes.Prepend(EquatableArray.Of(part)).ToEquatable(), terms.ToEquatable());

            default:
                return Repeated(value);
        }
    }

    private IndexedTensor? Factor(IndexedTensor factor, IndexVariable part)
    {
        if (factor.Tensor is InputTensor { Size: var size })
        {
            AffineIndex position = factor.Indices[0];
            return new IndexedTensor(new InputTensor(checked(count * size)), EquatableArray.Of(position with { Terms = position.Terms.Prepend((part, size)).ToEquatable() }));
        }

        return !factor.Tensor.IsPerRow() ? factor
            : Value(factor.Tensor) is { } value ? new IndexedTensor(value, factor.Indices.Prepend(AffineIndex.Of(part)).ToEquatable())
            : null;
    }

    /// <summary>A tensor that is the same for all parts.</summary>
    private EinsumTensor Repeated(TensorExpression tensor)
    {
        IndexVariable[] axes = [.. tensor.Shape.Select(extent => newIndex("j", extent))];
        return new EinsumTensor(
            axes.Prepend(newIndex("i", count)).Select(index => EquatableArray.Of(index)).ToEquatable(),
            EquatableArray.Of(new IndexedTensor(tensor, axes.Select(AffineIndex.Of).ToEquatable())));
    }
}
