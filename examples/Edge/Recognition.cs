using System.Diagnostics;
using System.Globalization;
using Weft.Reports;

namespace Weft.Examples.Edge;

/// <summary>Trains the classifiers, stores them in 16 bits for each number, and recognizes with what was stored: as a device would.</summary>
internal static class Recognition
{
    private const int BatchRows = 64;

    /// <returns>Accuracies against the bytes of the files, as SVG.</returns>
    public static string Run(TextWriter output, bool quick)
    {
        (float[] rows, int[] labels) = Gestures.Draw(quick ? 5000 : 10000, seed: 1);
        (float[] testRows, int[] testLabels) = Gestures.Draw(2000, seed: 2);
        output.WriteLine("Classifier   Parameters   File, bytes   Accuracy   One gesture, µs");
        PlotPoint[] points =
        [
            Row("Dense", new DenseGestures(), new DenseGestures()),
            Row("Low rank", new LowRankGestures(), new LowRankGestures()),
            Row("Monarch", new MonarchGestures(), new MonarchGestures()),
        ];
        return new ScatterPlot(
            "Gestures of an accelerometer",
            [new PlotPanel("", Scale.Amounts("Bytes of the file", points.Select(point => point.Across)), Scale.Accuracy(points.Select(point => point.Up)), points)]).ToSvg();

        PlotPoint Row(string name, Map<float> trained, Map<float> onDevice)
        {
            using (trained)
            using (onDevice)
            using (var file = new MemoryStream())
            {
                Train(trained, rows, labels, epochs: quick ? 5 : 8);
                trained.Save(file, StoredParameters.Trained, StoredType.BF16);
                file.Position = 0;
                onDevice.Load(file);
                double accuracy = Accuracy(onDevice, testRows, testLabels);
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name,-10} {onDevice.ParameterCount,12:N0} {file.Length,13:N0} {accuracy,10:P1} {Microseconds(onDevice, testRows),17:F1}"));
                return new PlotPoint(name, file.Length, accuracy);
            }
        }
    }

    private static void Train(Map<float> map, float[] rows, int[] labels, int epochs)
    {
        map.Initialize(seed: 1);
        var optimizer = new AdamW<float>(2e-3);
        float[] gradient = new float[map.TrainedCount];
        for (int step = 0; step < epochs * (labels.Length / BatchRows); step++)
        {
            int first = step * BatchRows % (labels.Length - BatchRows + 1);
            Array.Clear(gradient);
            map.LossGradient(rows.AsSpan(first * map.Inputs, BatchRows * map.Inputs), new CrossEntropy<float>(labels.AsMemory(first, BatchRows)), gradient);
            optimizer.Step(map, gradient);
        }
    }

    private static double Accuracy(Map<float> map, float[] rows, int[] labels)
    {
        float[] scores = new float[labels.Length * map.Outputs];
        map.Forward(rows, scores);
        return labels.Where((label, row) =>
        {
            ReadOnlySpan<float> own = scores.AsSpan(row * map.Outputs, map.Outputs);
            return own.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max(own)) == label;
        }).Count() / (double)labels.Length;
    }

    /// <summary>The shortest of many times that one gesture by itself took.</summary>
    private static double Microseconds(Map<float> map, float[] rows)
    {
        float[] scores = new float[map.Outputs];
        double shortest = double.PositiveInfinity;
        for (int row = 0; row < 1000; row++)
        {
            long start = Stopwatch.GetTimestamp();
            map.Forward(rows.AsSpan(row * map.Inputs, map.Inputs), scores);
            shortest = Math.Min(shortest, Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }

        return shortest;
    }
}
