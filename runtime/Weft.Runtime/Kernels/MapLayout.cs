using System.Collections.Immutable;

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

    /// <summary>The rows that are processed together at least, where a batch has them.</summary>
    public int LeastRows { get; init; } = ChunkRows.Least;

    /// <summary>The most rows that are processed together.</summary>
    public int MostRows { get; init; } = ChunkRows.Most;

    /// <summary>The most rows of a batch that the forward pass for few rows is for; 0 if there is none.</summary>
    public int FewRows { get; init; }

    /// <summary>The elements of scratch for each row that is processed together with others, forward only.</summary>
    public required int ScratchPerRow { get; init; }

    /// <summary>The same forward and backward, or forward with tangents.</summary>
    public required int GradientScratchPerRow { get; init; }

    /// <summary>Tensors in scratch that hold noise before a pass; none for most maps.</summary>
    public ImmutableArray<NoiseRows> Noise { get; init; } = [];

    /// <summary>Refuses a layout whose numbers contradict each other or the map's: kernels write where it says.</summary>
    internal void Validate(MapDescription map)
    {
        map.Validate(WeightCount);
        map.Require(0 < LeastRows && LeastRows <= MostRows, "0 < LeastRows ≤ MostRows must hold");
        map.Require(0 <= FewRows && FewRows <= MostRows, "0 ≤ FewRows ≤ MostRows must hold");
        map.Require(map.TrainedCount <= GradientCount && GradientCount <= TangentCount, "TrainedCount ≤ GradientCount ≤ TangentCount must hold");
        map.Require(ScratchPerRow >= 0 && GradientScratchPerRow >= 0, "scratch must not be negative");
        map.Require(Noise.All(noise => noise.Offset >= 0 && noise.Length >= 0 && noise.Offset <= GradientScratchPerRow - noise.Length), "noise must lie in scratch");
        map.Require(Math.Max(1, FewRows) * Longest(map) <= MemoryBlock.MaxLength, "a row and its scratch, or few, must fit into one block");
    }

    /// <summary>How many rows are processed together, of a larger batch and of one that is at most one chunk.</summary>
    /// <param name="map">The map.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    /// <param name="secondLevelBytes">The second-level cache, of a core.</param>
    /// <param name="lastLevelBytes">What a core can count on of the last cache before memory.</param>
    internal (int OfLarger, int AtMost) Chunk(MapDescription map, int elementSize, long secondLevelBytes, long lastLevelBytes)
    {
        long weights = 0;
        foreach (ParameterInfo parameter in map.Parameters)
        {
            weights += parameter.Length;
        }

        (int ofLarger, int atMost) = ChunkRows.Of(
            elementSize * ((long)map.Inputs + map.Outputs + ScratchPerRow), elementSize * weights, LeastRows, secondLevelBytes, lastLevelBytes);
        int most = (int)Math.Min(MostRows, MemoryBlock.MaxLength / Longest(map));
        return (Math.Min(most, ofLarger), Math.Min(most, atMost));
    }

    /// <summary>The most elements that a block has for each row of a chunk.</summary>
    private long Longest(MapDescription map) => Math.Max(Math.Max(map.Inputs, 2 * (long)map.Outputs), Math.Max(ScratchPerRow, GradientScratchPerRow));
}
