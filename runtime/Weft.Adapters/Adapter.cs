using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Weft.Dynamic;

namespace Weft.Adapters;

/// <summary>
/// An adapter's file of PEFT (a folder with <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>, or its shards and their index), of
/// LyCORIS or kohya, or with the names of diffusers.
/// </summary>
/// <remarks>
/// <para>
/// <see cref="Open"/> sorts the file's keys by their endings into modules, and finds the method of each by a table: which keys it has, what
/// their shapes say, what the update is multiplied by, and its formula in Weft. What a file does not say is an error that tells how to say it;
/// nothing is guessed. What is left is listed: <see cref="UnusedKeys"/>, <see cref="UnmatchedTargets"/>. The tensors are read when they are
/// needed, so the file stays open until the adapter is disposed.
/// </para>
/// <para>
/// A module becomes a map with the base weight as a frozen parameter (<see cref="AdapterModule.CreateMap{T}"/>), a matrix
/// (<see cref="AdapterModule.Merge"/>, <see cref="AdapterModule.Update(int, int)"/>). The whole adapter is merged into a base's files
/// (<see cref="Merge"/>), turned into LoRA (<see cref="ToLora"/>) and written (<see cref="Save"/>). Any number of threads may use one.
/// </para>
/// </remarks>
public sealed class Adapter : IDisposable
{
    private const string ConfigName = "adapter_config.json", Stem = "adapter_model", PeftPrefix = "base_model.model.";

    private readonly TensorFiles? files;
    private readonly AdapterConfig? config;
    private readonly ImmutableArray<AdapterTensor> tensors;
    private readonly Dictionary<string, string> metadata;
    private readonly Dictionary<string, CompiledWeft> compiled = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AdapterModule> modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AdapterTensor> replacements = new(StringComparer.Ordinal);
    private bool isDisposed;

    internal Adapter(ImmutableArray<AdapterTensor> tensors, AdapterConfig? config, IReadOnlyDictionary<string, string> metadata, double? alpha, TensorFiles? files = null)
    {
        (this.tensors, this.config, this.files, this.metadata) = (tensors, config, files, new(metadata, StringComparer.Ordinal));
        string[] known = [.. AdapterMethod.All.Select(method => method.PeftType).OfType<string>().Distinct(StringComparer.Ordinal)];
        if (config != null && !known.Contains(config.String("peft_type") ?? throw new InvalidDataException($"{ConfigName} has no 'peft_type'."), StringComparer.Ordinal))
        {
            throw new NotSupportedException($"adapter_config.json is for '{config.String("peft_type")}', which is not known here. Known are {string.Join(", ", known)}.");
        }

        var found = new Dictionary<string, Dictionary<string, AdapterTensor>>(StringComparer.Ordinal);
        var shared = new Dictionary<string, AdapterTensor>(StringComparer.Ordinal);
        var rest = new List<AdapterTensor>();
        foreach (AdapterTensor tensor in tensors)
        {
            (string ending, string part) = AdapterMethod.Endings.FirstOrDefault(pair => tensor.Key.EndsWith(pair.Ending, StringComparison.Ordinal) && tensor.Key.Length > pair.Ending.Length);
            if (ending == null)
            {
                rest.Add(tensor);
                continue;
            }

            string module = tensor.Key[..^ending.Length];
            Dictionary<string, AdapterTensor> parts = AdapterMethod.OncePerFile.Contains(part)
                ? shared
                : found.TryGetValue(module, out Dictionary<string, AdapterTensor>? others) ? others : found[module] = new(StringComparer.Ordinal);
            if (!parts.TryAdd(part, tensor))
            {
                throw new InvalidDataException($"'{tensor.Key}' and '{parts[part].Key}' mean the same.");
            }
        }

        foreach ((string key, Dictionary<string, AdapterTensor> parts) in found)
        {
            Add(key, parts, shared, alpha);
        }

        HashSet<string> used = [.. modules.Values.SelectMany(module => module.Keys)];
        rest.AddRange(shared.Values.Where(tensor => !used.Contains(tensor.Key)));
        foreach (AdapterTensor tensor in rest.Where(tensor => config != null && ReplacedName(tensor.Key, config) is { } name && replacements.TryAdd(name, tensor)).ToList())
        {
            rest.Remove(tensor);
        }

        UnusedKeys = [.. rest.Select(tensor => tensor.Key).Order(StringComparer.Ordinal)];
        UnmatchedTargets = config == null ? [] : FindUnmatchedTargets(config);
    }

    /// <summary>The adapted modules by name.</summary>
    public IReadOnlyDictionary<string, AdapterModule> Modules => modules;

    /// <summary>Tensors of the base that the file has in whole, biases and <c>modules_to_save</c>: from their names in the base to the file's keys.</summary>
    public IReadOnlyDictionary<string, string> Replacements => replacements.ToDictionary(pair => pair.Key, pair => pair.Value.Key, StringComparer.Ordinal);

