using Weft.Compiler.Algebra;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Operations;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;

namespace Weft.Compiler.Targets.Device;

/// <summary>
/// From a program to kernels and launches for a device: the same operations as on a processor, by a plan of the device's own, each contraction
/// with a tile for it and on the weights as they are stored, so that packed copies are not needed.
/// </summary>
public sealed class DeviceScheduler
{
    private readonly List<DeviceKernel> _kernels = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly OpenClPrinter _printer = new("float");
    private readonly OperationProgram _program;
    private readonly StoragePool _pool;
    private readonly Layout _layout;
    private readonly IReadOnlyList<Step> _forward, _reverse, _finish;
    private readonly int _batch;
    private readonly DeviceModel _device;
    private readonly FunctionKernels _functions;
    private readonly Vectors _vectors;
    private readonly Dictionary<Storage, int> _weights = [];
    private readonly Dictionary<Storage, int> _mirrors = [];
    private readonly Dictionary<Storage, int> _codes = [];
    private int _codeBytes;
    private int _weightCount;
    private int _gradientCount;
    private int _partialCount;
    private ContractionKernels _contractions;

    /// <summary>How far counts may lead beyond what they count: a group's tile, a step of a loop, the parts of a sum.</summary>
    private const int Beyond = 1 << 20;

    /// <summary>The most elements that a row of the batch adds to any position or count.</summary>
    private long _largestRow;

    private DeviceScheduler(LoweredModule lowered, int batch, DeviceModel device, CancellationToken cancellationToken)
    {
        (_batch, _device) = (batch, device);
        var variant = new Variant(new CostModel(batch, Device: device), device.ElementSize);
        _pool = new StoragePool();
        _program = ProgramBuilder.Build(lowered, variant, _pool, contraction => KernelSelector.For(variant).Select(contraction).Cost, cancellationToken);
        _forward = CopyFusion.Run(_program.Rows);
        _reverse = CopyFusion.Run(_program.ReverseRows(_pool));
        _finish = Gradients.Of(_program.Weights, _pool);
        _layout = Layout.Of(_pool.Storages, [], [], [], []);
        _functions = new FunctionKernels(device.LocalBytes / device.ElementSize);
        _vectors = new Vectors(device.ElementSize, Alignment);
        _contractions = new ContractionKernels(batch, device, _vectors);
        _largestRow = new[] { _layout.GradientScratchPerRow, lowered.Module.Inputs, lowered.Module.Outputs }.Max();
        foreach (ParameterPlace place in _program.Parameters.Where(place => place.Parameter.Role == Role.Trained))
        {
            _weights.Add(place.Storage, _layout.OffsetOf(place.Storage));
            _mirrors.Add(place.Storage, _layout.MirrorOffsetOf(place.Storage));
        }

        (_weightCount, _gradientCount) = (_program.TrainedCount, _program.TrainedCount);
    }

    /// <summary>What a module needs and devices do not have, in words; or null.</summary>
    public static string? Lacking(LoweredModule module) => module.Statements.Select(statement => statement switch
    {
        FunctionStatement function => $"'{function.Call.Function.Name}' of values",
        ScanStatement => "'scan'",
        NoiseStatement => "noise",
        GatherStatement { IsByData: true } or GatherStatement { Shape.Inner: > 1 } or PositionStatement => "positions by data",
        _ => null,
    }).FirstOrDefault(lack => lack is not null);

    /// <param name="host">The map's own program: the module, and the tensors that the host evaluates.</param>
    /// <param name="hostLayout">Where the map has what the host evaluates.</param>
    /// <param name="batch">The rows that the plan and kernels are chosen for.</param>
    /// <param name="device">What the device can do.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static DeviceSchedule Build(OperationProgram host, Layout hostLayout, int batch, DeviceModel device, CancellationToken cancellationToken = default) =>
        new DeviceScheduler(host.Lowered, batch, device, cancellationToken).Run(host, hostLayout);

