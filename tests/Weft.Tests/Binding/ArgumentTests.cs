using Weft.Compiler;
using Weft.Compiler.Oracle;
using Weft.Dynamic;
using Weft.Tests.Formulas;

namespace Weft.Tests.Binding;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>Declarations that take tensors and maps, names for chains, chains beside each other, and roles at a call: each against the text that says the same without.</summary>
public class ArgumentTests
{
    private const string Parts = """
        layer residual(f : n -> n) : n -> n = add(eye(n), f)
        layer gated(f : n -> m, g : n -> m) : n -> m = hadamard(sigmoid . f, g)
        layer twice(n, f : n -> n, skip : n -> n = 0.5 * eye(n)) : n -> n = add(skip, f) . f
        operator congruence(U : n -> m, S : n -> n) : m -> m = U * S * U'
        operator updated(W : [m, n], r = 1) : n -> m
          param B[m, r], A[r, n]
          = W + B * A
        operator weighted(s : [], d : [n], g : n -> m) : n -> m = s * g * diag(d)
        layer bent(m, n) : n -> m = tanh . bias . dense(m, n)
        layer step(n) : h[n], x[n] -> h[n], y[n]
          param a[n]
          let next[c] = a[c] * h[c] + x[c]
          h[c] = next[c]
          y[c] = next[c]
        layer over(t, n, f : 2*n -> 2*n) : t*n -> t*n = scan(i < t) f
        layer rows(E : [v, n], t) : token[t] < v -> h[t, n]
          h[i, c] = E[token[i], c]
        layer scores(E : [v, n], t) : h[t, n] -> z[t, v]
          z[i, k] = E[k, c] * h[i, c]

        """;

