namespace Weft.Benchmarks.Peers;

/// <summary>The peers that this machine has.</summary>
internal sealed class Libraries
{
    public Libraries()
    {
        Add(OpenBlas.TryLoad(), "OpenBLAS", "not installed");
        Add(Blis.TryLoad(out string left), "BLIS", left);
        Add(OneDnn.TryLoad(), "oneDNN", "not installed");
        Libxsmm = Libxsmm.TryLoad();
        if (Libxsmm is null)
        {
            Missing.Add("libxsmm: not installed as a shared object");
        }

        foreach (Gemm gemm in Gemms)
        {
            gemm.SetThreads(1);
        }
    }

    public List<Gemm> Gemms { get; } = [];

    public Libxsmm? Libxsmm { get; }

    public List<string> Missing { get; } = [];

    private void Add(Gemm? gemm, string name, string left)
    {
        if (gemm is null)
        {
            Missing.Add($"{name}: {left}");
        }
        else
        {
            Gemms.Add(gemm);
        }
    }
}
