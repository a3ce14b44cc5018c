using System.Globalization;
using Weft.Compiler;
using Weft.Compiler.Targets.Device;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Tests.Binding;
using Weft.Tests.Scheduling;

namespace Weft.Tests.Stages;

/// <summary>What operators become for a device: kernels in the text of the IR, OpenCL C, and C# for ILGPU.</summary>
public class DeviceTests
{
    public static TheoryData<string, string> Operators => new()
    {
        { "monarch", "monarch(64, 8)" },
        { "kronecker", "kronecker([3, 5], [4, 6])" },
        { "householder", "relu . householder(5, 2)" },
        { "half_width", "operator f : 512 -> 4\n  frozen(half) W[4, 512]\n  = W" },
    };

    [Theory]
    [MemberData(nameof(Operators))]
    public void Kernels(string name, string formula) => Snapshot.Match(DeviceSchedulePrinter.Print(Schedule(formula)), name: $"Kernels.{name}");

    [Theory]
    [MemberData(nameof(Operators))]
    public void OpenCl(string name, string formula) => Snapshot.Match(Print(new OpenClPrinter("float"), formula), name: $"OpenCl.{name}");

    [Theory]
    [MemberData(nameof(Operators))]
    public void Ilgpu(string name, string formula) => Snapshot.Match(Print(new IlgpuPrinter("float"), formula), name: $"Ilgpu.{name}");

    /// <summary>Which kernels formulas get, a line for each launch: decisions that no value depends on, only time.</summary>
    [Theory]
    [InlineData(64)]
    [InlineData(4096)]
    public void Choices(int batch)
    {
        string[] formulas =
        [
            .. KernelChoiceTests.Formulas, "gelu . bias . monarch(256, 16)", "householder(33, 5) . softmax . dense(33, 70)", "wht(64) * dense(64, 9)", "constant_fan_in(20, 33, 4)", "eye(400) + 2 * monarch(400, 20)",
            "bias . monarch(64, 8) . tanh . low_rank(64, 10, 8)",
        ];
        Snapshot.Match(
            string.Concat(formulas.Select(formula => $"// {formula.ReplaceLineEndings(" ")}\n{Choice(Schedule(formula, batch))}")), name: string.Create(CultureInfo.InvariantCulture, $"Choices.{batch}"));

        static string Choice(DeviceSchedule schedule) => string.Concat(DeviceSchedulePrinter.Passes(schedule).SelectMany(pass => pass.Launches.Select(launch =>
            $"  {pass.Name}: {schedule.Kernels[launch.Kernel].Description}; {DeviceSchedulePrinter.Shape(schedule.Kernels[launch.Kernel], 4)}\n")));
    }

    /// <summary>Types as they are emitted, with the kernels for training.</summary>
    [Theory]
    [InlineData(DeviceTargets.OpenCl)]
    [InlineData(DeviceTargets.Ilgpu)]
    public void Types(DeviceTargets targets)
    {
        var options = new GenerateOptions("Map", "Examples", Scalar: Scalar.Double, Targets: targets);
        string code = ModuleCompiler.Compile(TestModules.Formula("diagonal(3)"), targets == DeviceTargets.Ilgpu ? options.ForIlgpu("public") : options).Code;
        if (targets == DeviceTargets.OpenCl)
        {
            int start = code.IndexOf("        public override global::Weft.Kernels.DeviceProgram", StringComparison.Ordinal);
            code = code[start..code.IndexOf("\n        };", start, StringComparison.Ordinal)] + "\n        };\n";
        }

        Snapshot.Match(code, name: $"Types.{targets}");
    }

    /// <summary>A bias, an activation, another term and a derivative's factor take no launch of their own, in any shape of the result.</summary>
    [Theory]
    [InlineData("bias . dense(6, 5)", 1, 1, 3)]
    [InlineData("bias . dense(6, 5) . relu . bias . dense(5, 7)", 1, 2, 6)]
    [InlineData("gelu . bias . monarch(12, 3)", 1, 2, 4)]
    [InlineData("eye(400) + 2 * monarch(400, 20)", 1, 2, 4)]
    public void ElementwiseStepsAreFused(string formula, int forward, int record, int reverse)
    {
        DeviceSchedule schedule = Schedule(formula);
        Assert.Equal((forward, forward, record, reverse), (schedule.Forward.Count, schedule.ForwardFew.Count, schedule.Record.Count, schedule.Reverse.Count));
    }

