using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary><c>Target (+)= Coefficient · Σ Left · Right</c>, before it is decided how.</summary>
/// <remarks>With <c>Packs</c> weights may be packed into another order first; not so in what runs only once per update.</remarks>
public sealed record Contraction(View Target, View Left, View? Right, double Coefficient, bool Packs)
{
    public IEnumerable<View> Views => Right is null ? [Target, Left] : [Target, Left, Right];

    public IReadOnlyList<Index> Indices => [.. Views.SelectMany(view => view.Position.Indices).Distinct()];

    /// <summary>Two indices that lie in every operand as the digits of one are one: longer loops, and longer runs of lanes.</summary>
    public Contraction Coalesced()
    {
        Contraction contraction = this;
        while (true)
        {
            Index[] indices = [.. contraction.Indices.Where(index => index != View.Rows)];
            var pairs = indices.SelectMany(outer => indices.Select(inner => (Outer: outer, Inner: inner)));
            (Index outer, Index inner) = pairs.FirstOrDefault(pair => pair.Outer != pair.Inner
                && contraction.Views.All(view => view.Stride(pair.Outer) == view.Stride(pair.Inner) * pair.Inner.Extent));
            if (outer is null)
            {
                return contraction;
            }

            Affine merged = Affine.Of(new Index(outer.Name + inner.Name, outer.Extent * inner.Extent));
            contraction = contraction with
            {
                Target = Merge(contraction.Target),
                Left = Merge(contraction.Left),
                Right = contraction.Right is { } right ? Merge(right) : null,
            };

            View Merge(View view) => view with
            {
                Position = new Affine(view.Position.Offset, [.. view.Position.Terms.Where(term => term.Index != outer)]).Substitute(inner, merged),
            };
        }
    }

    /// <summary>Multiplications and additions for a row of the batch; elements, where there is one operand.</summary>
    public long FlopsPerRow => Indices.Where(index => index != View.Rows).Aggregate(Right is null ? 1L : 2L, (product, index) => product * index.Extent);

    /// <summary>In index notation: <c>y[n i] = Σj W[i j] x[n j]</c>.</summary>
    public string Describe()
    {
        Index[] summed = [.. Indices.Where(index => !Target.Has(index))];
        string sum = summed.Length == 0 ? "" : $"Σ{string.Join(" ", summed.Select(index => index.Name))} ";
        return $"{Describe(Target)} = {sum}{string.Join(" ", Views.Skip(1).Select(Describe))}";
    }

    /// <summary>The same with what is added to: the target itself, another place or nothing.</summary>
    public static string WithAddend(string description, bool accumulates, Place? addend) => addend is null ? description
        : description.Replace("] = ", accumulates ? "] += " : $"] = {addend.Name} + ");

    private static string Describe(View view) =>
        $"{view.Place.Name}[{string.Join(" ", view.Position.Terms.OrderByDescending(term => term.Index == View.Rows ? int.MaxValue : term.Stride).Select(term => term.Index.Name))}]";
}

/// <summary>A contraction of one or two tensors.</summary>
/// <param name="Contraction">The product that is computed.</param>
/// <param name="Addend">What it is added to, in the indices of the target: null for nothing, the target itself, or another tensor.</param>
public sealed record ContractStep(Contraction Contraction, View? Addend) : Operation
{
    public ContractStep(Contraction contraction, bool accumulate)
        : this(contraction, accumulate ? contraction.Target : null)
    {
    }

    public bool Accumulates => Addend is { } addend && addend.Place == Target;

    /// <summary>Whether it only copies, or adds, a tensor whose rows are laid out like the target's, or which is the same for all of them.</summary>
    public bool IsCopy => Contraction is { Right: null, Coefficient: 1, Left: { Storage.Format: null } left, Target: var target }
        && target.CoversStorage && Contraction.Indices.All(index => index == View.Rows || left.Stride(index) == target.Stride(index));

    /// <summary>What it is added to, as the indices of a target run over it: of the contraction, or of the same in other indices.</summary>
    public View? AddendOf(View target) => Addend is { } addend ? Beside(target, Contraction.Target, addend) : null;

    /// <summary>A view that lies to a target as another view does to <paramref name="like"/>, whose strides it has but for the rows'.</summary>
    internal static View Beside(View target, View like, View other)
    {
        int apart = other.Stride(View.Rows) - like.Stride(View.Rows);
        return target with
        {
            Storage = other.Storage,
            Aspect = other.Aspect,
            Position = target.Position + new Affine(other.Position.Offset - like.Position.Offset, apart == 0 ? [] : [(View.Rows, apart)]),
        };
    }

    public override Place Target => Contraction.Target.Place;

    public override long FlopsPerRow => Contraction.FlopsPerRow;

    public override double Cost(ITargetCosts costs) => costs.Contraction(Contraction);

    public override string Describe() => Contraction.WithAddend(Contraction.Describe(), Accumulates, Addend?.Place);

    public override IEnumerable<Place> Reads => Contraction.Views.Skip(1).Concat(new[] { Addend }.OfType<View>()).Select(view => view.Place);

    /// <summary>One operand at a time is replaced by its tangent.</summary>
    public override void Tangent(Tangents tangents)
    {
        if (!Contraction.Target.Storage.HasMirror)
        {
            return;
        }

        Contraction mirrored = Contraction with { Target = Contraction.Target.Mirror };
        bool accumulate = Accumulates;
        if (Contraction.Left.Storage.HasMirror)
        {
            Add(mirrored with { Left = Contraction.Left.Mirror });
        }

        if (Contraction.Right is { Storage.HasMirror: true } right)
        {
            Add(mirrored with { Right = right.Mirror });
        }

        if (!accumulate)
        {
            tangents.Add(new ClearStep(Place.MirrorOf(Contraction.Target.Storage)));
        }

        void Add(Contraction contraction)
        {
            tangents.Add(new ContractStep(contraction, accumulate));
            accumulate = true;
        }
    }

    /// <summary>The gradient for an operand is the same contraction with that operand taken out and the gradient of the result put in.</summary>
    public override void Reverse(Gradients gradients)
    {
        if (!gradients.Reach(Contraction.Target.Storage))
        {
            return;
        }

        Add(Contraction.Left, Contraction.Right);
        if (Contraction.Right is { } right)
        {
            Add(right, Contraction.Left);
        }

        void Add(View operand, View? other)
        {
            if (operand.Storage.HasMirror)
            {
                bool accumulate = gradients.Begin(operand.Storage, operand.CoversStorage);
                gradients.Add(new ContractStep(Contraction with { Target = operand.Mirror, Left = Contraction.Target.Mirror, Right = other }, accumulate));
            }
        }
    }
}
