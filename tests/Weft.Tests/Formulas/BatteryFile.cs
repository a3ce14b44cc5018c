using System.Numerics;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Dynamic;
using Weft.Tests.Binding;

namespace Weft.Tests.Formulas;

/// <summary>
/// Maps of one compilation, and what the interpreter expects of each, in a folder: processes that differ in what they may use of the processor
/// run them without compiling and interpreting anything.
/// </summary>
internal static class BatteryFile
{
    private const string Code = ".dll", Expectations = ".expectations";

    /// <summary>Modules, each with how it becomes a type, the seed of its numbers, and the sizes of its batches if they are not those of the seed.</summary>
    public sealed record Subject(Module Module, GenerateOptions Options, int Seed, int[]? Batches = null);

    /// <summary>Texts as subjects with names of their own.</summary>
    public static IEnumerable<Subject> Subjects(string name, Scalar scalar, IEnumerable<string> texts, int[]? batches = null, int? blockElements = null) => texts.Select((text, i) =>
    {
        string type = FormattableString.Invariant($"{name}{scalar}{i}");
        return new Subject(TestModules.Formula(text) with { Name = type }, new GenerateOptions(type, Scalar: scalar) { BlockElements = blockElements }, i, batches);
    });

    public static void Write(string folder, string name, IReadOnlyCollection<Subject> subjects)
    {
        using var image = new MemoryStream();
        WeftAssembly.Emit(subjects.Select(subject => (subject.Module, subject.Options)), image);
        image.Position = 0;
        using WeftAssembly all = WeftAssembly.Load(image);
        Write(folder, name, image.ToArray(), all, subjects);
    }

    /// <summary>Writes an assembly's file, and what is expected of types in it.</summary>
    public static void Write(string folder, string name, byte[] image, WeftAssembly all, IReadOnlyCollection<Subject> subjects)
    {
        File.WriteAllBytes(Path.Combine(folder, name + Code), image);
        using var file = new BinaryWriter(File.Create(Path.Combine(folder, name + Expectations)));
        file.Write(subjects.Count);
        foreach (Subject subject in subjects)
        {
            file.Write(subject.Options.TypeName);
            file.Write(AlgebraPrinter.Print(subject.Module));
            file.Write(subject.Options.Scalar == Scalar.Float);
            if (subject.Options.Scalar == Scalar.Float)
            {
                Expect<float>(subject);
            }
            else
            {
                Expect<double>(subject);
            }
        }

        void Expect<T>(Subject subject)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            using Map<T> map = all.Create<T>(subject.Options.TypeName);
            FormulaBattery.Expect(subject.Module, map, subject.Seed, subject.Batches).Write(file);
        }
    }

    /// <summary>What is wrong with the maps in this process; nothing, if they are right.</summary>
    public static string Faults(string folder) => string.Concat(Directory.EnumerateFiles(folder, "*" + Code).Order(StringComparer.Ordinal).Select(FaultsOf));

    private static string FaultsOf(string code)
    {
        using FileStream image = File.OpenRead(code);
        using WeftAssembly all = WeftAssembly.Load(image);
        using var file = new BinaryReader(File.OpenRead(Path.ChangeExtension(code, Expectations)));
        return string.Concat(file.ReadEach(() =>
        {
            (string name, string formula, bool isFloat) = (file.ReadString(), file.ReadString(), file.ReadBoolean());
            var expected = Expectation.Read(file);
            string? fault = isFloat ? Fault<float>(name, expected) : Fault<double>(name, expected);
            return fault is null ? "" : $"{name}: {fault}\n{formula}\n";
        }));

        string? Fault<T>(string name, Expectation expected)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            try
            {
                using Map<T> map = all.Create<T>(name);
                return FormulaBattery.Fault(expected, map);
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                return exception.ToString();
            }
        }
    }
}
