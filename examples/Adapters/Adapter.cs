namespace Weft.Examples.Adapters;

/// <summary>One way to adapt the network, as adapters.weft declares it.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="New">Makes the adapted network.</param>
/// <param name="Rate">The peak of the learning rate: the fewer the parameters, the larger each.</param>
internal sealed record Adapter(string Name, Func<Map<float>> New, double Rate)
{
    /// <summary>All that are compared, in the order of the table.</summary>
    public static IReadOnlyList<Adapter> All { get; } =
    [
        new("LoRA", () => new LoraNetwork(), 0.005),
        new("VeRA", () => new VeraNetwork(), 0.1),
        new("VB-LoRA", () => new VectorBankNetwork(), 0.02),
        new("HRA", () => new ReflectionNetwork(), 0.1),
    ];
}
