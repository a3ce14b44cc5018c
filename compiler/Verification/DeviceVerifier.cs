using Weft.Compiler.Algebra;
using Weft.Compiler.Targets.Device;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;

namespace Weft.Compiler.Verification;

/// <summary>
/// Whether a device touches nothing but its own memory: tensors lie inside their blocks and apart, kernels are right by themselves, what a launch
/// touches lies inside one tensor, or is all of several, nothing is read that was not written, and nothing that is written is read by another
/// work item of the same launch. Kernels are judged by their statements, which are what runs, and not by what they are for.
/// </summary>
public sealed class DeviceVerifier
{
    /// <summary>A row, and one more than a tile has; the most that a chunk can have come on top.</summary>
    private static readonly int[] SomeRows = [1, 65];

    private readonly DeviceSchedule _device;
    private readonly OperationProgram _host;
    private readonly Layout _hostLayout;
    private readonly KernelForm[] _forms;
    private readonly KernelRanges?[] _ranges;

    /// <summary>What is known of launches, for a number of rows.</summary>
    private readonly Dictionary<DeviceLaunch, Launched> _launched = new(ReferenceComparer<DeviceLaunch>.Instance);

    /// <summary>What all positions in a table are below.</summary>
    private readonly Dictionary<Storage, int> _tables = [];

    private readonly Dictionary<DeviceBlock, Interval[]> _tensors = [];

    /// <summary>The tensors in scratch, for a number of rows: in a forward pass, and where there are gradients.</summary>
    private Interval[] _values = [], _valuesAndMirrors = [];

    private DeviceVerifier(DeviceSchedule device, OperationProgram host, Layout hostLayout, DeviceModel model)
    {
        (_device, _host, _hostLayout) = (device, host, hostLayout);
        _forms = [.. device.Kernels.Select(kernel => new KernelForm(kernel, model))];
        _ranges = new KernelRanges?[device.Kernels.Count];
        foreach (CheckStep check in device.Program.Weights.OfType<CheckStep>())
        {
            _tables[check.Table] = Math.Min(check.Size, _tables.TryGetValue(check.Table, out int size) ? size : check.Size);
        }

        _tensors[DeviceBlock.Weights] = Sorted(device.WeightPlaces);
        _tensors[DeviceBlock.WeightGradient] = Sorted(device.GradientPlaces);
        _tensors[DeviceBlock.Codes] = Sorted(device.CodePlaces, Bytes);

        static Interval[] Sorted(IReadOnlyDictionary<Storage, int> places, Func<Storage, int>? length = null) =>
            [.. places.Select(place => Interval.Of(place.Value, length?.Invoke(place.Key) ?? place.Key.Length)).OrderBy(tensor => tensor.Least)];
    }

    private Module Module => _device.Program.Module;

    /// <summary>What a tensor takes in the block of codes.</summary>
    private static int Bytes(Storage storage) => storage.Format!.BytesOf(storage.Length);

    /// <summary>The first fault, or null.</summary>
    /// <param name="device">What the device does.</param>
    /// <param name="host">The map's own program.</param>
    /// <param name="hostLayout">Where the map has what the host hands the device.</param>
    /// <param name="model">What the device can do.</param>
    public static string? Fault(DeviceSchedule device, OperationProgram host, Layout hostLayout, DeviceModel model)
    {
        var verifier = new DeviceVerifier(device, host, hostLayout, model);
        return verifier.Placement() ?? verifier.Kernels() ?? verifier.Passes();
    }

    // --- Where tensors lie ---

    /// <summary>Intermediate results, where they begin for a row.</summary>
    private IEnumerable<(Storage Storage, int Start, int Length)> Scratch => Rows(_device.Layout.Offsets);

    /// <summary>Their gradients.</summary>
    private IEnumerable<(Storage Storage, int Start, int Length)> ScratchMirrors => Rows(_device.Layout.MirrorOffsets);

    private static IEnumerable<(Storage Storage, int Start, int Length)> Rows(IReadOnlyDictionary<Storage, int> places) =>
        places.Where(place => place.Key.IsPerRow).Select(place => (place.Key, place.Value, place.Key.Pitch));