    /// <summary>Two stages are one launch where a group's part of what is between them fits into local memory and that is faster.</summary>
    [Theory]
    [InlineData("monarch(256, 16)", 64, 1)]
    [InlineData("low_rank(96, 128, 8)", 64, 1)]
    [InlineData("kronecker([3, 5], [4, 6])", 64, 1)]
    [InlineData("bias . monarch(256, 16) . gelu . bias . monarch(256, 16)", 64, 2)]
    [InlineData("dense(2048, 4096) . relu . dense(4096, 2048)", 4096, 2)]
    public void StagesAreFused(string formula, int batch, int launches) => Assert.Equal(launches, Schedule(formula, batch).Forward.Count);

    /// <summary>So they are in the reverse pass, where no parameter's gradient reads what is between them.</summary>
    [Theory]
    [InlineData("param", 4)]
    [InlineData("frozen", 1)]
    public void StagesOfTheReversePassAreFused(string role, int launches) =>
        Assert.Equal(launches, Schedule($"operator f : 256 -> 256\n  {role} L[16, 16, 16], R[16, 16, 16]\n  = shuffle(16, 16)' * blockdiag(L) * shuffle(16, 16) * blockdiag(R)").Reverse.Count);

    /// <summary>A long sum over a batch is cut into parts where its results are few.</summary>
    [Theory]
    [InlineData(64, false)]
    [InlineData(4096, true)]
    public void SumsOverABatchAreCut(int batch, bool expected)
    {
        DeviceSchedule schedule = Schedule("low_rank(96, 128, 8)", batch);
        Assert.Equal(expected, schedule.Reverse.Any(launch => launch.Operands.Any(operand => operand.Block == DeviceBlock.PartialSums)));
        Assert.Equal(expected, schedule.PartialCount > 0);
        Assert.DoesNotContain(schedule.ReverseFew, launch => launch.Operands.Any(operand => operand.Block == DeviceBlock.PartialSums));
    }

    /// <summary>As many rows as the second axis of a grid has groups for, or as positions are numbers for; a tile may reach beyond the last.</summary>
    [Theory]
    [InlineData("dense(64, 48)", 64 * 65535)]
    [InlineData("diagonal(40)", (int.MaxValue - (1 << 20)) / 40)]
    public void RowsOfALaunch(string formula, int most) => Assert.Equal(most, Schedule(formula).MaxRows);

    /// <summary>Few results of long sums are shared out, for the rows that kernels are for.</summary>
    [Theory]
    [InlineData("dense(4, 512)", "forward", true)]
    [InlineData("dense(4, 128)", "forward", false)]
    [InlineData("dense(512, 64)", "reverse, few rows", true)]
    [InlineData("dense(512, 40000)", "reverse, few rows", false)]
    public void LongSumsAreShared(string formula, string pass, bool expected)
    {
        DeviceSchedule schedule = Schedule(formula);
        IEnumerable<DeviceLaunch> launches = DeviceSchedulePrinter.Passes(schedule).Single(one => one.Name == pass).Launches;
        Assert.Equal(expected, launches.Any(launch => schedule.Kernels[launch.Kernel].Description.Contains("16 work items", StringComparison.Ordinal)));
    }

