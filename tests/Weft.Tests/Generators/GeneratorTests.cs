using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using Weft.Compiler;
using Weft.Compiler.Explanation;
using Weft.Generators;

namespace Weft.Tests.Generators;

public class GeneratorTests
{
    private const string Empty = "";
    private const string Square = "operator square : 4 -> 4 = dense(4, 4)\n";

    [Fact]
    public void Attribute_MakesTheClassALinearMap()
    {
        GeneratorRun run = new GeneratorHost("""[Weft.Weft("dense(4, 4)")] public partial class Mixer;""").Run().AssertClean();

        Assert.Equal("Weft.LinearMap<float>", run.Type("Mixer").BaseType!.ToDisplayString());
        Assert.Equal(["Mixer.g.cs"], run.Files);
    }

    [Fact]
    public void Attribute_SeesTheProjectsFiles()
    {
        new GeneratorHost("""[Weft.Weft("square")] public partial class Mixer;""", ("/project/a.weft", Square)).Run().AssertClean();
    }

    [Theory]
    [InlineData("namespace A.B; [Weft.Weft(\"dense(4, 4)\")] partial class C;", "A.B.C")]
    [InlineData("namespace A { partial class O { partial struct P { [Weft.Weft(\"dense(4, 4)\")] private partial class C; } } }", "A.O+P+C")]
    [InlineData("partial record O { [Weft.Weft(\"dense(4, 4)\")] internal sealed partial class C; }", "O+C")]
    [InlineData("partial interface I { [Weft.Weft(\"dense(4, 4)\")] partial class C; }", "I+C")]
    [InlineData("namespace @class; [Weft.Weft(\"dense(4, 4)\")] partial class @event;", "class.event")]
    [InlineData("[Weft.Weft(\"dense(4, 4)\")] partial class C : Weft.LinearMap<float>;", "C")]
    [InlineData("using Weft; [Weft(formula: (\"dense(4, 4)\"))] partial class C;", "C")]
    public void Attribute_FindsTheClassWhereverItIs(string source, string name)
    {
        GeneratorRun run = new GeneratorHost(source).Run().AssertClean();

        Assert.Equal("LinearMap", run.Type(name).BaseType!.Name);
    }

    [Fact]
    public void Attribute_OptionsComeBeforeTheProjects()
    {
        const string Source = """
            using Weft;
            [Weft("dense(4, 4)")] partial class A;
            [Weft("dense(4, 4)", Scalar = WeftScalar.Float, Batch = 8)] partial class B;
            """;
        GeneratorRun run = new GeneratorHost(Source).SetProperty("WeftScalar", "double").Run().AssertClean();

        Assert.Equal("Weft.LinearMap<double>", run.Type("A").BaseType!.ToDisplayString());
        Assert.Equal("Weft.LinearMap<float>", run.Type("B").BaseType!.ToDisplayString());
    }

    [Fact]
    public void Targets_AddAProgramForDevices()
    {
        const string Source = """
            using Weft;
            [Weft("dense(4, 4)")] partial class A;
            [Weft("dense(4, 4)", Targets = WeftTargets.OpenCl)] partial class B;
            [Weft("dense(4, 4)", Targets = WeftTargets.Cpu)] partial class C;
            """;
        GeneratorHost Host() => new(Source, ("/project/a.weft", Square));
        bool[] Programs(GeneratorRun run) =>
            [.. new[] { "A", "B", "C", "Project.Square" }.Select(name => run.Type(name).GetTypeMembers("Passes").Single().GetMembers("CreateDeviceProgram").Length == 1)];

        Assert.Equal([false, true, false, false], Programs(Host().Run().AssertClean()));
        Assert.Equal([true, true, false, true], Programs(Host().SetProperty("WeftTargets", "opencl").Run().AssertClean()));
        Assert.Equal([false, true, false, true], Programs(Host().SetMetadata("/project/a.weft", "WeftTargets", "OpenCL").Run().AssertClean()));
    }

