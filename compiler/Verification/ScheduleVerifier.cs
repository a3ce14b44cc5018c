using Weft.Compiler.Algebra;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Targets.Cpu;

namespace Weft.Compiler.Verification;

/// <summary>
/// Whether a schedule touches nothing but its own memory: storages lie inside their blocks and apart from each other, steps stay inside their
/// storages, and nothing is read that was not written. Kernels are judged by their loops, which are what runs, and not by what they are for.
/// </summary>
public sealed class ScheduleVerifier
{
    private readonly Schedule _schedule;
    private readonly int _elementSize;
    private readonly int _panel;
    private readonly HashSet<Storage> _known;

    /// <summary>What stands for inputs and for outputs.</summary>
    private ILookup<Space, Storage>? _ends;

    /// <summary>The steps that were found to stay inside what they touch.</summary>
    private readonly HashSet<Step> _judged = new(ReferenceComparer<Step>.Instance);

    /// <summary>Numbers that a packed copy holds, where they are not elements.</summary>
    private readonly Dictionary<Storage, long> _packed = [];

    private ScheduleVerifier(Schedule schedule, int elementSize)
    {
        (_schedule, _elementSize, _panel) = (schedule, elementSize, ProcessorModel.Panel(elementSize));
        _known = [.. schedule.Storages];
        foreach (PackStep pack in schedule.PrepareFrozen.Concat(schedule.Prepare).OfType<PackStep>().Where(pack => pack.Packed.PackedFormat is not null))
        {
            _packed[pack.Packed] = Count(pack);
        }
    }

    /// <summary>The first fault, or null.</summary>
    /// <param name="schedule">The schedule; the pass for few rows that it may have is judged by itself.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    public static string? Fault(Schedule schedule, int elementSize)
    {
        var verifier = new ScheduleVerifier(schedule, elementSize);
        return verifier.Placement() ?? verifier.Passes();
    }

    /// <summary>The first fault of the forward passes beside the schedule's own, if there are any; or null.</summary>
    /// <param name="schedule">The schedule that has them.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    public static string? FaultOfOthers(Schedule schedule, int elementSize) =>
        schedule.Others.Select(pass => new ScheduleVerifier(pass.Schedule, elementSize).Fault(pass, schedule)).FirstOrDefault(fault => fault is not null);

    private Layout Layout => _schedule.Layout;

    // --- Where storages lie ---

    private string? Placement()
    {
        Storage[] weights = [.. Held(_schedule)];
        Storage[] scratch = [.. _schedule.Storages.Where(storage => storage.Space == Space.Scratch)];
        HashSet<Storage> reverse = Mirrors(_schedule.Reverse.Concat(_schedule.PrepareGradient)), tangent = Mirrors(_schedule.Tangent.Concat(_schedule.PrepareTangent));
        HashSet<Storage> padded = [.. _schedule.Reverse.OfType<PadStep>().Select(pad => pad.C.Storage)];
        return Apart(weights.Select(storage => (storage, Layout.OffsetOf(storage), storage.Length)), Layout.WeightCount, "weights")
            ?? Apart(weights.Where(reverse.Contains).Select(storage => (storage, Layout.MirrorOffsetOf(storage), storage.Length)), Layout.GradientCount, "gradients")
            ?? Apart(weights.Where(storage => reverse.Contains(storage) || tangent.Contains(storage)).Select(storage => (storage, Layout.MirrorOffsetOf(storage), storage.Length)), Layout.TangentCount, "tangents")
            ?? Apart(scratch.Where(storage => !padded.Contains(storage)).Select(storage => (storage, Layout.OffsetOf(storage), storage.Pitch)), Layout.ScratchPerRow, "scratch")
            ?? Apart(
                scratch.Select(storage => (storage, Layout.OffsetOf(storage), storage.Pitch))
                    .Concat(scratch.Where(storage => !padded.Contains(storage)).Select(storage => (storage, Layout.MirrorOffsetOf(storage), storage.Pitch))),
                Layout.GradientScratchPerRow,
                "scratch of the reverse pass")
            ?? (_schedule.Storages.FirstOrDefault(storage => storage.Pitch < storage.Length) is { } narrow ? $"rows of {narrow} overlap" : null)
            ?? (_schedule.TrainedCount <= Layout.GradientCount && Layout.GradientCount <= Layout.TangentCount ? null : "the blocks of gradients and tangents do not begin alike");
    }

