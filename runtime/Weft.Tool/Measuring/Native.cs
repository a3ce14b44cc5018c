using System.Runtime.InteropServices;

namespace Weft.Measuring;

/// <summary>Libraries of the system, loaded by name.</summary>
internal static partial class Native
{
    /// <summary>Loads the first library that is there.</summary>
    public static nint Load(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint handle))
            {
                return handle;
            }
        }

        return 0;
    }

    public static string Text(nint characters) => Marshal.PtrToStringUTF8(characters) ?? "";

    /// <summary>Sets an environment variable for native code, which does not see those that .NET sets.</summary>
    public static void SetVariable(string name, string value)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SetEnv(name, value, 1);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
