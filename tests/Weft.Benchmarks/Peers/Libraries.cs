namespace Weft.Benchmarks.Peers;

/// <summary>The peers that this machine has.</summary>
internal sealed class Libraries : GemmLibraries
{
    public Libraries()
    {
        Libxsmm = Libxsmm.TryLoad();
        if (Libxsmm is null)
        {
            Missing.Add("libxsmm: not installed as a shared object");
        }

        Fftw = Fftw.TryLoad();
        if (Fftw is null)
        {
            Missing.Add("FFTW: not installed in single precision");
        }

        Lapack = Lapack.TryLoad();
        if (Lapack is null)
        {
            Missing.Add("LAPACK of OpenBLAS: not installed");
        }
    }

    public Fftw? Fftw { get; }

    public Lapack? Lapack { get; }

    public Libxsmm? Libxsmm { get; }
}
