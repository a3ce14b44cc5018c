using Weft.Compiler.Algebra;
using Weft.Compiler.Emission;
using Weft.Compiler.Explanation;
using Weft.Compiler.Targets.Device;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Projection;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;
using Weft.Compiler.Verification;

namespace Weft.Compiler;

/// <summary>What the road makes of one module.</summary>
/// <param name="Code">The C# file.</param>
/// <param name="Explanation">What was done and why; as text, what <c>weft explain</c> prints.</param>
/// <param name="Warning">What the type lacks of what was asked for.</param>
public sealed record GeneratedType(string Code, ExplanationReport Explanation, Diagnostic? Warning = null);

/// <summary>
/// The road from a bound module to C#: rewrite, lower, plan, schedule, emit. Between the stages what was made is verified: a mistake of the
/// compiler becomes a diagnostic, never code.
/// </summary>
public static class ModuleCompiler
{
    /// <summary>The largest number up to which a float holds all whole numbers.</summary>
    private const double MostOfFloat = 1 << 24;

    /// <exception cref="CompilationException">The module is too large, a type for devices alone needs what they do not have, or the compiler made a mistake.</exception>
    public static GeneratedType Compile(Module module, GenerateOptions options, CancellationToken cancellationToken = default)
    {
        var costs = new CostModel(options.Batch) { Processor = options.Processor };
        Lowered lowered = Lower(module, costs, options.Targets != DeviceTargets.None, cancellationToken);
        if (options.Scalar == Scalar.Float && NetworkVerifier.LargestPosition(lowered.Module) is > MostOfFloat and var largest)
        {
            throw new CompilationException(DiagnosticDescriptors.PositionTooLarge, [module.Name, largest]) { Module = module.Name };
        }

        CompilationException? lack = options.Targets == DeviceTargets.None ? null : Lack(lowered.Module);
        bool isLacking = lack is not null && options.Targets.HasFlag(DeviceTargets.OpenCl);
        options = lack is null ? options : options.MapType is null ? options with { Targets = DeviceTargets.None } : throw lack;
        Explainer explainer = Explain(module, lowered, options, costs, cancellationToken);
        DeviceModel model = DeviceModel.Default with { ElementSize = options.ElementSize };
        DeviceSchedule? device = options.Targets == DeviceTargets.None ? null : ScheduleDevice(explainer.Schedule, options.Batch, model, cancellationToken);
        Explainer? penalties = options.MapType is null && module.PenaltyMap is { } map ? Explain(map, options.ForPenalties, cancellationToken) : null;
        return Stage("emission", module, () =>
        {
            string code = options.MapType is null
                ? MapEmitter.Emit(explainer.Schedule, explainer.Projection, device, options, explainer.Summary(), penalties is null ? null : (penalties.Schedule, penalties.Summary()))
                : IlgpuEmitter.Emit(device!, options);
            return new GeneratedType(code, explainer.Full(), isLacking ? lack!.At("", default) : null);
        });
    }

    /// <summary>What the compiler does with a module for the processor of the options, without code.</summary>
    /// <exception cref="CompilationException">The module is too large, or the compiler made a mistake.</exception>
    public static Explainer Explain(Module module, GenerateOptions options, CancellationToken cancellationToken = default)
    {
        var costs = new CostModel(options.Batch) { Processor = options.Processor };
        return Explain(module, Lower(module, costs, options.Targets != DeviceTargets.None, cancellationToken), options, costs, cancellationToken);
    }

    private static Explainer Explain(Module module, Lowered lowered, GenerateOptions options, CostModel costs, CancellationToken cancellationToken)
    {
        Variant variant = options.Variant(costs);
        Schedule schedule = Schedule(lowered.Module, variant, keepsElements: options.Targets != DeviceTargets.None, cancellationToken);
        Lowered? evaluation = Expectation.Of(module) is { } evaluated ? Lower(evaluated, costs, forDevices: false, cancellationToken) : null;
        if (evaluation is not null)
        {
            Schedule without = Schedule(evaluation.Module, variant with { IsForwardOnly = true }, keepsElements: false, cancellationToken);
            schedule = Stage("planning without noise", module, () => ForwardPass.AddEvaluation(schedule, without));
        }

        if (options.MapType is null && !double.IsInfinity(options.FewRowsGain))
        {
            LoweredModule few = Lower(module, (evaluation ?? lowered).Rewritten, costs.ForFewRows, forDevices: false, cancellationToken).Module;
            schedule = Stage("planning for few rows", module, () => ForwardPass.AddFewRows(schedule, few, variant, options.FewRowsGain, cancellationToken));
        }

        Verify("planning of other passes", module, ScheduleVerifier.FaultOfOthers(schedule, options.ElementSize));

        ProjectionPlan? projection = Stage("planning projections", module, () => module.IsLinear ? ProjectionPlanner.Plan(schedule) : null);
        return new Explainer(schedule, lowered.Laws, lowered.Routes, costs, projection, options.Scalar);
    }

