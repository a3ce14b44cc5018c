using Weft.Compiler;
using Weft.Compiler.Gpu;
using Weft.Compiler.Network;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Scheduling;
using Weft.Tests.Binding;

namespace Weft.Tests.Stages;

/// <summary>What three operators become for a device: kernels in the text of the IR, OpenCL C, and C# for ILGPU.</summary>
public class DeviceTests
{
    public static TheoryData<string, string> Operators => new()
    {
        { "monarch", "monarch(64, 8)" },
        { "kronecker", "kronecker([3, 5], [4, 6])" },
        { "householder", "relu . householder(5, 2)" },
    };

    [Theory]
    [MemberData(nameof(Operators))]
    public void Kernels(string name, string formula)
    {
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module), new CostModel(64), elementSize: 4);
        Snapshot.Match(DeviceSchedulePrinter.Print(DeviceScheduler.Build(schedule, 64, DeviceModel.Default)), name: $"Kernels.{name}");
    }

    /// <summary>What is merged for a single row is not for many, and the other way round.</summary>
    [Fact]
    public void Explanation()
    {
        string text = ModuleCompiler.ExplainDevice(
            TestModules.Formula("tucker(512, 512, 64, 64)"), new GenerateOptions("Map", Batch: 4096), new DeviceModel(60e12, 4e12, 2e-6));
        Snapshot.Match(text);
    }

    [Theory]
    [MemberData(nameof(Operators))]
    public void OpenCl(string name, string formula)
    {
        string code = ModuleCompiler.Compile(TestModules.Formula(formula), new GenerateOptions("Map", Targets: Targets.OpenCl)).Code;
        int start = code.IndexOf("    protected override DeviceProgram", StringComparison.Ordinal);
        Snapshot.Match(code[start..code.IndexOf("\n    };", start, StringComparison.Ordinal)] + "\n    };\n", name: $"OpenCl.{name}");
    }

    [Theory]
    [MemberData(nameof(Operators))]
    public void Ilgpu(string name, string formula) => Snapshot.Match(
        ModuleCompiler.Compile(TestModules.Formula(formula), new GenerateOptions("Map", "Examples", Targets: Targets.Ilgpu).ForIlgpu("public")).Code,
        name: $"Ilgpu.{name}");
}
