using Weft.Compiler;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

using Weft.Compiler.Algebra;

/// <summary>Layers with branches: gates, residual connections, norms.</summary>
public class BranchTests
{
    public static TheoryData<string> Layers =>
    [
        // SwiGLU (Shazeer 2020) around a residual connection.
        """
        layer gate(m, n) : n -> m = silu . dense(m, n)
        layer swiglu(n, h) : n -> n = dense(n, h) . hadamard(gate(h, n), dense(h, n))
        layer block : 7 -> 7 = add(eye(7), swiglu(7, 11))
        """,

        // The norms of the projections of x on subspaces, one for each class.
        """
        layer norms(c, k, n) : n -> c
          param S[c, k, n]
          let projections[a b, i] = S[a, b, i]
          let sums[a:c, b:c p:k] = (a == b and p >= 0)
          = sqrt . sums . square . projections
        layer classes : 7 -> 3 = norms(3, 2, 7)
        """,
        """
        layer shifted(m, n) : n -> m = bias . dense(m, n)
        layer three : 5 -> 6 = hadamard(shifted(6, 6), tanh, sigmoid) . dense(6, 5)
        layer whole : 4 -> 6 = hadamard(three, dense(6, 5)) . dense(5, 4)
        """,
        "layer same : 5 -> 5 = hadamard(eye(5), eye(5), exp)",
        "layer down : 5 -> 5 = reciprocal . exp . softplus . eye(5)\nlayer two : 5 -> 5 = add(square, down) . eye(5)",
        "layer far : 5 -> 3 = atanh . tanh . dense(3, 5)",
        "layer chains : 5 -> 3 = add(tanh . bias . dense(3, 5), dense(3, 4) . (sigmoid . dense(4, 5)), (dense(3, 5)))",
        "layer inner : 5 -> 4 = (gelu . bias) . hadamard(dense(4, 5), add(dense(4, 5), tanh . (bias . dense(4, 5))))",
        "layer one : 5 -> 3 = hadamard(dense(3, 5))\nlayer joined : 5 -> 3 = add(one, dense(3, 5)) . bias . add(eye(5), diagonal(5))",
    ];

    [Theory]
    [MemberData(nameof(Layers))]
    public void AgreeWithTheirDefinition(string text)
    {
        Assert.Empty(TestModules.Diagnostics(text));
        foreach (Module module in WeftCompiler.Bind([TestModules.File(text)]).Modules)
        {
            Check<double>(module with { Name = "F" }, Scalar.Double);
            Check<float>(module with { Name = "F" }, Scalar.Float);
        }
    }

    [Theory]
    [InlineData("layer f : 5 -> 3 = hadamard(dense(3, 5), dense(4, 5))", "1:42 WEFT0114")]
    [InlineData("layer f : 5 -> 3 = add(dense(3, 5), dense(3, 4))", "1:37 WEFT0117")]
    [InlineData("operator f : 5 -> 5 = add(eye(5), eye(5))", "1:23 WEFT0129")]
    [InlineData("layer f : 5 -> 5 = dense(5, 5) * hadamard(eye(5), eye(5))", "1:34 WEFT0129")]
    [InlineData("layer f : 5 -> 5 = hadamard()", "1:20 WEFT0104")]
    [InlineData("layer f : 5 -> 3 = add(dense(3, 5), dense(3, 4) . tanh)", "1:37 WEFT0117")]
    [InlineData("layer f : 5 -> 3 = add(dense(3, 5), tanh . dense(4, 5))", "1:37 WEFT0114")]
    [InlineData("layer f : 5 -> 3 = 2 * (dense(3, 4) . dense(4, 5))", "1:24 WEFT0110")]
    [InlineData("layer f : 5 -> 3 = 2 * (dense(3, 4) . tanh)", "1:39 WEFT0129")]
    public void MistakesAreNamedWhereTheyAre(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TestModules.Diagnostics(text)), StringComparison.Ordinal);

    /// <summary>A chain in parentheses is the chain, and each branch names its tensors after what it calls.</summary>
    [Fact]
    public void ParenthesesChangeNothing()
    {
        const string Text = "layer a : 5 -> 3 = tanh . bias . dense(3, 5)\nlayer b : 5 -> 3 = tanh . (bias . dense(3, 5))\nlayer c : 5 -> 3 = add(tanh . dense(3, 5), dense(3, 5) . sigmoid)";
        EquatableArray<Module> modules = WeftCompiler.Bind([TestModules.File(Text)]).Modules;
        Assert.Equal(modules[0].Links, modules[1].Links);
        Assert.Equal(["dense.W", "dense2.W"], modules[2].Parameters.Select(parameter => parameter.Name));
    }

    private static void Check<T>(Module module, Scalar scalar)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: scalar))]);
        using Map<T> map = assembly.Create<T>("F");
        string? fault = FormulaBattery.Fault(module, map, 3);
        Assert.True(fault is null, fault);
    }
}
