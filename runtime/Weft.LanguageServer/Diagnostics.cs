using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>Tells the editor what is wrong, of the newest texts alone and only where that has changed.</summary>
internal sealed class Diagnostics(Func<PublishDiagnosticsParams, Task> send, Func<string, Task> log)
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, (int? Version, DiagnosticMessage[] Messages)> _sent = new(StringComparer.Ordinal);

    public static DiagnosticMessage Of(Diagnostic diagnostic, TextLines lines) => new(
        lines.RangeOf(diagnostic.Span),
        diagnostic.Severity switch { Severity.Error => 1, Severity.Warning => 2, _ => 3 },
        diagnostic.Id,
        DiagnosticDescriptors.Find(diagnostic.Id).HelpLink is { } link ? new CodeDescription(link) : null,
        diagnostic.Message);

    /// <summary>Binds the files of a snapshot and sends what is new about them, unless they change meanwhile.</summary>
    public async Task PublishAsync(Snapshot snapshot)
    {
        try
        {
            Bound bound = await snapshot.Bound;
            await _gate.WaitAsync(snapshot.Stopped);
            try
            {
                await SendAsync(snapshot, bound.Diagnostics.ToLookup(diagnostic => diagnostic.Path));
            }
            finally
            {
                _gate.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // A newer snapshot has its own.
        }
        catch (Exception exception)
        {
            await log($"{exception.GetType().Name}: {exception.Message}");
        }
    }

    private async Task SendAsync(Snapshot snapshot, ILookup<string, Diagnostic> found)
    {
        var current = new HashSet<string>(StringComparer.Ordinal);
        foreach (ParsedFile file in snapshot.Files)
        {
            snapshot.Stopped.ThrowIfCancellationRequested();
            string path = file.Source.Path;
            current.Add(path);
            int? version = snapshot.Open.GetValueOrDefault(path)?.Version;
            DiagnosticMessage[] messages = [.. found[path].Select(diagnostic => Of(diagnostic, snapshot.Lines(file)))];
            (int? sentVersion, DiagnosticMessage[] sent) = _sent.GetValueOrDefault(path, (null, []));
            if (version != sentVersion || !sent.SequenceEqual(messages))
            {
                _sent[path] = (version, messages);
                await send(new PublishDiagnosticsParams(snapshot.UriOf(file), version, messages));
            }
        }

        foreach (string gone in _sent.Keys.Where(path => !current.Contains(path)).ToList())
        {
            _sent.Remove(gone);
            await send(new PublishDiagnosticsParams(Paths.UriOf(gone), null, []));
        }
    }
}
