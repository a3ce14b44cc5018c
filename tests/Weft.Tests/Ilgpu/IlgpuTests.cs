using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using Weft.Compiler;
using Weft.Compiler.Targets.Device;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;
using Weft.Tests.Stages;
using Module = Weft.Compiler.Algebra.Module;

namespace Weft.Tests.Ilgpu;

/// <summary>What is emitted for ILGPU, run on its accelerator for the processor, against the interpreter.</summary>
/// <remarks>By itself: its threads wait for each other at barriers, which takes minutes where others take the cores.</remarks>
[Collection("Threads")]
public sealed class IlgpuTests : IDisposable
{
    private readonly Context context = Context.Create(builder => builder.CPU(Items(64)).CPU(Items(256)));
    private readonly Accelerator accelerator;
    private readonly Lazy<Accelerator> larger;

    public IlgpuTests() => (accelerator, larger) = (context.CreateCPUAccelerator(0), new(() => context.CreateCPUAccelerator(1)));

    /// <summary>A work item is a thread of the system's, which takes its time: most kernels need no more than 64.</summary>
    private static CPUDevice Items(int count) => new(numThreadsPerWarp: 32, numWarpsPerMultiprocessor: count / 32, numMultiprocessors: 1);

    public void Dispose()
    {
        if (larger.IsValueCreated)
        {
            larger.Value.Dispose();
        }

        accelerator.Dispose();
        context.Dispose();
    }

    /// <summary>
    /// Of the standard library and the functions of rows as many formulas as it takes for every kind of statement and expression that their kernels
    /// have: all of them run in OpenCL, and the library becomes PTX.
    /// </summary>
    [Fact]
    public void WhatKernelsAreMadeOf()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        string[] formulas =
        [
            .. StandardLibraryTests.OnDevices.Concat(FunctionLinkTests.Formulas)
                .Where(formula => DeviceTests.Schedule(formula, batch: 4).Kernels.SelectMany(kernel => kernel.Body).SelectMany(Kinds).Count(seen.Add) > 0),
        ];
        Assert.InRange(formulas.Length, 8, 30);
        AssertRight(formulas, planned: 4, batch: 2);

