using Weft.Compiler.Scheduling;

namespace Weft.Compiler.Gpu;

/// <summary>
/// From the steps of a schedule to kernels and launches for a device: the same contractions in the same order, each with a tile of
/// the device's own and on the weights as they are stored, so that packed copies are not needed.
/// </summary>
public sealed class DeviceScheduler
{
    private readonly List<DeviceKernel> _kernels = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly ContractionKernels _contractions;
    private readonly int _scratchPerRow;

    /// <summary>The most elements that a row of the batch adds to any position or count.</summary>
    private long _largestRow;

    private DeviceScheduler(Schedule schedule, int batch)
    {
        _contractions = new ContractionKernels(Math.Min(batch, 64));
        _scratchPerRow = 2 * schedule.ScratchPerRow;
        _largestRow = Math.Max(_scratchPerRow, Math.Max(schedule.Module.Inputs, schedule.Module.Outputs));
    }

    /// <param name="schedule">The steps.</param>
    /// <param name="batch">The rows that kernels are chosen for.</param>
    public static DeviceSchedule Build(Schedule schedule, int batch)
    {
        var builder = new DeviceScheduler(schedule, batch);
        List<DeviceLaunch> forward = [.. builder.Launches(schedule.Forward)];
        List<DeviceLaunch> reverse = [.. builder.Launches(schedule.Reverse)];
        bool finishesOnHost = schedule.PrepareGradient.Any(step => step is FunctionStep);
        List<DeviceLaunch> finish = finishesOnHost ? [] : [.. builder.Launches(schedule.PrepareGradient)];
        if (schedule.TrainedCount > 0)
        {
            finish.Add(builder.Launch(
                ElementwiseKernels.Copy(schedule.TrainedCount),
                accumulate: true,
                [new DeviceOperand(DeviceBlock.WeightGradient, 0, 0), new DeviceOperand(DeviceBlock.ParameterGradient, 0, 0)]));
        }

        // A group's tile may reach beyond the rows.
        return new DeviceSchedule(
            builder._kernels, [], forward, reverse, finish, finishesOnHost, (int)Math.Max(1, (int.MaxValue / builder._largestRow) - 256));
    }

    private IEnumerable<DeviceLaunch> Launches(IEnumerable<Step> steps) => steps.Where(step => step is not (PackStep or PadStep)).SelectMany(Launches);

    private IEnumerable<DeviceLaunch> Launches(Step step)
    {
        if (step is KernelStep { Addend: { } addend, Accumulates: false, Contraction: var contraction })
        {
            View start = contraction.Target with { Storage = addend.Storage, Aspect = addend.Aspect };
            yield return Launch(ContractionKernels.Arrange(new Contraction(contraction.Target, start, null, 1, contraction.Packs)), accumulate: false);
            yield return Launch(ContractionKernels.Arrange(contraction), accumulate: true);
            yield break;
        }

        yield return Launch(step);
    }

    private DeviceLaunch Launch(Step step) => step switch
    {
        KernelStep kernel => Launch(ContractionKernels.Arrange(kernel.Contraction), kernel.Accumulates),
        ClearStep clear => Launch(
            ElementwiseKernels.Clear(clear.C.Storage.IsPerRow ? clear.C.Storage.Pitch : clear.C.Storage.Length, clear.C.Storage.IsPerRow),
            false,
            [OperandOf(clear.C)]),
        GatherStep { Transposed: false } gather => Launch(
            ElementwiseKernels.Gather(gather.Outer, gather.Table.Storage.Length, gather.A.Storage.Length / gather.Outer),
            gather.Accumulate,
            [OperandOf(gather.Table), OperandOf(gather.A), OperandOf(gather.C)]),
        GatherStep gather => Launch(
            ElementwiseKernels.ScatterAdd(gather.Outer, gather.Table.Storage.Length, gather.C.Storage.Length / gather.Outer),
            true,
            [OperandOf(gather.Table), OperandOf(gather.A), OperandOf(gather.C)]),
        ActivationStep activation => Launch(
            ElementwiseKernels.Activate(activation.Activation, activation.C.Storage.Length),
            false,
            [OperandOf(activation.A), OperandOf(activation.C)]),
        DerivativeStep derivative => Launch(
            ElementwiseKernels.Derive(derivative.Activation, derivative.C.Storage.Length),
            derivative.Accumulate,
            [OperandOf(derivative.Z), OperandOf(derivative.A), OperandOf(derivative.C)]),
        _ => throw new InvalidOperationException(step.ToString()),
    };

    private DeviceLaunch Launch(Contraction contraction, bool accumulate) => Launch(
        contraction.Target.Overlaps ? OverlappingKernels.Build(contraction) : _contractions.Build(contraction),
        accumulate,
        [.. contraction.Views.Skip(1).Append(contraction.Target).Select(view => OperandOf(new Place(view.Storage, view.Aspect, view.Position.Offset)))]);

    private DeviceLaunch Launch(DeviceKernel kernel, bool accumulate, IReadOnlyList<DeviceOperand> operands)
    {
        foreach (GridAxis axis in new[] { kernel.X, kernel.Y, kernel.Z }.Where(axis => axis.TimesRows))
        {
            _largestRow = Math.Max(_largestRow, axis.Extent);
        }

        string key = FormattableString.Invariant($"{kernel.X} {kernel.Y} {kernel.Z}\n")
            + OpenClPrinter.Print(kernel with { Description = "" }, "", "float");
        if (!_numbers.TryGetValue(key, out int number))
        {
            number = _kernels.Count;
            _numbers.Add(key, number);
            _kernels.Add(kernel);
        }

        return new DeviceLaunch(number, accumulate, operands);
    }

    private static DeviceOperand OperandOf(Place place)
    {
        Storage storage = place.Storage;
        bool mirror = place.Aspect == Aspect.Mirror;
        return storage.Space switch
        {
            Space.Weights => mirror
                ? new DeviceOperand(DeviceBlock.WeightGradient, storage.MirrorOffset + place.Offset, 0)
                : new DeviceOperand(DeviceBlock.Weights, storage.Offset + place.Offset, 0),
            Space.Input => new DeviceOperand(mirror ? DeviceBlock.InputGradient : DeviceBlock.Input, place.Offset, 0),
            Space.Output => new DeviceOperand(mirror ? DeviceBlock.OutputGradient : DeviceBlock.Output, place.Offset, 0),
            _ => new DeviceOperand(DeviceBlock.Scratch, place.Offset, mirror ? storage.MirrorOffset : storage.Offset),
        };
    }
}
