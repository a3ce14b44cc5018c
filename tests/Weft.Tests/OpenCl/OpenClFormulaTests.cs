using Weft.Compiler;
using Weft.Compiler.Targets.Device;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Dynamic;
using Weft.OpenCl;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;
using Weft.Tests.Ilgpu;

namespace Weft.Tests.OpenCl;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>What runs on a device against the interpreter: values, adjoint and gradients, for batches of one chunk and of two.</summary>
public class OpenClFormulaTests
{
    private const int RandomFormulas = 30;

    /// <summary>A driver takes about a tenth of a second for a kernel.</summary>
    private const int MostKernels = 8;

    [OpenClFact]
    public void StandardLibrary() => AssertRight(Library.Compiled(Scalar.Float), Library.OnDevices);

    /// <summary>Formulas by the form of their kernels, and the rows that these are planned for.</summary>
    internal static readonly Dictionary<string, (string[] Formulas, int Planned)> Kinds = new(StringComparer.Ordinal)
    {
        ["layers"] = (
        [
            "bias . dense(5, 5) . relu . bias . dense(5, 5) . gelu . dense(5, 5) . silu . dense(5, 5) . tanh . dense(5, 5) . sigmoid . dense(5, 5) . softplus . dense(5, 7)",
            "bias . hadamard(dense(3, 4), tanh . dense(3, 4))",
            .. FunctionLinkTests.Formulas,
        ], 64),
        ["larger than tiles"] = (["dense(70, 83)", "monarch(221, 13)", "tensor_train([9, 8], [7, 10], [1, 5, 1])"], 64),
        ["vectors"] = ([.. IlgpuTests.VectorFormulas, "dense(72, 84)", "relu . bias . dense(70, 84)", "operator f : 1024 -> 6\n  frozen(bf16) W[6, 1024]\n  = W"], 64),

        // Few results of long sums, whose terms lie side by side in the weights or do not.
        ["shared sums"] = (["dense(5, 300)", "dense(320, 20)", "dense(301, 21)", "operator f : 40 -> 304\n  frozen(bf16) W[304, 40]\n  = W"], 64),
        // Sums over places that meet, of which the adjoint counts up or down.
        ["overlapping"] = (["convolution_1d(4, 3, 17, 4)", "operator f : 9 -> 6\n  param K[4]\n  y[i:6] = K[k] * x[8 - i - k]"], 64),
        ["short formats"] = ([.. StorageFormatTests.OnDevices], 64),

        // Sums over a batch in parts, some of them empty where the batch is smaller than planned for.
        ["sums in parts"] = (["dense(9, 21)", "bias . monarch(64, 8) . tanh . low_rank(64, 10, 8)"], 4096),
    };

    public static TheoryData<string> Names => [.. Kinds.Keys];

    [OpenClTheory]
    [MemberData(nameof(Names))]
    public void EachKind(string name) => AssertRight(Kinds[name].Formulas, Kinds[name].Planned);

    [OpenClTheory]
    [MemberData(nameof(StorageFormatTests.DeviceFormats), MemberType = typeof(StorageFormatTests))]
    public void NumbersAreWidened(string format)
    {
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = WeftAssembly.Compile([(TestModules.Formula(StorageFormatTests.AllNumbers(format)), new GenerateOptions("Map", Targets: DeviceTargets.OpenCl))]);
        using Map<float> map = assembly.Create<float>("Map");
        using var device = new OpenClMap<float>(map, context);
        StorageFormatTests.AssertWidens(map, format, (x, y) => device.Forward(x, y));
    }

    [OpenClFact]
    public void Random() => AssertRight(Enumerable.Range(5000, 10 * RandomFormulas)
        .Select(seed => RandomFormula.Create(seed))
        .Where(module => module.RunsOnDevices() && Kernels(module) <= MostKernels)
        .Take(RandomFormulas)
        .ToArray());

    private static int Kernels(Module module)
    {
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(module).Module), new Variant(new CostModel(64), 4), keepsElements: true);
        return DeviceScheduler.Build(schedule.Program, schedule.Layout, 64, DeviceModel.Default).Kernels.Count;
    }

    private static void AssertRight(IEnumerable<string> formulas, int planned = 64) =>
        AssertRight([.. formulas.Select((formula, k) => TestModules.Formula(formula) with { Name = $"f{k}" })], planned);

    private static void AssertRight(Module[] modules, int planned = 64)
    {
        using WeftAssembly assembly = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name, Batch: planned, Targets: DeviceTargets.OpenCl))));
        AssertRight(assembly, modules);
    }

    private static void AssertRight(WeftAssembly assembly, Module[] modules)
    {
        string[] faults = modules.AsParallel().AsOrdered().Select((module, k) =>
        {
            // A driver may compile one kernel of a context after the other.
            using var context = new OpenClContext(OpenClDevice.Find());
            using Map<float> map = assembly.Create<float>(module.Name);
            using var device = new OpenClMap<float>(map, context, maxRows: 40);
            string? fault = FormulaBattery.Fault(module, MapOnDevice.Create(map, device), k);
            return fault is null ? "" : $"{module.Name}: {fault}\n{AlgebraPrinter.Print(module)}\n";
        }).ToArray();
        Assert.True(faults.All(fault => fault.Length == 0), string.Concat(faults));
    }
}
