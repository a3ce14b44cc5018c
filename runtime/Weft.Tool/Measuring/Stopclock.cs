using System.Diagnostics;

namespace Weft.Measuring;

/// <summary>One way to compute something.</summary>
internal sealed record Variant(string Name, Action Run);

/// <summary>
/// Times variants in many short rounds, all of them in every round, and takes a low quantile of each: on a machine that is shared,
/// the disturbances only ever add.
/// </summary>
internal sealed class Stopclock(bool quick)
{
    private const double Quantile = 0.1;
    private const double Slot = 0.5e-3;
    private const int MinRounds = 3;
    private const int MaxRounds = 200;

    private readonly double _budget = quick ? 0.05 : 0.5;

    public bool IsQuick => quick;

    /// <summary>Seconds of one call of each variant.</summary>
    public double[] Race(params IReadOnlyList<Variant> variants)
    {
        int[] repetitions = [.. variants.Select(Calibrate)];
        var times = variants.Select(_ => new List<double>()).ToArray();
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; round < MinRounds || (round < MaxRounds && Stopwatch.GetElapsedTime(start).TotalSeconds < _budget); round++)
        {
            for (int i = 0; i < variants.Count; i++)
            {
                // Not each variant after the same other one: it leaves its data in the caches.
                int variant = (i + round) % variants.Count;
                variants[variant].Run();
                times[variant].Add(Time(variants[variant].Run, repetitions[variant]));
            }
        }

        return [.. times.Select(Low)];
    }

    private static double Low(List<double> times)
    {
        times.Sort();
        return times[(int)(Quantile * times.Count)];
    }

    private static int Calibrate(Variant variant)
    {
        variant.Run();
        int repetitions = 1;
        while (repetitions < 1 << 16 && Time(variant.Run, repetitions) * repetitions < Slot)
        {
            repetitions *= 2;
        }

        return repetitions;
    }

    private static double Time(Action run, int repetitions)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repetitions; i++)
        {
            run();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / repetitions;
    }
}
