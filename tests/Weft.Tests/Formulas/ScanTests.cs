using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

using Weft.Compiler;
using Weft.Compiler.Algebra;

/// <summary>Scans: a step that hands a state on from one part of a vector to the next.</summary>
public class ScanTests
{
    /// <summary>The gated recurrent unit (Cho et al. 2014).</summary>
    private const string Gru = """
        layer gru_step(n, d) : h[d], x[n] -> h[d], y[d]
          param Wz[d, n], Uz[d, d], Wr[d, n], Ur[d, d], W[d, n], U[d, d]
          let zs[a] = Wz[a, b] * x[b] + Uz[a, c] * h[c]
          let z = sigmoid(zs)
          let rs[a] = Wr[a, b] * x[b] + Ur[a, c] * h[c]
          let r = sigmoid(rs)
          let cs[a] = W[a, b] * x[b] + U[a, c] * r[c] * h[c]
          let c = tanh(cs)
          let next[a] = h[a] - z[a] * h[a] + z[a] * c[a]
          h[a] = next[a]
          y[a] = next[a]
        layer f : 12 -> 20 = scan(i < 4) gru_step(3, 5)
        """;

    public static TheoryData<string> Layers =>
    [
        Gru,
        """
        // A linear step, whose state is longer than what it gives.
        layer smooth(n, d) : x[n], h[d] -> y[n], h[d]
          param A[d, d], B[d, n], C[n, d], D[n]
          h[a] = A[a, b] * h[b] + B[a, b] * x[b]
          y[a] = C[a, b] * h[b] + D[a] * x[a]
        layer f : 15 -> 15 = scan(i < 5) smooth(3, 4)
        """,
        """
        // Links before and behind, a step that is a chain over all that it is given, two scans, one of them of two states.
        layer cell(n, d) : h[d], x[n] -> h[d], y[d]
          let v = concat(h, x, 0)
          let next = tanh . bias . dense(d, d + n) . v
          h[a] = next[a]
          y[a] = next[a]
        layer two(n) : c[n], x[n], h[n] -> y[n], h[n], c[n]
          param W[n, n], s[n]
          let m[a] = W[a, b] * h[b] + s[a] * x[a]
          let g = sigmoid(m)
          let u[a] = g[a] * c[a] + x[a]
          let t = tanh(u)
          h[a] = g[a] * t[a]
          y[a] = c[a] * h[a] - x[a]
          c[a] = u[a]
        layer f : 12 -> 7 = dense(7, 12) . add(eye(12), scan(i < 4) two(3)) . scan(i < 4) cell(2, 3) . each(i < 4) dense(2, 3)
        """,
        """
        // The delta rule: a state that is a matrix.
        layer delta(d) : H[d, d], q[d], k[d], v[d], b[1] -> H[d, d], o[d]
          let e[c] = v[c] - k[a] * H[a, c]
          H[a, c] = H[a, c] + b[0] * k[a] * e[c]
          o[c] = q[a] * H[a, c] + b[0] * q[a] * k[a] * e[c]
        layer f : 30 -> 9 = scan(i < 3) delta(3)
        """,
        """
        // A scan in the step of another, and in a branch beside what reads the same.
        layer inner(n) : s[n], x[n] -> s[n], y[n]
          param w[n]
          s[a] = w[a] * s[a] + x[a]
          y[a] = s[a] * x[a]
        layer outer(n) : h[4], x[8] -> h[4], y[8]
          let u = scan(i < 4) inner(2) . x
          let m[p, a] = u[p:2 a]
          h[a] = h[a] + m[0, a] - m[1, a]
          y[a] = u[a] + (a < 4) * x[a]
        layer f : 24 -> 24 = hadamard(scan(i < 3) outer(2), eye(24))
        """,
        """
        // A step that reads no state, one that does not use its part, and a state that nothing reads.
        layer odd : h[2], x[3] -> h[2], y[2]
          param w[2]
          h[a] = w[a] * x[a + 1]
          y[a] = w[a] + w[a] * w[a]
        layer even : h[2], x[2] -> h[2], y[2]
          h[a] = x[a]
          y[a] = h[a]
        layer f : 9 -> 6 = scan(i < 3) even . scan(i < 3) odd
        """,
    ];

    [Theory]
    [MemberData(nameof(Layers))]
    public void AreAsDefined(string text)
    {
        Module module = TestModules.Last(text);
        foreach (int batch in new[] { 1, 64 })
        {
            Assert.Null(FormulaBattery.Fault<float>(module, Scalar.Float, batch));
            Assert.Null(FormulaBattery.Fault<double>(module, Scalar.Double, batch));
        }
    }
}
