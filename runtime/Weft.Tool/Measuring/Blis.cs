using System.Runtime.InteropServices;

namespace Weft.Measuring;

/// <summary>BLIS.</summary>
internal sealed unsafe class Blis : Cblas
{
    private readonly delegate* unmanaged[Cdecl]<nint, void> _setThreads;

    private Blis(string name, nint library)
        : base(name, library) =>
        _setThreads = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(library, "bli_thread_set_num_threads");

    /// <param name="left">Why it was left out.</param>
    public static Gemm? TryLoad(out string left)
    {
        left = "not installed";
        nint library = Native.Load("libblis.so.4", "libblis.so.3", "libblis");
        if (library == 0)
        {
            return null;
        }

        var id = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(library, "bli_arch_query_id");
        var name = (delegate* unmanaged[Cdecl]<int, nint>)NativeLibrary.GetExport(library, "bli_arch_string");
        string architecture = Native.Text(name(id()));
        left = "its kernels here are the generic ones, without vectors";
        return architecture == "generic" ? null : new Blis($"BLIS ({architecture})", library);
    }

    public override void SetThreads(int count) => _setThreads(count);
}
