using System.Text.Json;
using System.Text.Json.Serialization;

namespace Weft.LanguageServer;

// What is used of the messages of the Language Server Protocol 3.17, under its names. Positions count lines and UTF-16 code units from 0.

/// <summary>How messages are written.</summary>
internal static class Protocol
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
}

internal readonly record struct Position(int Line, int Character);

internal sealed record TextRange(Position Start, Position End);

internal sealed record Location(string Uri, TextRange Range);

internal sealed record TextEdit(TextRange Range, string NewText);

internal sealed record WorkspaceEdit(IReadOnlyDictionary<string, TextEdit[]> Changes);

internal sealed record MarkupContent(string Value)
{
    public string Kind => "markdown";
}

internal sealed record TextDocumentIdentifier(string Uri);

internal sealed record VersionedTextDocument(string Uri, int Version);

internal sealed record TextDocumentItem(string Uri, int Version, string Text);

internal sealed record DidOpenParams(TextDocumentItem TextDocument);

internal sealed record ContentChange(TextRange? Range, string Text);

internal sealed record DidChangeParams(VersionedTextDocument TextDocument, ContentChange[] ContentChanges);

internal sealed record DocumentParams(TextDocumentIdentifier TextDocument);

internal sealed record FileEvent(string Uri);

internal sealed record WatchedFilesParams(FileEvent[] Changes);

internal sealed record PositionParams(TextDocumentIdentifier TextDocument, Position Position);

internal sealed record RangeParams(TextDocumentIdentifier TextDocument, TextRange Range);

internal sealed record ReferenceContext(bool IncludeDeclaration);

internal sealed record ReferenceParams(TextDocumentIdentifier TextDocument, Position Position, ReferenceContext Context);

internal sealed record RenameParams(TextDocumentIdentifier TextDocument, Position Position, string NewName);

internal sealed record WorkspaceFolder(string Uri);

internal sealed record InitializeParams(WorkspaceFolder[]? WorkspaceFolders, string? RootUri, ClientCapabilities? Capabilities);

internal sealed record ClientCapabilities(WindowCapabilities? Window);

internal sealed record WindowCapabilities(ShowDocumentCapability? ShowDocument);

internal sealed record ShowDocumentCapability(bool Support);

internal sealed record InitializeResult(ServerCapabilities Capabilities, ServerInfo ServerInfo);

internal sealed record ServerInfo(string Name, string Version);

internal sealed record ServerCapabilities
{
    public object TextDocumentSync { get; } = new { OpenClose = true, Change = 2 };

    public object CompletionProvider { get; } = new { TriggerCharacters = new[] { "~", "\"" } };

    public object SignatureHelpProvider { get; } = new { TriggerCharacters = new[] { "(", "," } };

    public object RenameProvider { get; } = new { PrepareProvider = true };

    public object SemanticTokensProvider { get; } = new { Legend = Colours.Legend, Full = true };

    public object CodeActionProvider { get; } = new { CodeActionKinds = new[] { CodeAction.QuickFix } };

    public object CodeLensProvider { get; } = new { };

    public object ExecuteCommandProvider { get; } = new { Commands = new[] { Lenses.Explain, Lenses.Emit } };

    public bool HoverProvider => true;

    public bool DefinitionProvider => true;

    public bool ReferencesProvider => true;

    public bool DocumentSymbolProvider => true;

    public bool DocumentFormattingProvider => true;

    public bool InlayHintProvider => true;
}

internal sealed record CodeDescription(string Href);

internal sealed record DiagnosticMessage(TextRange Range, int Severity, string Code, CodeDescription? CodeDescription, string Message)
{
    public string Source => "weft";
}

internal sealed record PublishDiagnosticsParams(string Uri, int? Version, DiagnosticMessage[] Diagnostics);

internal sealed record Hover(MarkupContent Contents, TextRange Range);

internal sealed record CompletionItem(string Label, int Kind, string? Detail, MarkupContent? Documentation, TextEdit TextEdit, string SortText);

internal sealed record ParameterInformation(string Label);

internal sealed record SignatureInformation(string Label, MarkupContent? Documentation, ParameterInformation[] Parameters);

internal sealed record SignatureHelp(SignatureInformation[] Signatures, int ActiveParameter)
{
    public int ActiveSignature => 0;
}

internal sealed record DocumentSymbol(string Name, string? Detail, int Kind, TextRange Range, TextRange SelectionRange, DocumentSymbol[] Children);

internal sealed record SemanticTokensLegend(IReadOnlyList<string> TokenTypes, IReadOnlyList<string> TokenModifiers);

internal sealed record SemanticTokens(int[] Data);

internal sealed record CodeAction(string Title, DiagnosticMessage[] Diagnostics, WorkspaceEdit Edit)
{
    public const string QuickFix = "quickfix";

    public string Kind => QuickFix;

    public bool IsPreferred => true;
}

internal sealed record InlayHint(Position Position, string Label)
{
    /// <summary>That of a type.</summary>
    public int Kind => 1;

    public bool PaddingLeft => true;
}

internal sealed record Command(string Title, [property: JsonPropertyName("command")] string Name, string[] Arguments);

internal sealed record CodeLens(TextRange Range, Command Command);

internal sealed record ExecuteCommandParams(string Command, string[] Arguments);

internal sealed record ShowDocumentParams(string Uri)
{
    public bool External => false;
}

internal sealed record LogMessageParams(int Type, string Message);