    /// <summary>The kernels of a module for a device, as OpenCL C.</summary>
    /// <exception cref="CompilationException">The module is too large, it needs what devices do not have, or the compiler made a mistake.</exception>
    public static string OpenCl(Module module, GenerateOptions options, CancellationToken cancellationToken = default)
    {
        DeviceModel model = DeviceModel.Default with { ElementSize = options.ElementSize };
        Schedule schedule = ScheduleForDevice(module, options, cancellationToken);
        return Stage("emission", module, () =>
            new OpenClPrinter(options.Scalar == Scalar.Float ? "float" : "double").Print(ScheduleDevice(schedule, options.Batch, model, cancellationToken)));
    }

    /// <summary>What a module does to tensors outside training, planned for a batch: what makes something else of it than code starts from that.</summary>
    /// <exception cref="CompilationException">The module is too large, or the compiler made a mistake.</exception>
    public static OperationProgram Program(Module module, int batch, CancellationToken cancellationToken = default)
    {
        var costs = new CostModel(batch);
        LoweredModule lowered = Lower(Expectation.Of(module) ?? module, costs, forDevices: false, cancellationToken).Module;

        // How intermediate results lie is nothing that such a one has to keep to.
        return Stage("planning", module, () => ProgramBuilder.Build(lowered, new Variant(costs, sizeof(float)), new StoragePool(), _ => 0, cancellationToken));
    }

    /// <summary>The matrix of a linear module, or of a part of its operator, with random parameters.</summary>
    /// <param name="module">The bound module.</param>
    /// <param name="obstacle">Why there is no picture, as a clause.</param>
    /// <param name="seed">The seed of the parameters.</param>
    /// <param name="part">An operator in it; null for all of it.</param>
    /// <param name="mostProducts">How many products of numbers the entries take at most.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="CompilationException">The module is too large, or the compiler made a mistake.</exception>
    public static MatrixPicture? Picture(
        Module module, out string? obstacle, int seed = 1, Operator? part = null, long mostProducts = MatrixPicture.MostProducts, CancellationToken cancellationToken = default) =>
        MatrixPicture.Draw(module, module.IsLinear ? Program(module, new GenerateOptions(module.Name).Batch, cancellationToken).Parameters : [], seed, part, mostProducts, out obstacle, cancellationToken);

    /// <summary>What <c>weft explain --target gpu</c> prints.</summary>
    /// <param name="module">The module that is compiled.</param>
    /// <param name="options">How it becomes a type.</param>
    /// <param name="device">What the device can do.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="CompilationException">The module is too large, or the compiler made a mistake.</exception>
    public static string ExplainDevice(Module module, GenerateOptions options, DeviceModel device, CancellationToken cancellationToken = default)
    {
        device = device with { ElementSize = options.ElementSize };
        Schedule schedule = ScheduleForDevice(module, options, cancellationToken);
        return Stage("planning for a device", module, () => new DeviceExplainer(
            ScheduleDevice(schedule, options.Batch, device, cancellationToken),
            ScheduleDevice(schedule, 1, device, cancellationToken),
            options.Batch,
            device).Full());
    }

    /// <summary>What a device does not have of what a module needs, or null.</summary>
    private static CompilationException? Lack(LoweredModule lowered) => DeviceScheduler.Lacking(lowered) is { } lack
        ? new CompilationException(DiagnosticDescriptors.ProcessorOnly, [lowered.Module.Name, lack]) { Module = lowered.Module.Name }
        : null;