    private static HashSet<Storage> Mirrors(IEnumerable<Step> steps) =>
        [.. steps.SelectMany(step => step.Places).Where(place => place.Aspect == Aspect.Mirror).Select(place => place.Storage)];

    /// <summary>Whether storages lie apart in a block of a size.</summary>
    internal static string? Apart(IEnumerable<(Storage Storage, int Start, int Length)> places, int size, string block)
    {
        long end = 0;
        string before = "the block's start";
        foreach ((Storage storage, int start, int length) in places.OrderBy(place => place.Start))
        {
            if (start < end)
            {
                return $"{storage} at {start} overlaps {before}, which ends at {end}, in {block}";
            }

            (end, before) = (start + (long)length, storage.Name);
        }

        return end <= size ? null : $"{before} ends at {end}, behind the {size} elements of {block}";
    }

    // --- What each pass finds written, and leaves so ---

    private string? Passes()
    {
        (Storage Storage, Aspect Aspect)[] stored = [.. _schedule.Parameters.Select(place => (place.Storage, Aspect.Value))];
        var weights = new Memory(this, stored);
        if ((weights.Run(_schedule.PrepareFrozen) ?? weights.Run(_schedule.Prepare)) is { } unprepared)
        {
            return $"prepare: {unprepared}";
        }

        // A block of tangents is zero but for the trained parameters; one of gradients where it is cleared, and what the caller adds to.
        (Storage Storage, Aspect Aspect)[] mirrors = [.. _known.Where(storage => storage.Space == Space.Weights).Select(storage => (storage, Aspect.Mirror))];
        (Storage Storage, Aspect Aspect)[] empty = [.. mirrors.Where(place => Layout.MirrorOffsetOf(place.Storage) < Layout.ClearedCount || place.Storage.Length == 0)];
        Memory forward = weights.With(Space.Input, Aspect.Value).With(_schedule.Program.Noise.Select(place => (place.Storage, Aspect.Value)));
        if ((forward.Run(_schedule.Forward, ReadsOutput) ?? forward.Lacks(Space.Output, Aspect.Value)) is { } notForward)
        {
            return $"forward: {notForward}";
        }

        Memory tangent = weights.With(mirrors);
        if (tangent.Run(_schedule.PrepareTangent) is { } notPrepared)
        {
            return $"prepare tangent: {notPrepared}";
        }

        if (_schedule.Tangent.Count > 0)
        {
            tangent = forward.With(mirrors).With(Space.Input, Aspect.Mirror);
            if ((tangent.Run(_schedule.Tangent) ?? tangent.Lacks(Space.Output, Aspect.Mirror)) is { } notTangent)
            {
                return $"tangent: {notTangent}";
            }
        }

        if (_schedule.Reverse.Count == 0 || _schedule.Tangent.Count == 0)
        {
            return null;
        }

        Memory reverse = forward.With(empty).With(Space.Output, Aspect.Mirror);
        if ((reverse.Run(_schedule.Reverse, Overwrites) ?? reverse.Lacks(Space.Input, Aspect.Mirror)) is { } notReverse)
        {
            return $"reverse: {notReverse}";
        }

        if (reverse.With(mirrors).Run(_schedule.PrepareGradient, Overwrites) is { } notFinished)
        {
            return $"prepare gradient: {notFinished}";
        }

        // The adjoint of a linear map is the reverse pass without weight gradients, x and what the forward pass left.
        if (_schedule.Module.IsLinear)
        {
            Memory adjoint = weights.With(Space.Output, Aspect.Mirror);
            IEnumerable<Step> steps = _schedule.Reverse.Where(step => step.Target.Storage.Space != Space.Weights && step is not PadStep { A.Aspect: Aspect.Value });
            return (adjoint.Run(steps) ?? adjoint.Lacks(Space.Input, Aspect.Mirror)) is { } notAdjoint ? $"adjoint: {notAdjoint}" : null;
        }

        return null;

        // The output may not be wanted.
        static string? ReadsOutput(Step step) =>
            step.Reads.Any(place => place.Storage.Space == Space.Output && place != step.Target) ? "the output is read" : null;

        // The caller's gradient is added to.
        string? Overwrites(Step step) => step.Target is { Aspect: Aspect.Mirror, Storage: { Space: Space.Weights } storage }
            && Layout.MirrorOffsetOf(storage) < _schedule.TrainedCount && !Adds(step) ? $"the gradient of {storage} is overwritten" : null;
    }

