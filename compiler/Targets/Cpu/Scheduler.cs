using Weft.Compiler.Network;
using Weft.Compiler.Operations;

namespace Weft.Compiler.Targets.Cpu;

/// <summary>
/// From a module to what a processor does: the program and its derivatives, a kernel for each contraction with the packed copies that it reads,
/// and the layout of it all.
/// </summary>
public sealed class Scheduler
{
    private readonly Variant _variant;
    private readonly KernelSelector _selector;
    private readonly StoragePool _pool = new();
    private readonly Dictionary<string, (Storage Packed, Storage Source, Packing Packing, HashSet<(Aspect, bool Scatter)> Uses)> _packs = new(StringComparer.Ordinal);

    private Scheduler(Variant variant) => (_variant, _selector) = (variant, KernelSelector.For(variant));

    /// <summary>Lanes of the widest vector that there is, which the runtime's slices have.</summary>
    private int Lanes => MemoryBlock.WidestVector / _variant.ElementSize;

    /// <param name="lowered">The module.</param>
    /// <param name="variant">What the schedule is for.</param>
    /// <param name="keepsElements">Whether tensors in short formats are kept as elements too, for a device that reads nothing else.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static Schedule Build(LoweredModule lowered, Variant variant, bool keepsElements = false, CancellationToken cancellationToken = default) =>
        new Scheduler(variant).Run(lowered, keepsElements, cancellationToken);

    private Schedule Run(LoweredModule lowered, bool keepsElements, CancellationToken cancellationToken)
    {
        OperationProgram program = SparseProducts.Fuse(
            ProgramBuilder.Build(lowered, _variant, _pool, contraction => _selector.Select(contraction).Cost, cancellationToken), _pool, Lanes);
        program = RowBlocks.Fuse(Masks.Fuse(program, _pool, keepsConstants: keepsElements), _pool);
        bool trains = _variant.HasDerivatives;
        Padding? padding = trains ? new Padding(program, _variant) : null;

        // The kernels are chosen before the packed copies that they ask for can be listed.
        List<Step> forward = Lower(CopyFusion.Run(program.Rows));
        List<Step> tangent = trains ? Lower(CopyFusion.Run(program.TangentRows())) : [];
        List<Step> reverse = trains ? [.. padding!.Steps, .. Lower(CopyFusion.Run(program.ReverseRows(_pool)), padding)] : [];
        List<Step> prepare = Lower(program.Weights);
        List<Step> prepareTangent = trains ? Lower(Tangents.Of(program.Weights)) : [];
        List<Step> prepareGradient = trains ? Lower(Gradients.Of(program.Weights, _pool)) : [];
        prepare.AddRange(Packs(Aspect.Value, scatter: false));
        prepare.AddRange(forward.OfType<SlicedFanInStep>().Select(product => new SliceStep(product)));
        prepareTangent.AddRange(Packs(Aspect.Mirror, scatter: false));
        prepareGradient.InsertRange(0, Packs(Aspect.Mirror, scatter: true));

        HashSet<Storage> transient = [];
        if (!keepsElements)
        {
            DropElements(prepare, [.. forward, .. tangent, .. reverse, .. prepareTangent, .. prepareGradient], transient);
        }

        HashSet<Storage> changing = OperationProgram.Changing(prepare), begun = BeginGradients(reverse);
        Storage[] copies = [.. padding?.Storages ?? []];
        var layout = Layout.Of(
            [.. _pool.Storages.Where(storage => !transient.Contains(storage))], copies, reverse.Concat(prepareGradient), begun, tangent.Concat(prepareTangent));
        return new Schedule(
            program,
            layout,
            [.. _pool.Storages, .. copies],
            [.. prepare.Where(step => !changing.Contains(step.Target.Storage))],
            [.. prepare.Where(step => changing.Contains(step.Target.Storage))],
            prepareTangent,
            prepareGradient,
            forward,
            tangent,
            reverse)
        {
            LeastRows = program.Rows.OfType<FanInStep>().Any() ? 3 * Lanes : ChunkRows.Least,
        };
    }

    /// <summary>The steps as a processor does them.</summary>
    private List<Step> Lower(IEnumerable<Step> steps, Padding? padding = null) => [.. steps.SelectMany(step => step switch
    {
        ContractStep contract => Choose(contract, padding),
        FanInStep product => [Slice(product)],
        LoopOperation looped => [looped.Forward(Lower(CopyFusion.Run(looped.Body), padding))],
        LoopStep loop => [loop with { Body = Lower(CopyFusion.Run(loop.Body), padding) }],
        _ => [step],
    })];