        // The kinds of a statement or an expression and of what is in it.
        static IEnumerable<string> Kinds(object node) => node.GetType().GetProperties()
            .Where(property => property.GetIndexParameters().Length == 0)
            .Select(property => property.GetValue(node))
            .SelectMany(value => value is Statement or Expression ? [value] : value is IEnumerable<object> many ? many.Where(one => one is Statement or Expression) : [])
            .SelectMany(Kinds)
            .Append(node switch
            {
                Binary binary => binary.Operator,
                Call call => $"{call.Function}",
                DefineVector vector => $"load of {vector.Width}{(vector.Within is null ? "" : " within")}",
                StoreVector vector => $"store of {vector.Values.Count}",
                _ => node.GetType().Name,
            });
    }

    [Fact]
    public void Layers() => AssertRight(
        ["bias . dense(3, 3) . relu . bias . dense(3, 3) . gelu . dense(3, 3) . silu . dense(3, 3) . tanh . dense(3, 3) . sigmoid . dense(3, 3) . softplus . dense(3, 4)"],
        planned: 4);

    /// <summary>Every structure, in one format or another: OpenCL has each in all.</summary>
    [Fact]
    public void ShortFormats() => AssertRight(StorageFormatTests.OnDevices.Where((_, i) => i % 5 == 0), planned: 4);

    [Theory]
    [MemberData(nameof(StorageFormatTests.DeviceFormats), MemberType = typeof(StorageFormatTests))]
    public void NumbersAreWidened(string format)
    {
        using WeftAssembly assembly = Compile([(TestModules.Formula(StorageFormatTests.AllNumbers(format)), Options("F", planned: 1))]);
        using DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>> device = Create(assembly, "F", maxRows: 1);
        StorageFormatTests.AssertWidens(device.Map, format, (x, y) => device.Forward(x, y));
    }

    /// <summary>Tiles in local memory, and sums that a group shares: for more rows than a few, and a rest of one.</summary>
    [Fact]
    public void KernelsWithBarriers() => AssertRight(["dense(9, 10)", "dense(12, 20)", "dense(256, 4)"], planned: 64, maxRows: 9, batch: 10);

    /// <summary>Sizes of which operands are vectors, all, some or none of them, where they begin with a vector and where within one.</summary>
    [Fact]
    public void Vectors() => AssertRight(VectorFormulas, planned: 4);

    [Theory]
    [InlineData("gelu . bias . dense(16, 4) . relu . dense(4, 6)")]
    [InlineData("operator f : 8 -> 6\n  frozen(bf16) W[6, 16]\n  param(half) V[16, 8]\n  = W * V")]
    public void Double(string formula)
    {
        using WeftAssembly assembly = Compile([(TestModules.Formula(formula), Options("F", planned: 8) with { Scalar = Scalar.Double })]);
        using var device = (DeviceMap<double, MemoryBuffer1D<double, Stride1D.Dense>>)Activator.CreateInstance(assembly.Find("FGpu"), larger.Value, null, null, 9)!;
        device.Map.Initialize(seed: 1);
        foreach (int batch in new[] { 1, 10 })
        {
            MapOnDevice.AssertSame(device.Map, device, batch);
        }
    }

    internal static readonly string[] VectorFormulas =
    [
        "bias . dense(8, 12) . gelu . diagonal(12)",
        "bias . dense(6, 10) . tanh . bias . dense(10, 8)",
        "dense(8, 3) . bias . dense(3, 12)",
        "operator f : 12 -> 8\n  param s, W[8, 4], V[4, 12]\n  = s * W * V",
        "low_rank(16, 12, 8)",
        "kronecker([4, 6], [8, 2])",
        "operator f : 24 -> 8\n  frozen(half) W[8, 16]\n  param(bf16) V[16, 24]\n  = W * V",
        "operator f : 20 -> 6\n  frozen(bf16) W[6, 12]\n  param(half) V[12, 20]\n  = W * V",
    ];

    /// <summary>Losses and optimizers: training on the accelerator ends where training on the processor does.</summary>
    [Theory]
    [InlineData("bias . dense(3, 4) . tanh . bias . dense(4, 5)", DeviceLoss.CrossEntropy, true)]
    [InlineData("hra(3, 4, 2)", DeviceLoss.MeanSquaredError, false)]
    [InlineData("layer f : 5 -> 3\n  param W[3, 5]\n  penalty size = 0.1 * norm(W)^2\n  = bias . W", DeviceLoss.MeanSquaredError, true)]
    public void Training(string formula, DeviceLoss loss, bool adamW)
    {
        const int Batch = 5;
        using WeftAssembly assembly = Compile([(TestModules.Formula(formula), Options("F", planned: 4))]);
        using DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>> device = Create(assembly, "F", maxRows: 4);
        using Map<float> expected = assembly.Create<float>("F");
        expected.Initialize(seed: 2);
        device.Map.Initialize(seed: 2);
        int[] labels = [.. Enumerable.Range(0, Batch).Select(i => i * 2 % device.Map.Outputs)];
        float[] x = Numbers(Batch * expected.Inputs);
        float[] targets = loss == DeviceLoss.CrossEntropy ? [.. labels.Select(label => (float)label)] : Numbers(Batch * expected.Outputs);
        using MemoryBuffer1D<float, Stride1D.Dense> deviceX = Upload(x), deviceTargets = Upload(targets), value = Upload([0]);
        using MemoryBuffer1D<float, Stride1D.Dense> deviceGradient = Upload(new float[expected.TrainedCount]);
        Optimizer<float> here = Rule(), there = Rule();
        float[] gradient = new float[expected.TrainedCount], total = new float[1];
        double mean = 0;
        for (int step = 0; step < 4; step++)
        {
            Array.Clear(gradient);
            mean = loss == DeviceLoss.CrossEntropy
                ? expected.LossGradient(x, new CrossEntropy<float>(labels), gradient)
                : expected.LossGradient(x, new MeanSquaredError<float>(targets), gradient);
            double penalties = expected.AddPenalties(gradient);
            here.Step(expected, gradient);
            deviceGradient.AsContiguous().MemSetToZero(accelerator.DefaultStream);
            device.LossGradient(loss, deviceX, deviceTargets, deviceGradient, step == 3 ? value : null);
            Assert.Equal(penalties, device.AddPenalties(deviceGradient), 1e-4);
            device.Step(there, deviceGradient);
        }

        value.AsContiguous().CopyToCPU(accelerator.DefaultStream, ref total[0], 1);
        Assert.Equal(mean, total[0], 1e-4 * Math.Max(1, mean));
        device.Download();
        Assert.All(expected.Parameters.ToArray().Zip(device.Map.Parameters.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));

        Optimizer<float> Rule() => adamW ? new AdamW<float>(1e-2) : new Sgd<float>(0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-3);

        MemoryBuffer1D<float, Stride1D.Dense> Upload(float[] values)
        {
            MemoryBuffer1D<float, Stride1D.Dense> buffer = accelerator.Allocate1D<float>(values.Length);
            buffer.AsContiguous().CopyFromCPU(accelerator.DefaultStream, ref values[0], values.Length);
            return buffer;
        }

        static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];
    }

    private void AssertRight(IEnumerable<string> formulas, int planned, int maxRows = 2, int batch = 3)
    {
        Module[] modules = [.. formulas.Select((formula, k) => TestModules.Formula(formula) with { Name = $"F{k}" })];
        using WeftAssembly assembly = Compile(modules.Select(module => (module, Options(module.Name, planned))));
        foreach ((Module module, int seed) in modules.Select((module, k) => (module, k)))
        {
            using DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>> device = Create(assembly, module.Name, maxRows);
            string? fault = FormulaBattery.Fault(module, MapOnDevice.Create(device.Map, device), seed, [batch]);
            Assert.True(fault is null, $"{module.Formula}: {fault}");
        }
    }

    private static GenerateOptions Options(string name, int planned) => new(name, Batch: planned, Targets: DeviceTargets.Ilgpu);

    private static WeftAssembly Compile(IEnumerable<(Module Module, GenerateOptions Options)> maps) => WeftAssembly.Compile(
        maps.SelectMany(map => new[] { map, (map.Module, map.Options.ForIlgpu("public")) }));

    private DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>> Create(WeftAssembly assembly, string name, int maxRows)
    {
        try
        {
            return Create(accelerator);
        }
        catch (TargetInvocationException exception) when (exception.InnerException is NotSupportedException)
        {
            return Create(larger.Value);
        }

        DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>> Create(Accelerator on) =>
            (DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>>)Activator.CreateInstance(assembly.Find(name + "Gpu"), on, null, null, maxRows)!;
    }
}
