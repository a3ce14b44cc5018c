using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>Runs a kernel, <c>c = addend + a · b</c>.</summary>
/// <param name="Kernel">The loop nest that runs.</param>
/// <param name="A">The place of operand a.</param>
/// <param name="B">The place of operand b, if there is one.</param>
/// <param name="C">The place of the target.</param>
/// <param name="Addend">What is added to: null for nothing, the target itself, or another place whose rows are laid out like the target's.</param>
/// <param name="Contraction">What the kernel does.</param>
public sealed record KernelStep(Kernel Kernel, Place A, Place? B, Place C, Place? Addend, Contraction Contraction) : Step
{
    public bool Accumulates => Addend == C;

    /// <summary>Whether what it accumulates into is empty for the first rows of a batch.</summary>
    public bool Begins { get; init; }

    /// <summary>Whether it writes every element of its target.</summary>
    public bool CoversTarget => !Contraction.Target.Overlaps && Kernel.Loops
        .Where(loop => loop.C != 0 && !loop.IsRows)
        .Aggregate(1L, (product, loop) => product * loop.Extent) == C.Storage.Length;

    public override Place Target => C;

    public override long FlopsPerRow => Contraction.FlopsPerRow;

    public override string Describe()
    {
        string lanes = Kernel.Lanes.Name.Length == 0 ? "scalar" : $"lanes {Kernel.Lanes.Name}";
        return $"{Contraction.WithAddend(Kernel.Description, Accumulates, Addend)}    {(Kernel.Form == LaneForm.Dot ? $"{lanes}, summed" : lanes)}";
    }

    public override IEnumerable<Place> Reads => new[] { A, B, Addend }.OfType<Place>();
}

/// <summary>Copies rows to a pitch that spreads them over the sets of the cache.</summary>
public sealed record PadStep(Place A, Place C) : Step
{
    public override Place Target => C;

    public override string Describe() => $"{C.Storage} = {A.Name}, its rows {C.Storage.Pitch} apart";

    public override IEnumerable<Place> Reads => [A];
}

/// <summary>
/// <c>c (+)= A x</c> from a copy of A in slices of as many outputs as a vector has lanes: a step takes an entry of each output, out of a
/// window of x that two registers hold. Where the outputs of a slice have too little in common, it is done as ever.
/// </summary>
/// <param name="FanIn">The product that it computes.</param>
/// <param name="Slices">The place of the copy.</param>
/// <param name="Lanes">Outputs of a slice, of the widest vectors; narrower ones have more slices in the same room.</param>
/// <param name="Steps">The most steps that the copy has room for.</param>
public sealed record SlicedFanInStep(FanInStep FanIn, Place Slices, int Lanes, int Steps) : Step
{
    /// <summary>
    /// How many steps a copy gets room for. Entries drawn at random take about as many steps for a slice as an output has entries and x has vectors
    /// (measured).
    /// </summary>
    public static long StepsOf(FanInMatrix matrix, int lanes) => SlicesOf(matrix, lanes) * (matrix.FanIn + (matrix.Inputs / lanes)) * 9 / 8;

    /// <summary>The elements that a copy gets, enough for each width of vectors that there are slices for: an entry and its place for each lane and the window of each step, and where slices begin.</summary>
    public static long RoomOf(FanInMatrix matrix, int elementSize) => new[] { MemoryBlock.WidestVector, MemoryBlock.WidestVector / 2 }.Max(bytes =>
    {
        int lanes = bytes / elementSize;
        long length = (StepsOf(matrix, lanes) * (bytes + lanes + sizeof(int))) + ((SlicesOf(matrix, lanes) + 1) * sizeof(int));
        return (length + elementSize - 1) / elementSize;
    });

    private static long SlicesOf(FanInMatrix matrix, int lanes) => (matrix.Outputs + lanes - 1) / lanes;

    public override Place Target => FanIn.Target;

    public override long FlopsPerRow => FanIn.FlopsPerRow;

    public override string Describe() => $"{FanIn.Describe()}    lanes i";

    public override IEnumerable<Place> Reads => [.. FanIn.Reads, Slices];

    public override Place? Scratch => FanIn.Scratch;
}

/// <summary>Makes the copy that a product reads.</summary>
public sealed record SliceStep(SlicedFanInStep Product) : Step
{
    public override Place Target => Product.Slices;

    public override string Describe() => FormattableString.Invariant(
        $"{Product.FanIn.Matrix.V.Storage} and {Product.FanIn.Matrix.Table.Storage} packed in slices of {Product.Lanes} outputs, at most {Product.Steps} steps");

    public override IEnumerable<Place> Reads => [Product.FanIn.Matrix.Table, Product.FanIn.Matrix.V];
}

/// <summary>
/// Copies a weight into the order and format in which kernels read it; <paramref name="Scatter"/>: adds a gradient back from that order.
/// </summary>
public sealed record PackStep(
    Storage Source, int Offset, Storage Packed, IReadOnlyList<int> Extents, IReadOnlyList<int> Strides, Aspect Aspect, bool Scatter) : Step
{
    public override Place Target => Scatter ? new(Source, Aspect, Offset) : new(Packed, Aspect, 0);

    public override string Describe()
    {
        string extents = string.Join("×", Extents);
        return Scatter ? $"∂{Source} += ∂{Packed} unpacked from {extents}"
            : $"{Packed} packed as {extents}{(Packed.PackedFormat is { } format ? $" {format.Name.ToLowerInvariant()}" : "")}";
    }

    public override IEnumerable<Place> Reads => [Scatter ? new(Packed, Aspect, 0) : new(Source, Aspect, Offset)];
}
