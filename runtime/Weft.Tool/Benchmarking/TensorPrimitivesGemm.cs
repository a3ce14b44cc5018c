using System.Numerics.Tensors;
using Weft.Measuring;

namespace Weft.Tool.Benchmarking;

/// <summary>Dense products as System.Numerics.Tensors has them: it multiplies vectors, so row by row.</summary>
internal sealed unsafe class TensorPrimitivesGemm() : Gemm("Tensors")
{
    public override void Multiply(
        bool transA, bool transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc)
    {
        for (int i = 0; i < m; i++)
        {
            var row = new Span<float>(c + ((nint)i * ldc), n);
            if (transB)
            {
                for (int j = 0; j < n; j++)
                {
                    row[j] = (alpha * TensorPrimitives.Dot(new ReadOnlySpan<float>(a + ((nint)i * lda), k), new ReadOnlySpan<float>(b + ((nint)j * ldb), k))) + (beta * row[j]);
                }

                continue;
            }

            TensorPrimitives.Multiply(row, beta, row);
            for (int l = 0; l < k; l++)
            {
                float factor = alpha * (transA ? a[((nint)l * lda) + i] : a[((nint)i * lda) + l]);
                TensorPrimitives.MultiplyAdd(new ReadOnlySpan<float>(b + ((nint)l * ldb), n), factor, row, row);
            }
        }
    }
}
