using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>The declarations of a file with their parts.</summary>
internal static class Outline
{
    private const int FunctionKind = 12, VariableKind = 13, ConstantKind = 14, PropertyKind = 7;

    public static DocumentSymbol[] Of(Snapshot snapshot, ParsedFile file)
    {
        TextLines lines = snapshot.Lines(file);
        return [.. file.Syntax.Declarations.Where(declaration => declaration.Name.Text.Length > 0).Select(Declaration)];

        DocumentSymbol Declaration(DeclarationSyntax declaration) => declaration is MapSyntax map
            ? Make(map.Name, map.Inputs is null || map.Outputs is null ? null : $"{file.Source.Slice(map.Inputs.Span)} -> {file.Source.Slice(map.Outputs.Span)}", FunctionKind, map.Span, [.. map.Clauses.SelectMany(Clause), .. Steps(map.Body)])
            : Make(declaration.Name, null, VariableKind, declaration.Span);

        IEnumerable<DocumentSymbol> Clause(ClauseSyntax clause) => clause switch
        {
            TensorsSyntax tensors => tensors.Tensors.Select(tensor => Make(tensor.Name, null, VariableKind, tensor.Span)),
            LetSyntax let => [Make(let.Name, null, ConstantKind, let.Span)],
            IndexLetSyntax let => [Make(let.Name, null, ConstantKind, let.Span)],
            _ => [],
        };

        IEnumerable<DocumentSymbol> Steps(BodySyntax? body) => body is ModelBody model ? model.Steps.Select(step => Make(step.Name, null, PropertyKind, step.Span)) : [];

        DocumentSymbol Make(Identifier name, string? detail, int kind, TextSpan span, params DocumentSymbol[] children)
        {
            var whole = TextSpan.FromBounds(Math.Min(span.Start, name.Span.Start), Math.Max(span.End, name.Span.End));
            return new DocumentSymbol(name.Text, detail, kind, lines.RangeOf(whole), lines.RangeOf(name.Span), children);
        }
    }
}