    private string? Fault(ForwardPass pass, Schedule many)
    {
        // Weights that are equal in both stand at one place.
        HashSet<(int, int)> shared = [.. Held(many).Select(storage => (many.Layout.OffsetOf(storage), storage.Length))];
        Storage[] weights = [.. Held(_schedule)];
        Storage[] own = [.. weights.Where(storage => !shared.Contains((Layout.OffsetOf(storage), storage.Length)))];
        string? fault = Apart(
                own.Select(storage => (storage, Layout.OffsetOf(storage), storage.Length))
                    .Concat(Held(many).Select(storage => (storage, many.Layout.OffsetOf(storage), storage.Length))),
                many.Layout.WeightCount,
                "weights")
            ?? Apart(_schedule.Storages.Where(storage => storage.Space == Space.Scratch).Select(storage => (storage, Layout.OffsetOf(storage), storage.Pitch)), Layout.ScratchPerRow, "scratch");
        var memory = new Memory(this, [.. weights.Except(own).Select(storage => (storage, Aspect.Value))]);
        fault ??= memory.Run(pass.Prepare);
        memory = memory.With(Space.Input, Aspect.Value);
        fault ??= memory.Run(_schedule.Forward) ?? memory.Lacks(Space.Output, Aspect.Value);
        return fault is null ? null : $"forward, {pass.InWords}: {fault}";
    }

    private static IEnumerable<Storage> Held(Schedule schedule) =>
        schedule.Storages.Where(storage => storage.Space == Space.Weights && schedule.Layout.Holds(storage));

    /// <summary>Which places hold numbers.</summary>
    private sealed class Memory(ScheduleVerifier verifier, IEnumerable<(Storage Storage, Aspect Aspect)> written)
    {
        private readonly HashSet<(Storage Storage, Aspect Aspect)> _written = [.. written];

        public Memory With(IEnumerable<(Storage Storage, Aspect Aspect)> places) => new(verifier, _written.Concat(places));

        public Memory With(Space space, Aspect aspect) => With(verifier.EndsOf(space).Select(storage => (storage, aspect)));

        public string? Lacks(Space space, Aspect aspect) => verifier.EndsOf(space).Exists(storage => !_written.Contains((storage, aspect))) ? "what it is for is not written" : null;

        /// <summary>Runs steps; the first fault, or null.</summary>
        public string? Run(IEnumerable<Step> steps, Func<Step, string?>? rule = null)
        {
            foreach (Step step in steps)
            {
                if ((step is LoopStep loop ? Run(loop, rule) : Fault(step) ?? rule?.Invoke(step)) is { } fault)
                {
                    return $"{fault}, in {step.GetType().Name} {step.Describe()}";
                }

                if (step is LoopStep)
                {
                    continue;
                }

                _written.Add((step.Target.Storage, step.Target.Aspect));
            }

            return null;
        }