    /// <summary>Keys of the file that no module uses.</summary>
    public ImmutableArray<string> UnusedKeys { get; }

    /// <summary>Names, or the pattern, of <c>target_modules</c> in the config that found no module in the file.</summary>
    public ImmutableArray<string> UnmatchedTargets { get; }

    /// <summary>Texts that came with the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    internal AdapterConfig? Config => config;

    internal IReadOnlyDictionary<string, AdapterTensor> ReplacementTensors => replacements;

    /// <summary>Opens a folder of PEFT, or a file without a config.</summary>
    /// <param name="path">The folder, or the safetensors file, index or config in it.</param>
    /// <param name="options">What the file does not say.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or no config in the folder.</exception>
    /// <exception cref="InvalidDataException">It is damaged, contradicts itself or its config, or lacks an alpha.</exception>
    /// <exception cref="NotSupportedException">The method, or a setting of it, is not known.</exception>
    public static Adapter Open(string path, AdapterOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        path = Path.GetFileName(path) == ConfigName ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        AdapterConfig? config = null;
        bool isFolder = Directory.Exists(path);
        string beside = Path.Combine(isFolder ? path : Path.GetDirectoryName(Path.GetFullPath(path))!, ConfigName);
        if (isFolder || Path.GetFileName(path).StartsWith(Stem + ".", StringComparison.Ordinal))
        {
            config = File.Exists(beside)
                ? AdapterConfig.Parse(File.ReadAllBytes(beside))
                : throw new FileNotFoundException($"There is no '{ConfigName}' in '{Path.GetDirectoryName(beside)}'. A file of kohya or LyCORIS has none: give the path of the file, by another name than '{Stem}'.", beside);
        }

        TensorFiles files = TensorFiles.Open(path, Stem);
        try
        {
            return new Adapter(
                [.. files.Files.SelectMany(file => file.File.Tensors.Values.OrderBy(tensor => tensor.Start).ThenBy(tensor => tensor.Name, StringComparer.Ordinal).Select(tensor => new AdapterTensor(file.File, tensor)))],
                config,
                files.Files.Count == 0 ? new Dictionary<string, string>() : files.Files[0].File.Metadata,
                options?.Alpha,
                files);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Merges the adapter into a base's weights, one of them in memory at a time. The output is written beside its place and moved there at the
    /// end: a failure leaves nothing.
    /// </summary>
    /// <param name="basePath">The base: a safetensors file, an index of shards, or a folder with <c>model.safetensors</c> or its index.</param>
    /// <param name="outputPath">A file for a base in one file, which is replaced; a new folder for one in shards.</param>
    /// <param name="options">Names, and what may be left out.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="FileNotFoundException">There is no such base.</exception>
    /// <exception cref="InvalidDataException">The base lacks a module's weight, or it has another size; keys of the adapter are not used; a merged number is too large for the base's type.</exception>
    /// <exception cref="NotSupportedException">A weight of the base is stored in whole numbers or another type that no update can be added to.</exception>
    /// <exception cref="IOException">The output folder exists, or a file cannot be written.</exception>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public AdapterMerge Merge(string basePath, string outputPath, MergeOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(basePath);
        ArgumentNullException.ThrowIfNull(outputPath);
        ObjectDisposedException.ThrowIf(isDisposed, this);
        using TensorFiles files = TensorFiles.Open(basePath, BaseWeights.Stem);
        return new BaseWeights(this, files, options ?? new MergeOptions()).Merge(outputPath, cancellationToken);
    }

    /// <summary>Turns every module into LoRA of a rank: the closest one to its update, by a singular value decomposition (Eckart and Young 1936).</summary>
    /// <param name="rank">The rank, or that of the weight where it is less.</param>
    /// <param name="basePath">The base, for methods that are no update of any weight and for convolutions; as in <see cref="Merge"/>.</param>
    /// <param name="options">Names, and what may be left out.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="InvalidDataException">A module needs the base, and none was given or it lacks the weight.</exception>
    /// <inheritdoc cref="Merge" path="/exception"/>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public LoraConversion ToLora(int rank, string? basePath = null, MergeOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        ObjectDisposedException.ThrowIf(isDisposed, this);
        using TensorFiles? files = basePath == null ? null : TensorFiles.Open(basePath, BaseWeights.Stem);
        return new Conversion(this, files == null ? null : new BaseWeights(this, files, options ?? new MergeOptions())).Run(rank, cancellationToken);
    }

    /// <summary>Writes the adapter as it came: a folder of PEFT with a config, or a file. What is there is replaced, and only when all is written.</summary>
    /// <param name="path">The folder for an adapter with a config, the file for one without.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (config == null)
        {
            AtomicOutput.WriteFile(path, WriteTensors);
            return;
        }

