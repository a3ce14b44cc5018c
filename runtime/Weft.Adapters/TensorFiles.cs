using System.Text.Json;

namespace Weft.Adapters;

/// <summary>The tensors of one safetensors file, or of the shards that an index names.</summary>
internal sealed class TensorFiles : IDisposable
{
    private const string Extension = ".safetensors", IndexExtension = Extension + ".index.json";

    private readonly List<FileStream> streams = [];
    private readonly Dictionary<string, TensorFile> places = new(StringComparer.Ordinal);

    private TensorFiles(string? index) => Index = index;

    /// <summary>The files by name, in the order in which they were named.</summary>
    public List<(string Name, TensorFile File)> Files { get; } = [];

    /// <summary>The path of the index; null for a single file.</summary>
    public string? Index { get; }

    /// <summary>The names of all tensors.</summary>
    public IEnumerable<string> Names => places.Keys;

    /// <summary>Opens a file, an index, or a folder that holds <c>STEM.safetensors</c> or its index.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="InvalidDataException">A file is not one of tensors, or the index contradicts the shards.</exception>
    public static TensorFiles Open(string path, string stem)
    {
        if (Directory.Exists(path))
        {
            string whole = Path.Combine(path, stem + Extension), index = Path.Combine(path, stem + IndexExtension);
            path = File.Exists(whole) ? whole : File.Exists(index) ? index : throw new FileNotFoundException($"There is neither '{stem}{Extension}' nor '{stem}{IndexExtension}' in '{path}'.{Pickled(path)}", whole);
        }
        else if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is neither a file nor a folder '{path}'.", path);
        }

        bool isIndex = path.EndsWith(IndexExtension, StringComparison.Ordinal);
        var files = new TensorFiles(isIndex ? path : null);
        try
        {
            if (isIndex)
            {
                files.AddShards(path);
            }
            else
            {
                files.Add(path);
            }

            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>What to do with the other format that such files have.</summary>
    private static string Pickled(string folder) => Directory.EnumerateFiles(folder, "*.bin").Order(StringComparer.Ordinal).FirstOrDefault() is { } file
        ? $" '{Path.GetFileName(file)}' is a pickle, which is a program and not read here: save it with safe_serialization=True."
        : "";

    /// <summary>The file that holds a tensor; null where none does.</summary>
    public TensorFile? Find(string name) => places.GetValueOrDefault(name);

    public void Dispose() => streams.ForEach(stream => stream.Dispose());

    private void Add(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        streams.Add(stream);
        TensorFile file = TensorFile.Open(stream);
        Files.Add((Path.GetFileName(path), file));
        foreach (string name in file.Tensors.Keys)
        {
            if (!places.TryAdd(name, file))
            {
                throw new InvalidDataException($"Tensor '{name}' stands in more than one of the shards, the last of them '{Path.GetFileName(path)}'.");
            }
        }
    }

    private void AddShards(string index)
    {
        var expected = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(index));
            foreach (JsonProperty entry in document.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                expected[entry.Name] = entry.Value.GetString() ?? "";
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException($"'{Path.GetFileName(index)}' is no index of shards: an object 'weight_map' from names to files is expected.", exception);
        }

        foreach (string shard in expected.Values.Distinct(StringComparer.Ordinal))
        {
            // An index is not to reach beyond its own folder.
            string path = Path.Combine(Path.GetDirectoryName(index)!, shard);
            if (shard.Length == 0 || Path.GetFileName(shard) != shard || !File.Exists(path))
            {
                throw new InvalidDataException($"The index names the shard '{shard}', which is no file beside it.");
            }

            Add(path);
        }

        foreach ((string name, string shard) in expected)
        {
            if (!Files.Exists(file => file.Name == shard && file.File.Tensors.ContainsKey(name)))
            {
                throw new InvalidDataException($"The index says that '{name}' is in '{shard}', where it is not.");
            }
        }
    }
}
