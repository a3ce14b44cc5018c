using Weft.Compiler.Algebra;

namespace Weft.Compiler.Scheduling;

/// <summary>What is derived from parameters: which of it is kept, when it is made, where it and its gradients lie, and its packed copies.</summary>
public sealed partial class Scheduler
{
    private const string InGradients = "the gradients of parameters and of what is made of them";

    /// <summary>What is not the same after an update of the trained parameters, whether or not a derivative passes to them.</summary>
    private HashSet<Storage> Changing(List<Step> prepare)
    {
        var changing = new HashSet<Storage>(_trained);
        foreach (Step step in prepare.Where(step => step.Reads.Any(place => changing.Contains(place.Storage))))
        {
            changing.Add(step.Target.Storage);
        }

        return changing;
    }

    /// <summary>
    /// What only copies in a short format are made of is not kept: they round what it rounds, and other values are there only while they are
    /// made.
    /// </summary>
    private void DropElements(List<Step> prepare, IReadOnlyList<Step> others)
    {
        foreach (Storage storage in _derived.Where(storage => storage.Format is not null).Reverse().ToList())
        {
            IEnumerable<Step> users = prepare.Concat(others).Where(step => step.Places.Any(place => place.Storage == storage));
            if (!users.All(step => IsCopy(step, storage) || (step is FunctionStep function && function.Result == storage)))
            {
                continue;
            }

            if (storage.Rounds is not { } source)
            {
                storage.IsTransient = true;
                continue;
            }

            prepare.RemoveAll(step => step is FunctionStep && step.Target.Storage == storage);
            for (int k = 0; k < prepare.Count; k++)
            {
                prepare[k] = prepare[k] is PackStep pack && pack.Source == storage ? pack with { Source = source } : prepare[k];
            }

            _derived.Remove(storage);
            _storages.Remove(storage);
        }

        // A copy of the source that is not packed in a format would hold what is not rounded.
        static bool IsCopy(Step step, Storage storage) =>
            step is PackStep pack && pack.Source == storage && (storage.Rounds is null || pack.Packed.PackedFormat is not null);
    }

    /// <summary>Derived and packed weights stand behind the parameters, each from a cache line on.</summary>
    private void PlaceDerivedWeights()
    {
        foreach (Storage storage in _derived.Where(storage => !storage.IsTransient))
        {
            storage.Offset = Fit(Align(_weightCount), InWeights);
            _weightCount = storage.Offset + (long)storage.Length;
        }
    }

    /// <summary>
    /// The first step of the reverse pass that adds to the gradient of a derived weight, all of it, need not add: what is there before
    /// the first rows of a batch is nothing.
    /// </summary>
    /// <returns>The weights whose gradients begin so.</returns>
    private HashSet<Storage> BeginGradients(List<Step> reverse)
    {
        var begun = new HashSet<Storage>();
        var seen = new HashSet<Storage>();
        for (int k = 0; k < reverse.Count; k++)
        {
            Storage storage = reverse[k].Target.Storage;
            if (_derived.Contains(storage) && seen.Add(storage) && reverse[k] is KernelStep { Accumulates: true, CoversTarget: true } kernel)
            {
                reverse[k] = kernel with { Begins = true };
                begun.Add(storage);
            }
        }

        return begun;
    }

    /// <summary>
    /// Gradients and tangents of weights have a block of their own, as long as there is something to hold: the trained parameters as they
    /// stand, then what the reverse pass needs, first what has to be cleared for it, then what only the forward mode does.
    /// </summary>
    /// <returns>How far the reverse pass reaches, how far what it clears, and how far the forward mode.</returns>
    private (int Gradient, int Cleared, int Tangent) PlaceWeightMirrors(IEnumerable<Step> reverse, HashSet<Storage> begun, IEnumerable<Step> tangent)
    {
        long count = 0;
        var placed = new HashSet<Storage>();
        foreach (Storage storage in _storages.Where(storage => storage.Space == Space.Weights && !_derived.Contains(storage) && _trained.Contains(storage)))
        {
            Place(storage, storage.Length);
        }

        Storage[] needed = [.. reverse.SelectMany(Mirrors)];
        foreach (Storage storage in needed.Where(storage => !begun.Contains(storage)))
        {
            Place(storage, Align(storage.Length));
        }

        int cleared = Fit(count, InGradients);
        foreach (Storage storage in needed)
        {
            Place(storage, Align(storage.Length));
        }

        int gradient = Fit(count, InGradients);
        foreach (Storage storage in tangent.SelectMany(Mirrors))
        {
            Place(storage, Align(storage.Length));
        }

        return (gradient, cleared, Fit(count, InGradients));

        void Place(Storage storage, long length)
        {
            if (storage.Space == Space.Weights && placed.Add(storage))
            {
                storage.MirrorOffset = Fit(_derived.Contains(storage) ? Align(count) : count, InGradients);
                count = storage.MirrorOffset + length;
            }
        }

        static IEnumerable<Storage> Mirrors(Step step) => step.Places.Where(place => place.Aspect == Aspect.Mirror).Select(place => place.Storage);
    }

    private Place PlaceOf(PackedView packed, bool scatter)
    {
        View view = packed.View;
        if (packed.Packing is not { } packing)
        {
            return new Place(view.Storage, view.Aspect, view.Position.Offset);
        }

        string key = FormattableString.Invariant($"{_storages.IndexOf(view.Storage)}{packed.Format}+{packing.Offset}:") + string.Join(
            ",", packing.Axes.Select(axis => FormattableString.Invariant($"{axis.Extent}x{axis.Stride}")));
        if (!_packs.TryGetValue(key, out var pack))
        {
            long length = packing.Axes.Aggregate(1L, (product, axis) => product * axis.Extent);
            int bits = 8 * _elementSize;
            length = packed.Format is { } format ? ((length * format.Bits()) + bits - 1) / bits : length;
            Storage storage = NewWeight(view.Storage.Name, Fit(length, "a packed copy"), _trained.Contains(view.Storage), packed: true, packedFormat: packed.Format);
            pack = (storage, view.Storage, packing, []);
            _packs.Add(key, pack);
        }

        pack.Uses.Add((view.Aspect, scatter));
        return new Place(pack.Packed, view.Aspect, 0);
    }

    private IEnumerable<Step> Packs(Aspect aspect, bool scatter) => _packs.Values
        .Where(pack => pack.Uses.Contains((aspect, scatter)))
        .Select(pack => new PackStep(
            pack.Source,
            pack.Packing.Offset,
            pack.Packed,
            [.. pack.Packing.Axes.Select(axis => axis.Extent)],
            [.. pack.Packing.Axes.Select(axis => axis.Stride)],
            aspect,
            scatter));
}