    private DeviceSchedule Run(OperationProgram host, Layout hostLayout)
    {
        List<Step> backward = EpilogueFusion.Run(_reverse, place => place.Storage.Space != Space.Scratch);
        HashSet<Storage> recorded = [.. backward.SelectMany(step => step.Reads).Where(place => place.Aspect == Aspect.Value).Select(place => place.Storage)];
        List<Step> inference = EpilogueFusion.Run(_forward, place => place.Storage.Space != Space.Scratch);
        List<Step> recording = EpilogueFusion.Run(_forward, place => place.Storage.Space != Space.Scratch || recorded.Contains(place.Storage));
        List<DeviceLaunch> forward = Launches(Chained(inference, _batch)), record = Launches(recording), reverse = Launches(Chained(backward, _batch));
        ContractionKernels many = _contractions;
        _contractions = new ContractionKernels(batch: 1, _device, _vectors);
        List<DeviceLaunch> forwardFew = Launches(Chained(inference, rows: 1)), recordFew = Launches(recording), reverseFew = Launches(Chained(backward, rows: 1));
        _contractions = many;

        List<DeviceLaunch> finish = Launches(EpilogueFusion.Run(BeforeFunctions(out HashSet<Storage> behind), _ => true));
        List<DeviceLaunch> prepare = Launches(EpilogueFusion.Run(Needed(), _ => true));
        List<Segment> functions =
        [
            .. _program.Parameters
                .Where(place => place.Parameter.Role != Role.Trained && _weights.ContainsKey(place.Storage))
                .Select(place => new Segment(_layout.OffsetOf(place.Storage), _weights[place.Storage], place.Storage.Length)),
        ];
        var codes = new List<CodeSegment>();
        var gradients = new List<Segment>();
        foreach (KeyValuePair<WeightTensor, Storage> derived in _program.Derived)
        {
            (Storage storage, Storage hosts) = (derived.Value, host.Derived[derived.Key]);
            bool isHosts = derived.Key is FunctionWeight function && !_functions.Has(function.Call);
            if ((isHosts || derived.Key is ConstantWeight) && _weights.TryGetValue(storage, out int offset))
            {
                functions.Add(new Segment(hostLayout.OffsetOf(hosts), offset, storage.Length));
            }

            if (_codes.TryGetValue(storage, out int first))
            {
                codes.Add(new CodeSegment(storage.Format!, new Segment(hostLayout.OffsetOf(hosts), first, storage.Length)));
            }

            if ((isHosts || behind.Contains(storage)) && _mirrors.TryGetValue(storage, out int mirror))
            {
                gradients.Add(new Segment(hostLayout.MirrorOffsetOf(hosts), mirror, storage.Length));
            }
        }

        List<DeviceLaunch> add = _program.TrainedCount == 0 ? [] :
        [
            Elementwise(
                ElementwiseKernels.Copy,
                _program.TrainedCount,
                perRow: false,
                accumulate: true,
                [new DeviceOperand(DeviceBlock.WeightGradient, 0, 0), new DeviceOperand(DeviceBlock.ParameterGradient, 0, 0)]),
        ];

        HashSet<Storage> changed = OperationProgram.Changing(_program.Weights);
        IEnumerable<FunctionStep> changing = _program.Weights.OfType<FunctionStep>().Where(step => changed.Contains(step.Result));
        long rows = Math.Min((int.MaxValue - Beyond) / _largestRow, _kernels.Min(MostRows));
        if (rows < 1)
        {
            throw CompilationException.TooLarge("what a device counts for a row of the batch", _largestRow, int.MaxValue - Beyond);
        }

        return new DeviceSchedule(_program, _layout, _kernels, prepare, forward, forwardFew, record, recordFew, reverse, reverseFew, finish, add, Training())
        {
            WeightPlaces = _weights,
            GradientPlaces = _mirrors,
            CodePlaces = _codes,
            WeightCount = _weightCount,
            CodeBytes = _codeBytes,
            GradientCount = _gradientCount,
            PartialCount = _partialCount,
            Functions = functions,
            Codes = codes,
            FunctionsChange = changing.Any(step => _codes.ContainsKey(step.Result)
                || (!_functions.Has(step.Function) && _weights.ContainsKey(step.Result))),
            FunctionGradients = gradients,
            MaxRows = (int)rows,
        };
    }

