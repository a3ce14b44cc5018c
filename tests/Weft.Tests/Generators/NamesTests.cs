using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.Compiler.Emission;

namespace Weft.Tests.Generators;

/// <summary>Whatever users call their types, namespaces, parameters and declarations, and write in comments: what is generated compiles.</summary>
public class NamesTests
{
    private const BindingFlags Inherited = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

    /// <summary>Maps that between them use every part of the runtime that generated code can name.</summary>
    private const string Maps = """
        operator kron_pair : 64 -> 64 = kronecker([8, 8], [8, 8])
        operator chain : 8 -> 8 = hra(8, 8, 4)
        operator quantized_map : 64 -> 32
          frozen(int4, 32) W[32, 64]
          param(bf16) B[32, 64]
          = W + B
        operator sparse : 32 -> 32 = constant_fan_in(32, 32, 4)
        operator transform : 16 -> 16
          param d[16]
          y[i] = floor(abs(i) % 3) * d[i] * x[i]
        operator hadamard_map : 8 -> 8 = wht(8) * diagonal(8)
        layer deep : 8 -> 8 = softmax . bias . dense(8, 8) . normalize_rows . gelu . dense(8, 8)

        """;

    /// <summary>Names of the runtime's types, as a user might name one of his own.</summary>
    private static IEnumerable<string> RuntimeTypes => typeof(Map<float>).Assembly.GetExportedTypes()
        .Select(type => type.Name.Split('`')[0])
        .Where(name => name != "WeftAttribute")
        .Distinct();

    /// <summary>What every map has and could be hidden by a property.</summary>
    private static IEnumerable<string> Members => new[] { typeof(Map<float>), typeof(LinearMap<float>), typeof(object) }
        .SelectMany(type => type.GetMembers(Inherited))
        .Where(member => member switch
        {
            ConstructorInfo => false,
            MethodBase method => IsVisible(method),
            PropertyInfo property => property.GetAccessors(nonPublic: true).Any(IsVisible),
            Type nested => nested.IsNestedPublic || nested.IsNestedFamily,
            _ => member is not FieldInfo { IsPrivate: true } and not FieldInfo { IsAssembly: true },
        })
        .Select(member => member.Name)
        .Where(name => Regex.IsMatch(name, "^[A-Za-z]+$"))
        .Distinct();

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    [Fact]
    public void TheTableOfMembers_IsComplete() =>
        Assert.All(Members, name => Assert.True(GeneratedNames.IsMember(name), name));

    [Fact]
    public void EveryTypeIsNamedFromTheRoot()
    {
        GeneratorRun run = new GeneratorHost("", ("/project/a.weft", Maps)).SetProperty("WeftTargets", "opencl,ilgpu").ReferenceIlgpu().Run().AssertClean();
        foreach (SyntaxTree tree in run.Result.GeneratedSources.Where(source => source.HintName != "Weft.Ilgpu.g.cs").Select(source => source.SyntaxTree))
        {
            SemanticModel model = run.Output.GetSemanticModel(tree);
            IEnumerable<string> unrooted = tree.GetRoot().DescendantNodes()
                .OfType<SimpleNameSyntax>()
                .Where(name => !name.IsVar && name.FirstAncestorOrSelf<UsingDirectiveSyntax>() is null && IsLeftmost(name) && IsOfTheRuntime(model.GetSymbolInfo(name).Symbol))
                .Select(name => name.ToString())
                .Distinct();
            Assert.Empty(unrooted);
        }
    }

    private static bool IsLeftmost(SimpleNameSyntax name) => name.Parent switch
    {
        QualifiedNameSyntax qualified => qualified.Left == name,
        MemberAccessExpressionSyntax access => access.Expression == name,
        AliasQualifiedNameSyntax => false,
        _ => true,
    };

    private static bool IsOfTheRuntime(ISymbol? symbol) => symbol switch
    {
        INamespaceSymbol space => space.Name != "Project",
        INamedTypeSymbol type => type.ContainingType is null && type.ContainingNamespace.Name != "Project",
        IMethodSymbol { MethodKind: MethodKind.Constructor } constructor => IsOfTheRuntime(constructor.ContainingType),
        _ => false,
    };

    [Fact]
    public void TypesOfUsers_CanHaveTheRuntimesNames()
    {
        string types = string.Concat(RuntimeTypes.Concat(["System", "Span", "Math", "ILGPU", "Weft", "Kernels", "String"]).Select(name => $"internal class {name};\n"));
        AssertCompiles("namespace Project;\n" + types, Maps, "opencl,ilgpu");
    }

    [Fact]
    public void NamespacesOfUsers_CanHaveTheRuntimesNames()
    {
        string namespaces = string.Concat(RuntimeTypes.Concat(["System", "Span", "Math", "ILGPU", "Weft"]).Select(name => $"namespace Project.{name} {{ internal class C; }}\n"));
        AssertCompiles(namespaces, Maps, "opencl,ilgpu");
    }

    [Fact]
    public void Parameters_CanHaveTheNamesOfMembersAndTypes()
    {
        string[] names = [.. Members.Concat(["Role", "Layouts", "kernel1", "Kernel2Tile", "Facts", "Passes", "W", "w", "rows", "first", "System", "global", "T"]).Distinct(StringComparer.OrdinalIgnoreCase)];
        IEnumerable<string> operators = names.Chunk(8).Select((some, k) =>
            $"operator some_{k} : {2 * some.Length} -> {2 * some.Length}\n  param {string.Join(", ", some.Select(name => name + "[2]"))}\n"
            + $"  = dirsum({string.Join(", ", some.Select(name => $"diag({name})"))})\n");
        AssertCompiles("", string.Concat(operators) + "operator family : 6 -> 6\n  param kernel(k < 3)[2]\n  = dirsum(k < 3) diag(kernel[k])\n");
    }

