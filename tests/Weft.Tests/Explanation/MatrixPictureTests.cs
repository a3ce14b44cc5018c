using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Explanation;
using Weft.Compiler.Text;
using Weft.Dynamic;

namespace Weft.Tests.Explanation;

/// <summary>Pictures of matrices: their entries, what each parameter changes, and how they are drawn.</summary>
public class MatrixPictureTests
{
    private const string Triangle = """
        operator triangle : 6 -> 6
          param A[6, 6], b[6]
          y[i] = (j < i) * A[i, j] * x[j] + (i == j) * b[i] * x[j]
        """;

    /// <summary>The map that is initialized from the same seed has the same matrix.</summary>
    [Theory]
    [InlineData("monarch(12, 3)")]
    [InlineData("kronecker([4, 6], [3, 5]) + dense(24, 15)")]
    public void EntriesAreThoseOfTheMap(string formula)
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula(formula);
        using var map = (LinearMap<double>)compiled.CreateDouble("Formula");
        map.Initialize(seed: 7);
        double[] dense = new double[map.Inputs * map.Outputs];
        map.ToDense(dense);

        Assert.Equal(dense, Draw(formula, seed: 7).Entries.Cast<double>(), (expected, found) => Math.Abs(expected - found) < 1e-12);
    }

    /// <summary>What is drawn anew changes the entries of its footprint, and no others.</summary>
    [Theory]
    [InlineData("lora(8, 6, 2)")]
    [InlineData("monarch(12, 3)")]
    [InlineData("dirsum(dense(2, 3), householder(4, 2), eye(3))")]
    [InlineData(Triangle)]
    public void AFootprintIsWhatChanges(string formula)
    {
        MatrixPicture picture = Draw(formula, seed: 1), other = Draw(formula, seed: 2);
        IEnumerable<(int Row, int Column)> places = Enumerable.Range(0, picture.Rows).SelectMany(i => Enumerable.Range(0, picture.Columns).Select(j => (i, j))).ToList();

        Assert.All(picture.Footprints, (footprint, k) => Assert.Equal(footprint.Count, places.Count(place => picture.At(place.Row, place.Column).Contains(k))));
        Assert.All(places, place => Assert.Equal(
            picture.Entries[place.Row, place.Column] != other.Entries[place.Row, place.Column],
            Enumerable.Range(0, picture.Footprints.Count).Any(k => picture.At(place.Row, place.Column).Contains(k))));
    }

    [Fact]
    public void AMaskCutsTheFootprint() => Assert.Equal([("A", 15), ("A[0, 0]", 0), ("b", 6), ("b[0]", 1)], Footprints(Triangle));

    /// <summary>A number of a factor of A ⊗ B is in a block, or once in each block.</summary>
    [Fact]
    public void ANumberHasAFootprintToo() =>
        Assert.Equal([("A[0]", 36), ("A[0][0, 0]", 9), ("A[1]", 36), ("A[1][0, 0]", 4)], Footprints("kronecker([2, 3], [2, 3])"));

    [Theory]
    [InlineData("gelu . dense(4, 4)", "Formula is not linear: it has no matrix")]
    [InlineData("dense(600, 4)", "a matrix of 600 × 4 is larger than 512 × 512, the most that is drawn: choose smaller sizes")]
    [InlineData("dense(4, 70000) * dense(70000, 4)", "a factor has more than 65536 rows or columns: choose smaller sizes")]
    [InlineData("dense(512, 60000) * dense(60000, 512)", "there are more than 4194304 parameters: choose smaller sizes")]
    [InlineData("dense(64, 64) * dense(64, 64)", "its entries take more than 65536 products of numbers: choose smaller sizes")]
    public void WhatIsNotDrawnSaysWhy(string formula, string expected)
    {
        Assert.Null(ModuleCompiler.Picture(Bind(formula), out string? obstacle, mostProducts: 1 << 16));
        Assert.Equal(expected, obstacle);
    }

    [Fact]
    public void ASmallPicture() => Snapshot.Match(Draw(Triangle).ToSvg() + Draw(Triangle).ToSvg(footprint: 3));

    /// <summary>A reader of PNG that checks what it reads finds a pixel for each entry: none for zero, the strongest for the largest.</summary>
    [Fact]
    public void PixelsAreEntries()
    {
        MatrixPicture picture = Draw("dirsum(dense(2, 3), eye(301))");
        byte[] png = picture.ToPng();
        int end = 8;
        while (Encoding.ASCII.GetString(png, end + 4, 4) is var type)
        {
            int length = (int)BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(end));
            if (type == "IDAT")
            {
                using var stream = new ZLibStream(new MemoryStream(png, end + 8, length), CompressionMode.Decompress);
                byte[] rows = new byte[picture.Rows * (1 + (picture.Columns + 1) / 2)];
                stream.ReadExactly(rows);
                Assert.Equal(-1, stream.ReadByte());
                Assert.All(Enumerable.Range(0, picture.Rows), i => Assert.All(Enumerable.Range(0, picture.Columns), j =>
                {
                    int colour = rows[(i * (1 + (picture.Columns + 1) / 2)) + 1 + (j / 2)] >> (j % 2 == 0 ? 4 : 0) & 15;
                    double entry = picture.Entries[i, j], share = Math.Abs(entry) / Math.Max(picture.Most, -picture.Least);
                    Assert.Equal((int)Math.Ceiling(7 * share) + (entry < 0 ? 7 : 0), colour);
                }));
            }

            if (type == "IEND")
            {
                break;
            }

            end += 12 + length;
        }

        Assert.Equal(png.Length, end + 12);
    }

    private static IEnumerable<(string, int)> Footprints(string formula) => Draw(formula).Footprints.Select(footprint => (footprint.Name, footprint.Count));

    private static MatrixPicture Draw(string formula, int seed = 1)
    {
        MatrixPicture? picture = ModuleCompiler.Picture(Bind(formula), out string? obstacle, seed);
        Assert.Null(obstacle);
        return picture!;
    }

    private static Module Bind(string formula)
    {
        BindResult result = WeftCompiler.BindFormula(new SourceText("formula", formula), [], "Formula");
        Assert.Empty(result.Diagnostics);
        return Assert.Single(result.Modules);
    }
}