    private TrainingSchedule Training()
    {
        (int outputs, int trained) = (_program.Module.Outputs, _program.TrainedCount);
        DeviceOperand settings = At(DeviceBlock.Settings), y = At(DeviceBlock.Output), targets = At(DeviceBlock.Targets), dy = At(DeviceBlock.OutputGradient);
        DeviceOperand parts = At(DeviceBlock.LossParts), loss = At(DeviceBlock.Loss);
        DeviceOperand gradient = At(DeviceBlock.ParameterGradient), weights = At(DeviceBlock.Weights), first = At(DeviceBlock.FirstState), second = At(DeviceBlock.SecondState);
        if (trained == 0)
        {
            return new TrainingSchedule([], [], [], []);
        }

        DeviceLaunch total = Launch(TrainingKernels.Total(), accumulate: true, [settings, parts, loss]);
        return new TrainingSchedule(
            [
                Elementwise(TrainingKernels.MeanSquaredErrorGradient, outputs, perRow: true, false, [y, targets, dy], settings),
                Launch(TrainingKernels.MeanSquaredErrorParts(outputs), false, [y, targets, parts]),
                total,
            ],
            [
                Launch(TrainingKernels.CrossEntropyGradient(outputs), false, [settings, y, targets, dy]),
                Launch(TrainingKernels.CrossEntropyParts(outputs), false, [y, targets, parts]),
                total,
            ],
            [
                Elementwise(TrainingKernels.Velocity, trained, perRow: false, false, [gradient, weights, first], settings),
                .. Stretches().Select(part => Elementwise(
                    elements => TrainingKernels.SgdStep(elements, part.Rate),
                    part.Length,
                    perRow: false,
                    false,
                    [From(gradient, part.Start), From(first, part.Start), From(weights, part.Start)],
                    settings)),
            ],
            [
                Elementwise(TrainingKernels.Mean, trained, perRow: false, false, [gradient, first], settings),
                Elementwise(TrainingKernels.Square, trained, perRow: false, false, [gradient, second], settings),
                .. Stretches().Select(part => Elementwise(
                    elements => TrainingKernels.AdamStep(elements, part.Rate),
                    part.Length,
                    perRow: false,
                    false,
                    [From(first, part.Start), From(second, part.Start), From(weights, part.Start)],
                    settings)),
            ]);

        static DeviceOperand At(DeviceBlock block) => new(block, 0, 0);

        static DeviceOperand From(DeviceOperand operand, int start) => new(operand.Block, start, 0);
    }

    /// <summary>The trained parameters, those that follow each other at one rate together.</summary>
    private List<(int Start, int Length, double Rate)> Stretches()
    {
        var stretches = new List<(int Start, int Length, double Rate)>();
        foreach (ParameterPlace place in _program.Parameters.Where(place => place.Parameter.Role == Role.Trained))
        {
            int last = stretches.Count - 1;
            if (last >= 0 && stretches[last].Rate == place.Parameter.Rate)
            {
                stretches[last] = stretches[last] with { Length = stretches[last].Length + place.Parameter.Length };
            }
            else
            {
                stretches.Add((_layout.OffsetOf(place.Storage), place.Parameter.Length, place.Parameter.Rate));
            }
        }

        return stretches;
    }

    /// <summary>
    /// The steps that take gradients of derived weights further, but for those that wait for the gradient of a function: it is the host's.
    /// </summary>
    /// <param name="behind">The tensors whose gradients are not complete without the host.</param>
    private List<Step> BeforeFunctions(out HashSet<Storage> behind)
    {
        var steps = new List<Step>();
        behind = [];
        foreach (Step step in _finish)
        {
            switch (step)
            {
                case FunctionStep function when !_functions.Has(function.Function) || behind.Contains(function.Result):
                    behind.UnionWith(function.Arguments.Select(argument => argument.Mirrored));
                    break;
                case ContractStep { Contraction: var contraction } when contraction.Views.Skip(1).Any(Mirrors(behind)):
                    behind.Add(contraction.Target.Storage);
                    break;
                case ContractStep or ClearStep or FunctionStep:
                    steps.Add(step);
                    break;
            }
        }

        return steps;

        static Func<View, bool> Mirrors(HashSet<Storage> storages) => view => view.Aspect == Aspect.Mirror && storages.Contains(view.Storage);
    }

