using System.Globalization;
using Spectre.Console;
using Weft.Examples.Digits.Data;
using Weft.Examples.Digits.Training;
using Weft.Reports;

namespace Weft.Examples.Adapters;

/// <summary>Trains the network on five digits, and adapts it to the other five in each way.</summary>
internal static class Adaptation
{
    private const double NetworkRate = 0.001;

    /// <param name="console">Where the table goes.</param>
    /// <param name="train">The images to train with.</param>
    /// <param name="test">The images to count the right answers for.</param>
    /// <param name="seed">Decides the initial parameters and the order of the images.</param>
    /// <param name="epochs">How often each image is shown, to the network and to each adapter.</param>
    /// <returns>Accuracies against trained parameters.</returns>
    public static ScatterPlot Run(IAnsiConsole console, DigitSet train, DigitSet test, int seed, int epochs)
    {
        (DigitSet known, DigitSet knownTest) = (Half(train, 0), Half(test, 0));
        (DigitSet other, DigitSet otherTest) = (Half(train, 5), Half(test, 5));
        using var network = new DigitNetwork();
        network.Initialize(seed);
        Train(network, known, NetworkRate, seed, epochs);

        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"A network of {network.TrainedCount:N0} weights for the digits 0 to 4, adapted to 5 to 9:"));
        var table = new Table();
        table.AddColumns("Adapter", "Trained", "Stored bytes", "Accuracy", "Step, µs");
        foreach (TableColumn column in table.Columns.Skip(1))
        {
            column.RightAligned();
        }

        var points = new List<PlotPoint>();
        Row("none", 0, 0, DigitLearning.Accuracy(network, otherTest), null);
        foreach (Adapter adapter in Adapter.All)
        {
            using Map<float> adapted = New(adapter);
            Train(adapted, other, adapter.Rate, seed, epochs);

            // What is counted is what another copy of the network gets back from the file.
            using var file = new MemoryStream();
            adapted.Save(file, StoredParameters.Compact);
            file.Position = 0;
            using Map<float> loaded = New(adapter);
            loaded.Load(file);
            points.Add(new PlotPoint(adapter.Name, adapted.TrainedCount, DigitLearning.Accuracy(loaded, otherTest)));
            Row(adapter.Name, adapted.TrainedCount, file.Length, points[^1].Up, StepTime(adapted));
        }

        console.Write(table);
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"The network as it was knows {DigitLearning.Accuracy(network, knownTest):P1} of {knownTest.Count:N0} images of its own digits. A step is one of {Trainer.BatchRows} images."));
        return new ScatterPlot(
            "Adapters of a frozen network",
            [new PlotPanel("", Scale.Amounts("Trained parameters", points.Select(point => point.Across)), Scale.Accuracy(points.Select(point => point.Up)), points)]);

        Map<float> New(Adapter adapter)
        {
            Map<float> adapted = adapter.New();
            adapted.Initialize(seed);
            Freeze(network, adapted);
            return adapted;
        }

        void Row(string name, int trained, long bytes, double accuracy, double? step) => table.AddRow(
            name,
            trained.ToString("N0", CultureInfo.InvariantCulture),
            bytes.ToString("N0", CultureInfo.InvariantCulture),
            accuracy.ToString("P1", CultureInfo.InvariantCulture),
            step?.ToString("N0", CultureInfo.InvariantCulture) ?? "");
    }

    /// <summary>The images of five digits, labelled 0 to 4.</summary>
    private static DigitSet Half(DigitSet set, int first)
    {
        int[] chosen = [.. Enumerable.Range(0, set.Count).Where(i => set.Labels[i] >= first && set.Labels[i] < first + 5)];
        return chosen.Length > 0
            ? new DigitSet(
                [.. chosen.SelectMany(i => set.Images[(i * DigitSet.Pixels)..((i + 1) * DigitSet.Pixels)])],
                [.. chosen.Select(i => set.Labels[i] - first)])
            : throw new InvalidDataException($"None of {set.Count} images is of the digits {first} to {first + 4}.");
    }

    private static void Train(Map<float> map, DigitSet set, double rate, int seed, int epochs)
    {
        int rows = Math.Min(Trainer.BatchRows, set.Count);
        var batches = new Batches(set, rows, seed);
        Trainer.Train(map, new Schedule(checked(epochs * (set.Count / rows)), rate), weightDecay: 0, batches.Next, () => { }, gpu: null);
    }

    /// <summary>Writes the network's matrices where the adapted one has frozen ones.</summary>
    private static void Freeze(Map<float> network, Map<float> adapted)
    {
        using ParameterEdit<float> edit = adapted.Edit();
        foreach (ParameterInfo parameter in network.Description.Parameters)
        {
            network[parameter.Name].Values.CopyTo(edit[parameter.Name]);
        }
    }

    /// <summary>The loss's gradient and the optimizer's step for one batch, in microseconds.</summary>
    private static double StepTime(Map<float> map)
    {
        float[] x = new float[Trainer.BatchRows * map.Inputs], gradient = new float[map.TrainedCount];
        Array.Fill(x, 0.5f);
        var loss = new CrossEntropy<float>(new int[Trainer.BatchRows]);
        var optimizer = new AdamW<float>(1e-4);
        return Trainer.BatchRows * Timing.Shortest(() =>
        {
            Array.Clear(gradient);
            map.LossGradient(x, loss, gradient);
            optimizer.Step(map, gradient);
        });
    }
}
