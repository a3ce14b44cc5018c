using Weft.Compiler;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;

namespace Weft.LanguageServer;

/// <summary>Where a name is declared and used, and another name for it.</summary>
internal static class Navigation
{
    public static Location? Definition(Snapshot snapshot, ParsedFile file, int position)
    {
        if (file.Syntax.Imports.FirstOrDefault(import => import.Span.Start <= position && position <= import.Span.End) is { } import)
        {
            string path = Paths.Import(file.Source.Path, import.File);
            return snapshot.Files.Any(other => other.Source.Path == path) ? snapshot.LocationOf(path, default) : null;
        }

        return snapshot.Symbols.At(file.Source.Path, position) is { Symbol: { Source: { } source } symbol } ? snapshot.LocationOf(source.Path, symbol.Span) : null;
    }

    public static Location[] References(Snapshot snapshot, ParsedFile file, int position, bool withDeclaration)
    {
        if (snapshot.Symbols.At(file.Source.Path, position) is not { Symbol: var symbol })
        {
            return [];
        }

        IEnumerable<ParsedFile> files = symbol.Source is { } source && symbol.IsStandard ? snapshot.Files.Prepend(snapshot.Get(source.Path)) : snapshot.Files;
        return
        [
            .. files.SelectMany(other => snapshot.Symbols.UsesOf(symbol, other.Source.Path)
                .Where(use => withDeclaration || !use.IsDeclaration)
                .Select(use => snapshot.LocationOf(other.Source.Path, use.Span))),
        ];
    }

    /// <summary>The name that can be replaced by another one.</summary>
    /// <exception cref="RequestException">It is none of the project's.</exception>
    public static TextRange Renamed(Snapshot snapshot, ParsedFile file, int position) => snapshot.Lines(file).RangeOf(Renameable(snapshot, file, position).Span);

    /// <summary>The edits by which a symbol gets another name.</summary>
    /// <exception cref="RequestException">It cannot have it: every name must mean afterwards what it meant.</exception>
    public static WorkspaceEdit Rename(Snapshot snapshot, ParsedFile file, int position, string name)
    {
        Symbol symbol = Renameable(snapshot, file, position).Symbol;
        if (!IsName(name))
        {
            throw new RequestException($"'{name}' is no name: letters, digits and '_', no digit first, and not 'and', 'or' or 'not'");
        }

        var edits = new Dictionary<string, TextEdit[]>();
        var renamed = new List<ParsedFile>();
        foreach (ParsedFile other in snapshot.Files)
        {
            SymbolUse[] uses = [.. snapshot.Symbols.UsesOf(symbol, other.Source.Path)];
            if (uses.Length == 0)
            {
                renamed.Add(other);
                continue;
            }

            if (other.Diagnostics.Count > 0)
            {
                throw new RequestException($"'{other.Source.Path}' cannot be read, so what it names is not known: mend its errors first");
            }

            string text = other.Source.Text;
            foreach (SymbolUse use in uses.Reverse())
            {
                text = string.Concat(text.AsSpan(0, use.Span.Start), name, text.AsSpan(use.Span.End));
            }

            edits[snapshot.UriOf(other)] = [.. uses.Select(use => new TextEdit(snapshot.Lines(other).RangeOf(use.Span), name))];
            renamed.Add(WeftCompiler.Parse(other.Source with { Text = text }));
        }

        SymbolTable after = SymbolTable.Of(renamed);
        if (renamed.Any(other => other.Diagnostics.Count > snapshot.Get(other.Source.Path).Diagnostics.Count)
            || !Meanings(snapshot.Symbols, snapshot.Files).SequenceEqual(Meanings(after, renamed)))
        {
            throw new RequestException($"'{name}' already means something where '{symbol.Name}' is named");
        }

        return new WorkspaceEdit(edits);
    }

    /// <summary>For each name in the order of the texts the number of what it means: equal for files that differ by a change of names alone.</summary>
    private static IEnumerable<int> Meanings(SymbolTable table, IReadOnlyList<ParsedFile> files)
    {
        var numbers = new Dictionary<object, int>();
        foreach (SymbolUse use in files.SelectMany(file => table.Uses(file.Source.Path)))
        {
            // Those of the library and of the language are others in another table.
            object key = use.Symbol.Source is null || use.Symbol.IsStandard ? (use.Symbol.Kind, use.Symbol.Name) : use.Symbol;
            numbers.TryAdd(key, numbers.Count);
            yield return numbers[key];
        }
    }

    private static SymbolUse Renameable(Snapshot snapshot, ParsedFile file, int position) =>
        snapshot.Symbols.At(file.Source.Path, position) switch
        {
            null => throw new RequestException("there is no name here"),
            { Symbol: { Source: null } or { IsStandard: true } } use => throw new RequestException($"'{use.Symbol.Name}' is Weft's own"),
            { Symbol.IsNamed: false } use => throw new RequestException($"'{use.Symbol.Name}' is the language's word for it"),
            { } use => use,
        };

    private static bool IsName(string name) =>
        name.Length > 0 && !char.IsDigit(name[0]) && name.All(c => (char.IsLetterOrDigit(c) && c != 'ᵀ') || c == '_') && !Words.Reserved.Contains(name);
}

/// <summary>Why a request cannot be met, in words for the user.</summary>
internal sealed class RequestException(string message) : StreamJsonRpc.LocalRpcException(message);