    [Fact]
    public void Ilgpu_AddsTypesForAccelerators_WhereItIsReferenced()
    {
        const string Source = """
            using Weft;
            [Weft("dense(4, 4)")] partial class A;
            [Weft("dense(4, 4)", Targets = WeftTargets.OpenCl)] partial class B;
            [Weft("dense(4, 4)", Targets = WeftTargets.OpenCl | WeftTargets.Ilgpu)] partial class C;
            namespace Inner { partial class Outer { [Weft("shuffle(2, 3)", Scalar = WeftScalar.Double)] private partial class @class; } }
            """;
        GeneratorHost Host() => new(Source, ("/project/a.weft", Square));
        string[] Added(GeneratorRun run) => [.. run.Files.Where(file => file.Contains("Gpu", StringComparison.OrdinalIgnoreCase) || file.Contains("Ilgpu", StringComparison.Ordinal))];

        Assert.Empty(Added(Host().Run().AssertClean()));
        Assert.Equal(
            ["AGpu.g.cs", "CGpu.g.cs", "Inner.Outer.classGpu.g.cs", "Project.SquareGpu.g.cs", "Weft.Ilgpu.g.cs"],
            Added(Host().ReferenceIlgpu().Run().AssertClean()));
        Assert.Equal(["CGpu.g.cs", "Weft.Ilgpu.g.cs"], Added(Host().ReferenceIlgpu().SetProperty("WeftTargets", "cpu").Run().AssertClean()));
        Assert.Empty(Added(new GeneratorHost(Empty).ReferenceIlgpu().Run().AssertClean()));

        GeneratorRun run = Host().ReferenceIlgpu().Run();
        Assert.Equal(Accessibility.Public, run.Type("Project.SquareGpu").DeclaredAccessibility);
        Assert.Equal(Accessibility.Internal, run.Type("AGpu").DeclaredAccessibility);
        Assert.Equal(Accessibility.Private, run.Type("Inner.Outer+classGpu").DeclaredAccessibility);
        Assert.Equal("Project.Square", run.Type("Project.SquareGpu").GetMembers("Map").OfType<IPropertySymbol>().Single().Type.ToDisplayString());
    }

    [Fact]
    public void Ilgpu_TypeThatSomethingElseIsToo_IsRefused()
    {
        GeneratorRun run = new GeneratorHost(Empty, ("/project/a.weft", Square + "\noperator square_gpu : 4 -> 4 = dense(4, 4)")).ReferenceIlgpu().Run();
        Assert.Equal("WEFT0405", Assert.Single(run.Diagnostics).Id);
    }

    [Theory]
    [InlineData("/project/a.weft", "Project.Square")]
    [InlineData("/project/Maps/my-fast/1d/a.weft", "Project.Maps.my_fast._1d.Square")]
    [InlineData("/project/class/a.weft", "Project.class.Square")]
    [InlineData("/elsewhere/Maps/a.weft", "Project.Square")]
    public void File_GetsTheNamespaceOfItsFolder(string path, string type)
    {
        GeneratorRun run = new GeneratorHost(Empty, (path, Square)).Run().AssertClean();

        Assert.Equal(Accessibility.Public, run.Type(type).DeclaredAccessibility);
    }

    [Fact]
    public void File_NamesBecomePascalCase()
    {
        GeneratorRun run = new GeneratorHost(
            Empty, ("/project/a.weft", "operator vb_lora_2 : 4 -> 4 = dense(4, 4)\noperator DCT : 4 -> 4 = dense(4, 4)\n")).Run().AssertClean();

        Assert.Equal(["Project.DCT.g.cs", "Project.VbLora2.g.cs"], run.Files);
    }

