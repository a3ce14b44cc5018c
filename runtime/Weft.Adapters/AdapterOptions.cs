using System.Collections.Immutable;

namespace Weft.Adapters;

/// <summary>What a file does not say.</summary>
public sealed record AdapterOptions
{
    /// <summary>The alpha of modules that have none in the file, where there is no config: their updates are multiplied by alpha / rank.</summary>
    public double? Alpha { get; init; }
}

/// <summary>How an adapter is merged.</summary>
public sealed record MergeOptions
{
    /// <summary>
    /// The name of a module's weight in the base, from the module's name; null leaves the module out. Unless given, it is the module's name and
    /// <c>.weight</c>; for the flattened names of kohya, that of the base whose dots are underscores.
    /// </summary>
    public Func<string, string?>? TensorName { get; init; }

    /// <summary>Whether keys of the file that no method has are left out rather than refused.</summary>
    public bool IgnoresUnusedKeys { get; init; }
}

/// <summary>A weight that was merged.</summary>
/// <param name="Module">The module.</param>
/// <param name="Tensor">Its weight in the base.</param>
/// <param name="RelativeChange">‖merged − weight‖ / ‖weight‖ in Frobenius norms, before the merged one is rounded to the base's type.</param>
public sealed record MergedWeight(string Module, string Tensor, double RelativeChange);

/// <summary>What a merge did.</summary>
/// <param name="Merged">The weights that changed, in the base's order.</param>
/// <param name="Replaced">Tensors of the base that the adapter's file has in whole: biases and modules that were saved.</param>
/// <param name="LeftOut">Modules that <see cref="MergeOptions.TensorName"/> left out.</param>
public sealed record AdapterMerge(ImmutableArray<MergedWeight> Merged, ImmutableArray<string> Replaced, ImmutableArray<string> LeftOut);

/// <summary>A module that became LoRA.</summary>
/// <param name="Module">The module.</param>
/// <param name="Rank">Its rank.</param>
/// <param name="RelativeError">‖update − B A‖ / ‖update‖ in Frobenius norms: the least for the rank, before B and A are rounded.</param>
public sealed record ConvertedModule(string Module, int Rank, double RelativeError);

/// <summary>An adapter that became LoRA.</summary>
/// <param name="Adapter">The new adapter, to be saved or merged.</param>
/// <param name="Modules">Its modules, and what each lost.</param>
public sealed record LoraConversion(Adapter Adapter, ImmutableArray<ConvertedModule> Modules);
