using System.Globalization;
using Weft.Fitting;
using Weft.Reports;

namespace Weft.Examples.Research;

/// <summary>Fits each structure to matrices of three kinds: equal numbers of parameters, and nobody chose the matrices to suit the paper.</summary>
internal static class Comparison
{
    private const int Size = 64;

    /// <returns>Errors against operations, as SVG.</returns>
    public static string Run(TextWriter output, bool quick)
    {
        (string Name, Func<LinearMap<double>> New)[] structures =
        [
            ("ACDC", () => new Acdc8()), ("Low rank", () => new LowRank8()), ("Monarch", () => new Monarch8()), ("Displacement", () => new Displacement8()),
        ];
        (string Name, double[] Matrix)[] targets = [("Heat in a rod", Heat()), ("A delay and an echo", Echo()), ("Walsh-Hadamard", WalshHadamard())];
        var options = new FitOptions { StepLimit = quick ? 8 : 60, ProductLimit = quick ? 30 : 200 };
        output.WriteLine($"{"",-20}{string.Concat(structures.Select(structure => $"{structure.Name,14}"))}");
        var panels = new List<PlotPanel>();
        foreach ((string name, double[] matrix) in targets)
        {
            var points = new List<PlotPoint>();
            foreach ((string structure, Func<LinearMap<double>> make) in structures)
            {
                using LinearMap<double> map = make();
                map.Initialize(seed: 1);
                points.Add(new PlotPoint(structure, map.Description.ForwardFlops, map.Approximate(matrix, options: options).RelativeError));
            }

            output.WriteLine($"{name,-20}{string.Concat(points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.Up,14:0.0e+0}")))}");
            panels.Add(new PlotPanel(name, Scale.Amounts("FLOPs per row", points.Select(point => point.Across)), Scale.Error(points.Select(point => point.Up)), points));
        }

        return new ScatterPlot("Four structures of 1,024 numbers for 64 × 64 matrices", panels).ToSvg();
    }

    /// <summary>The temperatures of a rod with insulated ends at t = 30 from those at 0: the cosine transform's waves decay by their frequencies.</summary>
    private static double[] Heat() => Matrix((i, j) => Enumerable.Range(0, Size).Sum(k =>
        Math.Exp(-30 * (2 - (2 * Math.Cos(Math.PI * k / Size)))) * Wave(k, i) * Wave(k, j)));

    /// <summary>What is heard three samples late, and at 0.6 of its strength another 20 later.</summary>
    private static double[] Echo() => Matrix((i, j) => i - j == 3 ? 1 : i - j == 23 ? 0.6 : 0);

    private static double[] WalshHadamard() => Matrix((i, j) => int.IsEvenInteger(System.Numerics.BitOperations.PopCount((uint)(i & j))) ? 0.125 : -0.125);

    private static double Wave(int k, int i) => Math.Sqrt((k == 0 ? 1.0 : 2.0) / Size) * Math.Cos(Math.PI * ((2 * i) + 1) * k / (2 * Size));

    private static double[] Matrix(Func<int, int, double> entry) => [.. Enumerable.Range(0, Size * Size).Select(at => entry(at / Size, at % Size))];
}
