using Weft.Compiler.Planning;
using Weft.Compiler.Text;

namespace Weft.Compiler.Operations;

/// <summary>Where every storage lies in its block: what is decided last, of steps that are all there.</summary>
/// <param name="Offsets">Where tensors begin: in scratch, elements per row of a chunk that stand before them.</param>
/// <param name="MirrorOffsets">Where their mirrors begin: in scratch, or in a block of weight gradients or tangents.</param>
public sealed record Layout(IReadOnlyDictionary<Storage, int> Offsets, IReadOnlyDictionary<Storage, int> MirrorOffsets)
{
    /// <summary>Elements of the weight block.</summary>
    public int WeightCount { get; init; }

    /// <summary>Elements of a block of weight gradients; the trained parameters come first.</summary>
    public int GradientCount { get; init; }

    /// <summary>How far such a block has to be cleared before the first rows of a batch.</summary>
    public int ClearedCount { get; init; }

    /// <summary>Elements of a block of weight tangents, which begins as a block of gradients does.</summary>
    public int TangentCount { get; init; }

    /// <summary>Elements of scratch per row of a chunk, for the forward pass.</summary>
    public int ScratchPerRow { get; init; }

    /// <summary>The same for the forward and the reverse pass.</summary>
    public int GradientScratchPerRow { get; init; }

    /// <summary>Whether a storage has a place. What is needed only while packed copies are made has none.</summary>
    public bool Holds(Storage storage) => Offsets.ContainsKey(storage);

    /// <summary>Where a tensor begins; 0 for the rows of x and y, which have blocks of their own.</summary>
    public int OffsetOf(Storage storage) => Offsets.TryGetValue(storage, out int offset) ? offset : 0;

    /// <summary>Where its mirror begins.</summary>
    public int MirrorOffsetOf(Storage storage) => MirrorOffsets.TryGetValue(storage, out int offset) ? offset : 0;

    /// <summary>Lays storages out.</summary>
    /// <param name="storages">Those that take room, parameters first.</param>
    /// <param name="copies">Copies of rows that the reverse pass makes, which have no mirrors.</param>
    /// <param name="reverse">What the reverse pass does, over rows and once.</param>
    /// <param name="begun">The weights whose gradients begin with what is written first, and need not be cleared.</param>
    /// <param name="tangent">What the forward mode does, likewise.</param>
    /// <exception cref="CompilationException">A block would be larger than there can be.</exception>
    public static Layout Of(IReadOnlyList<Storage> storages, IReadOnlyList<Storage> copies, IEnumerable<Step> reverse, HashSet<Storage> begun, IEnumerable<Step> tangent)
    {
        const string InScratch = "what is computed on the way for one row of the batch";
        var offsets = new Dictionary<Storage, int>();
        var mirrors = new Dictionary<Storage, int>();

        // Parameters stand side by side, and behind them what is derived from them, each from a cache line on.
        long weights = 0, scratch = 0;
        foreach (Storage storage in storages.Where(storage => !storage.IsPerRow))
        {
            offsets[storage] = Limits.Fit(storage.IsParameter ? weights : ProcessorModel.Align(weights), "the parameters with what is made of them");
            weights = offsets[storage] + (long)storage.Length;
        }

        foreach (Storage storage in storages.Where(storage => storage.IsPerRow))
        {
            offsets[storage] = Next(storage, ref scratch);
        }

        long all = scratch;
        foreach (Storage storage in storages.Where(storage => storage.IsPerRow))
        {
            mirrors[storage] = Next(storage, ref all);
        }

        foreach (Storage storage in copies)
        {
            offsets[storage] = Next(storage, ref all);
        }

        (int gradient, int cleared, int both) = WeightMirrors(storages, reverse, begun, tangent, mirrors);
        return new Layout(offsets, mirrors)
        {
            WeightCount = Limits.Fit(weights, "the parameters with what is made of them"),
            GradientCount = gradient,
            ClearedCount = cleared,
            TangentCount = both,
            ScratchPerRow = Limits.Fit(scratch, InScratch),
            GradientScratchPerRow = Limits.Fit(all, InScratch),
        };

        static int Next(Storage storage, ref long count)
        {
            int offset = Limits.Fit(count, InScratch);
            count += ProcessorModel.Align(storage.Pitch);
            return offset;
        }
    }

    /// <summary>
    /// Gradients and tangents of weights have a block of their own, as long as there is something to hold: the trained parameters as they
    /// stand, then what the reverse pass needs, first what has to be cleared for it, then what only the forward mode does.
    /// </summary>
    /// <returns>How far the reverse pass reaches, how far what it clears, and how far the forward mode.</returns>
    private static (int Gradient, int Cleared, int Tangent) WeightMirrors(
        IReadOnlyList<Storage> storages, IEnumerable<Step> reverse, HashSet<Storage> begun, IEnumerable<Step> tangent, Dictionary<Storage, int> mirrors)
    {
        const string InGradients = "the gradients of parameters and of what is made of them";
        long count = 0;
        foreach (Storage storage in storages.Where(storage => storage is { IsParameter: true, IsTrained: true }))
        {
            Place(storage, storage.Length);
        }

        Storage[] needed = [.. reverse.SelectMany(Mirrors)];
        foreach (Storage storage in needed.Where(storage => !begun.Contains(storage)))
        {
            Place(storage, ProcessorModel.Align(storage.Length));
        }

        int cleared = Limits.Fit(count, InGradients);
        foreach (Storage storage in needed)
        {
            Place(storage, ProcessorModel.Align(storage.Length));
        }

        int gradient = Limits.Fit(count, InGradients);
        foreach (Storage storage in tangent.SelectMany(Mirrors))
        {
            Place(storage, ProcessorModel.Align(storage.Length));
        }

        return (gradient, cleared, Limits.Fit(count, InGradients));

        void Place(Storage storage, long length)
        {
            if (!storage.IsPerRow && !mirrors.ContainsKey(storage))
            {
                mirrors[storage] = Limits.Fit(storage.IsParameter ? count : ProcessorModel.Align(count), InGradients);
                count = mirrors[storage] + length;
            }
        }

        static IEnumerable<Storage> Mirrors(Step step) => step.Places.Where(place => place.Aspect == Aspect.Mirror).Select(place => place.Storage);
    }
}
