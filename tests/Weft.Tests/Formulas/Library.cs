using System.Globalization;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>
/// The standard library, compiled once for all tests that run it: in double precision for the processor alone; in single precision at the sizes that
/// parameters are counted at with the kernels for both devices beside it, and at the larger ones without.
/// </summary>
internal static class Library
{
    /// <summary>The sizes that parameters are counted at.</summary>
    public static readonly string[] Small = [.. ((IEnumerable<object[]>)StandardLibraryTests.Operators).Select(row => (string)row[0])];

    /// <summary>Those, and then the larger ones.</summary>
    public static readonly string[] Formulas = [.. Small, .. LibraryFormulasTests.LargerSizes];

    /// <summary>In the order of the formulas; the names of the types are theirs.</summary>
    public static readonly Module[] Modules =
        [.. Formulas.Select((formula, i) => TestModules.Formula(formula) with { Name = string.Create(CultureInfo.InvariantCulture, $"F{i}") })];

    /// <summary>Those of the small ones that devices have all parts of.</summary>
    public static readonly Module[] OnDevices = [.. Modules.Take(Small.Length).Where(module => module.RunsOnDevices())];

    private static readonly Lazy<byte[]> FloatImage = new(() => Image(Scalar.Float));
    private static readonly Lazy<WeftAssembly> Float = new(() => WeftAssembly.Load(new MemoryStream(FloatImage.Value)));
    private static readonly Lazy<WeftAssembly> Double = new(() => WeftAssembly.Load(new MemoryStream(Image(Scalar.Double))));

    /// <summary>The file of the types in single precision.</summary>
    public static byte[] InFloat => FloatImage.Value;

    public static WeftAssembly Compiled(Scalar scalar) => scalar == Scalar.Float ? Float.Value : Double.Value;

    private static byte[] Image(Scalar scalar)
    {
        using var image = new MemoryStream();
        WeftAssembly.Emit(Modules.SelectMany((module, i) => Units(module, scalar, withDevices: scalar == Scalar.Float && i < Small.Length && module.RunsOnDevices())), image);
        return image.ToArray();
    }

    private static IEnumerable<(Module Module, GenerateOptions Options)> Units(Module module, Scalar scalar, bool withDevices)
    {
        var options = new GenerateOptions(module.Name, Scalar: scalar, Targets: withDevices ? DeviceTargets.OpenCl | DeviceTargets.Ilgpu : DeviceTargets.None)
        {
            BlockElements = scalar == Scalar.Double ? BlockTests.Elements : null,
        };
        return withDevices ? [(module, options), (module, options.ForIlgpu("public"))] : [(module, options)];
    }
}
