using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Emission;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Compiler.Text;

namespace Weft.Tests.Stages;

/// <summary>What each stage makes of a few chosen formulas, as text: the documentation of the road.</summary>
public class StageTests
{
    private static readonly string[] Formulas =
    [
        "monarch(12, 3)",
        "kronecker([4, 6], [3, 5])",
        "tensor_train([2, 3, 4], [4, 3, 2], [1, 2, 2, 1])",
        "blast(12, 15, 2, 3, 4)",
        "hra(6, 8, 4)",
        "vb_lora(8, 12, 2, 3, 5, 4)",
        "(kronecker([2, 3], [3, 4]) * permute([1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])) + zeros(6, 12)",
    ];

    [Fact]
    public void Algebra() => Snapshot.Match(Print(module =>
    {
        (Module rewritten, IReadOnlyList<Law> laws) = Rewriter.Rewrite(module);
        return $"{Body(module)}\n= {Body(rewritten)}\n{string.Concat(laws.Select(law => $"  by {law.Name}\n"))}";
    }));

    [Fact]
    public void Network() => Snapshot.Match(Print(module => NetworkPrinter.Print(Lower(module))));

    [Fact]
    public void Schedules() => Snapshot.Match(Print(module => SchedulePrinter.Print(Scheduler.Build(Lower(module), new Variant(new CostModel(64), 4)))));

    [Fact]
    public void Plans() => Snapshot.Match(Print(module => string.Concat(
        Scheduler.Build(Lower(module), new Variant(new CostModel(64), 4)).Plans.SelectMany(plan => PlanPrinter.Print(plan, 3)).Select(line => line + "\n"))));

    [Fact]
    public void CodeOfMonarch() => Snapshot.Match(Generate("operator mixer : 1024 -> 1024 = monarch(1024, 32)", "Mixer").Code);

    [Fact]
    public void CodeOfAKroneckerProduct() => Snapshot.Match(Generate("operator product : 4096 -> 4096 = kronecker([16, 16, 16], [16, 16, 16])", "Product").Code);

    [Fact]
    public void CodeOfReflections() => Snapshot.Match(Generate("operator reflections : 1024 -> 1024 = householder(1024, 8)", "Reflections").Code);

    /// <summary>What C# reads in a quoted text is the text, with one character for each end of a line.</summary>
    [Theory]
    [InlineData("a \"b\" \\n \\")]
    [InlineData("\n\ta\r\nb\r")]
    [InlineData("\r\ra\u0001\u0085\u2028\u2029")]
    [InlineData("\ud83d\ude00 \ud83d \ude00")]
    public void TextsAreQuoted(string text)
    {
        SyntaxToken token = SyntaxFactory.ParseToken(MapEmitter.Quote(text));
        Assert.Empty(token.GetDiagnostics());
        Assert.Equal(text.Replace("\r\n", "\n", StringComparison.Ordinal), token.Value);
    }

    [Fact]
    public void CodeOfALayer() => Snapshot.Match(Generate(
        """
        /// A hidden layer with a head.
        model Net : 20 -> 5
          layer hidden = gelu . bias . low_rank(12, 20, 3)
          layer head = bias . dense(5, 12)
        """,
        "Net").Code);

    [Fact]
    public void ExplanationOfMonarch() => Snapshot.Match(Generate("operator mixer : 1024 -> 1024 = monarch(1024, 32)", "Mixer").Explanation.ToString());

    private static GeneratedType Generate(string text, string typeName)
    {
        BindResult bound = WeftCompiler.Bind([WeftCompiler.Parse(new SourceText("a.weft", text))]);
        Assert.Empty(bound.Diagnostics);
        return ModuleCompiler.Compile(bound.Modules.Single(), new GenerateOptions(typeName, "Examples"));
    }

    private static LoweredModule Lower(Module module) => Lowering.Lower(Rewriter.Rewrite(module).Module);

    private static string Body(Module module) => AlgebraPrinter.Print(((LinearLink)module.Links[0]).Operator);

    private static string Print(Func<Module, string> stage)
    {
        var text = new StringBuilder();
        foreach (string formula in Formulas)
        {
            BindResult bound = WeftCompiler.BindFormula(new SourceText("formula", formula), [], "f");
            Assert.Empty(bound.Diagnostics);
            text.Append("// ").Append(formula).Append('\n').Append(stage(bound.Modules.Single())).Append('\n');
        }

        return text.ToString();
    }
}
