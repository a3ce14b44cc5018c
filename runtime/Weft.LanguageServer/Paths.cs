namespace Weft.LanguageServer;

/// <summary>Addresses of documents as names of files.</summary>
internal static class Paths
{
    /// <summary>The file of an address; for a document that is in no file the address itself.</summary>
    public static string Of(string uri) =>
        Uri.TryCreate(uri, UriKind.Absolute, out Uri? address) && address.IsFile ? Path.GetFullPath(address.LocalPath) : uri;

    public static string UriOf(string path) => Path.IsPathFullyQualified(path) ? new Uri(path).AbsoluteUri : path;

    /// <summary>The file that another one imports.</summary>
    public static string Import(string from, string file)
    {
        string folder = from[..(from.LastIndexOfAny(['/', '\\']) + 1)];
        string path = file.StartsWith('/') ? file : folder + file;
        return Path.IsPathFullyQualified(path) && !path.Contains('\0') ? Path.GetFullPath(path) : path;
    }
}
