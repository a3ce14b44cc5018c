using Weft.Dynamic;

namespace Weft.Tests.Dynamic;

public class TrainingTests
{
    /// <summary>An optimizer leaves what depends on frozen parameters alone; an edit may change it.</summary>
    [Theory]
    [InlineData("lora(10, 14, 3)")]
    [InlineData("hra(10, 14, 4)")]
    [InlineData("vera(10, 14, 3)")]
    [InlineData("vb_lora(8, 12, 2, 2, 5, 4)")]
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
}
