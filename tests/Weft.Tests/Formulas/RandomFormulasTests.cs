using System.Globalization;
using System.Numerics;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;

namespace Weft.Tests.Formulas;

/// <summary>Random modules, compiled together, against the interpreter. A failure is shrunk and printed as Weft.</summary>
public class RandomFormulasTests
{
    private const int Count = 60;

    [Fact]
    public void InDouble() => AssertNone(Faults<double>(Scalar.Double, 1000, Count));

    [Fact]
    public void InFloat() => AssertNone(Faults<float>(Scalar.Float, 2000, Count));

    // Whole: the shrunk formulas are what one needs.
    private static void AssertNone(string faults) => Assert.True(faults.Length == 0, faults);

    /// <summary>The random modules of consecutive seeds.</summary>
    internal static IEnumerable<BatteryFile.Subject> Subjects(Scalar scalar, int firstSeed, int count) => Enumerable.Range(firstSeed, count).Select(seed =>
    {
        Module module = RandomFormula.Create(seed);
        return new BatteryFile.Subject(module, Options(module, scalar, seed), seed);
    });

    /// <summary>What is wrong with the random modules of consecutive seeds; nothing, if they are right.</summary>
    private static string Faults<T>(Scalar scalar, int firstSeed, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int[] seeds = [.. Enumerable.Range(firstSeed, count)];
        Module[] modules = [.. seeds.Select(seed => RandomFormula.Create(seed))];
        WeftAssembly? all = null;
        try
        {
            all = WeftAssembly.Compile(modules.Select((module, i) => (module, Options(module, scalar, seeds[i]))));
        }
        catch (Exception)
        {
            // One that does not compile stops them all: each is then tried on its own, to find and shrink it.
        }

        using (all)
        {
            (int Seed, Module Module, string Fault)[] faults =
            [
                .. from pair in seeds.Zip(modules)
                   let fault = all is null ? Alone<T>(pair.Second, scalar, pair.First) : Fault(all.Create<T>, pair.Second, pair.First)
                   where fault is not null
                   select (pair.First, pair.Second, fault),
            ];
            return faults.Length > 0 ? Explain<T>(faults, scalar, count)
                : all is null ? "Each module compiles alone, but not all together."
                : "";
        }
    }

    /// <summary>The smallest module that fails, as Weft, and what else does.</summary>
    private static string Explain<T>((int Seed, Module Module, string Fault)[] faults, Scalar scalar, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (int seed, Module module, string fault) = faults.MinBy(candidate => Shrinker.Weight(candidate.Module));
        Module small = Shrinker.Shrink(module, candidate => Alone<T>(candidate, scalar, seed) is not null, attempts: 100);
        IEnumerable<string> all = faults.Select(candidate => string.Create(
            CultureInfo.InvariantCulture, $"  seed {candidate.Seed}: {candidate.Fault.Split('\n')[0]}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            {faults.Length} of {count} modules fail:
            {string.Join('\n', all)}
            Seed {seed}: {fault}
            {AlgebraPrinter.Print(module)}
            Shrunk: {Alone<T>(small, scalar, seed)}
            {AlgebraPrinter.Print(small)}
            """);
    }

    /// <summary>What is wrong with a module that is compiled by itself, or null.</summary>
    private static string? Alone<T>(Module module, Scalar scalar, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        try
        {
            using WeftAssembly assembly = WeftAssembly.Compile([(module, Options(module, scalar, seed))]);
            return Fault(assembly.Create<T>, module, seed);
        }
        catch (Exception exception)
        {
            return exception.ToString();
        }
    }

    /// <summary>Every other module has a pass for a few rows, faster or not, and what can be done by blocks is done by small ones.</summary>
    private static GenerateOptions Options(Module module, Scalar scalar, int seed) =>
        new(module.Name, Scalar: scalar, FewRowsGain: seed % 2 == 0 ? 0 : new GenerateOptions("").FewRowsGain) { BlockElements = BlockTests.Elements };

    private static string? Fault<T>(Func<string, Map<T>> create, Module module, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        try
        {
            using Map<T> map = create(module.Name);
            return FormulaBattery.Fault(module, map, seed);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return exception.ToString();
        }
    }
}
