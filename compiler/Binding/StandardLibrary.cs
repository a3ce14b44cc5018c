using System.Reflection;
using System.Text;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler.Binding;

/// <summary>The operators that come with the compiler, written in the language itself. Read once, when first needed.</summary>
public static class StandardLibrary
{
    private static readonly Lazy<EquatableArray<ParsedFile>> s_files = new(Load);
    private static readonly Lazy<FileScope> s_scope = new(MakeScope);

    /// <summary>Its files, in the order of their names.</summary>
    public static EquatableArray<ParsedFile> Files => s_files.Value;

    /// <summary>One scope that sees all of its files.</summary>
    internal static FileScope Scope => s_scope.Value;

    private static EquatableArray<ParsedFile> Load()
    {
        Assembly assembly = typeof(StandardLibrary).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith(".weft", StringComparison.Ordinal))
            .OrderBy(name => name, StringComparer.Ordinal)
            .Select(name =>
            {
                using Stream stream = assembly.GetManifestResourceStream(name)!;
                using var reader = new StreamReader(stream, Encoding.UTF8);
                return WeftParser.Parse(new SourceText(name, reader.ReadToEnd()));
            })
            .ToEquatable();
    }

    private static FileScope MakeScope()
    {
        var everything = new FileScope(new ParsedFile(new SourceText("", ""), new FileSyntax(default, default, default), default), null);
        FileScope[] scopes = [.. Files.Select(file => new FileScope(file, null))];
        everything.Imported.AddRange(scopes);
        foreach (FileScope scope in scopes)
        {
            scope.Imported.AddRange(scopes.Where(other => other != scope));
        }

        return everything;
    }
}