        /// <summary>Runs what each step of a loop does. It finds what was written before, and what the step before it wrote of a scan's state.</summary>
        private string? Run(LoopStep loop, Func<Step, string?>? rule)
        {
            Place[] parts = [.. loop.Parts], written = [.. parts.Where(part => loop.Body.Any(step => step.Writes.Any(place => (place.Storage, place.Aspect) == (part.Storage, part.Aspect))))];
            if (parts.FirstOrDefault(part => !IsInside(part.Storage.Window!, part.Storage.Length)) is { } beside)
            {
                return $"{Name(beside)} lies beside {beside.Storage.Window!.Of} in a step";
            }

            Memory body = With(parts.Where(part => _written.Contains((part.Storage.Window!.Of, part.Aspect)) || IsHandedOn(part)).Select(part => (part.Storage, part.Aspect)));
            if ((body.Run(loop.Body, rule) ?? (loop.Count > 1 ? Shared(loop) : null)) is { } fault)
            {
                return fault;
            }

            // Of what is not written yet, each element by one step or before the first. A part that does not move is of each step.
            foreach (IGrouping<(Storage Of, Aspect Aspect), Place> whole in written
                .Where(part => part.Storage.Window!.Moves)
                .GroupBy(part => (part.Storage.Window!.Of, part.Aspect))
                .Where(whole => !_written.Contains(whole.Key) || !IsAddedTo(whole)))
            {
                Place[] inOrder = [.. whole.OrderBy(part => part.Storage.Window!.Offset)];
                (long start, long end) = (inOrder[0].Storage.Window!.Offset, inOrder[0].Storage.Window!.Offset);
                int[] strides = inOrder[0].Storage.Window!.Strides;
                foreach (Place part in inOrder)
                {
                    if (part.Storage.Window!.Offset < end || !part.Storage.Window.Strides.SequenceEqual(strides))
                    {
                        return $"{Name(part)} overlaps another part of {whole.Key.Of}";
                    }

                    end = part.Storage.Window.Offset + (long)part.Storage.Length;
                }

                (long least, long most) = (start, end);
                foreach ((int extent, long stride) in loop.Extents.Zip(strides, (extent, stride) => (extent, (long)stride)).Where(index => index.extent > 1).OrderBy(index => Math.Abs(index.Item2)))
                {
                    if (most - least > Math.Abs(stride))
                    {
                        return $"parts of {whole.Key.Of} overlap from step to step";
                    }

                    (least, most) = (least + Math.Min(0, (extent - 1) * stride), most + Math.Max(0, (extent - 1) * stride));
                }

                long before = _written
                    .Where(place => place.Storage.Window is { Moves: false } && (place.Storage.Window.Of, place.Aspect) == whole.Key)
                    .Where(place => place.Storage.Window!.Offset + (long)place.Storage.Length <= least || place.Storage.Window.Offset >= most)
                    .Sum(place => (long)place.Storage.Length);
                if (before + (loop.Count * whole.Sum(part => (long)part.Storage.Length)) >= whole.Key.Of.Length)
                {
                    _written.Add(whole.Key);
                }
            }

            return null;

            // Whether what writes it only adds: then parts may overlap.
            bool IsAddedTo(IEnumerable<Place> places) => loop.Body
                .Where(step => step.Writes.Any(place => places.Any(part => (part.Storage, part.Aspect) == (place.Storage, place.Aspect))))
                .All(step => Adds(step) && !Begins(step));

            // Where the first step finds it written before the scan, and each other one by the step before it.
            bool IsHandedOn(Place part) => part.Storage.Window is var window && loop.Extents.Count == 1
                && _written.Any(place => place.Storage.Window is { Moves: false } first && (first.Of, place.Aspect, place.Storage.Length) == (window!.Of, part.Aspect, part.Storage.Length) && first.Offset == At(window, 0))
                && written.Any(other => other.Storage.Window is var behind && (behind!.Of, other.Aspect, other.Storage.Length) == (window!.Of, part.Aspect, part.Storage.Length)
                    && behind.Strides.SequenceEqual(window.Strides) && At(behind, 0) == At(window, 1));

            long At(StepWindow window, int turn) => window.At(loop.IsReversed ? loop.Count - 1 - turn : turn);

            bool IsInside(StepWindow window, int length) => window.Strides.Length == loop.Extents.Count
                && Range(window.Offset, loop.Extents.Zip(window.Strides, (extent, stride) => ((long)extent, (long)stride))) is var range
                && range.Least >= 0 && range.Most + length <= window.Of.Length;
        }

        /// <summary>
        /// What was written before a loop and is written in it, all of it in each step, is added to: nothing writes it anew, and nothing else in the loop reads
        /// what later steps still add to.
        /// </summary>
        private string? Shared(LoopStep loop)
        {
            Step[] steps = [.. loop.Body.Where(step => step is not LoopStep)];
            Step? overwrites = Array.Find(steps, step => !AddsTo(step) && step.Writes.Any(place => place.Storage.Window is null or { Moves: false } && IsWritten(place)));
            if (overwrites is not null)
            {
                return $"each step writes {Name(overwrites.Target)} anew, in {overwrites.Describe()}";
            }

            HashSet<Place> added = [.. steps.Where(AddsTo).SelectMany(step => step.Writes).Where(place => IsWritten(place.Whole)).Select(WholeOf)];
            return steps.SelectMany(step => step.Reads.Except(step.Writes).Select(WholeOf))
                .Where(added.Contains)
                .Select(place => $"{Name(place)} is read before all steps have added to it")
                .FirstOrDefault();

            static bool AddsTo(Step step) => Adds(step) && !Begins(step);

            static Place WholeOf(Place place) => place.Whole with { Offset = 0 };

            bool IsWritten(Place place) => _written.Contains((place.Storage, place.Aspect));
        }

