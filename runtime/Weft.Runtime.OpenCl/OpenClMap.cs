using System.Numerics;
using Weft.Kernels;

namespace Weft.OpenCl;

/// <summary>A map on an OpenCL device.</summary>
/// <inheritdoc cref="DeviceMap{T, TBuffer}" path="/remarks"/>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class OpenClMap<T> : DeviceMap<T, OpenClBuffer<T>>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Compiles a map's program for a device.</summary>
    /// <param name="map">A map that was compiled with an OpenCL program. It must stay alive as long as this.</param>
    /// <param name="context">The device that the map runs on.</param>
    /// <param name="maxRows">The most rows that are processed together; as many as fit in a quarter of the device's memory where it is not given.</param>
    /// <exception cref="ArgumentException">The map has no program.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxRows"/> is less than 1.</exception>
    /// <exception cref="OpenClException">The device does not compile the program, lacks a capability, or has too little memory.</exception>
    public OpenClMap(Map<T> map, OpenClContext context, int maxRows = int.MaxValue)
        : base(map, new Device(context), maxRows) => Context = context;

    /// <summary>The device that the map runs on.</summary>
    public OpenClContext Context { get; }

    private sealed unsafe class Device(OpenClContext context) : IDevice<T, OpenClBuffer<T>>
    {
        private readonly OpenClContext context = context ?? throw new ArgumentNullException(nameof(context));
        private DeviceProgram? program;
        private Handle? built;
        private Handle[] kernels = [];

        public long MemoryBytes => context.Device.MemoryBytes;

        public long MaxBufferBytes => context.Device.MaxBufferBytes;

        public void Load(DeviceProgram program, string name)
        {
            OpenClDevice device = context.Device;
            if (typeof(T) == typeof(double) && !device.HasDouble)
            {
                throw new OpenClException($"{device} does not compute in double precision.");
            }

            if (program.LargestGroup > device.MaxGroupSize)
            {
                throw new OpenClException($"{device} runs groups of at most {device.MaxGroupSize} work items; {name} needs {program.LargestGroup}.");
            }

            this.program = program;
            built = context.Build(program.Source ?? throw new ArgumentException($"{name} has no OpenCL program: compile it with WeftTargets=opencl."));
            kernels = [.. program.Kernels.Select(kernel => OpenClContext.CreateKernel(built, kernel.Name))];
        }

        public void Launch(in DeviceLaunch launch, ReadOnlySpan<DeviceArgument<OpenClBuffer<T>>> arguments, int rows)
        {
            DeviceKernel shape = program!.Kernels[launch.Kernel];
            nint kernel = kernels[launch.Kernel].Value;
            uint index = 0;
            foreach (DeviceArgument<OpenClBuffer<T>> argument in arguments)
            {
                nint buffer = argument.Buffer.Value;
                ulong start = (ulong)argument.Start;
                Set(kernel, index++, &buffer, sizeof(nint));
                Set(kernel, index++, &start, sizeof(ulong));
            }

            int accumulate = launch.Accumulate ? 1 : 0;
            Set(kernel, index++, &rows, sizeof(int));
            Set(kernel, index, &accumulate, sizeof(int));
            nuint* group = stackalloc nuint[] { (nuint)shape.GroupX, (nuint)shape.GroupY, 1 };
            nuint* size = stackalloc nuint[]
            {
                (nuint)(shape.X.Groups(rows) * shape.GroupX), (nuint)(shape.Y.Groups(rows) * shape.GroupY), (nuint)shape.Z.Groups(rows),
            };
            OpenClException.ThrowIfFailed(
                NativeMethods.clEnqueueNDRangeKernel(context.Queue, kernel, 3, null, size, group, 0, null, null), $"Running {shape.Name} on {context.Device}");
        }

        public OpenClBuffer<T> Allocate(int length) => new(context, length);

        public int Length(OpenClBuffer<T> buffer) => buffer.Length;

        public bool Owns(OpenClBuffer<T> buffer) => buffer.Context == context;

        public void Write(OpenClBuffer<T> buffer, ReadOnlySpan<T> source, int start) => buffer.Write(source, start);

        public void Read(OpenClBuffer<T> buffer, Span<T> target) => buffer.Read(target);

        public void Clear(OpenClBuffer<T> buffer) => buffer.Clear();

        public void Dispose()
        {
            foreach (Handle kernel in kernels)
            {
                kernel.Dispose();
            }

            built?.Dispose();
        }

        private static void Set(nint kernel, uint index, void* value, int size) =>
            OpenClException.ThrowIfFailed(NativeMethods.clSetKernelArg(kernel, index, (nuint)size, value), "Handing a kernel its arguments");
    }
}
