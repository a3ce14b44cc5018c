using Weft.Compiler.Targets.Device;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Verification;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Verification;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>What is scheduled for a device has no faults, and violations that are planted there are found, and named.</summary>
public class DeviceVerifierTests
{
    private const string Layers = "bias . monarch(64, 8) . tanh . low_rank(64, 10, 8)";
    private const string Scaled = "normalized_blocks(4, 8, 8)";
    private const string Sparse = "constant_fan_in(20, 32, 4)";
    private const string Half = "operator f : 64 -> 32\n  frozen(half) W[32, 64]\n  = W";

    private static readonly string[] Formulas =
    [
        // What is kept for the reverse pass is not kept by a kernel that runs only where y is wanted.
        "bias . hadamard(dense(3, 4), tanh . dense(3, 4))",

        // A derivative's names are apart from those of a kernel of two stages.
        "frozen_dense(64, 8) . tanh . frozen_dense(8, 64)",

        // A sum over the batch and two more indices counts them in 32 bits.
        "permutation_equivariant(1024)",
    ];

    public static TheoryData<string, string, Func<DeviceSchedule, DeviceSchedule>> Violations => new()
    {
        // Where tensors lie.
        { "elements of weights", Layers, device => device with { WeightCount = device.WeightCount - 1 } },
        { "overlaps", Scaled, device => device with { WeightPlaces = device.WeightPlaces.ToDictionary(place => place.Key, _ => 0) } },
        { "lies elsewhere than in the map", Layers, device => device with { WeightPlaces = device.WeightPlaces.ToDictionary(place => place.Key, place => place.Value + 16), WeightCount = device.WeightCount + 16 } },
        { "is no tensor", Sparse, device => device with { Functions = [.. device.Functions.Select(segment => segment with { Host = segment.Host + 1 })] } },
        { "overwrites what is trained", Layers, device => device with { Functions = [new Segment(0, 0, device.WeightPlaces.Single(place => place.Value == 0).Key.Length)] } },

        // What a kernel is made of.
        { "is defined twice", Layers, EachBody(body => [.. body, .. body]) },
        { "is used before it is defined", Layers, EachBody(body => [.. body.Where(statement => statement is not DefineInteger)]) },
        { "is no integer", Layers, Each(statement => statement is DefineInteger define ? define with { Value = new Real(1) } : statement) },
        { "a is written", Layers, Each(statement => statement is Store { Array: "c" } store ? store with { Array = "a" } : statement) },
        { "the last operand is not written", Layers, EachKernel(kernel => kernel with { Operands = [.. kernel.Operands.Select(operand => new Operand(operand.Name))] }) },
        { "may not reach a barrier", Layers, Each(statement => statement is Compiler.Targets.Device.Barrier ? new When(((Expression)new Position(WorkItem.LocalX)).IsLess(1), [statement]) : statement) },
        { "may not reach a barrier", Layers, Each(statement => statement is Compiler.Targets.Device.Barrier ? new For("i", new Position(WorkItem.LocalX), 8, 1, [statement]) : statement) },
        { "has no vectors of 4", Layers, EachKernel(kernel => kernel with { Locals = [.. kernel.Locals.Select(array => array with { Width = 1 })] }) },
        { "has no vectors of 3", Layers, Each(statement => statement is DefineVector vector ? vector with { Width = 3 } : statement) },
        { "has no element 4", Layers, Each(statement => statement is Assign { Value: Call { Arguments: [Lane lane, ..] } } assign ? assign with { Value = lane with { Number = 4 } } : statement) },
        { "bytes of local memory", Layers, EachKernel(kernel => kernel with { Locals = [.. kernel.Locals.Select(array => array with { Length = 1 << 20 })] }) },

        // What it touches.
        { "of stage are touched", Layers, EachKernel(kernel => kernel with { Locals = [.. kernel.Locals.Select(array => array with { Length = array.Length / 2 })] }) },
        { "which are no part of a tensor", Layers, Each(statement => statement is Store { Array: "c" } store ? store with { Index = store.Index + 1 } : statement) },
        { "of parts are touched", Layers, Each(statement => statement is When guard ? new Scope(guard.Body) : statement) },
        { "which are no part of a tensor", Layers, Each(statement => statement is When { Condition: Binary { Right: not Constant } } guard ? new Scope(guard.Body) : statement) },
        { "which are no part of a tensor", Layers, Each(statement => statement is For { End: Symbol or Binary } loop ? loop with { End = loop.End + 1 } : statement) },
        { "which are no part of a tensor", Layers, Each(statement => statement is DefineVector vector ? vector with { Within = null } : statement) },
        { "does not grow", Layers, Each(statement => statement is For loop ? loop with { Step = 0 } : statement) },
        { "divides by", Layers, Each(statement => statement is DefineInteger define ? define with { Value = define.Value / (Expression)0 } : statement) },
        { "32 bits do not hold", Layers, Each(statement => statement is DefineInteger define ? define with { Value = define.Value + (1 << 30) * ((Expression)"rows" + 1) } : statement) },
        { "more groups than a grid has", Layers, device => device with { MaxRows = int.MaxValue / 64 } },
        { "may not be below", Sparse, device => device with { Program = device.Program with { Weights = [] } } },

        // What launches hand it.
        { "is not there", Layers, EachLaunch(launch => launch with { Kernel = 100 }) },
        { "is not there", Layers, EachLaunch(launch => launch with { Operands = [.. launch.Operands.Skip(1)] }) },
        { "do not begin where vectors do", Layers, EachLaunch(launch => launch with { Operands = [.. launch.Operands.Select(operand => operand with { Offset = operand.Offset + 1 })] }) },
        { "which are no part of a tensor", Layers, EachLaunch(launch => launch with { Operands = [.. launch.Operands.Select(operand => operand with { Offset = operand.Offset + 16 })] }) },
        { "does not lie in Weights", Half, EachLaunch(launch => launch with { Operands = [.. launch.Operands.Select(operand => operand.Block == DeviceBlock.Codes ? operand with { Block = DeviceBlock.Weights } : operand)] }) },
        { "other work items write what one reads or writes", Layers, device => device with { Reverse = [.. device.Reverse.Select(launch => launch with { Operands = [launch.Operands[^1], .. launch.Operands.Skip(1)] })] } },

        // In which order.
        { "prepare: ", Scaled, device => device with { Prepare = [.. device.Prepare.Skip(1)] } },
        { "elements 80 to 143 of Scratch are read before they are written", Layers, EachLaunch(launch => launch with { Accumulate = true }) },
        { "forward: elements ", Layers, device => device with { Forward = [.. device.Forward.Reverse()] } },
        { "forward: what it is for is not written", Layers, device => device with { Forward = [.. device.Forward.SkipLast(1)] } },
        { "reverse: ", Layers, device => device with { Record = device.Forward } },
        { "adjoint: ", "low_rank(64, 10, 8)", device => device with { Reverse = [.. device.Record.SkipLast(1), .. device.Reverse] } },
        { "loss: ", Layers, device => device with { Training = device.Training with { CrossEntropy = [.. device.Training.CrossEntropy.Reverse()] } } },
    };