        private string? Fault(Step step)
        {
            Place target = step.Target;
            bool readsTarget = step is CheckStep || (Adds(step) && !Begins(step));
            if ((NoPlace(target) ?? (step.Scratch is { } scratch ? NoPlace(scratch) : null) ?? (readsTarget ? Unwritten(target) : null)) is { } fault)
            {
                return fault;
            }

            foreach (Place place in step.Reads)
            {
                if ((NoPlace(place) ?? (readsTarget || place != target ? Unwritten(place) : null)) is { } wrong)
                {
                    return wrong;
                }
            }

            // The reverse pass is gone through for the adjoint too.
            return verifier._judged.Add(step) ? verifier.Extent(step) : null;
        }

        private string? NoPlace(Place place) =>
            place.Whole.Storage is { Space: Space.Weights or Space.Scratch } storage && !verifier._known.Contains(storage) ? $"{place.Storage} has no place" : null;

        private string? Unwritten(Place place) => _written.Contains((place.Storage, place.Aspect)) ? null : $"{Name(place)} is read before it is written";
    }

    private List<Storage> EndsOf(Space space)
    {
        _ends ??= _schedule.Forward.Concat(_schedule.Reverse).SelectMany(step => step.Places).Select(place => place.Whole.Storage)
            .Where(storage => storage.Space is Space.Input or Space.Output).Distinct().ToLookup(storage => storage.Space);
        return [.. _ends[space]];
    }

    private static bool Adds(Step step) => step switch
    {
        KernelStep kernel => kernel.Accumulates,
        GatherStep gather => gather.Accumulate || gather.Transposed,
        DerivativeStep derivative => derivative.Accumulate,
        FanInStep product => product.Accumulates,
        FanInAdjointStep adjoint => adjoint.Accumulates,
        FanInGradientStep => true,
        SlicedFanInStep sliced => sliced.FanIn.Accumulates,
        PackStep pack => pack.Scatter,
        FunctionStep { Mode: FunctionMode.Gradient } => true,
        _ => false,
    };

    private static bool Begins(Step step) => step is KernelStep { Begins: true };

    // --- What a step touches ---

