using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Device;

/// <summary>What is done with an element of a contraction's result while it is in a register. Positions are those of the contraction's indices.</summary>
internal abstract record Epilogue
{
    /// <summary>What is read for it, if anything.</summary>
    public virtual View? Operand => null;
}

/// <summary>value + Coefficient · a.</summary>
internal sealed record AddEpilogue(View A, double Coefficient) : Epilogue
{
    public override View? Operand => A;
}

/// <summary>Coefficient · value · a; without a the value is only scaled.</summary>
internal sealed record MultiplyEpilogue(View? A, double Coefficient) : Epilogue
{
    public override View? Operand => A;
}

/// <summary>f(value).</summary>
internal sealed record ActivateEpilogue(NonlinearLink Function) : Epilogue;

/// <summary>f'(z) · value, where f' depends on z, or on nothing.</summary>
internal sealed record DeriveEpilogue(NonlinearLink Function, View? Z) : Epilogue
{
    public override View? Operand => Z;
}

/// <summary>The value is written down: something reads it later.</summary>
internal sealed record KeepEpilogue(View Target) : Epilogue;

/// <summary>A contraction, and what is done with its results before they are stored, or added to what is there.</summary>
internal sealed record FusedStep(Contraction Contraction, bool Accumulates, IReadOnlyList<Epilogue> Epilogues) : Step
{
    public override Place Target => Of(Contraction.Target);

    public override IEnumerable<Place> Reads => Contraction.Views.Skip(1).Concat(Epilogues.Select(epilogue => epilogue.Operand!).Where(view => view is not null))
        .Select(Of);

    /// <summary>The places that are written, the target last.</summary>
    public override IEnumerable<Place> Writes => Epilogues.OfType<KeepEpilogue>().Select(keep => Of(keep.Target)).Append(Target);

    public override string Describe() => FusedResults.Describe(this);

    private static Place Of(View view) => new(view.Storage, view.Aspect, 0);
}

/// <summary>
/// Two steps, of which the second reads what the first writes and nothing else does: a group computes the part of it that its own results
/// need, in local memory. Both steps name the digits of a position in it by the same indices.
/// </summary>
/// <param name="First">The step that writes it.</param>
/// <param name="Second">The step that reads it.</param>
/// <param name="Tile">The part of both results that a group takes.</param>
internal sealed record ChainedStep(FusedStep First, FusedStep Second, ChainTile Tile) : Step
{
    public override Place Target => Second.Target;

    public override string Describe() => $"{First.Describe()}, then {Second.Describe()}";

    public override IEnumerable<Place> Reads => First.Reads.Concat(Second.Reads);
}

/// <summary>The rows of a group, and how many combinations of the other indices that both results have.</summary>
internal sealed record ChainTile(int Rows, int Outer);