        Directory.CreateDirectory(path);
        AtomicOutput.WriteFile(Path.Combine(path, Stem + ".safetensors"), WriteTensors);
        AtomicOutput.WriteFile(Path.Combine(path, ConfigName), stream => stream.Write(config.Text));

        void WriteTensors(Stream stream)
        {
            var writer = new TensorWriter(stream, [.. tensors.Select(tensor => tensor.Stored)], metadata);
            foreach (AdapterTensor tensor in tensors)
            {
                tensor.WriteTo(writer);
            }
        }
    }

    /// <summary>Closes the file. Maps that were made stay.</summary>
    public void Dispose()
    {
        lock (compiled)
        {
            isDisposed = true;
            files?.Dispose();
            foreach (CompiledWeft assembly in compiled.Values)
            {
                assembly.Dispose();
            }

            compiled.Clear();
        }
    }

    /// <summary>Makes a map of a text; modules of one shape share its code.</summary>
    internal LinearMap<T> Create<T>(string name, string text)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        lock (compiled)
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            if (!compiled.TryGetValue(text, out CompiledWeft? assembly))
            {
                compiled[text] = assembly = DynamicMaps.Compile(text, "adapter.weft");
            }

            return (LinearMap<T>)(object)(typeof(T) == typeof(float) ? assembly.CreateFloat(name) : assembly.CreateDouble(name));
        }
    }

    private void Add(string key, Dictionary<string, AdapterTensor> parts, Dictionary<string, AdapterTensor> shared, double? alpha)
    {
        AdapterMethod? method = AdapterMethod.All.FirstOrDefault(method => method.Required.All(parts.ContainsKey) && parts.Keys.All(part => method.Required.Contains(part) || method.Optional.Contains(part)));
        string prefix = key.StartsWith(PeftPrefix, StringComparison.Ordinal) ? PeftPrefix : "", name = key[prefix.Length..];
        if (method == null)
        {
            throw new NotSupportedException($"'{name}' has {string.Join(", ", parts.Values.Select(tensor => $"'{tensor.Key}'"))}, which together are of no method that is known here.");
        }

        if (config != null && method.PeftType != config.String("peft_type"))
        {
            throw new InvalidDataException($"'{name}' has the tensors of {method.Name}, and adapter_config.json is for '{config.String("peft_type")}'.");
        }

        foreach (string part in method.Shared)
        {
            parts[part] = shared.TryGetValue(part, out AdapterTensor? tensor) ? tensor : throw new InvalidDataException(
                part.StartsWith("vera", StringComparison.Ordinal)
                    ? $"The file has no '{part}': its projections are drawn by PyTorch's generator and cannot be had otherwise. Save it with save_projection=True."
                    : $"The file has no '{part}', which '{name}' needs.");
        }

        if (!modules.TryAdd(name, new AdapterModule(this, prefix, name, method, new AdapterParts(name, parts, config, alpha))))
        {
            throw new InvalidDataException($"'{name}' stands twice in the file.");
        }
    }

    /// <summary>The tensor of the base that one of the file replaces; null where it replaces none.</summary>
    private static string? ReplacedName(string key, AdapterConfig config)
    {
        const string BaseLayer = ".base_layer";
        string name = key.StartsWith(PeftPrefix, StringComparison.Ordinal) ? key[PeftPrefix.Length..] : key;
        int dot = name.LastIndexOf('.');
        if (dot < 0)
        {
            return null;
        }

        (string module, string leaf) = (name[..dot], name[dot..]);
        bool isOfBase = module.EndsWith(BaseLayer, StringComparison.Ordinal);
        if (isOfBase)
        {
            module = module[..^BaseLayer.Length];
        }

        bool isBias = leaf == ".bias" && config.String("bias") is { } bias && bias != "none";

        // PEFT saves these two of its own accord where they were resized or trained.
        bool isEmbedding = leaf == ".weight" && module[(module.LastIndexOf('.') + 1)..] is "embed_tokens" or "lm_head";
        return isBias || isEmbedding || (isOfBase && leaf == ".weight") || config.Texts("modules_to_save").Any(saved => $".{module}.".Contains($".{saved}.", StringComparison.Ordinal))
            ? module + leaf
            : null;
    }

    private ImmutableArray<string> FindUnmatchedTargets(AdapterConfig config)
    {
        string[] targets = config.Texts("target_modules");
        return config.IsText("target_modules")
            ? [.. targets.Where(target => target != "all-linear" && !modules.Keys.Any(name => AdapterConfig.Matches(target, name, "target_modules")))]
            : [.. targets.Where(target => !modules.Keys.Any(name => $".{name}".EndsWith($".{target}", StringComparison.Ordinal)))];
    }
}
