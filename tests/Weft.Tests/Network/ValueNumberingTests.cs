using Weft.Compiler;
using Weft.Compiler.Network;
using Weft.Compiler.Operations;
using Weft.Compiler.Planning;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Targets.Cpu;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Network;

using Weft.Compiler.Algebra;

/// <summary>Equal values are computed once: of rows and of weights, whole tensors and parts of products.</summary>
public class ValueNumberingTests
{
    private const string Branches = """
        layer f : 6 -> 6
          param W[6, 6]
          = hadamard(tanh . W, tanh . W, tanh . W)
        """;

    // Equal but for the names of indices and the order of the factors.
    private const string Names = """
        layer f : 6 -> 6
          param W[6, 6]
          let u[i] = W[i, j] * x[j]
          let v[k] = x[l] * W[k, l]
          let s = tanh(u)
          let t = tanh(v)
          y[i] = s[i] * t[i] * t[i]
        """;

    private const string Sums = """
        layer f : 6 -> 6
          param W[6, 6], D[6, 6]
          = add(gelu . W, gelu . W, D . gelu . W)
        """;

    private const string Different = """
        layer f : 6 -> 6
          param W[6, 6], D[6, 6]
          = hadamard(tanh . W, tanh . D, sigmoid . W, tanh . W')
        """;

    private const string Gram = """
        operator f : 20 -> 6
          param A[40, 6] ~ normal(0.2), W[40, 20] ~ normal(0.2)
          let C[k, j] = A[a, k] * W[a, j]
          let G[k, l] = C[k, j] * C[l, j]
          let H = inverse(G)
          y[k] = H[k, l] * C[l, j] * x[j]
        """;

    private const string TwoWeights = """
        operator f : 8 -> 8
          param W[8, 8]
          frozen D[8, 8]
          = W - 0.5 * D
        """;

    private const string TwoToeplitz = """
        operator f : 8 -> 8
          param a[15], b[15]
          y[i:8] = a[i - j + 7] * x[j:8] + 3 * b[i - j + 7] * x[j:8]
        """;

    private const string Between = """
        layer f : 6 -> 6
          param W[6, 6], D[6, 6]
          = add(D * W, gelu . W, W)
        """;

    [Theory]
    [InlineData(Branches, 4)]
    [InlineData(Names, 3)]
    [InlineData(Sums, 3)]
    [InlineData(Different, 10)]
    public void EqualStatementsAreOne(string text, int statements) => Assert.Equal(statements, Program(text).Lowered.Statements.Count);

    /// <summary>Products of two tensors, once per update and for each row.</summary>
    [Theory]
    [InlineData(Gram, 3, 1)]
    [InlineData(Between, 0, 2)]
    public void PartsOfProductsAreComputedOnce(string text, int weights, int rows)
    {
        OperationProgram program = Program(text);
        Assert.Equal(weights, Products(program.Weights));
        Assert.Equal(rows, Products(program.Rows));

        static int Products(IEnumerable<Operation> operations) => operations.OfType<ContractStep>().Count(step => step.Contraction.Right is not null);
    }

    [Fact]
    public void ThePlanNamesWhatIsThere()
    {
        OperationProgram program = Program(Gram);
        Assert.Equal("(x (f1 p1))", PlanPrinter.Print(program.Plans[^1].Root));
        Assert.Equal(2 * 20 * 6, program.Rows.Sum(step => step.FlopsPerRow));
    }

    [Fact]
    public void UsesAreCounted()
    {
        Assert.Equal(["t2 3"], Program(Branches).Shared.Select(shared => $"{shared.Storage} {shared.Uses}"));
        Assert.Equal(["p1 3"], Program(Gram).Shared.Select(shared => $"{shared.Storage} {shared.Uses}"));
    }

    /// <summary>Weights that multiply the same are added up once per update, where rows are many and the weights are no codes.</summary>
    [Theory]
    [InlineData(TwoWeights, 1)]
    [InlineData("operator f : 8 -> 8\n  param W[8, 8], D[8, 8]\n  = W + D'", 1)]
    [InlineData("operator f : 8 -> 8\n  param W[8, 8], d[8]\n  = W + diag(d)", 2)]
    [InlineData("operator f : 8 -> 8\n  frozen(int8) W[8, 8]\n  param D[8, 8]\n  = W + D", 3)]
    [InlineData(TwoToeplitz, 1)]
    public void WeightsOfOneFactorAreAddedUpFirst(string text, int products) =>
        Assert.Equal(products, Program(text).Rows.OfType<ContractStep>().Count(step => step.Contraction.Right is not null));

    [Fact]
    public void FanInIsThatOfTheParts() => Assert.All(Program(TwoWeights).Parameters, place => Assert.Equal(8, place.FanIn));

    /// <summary>In whichever order: gains that are multiplied into a matrix first do not make it start larger.</summary>
    [Theory]
    [InlineData(0, "(t1 (g W))")]
    [InlineData(1, "((t1 g) W)")]
    public void FanInIsThatOfTheMatrixThatIsScaled(int rank, string plan)
    {
        OperationProgram program = Program("layer f : 8 -> 20\n  param W[20, 8], g[8]\n  = W . diag(g) . tanh", rank);
        Assert.Equal(plan, PlanPrinter.Print(program.Plans[^1].Root));
        Assert.Equal([("W", 8), ("g", 1)], program.Parameters.Select(place => (place.Parameter.Name, place.FanIn)));
    }

    [Fact]
    public void GradientsOfAllUsesAddUp()
    {
        string[] texts = [Branches, Names, Sums, Different, Gram, Between, TwoWeights, TwoToeplitz, "operator f : 8 -> 8\n  param W[8, 8], D[8, 8]\n  = W + D'"];
        Assert.Equal("", FormulaBattery.Faults<double>(Scalar.Double, texts));
        Assert.Equal("", FormulaBattery.Faults<float>(Scalar.Float, texts));
    }

    private static OperationProgram Program(string text, int rank = 0)
    {
        Assert.Empty(TestModules.Diagnostics(text));
        Module module = WeftCompiler.Bind([TestModules.File(text)]).Modules[^1];
        return Scheduler.Build(Lowering.Lower(Rewriter.Rewrite(module).Module), new Variant(new CostModel(64), 4, rank)).Program;
    }
}