    /// <summary>A kernel for a contraction; two where what it adds to lies otherwise than its kernel can read.</summary>
    private IEnumerable<Step> Choose(ContractStep step, Padding? padding)
    {
        Contraction contraction = step.Contraction;
        KernelChoice choice = _selector.Select(padding?.Of(contraction) ?? contraction);
        Place target = PlaceOf(choice.C, scatter: true);
        var kernel = new KernelStep(
            choice.Kernel,
            PlaceOf(choice.A, scatter: false),
            choice.B is null ? null : PlaceOf(choice.B, scatter: false),
            target,
            step.Accumulates ? target : null,
            contraction);
        if (step.Accumulates || step.Addend is not { } addend)
        {
            return [kernel];
        }

        int pitch = addend.Stride(View.Rows);
        if (pitch == contraction.Target.Stride(View.Rows))
        {
            return [kernel with { Addend = addend.Place }];
        }

        // A sum over lanes adds the parts that its vectors of different widths leave to the target itself.
        return choice.Kernel.Form == LaneForm.Dot
            ? [.. Choose(new ContractStep(new Contraction(contraction.Target, addend, null, 1, contraction.Packs), accumulate: false), padding), kernel with { Addend = target }]
            : [kernel with { Addend = addend.Place, Kernel = choice.Kernel with { AddendPitch = pitch } }];
    }

    /// <summary>
    /// A product with a sparse matrix; for a few rows from a copy in slices, where outputs have an entry in each window on average.
    /// </summary>
    private Step Slice(FanInStep product)
    {
        FanInMatrix matrix = product.Matrix;
        long room = SlicedFanInStep.RoomOf(matrix, _variant.ElementSize);
        if (!_variant.Costs.IsForFewRows || matrix.Inputs > 2L * Lanes * matrix.FanIn || room * _variant.ElementSize > int.MaxValue)
        {
            return product;
        }

        Storage copy = _pool.NewCopy(matrix.V.Storage, room, trained: false);
        return new SlicedFanInStep(product, Place.Of(copy), Lanes, (int)SlicedFanInStep.StepsOf(matrix, Lanes));
    }

    private Place PlaceOf(PackedView packed, bool scatter)
    {
        View view = packed.View;
        if (packed.Packing is not { } packing)
        {
            return view.Place;
        }

        string key = FormattableString.Invariant($"{_pool.IndexOf(view.Storage)}{packed.Format}+{packing.Offset}:") + string.Join(
            ",", packing.Axes.Select(axis => FormattableString.Invariant($"{axis.Extent}x{axis.Stride}")));
        if (!_packs.TryGetValue(key, out var pack))
        {
            long length = packing.Axes.Aggregate(1L, (product, axis) => product * axis.Extent);
            int bits = 8 * _variant.ElementSize;
            length = packed.Format is { } format ? ((length * format.Bits) + bits - 1) / bits : length;
            pack = (_pool.NewCopy(view.Storage, length, packed.Format), view.Storage, packing, []);
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

    /// <summary>
    /// What only copies in a short format are made of is not kept: they round what it rounds, and other values are there only while they are
    /// made.
    /// </summary>
    private void DropElements(List<Step> prepare, IReadOnlyList<Step> others, HashSet<Storage> transient)
    {
        foreach (Storage storage in _pool.Derived.Where(storage => storage.Format is not null).Reverse().ToList())
        {
            IEnumerable<Step> users = prepare.Concat(others).Where(step => step.Places.Any(place => place.Storage == storage));
            if (!users.All(step => IsCopy(step, storage) || (step is FunctionStep function && function.Result == storage)))
            {
                continue;
            }

            if (storage.Rounds is not { } source)
            {
                transient.Add(storage);
                continue;
            }

            prepare.RemoveAll(step => step is FunctionStep && step.Target.Storage == storage);
            for (int k = 0; k < prepare.Count; k++)
            {
                prepare[k] = prepare[k] is PackStep pack && pack.Source == storage ? pack with { Source = source } : prepare[k];
            }

            _pool.Remove(storage);
        }

        // A copy of the source that is not packed in a format would hold what is not rounded.
        static bool IsCopy(Step step, Storage storage) =>
            step is PackStep pack && pack.Source == storage && (storage.Rounds is null || pack.Packed.PackedFormat is not null);
    }

    /// <summary>
    /// The first step of the reverse pass that adds to the gradient of a derived weight, all of it, need not add: what is there before
    /// the first rows of a batch is nothing.
    /// </summary>
    /// <returns>The weights whose gradients begin so.</returns>
    private static HashSet<Storage> BeginGradients(List<Step> reverse)
    {
        var begun = new HashSet<Storage>();
        var seen = new HashSet<Storage>();
        for (int k = 0; k < reverse.Count; k++)
        {
            foreach (Storage storage in reverse[k].Writes.Select(place => place.Storage).Where(storage => storage is { IsPerRow: false, IsParameter: false } && seen.Add(storage)).ToList())
            {
                if (reverse[k] is KernelStep { Accumulates: true, CoversTarget: true } kernel)
                {
                    reverse[k] = kernel with { Begins = true };
                    begun.Add(storage);
                }
            }
        }

        return begun;
    }
}
