using Weft.Compiler;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>The files of a project: those of its folders, with what is open in the editor before what is on the disk. For one thread at a time.</summary>
internal sealed class Workspace
{
    private readonly Dictionary<string, ParsedFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Document> _open = new(StringComparer.Ordinal);
    private Snapshot _current = new([], new Dictionary<string, Document>());

    /// <summary>The files as they are now.</summary>
    public Snapshot Current => _current;

    /// <summary>Reads the files below a folder.</summary>
    public void AddFolder(string folder)
    {
        foreach (string path in ProjectFiles.Below(folder))
        {
            Read(Path.GetFullPath(path));
        }

        Change();
    }

    public void Open(string uri, int version, string text)
    {
        string path = Paths.Of(uri);
        _open[path] = new Document(uri, version);
        _files[path] = Parse(path, text);
        Change();
    }

    public void Edit(string uri, int version, IEnumerable<ContentChange> changes)
    {
        string path = Paths.Of(uri);
        string text = changes.Aggregate(_files.TryGetValue(path, out ParsedFile? file) ? file.Source.Text : "", TextLines.Apply);
        Open(uri, version, text);
    }

    /// <summary>From now on the file is what the disk has.</summary>
    public void Close(string uri)
    {
        string path = Paths.Of(uri);
        _open.Remove(path);
        Read(path);
        Change();
    }

    /// <summary>A file on the disk is new, another one or gone.</summary>
    public void Refresh(string uri)
    {
        string path = Paths.Of(uri);
        if (!_open.ContainsKey(path))
        {
            Read(path);
            Change();
        }
    }

    private static ParsedFile Parse(string path, string text) => WeftCompiler.Parse(new SourceText(path, text));

    private void Read(string path)
    {
        try
        {
            _files[path] = Parse(path, File.ReadAllText(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            _files.Remove(path);
        }
    }

    /// <summary>Makes the next snapshot; files that are imported from elsewhere belong to it.</summary>
    private void Change()
    {
        var waiting = new Queue<ParsedFile>(_files.Values);
        while (waiting.TryDequeue(out ParsedFile? file))
        {
            foreach (ImportSyntax import in file.Syntax.Imports)
            {
                string path = Paths.Import(file.Source.Path, import.File);
                if (!_files.ContainsKey(path) && File.Exists(path))
                {
                    Read(path);
                    if (_files.TryGetValue(path, out ParsedFile? found))
                    {
                        waiting.Enqueue(found);
                    }
                }
            }
        }

        _current.Cancel();
        _current = new Snapshot(
            [.. _files.Values.Where(file => !LibraryFiles.IsOne(file.Source.Path)).OrderBy(file => file.Source.Path, StringComparer.Ordinal)],
            new Dictionary<string, Document>(_open));
    }
}

/// <summary>A file that is open in the editor.</summary>
internal sealed record Document(string Uri, int Version);
