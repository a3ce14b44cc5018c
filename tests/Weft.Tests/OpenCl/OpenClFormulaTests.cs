using Weft.Compiler;
using Weft.Compiler.Text;
using Weft.Dynamic;
using Weft.OpenCl;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.OpenCl;

// Here, so that its names come before those of the enclosing namespace.
using Weft.Compiler.Algebra;

/// <summary>What runs on a device against the interpreter: values, adjoint and gradients, for batches of one chunk and of two.</summary>
public class OpenClFormulaTests
{
    private const int RandomFormulas = 60;

    [OpenClFact]
    public void StandardLibrary()
    {
        string[] formulas = [.. ((IEnumerable<object[]>)StandardLibraryTests.Operators).Select(row => (string)row[0])];
        Assert.Empty(Faults([.. formulas.Select((formula, k) => TestModules.Formula(formula) with { Name = $"f{k}" })]));
    }

    [OpenClFact]
    public void Layers() => Assert.Empty(Faults(
    [
        .. new[] { "relu", "gelu", "silu", "tanh", "sigmoid", "softplus" }.Select((activation, k) =>
            TestModules.Formula($"bias . dense(5, 13) . {activation} . bias . low_rank(13, 9, 4)") with { Name = $"f{k}" }),
    ]));

    [OpenClFact]
    public void LargerThanTiles() => Assert.Empty(Faults(
    [
        .. new[] { "dense(70, 83)", "monarch(221, 13)", "tensor_train([9, 8], [7, 10], [1, 5, 1])" }.Select((formula, k) =>
            TestModules.Formula(formula) with { Name = $"f{k}" }),
    ]));

    [OpenClFact]
    public void Random() => Assert.Empty(Faults([.. Enumerable.Range(5000, RandomFormulas).Select(seed => RandomFormula.Create(seed))]));

    /// <summary>What is wrong with the modules on the device.</summary>
    private static string Faults(Module[] modules)
    {
        using var context = new OpenClContext(OpenClDevice.Find());
        using WeftAssembly assembly = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name, Target: Target.OpenCl))));
        return string.Join('\n', modules.AsParallel().AsOrdered().Select((module, k) =>
        {
            using Map<float> map = assembly.Create<float>(module.Name);
            return FormulaBattery.Fault(module, DeviceMap.Create(map, context, maxRows: 40), k) is { } fault
                ? $"{module.Name}: {fault}\n{AlgebraPrinter.Print(module)}"
                : null;
        }).Where(fault => fault is not null));
    }
}
