using System.Text;

namespace Weft.OpenCl;

/// <summary>A device that an OpenCL driver offers.</summary>
public sealed unsafe class OpenClDevice
{
    private const ulong AllDevices = 0xFFFFFFFF;
    private const ulong Gpu = 4;

    private OpenClDevice(nint id, string platform)
    {
        Id = id;
        Platform = platform;
        Name = Text((size, value, needed) => NativeMethods.clGetDeviceInfo(id, 0x102B, size, value, needed));
        MemoryBytes = (long)Number(0x101F);
        MaxBufferBytes = (long)Number(0x1010);
        MaxGroupSize = (int)Number(0x1004);
        IsGpu = (Number(0x1000) & Gpu) != 0;
        HasDouble = Number(0x1032) != 0;
    }

    /// <summary>The device's name.</summary>
    public string Name { get; }

    /// <summary>The name of the driver's platform.</summary>
    public string Platform { get; }

    /// <summary>The device's memory, in bytes.</summary>
    public long MemoryBytes { get; }

    /// <summary>The largest buffer that it makes.</summary>
    public long MaxBufferBytes { get; }

    /// <summary>Whether it is a GPU.</summary>
    public bool IsGpu { get; }

    /// <summary>Whether it computes in double precision.</summary>
    public bool HasDouble { get; }

    internal int MaxGroupSize { get; }

    internal nint Id { get; }

    /// <summary>Every device of every driver, GPUs first. Empty where a library is installed but no driver is.</summary>
    /// <exception cref="OpenClException">There is no OpenCL library.</exception>
    public static IReadOnlyList<OpenClDevice> All()
    {
        var devices = new List<OpenClDevice>();
        foreach (nint platform in Platforms())
        {
            string name = Text((size, value, needed) => NativeMethods.clGetPlatformInfo(platform, 0x0902, size, value, needed));
            uint count = 0;
            if (NativeMethods.clGetDeviceIDs(platform, AllDevices, 0, null, &count) != 0 || count == 0)
            {
                continue;
            }

            nint[] ids = new nint[count];
            fixed (nint* first = ids)
            {
                OpenClException.ThrowIfFailed(NativeMethods.clGetDeviceIDs(platform, AllDevices, count, first, null), "Listing the devices");
            }

            devices.AddRange(ids.Select(id => new OpenClDevice(id, name)));
        }

        return [.. devices.OrderByDescending(device => device.IsGpu)];
    }

    /// <summary>The first device whose name, or whose platform's, contains a text; without one the first GPU, or any other device.</summary>
    /// <exception cref="OpenClException">There is no OpenCL library, or no such device.</exception>
    public static OpenClDevice Find(string name = "")
    {
        IReadOnlyList<OpenClDevice> all = All();
        return all.FirstOrDefault(device => device.ToString().Contains(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new OpenClException(all.Count == 0
                ? "There is no OpenCL device: no driver offers one."
                : $"There is no OpenCL device '{name}'. There is: {string.Join(", ", all)}.");
    }

    /// <summary>The device's name and its platform's.</summary>
    public override string ToString() => $"{Name} ({Platform})";

    private static nint[] Platforms()
    {
        uint count = 0;
        try
        {
            // Without a driver the library says so by an error.
            if (NativeMethods.clGetPlatformIDs(0, null, &count) != 0 || count == 0)
            {
                return [];
            }
        }
        catch (DllNotFoundException)
        {
            throw new OpenClException("There is no OpenCL library on this system: install a device's driver, or PoCL for the processor.");
        }

        nint[] platforms = new nint[count];
        fixed (nint* first = platforms)
        {
            OpenClException.ThrowIfFailed(NativeMethods.clGetPlatformIDs(count, first, null), "Listing the platforms");
        }

        return platforms;
    }

    internal delegate int Query(nuint size, void* value, nuint* needed);

    internal static string Text(Query query)
    {
        nuint length = 0;
        OpenClException.ThrowIfFailed(query(0, null, &length), "A query");
        byte[] bytes = new byte[length];
        fixed (byte* first = bytes)
        {
            OpenClException.ThrowIfFailed(query(length, first, null), "A query");
        }

        return Encoding.UTF8.GetString(bytes).TrimEnd('\0').Trim();
    }

    /// <summary>A number of 32 or 64 bits.</summary>
    private ulong Number(uint what)
    {
        ulong value = 0;
        OpenClException.ThrowIfFailed(NativeMethods.clGetDeviceInfo(Id, what, sizeof(ulong), &value, null), "A query");
        return value;
    }
}
