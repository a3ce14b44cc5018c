using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Scheduling;

/// <summary>A parameter and where it lies in the weight block.</summary>
/// <param name="Parameter">What it is.</param>
/// <param name="Storage">Where.</param>
/// <param name="FanIn">How many products each output of its contraction adds up: what an initializer that keeps the variance divides by.</param>
public sealed record ParameterPlace(Parameter Parameter, Storage Storage, int FanIn);

/// <summary>
/// Everything that generated code does, as lists of steps: once (<see cref="PrepareFrozen"/>, what no trained parameter has a part in),
/// once per update (<see cref="Prepare"/> and what the chain rule makes of it) and for each chunk of rows.
/// </summary>
public sealed record Schedule(
    LoweredModule Lowered,
    IReadOnlyList<TermPlan> Plans,
    IReadOnlyList<ParameterPlace> Parameters,
    IReadOnlyList<Storage> Storages,
    IReadOnlyList<Step> PrepareFrozen,
    IReadOnlyList<Step> Prepare,
    IReadOnlyList<Step> PrepareTangent,
    IReadOnlyList<Step> PrepareGradient,
    IReadOnlyList<Step> Forward,
    IReadOnlyList<Step> Tangent,
    IReadOnlyList<Step> Reverse)
{
    public Module Module => Lowered.Module;

    /// <summary>The forward pass for a few rows, where it is another one.</summary>
    public FewRows? FewRows { get; init; }

    /// <summary>Where the tensors are that lowering made from parameters.</summary>
    public IReadOnlyDictionary<WeightTensor, Storage> Derived { get; init; } = new Dictionary<WeightTensor, Storage>();

    /// <summary>Elements of the weight block.</summary>
    public int WeightCount { get; init; }

    /// <summary>Elements of a block of weight gradients; the trained parameters come first.</summary>
    public int GradientCount { get; init; }

    /// <summary>Where in such a block, and for how many elements, stands what has to be cleared before the first rows of a batch.</summary>
    public (int Offset, int Length) Cleared { get; init; }

    /// <summary>Elements of a block of weight tangents, which begins as a block of gradients does.</summary>
    public int TangentCount { get; init; }

    public int TrainedCount { get; init; }

    /// <summary>Elements of the stored parameters: trained, then frozen.</summary>
    public int ParameterCount { get; init; }

    /// <summary>The most rows that are processed together.</summary>
    public int Chunk { get; init; }

    /// <summary>Rows that are processed together of a batch that is larger than a chunk.</summary>
    public int LargeBatchChunk { get; init; }

    /// <summary>Elements of scratch per row of a chunk, for the forward pass.</summary>
    public int ScratchPerRow { get; init; }

    /// <summary>The same for the forward and the reverse pass.</summary>
    public int GradientScratchPerRow { get; init; }

    /// <summary>What the forward pass costs by its kernels, in operations at full rate.</summary>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    public double ForwardCost(int rows, int elementSize)
    {
        // Loads for a reflection and for the product of the next one: three for two operations.
        const double OperationsPerReflectedElement = 6;

        // A gather is a load for each element, whatever the vectors; a step in slices is few loads for a whole vector (measured).
        const double OperationsPerGatheredElement = 100, OperationsPerSlicedElement = 16;
        var selector = new KernelSelector(128 / elementSize, rows);
        return Forward.Sum(step => CostModel.OperationsPerStep + step switch
        {
            KernelStep kernel => selector.Operations(kernel),
            ReflectionsStep chain => OperationsPerReflectedElement * rows * chain.V.Storage.Length * chain.Outer,
            FanInStep fan => OperationsPerGatheredElement * rows * fan.V.Storage.Length,
            SlicedFanInStep sliced => OperationsPerSlicedElement * rows * sliced.Lanes * sliced.Steps,
            _ => CostModel.OperationsPerElement * rows * step.Target.Storage.Length,
        });
    }

    public long ForwardFlops => Plans.Sum(plan => plan.FlopsPerRow);

    public long ReverseFlops => Plans.Sum(plan => plan.ReverseFlopsPerRow);
}
