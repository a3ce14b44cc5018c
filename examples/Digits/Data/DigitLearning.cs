using System.Globalization;
using System.Numerics.Tensors;
using Spectre.Console;
using Weft.Examples.Digits.Report;
using Weft.Examples.Digits.Training;
using Weft.OpenCl;
using Weft.Reports;

namespace Weft.Examples.Digits.Data;

/// <summary>Trains the classifier with every structure in its middle.</summary>
internal static class DigitLearning
{
    private const double Rate = 0.002, WeightDecay = 0.05;

    /// <param name="console">Where progress and the table go.</param>
    /// <param name="folder">The folder of the IDX files.</param>
    /// <param name="seed">Decides the initial parameters and the order of the images.</param>
    /// <param name="epochs">How often each image is shown.</param>
    /// <param name="gpu">Where to train; null for the processor.</param>
    /// <returns>The picture of the results.</returns>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static ScatterPlot Run(IAnsiConsole console, string folder, int seed, int epochs, OpenClContext? gpu)
    {
        (DigitSet train, DigitSet test) = DigitSet.Load(folder);
        string title = $"Handwritten digits: {train.Count:N0} images to train, {test.Count:N0} to test";
        List<Result> results = ReportConsole.Progress(console).Start(progress => Learn(train, test, progress, seed, epochs, gpu));
        Tables.Print(console, title, "Accuracy", "P2", results);
        double spread = Math.Sqrt(results.Average(result => result.Score * (1 - result.Score)) / test.Count);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The standard error of an accuracy over {test.Count:N0} images is {100 * spread:F1} %."));
        return new ScatterPlot("One classifier with six middle layers", [Result.Panel(title, results, Scale.Accuracy)]);
    }

    private static List<Result> Learn(DigitSet train, DigitSet test, ProgressContext progress, int seed, int epochs, OpenClContext? gpu)
    {
        int rows = Math.Min(Trainer.BatchRows, train.Count);
        var schedule = new Schedule(checked(epochs * (train.Count / rows)), Rate);
        List<(Structure, ProgressTask)> tasks = [.. Structure.All.Select(structure => (structure, progress.AddTask(structure.Name, maxValue: schedule.Steps)))];
        var results = new List<Result>();
        foreach ((Structure structure, ProgressTask task) in tasks)
        {
            var batches = new Batches(train, rows, seed);
            using Map<float> classifier = structure.NewClassifier();
            classifier.Initialize(seed);
            Trainer.Train(classifier, schedule, WeightDecay, batches.Next, () => task.Increment(1), gpu);
            results.Add(new Result(
                structure.Name,
                classifier.TrainedCount,
                classifier.Description.ForwardFlops,
                Accuracy(classifier, test),
                Timing.Of(classifier)));
        }

        return results;
    }

    /// <summary>The share of the images whose largest score is that of their digit.</summary>
    internal static double Accuracy(Map<float> classifier, DigitSet set)
    {
        float[] scores = new float[set.Count * classifier.Outputs];
        classifier.Forward(set.Images, scores);
        return Enumerable.Range(0, set.Count).Average(i =>
            TensorPrimitives.IndexOfMax(scores.AsSpan(i * classifier.Outputs, classifier.Outputs)) == set.Labels[i] ? 1.0 : 0.0);
    }
}
