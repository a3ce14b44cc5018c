namespace Weft.Benchmarks.Cases;

/// <summary>What storage formats are worth where a product reads its matrix once.</summary>
internal static class Formats
{
    /// <summary>Bits of a number with its share of scales, and how far rounding may move a result.</summary>
    private static readonly (string Label, string Declaration, double Bits, double Error)[] All =
    [
        ("float", "frozen", 32, 1e-5), ("bf16", "frozen(bf16)", 16, 5e-3), ("half", "frozen(half)", 16, 1e-3), ("e4m3", "frozen(e4m3)", 8, 5e-2),
        ("e5m2", "frozen(e5m2)", 8, 0.1), ("int8", "frozen(int8)", 8, 2e-2),
        ("int4, 64", "frozen(int4, 64)", 4.5, 0.2), ("uint4, 64", "frozen(uint4, 64)", 5, 0.2), ("nf4, 64", "frozen(nf4, 64)", 4.5, 0.15),
    ];

    /// <summary>Prints the time of a dense matrix in each format, its ratio to whole numbers, and the share of the bandwidth of the level that holds it.</summary>
    public static void Print(Bench bench)
    {
        bench.Report.Title("Storage formats: a dense matrix, batch 1, against single precision in the same rounds");
        foreach (int n in new[] { 1024, 2048, 4096 })
        {
            Subject[] subjects = [.. All.Select(format => bench.Subject(
                $"{format.Label} {n}", FormattableString.Invariant($"operator d : {n} -> {n}\n  {format.Declaration} W[{n}, {n}]\n  = W")))];
            using FloatBuffer x = FloatBuffer.Random(n, 1), y = new(n), expected = new(n);
            subjects[0].Map.Forward(x.Span, expected.Span);
            for (int i = 0; i < All.Length; i++)
            {
                subjects[i].Map.Forward(x.Span, y.Span);
                Check(All[i].Error, subjects[i].Label, y.Span, expected.Span);
            }

            double[] seconds = bench.Clock.Race([.. subjects.Select(subject => new Variant(subject.Label, () => subject.Map.Forward(x.Span, y.Span)))]);
            for (int i = 0; i < All.Length; i++)
            {
                double bytes = (double)n * n * All[i].Bits / 8;
                MemoryLevel level = bench.Machine.LevelOf(bytes);
                bench.Report.Line(FormattableString.Invariant(
                    $"{subjects[i].Label,-16} {Report.Microseconds(seconds[i]),12} {seconds[0] / seconds[i],6:0.00}x {bytes / seconds[i] / 1e9,6:0} GB/s, {100 * bytes / seconds[i] / level.Bandwidth:0} % of {level.Name}"));
            }
        }
    }

    private static void Check(double most, string label, ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        double error = 0, size = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            error += Math.Pow(actual[i] - expected[i], 2);
            size += Math.Pow(expected[i], 2);
        }

        if (!(Math.Sqrt(error / size) < most))
        {
            throw new InvalidOperationException(FormattableString.Invariant($"{label} is off by {Math.Sqrt(error / size):0.0e0}."));
        }
    }
}
