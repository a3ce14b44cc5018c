using System.Globalization;

namespace Weft.OpenCl;

/// <summary>OpenCL cannot do what was asked: there is no library, no device, too little memory, or a call failed.</summary>
public sealed class OpenClException : Exception
{
    internal OpenClException(string message, int code = 0)
        : base(message) => Code = code;

    /// <summary>OpenCL's error code; 0 where no call failed.</summary>
    public int Code { get; }

    internal static void ThrowIfFailed(int code, string what)
    {
        if (code != 0)
        {
            throw new OpenClException(string.Create(CultureInfo.InvariantCulture, $"{what} failed: {Meaning(code)} ({code})."), code);
        }
    }

    private static string Meaning(int code) => code switch
    {
        -1 => "there is no such device",
        -2 => "the device is not available",
        -4 => "the device has too little memory for a buffer",
        -5 => "the device is out of resources",
        -6 => "the host is out of memory",
        -54 => "the device does not run groups of this size",
        -55 => "the device does not run groups of this shape",
        -61 => "the device does not make buffers of this size",
        -1001 => "no OpenCL driver is installed",
        _ => "an OpenCL error",
    };
}
