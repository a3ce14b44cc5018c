using System.Globalization;
using System.Numerics;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>Every operator of the standard library, compiled, against the interpreter.</summary>
public class LibraryFormulasTests
{
    [Fact]
    public void InDouble() => Check<double>(Scalar.Double);

    [Fact]
    public void InFloat() => Check<float>(Scalar.Float);

    private static void Check<T>(Scalar scalar)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        string[] formulas = [.. ((IEnumerable<object[]>)StandardLibraryTests.Operators).Select(row => (string)row[0])];
        Module[] modules = [.. formulas.Select((formula, i) => TestModules.Formula(formula) with { Name = string.Create(CultureInfo.InvariantCulture, $"F{i}") })];
        using WeftAssembly all = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name, Scalar: scalar))));
        for (int i = 0; i < modules.Length; i++)
        {
            using Map<T> map = all.Create<T>(modules[i].Name);
            string? fault = FormulaBattery.Fault(modules[i], map, i);
            Assert.True(fault is null, $"{formulas[i]}: {fault}");
        }
    }
}
