namespace Weft.Adapters;

/// <summary>Files that are there in whole or not at all.</summary>
internal static class AtomicOutput
{
    /// <summary>Writes a file beside its place and moves it there.</summary>
    public static void WriteFile(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path), partial = $"{full}.{Guid.NewGuid():N}.partial";
        try
        {
            using (var stream = new FileStream(partial, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, full, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Fills a new folder beside its place and moves it there.</summary>
    /// <exception cref="IOException">There is something at its place.</exception>
    public static void WriteFolder(string path, Action<string> fill)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), partial = $"{full}.{Guid.NewGuid():N}.partial";
        if (Path.Exists(full))
        {
            throw new IOException($"'{path}' exists; the merged shards go into a new folder.");
        }

        try
        {
            Directory.CreateDirectory(partial);
            fill(partial);
            Directory.Move(partial, full);
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
    }
}