    /// <summary>The steps whose results something on the device reads, found from the last to the first.</summary>
    private List<Step> Needed()
    {
        var steps = new List<Step>();
        foreach (Step step in _program.Weights.Reverse())
        {
            // What is read gets a place.
            IReadOnlyList<DeviceOperand>? operands = step switch
            {
                ContractStep contract when _weights.ContainsKey(contract.Contraction.Target.Storage) => Operands([.. contract.Contraction.Views]),
                FunctionStep function when _weights.ContainsKey(function.Result) && _functions.Has(function.Function) =>
                    [.. function.Arguments.Select(argument => OperandOf(new Place(argument, Aspect.Value, 0)))],
                ClearStep clear when _weights.ContainsKey(clear.C.Storage) => [],
                _ => null,
            };
            if (operands is not null)
            {
                steps.Insert(0, step);
            }
        }

        return steps;
    }

    private int WeightOf(Storage storage) => Reserve(storage, storage.Length, _weights, ref _weightCount);

    private int MirrorOf(Storage storage) => Reserve(storage, storage.Length, _mirrors, ref _gradientCount);

    private int CodesOf(Storage storage) => Reserve(storage, storage.Format!.BytesOf(storage.Length), _codes, ref _codeBytes);

    private static int Reserve(Storage storage, int length, Dictionary<Storage, int> places, ref int count)
    {
        if (!places.TryGetValue(storage, out int offset))
        {
            offset = (count + DeviceRoom.Alignment - 1) / DeviceRoom.Alignment * DeviceRoom.Alignment;
            places.Add(storage, offset);
            count = offset + length;
        }

        return offset;
    }

    /// <summary>The rows that a kernel's grid has room for.</summary>
    private static long MostRows(DeviceKernel kernel) => new[] { kernel.Y, kernel.Z }
        .Where(axis => axis.TimesRows)
        .Select(axis => (long)ContractionKernels.MostGroups * axis.Tile / axis.Extent)
        .DefaultIfEmpty(int.MaxValue)
        .Min();

    /// <summary>The steps, some of them in pairs that are faster for so many rows.</summary>
    private List<Step> Chained(IReadOnlyList<Step> steps, int rows) => StageFusion.Run(steps, place => place.Storage.Space != Space.Scratch, rows, _device);

    private List<DeviceLaunch> Launches(IEnumerable<Step> steps) => [.. steps.SelectMany(Launches)];

    private IEnumerable<DeviceLaunch> Launches(Step step)
    {
        if (step is FusedStep { Contraction: var sum } && sum.Indices.Contains(View.Rows) && !sum.Target.Has(View.Rows))
        {
            IEnumerable<int> counted = sum.Indices.Where(index => index != View.Rows && !sum.Target.Has(index)).Select(index => index.Extent);
            _largestRow = Math.Max(_largestRow, counted.Aggregate(1L, (product, extent) => product * extent));
        }

        if (step is FusedStep fused && _contractions.Parts(fused) is int parts and > 1)
        {
            _partialCount = Math.Max(_partialCount, checked(parts * ContractionKernels.PartLength(fused)));
            var partial = new DeviceOperand(DeviceBlock.PartialSums, 0, 0);
            yield return Launch(_contractions.BuildParts(fused, parts), false, [.. Operands([.. fused.Contraction.Views.Skip(1)]), partial]);
            yield return Launch(
                _contractions.BuildTotal(fused, parts),
                fused.Accumulates,
                [partial, .. Operands([.. FusedResults.EpilogueViews(fused), fused.Contraction.Target])]);
            yield break;
        }

        yield return Launch(step);
    }

