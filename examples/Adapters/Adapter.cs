namespace Weft.Examples.Adapters;

/// <summary>One way to adapt the network, as adapters.weft declares it.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="New">Makes the adapted network.</param>
/// <param name="Rate">The peak of the learning rate: the fewer the parameters, the larger each.</param>
/// <param name="StoredBytes">What a file of the adapter alone needs.</param>
internal sealed record Adapter(string Name, Func<Map<float>> New, double Rate, Func<Map<float>, long> StoredBytes)
{
    /// <summary>All that are compared, in the order of the table.</summary>
    public static IReadOnlyList<Adapter> All { get; } =
    [
        new("LoRA", () => new LoraNetwork(), 0.005, Trained),
        new("VeRA", () => new VeraNetwork(), 0.1, map => Trained(map) + sizeof(int)), // the vectors, and a seed in place of the matrices
        new("VB-LoRA", () => new VectorBankNetwork(), 0.02, Selections),
        new("HRA", () => new ReflectionNetwork(), 0.1, Trained),
    ];

    private static long Trained(Map<float> map) => (long)sizeof(float) * map.TrainedCount;

    /// <summary>
    /// The bank, and for each piece the two vectors that it mixes with one weight: the other is what is left to 1. Training cannot go on from
    /// these.
    /// </summary>
    private static long Selections(Map<float> map)
    {
        ParameterInfo bank = map["vb_lora.bank"].Info;
        long pieces = map.Description.Parameters.Where(info => info.Role == Role.Trained && info != bank).Sum(info => (long)info.Length / bank.Shape[0]);
        return (long)sizeof(float) * bank.Length + pieces * (2 * sizeof(byte) + sizeof(float));
    }
}
