using Weft.OpenCl;

namespace Weft.Examples.Digits.Training;

/// <summary>Trains a map with AdamW.</summary>
internal static class Trainer
{
    /// <summary>The rows of a batch.</summary>
    public const int BatchRows = 128;

    /// <param name="map">The map, initialized.</param>
    /// <param name="schedule">The number of steps and the learning rate of each.</param>
    /// <param name="weightDecay">The rate at which parameters are pulled towards zero.</param>
    /// <param name="nextBatch">Gives a batch.</param>
    /// <param name="afterStep">Called after each step.</param>
    /// <param name="gpu">Where to train; null for the processor.</param>
    public static void Train<TLoss>(
        Map<float> map,
        Schedule schedule,
        double weightDecay,
        Func<Batch<TLoss>> nextBatch,
        Action afterStep,
        OpenClContext? gpu)
        where TLoss : struct, ILoss<float>
    {
        if (gpu is not null)
        {
            TrainOn(gpu, map, schedule, weightDecay, nextBatch, afterStep);
            return;
        }

        var optimizer = new AdamW<float>(schedule.Peak, beta2: 0.99, weightDecay: weightDecay);
        float[] gradient = new float[map.TrainedCount];
        for (int step = 0; step < schedule.Steps; step++)
        {
            Batch<TLoss> batch = nextBatch();
            Array.Clear(gradient);
            map.LossGradient(batch.Inputs.Span, batch.Loss, gradient);
            optimizer.LearningRate = schedule.Rate(step);
            optimizer.Step(map, gradient);
            afterStep();
        }
    }

    /// <summary>Parameters, gradients and the optimizer's history stay on the GPU; only the batches go there.</summary>
    private static void TrainOn<TLoss>(
        OpenClContext gpu, Map<float> map, Schedule schedule, double weightDecay, Func<Batch<TLoss>> nextBatch, Action afterStep)
        where TLoss : struct, ILoss<float>
    {
        var optimizer = new AdamW<float>(schedule.Peak, beta2: 0.99, weightDecay: weightDecay);
        using var device = new OpenClMap<float>(map, gpu);
        using var gradient = new OpenClBuffer<float>(gpu, map.TrainedCount);
        OpenClBuffer<float>? inputs = null, targets = null;
        try
        {
            for (int step = 0; step < schedule.Steps; step++)
            {
                Batch<TLoss> batch = nextBatch();
                inputs ??= new OpenClBuffer<float>(gpu, batch.Inputs.Length);
                targets ??= new OpenClBuffer<float>(gpu, batch.Targets.Length);
                inputs.Write(batch.Inputs.Span);
                targets.Write(batch.Targets.Span);
                gradient.Clear();
                device.LossGradient(batch.DeviceLoss, inputs, targets, gradient);
                optimizer.LearningRate = schedule.Rate(step);
                device.Step(optimizer, gradient);
                afterStep();
            }
        }
        finally
        {
            inputs?.Dispose();
            targets?.Dispose();
        }

        device.Download();
    }
}