    [Fact]
    public void File_TakesOptionsFromItsItemThenFromTheProject()
    {
        GeneratorRun run = new GeneratorHost(
                "namespace Other; internal partial class Square { public int Mine => Inputs; }",
                ("/project/a.weft", Square),
                ("/project/b.weft", "operator other : 4 -> 4 = dense(4, 4)\n"),
                ("/project/c.weft", "operator silent : 4 -> 4 = dense(4, 4)\n"))
            .SetProperty("WeftScalar", "Double")
            .SetMetadata("/project/a.weft", "WeftNamespace", "Other")
            .SetMetadata("/project/a.weft", "WeftVisibility", "internal")
            .SetMetadata("/project/b.weft", "WeftScalar", "float")
            .SetMetadata("/project/c.weft", "WeftGenerate", "false")
            .Run()
            .AssertClean();

        Assert.Equal(["Other.Square.g.cs", "Project.Other.g.cs"], run.Files);
        Assert.Equal("Weft.LinearMap<double>", run.Type("Other.Square").BaseType!.ToDisplayString());
        Assert.Equal(Accessibility.Internal, run.Type("Other.Square").DeclaredAccessibility);
        Assert.Equal("Weft.LinearMap<float>", run.Type("Project.Other").BaseType!.ToDisplayString());
    }

