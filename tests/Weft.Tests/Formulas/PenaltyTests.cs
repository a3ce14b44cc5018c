using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>Numbers that a formula adds to a loss.</summary>
public class PenaltyTests
{
    private const string Text = """
        layer sparse_layer(m, n, strength = 0.5) : n -> m
          param W[m, n]
          frozen weight ~ constant(strength)
          let rows = row_norms(W)
          penalty sparsity[] = weight * abs(W)[i, j]
          penalty groups[] = strength * rows[i]
          = tanh . bias . W

        operator nearly_orthogonal(n) : n -> n
          param V[n, n]
          penalty gram = 2 * norm(V * V' - eye(n))^2
          = V

        layer several : 5 -> 3
          = nearly_orthogonal(3) . sparse_layer(3, 4) . frozen sparse_layer(4, 5) . nearly_orthogonal(5)
        """;

    /// <summary>Names are those of the instances, what is frozen has none, and all of it is what the interpreter says.</summary>
    [Fact]
    public void SeveralUses_HaveTheirNamesAndGradients()
    {
        Module module = TestModules.Last(Text);
        Assert.Equal(["nearly_orthogonal.gram", "sparse_layer2.sparsity", "sparse_layer2.groups", "nearly_orthogonal2.gram"], module.Penalties.Select(penalty => penalty.Name));
        FormulaBattery.AssertHolds(module);
    }

    [Fact]
    public void AValueIsThatOfItsFormula()
    {
        using Map<double> map = Compiled("layer f : 3 -> 2\n  param W[2, 3]\n  penalty sparsity[] = 0.5 * abs(W)[i, j]\n  penalty size = norm(W)^2 + 3 * norm(W)^2 - 1\n  = W");
        using (ParameterEdit<double> edit = map.Edit())
        {
            new double[] { 1, -2, 3, -4, 5, -6 }.CopyTo(edit["W"]);
        }

        double[] gradient = [1, 1, 1, 1, 1, 1], values = new double[2];
        Assert.Equal("sparsity size", string.Join(" ", map.Description.Penalties));
        Assert.Equal(10.5 + 363, map.AddPenalties(gradient, values), 1e-12);
        Assert.Equal([10.5, 363], values, (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal([9.5, -15.5, 25.5, -31.5, 41.5, -47.5], gradient, (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(10.5 + 363, map.AddPenalties(), 1e-12);
    }

    /// <summary>A loss that draws a matrix to zero, and a penalty that keeps it orthogonal where a loop adds it.</summary>
    [Fact]
    public void TrainingFollowsThem()
    {
        Assert.InRange(Gram(added: true), 0, 0.05);
        Assert.InRange(Gram(added: false), 1, double.PositiveInfinity);

        static double Gram(bool added)
        {
            using Map<double> map = Compiled("operator f : 4 -> 4\n  param V[4, 4]\n  penalty gram = 10 * norm(V * V' - eye(4))^2\n  = V");
            map.Initialize(seed: 2);
            double[] x = Numbers.Normal(new Random(3), 8 * 4), gradient = new double[16];
            var optimizer = new Sgd<double>(learningRate: 1e-3);
            for (int step = 0; step < 2000; step++)
            {
                Array.Clear(gradient);
                map.LossGradient(x, new MeanSquaredError<double>(new double[32]), gradient);
                if (added)
                {
                    map.AddPenalties(gradient);
                }

                optimizer.Step(map, gradient);
            }

            return map.AddPenalties();
        }
    }

    [Fact]
    public void WithoutAny_NothingIsDone()
    {
        using Map<double> map = Compiled("operator f : 4 -> 4 = dense(4, 4)");
        map.Initialize(seed: 1);
        double[] gradient = new double[16];
        Assert.Empty(map.Description.Penalties);
        Assert.Equal(0, map.AddPenalties(gradient));
        Assert.All(gradient, element => Assert.Equal(0, element));
    }

    [Fact]
    public void WrongArguments_AreRefusedBeforeAnythingIsWritten()
    {
        Map<double> map = Compiled("operator f : 4 -> 4\n  param V[4, 4]\n  penalty size = norm(V)\n  = V");
        Assert.Throws<InvalidOperationException>(() => map.AddPenalties());
        map.Initialize(seed: 1);
        double[] gradient = new double[17];
        Assert.Throws<ArgumentException>(() => map.AddPenalties(gradient));
        Assert.Throws<ArgumentException>(() => map.AddPenalties(default, new double[2]));
        Assert.Throws<ArgumentException>(() => map.AddPenalties(gradient.AsSpan(0, 16), gradient.AsSpan(3, 1)));
        Assert.All(gradient, element => Assert.Equal(0, element));
        map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => map.AddPenalties());
    }

    /// <summary>The penalties of a map that follows another are those of the other's parameters.</summary>
    [Fact]
    public void AFollowerHasThoseOfItsLeader()
    {
        const string Text = "operator f : 4 -> 4\n  param V[4, 4]\n  penalty size = norm(V)\n  = V";
        using Map<double> leader = Compiled(Text), follower = Compiled(Text);
        follower.Follow(leader);
        for (int seed = 1; seed < 3; seed++)
        {
            leader.Initialize(seed);
            Assert.Equal(Math.Sqrt(leader.Parameters.ToArray().Sum(element => element * element)), follower.AddPenalties(), 1e-12);
        }
    }

    private static Map<double> Compiled(string text)
    {
        Module module = TestModules.Last(text);
        return WeftAssembly.Compile([(module, new GenerateOptions(module.Name, Scalar: Scalar.Double))]).Create<double>(module.Name);
    }
}
