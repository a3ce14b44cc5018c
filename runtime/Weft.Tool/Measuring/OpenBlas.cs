using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Weft.Measuring;

/// <summary>OpenBLAS, with a core of the instruction set that .NET uses: it takes processors that it does not know for old ones.</summary>
internal sealed unsafe class OpenBlas : Cblas
{
    private readonly delegate* unmanaged[Cdecl]<int, void> _setThreads;

    private OpenBlas(string name, nint library)
        : base(name, library) =>
        _setThreads = (delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads");

    public static Gemm? TryLoad()
    {
        if (Avx2.IsSupported)
        {
            Native.SetVariable("OPENBLAS_CORETYPE", Avx512F.IsSupported ? "SkylakeX" : "Haswell");
        }

        nint library = Native.Load("libopenblas.so.0", "libopenblas");
        if (library == 0)
        {
            return null;
        }

        var core = (delegate* unmanaged[Cdecl]<nint>)NativeLibrary.GetExport(library, "openblas_get_corename");
        return new OpenBlas($"OpenBLAS ({Native.Text(core())})", library);
    }

    public override void SetThreads(int count) => _setThreads(count);
}
