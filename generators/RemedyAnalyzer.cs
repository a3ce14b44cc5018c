using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Weft.Compiler;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Generators.Models;
using Diagnostic = Microsoft.CodeAnalysis.Diagnostic;
using SourceText = Weft.Compiler.Text.SourceText;
using TextSpan = Microsoft.CodeAnalysis.Text.TextSpan;

namespace Weft.Generators;

/// <summary>
/// Says what mends the formulas of attributes. Editors offer changes for what analyzers report, not for what generators do, so each remedy of the
/// compiler is a hidden diagnostic at the place of the one that it mends. Its message is the change's title, its only additional location what
/// is to be replaced, and its property <see cref="Text"/> by what.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class RemedyAnalyzer : DiagnosticAnalyzer
{
    /// <summary>The id of what it reports.</summary>
    public const string Id = "WEFT0410";

    /// <summary>The name of the property with the new text.</summary>
    public const string Text = nameof(Text);

    private static readonly ConditionalWeakTable<AdditionalText, ParsedFile> s_parsed = new();

    public override ImmutableArray<Microsoft.CodeAnalysis.DiagnosticDescriptor> SupportedDiagnostics { get; } = [Descriptors.For(Id, Severity.Hidden)];

    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSymbolAction(Analyze, SymbolKind.NamedType);
    }

    private static void Analyze(SymbolAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (type.GetAttributes().FirstOrDefault(attribute => attribute.AttributeClass?.ToDisplayString() == WeftGenerator.AttributeName) is not { } attribute ||
            attribute.ApplicationSyntaxReference?.GetSyntax(context.CancellationToken).FirstAncestorOrSelf<TypeDeclarationSyntax>() is not { } declaration ||
            AttributeUse.Read(declaration, type, attribute, context.CancellationToken) is not { } use)
        {
            return;
        }

        foreach (TypeDeclarationSyntax part in AttributeUse.Closed(declaration))
        {
            Report(use.Name, Place.Of(part.Keyword.GetLocation()) with { Length = 0 }, new TextChange(default, "partial "), "partial ");
        }

        if (use.Diagnostics.Count > 0)
        {
            return;
        }

        List<ParsedFile> files = [.. context.Options.AdditionalFiles
            .Where(static file => file.Path.EndsWith(".weft", StringComparison.OrdinalIgnoreCase))
            .OrderBy(static file => file.Path, StringComparer.Ordinal)
            .Select(file => s_parsed.GetValue(file, static file => WeftCompiler.Parse(new SourceText(file.Path, file.GetText()?.ToString() ?? ""))))];
        foreach (Compiler.Text.Diagnostic diagnostic in use.Bind(files, context.CancellationToken).Diagnostics)
        {
            if (diagnostic.Path == use.Name.Path && diagnostic.Fix is { } fix && use.Source.Write(fix.Text) is { } text)
            {
                Report(use.Source.Locate(diagnostic.Span), use.Source.Locate(fix.Span), fix, text);
            }
        }

        void Report(Place mistake, Place replaced, TextChange change, string text) => context.ReportDiagnostic(Diagnostic.Create(
            Descriptors.For(Id, Severity.Hidden),
            LocationOf(mistake),
            [LocationOf(replaced)],
            ImmutableDictionary<string, string?>.Empty.Add(Text, text),
            change.Title));

        Location LocationOf(Place place) => Location.Create(declaration.SyntaxTree, new TextSpan(place.Start, place.Length));
    }
}