    private DeviceLaunch Launch(Step step) => step switch
    {
        FusedStep fused => Launch(
            fused.Contraction.Target.Overlaps ? OverlappingKernels.Build(fused) : _contractions.Build(fused),
            fused.Accumulates,
            Operands(FusedResults.Views(fused))),
        FunctionStep { Mode: FunctionMode.Value } function when FunctionKernels.Definition(function.Function) is { } definition => OfRows(
            $"c = {function.Function.Function}(x)", definition.Value, function.Function.Shapes[0], _ => Place.Of(function.Arguments[0]), function.Target, isResult: false),
        FunctionStep function when FunctionKernels.Definition(function.Function) is { } definition => OfRows(
            $"c += {function.Function.Function}'(x) a",
            definition.Guarded.Gradient,
            function.Function.Shapes[0],
            leaf => leaf switch
            {
                FunctionOperation.Element => Place.Of(function.Arguments[0]),
                FunctionOperation.Result => Place.Of(function.Result),
                _ => function.Target,
            },
            Place.MirrorOf(function.Arguments[0]),
            isResult: true),
        FunctionStep { Mode: FunctionMode.Value } function => Launch(
            _functions.Value(function.Function), false, [OperandOf(Place.Of(function.Arguments[0])), OperandOf(function.Target)]),
        FunctionStep function => Launch(
            _functions.Gradient(function.Function),
            true,
            [
                OperandOf(Place.Of(function.Arguments[0])),
                OperandOf(Place.Of(function.Result)),
                OperandOf(function.Target),
                OperandOf(Place.MirrorOf(function.Arguments[0])),
            ]),
        ChainedStep chain => Launch(ChainKernels.Build(chain, _vectors), chain.Second.Accumulates, Operands(ChainKernels.Views(chain))),
        WalshHadamardStep transform => Launch(
            ElementwiseKernels.WalshHadamard(transform.Outer, transform.C.Storage.Length / transform.Outer, _device.LocalBytes / _device.ElementSize),
            false,
            [OperandOf(transform.A), OperandOf(transform.C)]),
        ClearStep clear => Elementwise(
            ElementwiseKernels.Clear,
            clear.C.Storage.IsPerRow ? clear.C.Storage.Pitch : clear.C.Storage.Length,
            clear.C.Storage.IsPerRow,
            false,
            [OperandOf(clear.C)]),
        GatherStep { Transposed: false } gather => Launch(
            ElementwiseKernels.Gather(gather.Shape.Outer, gather.Shape.Count, gather.Shape.Size),
            gather.Accumulate,
            [OperandOf(gather.Table), OperandOf(gather.A), OperandOf(gather.C)]),
        GatherStep gather => Launch(
            ElementwiseKernels.ScatterAdd(gather.Shape.Outer, gather.Shape.Count, gather.Shape.Size),
            true,
            [OperandOf(gather.Table), OperandOf(gather.A), OperandOf(gather.C)]),
        ActivationStep { Function: var function } activation => OfRows(
            $"c = {function.Name}(x)", function.Definition.Value, function, _ => activation.A, activation.A.Storage.Length, activation.C, isResult: false, accumulate: false),
        DerivativeStep { Function: var function } derivative => OfRows(
            $"c = {function.Name}'(x) a",
            derivative.Program,
            function,
            leaf => leaf switch
            {
                FunctionOperation.Element => derivative.Z,
                FunctionOperation.Result => derivative.Y!,
                _ => derivative.A,
            },
            derivative.Z.Storage.Length,
            derivative.C,
            isResult: true,
            derivative.Accumulate),
        _ => throw new InvalidOperationException(step.ToString()),
    };

    /// <summary>A function of the rows of vectors.</summary>
    private DeviceLaunch OfRows(
        string description, FunctionProgram program, NonlinearLink link, Func<FunctionOperation, Place> place, int size, Place target, bool isResult, bool accumulate) =>
        OfRows(description, program, link is FunctionLink { Length: var length } ? length : size, size, perRow: true, place, target, isResult, accumulate);

