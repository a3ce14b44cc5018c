using System.Runtime.InteropServices;

namespace Weft.Benchmarks.Peers;

/// <summary>A library's single-precision matrix product, row-major: C = alpha · op(A) · op(B) + beta · C.</summary>
internal abstract unsafe class Gemm(string name)
{
    public string Name { get; } = name;

    /// <param name="transA">Whether A lies transposed: [k, m] instead of [m, k].</param>
    /// <param name="transB">Whether B lies transposed: [n, k] instead of [k, n].</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Terms of each sum.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">First element of A.</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">First element of B.</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="beta">Factor of what C holds.</param>
    /// <param name="c">First element of C.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    public abstract void Multiply(
        bool transA, bool transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    /// <summary>One thread for this library, or as many as the machine has.</summary>
    public virtual void SetThreads(int count)
    {
    }
}

/// <summary>The definition of the product, summed in float64: what every variant is checked against.</summary>
internal sealed unsafe class ReferenceGemm() : Gemm("reference")
{
    public override void Multiply(
        bool transA, bool transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc)
    {
        (nint rowA, nint stepA) = transA ? (1, lda) : ((nint)lda, 1);
        (nint columnB, nint stepB) = transB ? ((nint)ldb, 1) : (1, ldb);
        for (nint i = 0; i < m; i++)
        {
            for (nint j = 0; j < n; j++)
            {
                double sum = 0;
                for (nint l = 0; l < k; l++)
                {
                    sum += (double)a[(i * rowA) + (l * stepA)] * b[(l * stepB) + (j * columnB)];
                }

                ref float target = ref c[(i * ldc) + j];
                target = (float)((alpha * sum) + (beta == 0 ? 0 : beta * (double)target));
            }
        }
    }
}

/// <summary>Libraries of the system, loaded by name.</summary>
internal static partial class Native
{
    /// <summary>Loads the first library that is there.</summary>
    public static nint Load(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint handle))
            {
                return handle;
            }
        }

        return 0;
    }

    public static string Text(nint characters) => Marshal.PtrToStringUTF8(characters) ?? "";

    /// <summary>Sets an environment variable for native code, which does not see those that .NET sets.</summary>
    public static void SetVariable(string name, string value)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SetEnv(name, value, 1);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
