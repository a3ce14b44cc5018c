using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;
using Module = Weft.Compiler.Algebra.Module;

namespace Weft.Tests.Ilgpu;

/// <summary>
/// What is emitted for ILGPU, against the interpreter. It runs on a stand-in (tests/Weft.Tests.Ilgpu), or on ILGPU's own accelerator for
/// the processor: <c>dotnet test tests/Weft.Tests -p:IlgpuPath=path/to/ILGPU.dll --filter Ilgpu</c>, built clean when it changes.
/// </summary>
public sealed class IlgpuTests : IDisposable
{
    private readonly Context context = Context.Create(builder => builder.CPU(CPUDeviceKind.AMD));
    private readonly Accelerator accelerator;

    public IlgpuTests() => accelerator = context.CreateCPUAccelerator(0);

    public void Dispose()
    {
        accelerator.Dispose();
        context.Dispose();
    }

    [Fact]
    public void StandardLibrary() => AssertRight(((IEnumerable<object[]>)StandardLibraryTests.Operators).Select(row => (string)row[0]), planned: 4);

    [Fact]
    public void Layers() => AssertRight(
        ["bias . dense(3, 3) . relu . bias . dense(3, 3) . gelu . dense(3, 3) . silu . dense(3, 3) . tanh . dense(3, 3) . sigmoid . dense(3, 3) . softplus . dense(3, 4)"],
        planned: 4);

    /// <summary>Tiles in local memory, and sums that a group shares.</summary>
    [Fact]
    public void KernelsWithBarriers() => AssertRight(["dense(9, 10)"], planned: 64, maxRows: 8);

    [Fact]
    public void FunctionsOfRows() => AssertRight(FunctionLinkTests.Formulas, planned: 4);

    private void AssertRight(IEnumerable<string> formulas, int planned, int maxRows = 4)
    {
        Module[] modules = [.. formulas.Select((formula, k) => TestModules.Formula(formula) with { Name = $"F{k}" })];
        using WeftAssembly assembly = Compile(modules.Select(module => (module, Options(module.Name, planned))));
        foreach ((Module module, int seed) in modules.Select((module, k) => (module, k)))
        {
            using DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>> device = Create(assembly, module.Name, maxRows);
            string? fault = FormulaBattery.Fault(module, MapOnDevice.Create(device.Map, device), seed, [6]);
            Assert.True(fault is null, $"{module.Formula}: {fault}");
        }
    }

    private static GenerateOptions Options(string name, int planned) => new(name, Batch: planned, Targets: Targets.Ilgpu);

    private static WeftAssembly Compile(IEnumerable<(Module Module, GenerateOptions Options)> maps) => WeftAssembly.Compile(
        maps.SelectMany(map => new[] { map, (map.Module, map.Options.ForIlgpu("public")) }));

    private DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>> Create(WeftAssembly assembly, string name, int maxRows) =>
        (DeviceMap<float, MemoryBuffer1D<float, Stride1D.Dense>>)Activator.CreateInstance(
            assembly.Find(name + "Gpu"), accelerator, null, null, maxRows)!;
}
