using System.Runtime.InteropServices;

namespace Weft.Benchmarks.Gpu;

/// <summary>The dense product of NVIDIA's own library, through its C interface, where both libraries are present.</summary>
internal sealed unsafe class CuBlas : IDisposable
{
    private readonly nint runtime, blas, handle;

    private CuBlas(nint runtime, nint blas)
    {
        (this.runtime, this.blas) = (runtime, blas);
        nint created;
        Check(((delegate* unmanaged[Cdecl]<nint*, int>)NativeLibrary.GetExport(blas, "cublasCreate_v2"))(&created));
        handle = created;
    }

    /// <summary>Null where a library or a device is missing.</summary>
    public static CuBlas? TryLoad()
    {
        foreach (int version in new[] { 13, 12, 11 })
        {
            string runtimeName = version == 11 ? "libcudart.so.11.0" : $"libcudart.so.{version}";
            if (NativeLibrary.TryLoad($"libcublas.so.{version}", out nint blas) && NativeLibrary.TryLoad(runtimeName, out nint runtime))
            {
                try
                {
                    return new CuBlas(runtime, blas);
                }
                catch (InvalidOperationException)
                {
                    return null;
                }
            }
        }

        return null;
    }

    /// <summary>Seconds of y = x Wᵀ for a dense matrix of n × n.</summary>
    public double Dense(int n, int batch)
    {
        nint x = Allocate((long)batch * n), w = Allocate((long)n * n), y = Allocate((long)batch * n);
        var gemm = (delegate* unmanaged[Cdecl]<nint, int, int, int, int, int, float*, nint, int, nint, int, float*, nint, int, int>)
            NativeLibrary.GetExport(blas, "cublasSgemm_v2");
        var synchronize = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(runtime, "cudaDeviceSynchronize");
        float one = 1, zero = 0;
        double seconds = Roofline.Best(() =>
        {
            float alpha = one, beta = zero;
            Check(gemm(handle, 1, 0, n, batch, n, &alpha, w, n, x, n, &beta, y, n));
            Check(synchronize());
        });
        foreach (nint block in new[] { x, w, y })
        {
            Check(((delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(runtime, "cudaFree"))(block));
        }

        return seconds;
    }

    public void Dispose() => ((delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(blas, "cublasDestroy_v2"))(handle);

    private nint Allocate(long elements)
    {
        nint block;
        Check(((delegate* unmanaged[Cdecl]<nint*, nuint, int>)NativeLibrary.GetExport(runtime, "cudaMalloc"))(&block, (nuint)(elements * sizeof(float))));
        Check(((delegate* unmanaged[Cdecl]<nint, int, nuint, int>)NativeLibrary.GetExport(runtime, "cudaMemset"))(block, 0, (nuint)(elements * sizeof(float))));
        return block;
    }

    private static void Check(int code)
    {
        if (code != 0)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"CUDA says {code}."));
        }
    }
}
