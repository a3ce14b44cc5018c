using Weft.OpenCl;

namespace Weft.Benchmarks.Gpu;

/// <summary>One map on the device.</summary>
internal sealed class Run(LinearMap<float> map, OpenClContext context) : IDisposable
{
    private const int CheckedRows = 11;

    private readonly OpenClMap<float> device = new(map, context);

    /// <summary>The largest relative error, in the 2-norm, of outputs and gradients against the processor's.</summary>
    public double Error()
    {
        float[] x = Numbers(CheckedRows * map.Inputs), dy = Numbers(CheckedRows * map.Outputs);
        float[] y = new float[dy.Length], deviceY = new float[dy.Length], dx = new float[x.Length], deviceDx = new float[x.Length];
        float[] g = new float[map.TrainedCount], deviceG = new float[g.Length];
        map.Forward(x, y);
        device.Forward(x, deviceY);
        map.Gradient(x, dy, dx, g);
        device.Gradient(x, dy, deviceDx, deviceG);
        return new[] { Distance(y, deviceY), Distance(dx, deviceDx), Distance(g, deviceG) }.Max();
    }

    /// <summary>Seconds of the forward pass, and of forward and backward together.</summary>
    public (double Forward, double Gradient) Time(int batch)
    {
        using var x = new OpenClBuffer<float>(context, checked(batch * map.Inputs));
        using var y = new OpenClBuffer<float>(context, checked(batch * map.Outputs));
        using var dx = new OpenClBuffer<float>(context, x.Length);
        using var gradient = new OpenClBuffer<float>(context, map.TrainedCount);
        x.Clear();
        y.Clear();
        gradient.Clear();
        double forward = Roofline.Best(() =>
        {
            device.Forward(x, y);
            context.Finish();
        });
        return (forward, Roofline.Best(() =>
        {
            device.Gradient(x, y, dx, gradient);
            context.Finish();
        }));
    }

    public void Dispose() => device.Dispose();

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];

    private static double Distance(float[] expected, float[] actual) =>
        Math.Sqrt(expected.Zip(actual).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / expected.Sum(value => Math.Pow(value, 2)));
}
