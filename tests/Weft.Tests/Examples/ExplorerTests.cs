using Weft.Examples.Explorer;

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
        Assert.All(exploration.Machines("mixer"), machine => Assert.InRange(machine.ShareOfBatch, 0.01, 1));
    }

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
