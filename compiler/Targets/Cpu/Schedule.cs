using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>
/// Everything that generated code does, as lists of steps: once (<see cref="PrepareFrozen"/>, what no trained parameter has a part in),
/// once per update (<see cref="Prepare"/> and what the chain rule makes of it) and for each chunk of rows.
/// </summary>
public sealed record Schedule(
    OperationProgram Program,
    Layout Layout,
    IReadOnlyList<Storage> Storages,
    IReadOnlyList<Step> PrepareFrozen,
    IReadOnlyList<Step> Prepare,
    IReadOnlyList<Step> PrepareTangent,
    IReadOnlyList<Step> PrepareGradient,
    IReadOnlyList<Step> Forward,
    IReadOnlyList<Step> Tangent,
    IReadOnlyList<Step> Reverse)
{
    public Module Module => Program.Module;

    public IReadOnlyList<TermPlan> Plans => Program.Plans;

    public IReadOnlyList<ParameterPlace> Parameters => Program.Parameters;

    public int TrainedCount => Program.TrainedCount;

    /// <summary>Elements of the stored parameters: trained, then frozen.</summary>
    public int ParameterCount => Module.Parameters.Where(parameter => parameter.Role != Role.Seeded).Sum(parameter => parameter.Length);

    /// <summary>The forward pass for a few rows, where it is another one.</summary>
    public ForwardPass? FewRows { get; init; }

    /// <summary>The forward pass outside training, where that is without noise.</summary>
    public ForwardPass? Evaluation { get; init; }

    /// <summary>Both, as far as there are.</summary>
    public IEnumerable<ForwardPass> Others => new[] { Evaluation, FewRows }.OfType<ForwardPass>();

    /// <summary>Rows of a chunk at least: more where they are the lanes.</summary>
    public int LeastRows { get; init; } = ChunkRows.Least;

    /// <summary>Elements of scratch for each row of a chunk, forward.</summary>
    public int ScratchPerRow => Others.Select(pass => pass.Schedule.Layout.ScratchPerRow).Append(Layout.ScratchPerRow).Max();

    /// <summary>Rows of a chunk of a larger batch, and of a batch that is one chunk at most, on the processor that plans are made for.</summary>
    public (int OfLarger, int AtMost) Chunk => ChunkRows.Of(
        Program.Variant.ElementSize * ((long)Module.Inputs + Module.Outputs + ScratchPerRow),
        Program.Variant.ElementSize * Module.Parameters.Sum(parameter => (long)parameter.Length),
        LeastRows,
        Program.Variant.Costs.Processor.SecondLevelBytes,
        Program.Variant.Costs.Processor.ThirdLevelBytes);

    /// <summary>What the forward pass costs by its kernels, in operations at full rate.</summary>
    /// <param name="rows">Rows of the batch.</param>
    public double ForwardCost(int rows)
    {
        var costs = new ProcessorCosts(Program.Variant.Costs.Processor, Program.Variant.ElementSize, rows);
        return Forward.Sum(costs.Of);
    }

    /// <summary>Multiplications and additions of the forward pass for a row of the batch.</summary>
    public long ForwardFlops => Forward.Sum(step => step.FlopsPerRow);

    /// <summary>Those of the reverse pass, with what it computes again.</summary>
    public long ReverseFlops => Reverse.Sum(step => step.FlopsPerRow);
}
