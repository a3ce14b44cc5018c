using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Device;
using Weft.Tests.Binding;

namespace Weft.Tests.Planning;

using Weft.Compiler.Algebra;

public class RouteSelectionTests
{
    /// <summary>A transform in two steps is cheaper than one by its matrix only where it is long.</summary>
    [Theory]
    [InlineData(2, 3, 0)]
    [InlineData(16, 20, 1)]
    public void TheCheaperWayIsTaken(int a, int b, int expected)
    {
        Module module = TestModules.Formula($"""
            operator direct(n) : 2*n -> 2*n
              y[e:2 k] = cos(2*pi * k * i / n + (e - f) * pi / 2) * x[f:2 i:n]
            operator rows(a, b) : 2*a*b -> 2*a*b
              y[e:2 k:a j:b] = cos(2*pi * k * (i / a + j / (a*b)) + (e - f) * pi / 2) * x[f:2 i:a j:b]
            operator columns(a, b) : 2*a*b -> 2*a*b
              y[e:2 l:b k:a] = cos(2*pi * l * j / b + (e - f) * pi / 2) * x[f:2 k:a j:b]
            operator f : {2 * a * b} -> {2 * a * b} = cheapest(direct({a * b}), columns({a}, {b}) * rows({a}, {b}))
            """);
        (Module rewritten, _) = Rewriter.Rewrite(module);
        Operator[] ways = [.. ((Alternatives)((LinearLink)rewritten.Links[0]).Operator).Operands];
        (Module chosen, IReadOnlyList<Route> routes) = RouteSelection.Select(rewritten, new CostModel(64));
        Assert.Equal(ways[expected], ((LinearLink)chosen.Links[0]).Operator);
        (Operator other, double times) = Assert.Single(Assert.Single(routes).Others);
        Assert.Equal(ways[1 - expected], other);
        Assert.True(times > 1);

        // They are one map.
        double[,] first = Dense(module, ways[0]), second = Dense(module, ways[1]);
        Assert.All(first.Cast<double>().Zip(second.Cast<double>()), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
    }

    /// <summary>
    /// Matrices of the library take a fast way where it pays: 1 by products in two steps, 2 by the transform of the runtime, which devices do not have. For a
    /// prime size the second is three transforms of a longer one.
    /// </summary>
    [Theory]
    [InlineData("circulant(60)", 0)]
    [InlineData("circulant(1000)", 2)]
    [InlineData("circulant(1009)", 0)]
    [InlineData("circulant(4096)", 2)]
    [InlineData("circulant(4096)", 1, true)]
    [InlineData("circulant(8191)", 2)]
    [InlineData("skew_circulant(60)", 0)]
    [InlineData("skew_circulant(5000)", 2)]
    [InlineData("toeplitz(70, 60)", 0)]
    [InlineData("toeplitz(5000, 4001)", 2)]
    [InlineData("hankel(70, 60)", 0)]
    [InlineData("hankel(5000, 4001)", 2)]
    public void TheLibraryTakesTheCheaperWay(string formula, int expected, bool onDevices = false)
    {
        (Module rewritten, _) = Rewriter.Rewrite(TestModules.Formula(formula));
        Operator[] ways = [.. ((Alternatives)((LinearLink)rewritten.Links[0]).Operator).Operands];
        (Module chosen, IReadOnlyList<Route> routes) = RouteSelection.Select(rewritten, new CostModel(64), onDevices ? lowered => DeviceScheduler.Lacking(lowered) is null : null);
        Assert.Equal(ways[expected], ((LinearLink)chosen.Links[0]).Operator);
        Assert.Equal(ways[expected], Assert.Single(routes).Chosen);
    }

    private static double[,] Dense(Module module, Operator way) =>
        new Compiler.Oracle.Interpreter(module, new Dictionary<string, double[]>()).Dense(way);
}
