using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Text;
using Weft.Fuzz.Inputs;
using Weft.Generators;
using Diagnostic = Microsoft.CodeAnalysis.Diagnostic;
using SourceText = Weft.Compiler.Text.SourceText;

namespace Weft.Fuzz.Targets;

/// <summary>The whole road: what the generator accepts becomes C# that compiles without a warning.</summary>
internal sealed class RoadTarget : TextTarget
{
    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest, DocumentationMode.Diagnose);

    private static readonly CSharpCompilation Empty = CSharpCompilation.Create(
        "Project",
        [],
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "netstandard.dll" or "mscorlib.dll" or "Weft.Runtime.dll" or "Weft.Vocabulary.dll"))
            .Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable, concurrentBuild: false));

    public override string Name => "road";

    // Roslyn's own trees are of the order of the code.
    public override long MostAllocated => 1L << 32;

    public override int BatchSize => 16;

    public override byte[] Make(Random random) => random.Next(4) switch
    {
        0 => Encoding.UTF8.GetBytes(new Sketch(random).Text),
        1 => Encoding.UTF8.GetBytes(Mutations.OfTokens(new Sketch(random).Text, random, 1)),
        2 => MutatedTokens(random, 1),
        _ => Encoding.UTF8.GetBytes(Called(random)),
    };

    public override void Run(byte[] input) => Compile(Generate(input, 0));

    public override IEnumerable<Failure> Run(IReadOnlyList<byte[]> inputs, Action<byte[]> starting)
    {
        var all = new List<SyntaxTree>();
        for (int i = 0; i < inputs.Count; i++)
        {
            IReadOnlyList<SyntaxTree> trees = [];
            starting(inputs[i]);
            if (Guard(inputs[i], () => trees = Generate(inputs[i], i)) is { } failure)
            {
                yield return failure;
            }

            all.AddRange(trees);
        }

        if (Guard([], () => Compile(all)) is not null)
        {
            foreach (Failure failure in inputs.Select(Fault).OfType<Failure>())
            {
                yield return failure;
            }
        }
    }

    /// <summary>A call of the library that binds, as a declaration of its sizes.</summary>
    private static string Called(Random random)
    {
        while (true)
        {
            string call = Texts.Call(random);
            if (WeftCompiler.BindFormula(new SourceText("t", call), [], "T").Modules.FirstOrDefault() is { } module)
            {
                string inputs = module.InputPorts.Count > 0 ? string.Join(", ", module.InputPorts) : module.Inputs.ToString(CultureInfo.InvariantCulture);
                return string.Create(CultureInfo.InvariantCulture, $"{(module.IsLinear ? "operator" : "layer")} t : {inputs} -> {module.Outputs} = {call}\n");
            }
        }
    }

    /// <summary>What the generator makes of a file in a project of its own namespace.</summary>
    private static IReadOnlyList<SyntaxTree> Generate(byte[] input, int number)
    {
        string text = Text(input);
        var options = new Options(string.Create(CultureInfo.InvariantCulture, $"Project.Part{number}"));
        GeneratorDriver driver = CSharpGeneratorDriver.Create([new WeftGenerator().AsSourceGenerator()], [new Source(text)], ParseOptions, options);
        GeneratorRunResult result = driver.RunGenerators(Empty).GetRunResult().Results.Single();
        if (result.Exception is { } exception)
        {
            throw new FuzzException($"the generator failed: {exception}");
        }

        if (result.Diagnostics.FirstOrDefault(diagnostic => diagnostic.Id == DiagnosticDescriptors.Internal.Id) is { } mistake)
        {
            throw new FuzzException($"the compiler failed: {mistake}");
        }

        return result.Diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error) ? [] : [.. result.GeneratedSources.Select(source => source.SyntaxTree)];
    }

    private static void Compile(IReadOnlyList<SyntaxTree> trees)
    {
        Diagnostic[] faults = [.. Empty.AddSyntaxTrees(trees).GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)];
        if (faults.Length > 0)
        {
            throw new FuzzException($"C# that does not compile {faults[0].Id}: {string.Join("\n", faults.Take(5).Select(fault => fault.ToString()))}");
        }
    }

    private sealed class Source(string text) : AdditionalText
    {
        private readonly Microsoft.CodeAnalysis.Text.SourceText _text = Microsoft.CodeAnalysis.Text.SourceText.From(text);

        public override string Path => "/project/t.weft";

        public override Microsoft.CodeAnalysis.Text.SourceText GetText(CancellationToken cancellationToken = default) => _text;
    }

    private sealed class Options(string rootNamespace) : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions { get; } = new Values(new Dictionary<string, string>
        {
            ["build_property.RootNamespace"] = rootNamespace,
            ["build_property.ProjectDir"] = "/project/",
        });

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => new Values([]);

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => new Values([]);

        private sealed class Values(Dictionary<string, string> values) : AnalyzerConfigOptions
        {
            public override bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out string? value) => values.TryGetValue(key, out value);
        }
    }
}
