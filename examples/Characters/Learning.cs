using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using Spectre.Console;
using Weft.Reports;

namespace Weft.Examples.Characters;

/// <summary>Trains the models, says how well they foretell tales that they have not seen, and lets each tell one.</summary>
internal static class Learning
{
    /// <summary>The texts of a batch, and of the test.</summary>
    private const int Rows = 16, TestRows = 64;

    /// <summary>The characters of a text that are foretold, as characters.weft has it.</summary>
    private const int Length = 128;

    private static readonly (string Name, Func<Map<float>> New, double Rate)[] Models =
    [
        ("Dense transformer", () => new DenseTransformer(), 0.004),
        ("Monarch transformer", () => new MonarchTransformer(), 0.01),
        ("Low-rank transformer", () => new LowRankTransformer(), 0.01),
        ("Recurrent", () => new Recurrent(), 0.01),
    ];

    /// <param name="console">Where progress, the table and the tales go.</param>
    /// <param name="seed">Decides the initial parameters and the tales.</param>
    /// <param name="steps">The training steps of each model.</param>
    /// <returns>The picture of how they learned.</returns>
    public static LossCurves Run(IAnsiConsole console, int seed, int steps)
    {
        (float[] x, int[] next, double least) = Batch(new Tales(seed), TestRows);
        var table = new Table().Title($"After {steps:N0} steps; the tales themselves have {Text(least, "F3")} bits per character").Border(TableBorder.Simple);
        table.AddColumn("Model");
        foreach (string heading in new[] { "Parameters", "FLOPs per character", "Bits per character", "Seconds" })
        {
            table.AddColumn(new TableColumn(heading).RightAligned().NoWrap());
        }

        var curves = new List<Curve>();
        var tales = new List<string>();
        ReportConsole.Progress(console).Start(progress =>
        {
            foreach (((string name, Func<Map<float>> create, double rate), ProgressTask task) in Models.Select(model => (model, progress.AddTask(model.Name, maxValue: steps))).ToList())
            {
                using Map<float> map = create();
                map.Initialize(seed);
                long start = Stopwatch.GetTimestamp();
                curves.Add(new Curve(name, Train(map, rate, steps, new Tales(seed + 1), task)));
                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                double bits = map.LossGradient(x, new CrossEntropy<float>(next), default) / Math.Log(2);
                table.AddRow(name, Text(map.TrainedCount, "N0"), Text(map.Description.ForwardFlops / Length, "N0"), Text(bits, "F3"), Text(seconds, "F1"));
                tales.Add($"{name}: {Tell(map, new Random(seed))}");
            }
        });
        console.Write(table);
        foreach (string tale in tales)
        {
            console.WriteLine(tale);
        }

        return new LossCurves(least, curves);
    }

    /// <summary>No tale comes twice: what a step loses is what the model does not know.</summary>
    private static List<(int Step, double Bits)> Train(Map<float> map, double rate, int steps, Tales tales, ProgressTask task)
    {
        var optimizer = new AdamW<float>(rate, beta2: 0.99, weightDecay: 0.01);
        float[] gradient = new float[map.TrainedCount];
        var points = new List<(int, double)>();
        int every = Math.Max(1, steps / 50);
        double sum = 0;
        for (int step = 0; step < steps; step++)
        {
            (float[] x, int[] next, _) = Batch(tales, Rows);
            Array.Clear(gradient);
            sum += map.LossGradient(x, new CrossEntropy<float>(next), gradient) / Math.Log(2);
            Gradients.ClipNorm<float>(gradient, 1);
            optimizer.LearningRate = LearningRates.Cosine(step, steps, rate, warmUp: steps / 20);
            optimizer.Step(map, gradient);
            task.Increment(1);
            if ((step + 1) % every == 0)
            {
                points.Add((step + 1, sum / every));
                sum = 0;
            }
        }

        return points;
    }

    /// <summary>Texts from the start of a tale on: the characters before each one, that one, and the mean bits that it tells.</summary>
    private static (float[] X, int[] Next, double Bits) Batch(Tales tales, int rows)
    {
        float[] x = new float[rows * Length];
        int[] next = new int[x.Length];
        double bits = 0;
        for (int row = 0; row < rows; row++)
        {
            (string text, double[] told) = tales.Next(Length);
            bits += told.Sum() / x.Length;
            for (int i = 0; i < Length; i++)
            {
                next[(row * Length) + i] = Tales.Number(text[i]);
                x[(row * Length) + i] = Tales.Number(i == 0 ? '\n' : text[i - 1]);
            }
        }

        return (x, next, bits);
    }

    /// <summary>A tale, each character drawn as the model foretells it, to its end or as long as the model can look back.</summary>
    private static string Tell(Map<float> map, Random random)
    {
        float[] x = new float[Length], y = new float[map.Outputs];
        int characters = Tales.Alphabet.Length;
        float[] shares = new float[characters];
        string told = "";
        for (int i = 0; i < Length && (i == 0 || x[i] != 0); i++)
        {
            map.Forward(x, y);
            TensorPrimitives.SoftMax(y.AsSpan(i * characters, characters), shares);
            double place = random.NextDouble();
            int chosen = 0;
            while (chosen < characters - 1 && place >= shares[chosen])
            {
                place -= shares[chosen++];
            }

            told += Tales.Alphabet[chosen];
            if (i + 1 < Length)
            {
                x[i + 1] = chosen;
            }
        }

        return told.TrimEnd();
    }

    private static string Text(IFormattable value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