    /// <summary>What the laws make of a module, for all batches.</summary>
    private sealed record Rewritten(Module Module, IReadOnlyList<Law> Laws);

    private sealed record Lowered(Rewritten Rewritten, LoweredModule Module, IReadOnlyList<Law> Laws, IReadOnlyList<Route> Routes);

    private static Lowered Lower(Module module, CostModel costs, bool forDevices, CancellationToken cancellationToken)
    {
        Verify("binding", module, ModuleVerifier.Fault(module));
        Rewritten rewritten = Stage("rewriting", module, () =>
        {
            (Module made, IReadOnlyList<Law> laws) = Rewriter.Rewrite(module, cancellationToken);
            return new Rewritten(made, laws);
        });
        return Lower(module, rewritten, costs, forDevices, cancellationToken);
    }

    private static Lowered Lower(Module module, Rewritten rewritten, CostModel costs, bool forDevices, CancellationToken cancellationToken)
    {
        (Module chosen, IReadOnlyList<Law> laws, IReadOnlyList<Route> routes) = Stage("rewriting", module, () =>
        {
            (Module made, IReadOnlyList<Route> found) = RouteSelection.Select(rewritten.Module, costs, forDevices ? lowered => DeviceScheduler.Lacking(lowered) is null : null, cancellationToken);
            if (found.Count == 0)
            {
                return (made, rewritten.Laws, found);
            }

            (made, IReadOnlyList<Law> more) = Rewriter.Rewrite(made, cancellationToken);
            return (made, [.. rewritten.Laws, .. more], found);
        });
        Verify("rewriting", module, ModuleVerifier.Fault(chosen));
        LoweredModule lowered = Stage("lowering", module, () => Lowering.Lower(chosen, fewRows: costs.IsForFewRows));
        Verify("lowering", module, NetworkVerifier.Fault(lowered));
        return new Lowered(rewritten, lowered, laws, routes);
    }

    private static Schedule Schedule(LoweredModule lowered, Variant variant, bool keepsElements, CancellationToken cancellationToken)
    {
        Schedule schedule = Stage("scheduling", lowered.Module, () => Scheduler.Build(lowered, variant, keepsElements, cancellationToken));
        Verify("scheduling", lowered.Module, ScheduleVerifier.Fault(schedule, variant.ElementSize));
        return schedule;
    }

    /// <exception cref="CompilationException">The module needs what devices do not have.</exception>
    private static Schedule ScheduleForDevice(Module module, GenerateOptions options, CancellationToken cancellationToken)
    {
        var costs = new CostModel(options.Batch);
        LoweredModule lowered = Lower(module, costs, forDevices: true, cancellationToken).Module;
        return Lack(lowered) is { } lack ? throw lack : Schedule(lowered, options.Variant(costs), keepsElements: true, cancellationToken);
    }

    private static DeviceSchedule ScheduleDevice(Schedule schedule, int batch, DeviceModel model, CancellationToken cancellationToken)
    {
        DeviceSchedule device = Stage("device scheduling", schedule.Module, () => DeviceScheduler.Build(schedule.Program, schedule.Layout, batch, model, cancellationToken));
        Verify("device scheduling", schedule.Module, DeviceVerifier.Fault(device, schedule.Program, schedule.Layout, model));
        return device;
    }

    /// <summary>Does a part of the road: what it throws is told with its name and the formula.</summary>
    private static T Stage<T>(string name, Module module, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (CompilationException exception)
        {
            exception.Module = module.Name;
            throw;
        }
        catch (OverflowException exception)
        {
            throw new CompilationException(DiagnosticDescriptors.TooLarge, [Limits.Message($"a part of '{module.Name}'", double.PositiveInfinity, MemoryBlock.MaxLength)], exception) { Module = module.Name };
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw Mistake(name, module, $"{exception.GetType().Name}: {exception.Message}", exception);
        }
    }

    private static void Verify(string stage, Module module, string? fault)
    {
        if (fault is not null)
        {
            throw Mistake(stage, module, fault);
        }
    }

    private static CompilationException Mistake(string stage, Module module, string fault, Exception? exception = null) =>
        new(DiagnosticDescriptors.Internal, [$"{stage} of {module.Formula.Trim().Replace("\r", "").Replace('\n', ' ')}: {fault}"], exception) { Module = module.Name };
}
