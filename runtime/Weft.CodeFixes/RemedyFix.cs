using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Text;
using Weft.Generators;

namespace Weft.CodeFixes;

/// <summary>Offers, in C#, the changes that <see cref="RemedyAnalyzer"/> tells.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(RemedyFix)), Shared]
public sealed class RemedyFix : CodeFixProvider
{
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [RemedyAnalyzer.Id];

    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    public override Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        foreach (Diagnostic diagnostic in context.Diagnostics)
        {
            string title = diagnostic.GetMessage();
            context.RegisterCodeFix(CodeAction.Create(title, ct => ChangeAsync(context.Document, diagnostic, ct), equivalenceKey: title), diagnostic);
        }

        return Task.CompletedTask;
    }

    private static async Task<Document> ChangeAsync(Document document, Diagnostic diagnostic, CancellationToken ct)
    {
        SourceText text = await document.GetTextAsync(ct).ConfigureAwait(false);
        return document.WithText(text.WithChanges(new TextChange(diagnostic.AdditionalLocations[0].SourceSpan, diagnostic.Properties[RemedyAnalyzer.Text] ?? "")));
    }
}
