using System.Collections.Concurrent;
using Weft.Compiler;
using Weft.Compiler.Binding;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>The files of a project at one moment, with what is found out of them when it is asked for. Safe from many threads.</summary>
internal sealed class Snapshot
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, ParsedFile> _byPath;
    private readonly ConcurrentDictionary<string, TextLines> _lines = new(StringComparer.Ordinal);
    private readonly Lazy<SymbolTable> _symbols;
    private readonly Lazy<Task<Bound>> _bound;

    public Snapshot(IReadOnlyList<ParsedFile> files, IReadOnlyDictionary<string, Document> open)
    {
        (Files, Open) = (files, open);
        _byPath = files.Concat(StandardLibrary.Files).ToDictionary(file => file.Source.Path, StringComparer.Ordinal);
        _symbols = new(() => SymbolTable.Of(Files));
        _bound = new(() => Task.Run(Bind, _stop.Token));
    }

    /// <summary>The project's files, in the order of their paths.</summary>
    public IReadOnlyList<ParsedFile> Files { get; }

    /// <summary>Those of them that are open, by their paths.</summary>
    public IReadOnlyDictionary<string, Document> Open { get; }

    public SymbolTable Symbols => _symbols.Value;

    public CancellationToken Stopped => _stop.Token;

    /// <summary>What the compiler says of the files; cancelled when they change.</summary>
    public Task<Bound> Bound => _bound.Value;

    public void Cancel() => _stop.Cancel();

    /// <summary>The file of an address, of the project or of the library; null where there is none.</summary>
    public ParsedFile? Find(string uri) => _byPath.GetValueOrDefault(LibraryFiles.NameOf(Paths.Of(uri)));

    public ParsedFile Get(string path) => _byPath[path];

    public TextLines Lines(ParsedFile file) => _lines.GetOrAdd(file.Source.Path, _ => new TextLines(file.Source.Text));

    public bool IsStandard(ParsedFile file) => StandardLibrary.Files.Contains(file);

    /// <summary>The address of a file: that by which the editor opened it.</summary>
    public string UriOf(ParsedFile file) =>
        Open.TryGetValue(file.Source.Path, out Document? document) ? document.Uri
        : Paths.UriOf(IsStandard(file) ? LibraryFiles.PathOf(file) : file.Source.Path);

    public Location LocationOf(string path, TextSpan span)
    {
        ParsedFile file = Get(path);
        return new Location(UriOf(file), Lines(file).RangeOf(span));
    }

    private Bound Bind()
    {
        var parts = new BoundParts();
        BindResult result = WeftCompiler.Bind(Files, _stop.Token, parts);
        return new Bound(result, parts, WeftCompiler.InOrder(Files, Files.SelectMany(file => file.Diagnostics).Concat(result.Diagnostics)));
    }
}

/// <summary>What the compiler says of files.</summary>
internal sealed record Bound(BindResult Result, BoundParts Parts, IReadOnlyList<Diagnostic> Diagnostics);
