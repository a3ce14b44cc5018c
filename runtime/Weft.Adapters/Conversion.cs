using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json;
using Weft.Fitting;

namespace Weft.Adapters;

/// <summary>Turns an adapter into LoRA.</summary>
/// <param name="adapter">The adapter.</param>
/// <param name="weights">The base; null where it is not given.</param>
internal sealed class Conversion(Adapter adapter, BaseWeights? weights)
{
    private const string DownEnding = ":down", UpEnding = ":up";

    private readonly List<AdapterTensor> tensors = [];
    private readonly List<ConvertedModule> modules = [];

    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    public LoraConversion Run(int rank, CancellationToken cancellationToken)
    {
        var metadata = new Dictionary<string, string>(adapter.Metadata, StringComparer.Ordinal);
        double? alpha = null;
        foreach (AdapterModule module in adapter.Modules.Values)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Update(module) is not var (update, m, n, kernel))
            {
                continue;
            }

            int r = Math.Min(rank, Math.Min(m, n));
            string name = string.Create(CultureInfo.InvariantCulture, $"operator product : {n} -> {m} = low_rank({m}, {n}, {r})\n");
            using LinearMap<double> product = adapter.Create<double>("product", name);
            ProjectionReport report = product.Project<double>(update);
            modules.Add(new ConvertedModule(module.Name, r, report.RelativeError));
            double[] b = product["B"].Values.ToArray(), a = product["A"].Values.ToArray();
            (string endingOfA, string endingOfB) = Endings(module);
            if (endingOfA == DownEnding)
            {
                // These files have no alpha: their library multiplies by 1, and reads ranks from the texts.
                (alpha, metadata[$"{module.Name}:rank"]) = (rank, r.ToString(CultureInfo.InvariantCulture));
                TensorPrimitives.Multiply(b, (double)r / rank, b);
            }

            Add(module, endingOfA, [r, .. kernel.IsEmpty ? [n] : kernel], a);
            Add(module, endingOfB, [m, r, .. Enumerable.Repeat(1, Math.Max(kernel.Length - 1, 0))], b);
            if (adapter.Config == null && endingOfA != DownEnding)
            {
                Add(module, ".alpha", [], [r]);
            }
        }

        // The new adapter stays when the old one's file is closed.
        tensors.AddRange(adapter.ReplacementTensors.Values.Select(tensor => new AdapterTensor(tensor.Stored, tensor.Read())));
        return new LoraConversion(new Adapter([.. tensors], adapter.Config == null ? null : Config(adapter.Config, rank), metadata, alpha), [.. modules]);
    }

    private static (string A, string B) Endings(AdapterModule module) => module switch
    {
        { Parts.Config: not null } when module.Parts.Has("lora_embedding_A") => (".lora_embedding_A", ".lora_embedding_B"),
        { Parts.Config: not null } => (".lora_A.weight", ".lora_B.weight"),
        _ when module.Parts.Tensors.GetValueOrDefault("lora_A")?.Key.EndsWith(DownEnding, StringComparison.Ordinal) == true => (DownEnding, UpEnding),
        _ => (".lora_down.weight", ".lora_up.weight"),
    };

    private void Add(AdapterModule module, string ending, ImmutableArray<int> shape, double[] values) =>
        tensors.Add(new AdapterTensor(new StoredTensor(module.Prefix + module.Name + ending, StoredType.F32, shape), values));

    /// <summary>What a module adds to its weight, and the shape of a row of the weight where that is a kernel; null where it was left out.</summary>
    [RequiresDynamicCode("Compiles and loads code.")]
    [RequiresUnreferencedCode("The compiled code may use any member of the runtime.")]
    private (double[] Update, int Outputs, int Inputs, ImmutableArray<int> Kernel)? Update(AdapterModule module)
    {
        if (weights != null)
        {
            if (weights.Read(module) is not var (weight, outputs, inputs, shape))
            {
                return null;
            }

            double[] merged = module.Merge(weight, outputs, inputs);
            TensorPrimitives.Subtract(merged, weight, merged);
            return (merged, outputs, inputs, shape.Length > 2 ? shape[1..] : []);
        }

        if (module.Outputs is { } m && module.Inputs is { } n && module.FormulaFor(m, n).IsUpdate)
        {
            // LoRA's own factor has the shape of a kernel; other methods may have it as a row of a matrix.
            ImmutableArray<int> a = module.Parts.Tensors.GetValueOrDefault("lora_A")?.Shape ?? [];
            return (module.Update(m, n), m, n, a.Length > 2 ? a[1..] : []);
        }

        throw new InvalidDataException($"'{module.Name}' ({module.Method}) is no update without its weight: give the base.");
    }

    /// <summary>The config of the new adapter: what the old one says of names and of what is saved beside, with LoRA's settings.</summary>
    private byte[] Text(AdapterConfig config, int rank)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("peft_type", "LORA");
            foreach (string setting in new[] { "base_model_name_or_path", "task_type", "modules_to_save", "revision" })
            {
                if (config.Raw(setting) is { } value)
                {
                    json.WritePropertyName(setting);
                    json.WriteRawValue(value);
                }
            }

            json.WriteNumber("r", rank);
            json.WriteNumber("lora_alpha", rank);
            json.WriteNumber("lora_dropout", 0);
            json.WriteBoolean("fan_in_fan_out", config.Flag("fan_in_fan_out") == true);
            json.WriteString("bias", config.String("bias") is { } bias && bias != "none" ? bias == "all" ? "all" : "lora_only" : "none");
            json.WriteBoolean("use_rslora", false);
            json.WriteBoolean("use_dora", false);
            json.WriteBoolean("inference_mode", true);
            json.WriteStartArray("target_modules");
            modules.ForEach(module => json.WriteStringValue(module.Module));
            json.WriteEndArray();
            foreach (string patterns in new[] { "rank_pattern", "alpha_pattern" })
            {
                json.WriteStartObject(patterns);
                foreach (ConvertedModule module in modules.Where(module => module.Rank != rank))
                {
                    json.WriteNumber(module.Module.Replace(".", "\\.", StringComparison.Ordinal), module.Rank);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private AdapterConfig Config(AdapterConfig config, int rank) => AdapterConfig.Parse(Text(config, rank));
}
