using Weft.Compiler.Algebra;
using Weft.Compiler.Network;

namespace Weft.Compiler.Operations;

/// <summary>What is done with a function of tensors.</summary>
public enum FunctionMode
{
    Value,
    Gradient,
    Tangent,
}

/// <summary>Evaluates a function of tensors, its gradient or its tangent: once, or for each row where an argument differs from row to row.</summary>
public sealed record FunctionStep(FunctionCall Function, FunctionMode Mode, Storage Result, IReadOnlyList<Storage> Arguments) : Operation
{
    public override Place Target => new(Result, Mode == FunctionMode.Value ? Aspect.Value : Aspect.Mirror, 0);

    /// <summary>A gradient is added to those of the arguments.</summary>
    public override IEnumerable<Place> Writes => Mode == FunctionMode.Gradient ? Mirrors.OfType<Place>() : [Target];

    public override double Cost(ITargetCosts costs) => costs.Elements(Result) + costs.Operations(Result, Function.Operations);

    public override string Describe() => $"{Target.Name} = {Function.Function} {Mode.ToString().ToLowerInvariant()}({string.Join(", ", Arguments)})";

    /// <summary>The arguments; their mirrors too, and the result, for what its derivative is made of.</summary>
    public override IEnumerable<Place> Reads
    {
        get
        {
            IEnumerable<Place> values = Arguments.Select(Place.Of);
            return Mode == FunctionMode.Value ? values
                : Function.Function.IsLinear ? [.. Mirrors.OfType<Place>(), .. Mode == FunctionMode.Gradient ? new[] { Target } : []]
                : [.. values, Place.Of(Result), .. Mirrors.OfType<Place>()];
        }
    }

    /// <summary>The mirrors of the arguments; null for one that nothing trains.</summary>
    public IEnumerable<Place?> Mirrors => Arguments.Select((argument, k) => Function.Arguments[k].IsTrained ? Place.MirrorOf(argument) : null);

    /// <summary>Straight through a rounding the mirror is the argument's own.</summary>
    private bool HasDerivative => Function.IsTrained && Result.Rounds is null;

    public override void Tangent(Tangents tangents)
    {
        if (HasDerivative)
        {
            tangents.Add(this with { Mode = FunctionMode.Tangent });
        }
        else if (Result.IsPerRow)
        {
            tangents.Add(new ClearStep(Place.MirrorOf(Result)));
        }
    }

    /// <summary>Gradients are added to: those for rows begin at zero.</summary>
    public override void Reverse(Gradients gradients)
    {
        if (!HasDerivative || !gradients.Reach(Result))
        {
            return;
        }

        foreach (Storage argument in Arguments.Where(argument => argument.IsPerRow).Distinct())
        {
            gradients.Begin(argument, covers: false);
        }

        gradients.Add(this with { Mode = FunctionMode.Gradient });
    }
}

/// <summary>Writes the elements of a constant.</summary>
public sealed record ConstantStep(ConstantWeight Constant, Storage Result) : Operation
{
    public override Place Target => Place.Of(Result);

    public override double Cost(ITargetCosts costs) => costs.Elements(Result);

    public override string Describe() => $"{Result} = {AlgebraPrinter.Print(Constant.Value)}";

    public override void Tangent(Tangents tangents)
    {
    }

    public override void Reverse(Gradients gradients)
    {
    }
}

/// <summary>Sees to it that a table holds nothing but whole numbers from 0 to <paramref name="Size"/> − 1.</summary>
public sealed record CheckStep(Storage Table, int Size) : Operation
{
    public override Place Target => Place.Of(Table);

    public override double Cost(ITargetCosts costs) => costs.Elements(Table);

    public override string Describe() => FormattableString.Invariant($"check 0 <= {Table} < {Size}");

    public override void Tangent(Tangents tangents)
    {
    }

    public override void Reverse(Gradients gradients)
    {
    }
}
