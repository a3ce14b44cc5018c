namespace Weft.Compiler.Planning;

/// <summary>
/// What a processor has, and what follows from it for tiles, panels, pitches, chunks and costs: all that the compiler knows of one. Results do not
/// depend on it but for the order of sums.
/// </summary>
/// <param name="Name">The instruction set.</param>
/// <param name="VectorBytes">Bytes of its widest vector.</param>
/// <param name="Registers">The number of vector registers.</param>
/// <param name="FirstLevelBytes">The first-level cache for data, of a core.</param>
/// <param name="FirstLevelWays">Lines of one set of it.</param>
/// <param name="SecondLevelBytes">The second-level cache, of a core.</param>
/// <param name="ThirdLevelBytes">What a core can count on of the third-level cache.</param>
public sealed record ProcessorModel(
    string Name, int VectorBytes, int Registers, int FirstLevelBytes, int FirstLevelWays, int SecondLevelBytes, int ThirdLevelBytes)
{
    /// <summary>Bytes of a panel of packed weights: what the runtime's tiles read.</summary>
    private const int PanelBytes = 2 * MemoryBlock.WidestVector;

    /// <summary>Its name, as the command line shows it.</summary>
    public override string ToString() => Name;

    /// <summary>Servers and desktops since 2017.</summary>
    public static readonly ProcessorModel Avx512 = new("AVX-512", 64, 32, 32 << 10, 8, 1 << 20, 16 << 20);

    /// <summary>AVX2 in its own encoding.</summary>
    public static readonly ProcessorModel Avx2 = new("AVX2", 32, 16, 32 << 10, 8, 512 << 10, 16 << 20);

    /// <summary>Vectors of 256 bits in AVX-512's encoding, which names twice as many registers.</summary>
    public static readonly ProcessorModel Avx512Narrow = Avx512 with { Name = "AVX-512, 256 bits", VectorBytes = 32 };

    /// <summary>Arm's 64-bit processors.</summary>
    public static readonly ProcessorModel Neon = new("NEON", 16, 32, 64 << 10, 4, 1 << 20, 8 << 20);

    /// <summary>
    /// Processors by name, from their makers' manuals for optimization, as .NET sees them: SVE is run as NEON. Of a cache that cores share it is the part of one,
    /// where the last one before memory is what a core can count on: 16 MiB at most.
    /// </summary>
    public static readonly IReadOnlyList<ProcessorModel> Named =
    [
        // Measured: 97 GFLOP/s against 70 GB/s.
        new("zen3", 32, 16, 32 << 10, 8, 512 << 10, 16 << 20) { OperationsPerElement = 5.5 },
        new("haswell", 32, 16, 32 << 10, 8, 256 << 10, 8 << 20),
        new("skylake-x", 64, 32, 32 << 10, 8, 1 << 20, 16 << 20),
        new("sapphire-rapids", 64, 32, 48 << 10, 12, 2 << 20, 16 << 20),

        // Four cores share a second-level cache of 12 MiB, and there is no third.
        new("m1", 16, 32, 128 << 10, 8, 3 << 20, 12 << 20),
        new("neoverse-v1", 16, 32, 64 << 10, 4, 1 << 20, 16 << 20),
    ];

    /// <summary>The one that plans and kernels are chosen for, where nothing else is said.</summary>
    public static readonly ProcessorModel Default = Avx512;

    /// <summary>Elements of a cache line, where rows and weights begin.</summary>
    public const int Line = 16;

    /// <summary>Operations that one element moved to or from the second-level cache is worth (measured: about 256 GFLOP/s against 50 Gelement/s).</summary>
    public double OperationsPerElement { get; init; } = 5;

    /// <summary>Operations lost in starting a step: a few nanoseconds.</summary>
    public double OperationsPerStep { get; init; } = 1000;

    /// <summary>How many times as long weights take for a single row if the rows of a tile are read side by side, pages apart (measured).</summary>
    public double SeveralStreams { get; init; } = 1.6;

    /// <summary>Operations that an entry of a sparse matrix is worth, for as many rows as a vector has lanes: a load with an address of its own (measured).</summary>
    public double OperationsPerEntry { get; init; } = 130;

    /// <summary>In slices: for a lane of a step, its loads that a tile of four rows shares, and its product with a row (measured).</summary>
    public (double Load, double Product) OperationsPerSlicedEntry { get; init; } = (7, 5);

    /// <summary>Loads for a reflection and for the product of the next one: three for two operations.</summary>
    public double OperationsPerReflectedElement { get; init; } = 6;

    /// <summary>Elements that stay in the first-level cache beside what streams past them.</summary>
    public int SmallOperand => FirstLevelBytes / 8;

    /// <summary>Bytes between rows of which only two share a way of the first-level cache.</summary>
    public int FarApart => FirstLevelBytes / FirstLevelWays / 2;

    /// <summary>Lanes of a panel of packed weights.</summary>
    /// <param name="elementSize">Bytes of an element.</param>
    public static int Panel(int elementSize) => PanelBytes / elementSize;

    /// <summary>Lanes of the widest vector.</summary>
    /// <param name="elementSize">Bytes of an element.</param>
    public int Lanes(int elementSize) => VectorBytes / elementSize;

    /// <summary>Rows of a register tile: three quarters of the registers are accumulators, the others hold operands.</summary>
    /// <param name="columns">The columns of the tile, in vectors.</param>
    public int TileRows(int columns) => Registers / 4 * 3 / columns;

    /// <summary>
    /// Elements from one row to the next. Rows a large power of two apart share the sets of the cache: five lines more and they do so only when there
    /// are many.
    /// </summary>
    /// <param name="length">Elements of a row.</param>
    public long Pitch(int length) => Align(length) % (FirstLevelBytes / FirstLevelWays / 16) == 0 ? Align(length) + (5 * Line) : Align(length);

    /// <summary>Whole cache lines.</summary>
    public static long Align(long length) => (length + Line - 1) / Line * Line;
}