    /// <summary>
    /// Operands are read and written as vectors where their elements lie so for every row: the extent, the other strides and the place that they
    /// begin at are multiples of the width.
    /// </summary>
    [Theory]
    [InlineData("dense(64, 20)", "a 4, b 4, c 4")]
    [InlineData("dense(18, 10)", "a 2, b 2, c 2")]
    [InlineData("dense(65, 20)", "a 4, b 4")]
    [InlineData("dense(64, 21)", "c 4")]
    [InlineData("dense(65, 21)", "")]
    [InlineData("operator f : 20 -> 64\n  param U[64, 1], V[1, 20]\n  = U * V", "a 4, b 4")]
    [InlineData("operator f : 20 -> 66\n  param U[66, 1], V[1, 20]\n  = U * V", "a 2, b 2")]
    [InlineData("operator f : 20 -> 65\n  param U[65, 1], V[1, 20]\n  = U * V", "")]
    [InlineData("relu . bias . diagonal(20)", "a 4, b 4, c 4, e0 4")]
    [InlineData("operator f : 24 -> 64\n  frozen(bf16) W[64, 24]\n  = W", "a 4, b 8, c 4")]
    [InlineData("operator f : 20 -> 64\n  frozen(bf16) W[64, 20]\n  = W", "a 4, b 4, c 4")]
    [InlineData("operator f : 22 -> 64\n  frozen(bf16) W[64, 22]\n  = W", "a 2, c 4")]
    public void Vectors(string formula, string expected)
    {
        DeviceSchedule schedule = Schedule(formula);
        DeviceKernel kernel = schedule.Kernels[schedule.Forward[0].Kernel];
        HashSet<string> operands = [.. kernel.Operands.Select(operand => operand.Name)];
        Assert.Equal(expected, string.Join(", ", Widths(kernel.Body).Where(vector => operands.Contains(vector.Array)).Select(vector => $"{vector.Array} {vector.Width}").Distinct().Order()));

        static IEnumerable<(string Array, int Width)> Widths(IEnumerable<Weft.Compiler.Targets.Device.Statement> statements) => statements.SelectMany(statement => statement switch
        {
            DefineVector load => [(load.Array, load.Width)],
            StoreVector store => [(store.Array, store.Values.Count)],
            For loop => Widths(loop.Body),
            When guard => Widths(guard.Body),
            Scope scope => Widths(scope.Body),
            _ => Enumerable.Empty<(string, int)>(),
        });
    }

    /// <summary>What is frozen in a short format is on the device in that format only; what is trained so is there at full precision too, for the optimizer.</summary>
    [Theory]
    [InlineData("frozen", 33 * 20, 0)]
    [InlineData("frozen(bf16)", 0, 33 * 20 * 2)]
    [InlineData("frozen(half)", 0, 33 * 20 * 2)]
    [InlineData("frozen(e4m3)", 0, 33 * 20)]
    [InlineData("param(bf16)", 33 * 20, 33 * 20 * 2)]
    [InlineData("param(half)", 33 * 20, 33 * 20 * 2)]
    [InlineData("param(e5m2)", 33 * 20, 33 * 20)]
    public void ShortFormats(string role, int elements, int bytes)
    {
        DeviceSchedule schedule = Schedule($"operator f : 33 -> 20\n  {role} W[20, 33]\n  = W");
        Assert.Equal((elements, bytes), (schedule.WeightCount, schedule.CodeBytes));
    }

    /// <summary>What is merged for many rows is not for a single one.</summary>
    [Fact]
    public void Explanation()
    {
        string text = ModuleCompiler.ExplainDevice(
            TestModules.Formula("tucker(512, 512, 64, 64)"), new GenerateOptions("Map", Batch: 4096), new DeviceModel(60e12, 4e12, 2e-6));
        Snapshot.Match(text);
    }

    private static string Print(KernelPrinter printer, string formula) =>
        string.Join("\n", Schedule(formula).Kernels.Select((kernel, number) => printer.Print(kernel, KernelPrinter.Name(number))));

    /// <summary>A schedule but for what each has for training.</summary>
    internal static DeviceSchedule Schedule(string formula, int batch = 64)
    {
        Schedule host = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module), new Variant(new CostModel(batch), 4));
        DeviceSchedule schedule = DeviceScheduler.Build(host.Program, host.Layout, batch, DeviceModel.Default);
        return schedule with
        {
            Kernels = schedule.AddGradient is [var last] ? [.. schedule.Kernels.Take(last.Kernel + 1)] : schedule.Kernels,
            Training = new TrainingSchedule([], [], [], []),
        };
    }
}
