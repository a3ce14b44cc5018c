using System.Reflection;
using Microsoft.VisualStudio.Threading;
using StreamJsonRpc;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>
/// A server of the Language Server Protocol for <c>.weft</c> files. Messages are taken one after the other; what a request needs of the compiler
/// is computed beside them, over the files as they were when it came.
/// </summary>
public sealed class Server
{
    private readonly Workspace _workspace = new();
    private readonly JsonRpc _rpc;
    private readonly TaskCompletionSource _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Diagnostics _diagnostics;
    private bool _showsDocuments;

    private Server(JsonRpc rpc)
    {
        _rpc = rpc;
        _diagnostics = new Diagnostics(
            parameters => rpc.NotifyWithParameterObjectAsync("textDocument/publishDiagnostics", parameters),
            message => rpc.NotifyWithParameterObjectAsync("window/logMessage", new LogMessageParams(1, message)));
    }

    private Snapshot Current => _workspace.Current;

    /// <summary>Serves one editor until it says that it is done, or its stream ends.</summary>
    /// <param name="input">What the editor writes.</param>
    /// <param name="output">What it reads.</param>
    public static async Task RunAsync(Stream input, Stream output)
    {
        var formatter = new SystemTextJsonFormatter { JsonSerializerOptions = Protocol.Options };
        using var rpc = new JsonRpc(new HeaderDelimitedMessageHandler(output, input, formatter));
        rpc.SynchronizationContext = new NonConcurrentSynchronizationContext(sticky: false);
        var server = new Server(rpc);
        foreach (MethodInfo method in typeof(Server).GetMethods(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
        {
            if (method.GetCustomAttribute<JsonRpcMethodAttribute>() is { } attribute)
            {
                rpc.AddLocalRpcMethod(method, server, attribute);
            }
        }

        rpc.StartListening();
        try
        {
            // Reading the standard input cannot be stopped: the server does not wait for it.
            await await Task.WhenAny(rpc.Completion, server._exit.Task);
        }
        catch (Exception exception) when (exception is ConnectionLostException or OperationCanceledException or IOException)
        {
            // The editor is gone.
        }
    }

    [JsonRpcMethod("initialize", UseSingleObjectParameterDeserialization = true)]
    private InitializeResult Initialize(InitializeParams parameters)
    {
        _showsDocuments = parameters.Capabilities?.Window?.ShowDocument?.Support == true;
        IEnumerable<string> folders = parameters.WorkspaceFolders?.Select(folder => folder.Uri) ?? (parameters.RootUri is { } root ? [root] : []);
        foreach (string folder in folders.Select(Paths.Of).Where(Directory.Exists))
        {
            _workspace.AddFolder(folder);
        }

        Publish();
        return new InitializeResult(new ServerCapabilities(), new ServerInfo("weft", typeof(Server).Assembly.GetName().Version!.ToString(3)));
    }

    [JsonRpcMethod("initialized", UseSingleObjectParameterDeserialization = true)]
    private void Initialized(object? parameters)
    {
    }

    [JsonRpcMethod("shutdown")]
    private object? Shutdown() => null;

    [JsonRpcMethod("exit")]
    private void Exit() => _exit.TrySetResult();

    [JsonRpcMethod("textDocument/didOpen", UseSingleObjectParameterDeserialization = true)]
    private void DidOpen(DidOpenParams parameters)
    {
        _workspace.Open(parameters.TextDocument.Uri, parameters.TextDocument.Version, parameters.TextDocument.Text);
        Publish();
    }

    [JsonRpcMethod("textDocument/didChange", UseSingleObjectParameterDeserialization = true)]
    private void DidChange(DidChangeParams parameters)
    {
        _workspace.Edit(parameters.TextDocument.Uri, parameters.TextDocument.Version, parameters.ContentChanges);
        Publish();
    }

    [JsonRpcMethod("textDocument/didClose", UseSingleObjectParameterDeserialization = true)]
    private void DidClose(DocumentParams parameters)
    {
        _workspace.Close(parameters.TextDocument.Uri);
        Publish();
    }

    [JsonRpcMethod("workspace/didChangeWatchedFiles", UseSingleObjectParameterDeserialization = true)]
    private void DidChangeWatchedFiles(WatchedFilesParams parameters)
    {
        foreach (FileEvent change in parameters.Changes)
        {
            _workspace.Refresh(change.Uri);
        }

        Publish();
    }

    [JsonRpcMethod("textDocument/hover", UseSingleObjectParameterDeserialization = true)]
    private Task<Hover?> HoverAsync(PositionParams parameters) =>
        At(parameters.TextDocument, parameters.Position, (snapshot, file, position) => Task.Run(() => Hovers.AtAsync(snapshot, file, position)), Task.FromResult<Hover?>(null));

    [JsonRpcMethod("textDocument/completion", UseSingleObjectParameterDeserialization = true)]
    private CompletionItem[] Complete(PositionParams parameters) => At(parameters.TextDocument, parameters.Position, Completions.At, []);

    [JsonRpcMethod("textDocument/signatureHelp", UseSingleObjectParameterDeserialization = true)]
    private SignatureHelp? HelpWithSignature(PositionParams parameters) => At(parameters.TextDocument, parameters.Position, Completions.Signature, null);

    [JsonRpcMethod("textDocument/definition", UseSingleObjectParameterDeserialization = true)]
    private Location? Define(PositionParams parameters) => At(parameters.TextDocument, parameters.Position, Navigation.Definition, null);

    [JsonRpcMethod("textDocument/references", UseSingleObjectParameterDeserialization = true)]
    private Location[] Refer(ReferenceParams parameters) =>
        At(parameters.TextDocument, parameters.Position, (snapshot, file, position) => Navigation.References(snapshot, file, position, parameters.Context.IncludeDeclaration), []);

    [JsonRpcMethod("textDocument/prepareRename", UseSingleObjectParameterDeserialization = true)]
    private TextRange? PrepareRename(PositionParams parameters) => At(parameters.TextDocument, parameters.Position, Navigation.Renamed, null);

    [JsonRpcMethod("textDocument/rename", UseSingleObjectParameterDeserialization = true)]
    private WorkspaceEdit? Rename(RenameParams parameters) =>
        At(parameters.TextDocument, parameters.Position, (snapshot, file, position) => Navigation.Rename(snapshot, file, position, parameters.NewName), null);

    [JsonRpcMethod("textDocument/documentSymbol", UseSingleObjectParameterDeserialization = true)]
    private DocumentSymbol[] Symbols(DocumentParams parameters) => In(parameters.TextDocument, Outline.Of, []);

    [JsonRpcMethod("textDocument/semanticTokens/full", UseSingleObjectParameterDeserialization = true)]
    private SemanticTokens Colour(DocumentParams parameters) => In(parameters.TextDocument, Colours.Of, new SemanticTokens([]));

    [JsonRpcMethod("textDocument/formatting", UseSingleObjectParameterDeserialization = true)]
    private TextEdit[]? Format(DocumentParams parameters) => In(parameters.TextDocument, Edits.Format, null);

    [JsonRpcMethod("textDocument/codeAction", UseSingleObjectParameterDeserialization = true)]
    private Task<CodeAction[]> FixAsync(RangeParams parameters) =>
        InBound<CodeAction>(parameters.TextDocument, (snapshot, bound, file) => Edits.Fixes(snapshot, bound, file, parameters.Range));

    [JsonRpcMethod("textDocument/inlayHint", UseSingleObjectParameterDeserialization = true)]
    private Task<InlayHint[]> HintAsync(RangeParams parameters) =>
        InBound<InlayHint>(parameters.TextDocument, (snapshot, bound, file) => Edits.Shapes(snapshot, bound, file, parameters.Range));

    [JsonRpcMethod("textDocument/codeLens", UseSingleObjectParameterDeserialization = true)]
    private CodeLens[] Lens(DocumentParams parameters) => In(parameters.TextDocument, (snapshot, file) => Lenses.Of(snapshot, file, parameters.TextDocument.Uri), []);

    [JsonRpcMethod("workspace/executeCommand", UseSingleObjectParameterDeserialization = true)]
    private async Task<string?> ExecuteAsync(ExecuteCommandParams parameters)
    {
        Snapshot snapshot = Current;
        if (parameters is not { Command: Lenses.Explain or Lenses.Emit, Arguments: [var uri, var name] })
        {
            throw new RequestException($"'{parameters.Command}' is no command for a file and a declaration");
        }

        try
        {
            if (await Task.Run(() => Lenses.RunAsync(snapshot, parameters.Command, uri, name)) is not ({ } file, { } text))
            {
                throw new RequestException($"'{name}' has errors");
            }

            if (_showsDocuments)
            {
                await _rpc.InvokeWithParameterObjectAsync<object>("window/showDocument", new ShowDocumentParams(Paths.UriOf(LibraryFiles.Write(file, text))));
            }

            return text;
        }
        catch (CompilationException exception)
        {
            throw new RequestException(exception.Message);
        }
    }

    private void Publish() => _ = _diagnostics.PublishAsync(Current);

    private T In<T>(TextDocumentIdentifier document, Func<Snapshot, ParsedFile, T> answer, T nothing)
    {
        Snapshot snapshot = Current;
        return snapshot.Find(document.Uri) is { } file ? answer(snapshot, file) : nothing;
    }

    private T At<T>(TextDocumentIdentifier document, Position position, Func<Snapshot, ParsedFile, int, T> answer, T nothing) =>
        In(document, (snapshot, file) => answer(snapshot, file, snapshot.Lines(file).OffsetOf(position)), nothing);

    private async Task<T[]> InBound<T>(TextDocumentIdentifier document, Func<Snapshot, Bound, ParsedFile, T[]> answer)
    {
        Snapshot snapshot = Current;
        return snapshot.Find(document.Uri) is { } file && !snapshot.IsStandard(file) ? answer(snapshot, await snapshot.Bound, file) : [];
    }
}