    private string? Placement()
    {
        return Apart(_device.WeightPlaces, _device.WeightCount, "weights")
            ?? Apart(_device.GradientPlaces, _device.GradientCount, "gradients")
            ?? Apart(_device.CodePlaces, _device.CodeBytes, "codes", Bytes)
            ?? ScheduleVerifier.Apart(Scratch, _device.Layout.ScratchPerRow, "scratch")
            ?? ScheduleVerifier.Apart(Scratch.Concat(ScratchMirrors), _device.Layout.GradientScratchPerRow, "scratch of the reverse pass")
            ?? _host.Parameters.Where(place => place.Parameter.Role == Role.Trained)
                .Select(place => _tensors[DeviceBlock.Weights].Contains(Interval.Of(_hostLayout.OffsetOf(place.Storage), place.Storage.Length)) ? null : $"{place.Storage} lies elsewhere than in the map")
                .FirstOrDefault(fault => fault is not null)
            ?? Segments();

        static string? Apart(IReadOnlyDictionary<Storage, int> places, int size, string block, Func<Storage, int>? length = null) =>
            ScheduleVerifier.Apart(places.Select(place => (place.Key, place.Value, length?.Invoke(place.Key) ?? place.Key.Length)), size, block);
    }

    /// <summary>Whether what the host and the device hand each other is one tensor at each end.</summary>
    private string? Segments()
    {
        HashSet<(int, int)> values = Weights(_hostLayout.Offsets), mirrors = Weights(_hostLayout.MirrorOffsets);
        HashSet<Interval> weights = [.. _tensors[DeviceBlock.Weights]], gradients = [.. _tensors[DeviceBlock.WeightGradient]], codes = [.. _tensors[DeviceBlock.Codes]];
        return _device.Functions.Select(segment => Ends(segment, values, weights) ?? (segment.Device < _device.Program.TrainedCount ? $"{segment} overwrites what is trained" : null))
            .Concat(_device.FunctionGradients.Select(segment => Ends(segment, mirrors, gradients)))
            .Concat(_device.Codes.Select(code => Ends(code.Segment, values, codes, code.Format.BytesOf) ?? (code.Segment.Device % DeviceRoom.Alignment == 0 ? null : $"{code} begins within an element")))
            .FirstOrDefault(fault => fault is not null);

        static HashSet<(int, int)> Weights(IReadOnlyDictionary<Storage, int> places) =>
            [.. places.Where(place => !place.Key.IsPerRow).Select(place => (place.Value, place.Key.Length))];

        static string? Ends(Segment segment, HashSet<(int, int)> host, HashSet<Interval> device, Func<int, int>? length = null) =>
            host.Contains((segment.Host, segment.Length)) && device.Contains(Interval.Of(segment.Device, length?.Invoke(segment.Length) ?? segment.Length)) ? null : $"{segment} is no tensor";
    }

    // --- Kernels ---

    private string? Kernels()
    {
        int kernel = Array.FindIndex(_forms, form => form.Fault is not null);
        return kernel < 0 ? null : $"{_forms[kernel].Fault}, in {KernelPrinter.Name(kernel)}: {_device.Kernels[kernel].Description}";
    }

    /// <summary>What each kernel touches, for a number of rows.</summary>
    private string? Ranges(int rows)
    {
        for (int kernel = 0; kernel < _ranges.Length; kernel++)
        {
            if (_ranges[kernel] is null || _forms[kernel].UsesRows)
            {
                _ranges[kernel] = new KernelRanges(_device.Kernels[kernel], rows);
            }

            if (_ranges[kernel]!.Fault is { } fault)
            {
                return FormattableString.Invariant($"{fault}, for {rows} rows in {KernelPrinter.Name(kernel)}: {_device.Kernels[kernel].Description}");
            }
        }

        return null;
    }

    // --- What each pass finds written, and leaves so ---

    private string? Passes()
    {
        if (_device.MaxRows < 1)
        {
            return "there is no room for a row";
        }

        foreach (int rows in SomeRows.Where(rows => rows < _device.MaxRows).Append(_device.MaxRows))
        {
            if ((Ranges(rows) ?? Passes(rows)) is { } fault)
            {
                return fault;
            }
        }

        return null;
    }

