namespace Weft.LanguageServer;

/// <summary>The files of a project, as they lie in its folders.</summary>
public static class ProjectFiles
{
    /// <summary>The <c>.weft</c> files below a folder, by their paths, without what builds, packages and tools put there.</summary>
    public static IEnumerable<string> Below(string folder)
    {
        var options = new EnumerationOptions { IgnoreInaccessible = true };
        IEnumerable<string> inner = Directory.EnumerateDirectories(folder, "*", options).Where(path => IsOwn(Path.GetFileName(path)));
        return Directory.EnumerateFiles(folder, "*.weft", options)
            .Order(StringComparer.Ordinal)
            .Concat(inner.Order(StringComparer.Ordinal).SelectMany(Below));
    }

    /// <summary>Whether a folder of this name holds what people write.</summary>
    public static bool IsOwn(string folder) => folder is not ("bin" or "obj" or "node_modules") and [not '.', ..];
}
