using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Numerics.Tensors;

namespace Weft.Adapters;

/// <summary>A base's files, and where an adapter's modules are in them.</summary>
internal sealed class BaseWeights
{
    /// <summary>What a base's file, or the beginning of its index, is called in a folder.</summary>
    public const string Stem = "model";

    private const string Weight = ".weight", Bias = ".bias";

    /// <summary>What kohya and LyCORIS put before flattened names, and diffusers before those of a pipeline's parts.</summary>
    private static readonly ImmutableArray<string> FlatPrefixes = ["lora_unet_", "lora_te_", "lora_te1_", "lora_te2_", "lycoris_"], PartPrefixes = ["unet.", "transformer.", "text_encoder.", "text_encoder_2."];

    private readonly Adapter adapter;
    private readonly TensorFiles files;
    private readonly MergeOptions options;
    private readonly Dictionary<string, AdapterModule> modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AdapterModule> biases = new(StringComparer.Ordinal);
    private readonly Dictionary<AdapterModule, string> names = [];

    public BaseWeights(Adapter adapter, TensorFiles files, MergeOptions options)
    {
        (this.adapter, this.files, this.options) = (adapter, files, options);
        ILookup<string, string> flat = files.Names.Where(name => name.EndsWith(Weight, StringComparison.Ordinal)).ToLookup(name => name[..^Weight.Length].Replace('.', '_'), StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (AdapterModule module in adapter.Modules.Values)
        {
            if (options.TensorName is { } choose)
            {
                if (choose(module.Name) is { } chosen)
                {
                    Add(module, chosen);
                }
            }
            else if (Find(module.Name) is { } name)
            {
                Add(module, name);
            }
            else
            {
                missing.Add(module.Name);
            }
        }

        if (missing.Count > 0)
        {
            string? near = TensorFile.Nearest(missing[0] + Weight, files.Names);
            throw new InvalidDataException(
                $"The base has no weight for {missing.Count} of {adapter.Modules.Count} modules, such as '{missing[0]}{Weight}'{(near == null ? "" : $" (there is '{near}')")}. {nameof(MergeOptions)}.{nameof(MergeOptions.TensorName)} can say what each is called there, or leave it out.");
        }

        string? Find(string module)
        {
            if (files.Find(module + Weight) != null)
            {
                return module + Weight;
            }

            foreach (string prefix in PartPrefixes.Where(prefix => module.StartsWith(prefix, StringComparison.Ordinal)))
            {
                if (files.Find(module[prefix.Length..] + Weight) != null)
                {
                    return module[prefix.Length..] + Weight;
                }
            }

            string flattened = FlatPrefixes.FirstOrDefault(prefix => module.StartsWith(prefix, StringComparison.Ordinal)) is { } found ? module[found.Length..] : module;
            return module.Contains('.', StringComparison.Ordinal) ? null : flat[flattened].ToArray() switch
            {
                [] => null,
                [var single] => single,
                [var first, var second, ..] => throw new InvalidDataException($"'{module}' could be '{first}' or '{second}' of the base. {nameof(MergeOptions)}.{nameof(MergeOptions.TensorName)} can say which."),
            };
        }
    }

    /// <summary>Merges the adapter and writes the result.</summary>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public AdapterMerge Merge(string outputPath, CancellationToken cancellationToken)
    {
        if (!adapter.UnusedKeys.IsEmpty && !options.IgnoresUnusedKeys)
        {
            throw new InvalidDataException(
                $"{adapter.UnusedKeys.Length} keys of the adapter are not used, such as '{adapter.UnusedKeys[0]}'. {nameof(MergeOptions)}.{nameof(MergeOptions.IgnoresUnusedKeys)} leaves them out.");
        }

        foreach ((string name, AdapterTensor tensor) in adapter.ReplacementTensors)
        {
            Require(name, $"'{tensor.Key}'");
        }

        var merged = ImmutableArray.CreateBuilder<MergedWeight>();
        if (files.Index is { } index)
        {
            AtomicOutput.WriteFolder(outputPath, folder =>
            {
                foreach ((string name, TensorFile file) in files.Files)
                {
                    using var stream = new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
                    Write(file, stream, merged, cancellationToken);
                    stream.Flush(flushToDisk: true);
                }

                File.Copy(index, Path.Combine(folder, Path.GetFileName(index)));
            });
        }
        else
        {
            AtomicOutput.WriteFile(outputPath, stream => Write(files.Files[0].File, stream, merged, cancellationToken));
        }

        return new AdapterMerge(
            merged.ToImmutable(),
            [.. adapter.ReplacementTensors.Keys.Order(StringComparer.Ordinal)],
            [.. adapter.Modules.Values.Where(module => !names.ContainsKey(module)).Select(module => module.Name)]);
    }

    /// <summary>A module's weight in the base as a matrix of outputs × inputs, with its shape there; null where it was left out.</summary>
    public (double[] Values, int Outputs, int Inputs, ImmutableArray<int> Shape)? Read(AdapterModule module)
    {
        if (!names.TryGetValue(module, out string? name))
        {
            return null;
        }

        StoredTensor tensor = files.Find(name)!.Tensors[name];
        return ReadMatrix(name, tensor, module) is var (values, outputs, inputs) ? (values, outputs, inputs, tensor.Shape) : null;
    }

    private void Add(AdapterModule module, string name)
    {
        StoredTensor tensor = Require(name, $"the weight of '{module.Name}'");
        if (!modules.TryAdd(name, module))
        {
            throw new InvalidDataException($"'{module.Name}' and '{modules[name].Name}' would both be merged into '{name}'.");
        }

        if (tensor.Type > StoredType.BF16)
        {
            throw new NotSupportedException($"'{name}' of the base is {tensor.TypeName}; an adapter can be merged into F64, F32, F16 and BF16.");
        }

        names.Add(module, name);
        string bias = name.EndsWith(Weight, StringComparison.Ordinal) ? name[..^Weight.Length] + Bias : "";
        (int outputs, int inputs) = Size(module, adapter.ReplacementTensors.TryGetValue(name, out AdapterTensor? replacement) ? replacement.Stored : tensor);
        if (files.Find(bias) != null && module.FormulaFor(outputs, inputs).ScalesBias)
        {
            biases.Add(bias, module);
        }
    }

    private StoredTensor Require(string name, string what) => files.Find(name)?.Tensors[name] ?? throw new InvalidDataException(
        $"The base has no '{name}', which would be {what}{(TensorFile.Nearest(name, files.Names) is { } near ? $": was '{near}' meant?" : ".")}");

    private static (int Outputs, int Inputs) Size(AdapterModule module, StoredTensor tensor)
    {
        if (tensor.Shape.Length < 2 || tensor.Length is 0 or > int.MaxValue || (module.IsTransposed && tensor.Shape.Length > 2))
        {
            throw new InvalidDataException($"'{tensor.Name}' of the base has the shape [{string.Join(", ", tensor.Shape)}]; a matrix is expected for '{module.Name}'.");
        }

        int rows = tensor.Shape[0], columns = (int)(tensor.Length / rows);
        try
        {
            (int outputs, int inputs) = module.IsTransposed ? (columns, rows) : (rows, columns);
            _ = module.FormulaFor(outputs, inputs);
            return (outputs, inputs);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"'{tensor.Name}' of the base: {exception.Message}", exception);
        }
    }

    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    private void Write(TensorFile file, Stream stream, ImmutableArray<MergedWeight>.Builder merged, CancellationToken cancellationToken)
    {
        StoredTensor[] tensors = [.. file.Tensors.Values.OrderBy(tensor => tensor.Start).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)];
        var writer = new TensorWriter(stream, [.. tensors.Select(Written)], file.Metadata);
        foreach (StoredTensor tensor in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (modules.TryGetValue(tensor.Name, out AdapterModule? module))
            {
                (double[] weight, int outputs, int inputs) = ReadMatrix(tensor.Name, Written(tensor), module);
                double[] result = module.Merge(weight, outputs, inputs);
                double norm = TensorPrimitives.Norm<double>(weight);
                TensorPrimitives.Subtract(result, weight, weight);
                double change = TensorPrimitives.Norm<double>(weight);
                merged.Add(new MergedWeight(module.Name, tensor.Name, change == 0 ? 0 : change / norm));
                WriteValues(tensor, module.IsTransposed ? AdapterModule.Transpose(result, outputs, inputs) : result);
            }
            else if (biases.TryGetValue(tensor.Name, out AdapterModule? scaling))
            {
                double[] bias = Values(tensor.Name, Written(tensor));
                string weightName = names[scaling];
                (int outputs, int inputs) = Size(scaling, Written(files.Find(weightName)!.Tensors[weightName]));
                if (scaling.BiasScale(outputs, inputs) is { } scale && scale.Length == bias.Length)
                {
                    TensorPrimitives.Multiply(bias, scale, bias);
                    WriteValues(tensor, bias);
                }
                else
                {
                    throw new InvalidDataException($"'{tensor.Name}' of the base has {bias.Length} elements; {outputs} are expected.");
                }
            }
            else if (adapter.ReplacementTensors.TryGetValue(tensor.Name, out AdapterTensor? replacement))
            {
                WriteValues(tensor, replacement.Read());
            }
            else
            {
                writer.Copy(file, tensor.Name);
            }
        }