    /// <summary>Whether a step stays inside what it reads and writes, and writes all of what it does not add to.</summary>
    private string? Extent(Step step)
    {
        switch (step)
        {
            case KernelStep kernel:
                Loop[] loops = [.. kernel.Kernel.Loops];
                return Inside(kernel, loops, kernel.A, static (_, loop) => loop.A, kernel.Kernel.PanelA)
                    ?? (kernel.B is { } b ? Inside(kernel, loops, b, static (_, loop) => loop.B, kernel.Kernel.PanelB) : kernel.Kernel.HasB ? "an operand is missing" : null)
                    ?? Inside(kernel, loops, kernel.C, static (_, loop) => loop.C, panel: 1)
                    ?? (kernel.Addend is { } addend && !kernel.Accumulates ? Inside(kernel, loops, addend, static (kernel, loop) => kernel.AddendStride(loop), panel: 1) : null)
                    ?? (kernel.Accumulates && !kernel.Begins ? null : Covers(kernel, loops));

            case ClearStep or CheckStep or ConstantStep:
                return step is ConstantStep { Constant: var constant, Result: var result } ? Same(constant.Length, result.Length) : null;

            case PadStep pad:
                return Same(pad.A.Storage.Length, pad.C.Storage.Length);

            case GatherStep { Shape: var shape } gather:
                (Place listed, Place other) = gather.Transposed ? (gather.A, gather.C) : (gather.C, gather.A);
                return Holds(listed, shape.Direct) ?? Holds(other, shape.Indirect) ?? Holds(gather.Table, shape.Count)
                    ?? (gather.Accumulate || listed.Storage.Length == shape.Direct ? null : $"{shape.Direct} of the {listed.Storage.Length} elements of {Name(listed)} are written");

            case PositionStep positions:
                long count = positions.Extents.Aggregate(1L, (product, extent) => product * extent);
                return Same(count, positions.C.Storage.Length) ?? positions.Sources
                    .Select(source => Range(source.Place.Offset, positions.Extents.Zip(source.Strides, (extent, stride) => ((long)extent, (long)stride))) is var range
                        && range.Least >= 0 && range.Most < source.Place.Storage.Length ? null : $"positions are read beside {Name(source.Place)}")
                    .FirstOrDefault(fault => fault is not null);

            case WalshHadamardStep transform:
                return Same(transform.A.Storage.Length, transform.C.Storage.Length) ?? Parts(transform.Outer, transform.C.Storage) ?? Dense(transform.A.Storage, transform.C.Storage);

            case ReflectionsStep chain:
                return Same(chain.A.Storage.Length, chain.C.Storage.Length) ?? Parts(chain.Outer, chain.C.Storage) ?? Dense(chain.A.Storage, chain.C.Storage)
                    ?? (chain.V.Storage.Length % (chain.C.Storage.Length / chain.Outer) == 0 ? null : "reflections are no whole rows");

            case ActivationStep activation:
                return Results(activation.Function, activation.A.Storage, activation.C.Storage) ?? Rowwise(activation.Function, activation.A.Storage, activation.C.Storage);

            case DerivativeStep derivative:
                (Storage z, Storage a, Storage c) = (derivative.Z.Storage, derivative.A.Storage, derivative.C.Storage);
                Storage[] values = [.. derivative.Y is { } y ? [y.Storage] : Array.Empty<Storage>()];
                (Storage argument, Storage made) = derivative.IsGradient ? (c, a) : (a, c);
                return Same(z.Length, argument.Length) ?? values.Append(made).Select(storage => Results(derivative.Function, z, storage)).FirstOrDefault(fault => fault is not null)
                    ?? Rowwise(derivative.Function, [z, a, .. values, c]);

            case FunctionStep function:
                return Same(function.Function.Length, function.Result.Length)
                    ?? Same(function.Arguments.Count, function.Function.Arguments.Count)
                    ?? function.Arguments.Zip(function.Function.Arguments, (storage, argument) => Same(argument.Length, storage.Length)).FirstOrDefault(fault => fault is not null);

            case FanInStep { Matrix: var matrix } product:
                return Fits(matrix) ?? Same(product.X.Storage.Length, matrix.Inputs) ?? Same(product.C.Storage.Length, matrix.Outputs) ?? Dense(product.X.Storage, product.C.Storage);

            case FanInAdjointStep { Matrix: var matrix } adjoint:
                return Fits(matrix) ?? Same(adjoint.Y.Storage.Length, matrix.Outputs) ?? Same(adjoint.C.Storage.Length, matrix.Inputs) ?? Dense(adjoint.Y.Storage, adjoint.C.Storage);

            case FanInGradientStep { Matrix: var matrix } gradient:
                return Fits(matrix) ?? Same(gradient.X.Storage.Length, matrix.Inputs) ?? Same(gradient.Y.Storage.Length, matrix.Outputs)
                    ?? Same(gradient.C.Storage.Length, (long)matrix.Outputs * matrix.FanIn) ?? Dense(gradient.X.Storage, gradient.Y.Storage);

            case SlicedFanInStep sliced:
                return Extent(sliced.FanIn) ?? Slices(sliced);

            case SliceStep slice:
                return Fits(slice.Product.FanIn.Matrix) ?? Slices(slice.Product);

            case PackStep pack:
                (long least, long most) = Range(pack.Offset, pack.Extents.Zip(pack.Strides, (extent, stride) => ((long)extent, (long)stride)));
                return pack.Extents.Count != pack.Strides.Count ? "a copy has other strides than axes"
                    : least < 0 || most >= pack.Source.Length ? $"a copy takes elements {least} to {most} of the {pack.Source.Length} of {pack.Source}"
                    : pack.Packed.PackedFormat is null ? Same(Count(pack), pack.Packed.Length)
                    : null;

            default:
                return "an unknown kind of step";
        }
    }

    private static long Count(PackStep pack) => pack.Extents.Aggregate(1L, (product, extent) => product * extent);

