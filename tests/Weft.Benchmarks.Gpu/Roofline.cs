using System.Diagnostics;
using Weft.OpenCl;

namespace Weft.Benchmarks.Gpu;

/// <summary>What the device does at best, measured: multiply-adds in registers, and a copy of a large buffer.</summary>
internal sealed unsafe class Roofline : IDisposable
{
    private const int Length = 1 << 24, Group = 64, Steps = 512, Chains = 16;

    private const string Source = """
        __kernel __attribute__((reqd_work_group_size(64, 1, 1))) void peak(__global float *c, float a)
        {
            const int i = (int)get_global_id(0);
            float16 x = (float16)(i);
            for (int k = 0; k < 512; k++)
            {
                x = mad(x, (float16)(a), (float16)(a));
            }
            const float8 y = x.lo + x.hi;
            const float4 z = y.lo + y.hi;
            c[i] = z.x + z.y + z.z + z.w;
        }

        __kernel __attribute__((reqd_work_group_size(64, 1, 1))) void copy(__global float4 *c, __global const float4 *a)
        {
            const int i = (int)get_global_id(0);
            c[i] = a[i];
        }
        """;

    private readonly OpenClContext context;
    private readonly Handle program, peak, copy;
    private readonly OpenClBuffer<float> from, to;

    public Roofline(OpenClContext context)
    {
        this.context = context;
        program = context.Build(Source);
        peak = OpenClContext.CreateKernel(program, "peak");
        copy = OpenClContext.CreateKernel(program, "copy");
        from = new OpenClBuffer<float>(context, Length);
        to = new OpenClBuffer<float>(context, Length);
        from.Clear();
        to.Clear();

        nint target = to.Value, source = from.Value;
        float factor = 0.999f;
        Check(NativeMethods.clSetKernelArg(peak.Value, 0, (nuint)sizeof(nint), &target));
        Check(NativeMethods.clSetKernelArg(peak.Value, 1, sizeof(float), &factor));
        Check(NativeMethods.clSetKernelArg(copy.Value, 0, (nuint)sizeof(nint), &target));
        Check(NativeMethods.clSetKernelArg(copy.Value, 1, (nuint)sizeof(nint), &source));
        int items = 1 << 16;
        double best = Best(() => Run(peak, items));
        while (best < 2e-3 && items < Length)
        {
            items *= 2;
            best = Best(() => Run(peak, items));
        }

        FlopsPerSecond = 2.0 * Steps * Chains * items / best;
        BytesPerSecond = 2.0 * sizeof(float) * Length / Best(() => Run(copy, Length / 4));
    }

    public double FlopsPerSecond { get; }

    public double BytesPerSecond { get; }

    /// <summary>How often everything is timed.</summary>
    public static int Times { get; set; } = 5;

    /// <summary>The least of some times, after a first run that may compile.</summary>
    public static double Best(Action run)
    {
        run();
        double best = double.PositiveInfinity;
        for (int i = 0; i < Times; i++)
        {
            long start = Stopwatch.GetTimestamp();
            run();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    public void Dispose()
    {
        from.Dispose();
        to.Dispose();
        peak.Dispose();
        copy.Dispose();
        program.Dispose();
    }

    private void Run(Handle kernel, int items)
    {
        nuint size = (nuint)items, group = Group;
        Check(NativeMethods.clEnqueueNDRangeKernel(context.Queue, kernel.Value, 1, null, &size, &group, 0, null, null));
        context.Finish();
    }

    private static void Check(int code) => OpenClException.ThrowIfFailed(code, "Measuring the device");
}
