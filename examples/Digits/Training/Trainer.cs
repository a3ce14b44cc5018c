namespace Weft.Examples.Digits.Training;

/// <summary>Trains a map with AdamW.</summary>
internal static class Trainer
{
    /// <summary>The rows of a batch.</summary>
    public const int BatchRows = 128;

    /// <param name="map">The map, initialized.</param>
    /// <param name="schedule">The number of steps and the learning rate of each.</param>
    /// <param name="weightDecay">The rate at which parameters are pulled towards zero.</param>
    /// <param name="nextBatch">Gives the inputs of a batch and its loss.</param>
    /// <param name="afterStep">Called after each step.</param>
    public static void Train<TLoss>(
        Map<float> map,
        Schedule schedule,
        double weightDecay,
        Func<(ReadOnlyMemory<float> Inputs, TLoss Loss)> nextBatch,
        Action afterStep)
        where TLoss : struct, ILoss<float>
    {
        var optimizer = new AdamW<float>(schedule.Peak, beta2: 0.99, weightDecay: weightDecay);
        float[] gradient = new float[map.TrainedCount];
        for (int step = 0; step < schedule.Steps; step++)
        {
            (ReadOnlyMemory<float> inputs, TLoss loss) = nextBatch();
            Array.Clear(gradient);
            map.LossGradient(inputs.Span, loss, gradient);
            optimizer.LearningRate = schedule.Rate(step);
            optimizer.Step(map, gradient);
            afterStep();
        }
    }
}
