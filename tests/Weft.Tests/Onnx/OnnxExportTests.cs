using Weft.Compiler.Algebra;
using Weft.Tests.Formulas;

namespace Weft.Tests.Onnx;

/// <summary>Every operator and layer of the standard library, and random formulas, in ONNX Runtime against the interpreter.</summary>
public class OnnxExportTests
{
    [Fact]
    public void Library() => AssertNone(Formulas.Library.Formulas.Select((formula, i) => (formula, Formulas.Library.Modules[i])));

    [Fact]
    public void RandomFormulas() => AssertNone(Enumerable.Range(7000, int.Parse(Environment.GetEnvironmentVariable("ONNXN") ?? "60")).Select(seed => ($"seed {seed}", RandomFormula.Create(seed))));

    private static void AssertNone(IEnumerable<(string Name, Module Module)> modules)
    {
        string[] faults = [.. modules.AsParallel().AsOrdered().Select((one, i) => Fault(one.Module, i) is { } fault ? $"{one.Name}: {fault}" : null).OfType<string>()];
        Assert.True(faults.Length == 0, string.Join('\n', faults));

        static string? Fault(Module module, int seed)
        {
            try
            {
                return OnnxRun.Fault(module, seed);
            }
            catch (Exception exception)
            {
                return exception.GetType().Name + " " + exception.Message.Split('\n')[0] + (exception.StackTrace ?? "").Split('\n')[0];
            }
        }
    }
}
