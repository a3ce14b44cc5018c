using System.Numerics.Tensors;
using Weft;
using WeftModel;

const int Steps = 600, Batch = 128;
const string Path = "classifier.checkpoint";

(float[] points, int[] labels) = Spirals.Draw(4096, seed: 1);
(float[] testPoints, int[] testLabels) = Spirals.Draw(1024, seed: 2);

using var model = new Classifier();
model.Initialize(seed: 3);
var optimizer = new AdamW<float>(learningRate: 0.01);

// A run that was stopped goes on where its last checkpoint was; delete the file to begin again.
long start = File.Exists(Path) ? Checkpoint.Load(Path, model, optimizer) : 0;
float[] gradient = new float[model.TrainedCount];
for (long step = start; step < Steps; step++)
{
    int first = (int)(step * Batch % labels.Length);
    optimizer.LearningRate = LearningRates.Cosine(step, Steps, peak: 0.01, warmUp: 20);
    Array.Clear(gradient);
    double loss = model.LossGradient(points.AsSpan(2 * first, 2 * Batch), new CrossEntropy<float>(labels.AsMemory(first, Batch)), gradient);
    optimizer.Step(model, gradient);
    if ((step + 1) % 100 == 0)
    {
        Console.WriteLine($"step {step + 1}: loss {loss:0.0000}, {Accuracy():P1} of the test points are right");
        Checkpoint.Save(Path, model, optimizer, step + 1);
    }
}

Console.WriteLine($"{model.ParameterCount:N0} parameters, {Accuracy():P1} of the test points are right");

double Accuracy()
{
    float[] scores = new float[testLabels.Length * model.Outputs];
    model.Forward(testPoints, scores);
    return Enumerable.Range(0, testLabels.Length)
        .Average(i => TensorPrimitives.IndexOfMax<float>(scores.AsSpan(i * model.Outputs, model.Outputs)) == testLabels[i] ? 1.0 : 0);
}
