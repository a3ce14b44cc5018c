using System.Text;

namespace Weft.OpenCl;

/// <summary>A device in use: what its maps and buffers share. Everything runs in the order of the calls.</summary>
public sealed unsafe class OpenClContext : IDisposable
{
    private readonly Handle context;
    private readonly Handle queue;

    /// <summary>Takes a device into use.</summary>
    /// <exception cref="OpenClException">The device is not available.</exception>
    public OpenClContext(OpenClDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        Device = device;
        int error;
        nint id = device.Id;
        context = Take(NativeMethods.clCreateContext(null, 1, &id, 0, 0, &error), error, NativeMethods.clReleaseContext, $"Opening {device}");
        queue = Take(NativeMethods.clCreateCommandQueue(context.Value, id, 0, &error), error, NativeMethods.clReleaseCommandQueue, $"Opening {device}");
    }

    /// <summary>The device.</summary>
    public OpenClDevice Device { get; }

    internal nint Queue => queue.Value;

    /// <summary>Gives the device back. Dispose what was made with it before.</summary>
    public void Dispose()
    {
        queue.Dispose();
        context.Dispose();
    }

    internal Handle CreateBuffer(long bytes)
    {
        if (bytes > Device.MaxBufferBytes)
        {
            throw new OpenClException($"{Device} makes buffers of at most {Device.MaxBufferBytes} bytes; {bytes} are needed.", -61);
        }

        int error;
        nint buffer = NativeMethods.clCreateBuffer(context.Value, 1, (nuint)Math.Max(bytes, 1), null, &error);
        return Take(buffer, error, NativeMethods.clReleaseMemObject, $"Making a buffer of {bytes} bytes on {Device}");
    }

    internal Handle Build(string source)
    {
        byte[] text = Encoding.UTF8.GetBytes(source);
        int error;
        Handle program;
        fixed (byte* first = text)
        {
            byte* start = first;
            nuint length = (nuint)text.Length;
            program = Take(
                NativeMethods.clCreateProgramWithSource(context.Value, 1, &start, &length, &error), error, NativeMethods.clReleaseProgram, "Making a program");
        }

        int code = NativeMethods.clBuildProgram(program.Value, 0, null, "-cl-std=CL1.2", 0, 0);
        if (code != 0)
        {
            string log = OpenClDevice.Text((size, value, needed) => NativeMethods.clGetProgramBuildInfo(program.Value, Device.Id, 0x1183, size, value, needed));
            program.Dispose();
            throw new OpenClException($"{Device} does not compile the program:\n{log}", code);
        }

        return program;
    }

    internal static Handle CreateKernel(Handle program, string name)
    {
        int error;
        return Take(NativeMethods.clCreateKernel(program.Value, name, &error), error, NativeMethods.clReleaseKernel, $"Making the kernel {name}");
    }

    /// <summary>Waits until everything that was asked of the device is done.</summary>
    /// <exception cref="OpenClException">The device failed.</exception>
    public void Finish() => OpenClException.ThrowIfFailed(NativeMethods.clFinish(Queue), $"Running on {Device}");

    private static Handle Take(nint value, int error, Func<nint, int> release, string what)
    {
        OpenClException.ThrowIfFailed(error, what);
        return new Handle(value, release);
    }
}
