namespace Weft.Examples.Digits;

/// <summary>One way to hold the middle map, as digits.weft declares it.</summary>
/// <param name="Name">What the structure is called.</param>
/// <param name="NewMap">Makes the map alone.</param>
/// <param name="NewClassifier">Makes the classifier with the map in its middle.</param>
/// <param name="Rate">The peak of the learning rate when the map is learned alone: the fewer the parameters, the larger each.</param>
/// <param name="StepShare">The share of the steps that it gets then: a step of the dense map takes ten times as long as the others'.</param>
internal sealed record Structure(
    string Name,
    Func<LinearMap<float>> NewMap,
    Func<Map<float>> NewClassifier,
    double Rate,
    double StepShare = 1)
{
    /// <summary>All that are compared, in the order of every table.</summary>
    public static IReadOnlyList<Structure> All { get; } =
    [
        new("Dense", () => new DenseMap(), () => new DenseDigits(), 0.003, 0.2),
        new("Low rank", () => new LowRankMap(), () => new LowRankDigits(), 0.01),
        new("Monarch", () => new MonarchMap(), () => new MonarchDigits(), 0.03),
        new("Kronecker", () => new KroneckerMap(), () => new KroneckerDigits(), 0.03),
        new("Tensor train", () => new TensorTrainMap(), () => new TensorTrainDigits(), 0.03),
        new("BLAST", () => new BlastMap(), () => new BlastDigits(), 0.06),
    ];
}
