using System.Globalization;
using System.Text;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Tests.Binding;

namespace Weft.Tests.Scheduling;

/// <summary>Which kernels formulas get, a line each: decisions that no value depends on, only time.</summary>
public class KernelChoiceTests
{
    internal static readonly string[] Formulas =
    [
        "dense(64, 48)", "dense(5, 48)", "dense(48, 5)", "dense(1, 64)", "dense(64, 1)", "dense(100, 4200)", "dense(1024, 1000)", "block_diagonal(64, 48, 4)", "block_diagonal(256, 192, 2)",
        "kronecker([32, 3], [5, 64])", "monarch(64, 8)", "monarch(1024, 32)", "tensor_train([4, 8], [8, 4], [1, 3, 1])", "low_rank(64, 48, 4)", "low_rank(512, 512, 8)", "diagonal(40)",
        "blast(32, 32, 4, 4, 5)", "cp([5, 4], [3, 11], 6)", "bias . dense(160, 96) . relu . dense(96, 40)", "convolution_1d(4, 3, 17, 4)", "toeplitz(20, 33)",
        "operator f : 512 -> 64\n  frozen(bf16) W[64, 512]\n  = W", "operator f : 33 -> 20\n  frozen(half) W[20, 33]\n  = W'' * eye(33)",
    ];

    /// <summary>Of the passes for many rows, and of the forward pass for one.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void Kernels(int elementSize)
    {
        var text = new StringBuilder();
        foreach (string formula in Formulas)
        {
            LoweredModule lowered = Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module);
            Schedule many = Scheduler.Build(lowered, new Variant(new CostModel(64), elementSize)), few = Scheduler.Build(lowered, new Variant(new CostModel(64).ForFewRows, elementSize));
            text.Append("// ").Append(formula.ReplaceLineEndings(" ")).Append('\n');
            Print("prepare", many.PrepareFrozen.Concat(many.Prepare));
            Print("forward", many.Forward);
            Print("reverse", many.Reverse);
            Print("one row", few.Forward);
        }

        Snapshot.Match(text.ToString(), name: string.Create(CultureInfo.InvariantCulture, $"Kernels.{elementSize}"));

        void Print(string pass, IEnumerable<Step> steps) => text.Append(string.Concat(steps.Select(step => step switch
        {
            KernelStep kernel => $"  {pass}: {kernel.Kernel.Description}  {Describe(kernel.Kernel)}\n",
            PackStep pack => $"  {pass}: {pack.Describe()}\n",
            _ => "",
        })));
    }

    /// <summary>Rows a power of two apart would meet in one set of a cache: they lie further apart, where all that reads and writes them goes row by row.</summary>
    [Theory]
    [InlineData("relu . dense(256, 4)", 1)]
    [InlineData("relu . dense(240, 4)", 0)]
    [InlineData("softmax . dense(256, 4)", 0)]
    [InlineData("relu . softmax . relu . dense(256, 4)", 1)]
    [InlineData("wht(256) . relu . dense(256, 4)", 1)]
    [InlineData("relu . wht(256)", 0)]
    [InlineData("operator f : 4 -> 9\n  seeded(1) p[9] ~ distinct(256)\n  param W[256, 4]\n  = gather(p, 256) * W", 0)]
    [InlineData("operator f : 9 -> 4\n  seeded(1) p[9] ~ distinct(256)\n  param W[4, 256]\n  = W * gather(p, 256)'", 0)]
    public void RowsLieApart(string formula, int vectors)
    {
        Schedule schedule = Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(formula)).Module), new Variant(new CostModel(64), 4));
        Assert.Equal(vectors, schedule.Storages.Count(storage => storage.Space == Space.Scratch && storage.Pitch > ProcessorModel.Align(storage.Length)));
    }

    private static string Describe(Kernel kernel)
    {
        Loop lanes = kernel.Lanes;
        string panels = kernel.PanelA == 1 && kernel.PanelB == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $", panels {kernel.PanelA} {kernel.PanelB} apart");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{kernel.Form.ToString().ToLowerInvariant()}, {lanes.Extent} lanes {lanes.A} {lanes.B} {lanes.C} apart, tile {Show(kernel.Rows)} x {Show(kernel.Columns)}, in {Show(kernel.Outer)}, sum {Show(kernel.Reduction)}{panels}");
    }

    private static string Show(IEnumerable<Loop> loops) => loops.Any() ? string.Join(" ", loops.Select(Show)) : "-";

    private static string Show(Loop loop) => loop.IsRows ? "rows" : loop.Extent == 1 ? "1" : string.Create(CultureInfo.InvariantCulture, $"{loop.Name}<{loop.Extent}");
}
