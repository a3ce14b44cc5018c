namespace Weft.Onnx;

/// <summary>The extent of an axis of a graph's tensor; with <paramref name="IsRows"/> times the rows of the batch, which only a run knows.</summary>
internal readonly record struct Dim(int Extent, bool IsRows = false)
{
    /// <summary>The rows of the batch.</summary>
    public static readonly Dim Rows = new(1, true);

    public static implicit operator Dim(int extent) => new(extent);

    public static Dim operator *(Dim left, Dim right) => new(left.Extent * right.Extent, left.IsRows || right.IsRows);

    /// <summary>What a shape says: −1 is what is left over.</summary>
    public long InShape => IsRows ? -1 : Extent;
}

/// <summary>A tensor of a graph.</summary>
/// <param name="Name">Unique in the model.</param>
/// <param name="Shape">The extents of its axes.</param>
internal sealed record Value(string Name, IReadOnlyList<Dim> Shape)
{
    /// <summary>The tensor whose elements in order these are, where it is one in another shape.</summary>
    public Value? Source { get; init; }

    public int Rank => Shape.Count;

    public bool HasRows => Shape.Any(dim => dim.IsRows);
}

/// <summary>An axis of a tensor and how far its positions are apart in a row; the rows of a batch are one too.</summary>
internal readonly record struct Axis(int Extent, int Stride, bool IsRows = false)
{
    public static readonly Axis Rows = new(1, 0, true);

    public Dim Dim => new(Extent, IsRows);
}

/// <summary>
/// Consecutive elements of a storage as a tensor of a graph, whose axes need not lie in it in their order: an element is where the sum of positions
/// times strides says. So a transpose is not done before it is known what reads it.
/// </summary>
/// <param name="Value">The tensor.</param>
/// <param name="Axes">Its axes, none of extent 1: the digits of positions in a row, and perhaps the rows.</param>
internal sealed record Laid(Value Value, IReadOnlyList<Axis> Axes)
{
    public int Length => Axes.Aggregate(1, (length, axis) => length * axis.Extent);

    public bool HasRows => Axes.Any(axis => axis.IsRows);
}

/// <summary>What is in a storage: parts that do not overlap, in order. What no part holds is zero.</summary>
internal sealed class Content(int length)
{
    public int Length { get; } = length;

    public List<(int Offset, Laid Part)> Parts { get; } = [];
}
