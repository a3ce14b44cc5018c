using System.Numerics;
using Weft.Dynamic;

namespace Weft.Fuzz.Targets;

/// <summary>Maps of every kind that the interface tells apart: stored, frozen, seeded and rounded parameters, tables, choices, none at all.</summary>
internal static class Maps
{
    public static readonly string[] Names = ["matrix", "deep", "mixed", "sparse", "chosen", "fixed_map", "factors", "recurrent", "lookup"];

    public const string Text = """
        operator matrix : 3 -> 2
          param A[2, 3]
          = A
        layer deep : 4 -> 3 = softmax . bias . dense(3, 5) . tanh . bias . dense(5, 4)
        operator mixed : 4 -> 4
          frozen(int8) W[4, 4]
          seeded(7) S[4]
          param(bf16) B[4, 2], C[2, 4]
          = W + B * C * diag(S)
        operator sparse : 6 -> 4
          frozen P[4, 2] ~ distinct(6)
          param V[4, 2]
          y[i] = V[i, k] * x[P[i, k]]
        operator chosen : 8 -> 8 = vb_lora(8, 8, 2, 2, 9, 2)
        operator fixed_map : 8 -> 8 = wht(8)
        layer recurrent_step : h[2], x[3] -> h[2], y[1]
          param W[2, 3], u[2]
          let g[a] = W[a, b] * x[b] + u[a] * h[a]
          let next = tanh(g)
          h[a] = next[a]
          y[i] = next[0] * next[i + 1]
        layer recurrent : 9 -> 3 = scan(i < 3) recurrent_step
        layer lookup : token[2] < 3, x[2] -> y[2]
          param E[3, 2]
          y[a] = E[token[a], b] * x[b]
        operator factors : 12 -> 12 = kronecker([3, 4], [3, 4])

        """;

    private static readonly Lazy<CompiledWeft> Compiled = new(() => DynamicMaps.Compile(Text));

    public static Map<T> Create<T>(int index)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        (Map<T>)(object)(typeof(T) == typeof(float) ? Compiled.Value.CreateFloat(Names[index]) : (object)Compiled.Value.CreateDouble(Names[index]));
}
