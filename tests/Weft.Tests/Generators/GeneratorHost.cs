using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Weft.CodeFixes;
using Weft.Generators;

namespace Weft.Tests.Generators;

/// <summary>A project in memory that the generator runs in, and runs again after edits.</summary>
internal sealed class GeneratorHost
{
    public const string SourcePath = "/project/Program.cs";

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest, DocumentationMode.Diagnose);

    private static readonly MetadataReference[] References = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
        .Split(Path.PathSeparator)
        .Where(path => Path.GetFileName(path) is var name
            && (name.StartsWith("System.", StringComparison.Ordinal) || name is "netstandard.dll" or "mscorlib.dll" or "Weft.Runtime.dll" or "Weft.Vocabulary.dll" or "Weft.Runtime.OpenCl.dll" or "Weft.Fitting.dll" or "Weft.Solvers.dll" or "Weft.Dynamic.dll" or "Weft.Adapters.dll" or "Weft.Onnx.dll" or "Weft.Mpi.dll" or "OnnxSharp.dll"))
        .Select(path => (MetadataReference)MetadataReference.CreateFromFile(path))
        .ToArray();

    private readonly Options _options;
    private readonly Dictionary<string, WeftText> _files;
    private CSharpCompilation _compilation;
    private GeneratorDriver _driver;

    public GeneratorHost(string source, params (string Path, string Text)[] files)
        : this(new WeftGenerator(), source, files)
    {
    }

    public GeneratorHost(WeftGenerator generator, string source, params (string Path, string Text)[] files)
    {
        _files = files.ToDictionary(file => file.Path, file => new WeftText(file.Path, file.Text));
        _options = new Options();
        _compilation = CSharpCompilation.Create(
            "Project",
            [Parse(source)],
            References,
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        _driver = CSharpGeneratorDriver.Create(
            [generator.AsSourceGenerator()],
            _files.Values,
            ParseOptions,
            _options,
            new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
        SetProperty("RootNamespace", "Project");
        SetProperty("ProjectDir", "/project/");
    }

    public GeneratorHost SetProperty(string name, string value) => SetOptions(_options.WithGlobal("build_property." + name, value));

    public GeneratorHost SetMetadata(string path, string name, string value) =>
        SetOptions(_options.WithFile(path, "build_metadata.AdditionalFiles." + name, value));

    public GeneratorHost EditSource(string source)
    {
        _compilation = _compilation.ReplaceSyntaxTree(_compilation.SyntaxTrees[0], Parse(source));
        return this;
    }

    public GeneratorHost EditFile(string path, Func<string, string> edit)
    {
        WeftText before = _files[path];
        var after = new WeftText(path, edit(before.GetText().ToString()));
        _driver = _driver.ReplaceAdditionalText(before, after);
        _files[path] = after;
        return this;
    }

    public GeneratorHost AllowUnsafe(bool allow)
    {
        _compilation = _compilation.WithOptions(_compilation.Options.WithAllowUnsafe(allow));
        return this;
    }

    public GeneratorHost ReferenceIlgpu()
    {
        _compilation = _compilation.AddReferences(MetadataReference.CreateFromFile(typeof(ILGPU.Context).Assembly.Location));
        return this;
    }

    /// <summary>The source has statements of its own, outside any type.</summary>
    public GeneratorHost AsProgram()
    {
        _compilation = _compilation.WithOptions(_compilation.Options.WithOutputKind(OutputKind.ConsoleApplication));
        return this;
    }

    /// <summary>What an editor offers to change, where, and the source with that change alone.</summary>
    public async Task<IReadOnlyList<(string Title, string Place, string Changed)>> OfferedAsync()
    {
        using var workspace = new AdhocWorkspace();
        SourceText text = await _compilation.SyntaxTrees[0].GetTextAsync();
        Document document = workspace.AddProject("Project", LanguageNames.CSharp).AddDocument("Program.cs", text);
        ImmutableArray<Diagnostic> remedies = await _compilation
            .WithAnalyzers([new RemedyAnalyzer()], new AnalyzerOptions([.. _files.Values]))
            .GetAnalyzerDiagnosticsAsync();
        var offered = new List<(string, string, string)>();
        foreach (Diagnostic remedy in remedies.OrderBy(remedy => remedy.Location.SourceSpan.Start))
        {
            CodeAction? action = null;
            await new RemedyFix().RegisterCodeFixesAsync(new CodeFixContext(document, remedy, (found, _) => action = found, CancellationToken.None));
            var change = (ApplyChangesOperation)(await action!.GetOperationsAsync(CancellationToken.None)).Single();
            SourceText changed = await change.ChangedSolution.GetDocument(document.Id)!.GetTextAsync();
            offered.Add((action.Title, text.ToString(remedy.Location.SourceSpan), changed.ToString()));
        }

        return offered;
    }

    public GeneratorRun Run()
    {
        _driver = _driver.RunGeneratorsAndUpdateCompilation(_compilation, out Compilation output, out _);
        return new GeneratorRun(_driver.GetRunResult().Results.Single(), output);
    }

    private static SyntaxTree Parse(string source) =>
        CSharpSyntaxTree.ParseText(SourceText.From(source, System.Text.Encoding.UTF8), ParseOptions, SourcePath);

    private GeneratorHost SetOptions(Options options)
    {
        _options.Replace(options);
        _driver = _driver.WithUpdatedAnalyzerConfigOptions(options);
        return this;
    }

    private sealed class WeftText(string path, string text) : AdditionalText
    {
        private readonly SourceText _text = SourceText.From(text);

        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => _text;
    }

    private sealed class Options : AnalyzerConfigOptionsProvider
    {
        private ImmutableDictionary<string, string> _global = ImmutableDictionary<string, string>.Empty;
        private ImmutableDictionary<(string Path, string Key), string> _files = ImmutableDictionary<(string, string), string>.Empty;

        public override AnalyzerConfigOptions GlobalOptions => new Lookup(_global.TryGetValue);

        public Options WithGlobal(string key, string value) => new() { _global = _global.SetItem(key, value), _files = _files };

        public Options WithFile(string path, string key, string value) =>
            new() { _global = _global, _files = _files.SetItem((path, key), value) };

        public void Replace(Options other) => (_global, _files) = (other._global, other._files);

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => new Lookup(_global.TryGetValue);

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) =>
            new Lookup((string key, out string? value) => _files.TryGetValue((textFile.Path, key), out value));
    }

    private delegate bool TryGet(string key, out string? value);

    private sealed class Lookup(TryGet tryGet) : AnalyzerConfigOptions
    {
        public override bool TryGetValue(string key, [NotNullWhen(true)] out string? value) => tryGet(key, out value);
    }
}

/// <summary>What one run of the generator made.</summary>
internal sealed record GeneratorRun(GeneratorRunResult Result, Compilation Output)
{
    public ImmutableArray<Diagnostic> Diagnostics => Result.Diagnostics;

    public IEnumerable<string> Files => Result.GeneratedSources.Select(source => source.HintName).Order(StringComparer.Ordinal);

    /// <summary>The generator said nothing, and the whole project compiles without a warning.</summary>
    public GeneratorRun AssertClean()
    {
        Assert.Null(Result.Exception);
        Assert.Empty(Diagnostics);
        Assert.Empty(Output.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning));
        return this;
    }

    public INamedTypeSymbol Type(string name) =>
        Output.GetTypeByMetadataName(name) ?? throw new ArgumentException($"There is no type {name} among {string.Join(", ", Files)}.");

    /// <summary>Why each output of a step is there: new, changed, or as before.</summary>
    public IEnumerable<IncrementalStepRunReason> Reasons(string step) => Result.TrackedSteps.TryGetValue(step, out var runs)
        ? runs.SelectMany(run => run.Outputs).Select(output => output.Reason)
        : [];
}
