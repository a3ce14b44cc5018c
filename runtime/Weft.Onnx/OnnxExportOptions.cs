using System.Collections.Immutable;

namespace Weft.Onnx;

/// <summary>How a map becomes a model.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>The rows that the order of products is planned for; a model takes any number.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>The <c>.weft</c> files whose declarations the map's formula names, their texts by their paths; none for a formula over the standard library.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = ImmutableDictionary<string, string>.Empty;
}
