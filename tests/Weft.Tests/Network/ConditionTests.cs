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

/// <summary>Conditions on indices become positions, where they can.</summary>
public class ConditionTests
{
    /// <summary>Bodies, what they are as a network, and how many constants are left.</summary>
    public static TheoryData<string, string, int> Bodies => new()
    {
        { "operator f : 6 -> 24\n  y[i:4 j:6] = (k == j) * (i >= 0) * x[k:6]", "y[6i+j] = x[j]  for i<4 j<6", 0 },
        { "operator f : 8 -> 7\n  param c[8]\n  y[i:7] = (i == j + 2) * c[j] * x[j:8]", "y[i+2] = c[i] x[i]  for i<5", 0 },
        { "operator f : 8 -> 8\n  param c[8]\n  y[i:8] = (i == 7 - j and j < 5) * c[j] * x[j:8]", "y[-1i+7] = c[i] x[i]  for i<5", 0 },
        { "operator f : 8 -> 4\n  param c[4]\n  y[i:4] = (2 * i + 1 == j) * c[i] * x[j:8]", "y[i] = c[i] x[2i+1]  for i<4", 0 },
        { "operator f : 8 -> 4\n  param A[4, 8]\n  y[i:4] = (i == 2) * (j > 5) * A[i, j] * x[j:8]", "y[2] = Σ(i<2) A[i+22] x[i+6]", 0 },
        { "operator f : 9 -> 9\n  param c\n  y[i:3 j:3] = (i == j) * (k == l) * c * x[k:3 l:3]", "y[4j] = Σ(i<3) c[0] x[4i]  for j<3", 0 },
        { "operator f : 5 -> 5\n  param A[5, 5]\n  y[i:5] = (i == j and (i + j) % 3 > 0) * A[i, j] * x[j:5]", "y[i] = A[6i] k1[6i] x[i]  for i<5", 1 },
        { "operator f : 5 -> 5\n  param A[5, 5]\n  y[i:5] = (j <= i) * A[i, j] * x[j:5]", "y[i] = Σ(j<5) A[5i+j] k1[5j+i] x[j]  for i<5", 1 },
        { "layer f : x[3] -> y[3]\n  y[i] = (i * 16000000 * 16000000 == j) * x[j]", "y[a] = Σ(j<3) x[j] k1[3a+j]  for a<3", 1 },
        { "operator f : 5 -> 5\n  param A[5, 5]\n  y[i:5] = (i > 7) * A[i, j] * x[j:5]", "y[i] = Σ(j<5) A[5i+j] k1[i] x[j]  for i<5", 1 },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void AreSubstituted(string text, string network, int constants)
    {
        LoweredModule lowered = Lowered(text);
        Assert.Contains(network, NetworkPrinter.Print(lowered));
        Assert.Equal(constants, lowered.Statements.SelectMany(statement => statement.Reads).OfType<ConstantWeight>().Distinct().Count());
    }

    [Fact]
    public void HaveTheirValues()
    {
        string[] texts =
        [
            .. Bodies.Select(body => (string)body[0]),
            "partition(5)",
            "operator d : 6 -> 6\n  param c[6]\n  let T[i, j:6] = (i == j) * c[i]\n  = T + dense(6, 6)\noperator f : 18 -> 18 = kron(d, eye(3)) * shuffle(3, 6)",
            "operator e : 6 -> 6\n  y[i:3 j:2] = (i == k) * (j >= 0) * (l >= 0) * x[k:3 l:2]\noperator f : 12 -> 10 = crop(12, 10, 1) * dirsum(e, e) * wht(2) ⊗ eye(6)",
            "layer f : 6 -> 6\n  param A[6, 6]\n  let T[i, j] = (i == j) * A[i, j] * x[j]\n  let s = softmax(T)\n  y[i] = s[i, j] * (j < 4) * x[j]",
        ];
        Assert.Equal("", FormulaBattery.Faults<double>(Scalar.Double, texts));
    }

    /// <summary>What the dense map costs is no bound for a diagram; what it adds up is.</summary>
    [Fact]
    public void PartitionsCostWhatTheyAddUp()
    {
        Schedule schedule = Scheduler.Build(Lowered("partition(32)"), new Variant(new CostModel(64), 4));
        Assert.True(schedule.ForwardFlops < 16 * 2 * 32 * 32, $"{schedule.ForwardFlops}");
        Assert.Equal(15, schedule.Layout.WeightCount);
    }

    private static LoweredModule Lowered(string text) => Lowering.Lower(Rewriter.Rewrite(TestModules.Formula(text)).Module);
}
