using Weft.Dynamic;
using Weft.Kernels;

namespace Weft.Tests.Dynamic;

public class TrainingTests
{
    /// <summary>An optimizer leaves what depends on frozen parameters alone; an edit may change it.</summary>
    [Theory]
    [InlineData("lora(10, 14, 3)")]
    [InlineData("hra(10, 14, 4)")]
    [InlineData("vera(10, 14, 3)")]
    [InlineData("vb_lora(8, 12, 2, 2, 5, 4)")]
    [InlineData("n_of_m(10, 12, 2, 4)")] // a mask that no derivative passes, of what is trained
    [InlineData("snell(10, 14, 4, 2)")]
    public void AStepAndAnEditLeadToTheSameMap(string formula)
    {
        using CompiledWeft compiled = DynamicMaps.CompileFormula(formula);
        using Map<double> stepped = compiled.CreateDouble(compiled.Modules.Single().Name), edited = compiled.CreateDouble(compiled.Modules.Single().Name);
        stepped.Initialize(1);
        double[] x = [.. Enumerable.Range(0, 3 * stepped.Inputs).Select(i => Math.Sin(i))], dy = [.. Enumerable.Range(0, 3 * stepped.Outputs).Select(i => Math.Cos(i))];
        double[] gradient = new double[stepped.TrainedCount], before = new double[dy.Length], after = new double[dy.Length], expected = new double[dy.Length];
        stepped.Forward(x, before);
        stepped.Gradient(x, dy, default, gradient);

        new Sgd<double>(0.5).Step(stepped, gradient);
        stepped.Forward(x, after);
        using (ParameterEdit<double> edit = edited.Edit())
        {
            stepped.Parameters.CopyTo(edit.All);
        }

        edited.Forward(x, expected);
        Assert.NotEqual(before, after);
        Assert.Equal(expected, after);
    }

    /// <summary>The gradients of packed and of derived weights begin with the first chunk of rows and go on with the next; the workspace is used again.</summary>
    [Theory]
    [InlineData("monarch(256, 16)")]
    [InlineData("householder(256, 8)")]
    [InlineData("kronecker([16, 16], [16, 16])")]
    [InlineData("monarch(4096, 64)")] // of a larger batch, a chunk has fewer rows than there is room for
    public void AGradientOfManyChunksIsTheSumOfTheirs(string formula)
    {
        const int Parts = 4;
        using CompiledWeft compiled = DynamicMaps.CompileFormula(formula);
        using Map<double> map = compiled.CreateDouble(compiled.Modules.Single().Name);
        map.Initialize(1);
        int rows = map.Program.Layout.Chunk(map.Description, sizeof(double), ChunkRows.SecondLevelOfSums, ChunkRows.LastLevelOfSums).AtMost + 5, length = rows * map.Inputs;
        double[] x = [.. Enumerable.Range(0, Parts * length).Select(i => Math.Sin(i))], dy = [.. Enumerable.Range(0, x.Length).Select(i => Math.Cos(i))];
        double[] dx = new double[x.Length], gradient = new double[map.TrainedCount], partDx = new double[x.Length], partGradient = new double[map.TrainedCount];
        map.Gradient(x, dy, dx, gradient);
        for (int start = 0; start < x.Length; start += map.Inputs)
        {
            Range row = start..(start + map.Inputs);
            map.Gradient(x.AsSpan(row), dy.AsSpan(row), partDx.AsSpan(row), partGradient);
        }

        Assert.All(dx.Zip(partDx), pair => Assert.Equal(pair.First, pair.Second, 1e-10));
        Assert.All(gradient.Zip(partGradient), pair => Assert.Equal(pair.First, pair.Second, 1e-8));
        Assert.Contains(gradient, value => value != 0);
    }

    /// <summary>The fused loss gives the gradients that forward pass, loss and backward pass give one after another; either may be left out.</summary>
    [Theory]
    [InlineData("monarch_rectangular(10, 15, 5)")]
    [InlineData("hra(10, 14, 4)")]
    public void TheLossGivesTheInputsGradientToo(string formula)
    {
        const int Rows = 5;
        using CompiledWeft compiled = DynamicMaps.CompileFormula(formula);
        using Map<double> map = compiled.CreateDouble(compiled.Modules.Single().Name);
        map.Initialize(1);
        double[] x = [.. Enumerable.Range(0, Rows * map.Inputs).Select(i => Math.Sin(i))], target = [.. Enumerable.Range(0, Rows * map.Outputs).Select(i => Math.Cos(i))];
        double[] y = new double[target.Length], dy = new double[target.Length];
        double[] dx = new double[x.Length], gradient = new double[map.TrainedCount], fusedDx = new double[x.Length], fusedGradient = new double[map.TrainedCount];
        var loss = new MeanSquaredError<double>(target);
        map.Forward(x, y);
        double expected = loss.Evaluate(y, dy, 0, Rows, Rows);
        map.Gradient(x, dy, dx, gradient);

        Assert.Equal(expected, map.LossGradient(x, loss, fusedDx, fusedGradient), 12);
        Assert.All(dx.Zip(fusedDx).Concat(gradient.Zip(fusedGradient)), pair => Assert.Equal(pair.First, pair.Second, 12));

        Array.Clear(fusedDx);
        map.LossGradient(x, loss, fusedDx, default);
        Assert.All(dx.Zip(fusedDx), pair => Assert.Equal(pair.First, pair.Second, 12));
        Assert.Contains(dx, value => value != 0);
        Assert.Throws<ArgumentException>(() => map.LossGradient(x, loss, new double[x.Length - 1], default));
    }
}