        void WriteValues(StoredTensor tensor, double[] values)
        {
            double most = TensorPrimitives.MaxMagnitude<double>(values);
            bool fits = tensor.Type switch
            {
                StoredType.F16 => Half.IsFinite((Half)most),
                StoredType.F64 => double.IsFinite(most),
                _ => float.IsFinite((float)most),
            };
            if (!fits)
            {
                throw new InvalidDataException($"'{tensor.Name}' would hold {most}, which {tensor.Type} cannot. Nothing was written.");
            }

            writer.Write<double>(values);
        }
    }

    /// <summary>A tensor of the base as it will be written: of the shape of what replaces it.</summary>
    private StoredTensor Written(StoredTensor tensor) => adapter.ReplacementTensors.TryGetValue(tensor.Name, out AdapterTensor? replacement) && tensor.Type != StoredType.Other
        ? new StoredTensor(tensor.Name, tensor.Type, replacement.Shape)
        : tensor;

    private (double[] Values, int Outputs, int Inputs) ReadMatrix(string name, StoredTensor tensor, AdapterModule module)
    {
        (int outputs, int inputs) = Size(module, tensor);
        double[] values = Values(name, tensor);
        return (module.IsTransposed ? AdapterModule.Transpose(values, inputs, outputs) : values, outputs, inputs);
    }

    private double[] Values(string name, StoredTensor tensor)
    {
        if (adapter.ReplacementTensors.TryGetValue(name, out AdapterTensor? replacement))
        {
            return [.. replacement.Read()];
        }

        double[] values = new double[tensor.Length];
        files.Find(name)!.Read(name, tensor.Shape.AsSpan(), values);
        return values;
    }
}
