using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;

namespace Weft.LanguageServer;

/// <summary>The standard library as files that an editor can open: written when one is asked for, beside those of other versions.</summary>
internal static class LibraryFiles
{
    private static readonly string s_folder = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData) is { Length: > 0 } local ? local : Path.GetTempPath(),
        "weft",
        typeof(StandardLibrary).Assembly.ManifestModule.ModuleVersionId.ToString("N"));

    /// <summary>Whether a path is that of such a file.</summary>
    public static bool IsOne(string path) => path.StartsWith(s_folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>The library's name of such a file; of any other path the path.</summary>
    public static string NameOf(string path) => IsOne(path) ? Path.GetFileName(path) : path;

    /// <summary>Where a file of the library can be read.</summary>
    public static string PathOf(ParsedFile file) => Write(file.Source.Path, file.Source.Text);

    /// <summary>Writes a text that was made, for an editor to show.</summary>
    public static string Write(string name, string text)
    {
        Directory.CreateDirectory(s_folder);
        string path = Path.Combine(s_folder, name);
        if (!File.Exists(path) || File.ReadAllText(path) != text)
        {
            File.WriteAllText(path, text);
        }

        return path;
    }
}
