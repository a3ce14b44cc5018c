using System.Text.RegularExpressions;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>A declaration that names can refer to. Identity is the object: two declarations are never the same.</summary>
internal sealed class Declaration(DeclarationSyntax syntax, FileScope scope)
{
    public DeclarationSyntax Syntax => syntax;

    public FileScope Scope => scope;

    public string Name => syntax.Name.Text;

    /// <summary>Whether it has errors of its own, which were reported: it must not be instantiated.</summary>
    public bool IsBroken { get; set; } = syntax.IsBroken;

    /// <summary>Whether its names have been checked. Those of the standard library are right.</summary>
    public bool IsChecked { get; set; } = scope.IsStandard;

    public int RequiredArguments => syntax is MapSyntax map ? map.Parameters.Count(parameter => parameter.Default is null) : 0;

    /// <summary>What it takes: <c>monarch(n, b)</c>, <c>kronecker_sum(m, n, scale = 1)</c>.</summary>
    public string Signature => syntax is MapSyntax { Parameters.Count: > 0 } map
        ? $"{Name}({string.Join(", ", map.Parameters.Select(scope.Show))})"
        : Name;
}

/// <summary>What a name can refer to at the top of one file: its own declarations, then those it imports, then the standard library.</summary>
internal sealed class FileScope
{
    private readonly Dictionary<string, Declaration> _own = new(StringComparer.Ordinal);
    private readonly FileScope? _standard;

    /// <param name="file">The file.</param>
    /// <param name="standard">The scope of the standard library; null for its own files, which see each other.</param>
    public FileScope(ParsedFile file, FileScope? standard)
    {
        File = file;
        IsStandard = standard is null;
        _standard = standard;
        foreach (DeclarationSyntax syntax in file.Syntax.Declarations)
        {
            var declaration = new Declaration(syntax, this);
            Declarations.Add(declaration);
            if (!_own.ContainsKey(declaration.Name))
            {
                _own.Add(declaration.Name, declaration);
            }
        }
    }

    public ParsedFile File { get; }

    public string Path => File.Source.Path;

    public bool IsStandard { get; }

    public List<Declaration> Declarations { get; } = [];

    /// <summary>The files whose declarations can be named here too.</summary>
    public List<FileScope> Imported { get; } = [];

    /// <summary>Whether an import is not there, so that any name may be one of its declarations.</summary>
    public bool MissesImport { get; set; }

    /// <summary>The source of a node, on one line and not too long.</summary>
    public string Show(SyntaxNode node)
    {
        const int MaxLength = 48;
        TextSpan start = node.Span with { Length = Math.Min(node.Span.Length, 4 * MaxLength) };
        string text = Regex.Replace(File.Source.Slice(start), @"\s+", " ");
        return text.Length <= MaxLength ? text : text.Substring(0, MaxLength - 1) + "…";
    }

    /// <summary>All declarations that a name refers to: more than one when it is ambiguous, none when it is unknown.</summary>
    public IReadOnlyList<Declaration> Find(string name)
    {
        if (_own.TryGetValue(name, out Declaration? own))
        {
            return [own];
        }

        List<Declaration> imported = [.. Imported.Select(scope => scope.FindOwn(name)).OfType<Declaration>()];
        return imported.Count > 0 || _standard is null ? imported : _standard.Find(name);
    }

    public Declaration? FindOwn(string name) => _own.TryGetValue(name, out Declaration? found) ? found : null;

    public IEnumerable<string> VisibleNames() => _own.Keys
        .Concat(Imported.SelectMany(scope => scope._own.Keys))
        .Concat(_standard?.VisibleNames() ?? []);
}

/// <summary>The scopes of a set of files, with their imports resolved.</summary>
internal sealed class ScopeTable
{
    private readonly Dictionary<string, FileScope> _byPath = new(StringComparer.Ordinal);

    public ScopeTable(IReadOnlyList<ParsedFile> files)
    {
        foreach (ParsedFile file in files)
        {
            var scope = new FileScope(file, StandardLibrary.Scope);
            Scopes.Add(scope);
            _byPath[Normalize(file.Source.Path)] = scope;
        }
    }

    public List<FileScope> Scopes { get; } = [];

    /// <summary>Resolves the imports of a file, by name relative to it.</summary>
    public void ResolveImports(FileScope scope, List<Diagnostic> diagnostics)
    {
        foreach (ImportSyntax import in scope.File.Syntax.Imports)
        {
            string path = Normalize(Combine(DirectoryOf(scope.Path), import.File));
            if (_byPath.TryGetValue(path, out FileScope? found))
            {
                if (found != scope && !scope.Imported.Contains(found))
                {
                    scope.Imported.Add(found);
                }
            }
            else
            {
                Remedy remedy = Spelling.DidYouMean(import.File, Scopes.Where(other => other != scope).Select(other => RelativePath(scope, other)));
                scope.MissesImport = true;
                diagnostics.Add(DiagnosticDescriptors.UnknownImport.At(scope.Path, import.Span, import.File, remedy.Replacement is { } file ? remedy with { Replacement = Import(file) } : remedy));
            }
        }
    }

    /// <summary>How one file names another in an import.</summary>
    public static string RelativePath(FileScope from, FileScope to)
    {
        string directory = DirectoryOf(Normalize(from.Path));
        string path = Normalize(to.Path);
        return path.StartsWith(directory, StringComparison.Ordinal) ? path.Substring(directory.Length) : path;
    }

    /// <summary>The statement that makes a file's declarations visible.</summary>
    public static string Import(string file) => $"import \"{file}\"";

    private static string DirectoryOf(string path) => path.Substring(0, path.LastIndexOfAny(['/', '\\']) + 1);

    private static string Combine(string directory, string file) => file.StartsWith("/", StringComparison.Ordinal) ? file : directory + file;

    private static string Normalize(string path)
    {
        var parts = new List<string>();
        foreach (string part in path.Replace('\\', '/').Split('/'))
        {
            if (part == ".." && parts.Count > 0 && parts[parts.Count - 1] is not ("" or ".."))
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join("/", parts);
    }
}
