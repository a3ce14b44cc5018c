using ILGPU.Runtime;

namespace ILGPU.Execution
{
    /// <summary>Launches wait until something is asked for that needs them.</summary>
    internal sealed class Queue(Accelerator accelerator) : AcceleratorStream(accelerator)
    {
        private readonly Queue<Action> waiting = new();

        public override void Synchronize()
        {
            while (waiting.TryDequeue(out Action? work))
            {
                work();
            }
        }

        internal override void Enqueue(Action work) => waiting.Enqueue(work);
    }
}

namespace ILGPU.Runtime.CPU
{
    public enum CPUDeviceKind
    {
        Default,
        Nvidia,
        AMD,
    }

    public sealed class CPUAccelerator : Accelerator
    {
        internal CPUAccelerator()
            : base("CPUAccelerator", maxNumThreadsPerGroup: 256)
        {
        }
    }

    public static class CPUContextExtensions
    {
        public static Context.Builder CPU(this Context.Builder builder, CPUDeviceKind kind) => kind == CPUDeviceKind.AMD
            ? builder
            : throw new NotSupportedException("The stand-in has a device of 256 threads only.");

        public static CPUAccelerator CreateCPUAccelerator(this Context context, int cpuDeviceIndex)
        {
            ArgumentNullException.ThrowIfNull(context);
            return cpuDeviceIndex == 0 ? new CPUAccelerator() : throw new ArgumentOutOfRangeException(nameof(cpuDeviceIndex));
        }
    }
}