    [Fact]
    public void Declarations_CanHaveTheNamesOfMembersAndTypes()
    {
        IEnumerable<string> names = Members.Concat(["role", "layouts", "kernel1", "kernel2_tile", "facts", "passes", "prepare_few_rows", "system", "string"])
            .DistinctBy(name => name.Replace("_", "", StringComparison.Ordinal), StringComparer.OrdinalIgnoreCase);
        AssertCompiles("", string.Concat(names.Select(name => $"operator {name} : 2 -> 2\n  param {name}_w[2]\n  = diag({name}_w)\n")));
    }

    [Fact]
    public void InputsAndOutputs_CanHaveTheNamesOfMembersAndOfWhatTheirMethodsDeclare()
    {
        string[] names = [.. Members.Concat(["loss", "gradient", "mean", "TLoss", "nameof", "rows", "results", "gradients", "x", "dx", "Facts", "Passes", "System", "global", "this", "async", "value"]).Distinct()];
        AssertCompiles("", string.Concat(names.Chunk(4).Where(some => some.Length == 4).Select((some, k) =>
            $"layer some_{k} : {some[0]}[2], {some[1]}[2], at[2] < 2 -> {some[2]}[2], {some[3]}[2]\n  {some[2]}[a] = {some[0]}[a]\n  {some[3]}[a] = {some[1]}[at[a]]\n")));
    }

    [Theory]
    [InlineData("forward")]
    [InlineData("Gradient")]
    [InlineData("loss_gradient")]
    public void LayersOfInputsWithNames_CanBeNamedLikeTheirMethods(string name) =>
        AssertCompiles("", $"layer {name} : a[2], b[2] -> y[2]\n  y[i] = a[i] * b[i]\n");

    [Theory]
    [InlineData("/// a\u2028b", "")]
    [InlineData("/// a\u2029b", "")]
    [InlineData("/// a\u0085b", "")]
    [InlineData("/// a\rb", "")]
    [InlineData("/// <b> & \u0001 \uD83D\uDE00 \uD83D \uFFFE */", "")]
    [InlineData("", "// a\u2028 \u2029 \u0085 \r \u0001 \" \\ {0} \uD83D")]
    public void Comments_CanHoldAnything(string documentation, string comment) =>
        AssertCompiles("", $"{documentation}\noperator commented : 2 -> 2\n  param d[2] {comment}\n  = diag(d)\n");

    [Theory]
    [InlineData("@required")]
    [InlineData("@file")]
    [InlineData("@scoped")]
    [InlineData("@record")]
    [InlineData("@var")]
    [InlineData("@field")]
    [InlineData("@extension")]
    [InlineData("Role")]
    [InlineData("Distribution")]
    [InlineData("Span")]
    [InlineData("System")]
    public void Classes_CanHaveAnyName(string name) =>
        AssertCompiles($"namespace Project; [global::Weft.Weft(\"gelu . bias . dense(4, 4)\")] public partial class {name};", "", "opencl,ilgpu");

    [Theory]
    [InlineData("Facts")]
    [InlineData("Passes")]
    [InlineData("Gradient")]
    public void Classes_NamedLikeTheirMembers_AreRefused(string name)
    {
        GeneratorRun run = new GeneratorHost($"[Weft.Weft(\"dense(4, 4)\")] public partial class {name};").Run();
        Assert.Equal("WEFT0401", Assert.Single(run.Diagnostics).Id);
    }

    [Theory]
    [InlineData("dense(4, 4)", "LinearMap<double>", "LinearMap<float>")]
    [InlineData("dense(4, 4)", "Map<float>", "LinearMap<float>")]
    [InlineData("gelu . dense(4, 4)", "LinearMap<float>", "Map<float>")]
    public void Classes_WithTheBaseOfAnotherMap_AreRefused(string formula, string written, string right)
    {
        GeneratorRun run = new GeneratorHost($"using Weft; [Weft(\"{formula}\")] public partial class C : {written};").Run();
        Diagnostic diagnostic = Assert.Single(run.Diagnostics);
        Assert.Equal(
            $"WEFT0402 'C' derives from '{written}': the generated part makes it derive from {right}, and a class has one base",
            $"{diagnostic.Id} {diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}");
    }

    [Theory]
    [InlineData("public int W;", "'W', which its generated part has for the parameter 'W': expected another name")]
    [InlineData("private static void Bias() { }", "'Bias', which its generated part has for the parameter 'bias': expected another name")]
    [InlineData("class Passes;", "'Passes', which its generated part has for what the map does: expected another name")]
    [InlineData("public C() { }", "a constructor without parameters, which its generated part has for new maps: expected one with parameters that calls ': this()', or a method")]
    public void Members_OfTheGeneratedPart_AreRefusedInTheUsers(string member, string expected)
    {
        GeneratorRun run = new GeneratorHost($"[Weft.Weft(\"bias . dense(4, 4)\")] public partial class C {{ {member} }}").Run();
        Diagnostic diagnostic = Assert.Single(run.Diagnostics);
        Assert.Equal(("WEFT0409", $"'C' declares {expected}"), (diagnostic.Id, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void Members_OfUsers_CanBeAnythingElse() => AssertCompiles(
        "[Weft.Weft(\"bias . dense(4, 4)\")] public partial class C { internal C(int seed) : this() => Initialize(seed); static C() { } internal int Rows { get; set; } internal void Forward(float[] x) { } internal class Kernel1; }",
        "");

    private static void AssertCompiles(string source, string text, string targets = "cpu") =>
        new GeneratorHost(source, ("/project/a.weft", text)).SetProperty("WeftTargets", targets).ReferenceIlgpu().Run().AssertClean();
}
