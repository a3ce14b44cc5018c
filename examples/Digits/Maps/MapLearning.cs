using System.Globalization;
using Spectre.Console;
using Weft.Examples.Digits.Report;
using Weft.Examples.Digits.Training;
using Weft.OpenCl;
using Weft.Reports;

namespace Weft.Examples.Digits.Maps;

/// <summary>Learns the known maps with every structure.</summary>
internal static class MapLearning
{
    private const int SampleCount = 8192;

    /// <param name="console">Where progress and tables go.</param>
    /// <param name="seed">Decides the samples and the initial parameters.</param>
    /// <param name="steps">The steps of every structure that has its full share.</param>
    /// <param name="gpu">Where to train; null for the processor.</param>
    /// <returns>The picture of the results.</returns>
    public static ScatterPlot Run(IAnsiConsole console, int seed, int steps, OpenClContext? gpu)
    {
        var heat = new HeatEquation();
        console.WriteLine($"Two maps of {KnownMap.Size:N0} inputs, learned from {SampleCount:N0} random samples each; no data is needed.");
        var panels = new List<PlotPanel>();
        foreach (KnownMap map in new KnownMap[] { new WalshHadamard(), heat })
        {
            List<Result> results = ReportConsole.Progress(console).Start(progress => Learn(map, progress, seed, steps, gpu));
            Tables.Print(console, map.Name, "Relative error", "0.00E-0", results);
            panels.Add(Result.Panel(map.Name, results, Scale.Error));
        }

        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"The heat equation's factors in the other order, B ⊗ A for A ⊗ B, have a relative error of {heat.OrderGap():F2}."));
        return new ScatterPlot("Two known maps, learned from samples", panels);
    }

    private static List<Result> Learn(KnownMap known, ProgressContext progress, int seed, int steps, OpenClContext? gpu)
    {
        var samples = new Samples(known, SampleCount, seed);
        float[] matrix = known.Matrix();
        List<(Structure, ProgressTask)> tasks = [.. Structure.All.Select(structure => (structure, progress.AddTask($"{known.Name}, {structure.Name}")))];
        var results = new List<Result>();
        foreach ((Structure structure, ProgressTask task) in tasks)
        {
            var schedule = new Schedule(Math.Max(1, (int)(steps * structure.StepShare)), structure.Rate);
            task.MaxValue = schedule.Steps;
            using LinearMap<float> map = structure.NewMap();
            map.Initialize(seed);
            Trainer.Train(map, schedule, weightDecay: 0, () => samples.Batch(Trainer.BatchRows), () => task.Increment(1), gpu);
            results.Add(new Result(structure.Name, map.TrainedCount, map.Description.ForwardFlops, RelativeError(map, matrix), Timing.Of(map)));
        }

        return results;
    }

    /// <summary>‖A − M‖ / ‖M‖ in the Frobenius norm.</summary>
    private static double RelativeError(LinearMap<float> map, float[] matrix)
    {
        float[] learned = new float[matrix.Length];
        map.ToDense(learned);
        double error = 0, norm = 0;
        for (int i = 0; i < matrix.Length; i++)
        {
            double difference = (double)learned[i] - matrix[i];
            error += difference * difference;
            norm += (double)matrix[i] * matrix[i];
        }

        return Math.Sqrt(error / norm);
    }
}
