using Weft.Compiler;
using Weft.Tests.Runtime;

namespace Weft.Tests.Formulas;

/// <summary>Functions of matrices that are taken apart by halves: more rows than are done one after the other, and no power of two.</summary>
public class FactorizationTests
{
    internal static readonly string[] Texts =
    [
        .. new[] { "inverse(M)", "inverse_lower(M)", "logdet(M) * M", "expm(M)", "cayley(M)" }.Select(body => $"""
            operator f : 67 -> 67
              param A[67, 67] ~ normal(0.05)
              let M[i, j] = A[i, j] + (i == j)
              = {body}
            """),
        .. new[] { "cholesky(S)", "inverse_spd(S)", "logdet_spd(S) * S", "sqrtm(S)" }.Select(body => $"""
            operator f : 67 -> 67
              param A[67, 67] ~ normal(0.05)
              let S[i, j] = A[i, k] * A[j, k] + (i == j)
              = {body}
            """),
        """
        operator f : 90 -> 70
          param V[70, 90]
          = orthonormal_rows(V)
        """,
        """
        operator f : 50 -> 40
          param A[40, 50]
          = polar(A)
        """,
    ];

    [Fact]
    public void AreRightInDouble() => Assert.Empty(FormulaBattery.Faults<double>(Scalar.Double, Texts));

    [Fact]
    public void UpdatesDoNotAllocate()
    {
        foreach (string text in Texts)
        {
            using var compiled = new Fitting.CompiledMap<float>(text);
            Map<float> map = compiled.Map;
            map.Initialize(1);
            float[] x = new float[map.Inputs], y = new float[map.Outputs], dy = new float[map.Outputs], gradient = new float[map.TrainedCount];
            long allocated = long.MaxValue;
            for (int round = 0; round < 5 && allocated > 0; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Update();
                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            Assert.Equal(0, allocated);

            void Update()
            {
                map.Edit().Dispose();
                map.Forward(x, y);
                map.Gradient(x, y, default, gradient);
                map.Tangent(x, default, gradient, y, dy);
            }
        }
    }

    [Fact]
    public void AreRightInFloat() => Assert.Empty(FormulaBattery.Faults<float>(Scalar.Float, Texts));
}
