using System.Collections.Concurrent;
using System.Text.Json;
using Nerdbank.Streams;
using StreamJsonRpc;
using Weft.LanguageServer;

namespace Weft.Tests.LanguageServer;

/// <summary>An editor that talks to the server by the protocol, over a pair of streams.</summary>
internal sealed class Editor : IAsyncDisposable
{
    private readonly JsonRpc _rpc;
    private readonly Task _server;
    private readonly ConcurrentDictionary<string, PublishDiagnosticsParams> _diagnostics = new();
    private readonly SemaphoreSlim _published = new(0);
    private readonly Dictionary<string, (int Version, string Text)> _texts = [];

    private Editor()
    {
        (Stream mine, Stream its) = FullDuplexStream.CreatePair();
        _server = Server.RunAsync(its, its);
        _rpc = new JsonRpc(new HeaderDelimitedMessageHandler(mine, mine, new SystemTextJsonFormatter { JsonSerializerOptions = Protocol.Options }));
        _rpc.AddLocalRpcMethod("textDocument/publishDiagnostics", (string uri, int? version, DiagnosticMessage[] diagnostics) =>
        {
            _diagnostics[uri] = new PublishDiagnosticsParams(uri, version, diagnostics);
            _published.Release();
        });
        _rpc.AddLocalRpcMethod("window/logMessage", (int type, string message) => Logged.Enqueue(message));
        _rpc.AddLocalRpcMethod("window/showDocument", (string uri, bool external) =>
        {
            Shown.Enqueue(uri);
            return new { Success = true };
        });
        _rpc.StartListening();
    }

    /// <summary>What the server says about its own failures.</summary>
    public ConcurrentQueue<string> Logged { get; } = new();

    public ConcurrentQueue<string> Shown { get; } = new();

    public static async Task<(Editor Editor, JsonElement Capabilities)> StartAsync(string? folder = null)
    {
        var editor = new Editor();
        JsonElement result = await editor.RequestAsync<JsonElement>("initialize", new
        {
            ProcessId = 1,
            WorkspaceFolders = folder is null ? [] : new[] { new { Uri = new Uri(folder).AbsoluteUri, Name = "f" } },
            Capabilities = new { Window = new { ShowDocument = new { Support = true } }, TextDocument = new { Hover = new { } } },
        });
        await editor.NotifyAsync("initialized", new { });
        return (editor, result.GetProperty("capabilities"));
    }

    public string TextOf(string uri) => _texts[uri].Text;

    public async Task OpenAsync(string uri, string text)
    {
        _texts[uri] = (1, text);
        await NotifyAsync("textDocument/didOpen", new { TextDocument = new { Uri = uri, LanguageId = "weft", Version = 1, Text = text } });
    }

    /// <summary>Replaces a part of an open text, which is told alone.</summary>
    public async Task EditAsync(string uri, int start, int end, string with)
    {
        (int version, string text) = _texts[uri];
        var lines = new TextLines(text);
        TextRange range = lines.RangeOf(new(start, end - start));
        _texts[uri] = (version + 1, string.Concat(text.AsSpan(0, start), with, text.AsSpan(end)));
        await NotifyAsync("textDocument/didChange", new { TextDocument = new { Uri = uri, Version = version + 1 }, ContentChanges = new[] { new { Range = range, Text = with } } });
    }

    public Task CloseAsync(string uri) => NotifyAsync("textDocument/didClose", new { TextDocument = new { Uri = uri } });

    /// <summary>The diagnostics of the text as it is now.</summary>
    public async Task<DiagnosticMessage[]> DiagnosticsAsync(string uri)
    {
        while (!(_diagnostics.TryGetValue(uri, out PublishDiagnosticsParams? found) && found.Version == _texts[uri].Version))
        {
            Assert.True(await _published.WaitAsync(TimeSpan.FromSeconds(60)), $"no diagnostics of {uri}: {string.Join("; ", Logged)}");
        }

        return _diagnostics[uri].Diagnostics;
    }

    /// <summary>Asks about the place of a mark in a text, or of what stands behind it.</summary>
    public Task<T> AtAsync<T>(string method, string uri, string mark, int offset = 0, object? more = null)
    {
        int start = TextOf(uri).IndexOf(mark, StringComparison.Ordinal);
        Assert.True(start >= 0, mark);
        return AtAsync<T>(method, uri, start + offset, more);
    }

    public Task<T> AtAsync<T>(string method, string uri, int offset, object? more = null)
    {
        var parameters = new Dictionary<string, object> { ["textDocument"] = new { Uri = uri }, ["position"] = new TextLines(TextOf(uri)).PositionOf(offset) };
        foreach (var property in more?.GetType().GetProperties() ?? [])
        {
            parameters[char.ToLowerInvariant(property.Name[0]) + property.Name[1..]] = property.GetValue(more)!;
        }

        return RequestAsync<T>(method, parameters);
    }

    public Task<T> InAsync<T>(string method, string uri) => RequestAsync<T>(method, new
    {
        TextDocument = new { Uri = uri },
        Range = new TextLines(TextOf(uri)).RangeOf(new(0, TextOf(uri).Length)),
        Context = new { Diagnostics = Array.Empty<object>() },
        Options = new { TabSize = 2, InsertSpaces = true },
    });

    public Task<T> RequestAsync<T>(string method, object parameters) => _rpc.InvokeWithParameterObjectAsync<T>(method, parameters);

    public Task NotifyAsync(string method, object parameters) => _rpc.NotifyWithParameterObjectAsync(method, parameters);

    /// <summary>Says good-bye, and sees that the server ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _rpc.InvokeAsync("shutdown");
        await _rpc.NotifyAsync("exit");
        await _server.WaitAsync(TimeSpan.FromSeconds(30));
        _rpc.Dispose();
        _published.Dispose();
    }
}
