namespace Weft.Measuring;

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
