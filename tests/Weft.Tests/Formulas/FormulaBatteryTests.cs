using Weft.Compiler.Algebra;

namespace Weft.Tests.Formulas;

/// <summary>The battery passes what is right, and finds each way of being wrong.</summary>
public class FormulaBatteryTests
{
    [Fact]
    public void TheInterpreterItselfPasses()
    {
        for (int seed = 0; seed < 15; seed++)
        {
            Module module = RandomFormula.Create(seed);
            if (module.Noise.Any())
            {
                continue; // which a map of the interpreter's does not draw
            }

            using Map<double> map = InterpretedMap.Create<double>(module);
            Assert.Null(FormulaBattery.Fault(module, map, seed));
            using Map<float> single = InterpretedMap.Create<float>(module);
            Assert.Null(FormulaBattery.Fault(module, single, seed));
        }
    }

    [Theory]
    [InlineData(Mistake.Forward, "forward")]
    [InlineData(Mistake.InputGradient, "gradient for x")]
    [InlineData(Mistake.ParameterGradient, "gradient for ")]
    [InlineData(Mistake.Tangent, "tangent")]
    public void OneWrongNumberIsFound(Mistake mistake, string expected)
    {
        // Linear ones and chains; a module without trained parameters cannot have a wrong gradient for one.
        Module[] modules =
        [
            .. Enumerable.Range(0, 8).Select(seed => RandomFormula.Create(seed)).Where(module => module.Parameters.Any(
                parameter => parameter.Role == Role.Trained)),
        ];
        Assert.Contains(modules, module => !module.IsLinear);
        foreach (Module module in modules)
        {
            using Map<double> map = InterpretedMap.Create<double>(module, mistake);
            string? fault = FormulaBattery.Fault(module, map, 1);
            Assert.True(fault?.Contains(expected, StringComparison.Ordinal), $"{fault}\n{AlgebraPrinter.Print(module)}");
        }
    }
}
