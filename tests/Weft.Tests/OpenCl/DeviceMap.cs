using System.Reflection;
using Weft.Kernels;
using Weft.OpenCl;

namespace Weft.Tests.OpenCl;

/// <summary>
/// A map that asks a device for its values and gradients, so that whatever tests a map tests the device. Its tangents are those of the
/// map it stands for.
/// </summary>
internal static class DeviceMap
{
    /// <param name="map">A map that was compiled with a program.</param>
    /// <param name="context">The device.</param>
    /// <param name="maxRows">The most rows of a chunk.</param>
    public static Map<float> Create(Map<float> map, OpenClContext context, int maxRows)
    {
        var rows = new Rows(map, new OpenClMap<float>(map, context, maxRows));
        MapDescription description = map.Description with { Chunk = 1000, WorkspaceLength = 0, GradientWorkspaceLength = 0 };
        return map is LinearMap<float> ? new Linear(description, rows) : new Nonlinear(description, rows);
    }

    /// <summary>A map's program.</summary>
    public static DeviceProgram ProgramOf(Map<float> map) => (DeviceProgram)typeof(Map<float>)
        .GetMethod("CreateDeviceProgram", BindingFlags.Instance | BindingFlags.NonPublic)!
        .Invoke(map, null)!;

    private sealed unsafe class Rows(Map<float> map, OpenClMap<float> device)
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

        private OpenClMap<float> At(float* w)
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

    private sealed unsafe class Linear(MapDescription description, Rows rows) : LinearMap<float>(description)
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

    private sealed unsafe class Nonlinear(MapDescription description, Rows rows) : Map<float>(description)
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
