using System.Diagnostics;
using System.Numerics.Tensors;
using Weft.Mpi;

namespace Weft.Examples.Distributed;

/// <summary>Training on all processes of a group: each draws its rows of a batch, and all take the same step.</summary>
internal static class Training
{
    private const int BatchRows = 250, TestRows = 1000;

    public static void Run(ProcessGroup group, Map<float> map, int steps, string? checkpoint)
    {
        // The processes of one machine share its cores.
        WeftOptions.MaxThreads = Math.Max(1, Environment.ProcessorCount / group.Size);
        var optimizer = new Sgd<float>(learningRate: 0.1, momentum: 0.9);
        map.Initialize(seed: 1);
        int start = File.Exists(checkpoint) ? (int)Checkpoint.Load(checkpoint, map, optimizer) : 0;

        (int first, int count) = group.Part(BatchRows);
        float[] x = new float[count * map.Inputs], gradient = new float[map.TrainedCount];
        int[] labels = new int[count];
        var (computing, averaging, loss) = (new Stopwatch(), new Stopwatch(), 0.0);
        for (int step = start; step < steps; step++)
        {
            Sound.Draw(((long)step * BatchRows) + first, x, labels);
            Array.Clear(gradient);
            computing.Start();
            loss = map.LossGradient(x, new CrossEntropy<float>(labels), gradient);
            computing.Stop();
            averaging.Start();
            loss = group.Average<float>(gradient, loss, count);
            averaging.Stop();
            optimizer.Step(map, gradient);
            if (group.Rank == 0 && checkpoint is not null && (step + 1) % 10 == 0)
            {
                Checkpoint.Save(checkpoint, map, optimizer, step + 1);
            }
        }

        if (group.Rank == 0)
        {
            float[] test = new float[TestRows * map.Inputs], scores = new float[TestRows * map.Outputs];
            int[] tones = new int[TestRows];
            Sound.Draw(-TestRows, test, tones);
            map.Forward(test, scores);
            int right = tones.Where((tone, row) => TensorPrimitives.IndexOfMax<float>(scores.AsSpan(row * map.Outputs, map.Outputs)) == tone).Count();
            Console.WriteLine($"Processes: {group.Size}, steps {start} to {steps}, a gradient of {sizeof(float) * map.TrainedCount:N0} bytes");
            Console.WriteLine($"The last loss: {loss:F4}; right: {(double)right / TestRows:P1}");
            Console.WriteLine($"A step: {computing.Elapsed.TotalMilliseconds / (steps - start):F2} ms for the gradient, {averaging.Elapsed.TotalMilliseconds / (steps - start):F2} ms for its average");
        }
    }
}
