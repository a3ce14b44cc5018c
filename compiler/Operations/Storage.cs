using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Operations;

/// <summary>Which of the blocks that generated code is handed a tensor lives in, and with it how often its numbers change.</summary>
public enum Space
{
    /// <summary>Parameters, and what is derived from them once per update.</summary>
    Weights,

    /// <summary>The rows of x.</summary>
    Input,

    /// <summary>The rows of y.</summary>
    Output,

    /// <summary>Scratch for one chunk of rows.</summary>
    Scratch,
}

/// <summary>A part of another storage that moves with the steps of a loop.</summary>
/// <param name="Of">The other storage.</param>
/// <param name="Offset">Where the part begins in the first step.</param>
/// <param name="Strides">How far it moves with each index of the loop, the outermost first.</param>
public sealed record StepWindow(Storage Of, int Offset, params int[] Strides)
{
    /// <summary>Whether it is another part in other steps.</summary>
    public bool Moves => Array.Exists(Strides, stride => stride != 0);

    /// <summary>Where it begins at a place of the loop.</summary>
    public long At(params int[] step) => Offset + step.Zip(Strides, (index, stride) => (long)index * stride).Sum();
}

/// <summary>
/// Room for a tensor. It may have a mirror of equal length that holds its gradient in the reverse pass and its tangent in the forward mode.
/// Where in its block it lies is a target's business. Identity is the object.
/// </summary>
public sealed class Storage(string name, Space space, int length)
{
    public string Name { get; } = name;

    public Space Space { get; } = space;

    /// <summary>Elements: of one row, or of the whole tensor for weights.</summary>
    public int Length { get; } = length;

    /// <summary>
    /// Elements from one row to the next. A pitch that is a large power of two would put a column of rows into one set of the cache,
    /// so scratch that is only ever read by index is padded.
    /// </summary>
    public int Pitch { get; init; } = length;

    /// <summary>Whether it is a parameter, and not derived from others.</summary>
    public bool IsParameter { get; init; }

    /// <summary>Whether it is a weight that a gradient has to reach.</summary>
    public bool IsTrained { get; init; }

    /// <summary>Whether it is a copy of another in the order that a kernel reads.</summary>
    public bool IsPacked { get; init; }

    /// <summary>The format that its elements fit into without loss, if there is one.</summary>
    public StorageFormat? Format { get; init; }

    /// <summary>The format of a packed copy; null for whole elements.</summary>
    public StorageFormat? PackedFormat { get; init; }

    /// <summary>The weight that this one is, rounded to <see cref="Format"/>. Gradients and tangents are that one's own.</summary>
    public Storage? Rounds { get; init; }

    /// <summary>What it is a part of, in the steps of a loop; null for what has room of its own.</summary>
    public StepWindow? Window { get; init; }

    /// <summary>For the state before and behind each step of a scan: where nothing is kept for other passes, there is no more than one of each.</summary>
    public bool IsState { get; init; }

    /// <summary>Whose mirror is the gradient for this one.</summary>
    public Storage Mirrored => Rounds?.Mirrored ?? this;

    /// <summary>Whether it is noise, through which no derivative passes.</summary>
    public bool IsNoise { get; init; }

    /// <summary>Whether it has a mirror: whatever differs from row to row does, but noise.</summary>
    public bool HasMirror => IsPerRow ? !IsNoise : Mirrored.IsTrained;

    public bool IsPerRow => Space != Space.Weights;

    public override string ToString() => Name;
}

/// <summary>Whether a step reads and writes a tensor itself, or its mirror: the gradient, or in the forward mode the tangent.</summary>
public enum Aspect
{
    Value,
    Mirror,
}

/// <summary>A place that a step is handed a pointer to.</summary>
public sealed record Place(Storage Storage, Aspect Aspect, int Offset)
{
    /// <summary>Where the mirror of what is here lies.</summary>
    public Place Mirror => MirrorOf(Storage) with { Offset = Offset };

    /// <summary>The same of what a part of another storage is a part of.</summary>
    public Place Whole => Storage.Window is { } window ? new Place(window.Of, Aspect, 0) : this;

    /// <summary>What listings call it: <c>t1</c>, <c>∂t1</c>.</summary>
    public string Name => (Aspect == Aspect.Mirror ? "∂" : "") + Storage.Name;

    public override string ToString() => Offset == 0 ? Name : FormattableString.Invariant($"{Name}+{Offset}");

    public static Place Of(Storage storage) => new(storage, Aspect.Value, 0);

    public static Place MirrorOf(Storage storage) => new(storage.Mirrored, Aspect.Mirror, 0);
}

/// <summary>A tensor inside a step: the elements of a storage at an affine position. The rows of a batch are an index like any other.</summary>
public sealed record View(Storage Storage, Affine Position, Aspect Aspect = Aspect.Value)
{
    /// <summary>The rows of a batch: the one index whose extent is known only at run time.</summary>
    public static readonly Index Rows = new("n", 0);

    /// <summary>The view of a storage by rows, or of a weight.</summary>
    public static View Of(Storage storage, Affine position) => new(
        storage,
        storage.IsPerRow ? position + new Affine(0, [(Rows, storage.Pitch)]) : position);

    /// <summary>Where it begins.</summary>
    public Place Place => new(Storage, Aspect, Position.Offset);

    public View Mirror => this with { Storage = Storage.Mirrored, Aspect = Aspect.Mirror };

    public bool Has(Index index) => Position.Contains(index);

    public int Stride(Index index) => Position.StrideOf(index);

    /// <summary>How far below its offset indices with negative strides lead.</summary>
    public int Below => -Position.Terms.Where(term => term.Index != Rows).Sum(term => Math.Min(0, term.Stride * (term.Index.Extent - 1)));

    /// <summary>Whether two assignments of its indices lead to one element: what writes there has to add.</summary>
    public bool Overlaps => Position.Overlapping.Count > 0;

    /// <summary>Whether it mentions every element of its storage (of every row).</summary>
    public bool CoversStorage => !Overlaps && Position.Indices.Where(index => index != Rows).Aggregate(1L, (product, index) => product * index.Extent) == Storage.Length;
}
