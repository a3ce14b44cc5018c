using System.Globalization;
using System.Numerics;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;

namespace Weft.Tests.Formulas;

/// <summary>Random modules, compiled together, against the interpreter. A failure is shrunk and printed as Weft.</summary>
public class RandomFormulasTests
{
    private const int FirstSeed = 1000;
    private const int Count = 300;

    [Fact]
    public void InDouble() => Check<double>(Scalar.Double);

    [Fact]
    public void InFloat() => Check<float>(Scalar.Float);

    private static void Check<T>(Scalar scalar)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int[] seeds = [.. Enumerable.Range(FirstSeed, Count)];
        Module[] modules = [.. seeds.Select(seed => RandomFormula.Create(seed))];
        WeftAssembly? all = null;
        try
        {
            all = WeftAssembly.Compile(modules.Select(module => (module, new GenerateOptions(module.Name, Scalar: scalar))));
        }
        catch (Exception)
        {
            // One that does not compile stops them all: each is then tried on its own, to find and shrink it.
        }

        using (all)
        {
            foreach ((int seed, Module module) in seeds.Zip(modules))
            {
                string? fault = all is null ? Alone<T>(module, scalar, seed) : Fault(() => all.Create<T>(module.Name), module, seed);
                if (fault is not null)
                {
                    Module small = Shrinker.Shrink(module, candidate => Alone<T>(candidate, scalar, seed) is not null);
                    Assert.Fail(string.Create(
                        CultureInfo.InvariantCulture,
                        $"Seed {seed}: {fault}\nShrunk: {Alone<T>(small, scalar, seed)}\n{AlgebraPrinter.Print(small)}\nFrom:\n{AlgebraPrinter.Print(module)}"));
                }
            }
        }

        Assert.True(all is not null, "Each module compiles alone, but not all together.");
    }

    private static string? Alone<T>(Module module, Scalar scalar, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        try
        {
            using WeftAssembly assembly = WeftAssembly.Compile([(module, new GenerateOptions(module.Name, Scalar: scalar))]);
            return Fault(() => assembly.Create<T>(module.Name), module, seed);
        }
        catch (Exception exception)
        {
            return exception.ToString();
        }
    }

    private static string? Fault<T>(Func<Map<T>> create, Module module, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using Map<T> map = create();
        return FormulaBattery.Fault(module, map, seed);
    }
}