    /// <summary>A declaration, the same written out, and the names of its parameters where they differ.</summary>
    public static TheoryData<string, string, string> Pairs => new()
    {
        { "layer a : 5 -> 5 = residual(gelu . bias . dense(5, 5))", "layer a : 5 -> 5 = add(eye(5), gelu . bias . dense(5, 5))", "f.W f.bias" },
        { "layer a : 5 -> 3 = tanh . gated(dense(3, 5), relu . bias . dense(3, 5))", "layer a : 5 -> 3 = tanh . hadamard(sigmoid . dense(3, 5), relu . bias . dense(3, 5))", "f.W g.W g.bias" },
        { "layer a : 5 -> 5 = residual(bent(5, 5)) . residual(dense(5, 5))", "layer a : 5 -> 5 = add(eye(5), bent(5, 5)) . add(eye(5), dense(5, 5))", "residual.f.W residual2.f.W residual2.f.bias" },
        { "operator a : 7 -> 7 = congruence(dense(7, 4), kronecker([2, 2], [2, 2]))", "operator a : 7 -> 7\n  let U = dense(7, 4)\n  = U * kronecker([2, 2], [2, 2]) * U'", "U.W S.A[0] S.A[1]" },
        { "operator a : 3 -> 4\n  param W[4, 3]\n  = updated(2 * W, 2) + updated(exp(W))", "operator a : 3 -> 4\n  param W[4, 3], B[4, 2], A[2, 3], D[4, 1], C[1, 3]\n  = 2 * W + B * A + (exp(W) + D * C)", "W updated.B updated.A updated2.B updated2.A" },
        { "operator a : 3 -> 4\n  param s, d[3]\n  = weighted(s, exp(d), dense(4, 3))", "operator a : 3 -> 4\n  param s, d[3]\n  let e = exp(d)\n  = s * dense(4, 3) * diag(e)", "s d weighted.g.W" },

        // What is known of the sizes is given to the first link; a name used twice is the same parameters twice; defaults see the sizes before them.
        { "layer a : 4 -> 4 = twice(4, tanh . bias)", "layer a : 4 -> 4\n  param b[4] ~ zeros\n  let v[i] = x[i] + b[i]\n  let w = tanh(v)\n  let u[i] = w[i] + b[i]\n  let z = tanh(u)\n  y[i] = 0.5 * w[i] + z[i]", "" },
        { "layer a : 4 -> 4\n  let f = tanh . dense(4, 4)\n  = f . add(f, eye(4))", "layer a : 4 -> 4\n  param W[4, 4]\n  = tanh . W . add(tanh . W, eye(4))", "f.W" },
        { "layer a : 4 -> 3\n  let f = bent(3, 4)\n  = f", "layer a : 4 -> 3 = bent(3, 4)", "f.W f.bias" },
        { "layer b : 6 -> 6 = over(3, 2, step(2))", "layer b : 6 -> 6 = scan(i < 3) step(2)", "f.a" },

        // Beside each other: given the same, and given a part each.
        { "layer a : 5 -> 7 = [bent(3, 5); dense(4, 5)]", "layer a : 5 -> 7 = add(pad(7, 3) . bent(3, 5), pad(7, 4, 3) . dense(4, 5))", "bent.W bent.bias dense.W" },
        { "layer a : 7 -> 7 = (tanh . bias . dense(4, 2)) ⊕ dense(3, 5)", "layer a : 7 -> 7 = add(pad(7, 4) . tanh . bias . dense(4, 2) . crop(7, 2), pad(7, 3, 4) . dense(3, 5) . crop(7, 5, 2))", "dense.W bias dense2.W" },
        { "layer a : 7 -> 7 = tanh . [dense(4, 7); dense(3, 7)]", "layer a : 7 -> 7 = tanh . vstack(dense(4, 7), dense(3, 7))", "" },
        { "layer linear : 2 -> 3 = dense(3, 2)\nlayer a : 4 -> 5 = linear ⊕ eye(2)", "operator a : 4 -> 5 = dirsum(dense(3, 2), eye(2))", "linear.W" },
        { "layer a : 7 -> 8 = [tanh; softmax . crop(7, 1)] . eye(7)", "layer a : 7 -> 8 = add(pad(8, 7) . tanh, pad(8, 1, 7) . softmax . crop(7, 1)) . eye(7)", "" },

        // A state of each part.
        { "layer a : 12 -> 12 = each(i < 3) (tanh . scan(j < 2) step(2))", "layer a : x[3, 2, 2] -> y[3, 2, 2]\n  param a[2]\n  let h[i, j:2, c] = a[c] * (j > 0) * x[i, 0, c] + x[i, j, c]\n  let v = tanh(h)\n  y[i, j, c] = v[i, j, c]", "" },

        // One tensor for two declarations: a table of embeddings that the scores are made by too.
        { "layer a : token[3] < 7 -> 3*7\n  param E[7, 4]\n  = scores(E, 3) . each(i < 3) bent(4, 4) . rows(E, 3)", "layer a : token[3] < 7 -> z[3, 7]\n  param E[7, 4]\n  let h[i, c] = E[token[i], c]\n  let g = each(i < 3) bent(4, 4) . h\n  z[i, k] = E[k, c] * g[i c]", "E bent.W bent.bias" },

        // A role at a call.
        { "operator a : 6 -> 5 = frozen dense(5, 6) + frozen(dense(5, 3)) * dense(3, 6)", "operator a : 6 -> 5\n  frozen W[5, 6], V[5, 3]\n  = W + V * dense(3, 6)", "dense3.W dense.W dense2.W" },
        { "layer a : 6 -> 5 = frozen(tanh . bent(5, 6)) . add(eye(6), frozen bias . dense(6, 6))", "layer a : 6 -> 5\n  frozen c[6] ~ zeros, W[5, 6], b[5] ~ zeros\n  param V[6, 6]\n  let u[i] = x[i] + V[i, j] * x[j] + c[i]\n  let v[i] = W[i, j] * u[j] + b[i]\n  = tanh . tanh . v", "" },
        { "layer a : 6 -> 6\n  let base = frozen monarch(6, 2)\n  = residual(base) . base", "layer a : 6 -> 6\n  let base = monarch(6, 2)\n  = add(eye(6), base) . base", "base.R base.L" },
    };

