using System.Runtime.InteropServices;

namespace Weft.Benchmarks.Peers;

/// <summary>LAPACK's solver in single precision, as OpenBLAS has it, on one thread.</summary>
internal sealed unsafe class Lapack
{
    private readonly delegate* unmanaged[Cdecl]<int*, int*, float*, int*, int*, float*, int*, int*, void> _solve;

    private Lapack(nint library)
    {
        _solve = (delegate* unmanaged[Cdecl]<int*, int*, float*, int*, int*, float*, int*, int*, void>)NativeLibrary.GetExport(library, "sgesv_");
        ((delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads"))(1);
    }

    public static Lapack? TryLoad()
    {
        nint library = Native.Load("libopenblas.so.0", "libopenblas");
        return library != 0 && NativeLibrary.TryGetExport(library, "sgesv_", out _) ? new Lapack(library) : null;
    }

    /// <summary>Solves A x = b for each row of b, which becomes x. The matrix, of which columns lie one after the other, becomes its factors.</summary>
    /// <exception cref="InvalidOperationException">A is singular.</exception>
    public void Solve(int size, int rows, float* a, int* pivots, float* b)
    {
        int fault;
        _solve(&size, &rows, a, &size, pivots, b, &size, &fault);
        if (fault != 0)
        {
            throw new InvalidOperationException($"sgesv says {fault}.");
        }
    }
}
