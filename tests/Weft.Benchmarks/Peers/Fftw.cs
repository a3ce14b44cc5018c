using System.Runtime.InteropServices;

namespace Weft.Benchmarks.Peers;

/// <summary>FFTW in single precision: plans that it has measured.</summary>
internal sealed unsafe class Fftw
{
    private readonly delegate* unmanaged[Cdecl]<int, float*, float*, uint, nint> _forward, _inverse;
    private readonly delegate* unmanaged[Cdecl]<nint, void> _execute;

    private Fftw(nint library)
    {
        _forward = (delegate* unmanaged[Cdecl]<int, float*, float*, uint, nint>)NativeLibrary.GetExport(library, "fftwf_plan_dft_r2c_1d");
        _inverse = (delegate* unmanaged[Cdecl]<int, float*, float*, uint, nint>)NativeLibrary.GetExport(library, "fftwf_plan_dft_c2r_1d");
        _execute = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(library, "fftwf_execute");
    }

    public static Fftw? TryLoad()
    {
        nint library = Native.Load("libfftw3f.so.3", "fftw3f");
        return library != 0 && NativeLibrary.TryGetExport(library, "fftwf_execute", out _) ? new Fftw(library) : null;
    }

    /// <summary>A plan from n real numbers to n/2 + 1 complex ones; both are overwritten while it is made.</summary>
    public nint Forward(int n, float* from, float* to) => _forward(n, from, to, 0);

    /// <summary>The other way, times n; what it reads is overwritten.</summary>
    public nint Inverse(int n, float* from, float* to) => _inverse(n, from, to, 0);

    public void Execute(nint plan) => _execute(plan);
}