    /// <summary>What both mean is the same for the same numbers, by the interpreter.</summary>
    [Theory]
    [MemberData(nameof(Pairs))]
    public void ArgumentsStandForThemselves(string text, string written, string names)
    {
        (Module made, Module plain) = (TestModules.Last(Parts + text), TestModules.Last(Parts + written));
        Assert.Equal(names.Length == 0 ? made.Parameters.Select(parameter => parameter.Name) : names.Split(' '), made.Parameters.Select(parameter => parameter.Name));
        var random = new Random(5);
        double[] parameters = Numbers(made.Parameters.Sum(parameter => parameter.Length)), x = Numbers(3 * made.Inputs);
        double[] expected = new Interpreter(plain, parameters).Evaluate(x), found = new Interpreter(made, parameters).Evaluate(x);
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-12));

        double[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() - 0.5)];
    }

    /// <summary>What they compile to, with derivatives, is what the interpreter says.</summary>
    [Fact]
    public void CompiledMapsAgreeWithTheirDefinition()
    {
        Module[] modules = [.. Pairs.Select((pair, k) => TestModules.Last(Parts + (string)pair[0]) with { Name = $"F{k}" })];
        using WeftAssembly assembly = WeftAssembly.Compile([.. modules.Select(module => (module, new GenerateOptions(module.Name, Scalar: Scalar.Double)))]);
        foreach (Module module in modules)
        {
            using Map<double> map = assembly.Create<double>(module.Name);
            string? fault = FormulaBattery.Fault(module, map, 3);
            Assert.True(fault is null, $"{module.Formula}: {fault}");
        }
    }

    [Fact]
    public void RolesAreThoseOfTheCall()
    {
        Module module = TestModules.Last(Parts + "layer a : 6 -> 5\n  param(bf16) W[5, 6] rate 2\n  = frozen(bias . updated(W, 2)) . dense(6, 6)");
        Assert.Equal(["Trained W", "Trained dense.W", "Frozen updated.B", "Frozen updated.A", "Frozen bias"], module.Parameters.Select(parameter => $"{parameter.Role} {parameter.Name}"));
    }

    /// <summary>A chain with a name draws noise of its own wherever it is used; within one use it is the same.</summary>
    [Fact]
    public void NoiseIsDrawnWhereAChainIsUsed()
    {
        Module module = TestModules.Last("layer a : 6 -> 6\n  let f = dropout(0.5) . dense(6, 6)\n  = f . add(f, eye(6))");
        Assert.Equal(2, module.Noise.Count());
        Assert.Equal(["f.W"], module.Parameters.Select(parameter => parameter.Name));
    }

    [Theory]
    [InlineData("layer a : 8 -> 8 = residual(dense(6, 8))", "1:29 WEFT0110 expected n -> n, with n = 8, for 'f' of 'residual(f : n -> n)', found 'dense(6, 8)' : 8 -> 6")]
    [InlineData("layer a : 8 -> 8 = residual(gelu)", "1:29 WEFT0110 expected an operator to apply first, found 'gelu'")]
    [InlineData("layer a : 8 -> 8 = residual(3)", "1:29 WEFT0110 expected an operator, found the number 3")]
    [InlineData("layer a : 8 -> 8 = residual", "1:20 WEFT0106")]
    [InlineData("layer a : 8 -> 8 = residual(dense(8, 8), 3)", "1:20 WEFT0104")]
    [InlineData("layer a : 8 -> 8 = dense(8, 8) . residual(dense(6, 6))", "1:34 WEFT0117")]
    [InlineData("operator a : 8 -> 8 = congruence(tanh . eye(8), eye(8))", "1:34 WEFT0129 'tanh . eye(8)' is not linear")]
    [InlineData("operator a : 8 -> 8 = congruence(eye(8), residual(tanh . eye(8)))", "1:42 WEFT0129")]
    [InlineData("operator a : 8 -> 8 = updated(3)", "1:31 WEFT0110 expected a tensor for 'W' of 'updated(W : [m, n], r = 1)', found the number 3")]
    [InlineData("operator a : 8 -> 8\n  param T[2, 8, 8]\n  = updated(T)", "3:13 WEFT0110 expected a tensor of 2 axes for 'W'")]
    [InlineData("operator a : 8 -> 8\n  param d[6], s\n  = weighted(s, d, eye(8))", "3:20 WEFT0110 expected n -> m, with n = 6, for 'g'")]
    [InlineData("layer a : x[8] -> y[8] = updated(x)", "1:34 WEFT0110 expected a tensor for 'W' of 'updated(W : [m, n], r = 1)', found a value [8], which depends on the input")]
    [InlineData("layer a : 8 -> 8\n  let f = dense(8, 8)\n  = frozen f", "3:12 WEFT0110 expected a call behind 'frozen'")]
    [InlineData("layer a(f : n -> n) : n -> n = f(3)\nlayer b : 8 -> 8 = a(eye(8))", "1:32 WEFT0105 'f' is a map that the declaration takes and cannot be called: its sizes are known, write 'f'")]
    [InlineData("layer a(f : n -> n = dense(n, n)) : n -> n = f", "1:28 WEFT0100")]
    [InlineData("layer a(n, f : n) : n -> n = f", "1:17 WEFT0005")]
    [InlineData("layer a(f : n -> n, n) : n -> n = f", "1:21 WEFT0101")]
    [InlineData("operator a : 8 -> 8\n  let f = tanh . eye(8)\n  = f", "2:11 WEFT0129")]
    [InlineData("layer a : 8 -> 8 = [tanh; dense(4, 8)]", "1:18 WEFT0116")]
    [InlineData("layer a : 8 -> 16 = eye(16) . [tanh; dense(8, 6)]", "1:38 WEFT0117")]
    [InlineData("layer a : 8 -> 8 = tanh ⊕ eye(4)", "1:20 WEFT0110 expected an operator to apply first")]
    [InlineData("layer look(v) : i[1] < v -> y[4]\n  param E[v, 4]\n  y[c] = E[i[0], c]\nlayer a : i[1] < 3 -> y[8] = look(3) ⊕ look(3)", "4:30 WEFT0110 expected links that take numbers for each part")]
    public void MistakesAreNamedWhereTheyAre(string text, string expected)
    {
        string[] found = [.. TestModules.Diagnostics(text + "\n" + Parts)];
        Assert.True(found is [var only] && only.StartsWith(expected, StringComparison.Ordinal), string.Join("\n", found));
    }
}
