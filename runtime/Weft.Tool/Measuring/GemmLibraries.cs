namespace Weft.Measuring;

/// <summary>The matrix products of the libraries that this computer has, each of one thread.</summary>
internal class GemmLibraries
{
    public GemmLibraries()
    {
        Add(OpenBlas.TryLoad(), "OpenBLAS", "not installed");
        Add(Blis.TryLoad(out string left), "BLIS", left);
        Add(OneDnn.TryLoad(), "oneDNN", "not installed");
        foreach (Gemm gemm in Gemms)
        {
            gemm.SetThreads(1);
        }
    }

    public List<Gemm> Gemms { get; } = [];

    /// <summary>Those that are left out, and why.</summary>
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