    [Theory]
    [MemberData(nameof(Violations))]
    public void FindsWhatIsPlanted(string expected, string formula, Func<DeviceSchedule, DeviceSchedule> plant)
    {
        (DeviceSchedule device, Schedule host) = Build(TestModules.Formula(formula), DeviceModel.Default);
        Assert.Null(DeviceVerifier.Fault(device, host.Program, host.Layout, DeviceModel.Default));
        Assert.Contains(expected, DeviceVerifier.Fault(plant(device), host.Program, host.Layout, DeviceModel.Default), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, 64)]
    [InlineData(8, 64)]
    [InlineData(4, 4096)]
    public void TheLibraryHasNone(int elementSize, int batch) => AssertNone(
        StandardLibraryTests.OnDevices.Concat(LibraryFormulasTests.LargerSizes).Concat(FunctionLinkTests.Formulas).Concat(StorageFormatTests.OnDevices).Concat(Formulas)
            .Select(formula => TestModules.Formula(formula)).Where(module => module.RunsOnDevices()),
        elementSize,
        batch);

    [Theory]
    [InlineData(4, 64)]
    [InlineData(8, 4096)]
    public void RandomFormulasHaveNone(int elementSize, int batch) => AssertNone(Enumerable.Range(7000, 200).Select(seed => RandomFormula.Create(seed)).Where(module => module.RunsOnDevices()), elementSize, batch);

    private static void AssertNone(IEnumerable<Module> modules, int elementSize, int batch)
    {
        DeviceModel model = DeviceModel.Default with { ElementSize = elementSize };
        string[] faults =
        [
            .. modules.AsParallel().AsOrdered().Select(module =>
            {
                (DeviceSchedule device, Schedule host) = Build(module, model, batch);
                return DeviceVerifier.Fault(device, host.Program, host.Layout, model) is { } fault ? $"{module.Formula}: {fault}\n" : "";
            }),
        ];
        Assert.Equal("", string.Concat(faults));
    }

    private static (DeviceSchedule Device, Schedule Host) Build(Module module, DeviceModel model, int batch = 64)
    {
        Schedule host = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(module).Module), new Variant(new CostModel(batch), model.ElementSize), keepsElements: true);
        return (DeviceScheduler.Build(host.Program, host.Layout, batch, model), host);
    }

    // --- Changes of everything of a kind ---

    private static Func<DeviceSchedule, DeviceSchedule> EachKernel(Func<DeviceKernel, DeviceKernel> map) => device => device with { Kernels = [.. device.Kernels.Select(map)] };

    private static Func<DeviceSchedule, DeviceSchedule> EachBody(Func<IReadOnlyList<Compiler.Targets.Device.Statement>, IReadOnlyList<Compiler.Targets.Device.Statement>> map) =>
        EachKernel(kernel => kernel with { Body = map(kernel.Body) });

    private static Func<DeviceSchedule, DeviceSchedule> Each(Func<Compiler.Targets.Device.Statement, Compiler.Targets.Device.Statement> map)
    {
        return EachBody(All);

        IReadOnlyList<Compiler.Targets.Device.Statement> All(IReadOnlyList<Compiler.Targets.Device.Statement> body) => [.. body.Select(statement => map(statement switch
        {
            For loop => loop with { Body = All(loop.Body) },
            When guard => guard with { Body = All(guard.Body) },
            Scope scope => scope with { Body = All(scope.Body) },
            _ => statement,
        }))];
    }

    private static Func<DeviceSchedule, DeviceSchedule> EachLaunch(Func<DeviceLaunch, DeviceLaunch> map) => device => device with { Forward = [.. device.Forward.Select(map)] };
}
