namespace Weft.Kernels;

/// <summary>How a generated map lies in memory, and how many rows its passes take at once.</summary>
public sealed record MapLayout
{
    /// <summary>The length of the weight block: the parameters, then seeded, derived and packed tensors.</summary>
    public required int WeightCount { get; init; }

    /// <summary>The length of a block of weight gradients: place for the trained parameters, then derived and packed tensors.</summary>
    public required int GradientCount { get; init; }

    /// <summary>The length of a block of weight tangents, laid out like the gradients and perhaps longer.</summary>
    public required int TangentCount { get; init; }

    /// <summary>The most rows that are processed together.</summary>
    public required int Chunk { get; init; }

    /// <summary>The rows of a batch larger than a chunk that are processed together, so that their intermediate results stay in cache; 0 for as many as a chunk has.</summary>
    public int LargeBatchChunk { get; init; }

    /// <summary>The most rows of a batch that the forward pass for few rows is for; 0 if there is none.</summary>
    public int FewRows { get; init; }

    /// <summary>The elements of scratch for each row that is processed together with others, forward only.</summary>
    public required int ScratchPerRow { get; init; }

    /// <summary>The same forward and backward, or forward with tangents.</summary>
    public required int GradientScratchPerRow { get; init; }

    /// <summary>Refuses a layout whose numbers contradict each other or the map's: kernels write where it says.</summary>
    internal void Validate(MapDescription map)
    {
        map.Validate(WeightCount);
        map.Require(Chunk > 0, "Chunk must be positive");
        map.Require(0 <= LargeBatchChunk && LargeBatchChunk <= Chunk, "0 ≤ LargeBatchChunk ≤ Chunk must hold");
        map.Require(0 <= FewRows && FewRows <= Chunk, "0 ≤ FewRows ≤ Chunk must hold");
        map.Require(map.TrainedCount <= GradientCount && GradientCount <= TangentCount, "TrainedCount ≤ GradientCount ≤ TangentCount must hold");
        map.Require(ScratchPerRow >= 0 && GradientScratchPerRow >= 0, "scratch must not be negative");
        map.Require(
            (long)Chunk * Math.Max(Math.Max(map.Inputs, 2 * (long)map.Outputs), Math.Max(ScratchPerRow, GradientScratchPerRow)) <= MemoryBlock.MaxLength,
            "a chunk of rows and its scratch must fit into one block");
    }
}
