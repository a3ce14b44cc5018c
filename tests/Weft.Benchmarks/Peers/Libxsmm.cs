using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Weft.Benchmarks.Peers;

/// <summary>libxsmm: a kernel assembled for one small product. Debian has it as an archive only, from which a shared object can be linked.</summary>
internal sealed unsafe class Libxsmm
{
    private readonly delegate* unmanaged[Cdecl]<int, int, int, int*, int*, int*, float*, float*, int*, int*, nint> _dispatch;

    private Libxsmm(nint library) =>
        _dispatch = (delegate* unmanaged[Cdecl]<int, int, int, int*, int*, int*, float*, float*, int*, int*, nint>)
            NativeLibrary.GetExport(library, "libxsmm_smmdispatch");

    public static Libxsmm? TryLoad()
    {
        if (!Avx512F.IsSupported && Avx2.IsSupported)
        {
            Native.SetVariable("LIBXSMM_TARGET", "hsw");
        }

        nint library = Native.Load("libxsmm.so.1", "libxsmm");
        return library != 0 && NativeLibrary.TryGetExport(library, "libxsmm_smmdispatch", out _) ? new Libxsmm(library) : null;
    }

    /// <summary>A kernel for the row-major product C[m, n] = A[m, k] · B[k, n]; null where it has none.</summary>
    public delegate* unmanaged[Cdecl]<float*, float*, float*, void> Kernel(int m, int n, int k, int lda, int ldb, int ldc)
    {
        // Column-major as the library is, the transposed product: Cᵀ = Bᵀ Aᵀ.
        float alpha = 1, beta = 0;
        nint kernel = _dispatch(n, m, k, &ldb, &lda, &ldc, &alpha, &beta, null, null);
        return (delegate* unmanaged[Cdecl]<float*, float*, float*, void>)kernel;
    }
}
