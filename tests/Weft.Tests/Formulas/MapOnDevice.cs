using System.Reflection;
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
        MapDescription description = map.Description with { Chunk = 1000, FewRows = 0, ScratchPerRow = 0, GradientScratchPerRow = 0 };
        return map is LinearMap<float> ? new Linear(description, rows) : new Nonlinear(description, rows);
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

    /// <summary>A map's program.</summary>
    public static DeviceProgram ProgramOf(Map<float> map) => (DeviceProgram)typeof(Map<float>)
        .GetMethod("CreateDeviceProgram", BindingFlags.Instance | BindingFlags.NonPublic)!
        .Invoke(map, null)!;

    private unsafe interface IRows
    {
        void Forward(float* w, float* x, float* y, int rows);

        void Backward(float* w, float* g, float* x, float* dy, float* dx, int rows);

        void Tangent(float* w, float* dw, float* x, float* dx, float* dy, int rows);
    }

    private sealed unsafe class Rows<TBuffer>(Map<float> map, DeviceMap<float, TBuffer> device) : IRows
        where TBuffer : class, IDisposable
    {
        public void Forward(float* w, float* x, float* y, int rows)
        {
            if (y != null)
            {
                At(w).Forward(Span(x, rows * map.Inputs), Span(y, rows * map.Outputs));
            }
        }

        public void Backward(float* w, float* g, float* x, float* dy, float* dx, int rows)
        {
            if (x == null)
            {
                At(w).Adjoint(Span(dy, rows * map.Outputs), Span(dx, rows * map.Inputs));
                return;
            }

            At(w).Gradient(Span(x, rows * map.Inputs), Span(dy, rows * map.Outputs), Span(dx, rows * map.Inputs), Span(g, map.TrainedCount));
        }

        public void Tangent(float* w, float* dw, float* x, float* dx, float* dy, int rows)
        {
            _ = At(w);
            map.Tangent(Span(x, rows * map.Inputs), Span(dx, rows * map.Inputs), Span(dw, map.TrainedCount), [], Span(dy, rows * map.Outputs));
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

    private sealed unsafe class Linear(MapDescription description, IRows rows) : LinearMap<float>(description)
    {
        protected override void Prepare(float* w)
        {
        }

        protected override void PrepareTangent(float* w, float* dw)
        {
        }

        protected override void PrepareGradient(float* w, float* g, float* dw)
        {
        }

        protected override void ForwardRows(float* w, float* x, float* y, float* s, int count) => rows.Forward(w, x, y, count);

        protected override void BackwardRows(float* w, float* g, float* dw, float* x, float* dy, float* dx, float* s, int count, bool first) =>
            rows.Backward(w, g, x, dy, dx, count);

        protected override void TangentRows(float* w, float* dw, float* x, float* dx, float* dy, float* s, int count) =>
            rows.Tangent(w, dw, x, dx, dy, count);
    }

    private sealed unsafe class Nonlinear(MapDescription description, IRows rows) : Map<float>(description)
    {
        protected override void Prepare(float* w)
        {
        }

        protected override void PrepareTangent(float* w, float* dw)
        {
        }

        protected override void PrepareGradient(float* w, float* g, float* dw)
        {
        }

        protected override void ForwardRows(float* w, float* x, float* y, float* s, int count) => rows.Forward(w, x, y, count);

        protected override void BackwardRows(float* w, float* g, float* dw, float* x, float* dy, float* dx, float* s, int count, bool first) =>
            rows.Backward(w, g, x, dy, dx, count);

        protected override void TangentRows(float* w, float* dw, float* x, float* dx, float* dy, float* s, int count) =>
            rows.Tangent(w, dw, x, dx, dy, count);
    }
}
