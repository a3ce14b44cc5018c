using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Weft.Measuring;

/// <summary>oneDNN's matrix product, with the instruction set that .NET uses; its threads are OpenMP's.</summary>
internal sealed unsafe class OneDnn : Gemm
{
    private readonly delegate* unmanaged[Cdecl]<byte, byte, long, long, long, float, float*, long, float*, long, float, float*, long, int> _sgemm;
    private readonly delegate* unmanaged[Cdecl]<int, void> _setThreads;

    private OneDnn(nint library)
        : base("oneDNN")
    {
        _sgemm = (delegate* unmanaged[Cdecl]<byte, byte, long, long, long, float, float*, long, float*, long, float, float*, long, int>)
            NativeLibrary.GetExport(library, "dnnl_sgemm");
        nint openMp = Native.Load("libgomp.so.1", "libgomp");
        if (openMp != 0)
        {
            _setThreads = (delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(openMp, "omp_set_num_threads");
        }
    }

    public static Gemm? TryLoad()
    {
        if (!Avx512F.IsSupported && Avx2.IsSupported)
        {
            Native.SetVariable("ONEDNN_MAX_CPU_ISA", "AVX2");
            Native.SetVariable("DNNL_MAX_CPU_ISA", "AVX2");
        }

        nint library = Native.Load("libdnnl.so.3", "libdnnl.so.2", "libdnnl");
        return library == 0 ? null : new OneDnn(library);
    }

    public override void Multiply(
        bool transA, bool transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc)
    {
        int status = _sgemm((byte)(transA ? 'T' : 'N'), (byte)(transB ? 'T' : 'N'), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        if (status != 0)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"dnnl_sgemm returned {status}."));
        }
    }

    public override void SetThreads(int count)
    {
        if (_setThreads != null)
        {
            _setThreads(count);
        }
    }
}