    private string? Passes(int rows)
    {
        _launched.Clear();
        (_values, _valuesAndMirrors) = (OfChunk(Scratch), OfChunk(Scratch.Concat(ScratchMirrors)));
        var weights = new Memory(this, rows);
        weights.Fill(DeviceBlock.Weights, Interval.Of(0, _device.Program.TrainedCount));
        foreach (Segment segment in _device.Functions)
        {
            weights.Fill(DeviceBlock.Weights, Interval.Of(segment.Device, segment.Length));
        }

        foreach (CodeSegment code in _device.Codes)
        {
            weights.Fill(DeviceBlock.Codes, Interval.Of(code.Segment.Device, code.Format.BytesOf(code.Segment.Length)));
        }

        TrainingSchedule training = _device.Training;
        return weights.Run("prepare", _device.Prepare, DeviceBlock.Weights)
            ?? Forward("forward", _device.Forward)
            ?? Forward("forward, few rows", _device.ForwardFew)
            ?? Backward("", _device.Record, _device.Reverse)
            ?? Backward(", few rows", _device.RecordFew, _device.ReverseFew)
            ?? Finish()
            ?? Step("sgd", training.Sgd)
            ?? Step("adamw", training.AdamW);

        Interval[] OfChunk(IEnumerable<(Storage Storage, int Start, int Length)> places) =>
            [.. places.Select(place => Interval.Of((long)place.Start * rows, (long)place.Length * rows)).OrderBy(tensor => tensor.Least)];

        string? Forward(string pass, IReadOnlyList<DeviceLaunch> launches)
        {
            Memory memory = weights.With(DeviceBlock.Input);
            return memory.Run(pass, launches, DeviceBlock.Scratch, DeviceBlock.Output) ?? memory.Lacks(pass, DeviceBlock.Output);
        }

        // Launches whose result is not wanted do not run: each of the gradients, and y where there is no loss.
        string? Backward(string name, IReadOnlyList<DeviceLaunch> record, IReadOnlyList<DeviceLaunch> reverse)
        {
            DeviceBlock[] gradients = [DeviceBlock.WeightGradient, DeviceBlock.PartialSums];
            return Gradient([DeviceBlock.InputGradient, .. gradients])
                ?? Gradient([DeviceBlock.InputGradient])
                ?? (_device.Program.TrainedCount == 0 ? null : Loss(training.MeanSquaredError, Module.Outputs) ?? Loss(training.CrossEntropy, 1))
                ?? (Module.IsLinear ? Reverse("adjoint" + name, weights.With(DeviceBlock.OutputGradient).WithMirrors(), DeviceBlock.InputGradient) : null);

            string? Gradient(DeviceBlock[] wanted)
            {
                Memory memory = weights.With(DeviceBlock.Input, DeviceBlock.OutputGradient, DeviceBlock.WeightGradient).WithMirrors();
                return memory.Run("record" + name, record, DeviceBlock.Scratch) ?? Reverse("reverse" + name, memory, wanted);
            }

            string? Loss(IReadOnlyList<DeviceLaunch> loss, int targets)
            {
                Memory memory = weights.With(DeviceBlock.Input, DeviceBlock.WeightGradient, DeviceBlock.Settings, DeviceBlock.Loss).WithMirrors().WithTargets(targets);
                return memory.Run("record" + name, record, DeviceBlock.Scratch, DeviceBlock.Output)
                    ?? memory.Lacks("record" + name, DeviceBlock.Output)
                    ?? memory.Run("loss", loss, DeviceBlock.OutputGradient, DeviceBlock.LossParts, DeviceBlock.Loss)
                    ?? Reverse("reverse" + name, memory, gradients);
            }

            string? Reverse(string pass, Memory memory, params DeviceBlock[] wanted) =>
                memory.Run(pass, reverse, [DeviceBlock.Scratch, .. wanted])
                    ?? (wanted.Contains(DeviceBlock.InputGradient) ? memory.Lacks(pass, DeviceBlock.InputGradient) : null);
        }

        string? Finish()
        {
            Memory memory = weights.With(DeviceBlock.WeightGradient, DeviceBlock.ParameterGradient);
            return memory.Run("finish", _device.FinishGradient, DeviceBlock.WeightGradient, DeviceBlock.PartialSums)
                ?? memory.Run("add", _device.AddGradient, DeviceBlock.ParameterGradient);
        }

        string? Step(string rule, IReadOnlyList<DeviceLaunch> launches) =>
            weights.With(DeviceBlock.Settings, DeviceBlock.ParameterGradient, DeviceBlock.FirstState, DeviceBlock.SecondState)
                .Run(rule, launches, DeviceBlock.Weights, DeviceBlock.FirstState, DeviceBlock.SecondState);
    }

    /// <summary>The elements of a row in a block, where it has rows that do not begin with those of a chunk; else 0.</summary>
    private int RowOf(DeviceBlock block, int targets) => block switch
    {
        DeviceBlock.Input or DeviceBlock.InputGradient => Module.Inputs,
        DeviceBlock.Output or DeviceBlock.OutputGradient => Module.Outputs,
        DeviceBlock.Targets => targets,
        _ => 0,
    };