    /// <summary>A function of the rows of a weight.</summary>
    private DeviceLaunch OfRows(string description, FunctionProgram program, EquatableArray<int> shape, Func<FunctionOperation, Place> place, Place target, bool isResult) =>
        OfRows(description, program, FunctionKernels.RowOf(shape), shape.Aggregate(1, (product, extent) => product * extent), perRow: false, place, target, isResult, isResult);

    private DeviceLaunch OfRows(
        string description,
        FunctionProgram program,
        int length,
        int size,
        bool perRow,
        Func<FunctionOperation, Place> place,
        Place target,
        bool isResult,
        bool accumulate)
    {
        IReadOnlyList<DeviceOperand> operands = [.. program.Leaves.Select(leaf => OperandOf(place(leaf))), OperandOf(target)];
        return program.IsElementwise
            ? Elementwise(elements => ElementwiseKernels.Build(description, program, isResult, elements), size, perRow, accumulate, operands)
            : Launch(RowFunctionKernels.Build(description, program, length, size / length, perRow, isResult), accumulate, operands);
    }

    /// <summary>A kernel over the elements of operands, in vectors where all of them can be read so.</summary>
    private DeviceLaunch Elementwise(
        Func<Elements, DeviceKernel> kernel, int length, bool perRow, bool accumulate, IReadOnlyList<DeviceOperand> operands, params IEnumerable<DeviceOperand> settings)
    {
        int width = operands.Select(PowerIn).Append(Vectors.PowerIn(length)).Append(_vectors.Most).Min();
        return Launch(kernel(new Elements(length, perRow, width)), accumulate, [.. settings, .. operands]);
    }

    /// <summary>A power of two that divides the numbers before an operand, however many rows there are.</summary>
    private static int PowerIn(DeviceOperand operand) => Math.Min(Vectors.PowerIn(operand.Offset), Vectors.PowerIn(operand.OffsetPerRow));

    private int Alignment(View view) => Operand.FormatOf(view) is null ? PowerIn(Operands([view])[0]) : Vectors.PowerIn(view.Position.Offset - view.Below);

    private DeviceLaunch Launch(DeviceKernel kernel, bool accumulate, IReadOnlyList<DeviceOperand> operands)
    {
        foreach (GridAxis axis in new[] { kernel.X, kernel.Y, kernel.Z }.Where(axis => axis.TimesRows))
        {
            _largestRow = Math.Max(_largestRow, axis.Extent);
        }

        string key = FormattableString.Invariant($"{kernel.X} {kernel.Y} {kernel.Z}\n")
            + _printer.Print(kernel with { Description = "" }, "");
        if (!_numbers.TryGetValue(key, out int number))
        {
            number = _kernels.Count;
            _numbers.Add(key, number);
            _kernels.Add(kernel);
        }

        return new DeviceLaunch(number, accumulate, operands);
    }

    private IReadOnlyList<DeviceOperand> Operands(IReadOnlyList<View> views) => [.. views.Select(view => Operand.FormatOf(view) is null
        ? OperandOf(new Place(view.Storage, view.Aspect, view.Position.Offset - view.Below))
        : new DeviceOperand(DeviceBlock.Codes, CodesOf(view.Storage), 0))];

    private DeviceOperand OperandOf(Place place)
    {
        Storage storage = place.Storage;
        bool mirror = place.Aspect == Aspect.Mirror;
        return storage.Space switch
        {
            Space.Weights => mirror
                ? new DeviceOperand(DeviceBlock.WeightGradient, MirrorOf(storage) + place.Offset, 0)
                : new DeviceOperand(DeviceBlock.Weights, WeightOf(storage) + place.Offset, 0),
            Space.Input => new DeviceOperand(mirror ? DeviceBlock.InputGradient : DeviceBlock.Input, place.Offset, 0),
            Space.Output => new DeviceOperand(mirror ? DeviceBlock.OutputGradient : DeviceBlock.Output, place.Offset, 0),
            _ => new DeviceOperand(DeviceBlock.Scratch, place.Offset, mirror ? _layout.MirrorOffsetOf(storage) : _layout.OffsetOf(storage)),
        };
    }
}
