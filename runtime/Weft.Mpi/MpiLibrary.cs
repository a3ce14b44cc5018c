using System.Reflection;
using System.Runtime.InteropServices;

namespace Weft.Mpi;

/// <summary>
/// Where the functions that MPI.NET declares are. It names MS-MPI's library, whose binary interface is MPICH's; Open MPI has another one.
/// </summary>
internal static partial class MpiLibrary
{
    private static readonly string[] s_names = OperatingSystem.IsMacOS() ? ["libmpi.12.dylib"] : ["libmpich.so.12", "libmpi.so.12"];

    /// <summary>Called before the first of them is.</summary>
    public static void Find()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // UCX, which carries MPICH's messages, takes over signals that .NET makes its NullReferenceException of, unless the environment forbids it
        // before it is loaded. The environment of .NET is a copy that native code does not see.
        _ = SetEnvironment("UCX_HANDLE_ERRORS", "none", 0);
        NativeLibrary.SetDllImportResolver(typeof(MPI.Unsafe).Assembly, Resolve);
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        foreach (string candidate in s_names)
        {
            if (NativeLibrary.TryLoad(candidate, out nint library))
            {
                return library;
            }
        }

        throw new DllNotFoundException($"There is no MPI library: {string.Join(" or ", s_names)}. MPICH has one, and so have Intel MPI and MVAPICH; that of Open MPI does not do.");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
