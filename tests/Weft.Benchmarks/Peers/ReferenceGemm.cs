namespace Weft.Benchmarks.Peers;

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
