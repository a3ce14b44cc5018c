using Microsoft.Extensions.FileSystemGlobbing;
using Microsoft.Extensions.FileSystemGlobbing.Abstractions;
using Weft.Compiler.Text;
using Weft.LanguageServer;

namespace Weft.Tool.Sources;

/// <summary>The texts that arguments name: files, folders, patterns with <c>*</c>, and the standard input.</summary>
internal static class SourceFiles
{
    public const string StandardInput = "-";

    /// <summary>What the standard input is called where places in it are told.</summary>
    private const string InputName = "stdin";

    public const string Help = "The .weft files, folders of them, patterns such as \"maps/**/*.weft\", or '-' for the standard input.";

    /// <summary>The files, each once, in the order of the arguments; of folders and patterns by their paths.</summary>
    /// <exception cref="UsageException">Nothing is there.</exception>
    public static IReadOnlyList<string> Find(IEnumerable<string> arguments)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        return [.. arguments.SelectMany(Find).Where(path => known.Add(path == StandardInput ? path : Path.GetFullPath(path)))];
    }

    public static SourceText Read(string path, TextReader input) =>
        path == StandardInput ? new SourceText(InputName, input.ReadToEnd()) : new SourceText(path, File.ReadAllText(path));

    private static IReadOnlyList<string> Find(string argument)
    {
        if (argument == StandardInput || File.Exists(argument))
        {
            return [argument];
        }

        bool isFolder = Directory.Exists(argument), isPattern = !isFolder && argument.Contains('*', StringComparison.Ordinal);
        string[] found = [.. isFolder ? ProjectFiles.Below(argument) : isPattern ? Match(argument) : []];
        return found.Length > 0 ? found : throw new UsageException(
            isFolder ? $"there is no .weft file in '{argument}'"
            : isPattern ? $"no file matches '{argument}'"
            : $"there is no file '{argument}'");
    }

    /// <summary>The files of a pattern, which begins at the last folder before a <c>*</c>.</summary>
    private static IEnumerable<string> Match(string pattern)
    {
        string[] parts = pattern.Split(['/', Path.DirectorySeparatorChar]);
        int first = Array.FindIndex(parts, part => part.Contains('*', StringComparison.Ordinal));
        string folder = string.Join(Path.DirectorySeparatorChar, parts[..first]) + (first > 0 ? Path.DirectorySeparatorChar : "");
        var start = new DirectoryInfo(folder.Length > 0 ? folder : ".");
        if (!start.Exists)
        {
            return [];
        }

        var matcher = new Matcher(StringComparison.Ordinal);
        matcher.AddInclude(string.Join('/', parts[first..]));
        return matcher.Execute(new DirectoryInfoWrapper(start)).Files
            .Select(file => file.Path)
            .Where(path => path.Split('/')[..^1].All(ProjectFiles.IsOwn))
            .Order(StringComparer.Ordinal)
            .Select(path => Path.Combine(folder, path));
    }
}
