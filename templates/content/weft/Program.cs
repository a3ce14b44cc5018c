using Weft;
using WeftMap;

// What is to be learned: 512 samples of a map of the same structure, with other parameters.
using var truth = new Mixer();
truth.Initialize(seed: 1);
var random = new Random(2);
float[] x = [.. Enumerable.Range(0, 512 * truth.Inputs).Select(_ => (2 * random.NextSingle()) - 1)], y = new float[512 * truth.Outputs];
truth.Forward(x, y);

using var map = new Mixer();
map.Initialize(seed: 3);
float[] gradient = new float[map.TrainedCount];
var optimizer = new AdamW<float>(learningRate: 0.01);
for (int step = 0; step <= 500; step++)
{
    Array.Clear(gradient);
    double loss = map.LossGradient(x, new MeanSquaredError<float>(y), gradient);
    optimizer.Step(map, gradient);
    if (step % 100 == 0)
    {
        Console.WriteLine($"step {step}: loss {loss:0.0e0}");
    }
}

Console.WriteLine($"{map.ParameterCount:N0} parameters; a dense matrix has {map.Inputs * map.Outputs:N0}.");
