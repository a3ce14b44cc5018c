using Weft.Kernels;

namespace Weft.Tests.Formulas;

/// <summary>
/// A map that asks a device for its values and gradients, so that whatever tests a map tests the device. Its tangents are those of the
/// map it stands for.
/// </summary>
internal static class MapOnDevice
{
    /// <param name="map">The map.</param>
    /// <param name="device">The same on a device.</param>
    public static Map<float> Create<TBuffer>(Map<float> map, DeviceMap<float, TBuffer> device)
        where TBuffer : class, IDisposable
    {
        var rows = new Rows<TBuffer>(map, device);
        return map is LinearMap<float> ? new Linear(map.Description, rows) : new Nonlinear(map.Description, rows);
    }

    /// <summary>Holds values and gradients on a device against the map's own.</summary>
    public static void AssertSame<TBuffer>(Map<double> map, DeviceMap<double, TBuffer> device, int batch)
        where TBuffer : class, IDisposable
    {
        double[] x = [.. Enumerable.Range(0, batch * map.Inputs).Select(i => Math.Sin(i))], dy = [.. Enumerable.Range(0, batch * map.Outputs).Select(i => Math.Cos(i))];
        double[] y = new double[dy.Length], expectedY = new double[dy.Length], dx = new double[x.Length], expectedDx = new double[x.Length];
        double[] gradient = new double[map.TrainedCount], expectedGradient = new double[map.TrainedCount];
        map.Forward(x, expectedY);
        map.Gradient(x, dy, expectedDx, expectedGradient);
        device.Forward(x, y);
        device.Gradient(x, dy, dx, gradient);
        Assert.All(expectedY.Concat(expectedDx).Concat(expectedGradient).Zip(y.Concat(dx).Concat(gradient)), pair => Assert.Equal(pair.First, pair.Second, 1e-11));
    }

    private sealed unsafe class Rows<TBuffer>(Map<float> map, DeviceMap<float, TBuffer> device) : MapProgram<float>
        where TBuffer : class, IDisposable
    {
        public override MapLayout Layout { get; } = map.Program.Layout with { LeastRows = 1000, MostRows = 1000, FewRows = 0, ScratchPerRow = 0, GradientScratchPerRow = 0 };

        public override Map<float>? CreatePenalties() => map.Program.CreatePenalties();

        public override void ForwardRows(float* w, float* x, float* y, float* s, int rows)
        {
            if (y != null)
            {
                At(w).Forward(Span(x, rows * map.Inputs), Span(y, rows * map.Outputs));
            }
        }

        public override void BackwardRows(float* w, float* g, float* dw, in Chunk<float> chunk, bool first)
        {
            Span<float> dy = Span(chunk.Dy, chunk.Rows * map.Outputs), dx = Span(chunk.Dx, chunk.Rows * map.Inputs);
            if (chunk.X == null)
            {
                At(w).Adjoint(dy, dx);
                return;
            }

            At(w).Gradient(Span(chunk.X, chunk.Rows * map.Inputs), dy, dx, Span(g, map.TrainedCount));
        }

        public override void TangentRows(float* w, float* dw, in Chunk<float> chunk)
        {
            _ = At(w);
            int count = chunk.Rows * map.Inputs;
            map.Tangent(Span(chunk.X, count), Span(chunk.Dx, count), Span(dw, map.TrainedCount), [], Span(chunk.Dy, chunk.Rows * map.Outputs));
        }

        private DeviceMap<float, TBuffer> At(float* w)
        {
            if (!map.Parameters.SequenceEqual(Span(w, map.ParameterCount)))
            {
                using ParameterEdit<float> edit = map.Edit();
                Span(w, map.ParameterCount).CopyTo(edit.All);
            }

            return device;
        }

        private static Span<float> Span(float* pointer, int length) => pointer == null ? [] : new Span<float>(pointer, length);
    }

    private sealed class Linear(MapDescription description, MapProgram<float> program) : LinearMap<float>(description, program);

    private sealed class Nonlinear(MapDescription description, MapProgram<float> program) : Map<float>(description, program);
}
