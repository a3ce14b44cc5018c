using System.Xml.Linq;
using Weft.Compiler;
using Weft.Compiler.Explanation;
using Weft.Compiler.Planning;
using Weft.Examples.Explorer;
using Weft.Tests.Binding;

namespace Weft.Tests.Examples;

/// <summary>What the explorer's page is told of a text, without a browser.</summary>
public class ExplorerTests
{
    [Fact]
    public void AMap_IsShownFromAllSides()
    {
        var exploration = new Exploration("operator mixer : 16 -> 16 = monarch(16, 4)");
        TextReport text = exploration.Text();
        MapReport map = exploration.Map("mixer");
        MatrixReport matrix = exploration.Matrix("mixer", seed: 1);

        Assert.Empty(text.Mistakes);
        Assert.Equal(new DeclaredMap("mixer", "16", "16", true), Assert.Single(text.Maps));
        Assert.Equal(new Costs(128, 0, 256, 256, 512, 512), map.Costs);
        Assert.NotEmpty(Assert.Single(map.Orders).Rejected);
        Assert.StartsWith("<svg", map.Network, StringComparison.Ordinal);
        Assert.Contains("class Mixer", map.CSharp, StringComparison.Ordinal);
        Assert.Contains("__kernel", map.OpenCl, StringComparison.Ordinal);
        Assert.Equal((16, 16, 16 * 16 * sizeof(float)), (matrix.Rows, matrix.Columns, Convert.FromBase64String(matrix.Entries).Length));
        Assert.Equal(["R", "R[0, 0, 0]", "L", "L[0, 0, 0]"], matrix.Footprints.Select(footprint => footprint.Name));
        MachinesReport machines = exploration.Machines("mixer");
        Assert.All(machines.Rows, machine => Assert.InRange(machine.ShareOfBatch, 0.01, 1));
        Assert.DoesNotContain("NaN", new Exploration("dct(16)").Machines(Exploration.FormulaName).Roofline, StringComparison.Ordinal); // all at the intensity of 16
        Assert.Equal(2 * machines.Rows.Count, XDocument.Parse(machines.Roofline).Root!.Elements().Count(element => element.Name.LocalName == "circle" && element.HasElements));
    }

    /// <summary>Moving weights, x and y once is the least that the cost model counts, so nothing is above its roof.</summary>
    [Theory]
    [InlineData("monarch(1024, 32)", 1)]
    [InlineData("monarch(1024, 32)", 64)]
    [InlineData("dense(64, 64)", 1)]
    [InlineData("gelu . bias . dense(2048, 16)", 64)]
    public void AMap_IsBelowTheRoof(string formula, int rows) => Assert.All(ProcessorModel.Named, processor =>
    {
        RooflinePoint point = ModuleCompiler.Explain(TestModules.Formula(formula), new GenerateOptions("Map") { Processor = processor }).Roofline(rows)!.Value;
        Assert.Equal(processor.Name, point.Label);
        Assert.InRange(point.Share, 0.001, Math.Min(1, point.Intensity / point.Ridge));
    });

    [Fact]
    public void WithoutOperations_ThereIsNoRoofline() => Assert.Equal("", new Exploration("layer pick : token[1] < 4 -> y[1, 3]\n  param E[4, 3]\n  y[i, c] = E[token[i], c]").Machines("pick").Roofline);

    [Fact]
    public void ALayer_HasNoMatrixAndSaysWhy() =>
        Assert.Equal("formula is not linear: it has no matrix", new Exploration("gelu . dense(4, 4)").Matrix(Exploration.FormulaName, 1).Obstacle);

    [Fact]
    public void AMistake_HasItsPlaceAndItsRemedy()
    {
        Mistake mistake = Assert.Single(new Exploration("operator a : 4 -> 4\n  = dens(4, 4)").Text().Mistakes);

        Assert.Equal((2, 5, "dense"), (mistake.Line, mistake.Column, mistake.Correction?.Text));
    }

    [Fact]
    public void EveryExample_IsRight() => Assert.All(
        Weft.Examples.Explorer.Examples.All,
        example => Assert.Empty(new Exploration(example.Text).Text().Mistakes));
}
