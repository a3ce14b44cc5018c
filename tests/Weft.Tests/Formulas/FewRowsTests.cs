using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>The forward pass for a few rows: where it is chosen, that it is right, and that it follows the parameters.</summary>
public class FewRowsTests
{
    private const string Factors = "cp([32, 32], [32, 32], 8)", Chain = "householder(600, 9) * householder(600, 4)'";

    /// <summary>Whether it pays or not, it is right.</summary>
    [Theory]
    [InlineData("cp([17, 24], [31, 9], 4)")]
    [InlineData("householder(60, 9) * householder(60, 4)' * (householder(10, 3) ⊗ householder(6, 4))")]
    [InlineData("constant_fan_in(37, 91, 13)")]
    [InlineData("3 * constant_fan_in(51, 20, 4) + dense(51, 20) + 2 * constant_fan_in(51, 20, 25 - 7)")]
    [InlineData("bias . constant_fan_in(9, 33, 5) . gelu . constant_fan_in(33, 200, 3)")]
    [InlineData("softmax . bias . block_tensor_train([3, 5], [4, 7], [1, 2, 1]) . pad(28, 17) . householder(17, 3)'")]
    public void IsTheFormula(string text)
    {
        Module module = TestModules.Formula(text);
        Assert.Null(Fault<float>(module, Scalar.Float));
        Assert.Null(Fault<double>(module, Scalar.Double));
    }

    [Theory]
    [InlineData(Factors)]
    [InlineData(Chain)]
    public void FollowsEveryUpdate(string text)
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula(text, "F");
        using Map<double> map = compiled.CreateDouble("F");
        Assert.InRange(map.Program.Layout.FewRows, 1, 8);
        map.Initialize(1);
        double[] many = new double[(map.Program.Layout.FewRows + 1) * map.Inputs];
        many.AsSpan().Fill(0.5);
        double[] gradient = new double[map.TrainedCount];
        gradient.AsSpan().Fill(1);
        Check();
        new Sgd<double>(1e-2).Step(map, gradient);
        Check();
        using (ParameterEdit<double> edit = map.Edit())
        {
            edit[0][0] += 1;
        }

        Check();
        map.Initialize(2);
        Check();

        void Check()
        {
            double[] y = new double[(map.Program.Layout.FewRows + 1) * map.Outputs], single = new double[map.Outputs];
            map.Forward(many, y);
            map.Forward(many.AsSpan(0, map.Inputs), single);
            Numbers.AssertClose(y[..map.Outputs], single, 1e-10, "a single row");
        }
    }

    [Fact]
    public void ManyThreadsMayMakeTheFirstCall()
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula(Factors, "F");
        for (int round = 0; round < 20; round++)
        {
            using Map<double> map = compiled.CreateDouble("F");
            map.Initialize(round);
            double[] x = Numbers.Normal(new Random(round), map.Inputs);
            double[][] results = [.. Enumerable.Range(0, 6).Select(_ => new double[map.Outputs])];
            using var start = new Barrier(results.Length);
            Thread[] threads = [.. results.Select(y => new Thread(() =>
            {
                start.SignalAndWait();
                map.Forward(x, y);
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.All(results, y => Assert.Equal(results[0], y));
            Assert.Contains(results[0], element => element != 0);
        }
    }

    private static string? Fault<T>(Module module, Scalar scalar)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions("F", Scalar: scalar, FewRowsGain: 0))]);
        using Map<T> map = assembly.Create<T>("F");
        int few = map.Program.Layout.FewRows;
        Assert.Equal(8, few);
        return FormulaBattery.Fault(module, map, seed: 5, [1, few, few + 1]);
    }
}
