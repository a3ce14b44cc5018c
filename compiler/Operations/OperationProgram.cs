using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Operations;

/// <summary>What a program is made for: everything that makes another program of the same module.</summary>
/// <param name="Costs">The target, the rows of a batch and whether they are few: what plans are chosen by.</param>
/// <param name="ElementSize">Bytes of an element: 4 or 8.</param>
/// <param name="PlanRank">0 for the cheapest plan of each term, k for the k-th of those that it rejects.</param>
public sealed record Variant(CostModel Costs, int ElementSize, int PlanRank = 0)
{
    /// <summary>
    /// Elements that a tensor between two products has, for a row of the batch, before it is taken apart into blocks, and that a block has at most: four
    /// such tensors are in the second-level cache for which sums of gradients are cut, since these end where blocks do.
    /// </summary>
    public int BlockElements { get; init; } = ChunkRows.SecondLevelOfSums / 4 / ElementSize;

    /// <summary>Whether it is a forward pass beside another one, behind which derivatives stand.</summary>
    public bool IsForwardOnly { get; init; }

    /// <summary>Whether there are derivatives: of a pass for a few rows there are none.</summary>
    public bool HasDerivatives => !IsForwardOnly && !Costs.IsForFewRows;

    /// <summary>Elements from row to row of an intermediate result.</summary>
    public int Pitch(int length) => Text.Limits.Fit(Costs.Device is null ? Costs.Processor.Pitch(length) : ProcessorModel.Align(length), "an intermediate tensor");
}

/// <summary>A parameter and where its numbers are.</summary>
/// <param name="Parameter">The parameter.</param>
/// <param name="Storage">The room that its numbers have.</param>
/// <param name="FanIn">How many products each output of its contraction adds up: what an initializer that keeps the variance divides by.</param>
public sealed record ParameterPlace(Parameter Parameter, Storage Storage, int FanIn)
{
    /// <summary>The number of the distribution that the parameter is drawn from.</summary>
    public double Scale => Parameter.Initializer.IsOverFanIn ? Parameter.Initializer.Scale / Math.Sqrt(FanIn) : Parameter.Initializer.Scale;
}

/// <summary>Noise, and the room for all that is drawn of it for a row.</summary>
public sealed record NoisePlace(NoiseTensor Noise, Storage Storage);

/// <summary>What a map does, in order, the same for every target: what depends on parameters alone, and what each row of a batch needs.</summary>
/// <param name="Lowered">The module.</param>
/// <param name="Variant">The target and the batch that the program is made for.</param>
/// <param name="Plans">How each term is contracted.</param>
/// <param name="Parameters">The parameters: trained, frozen, seeded.</param>
/// <param name="Derived">Where the tensors are that lowering made from parameters.</param>
/// <param name="Input">The rows of x.</param>
/// <param name="Weights">Once per update.</param>
/// <param name="Rows">For each row.</param>
public sealed record OperationProgram(
    LoweredModule Lowered,
    Variant Variant,
    IReadOnlyList<TermPlan> Plans,
    IReadOnlyList<ParameterPlace> Parameters,
    IReadOnlyDictionary<WeightTensor, Storage> Derived,
    Storage Input,
    IReadOnlyList<Operation> Weights,
    IReadOnlyList<Operation> Rows)
{
    public Module Module => Lowered.Module;

    /// <summary>What is drawn for each row before anything is done.</summary>
    public IReadOnlyList<NoisePlace> Noise { get; init; } = [];

    /// <summary>Elements of the trained parameters.</summary>
    public int TrainedCount => Parameters.Where(place => place.Parameter.Role == Role.Trained).Sum(place => place.Parameter.Length);

    /// <summary>What is computed once and read more often, with how often that is.</summary>
    public IEnumerable<(Storage Storage, int Uses)> Shared => Weights.Concat(Rows)
        .SelectMany(operation => operation.Reads.Where(place => place.Storage != operation.Target.Storage))
        .Where(place => place.Storage is { IsParameter: false, Space: Space.Weights or Space.Scratch })
        .GroupBy(place => place.Storage)
        .Select(uses => (uses.Key, uses.Count()))
        .Where(uses => uses.Item2 > 1);

    /// <summary>The reverse pass over rows, which leaves a gradient for the input whatever the output depends on.</summary>
    public List<Step> ReverseRows(StoragePool pool)
    {
        List<Step> steps = Gradients.Of(Rows, pool);
        if (!steps.Exists(step => step.Writes.Any(place => place.Storage == Input)))
        {
            steps.Add(new ClearStep(Place.MirrorOf(Input)));
        }

        return steps;
    }

    /// <summary>The forward mode over rows, in which noise does not change.</summary>
    public List<Step> TangentRows()
    {
        IReadOnlyList<Step> steps = Tangents.Of(Rows);
        HashSet<Storage> read = [.. steps.SelectMany(step => step.Reads).Where(place => place.Aspect == Aspect.Mirror).Select(place => place.Whole.Storage)];
        return [.. Noise.Select(place => place.Storage).Where(read.Contains).Select(storage => new ClearStep(Place.MirrorOf(storage))), .. steps];
    }

    /// <summary>What is not the same after an update of the trained parameters, whether or not a derivative passes to them.</summary>
    /// <param name="prepare">What makes the derived weights, in order.</param>
    public static HashSet<Storage> Changing(IEnumerable<Step> prepare)
    {
        var changing = new HashSet<Storage>();
        foreach (Step step in prepare.Where(step => step.Reads.Any(place => place.Storage.IsTrained || changing.Contains(place.Storage))))
        {
            changing.Add(step.Target.Storage);
        }

        return changing;
    }
}