    private long SizeOf(DeviceBlock block, int rows, int targets) => block switch
    {
        DeviceBlock.Weights => _device.WeightCount,
        DeviceBlock.Codes => _device.CodeBytes,
        DeviceBlock.WeightGradient => _device.GradientCount,
        DeviceBlock.ParameterGradient or DeviceBlock.FirstState or DeviceBlock.SecondState => _device.Program.TrainedCount,
        DeviceBlock.PartialSums => _device.PartialCount,
        DeviceBlock.Settings => DeviceRoom.Settings,
        DeviceBlock.LossParts => DeviceRoom.LossParts,
        DeviceBlock.Loss => 1,
        _ => (long)rows * RowOf(block, targets),
    };

    /// <summary>The table that begins at a place: what all its elements are below.</summary>
    private int? TableAt(DeviceOperand operand)
    {
        if (operand.Block != DeviceBlock.Weights || _device.WeightPlaces.FirstOrDefault(place => place.Value == operand.Offset).Key is not { } table)
        {
            return null;
        }

        if (_tables.TryGetValue(table, out int below))
        {
            return below;
        }

        if (_device.Program.Derived.FirstOrDefault(derived => derived.Value == table).Key is not ConstantWeight { Value: var value })
        {
            return null;
        }

        IEnumerable<double> elements = value is FormulaTensor formula ? formula.Elements() : ((ListTensor)value).Elements;
        below = elements.All(element => element >= 0 && element < int.MaxValue && Math.Floor(element) == element) ? (int)elements.Max() + 1 : int.MaxValue;
        _tables.Add(table, below);
        return below;
    }

    /// <summary>A fault of a launch by itself, and what it reads and writes.</summary>
    private sealed record Launched(string? Fault, IReadOnlyList<(DeviceBlock Block, Interval Read, Interval Written)> Places);

    /// <summary>Which elements of each block hold numbers, in a pass over a chunk of rows.</summary>
    private sealed class Memory(DeviceVerifier verifier, int rows, int targets = 0, bool hasMirrors = false)
    {
        private readonly Dictionary<DeviceBlock, Stretches> _written = [];

        /// <summary>The same with blocks that are full.</summary>
        public Memory With(params DeviceBlock[] blocks)
        {
            Memory memory = Copy(targets, hasMirrors);
            foreach (DeviceBlock block in blocks)
            {
                memory.Fill(block, Interval.Of(0, verifier.SizeOf(block, rows, targets)));
            }

            return memory;
        }

        /// <summary>The same with targets of so many elements for each row.</summary>
        public Memory WithTargets(int width) => Copy(width, hasMirrors).With(DeviceBlock.Targets);

        /// <summary>The same with scratch for gradients too.</summary>
        public Memory WithMirrors() => Copy(targets, true);

        private Memory Copy(int width, bool withMirrors)
        {
            var memory = new Memory(verifier, rows, width, withMirrors);
            foreach (KeyValuePair<DeviceBlock, Stretches> block in _written)
            {
                memory._written.Add(block.Key, new Stretches(block.Value));
            }

            return memory;
        }

        public void Fill(DeviceBlock block, Interval elements)
        {
            if (!_written.TryGetValue(block, out Stretches? stretches))
            {
                _written.Add(block, stretches = new Stretches());
            }

            stretches.Add(elements);
        }

        private bool Holds(DeviceBlock block, Interval elements) => elements.IsEmpty || (_written.TryGetValue(block, out Stretches? stretches) && stretches.Contain(elements));

        public string? Lacks(string pass, DeviceBlock block) =>
            Holds(block, Interval.Of(0, verifier.SizeOf(block, rows, targets))) ? null : $"{pass}: what it is for is not written";

        /// <summary>Runs those launches that write one of the blocks; the first fault, or null.</summary>
        public string? Run(string pass, IReadOnlyList<DeviceLaunch> launches, params DeviceBlock[] wanted)
        {
            foreach (DeviceLaunch launch in launches)
            {
                if (launch.Kernel < 0 || launch.Kernel >= verifier._ranges.Length || launch.Operands.Count != verifier._device.Kernels[launch.Kernel].Operands.Count)
                {
                    return $"{pass}: kernel {launch.Kernel} with {launch.Operands.Count} operands is not there";
                }

                if (wanted.Contains(launch.Operands[launch.Operands.Count - 1].Block) && Fault(launch) is { } fault)
                {
                    return FormattableString.Invariant($"{pass}: {fault}, for {rows} rows in {DeviceSchedulePrinter.Describe(launch)}");
                }
            }

            return null;
        }

