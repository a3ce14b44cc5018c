using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Scheduling;

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
    public FewRows? FewRows { get; init; }

    /// <summary>The most rows that are processed together.</summary>
    public int Chunk { get; init; }

    /// <summary>Rows that are processed together of a batch that is larger than a chunk.</summary>
    public int LargeBatchChunk { get; init; }

    /// <summary>What the forward pass costs by its kernels, in operations at full rate.</summary>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    public double ForwardCost(int rows, int elementSize)
    {
        // Loads for a reflection and for the product of the next one: three for two operations.
        const double OperationsPerReflectedElement = 6;

        // An entry of a sparse matrix is a load with an address of its own, for as many rows as a vector has lanes; in slices it is one lane of a
        // few loads that a tile of four rows shares (measured).
        const double OperationsPerEntry = 130, OperationsPerSlicedEntry = 7, OperationsPerSlicedProduct = 5;
        var selector = new KernelSelector(KernelSelector.PanelOf(elementSize), rows);
        return Forward.Sum(step => CostModel.OperationsPerStep + step switch
        {
            KernelStep kernel => selector.Operations(kernel),
            ReflectionsStep chain => OperationsPerReflectedElement * rows * chain.V.Storage.Length * chain.Outer,
            FanInStep { Matrix: var matrix } => OperationsPerEntry * Vectors(rows) * matrix.Outputs * matrix.FanIn,
            SlicedFanInStep sliced => ((OperationsPerSlicedEntry * ((rows + 3) / 4)) + (OperationsPerSlicedProduct * rows)) * sliced.Lanes * sliced.Steps,
            _ => CostModel.OperationsPerElement * rows * step.Target.Storage.Length,
        });

        // Vectors that rows fill: of 512 bits, then of 256 and of 128, then single ones.
        int Vectors(int rows)
        {
            int vectors = 0;
            for (int bytes = 64; bytes >= 16; bytes /= 2)
            {
                vectors += rows / (bytes / elementSize);
                rows %= bytes / elementSize;
            }

            return vectors + rows;
        }
    }

    public long ForwardFlops => Plans.Sum(plan => plan.FlopsPerRow);

    public long ReverseFlops => Plans.Sum(plan => plan.ReverseFlopsPerRow);
}
