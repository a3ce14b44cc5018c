using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Emission;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Generators.Models;

namespace Weft.Generators;

/// <summary>
/// Makes types from <c>.weft</c> files and from classes with <c>[Weft("…")]</c>. Each file is parsed by itself; all files
/// are bound together; and a bound module, which says nothing of where it was written, is what a type is generated from,
/// so that only a change of meaning generates it again.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class WeftGenerator : IIncrementalGenerator
{
    internal const string AttributeName = "Weft.WeftAttribute";

    private readonly CompileCache _cache;

    public WeftGenerator()
        : this(static (module, options, cancellationToken) => ModuleCompiler.Compile(module, options, cancellationToken))
    {
    }

    /// <summary>With another compiler behind it: tests count its calls, and make it fail.</summary>
    internal WeftGenerator(Func<Module, GenerateOptions, CancellationToken, GeneratedType> compile) => _cache = new CompileCache(compile);

    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValueProvider<ProjectOptions> project = context.AnalyzerConfigOptionsProvider
            .Select(static (options, _) => ProjectOptions.Read(options.GlobalOptions))
            .WithTrackingName(TrackingNames.ProjectOptions);

        IncrementalValuesProvider<AdditionalText> additional = context.AdditionalTextsProvider
            .Where(static file => file.Path.EndsWith(".weft", StringComparison.OrdinalIgnoreCase));

        IncrementalValueProvider<EquatableArray<WeftFileOptions>> fileOptions = additional
            .Combine(context.AnalyzerConfigOptionsProvider)
            .Select(static (pair, _) => WeftFileOptions.Read(
                pair.Left.Path, pair.Right.GetOptions(pair.Left), ProjectOptions.Read(pair.Right.GlobalOptions)))
            .WithTrackingName(TrackingNames.FileOptions)
            .Collect()
            .Select(static (options, _) => options.ToEquatable());

        IncrementalValueProvider<EquatableArray<ParsedText>> files = additional
            .Select(static (file, cancellationToken) =>
                new SourceText(file.Path, file.GetText(cancellationToken)?.ToString() ?? ""))
            .WithTrackingName(TrackingNames.Texts)
            .Select(static (text, _) => Parse(text))
            .WithTrackingName(TrackingNames.Parsed)
            .Collect()
            .Select(static (parsed, _) => InOrder(parsed))
            .WithTrackingName(TrackingNames.Files);

        IncrementalValueProvider<BoundFiles> bound = files
            .Select(static (parsed, cancellationToken) => Bind(parsed, cancellationToken))
            .WithTrackingName(TrackingNames.Bound);

        IncrementalValueProvider<bool> hasIlgpu = context.CompilationProvider
            .Select(static (compilation, _) => compilation.ReferencedAssemblyNames.Any(static name => name.Name == "ILGPU"))
            .WithTrackingName(TrackingNames.HasIlgpu);

        IncrementalValuesProvider<Declared<Unit>> declared = bound
            .Combine(fileOptions)
            .Combine(hasIlgpu)
            .SelectMany(static (pair, _) => UnitsOf(pair.Left.Left, pair.Left.Right, pair.Right));

        IncrementalValuesProvider<BoundAttribute> attributes = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                AttributeName,
                static (node, _) => node is TypeDeclarationSyntax,
                static (target, cancellationToken) => AttributeUse.Read((TypeDeclarationSyntax)target.TargetNode, (INamedTypeSymbol)target.TargetSymbol, target.Attributes[0], cancellationToken))
            .Where(static use => use is not null)
            .Select(static (use, _) => use!)
            .WithTrackingName(TrackingNames.AttributeUses)
            .Combine(files)
            .Combine(project)
            .Select(static (pair, cancellationToken) =>
                BindAttribute(pair.Left.Left, pair.Left.Right, pair.Right, cancellationToken))
            .WithTrackingName(TrackingNames.BoundAttributes);

        IncrementalValuesProvider<GeneratedFile> fileCode = declared
            .Select(static (unit, _) => unit.Value)
            .WithTrackingName(TrackingNames.FileUnits)
            .Select(_cache.Get)
            .WithTrackingName(TrackingNames.FileCode);

        IncrementalValuesProvider<Declared<Unit>> attributeUnits = attributes
            .Combine(hasIlgpu)
            .SelectMany(static (pair, _) => UnitsOf(pair.Left, pair.Right));

        IncrementalValuesProvider<GeneratedFile> attributeCode = attributeUnits
            .Select(static (unit, _) => unit.Value)
            .WithTrackingName(TrackingNames.AttributeUnits)
            .Select(_cache.Get)
            .WithTrackingName(TrackingNames.AttributeCode);

        IncrementalValueProvider<EquatableArray<DeclaredType>> types = declared
            .Select(static (unit, _) => TypeOf(unit.Value, unit.Place))
            .Collect()
            .Combine(attributeUnits
                .Select(static (unit, _) => TypeOf(unit.Value, unit.Place))
                .Collect())
            .Select(static (pair, _) => pair.Left.Concat(pair.Right).ToEquatable())
            .WithTrackingName(TrackingNames.Declared);

        // Roslyn compares the names of generated files without case, and refuses all output when two are equal.
        IncrementalValueProvider<EquatableArray<string>> clashes = types
            .Select(static (all, _) => all
                .GroupBy(static type => type.HintName, StringComparer.OrdinalIgnoreCase)
                .Where(static group => group.Skip(1).Any())
                .SelectMany(static group => group.Select(static type => type.HintName))
                .Distinct(StringComparer.Ordinal)
                .ToEquatable())
            .WithTrackingName(TrackingNames.Clashes);

        IncrementalValueProvider<bool> allowsUnsafe = context.CompilationProvider
            .Select(static (compilation, _) => compilation.Options is CSharpCompilationOptions { AllowUnsafe: true });

        context.RegisterSourceOutput(fileCode.Combine(clashes), static (output, pair) => Add(output, pair.Left, pair.Right));
        context.RegisterSourceOutput(attributeCode.Combine(clashes), static (output, pair) => Add(output, pair.Left, pair.Right));

        context.RegisterSourceOutput(
            types.Select(static (all, _) => all.Any(static type => type.IsIlgpu)),
            static (output, needed) =>
            {
                if (needed)
                {
                    output.AddSource("Weft.Ilgpu.g.cs", IlgpuEmitter.Device);
                }
            });

        Report(context, bound
            .Combine(fileOptions)
            .SelectMany(static (pair, _) => pair.Left.Diagnostics.Concat(pair.Right.SelectMany(static options => options.Problems)))
            .WithTrackingName(TrackingNames.FileDiagnostics));
        Report(context, attributes.SelectMany(static (attribute, _) => attribute.Diagnostics));
        Report(context, types.SelectMany(static (all, _) => ClashesAmong(all)));
        Report(context, types.Combine(allowsUnsafe).SelectMany(static (pair, _) => pair.Right
            ? []
            : pair.Left.Take(1).Select(static type => DiagnosticInfo.Of(Descriptors.NeedsUnsafe, type.Place))));
        Report(context, FailuresOf(fileCode, types));
        Report(context, FailuresOf(attributeCode, types));
    }

    private static ParsedText Parse(SourceText text)
    {
        try
        {
            ParsedFile file = WeftCompiler.Parse(text);
            return new ParsedText(text, file, Translate(file.Diagnostics, [text], Place.In(text, default)));
        }
        catch (Exception exception)
        {
            return new ParsedText(text, File: null, EquatableArray.Of(Failures.Of(exception).At(Place.In(text, default))));
        }
    }

    /// <summary>One text for each path, in an order that does not depend on the file system.</summary>
    private static EquatableArray<ParsedText> InOrder(ImmutableArray<ParsedText> files) => files
        .GroupBy(static file => file.Source.Path, StringComparer.Ordinal)
        .Select(static group => group.First())
        .OrderBy(static file => file.Source.Path, StringComparer.Ordinal)
        .ToEquatable();

    private static List<ParsedFile> Syntax(EquatableArray<ParsedText> files) =>
        files.Where(static file => file.File is not null).Select(static file => file.File!).ToList();

    private static BoundFiles Bind(EquatableArray<ParsedText> files, CancellationToken cancellationToken)
    {
        IEnumerable<DiagnosticInfo> unread = files.SelectMany(static file => file.Diagnostics);
        if (files.Count == 0)
        {
            return new BoundFiles(default, default);
        }

        SourceText first = files[0].Source;
        try
        {
            List<ParsedFile> syntax = Syntax(files);
            BindResult result = WeftCompiler.Bind(syntax, cancellationToken);
            Dictionary<string, SourceText> texts = files.ToDictionary(static file => file.Source.Path, static file => file.Source);
            return new BoundFiles(
                result.Modules
                    .Zip(result.Origins, (module, origin) => new Declared<Module>(module, Place.In(texts[origin.Path], origin.Name)))
                    .ToEquatable(),
                files
                    .Where(static file => file.File is null)
                    .SelectMany(static file => file.Diagnostics)
                    .Concat(Translate(
                        WeftCompiler.InOrder(syntax, syntax.SelectMany(static file => file.Diagnostics).Concat(result.Diagnostics)),
                        files.Select(static file => file.Source),
                        Place.In(first, default)))
                    .ToEquatable());
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new BoundFiles(
                default,
                unread.Append(Failures.Of(exception).At(Place.In(first, default))).ToEquatable());
        }
    }

    private static BoundAttribute BindAttribute(
        AttributeUse use,
        EquatableArray<ParsedText> files,
        ProjectOptions project,
        CancellationToken cancellationToken)
    {
        if (use.Diagnostics.Count > 0)
        {
            return new BoundAttribute(Unit: null, use.Name, use.Accessibility, use.Diagnostics);
        }

        try
        {
            BindResult result = use.Bind(Syntax(files), cancellationToken);
            EquatableArray<DiagnosticInfo> diagnostics = result.Diagnostics
                .Select(diagnostic => diagnostic.Path == use.Name.Path
                    ? new DiagnosticInfo(diagnostic.Id, diagnostic.Severity, diagnostic.Message, use.Source.Locate(diagnostic.Span))
                    : Translate(diagnostic, files.Select(static file => file.Source), use.Source.Place))
                .Distinct()
                .ToEquatable();
            if (result.Modules.Count == 0 || diagnostics.Any(static diagnostic => diagnostic.Severity == Severity.Error))
            {
                return new BoundAttribute(Unit: null, use.Name, use.Accessibility, diagnostics);
            }

            // What is wrong with the project's own options is reported at its files.
            var defaults = new OptionReader(use.Name);
            var options = new GenerateOptions(
                use.TypeName,
                use.Namespace,
                Modifiers: "",
                use.ContainingTypes,
                use.Scalar ?? defaults.Scalar(project.Scalar),
                use.Batch ?? defaults.Batch(project.Batch),
                use.Targets ?? defaults.Targets(project.Targets))
            {
                Members = use.Derived,
            };
            EquatableArray<DiagnosticInfo> declared = use.Members.SelectMany(member => SameMember(use, member, result.Modules[0])).ToEquatable();
            if (declared.Count > 0)
            {
                return new BoundAttribute(Unit: null, use.Name, use.Accessibility, diagnostics.Concat(declared).ToEquatable());
            }

            string parent = options.BaseType(result.Modules[0]);
            return use.Base.Length == 0 || use.Base == parent
                ? new BoundAttribute(
                    new Unit(result.Modules[0], options),
                    use.Name,
                    use.Accessibility,
                    diagnostics,
                    MapMember.Of(use.Derived).Zip(result.Modules.Skip(1), (member, module) => new Unit(module, options.ForMember(member))).ToEquatable())
                : new BoundAttribute(
                    Unit: null,
                    use.Name,
                    use.Accessibility,
                    diagnostics.Append(DiagnosticInfo.Of(Descriptors.OtherBase, use.Name, use.TypeName, use.Base, parent)).ToEquatable());
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new BoundAttribute(
                Unit: null, use.Name, use.Accessibility, EquatableArray.Of(Failures.Of(exception).At(use.Source.Place)));
        }
    }

    /// <summary>What is wrong with a member of the user's, which C# would say of the generated file.</summary>
    private static IEnumerable<DiagnosticInfo> SameMember(AttributeUse use, UserMember member, Module module)
    {
        if (member.Name == WellKnownMemberNames.InstanceConstructorName)
        {
            yield return DiagnosticInfo.Of(Descriptors.SameMember, member.Place, use.TypeName, "a constructor without parameters", "new maps", "one with parameters that calls ': this()', or a method");
        }
        else if (TypeNames.UseOf(module, use.TypeName, use.Derived, member.Name) is { } purpose)
        {
            yield return DiagnosticInfo.Of(Descriptors.SameMember, member.Place, use.TypeName, $"'{member.Name}'", purpose, "another name");
        }
    }

    private static IEnumerable<Declared<Unit>> UnitsOf(BoundAttribute attribute, bool hasIlgpu) => attribute.Unit is { } unit
        ? unit.Types(attribute.Accessibility, hasIlgpu).Concat(attribute.Members).Select(type => new Declared<Unit>(type, attribute.Place))
        : [];

    private static IEnumerable<Declared<Unit>> UnitsOf(BoundFiles bound, EquatableArray<WeftFileOptions> allOptions, bool hasIlgpu)
    {
        foreach (Declared<Module> module in bound.Modules)
        {
            WeftFileOptions options = allOptions.First(options => options.Path == module.Place.Path);
            if (options.Generate)
            {
                var generate = new GenerateOptions(
                    TypeNames.Of(module.Value.Name),
                    options.Namespace,
                    options.Visibility + " sealed",
                    ContainingTypes: default,
                    options.Scalar,
                    options.Batch,
                    options.Targets);
                foreach (Unit type in new Unit(module.Value, generate).Types(options.Visibility, hasIlgpu))
                {
                    yield return new Declared<Unit>(type, module.Place);
                }
            }
        }
    }

    private static DeclaredType TypeOf(Unit unit, Place place) => new(unit.TypeName, unit.HintName, unit.Options.MapType is not null, place);

    private static void Add(SourceProductionContext output, GeneratedFile file, EquatableArray<string> clashes)
    {
        if (file.Code is not null && !clashes.Contains(file.HintName))
        {
            output.AddSource(file.HintName, file.Code);
        }
    }

    private static IEnumerable<DiagnosticInfo> ClashesAmong(EquatableArray<DeclaredType> types)
    {
        foreach (IGrouping<string, DeclaredType> group in types.GroupBy(static type => type.HintName, StringComparer.OrdinalIgnoreCase))
        {
            DeclaredType first = group.First();
            foreach (DeclaredType other in group.Skip(1))
            {
                string where = $"{FileName(first.Place.Path)}({first.Place.StartLine + 1},{first.Place.StartColumn + 1})";
                yield return other.TypeName == first.TypeName
                    ? DiagnosticInfo.Of(Descriptors.SameType, other.Place, other.TypeName, where)
                    : DiagnosticInfo.Of(Descriptors.SameFile, other.Place, other.TypeName, first.TypeName, where);
            }
        }
    }

    private static string FileName(string path) => path.Substring(path.LastIndexOfAny(['/', '\\']) + 1);

    private static IncrementalValuesProvider<DiagnosticInfo> FailuresOf(
        IncrementalValuesProvider<GeneratedFile> code,
        IncrementalValueProvider<EquatableArray<DeclaredType>> types) => code
        .Where(static file => file.Failure is not null)
        .Combine(types)
        .Select(static (pair, _) => pair.Left.Failure!.At(
            pair.Right.First(type => type.TypeName == pair.Left.TypeName).Place));

    private static EquatableArray<DiagnosticInfo> Translate(
        IEnumerable<Compiler.Text.Diagnostic> diagnostics, IEnumerable<SourceText> texts, Place otherwise) =>
        diagnostics.Select(diagnostic => Translate(diagnostic, texts, otherwise)).ToEquatable();

    /// <summary>Finds the diagnostic's place in the user's file; one in the standard library is shown where it was used from.</summary>
    private static DiagnosticInfo Translate(Compiler.Text.Diagnostic diagnostic, IEnumerable<SourceText> texts, Place otherwise)
    {
        SourceText? text = texts.FirstOrDefault(text => text.Path == diagnostic.Path);
        return new DiagnosticInfo(
            diagnostic.Id,
            diagnostic.Severity,
            diagnostic.Message,
            text is null ? otherwise : Place.In(text, diagnostic.Span));
    }

    private static void Report(IncrementalGeneratorInitializationContext context, IncrementalValuesProvider<DiagnosticInfo> diagnostics) =>
        context.RegisterSourceOutput(diagnostics, static (output, diagnostic) => output.ReportDiagnostic(diagnostic.ToDiagnostic()));
}