        private string? Fault(DeviceLaunch launch)
        {
            if (!verifier._launched.TryGetValue(launch, out Launched? launched))
            {
                verifier._launched.Add(launch, launched = Look(launch));
            }

            if (launched.Fault is not null)
            {
                return launched.Fault;
            }

            foreach ((DeviceBlock block, Interval read, _) in launched.Places)
            {
                if (!Holds(block, read))
                {
                    return $"elements {read} of {block} are read before they are written";
                }
            }

            foreach ((DeviceBlock block, _, Interval written) in launched.Places)
            {
                Fill(block, written);
            }

            return null;
        }

        /// <summary>What is to be known of a launch wherever it runs.</summary>
        private Launched Look(DeviceLaunch launch)
        {
            DeviceKernel kernel = verifier._device.Kernels[launch.Kernel];
            KernelForm form = verifier._forms[launch.Kernel];
            IReadOnlyList<Touched> touched = verifier._ranges[launch.Kernel]!.Operands;
            (DeviceBlock Block, Interval Read, Interval Written)[] places = [.. launch.Operands.Select((operand, k) =>
            {
                long start = operand.Offset + ((long)operand.OffsetPerRow * rows);
                Interval read = launch.Accumulate ? touched[k].Read.Or(touched[k].ReadToAdd) : touched[k].Read;
                read = kernel.Operands[k] is { Format: { } format, FirstCode: var first } ? read.From(first).InVectorsOf(format.BytesOf(1)) : read;
                return (operand.Block, read.From(start), touched[k].Written.From(start));
            })];
            for (int k = 0; k < places.Length; k++)
            {
                string? fault = Begins(launch.Operands[k], kernel.Operands[k], form.WidthOf(kernel.Operands[k].Name))
                    ?? Inside(places[k].Block, places[k].Read.Or(places[k].Written))
                    ?? (touched[k].Below is not { } below || verifier.TableAt(launch.Operands[k]) <= below ? null : $"the positions of a table may not be below {below}");
                for (int other = 0; other < places.Length && fault is null; other++)
                {
                    fault = Interferes(other, k) ? "other work items write what one reads or writes" : null;
                }

                if (fault is not null)
                {
                    return new Launched($"{kernel.Operands[k].Name}: {fault}", places);
                }
            }

            return new Launched(null, places);

            // What is written may be read by the work item that writes it.
            bool Interferes(int other, int k) => places[other].Block == places[k].Block
                && ((other != k && places[other].Written.Meets(places[k].Written))
                    || (places[other].Read.Meets(places[k].Written)
                        && !(launch.Operands[other] == launch.Operands[k] && form.ReadsOwn(kernel.Operands[other].Name, kernel.Operands[k].Name))));
        }

        /// <summary>Whether an operand may begin where it does: codes with a whole element, vectors with a whole vector, for every chunk.</summary>
        private string? Begins(DeviceOperand place, Operand operand, int width)
        {
            if ((place.Block == DeviceBlock.Codes) != operand.Format is not null || (place.OffsetPerRow != 0 && place.Block != DeviceBlock.Scratch))
            {
                return $"it does not lie in {place.Block}";
            }

            return place.Offset % (operand.Format is null ? width : DeviceRoom.Alignment) == 0 && place.OffsetPerRow % width == 0 && verifier.RowOf(place.Block, targets) % width == 0
                ? null
                : $"its vectors of {width} do not begin where vectors do";
        }

        private string? Inside(DeviceBlock block, Interval elements)
        {
            if (elements.IsEmpty)
            {
                return null;
            }

            IReadOnlyList<Interval> tensors = block == DeviceBlock.Scratch ? hasMirrors ? verifier._valuesAndMirrors : verifier._values
                : verifier._tensors.TryGetValue(block, out Interval[]? known) ? known
                : [Interval.Of(0, verifier.SizeOf(block, rows, targets))];
            int first = 0;
            while (first < tensors.Count && tensors[first].Most < elements.Least)
            {
                first++;
            }

            // All of several tensors, one behind the other, or a part of one.
            int last = first;
            while (last + 1 < tensors.Count && tensors[last].Most < elements.Most && tensors[last].Most + 1 == tensors[last + 1].Least)
            {
                last++;
            }

            bool isInside = first < tensors.Count && (first == last ? tensors[first].Contains(elements) : new Interval(tensors[first].Least, tensors[last].Most) == elements);
            return isInside ? null : $"elements {elements} of {block} are touched, which are no part of a tensor";
        }
    }
}