    private string? Inside(KernelStep step, Loop[] loops, Place place, Func<Kernel, Loop, int> stride, int panel)
    {
        Storage storage = place.Storage;
        Kernel kernel = step.Kernel;
        int rows = 0;
        (long least, long most) = (place.Offset, place.Offset);
        foreach (Loop loop in loops)
        {
            if (loop.IsRows)
            {
                rows += stride(kernel, loop);
            }
            else if (!ReferenceEquals(loop, kernel.Lanes))
            {
                Reach(loop.Extent, stride(kernel, loop));
            }
        }

        if (rows != (storage.IsPerRow ? storage.Pitch : 0))
        {
            return $"{Name(place)} moves by {rows} from row to row";
        }

        // Lanes in panels: those of a panel side by side, the next panel behind the tile's other loops.
        Loop lanes = kernel.Lanes;
        int width = panel == 1 ? lanes.Extent : Math.Min(lanes.Extent, kernel.Form == LaneForm.Broadcast ? _panel : _panel / 2);
        Reach(width, stride(kernel, lanes));
        Reach(Math.Max(1, lanes.Extent / Math.Max(1, width)), (long)width * panel * stride(kernel, lanes));
        long length = _packed.TryGetValue(storage, out long numbers) ? numbers : storage.Length;
        return least >= 0 && most < length ? null : $"elements {least} to {most} of the {length} of {Name(place)} are touched";

        void Reach(long extent, long by)
        {
            least += Math.Min(0, (extent - 1) * by);
            most += Math.Max(0, (extent - 1) * by);
        }
    }

    private static (long Least, long Most) Range(long offset, IEnumerable<(long Extent, long Stride)> loops) => loops.Aggregate(
        (offset, offset),
        (range, loop) => (range.Item1 + Math.Min(0, (loop.Extent - 1) * loop.Stride), range.Item2 + Math.Max(0, (loop.Extent - 1) * loop.Stride)));

    /// <summary>Whether the loops lead to each element of the target once.</summary>
    private static string? Covers(KernelStep step, Loop[] loops)
    {
        long reach = 0, count = 1;
        foreach (Loop loop in loops.Where(loop => loop.C != 0 && !loop.IsRows).OrderBy(loop => Math.Abs((long)loop.C)))
        {
            long stride = Math.Abs((long)loop.C);
            if (stride <= reach)
            {
                return $"{Name(step.C)} is written twice at a place";
            }

            reach += stride * (loop.Extent - 1);
            count *= loop.Extent;
        }

        return count == step.C.Storage.Length ? null : $"{count} of the {step.C.Storage.Length} elements of {Name(step.C)} are written";
    }

    private static string? Fits(FanInMatrix matrix) => Same(matrix.Table.Storage.Length, (long)matrix.Outputs * matrix.FanIn)
        ?? Same(matrix.V.Storage.Length, (long)matrix.Outputs * matrix.FanIn)
        ?? (matrix.Scratch.Storage.Pitch >= (long)matrix.Inputs + matrix.Outputs ? null : "there is too little room for a row and its product");

    private string? Slices(SlicedFanInStep product) =>
        SlicedFanInStep.RoomOf(product.FanIn.Matrix, _elementSize) <= product.Slices.Storage.Length ? null : "there is too little room for slices";

    private static string? Results(NonlinearLink function, Storage argument, Storage result) => Same(function.Outputs(argument.Length), result.Length);

    private static string? Rowwise(NonlinearLink function, params Storage[] storages) => function is not FunctionLink { Length: var length } ? null
        : Dense(storages) ?? (storages[0].Length % length == 0 ? null : $"{storages[0]} has no whole rows of {length}");

    private static string? Dense(params Storage[] storages) =>
        Array.Find(storages, storage => storage.IsPerRow && storage.Pitch != storage.Length) is { } apart ? $"rows of {apart} lie apart" : null;

    private static string? Holds(Place place, long count) =>
        place.Offset >= 0 && place.Offset + count <= place.Storage.Length ? null : $"{count} elements from {place.Offset} on are touched of the {place.Storage.Length} of {Name(place)}";

    private static string? Parts(int outer, Storage storage) => outer >= 1 && storage.Length % outer == 0 ? null : $"{storage} is not {outer} equal parts";

    private static string? Same(long found, long expected) => found == expected ? null : $"{found} elements stand for {expected}";

    private static string Name(Place place) => (place.Aspect == Aspect.Mirror ? "∂" : "") + place.Storage.Name;
}
