using System.Collections.Immutable;
using System.Text;
using Weft.Adapters;
using Weft.Dynamic;
using Weft.Fuzz.Inputs;

namespace Weft.Fuzz.Targets;

/// <summary>Adapters: a config and a file of tensors. Each is refused as documented, or every module's formula is valid and its tensors fill its parameters.</summary>
internal sealed class AdapterTarget : FuzzTarget
{
    /// <summary>What the base would have where the file does not say it.</summary>
    private const int Outputs = 6, Inputs = 8;

    /// <summary>Larger weights are opened, and no text is made of them.</summary>
    private const int MostElements = 4096;

    private static readonly byte[][] Seeds =
    [
        Seed("\"LORA\",\"lora_alpha\":4,\"use_dora\":true,\"alpha_pattern\":{\".*q\":2},\"modules_to_save\":[\"score\"]", ("q.lora_A.weight", [2, 8]), ("q.lora_B.weight", [6, 2]), ("q.lora_magnitude_vector", [6]), ("score.weight", [2, 6])),
        Seed("\"LORA\",\"lora_alpha\":4,\"use_rslora\":true,\"bias\":\"all\"", ("q.lora_embedding_A", [2, 8]), ("q.lora_embedding_B", [6, 2]), ("q.bias", [6])),
        Seed("\"LOHA\",\"alpha\":4", ("q.hada_w1_a", [6, 2]), ("q.hada_w1_b", [2, 8]), ("q.hada_w2_a", [6, 2]), ("q.hada_w2_b", [2, 8])),
        Seed("\"LOKR\",\"alpha\":4", ("q.lokr_w1_a", [2, 2]), ("q.lokr_w1_b", [2, 4]), ("q.lokr_w2", [3, 2])),
        Seed("\"OFT\",\"use_cayley_neumann\":true,\"num_cayley_neumann_terms\":5", ("q.oft_R.weight", [2, 6])),
        Seed("\"BOFT\"", ("q.boft_R", [2, 4, 2, 2]), ("q.boft_s", [6, 1])),
        Seed("\"HRA\",\"apply_GS\":true", ("q.hra_u", [8, 2])),
        Seed("\"VERA\"", ("vera_A", [2, 9]), ("vera_B", [7, 2]), ("q.vera_lambda_b", [6]), ("q.vera_lambda_d", [2])),
        Seed("\"IA3\",\"fan_in_fan_out\":true", ("q.ia3_l", [6, 1])),
        Seed("\"VBLORA\",\"topk\":2", ("vblora_vector_bank", [5, 2]), ("q.vblora_logits_A", [2, 4, 5]), ("q.vblora_logits_B", [3, 2, 5])),
        Seed("\"VBLORA\"", ("vblora_vector_bank", [5, 2]), ("q.vblora_logits_A_topk_indices", [2, 4, 2]), ("q.vblora_logits_A_topk_weights", [2, 4, 1]), ("q.vblora_logits_B_topk_indices", [3, 2, 2]), ("q.vblora_logits_B_topk_weights", [3, 2, 1])),
        Seed("\"C3A\"", ("q.c3a_kernel", [3, 4, 2])),
        Seed("\"MISS\"", ("q.miss_block", [3, 6])),
    ];

    public override string Name => "adapters";

    public override long MostAllocated => 64 << 20;

    public override byte[] Make(Random random)
    {
        byte[] seed = Seeds[random.Next(Seeds.Length)];
        if (random.Next(2) == 0)
        {
            return Mutations.OfBytes(seed, random, Seeds);
        }

        // The config's text changed, or that of the header, and its length with it.
        int end = seed.AsSpan().IndexOf((byte)0), length = BitConverter.ToInt32(seed, end + 1);
        byte[] config = seed[..end], header = seed[(end + 9)..(end + 9 + length)];
        if (random.Next(2) == 0)
        {
            config = Changed(config);
        }
        else
        {
            header = Changed(header);
        }

        return [.. config, 0, .. BitConverter.GetBytes((long)header.Length), .. header, .. seed[(end + 9 + length)..]];

        byte[] Changed(byte[] text) => Encoding.UTF8.GetBytes(Mutations.OfTokens(Encoding.UTF8.GetString(text), random, Mutations.Few(random)));
    }

    public override void Run(byte[] input)
    {
        int end = input.AsSpan().IndexOf((byte)0);
        byte[] config = end < 0 ? [] : input[..end];
        try
        {
            TensorFile file = TensorFile.Open(new MemoryStream(input[(end + 1)..]));
            using var adapter = new Adapter([.. file.Tensors.Values.Select(tensor => new AdapterTensor(file, tensor))], config.Length == 0 ? null : AdapterConfig.Parse(config), file.Metadata, alpha: null);
            foreach (AdapterModule module in adapter.Modules.Values)
            {
                (int m, int n) = (module.Outputs ?? Outputs, module.Inputs ?? Inputs);
                if ((long)m * n <= MostElements)
                {
                    Check(module, m, n);
                }
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or NotSupportedException)
        {
        }
    }

    private static void Check(AdapterModule module, int m, int n)
    {
        AdapterFormula formula = module.FormulaFor(m, n);
        foreach (AdapterParameter parameter in formula.Parameters)
        {
            double[] values = module.Parts.Tensors[parameter.Part].Read();
            if ((parameter.Load?.Invoke(values) ?? values).Length != parameter.Shape.Aggregate(1, (product, extent) => product * extent))
            {
                throw new FuzzException($"a tensor does not fill its parameter: {parameter.Name}");
            }
        }

        foreach (string text in new[] { formula.Adapted(m, n), formula.Term == null ? "" : formula.Update(m, n), formula.Rotation == null ? "" : formula.RotationOf(n), formula.OutputRotation == null ? "" : formula.OutputRotationOf(m) })
        {
            DynamicMaps.Compile(text).Dispose();
        }
    }

    /// <summary>A config, a zero, and a file.</summary>
    private static byte[] Seed(string settings, params (string Name, int[] Shape)[] tensors)
    {
        using var stream = new MemoryStream();
        TensorFile.Write<float>(
            stream,
            [.. tensors.Select(tensor => ($"base_model.model.{tensor.Name}", StoredType.F32, tensor.Shape.ToImmutableArray(), (ReadOnlyMemory<float>)new float[tensor.Shape.Aggregate(1, (product, extent) => product * extent)]))],
            new Dictionary<string, string> { ["format"] = "pt" });
        return [.. Encoding.UTF8.GetBytes($"{{\"r\":2,\"target_modules\":[\"q\"],\"peft_type\":{settings}}}"), 0, .. stream.ToArray()];
    }
}