    [Theory]
    [InlineData("WeftScalar", "half", "WeftScalar is 'half': expected 'float' or 'double'")]
    [InlineData("WeftBatch", "0", "WeftBatch is '0': expected a number of rows from 1")]
    [InlineData("WeftVisibility", "private", "WeftVisibility is 'private': expected 'public' or 'internal'")]
    [InlineData("WeftTargets", "vulkan", "WeftTargets is 'vulkan': expected 'cpu', 'opencl', 'ilgpu', or 'opencl,ilgpu'")]
    [InlineData("WeftGenerate", "yes", "WeftGenerate is 'yes': expected 'true' or 'false'")]
    public void File_OptionWithoutMeaningIsRefused(string option, string value, string message)
    {
        Diagnostic diagnostic = Assert.Single(
            new GeneratorHost(Empty, ("/project/a.weft", Square)).SetMetadata("/project/a.weft", option, value).Run().Diagnostics);

        Assert.Equal(("WEFT0404", message), (diagnostic.Id, diagnostic.GetMessage()));
        Assert.Equal("/project/a.weft", diagnostic.Location.GetLineSpan().Path);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void File_DiagnosticIsAtItsPlace(string newLine)
    {
        string text = $"// héllo{newLine}operator a : 4 -> 4 = {newLine}  bad(4, 4){newLine}";
        GeneratorRun run = new GeneratorHost(Empty, ("/project/a.weft", text), ("/project/b.weft", Square)).Run();

        AssertPlace(run, "WEFT0100", "/project/a.weft", text, "bad");
        Assert.Equal(["Project.Square.g.cs"], run.Files);
    }

    [Theory]
    [InlineData("[Weft.Weft(\"dense(4, bad)\")] partial class C;")]
    [InlineData("[Weft.Weft(\"\\u0064ense(4,\\x20\\t\\U00000020bad)\")] partial class C;")]
    [InlineData("[Weft.Weft(\"// \\U0001F600 \\\"\\n dense(4, bad)\")] partial class C;")]
    [InlineData("[Weft.Weft(@\"// \"\"quoted\"\" \\n\n   dense(4,\n bad)\")] partial class C;")]
    [InlineData("[Weft.Weft(\"\"\"dense(4, bad)\"\"\")] partial class C;")]
    [InlineData("[Weft.Weft(\"\"\"\n    // \"\" \\n\n\n      dense(4,\n\n    bad)\n    \"\"\")] partial class C;")]
    [InlineData("[Weft.Weft(\"\"\"\"\r\n\t\t// \"\"\" x\r\n\r\n\t\t\tdense(4,\r\n\t\r\n\t\tbad)\r\n\t\t\"\"\"\")] partial class C;")]
    [InlineData("\n\n   [Weft.Weft((\"\"\"\ndense(4,\nbad)\n\"\"\"))] partial class C;")]
    public void Attribute_DiagnosticIsAtItsPlaceInTheLiteral(string source)
    {
        GeneratorRun run = new GeneratorHost(source).Run();

        AssertPlace(run, "WEFT0100", GeneratorHost.SourcePath, source, "bad");
        Assert.Empty(run.Files);
    }

    [Theory]
    [InlineData("[Weft.Weft(\"dense(4, \" + \"bad)\")] partial class C;", "\"dense(4, \" + \"bad)\"")]
    [InlineData("[Weft.Weft(C.Text)] partial class C { const string Text = \"dense(4, bad)\"; }", "C.Text")]
    [InlineData("[Weft.Weft($\"dense(4, {\"bad\"})\")] partial class C;", "$\"dense(4, {\"bad\"})\"")]
    public void Attribute_DiagnosticInAnythingButALiteralIsAtTheWholeArgument(string source, string argument)
    {
        AssertPlace(new GeneratorHost(source).Run(), "WEFT0100", GeneratorHost.SourcePath, source, argument);
    }

    [Theory]
    [InlineData("WEFT0400", "'Target' must be partial", "[Weft.Weft(\"dense(4, 4)\")] class Target;")]
    [InlineData("WEFT0400", "'Outer' must be partial", "class Outer { [Weft.Weft(\"dense(4, 4)\")] partial class Target; }")]
    [InlineData("WEFT0401", "a record", "[Weft.Weft(\"dense(4, 4)\")] partial record Target;")]
    [InlineData("WEFT0401", "static", "[Weft.Weft(\"dense(4, 4)\")] static partial class Target;")]
    [InlineData("WEFT0401", "abstract", "[Weft.Weft(\"dense(4, 4)\")] abstract partial class Target;")]
    [InlineData("WEFT0401", "generic", "[Weft.Weft(\"dense(4, 4)\")] partial class Target<T>;")]
    [InlineData("WEFT0401", "inside a generic type", "partial class Outer<T> { [Weft.Weft(\"dense(4, 4)\")] partial class Target; }")]
    [InlineData("WEFT0401", "local to its file", "[Weft.Weft(\"dense(4, 4)\")] file partial class Target;")]
    [InlineData("WEFT0401", "not a class", "[Weft.Weft(\"dense(4, 4)\")] partial struct Target;")]
    [InlineData("WEFT0402", "derives from 'Base'", "class Base; [Weft.Weft(\"dense(4, 4)\")] partial class Target : Base;")]
    public void Attribute_OnAnUnsuitableTypeIsRefusedAtItsName(string id, string message, string source)
    {
        GeneratorRun run = new GeneratorHost(source).Run();

        Diagnostic diagnostic = AssertPlace(run, id, GeneratorHost.SourcePath, source, "Target");
        Assert.Contains(message, diagnostic.GetMessage(), StringComparison.Ordinal);
        Assert.Empty(run.Files);
    }

    [Theory]
    [InlineData("WEFT0403", "\"\"", "[Weft.Weft(\"\")] partial class C;")]
    [InlineData("WEFT0403", "null!", "[Weft.Weft(null!)] partial class C;")]
    [InlineData("WEFT0404", "Batch = 0", "[Weft.Weft(\"dense(4, 4)\", Batch = 0)] partial class C;")]
    public void Attribute_UnusableArgumentIsRefusedAtItsPlace(string id, string place, string source)
    {
        AssertPlace(new GeneratorHost(source).Run(), id, GeneratorHost.SourcePath, source, place);
    }

    [Fact]
    public void Attribute_ArgumentsThatCSharpRefusesAreLeftToIt()
    {
        Assert.Empty(new GeneratorHost("[Weft.Weft] partial class A; [Weft.Weft(1)] partial class B; [Weft.Weft(\"x\", Batch = \"\")] partial class C;")
            .Run().Diagnostics.Where(diagnostic => diagnostic.Id == "WEFT9999"));
    }

    [Fact]
    public void UnsafeCodeThatIsNotAllowed_IsAskedForOnce()
    {
        var host = new GeneratorHost("", ("/project/a.weft", Square + "operator other : 4 -> 4 = dense(4, 4)\n"));
        GeneratorRun run = host.AllowUnsafe(false).Run();

        AssertPlace(run, "WEFT0407", "/project/a.weft", Square, "square");
    }

    [Fact]
    public void TwoDeclarationsOfOneType_AreRefusedAtTheSecond()
    {
        const string Source = """namespace Project; [Weft.Weft("dense(4, 4)")] public partial class Square;""";
        GeneratorRun run = new GeneratorHost(Source, ("/project/a.weft", Square)).Run();

        Diagnostic diagnostic = AssertPlace(run, "WEFT0405", GeneratorHost.SourcePath, Source, "Square");
        Assert.Equal("the type 'Project.Square' is declared at a.weft(1,10) too: neither is made", diagnostic.GetMessage());
    }

    [Fact]
    public void TwoAttributesOnPartsOfOneClass_AreRefusedAtTheSecond()
    {
        const string Source = "[Weft.Weft(\"dense(4, 4)\")] partial class C; [Weft.Weft(\"dense(4, 6)\")] partial class C;";

        AssertPlace(new GeneratorHost(Source).Run(), "WEFT0405", GeneratorHost.SourcePath, Source, "C");
    }

    [Fact]
    public void TwoFilesWithOneNameInTwoFolders_MakeTwoTypes()
    {
        GeneratorRun run = new GeneratorHost(Empty, ("/project/A/a.weft", Square), ("/project/B/a.weft", Square.Replace('4', '6'))).Run().AssertClean();

        Assert.Equal(["Project.A.Square.g.cs", "Project.B.Square.g.cs"], run.Files);
    }

    [Fact]
    public void Attribute_TakesAWholeText()
    {
        const string Source = """"
            [Weft.Weft("""
                /// A part.
                operator part(n) : n -> n
                  param A[n, n]
                  = A * A'

                layer whole : 6 -> 6 = gelu . bias . part(6)
                """)]
            partial class Whole;
            """";
        GeneratorRun run = new GeneratorHost(Source).Run().AssertClean();

        Assert.Equal("Weft.Map<float>", run.Type("Whole").BaseType!.ToDisplayString());
    }

    [Fact]
    public void TwoNamesThatDifferInCaseOnly_AreRefusedAtTheSecond()
    {
        const string Source = "[Weft.Weft(\"dense(4, 4)\")] partial class Square; [Weft.Weft(\"dense(4, 4)\")] partial class SQUARE;";

        AssertPlace(new GeneratorHost(Source).Run(), "WEFT0406", GeneratorHost.SourcePath, Source, "SQUARE");
    }

    [Fact]
    public void FailureOfTheCompiler_IsADiagnosticAndLeavesTheRestAlone()
    {
        var generator = new WeftGenerator((module, options, cancellationToken) => module.Name == "square"
            ? throw new InvalidOperationException("some\ncause")
            : new GeneratedType($"partial class {options.TypeName};", new ExplanationReport("", new MapCosts(0, 0, 0, 0), [], [], [])));
        GeneratorRun run = new GeneratorHost(generator, "[Weft.Weft(\"dense(4, 4)\")] partial class C;", ("/project/a.weft", Square)).Run();

        Diagnostic diagnostic = AssertPlace(run, "WEFT9999", "/project/a.weft", Square, "square");
        Assert.Contains("InvalidOperationException: some cause", diagnostic.GetMessage(), StringComparison.Ordinal);
        Assert.Equal(["C.g.cs"], run.Files);
    }

    /// <summary>The run gave one diagnostic, at the last occurrence of a text.</summary>
    private static Diagnostic AssertPlace(GeneratorRun run, string id, string path, string text, string place)
    {
        Assert.Null(run.Result.Exception);
        Diagnostic diagnostic = Assert.Single(run.Diagnostics);
        var span = new TextSpan(text.LastIndexOf(place, StringComparison.Ordinal), place.Length);
        LinePositionSpan lines = SourceText.From(text).Lines.GetLinePositionSpan(span);
        Assert.Equal((id, path, lines, span), (diagnostic.Id, diagnostic.Location.GetLineSpan().Path, diagnostic.Location.GetLineSpan().Span, diagnostic.Location.SourceSpan));
        return diagnostic;
    }
}
