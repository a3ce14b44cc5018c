using System.Collections.Immutable;
using System.Numerics;

namespace Weft.Onnx;

/// <summary>Parameters of maps from the weights of models.</summary>
public static class OnnxParameters
{
    /// <summary>
    /// Sets parameters of a map from the weights of a model, as from a file of tensors. Nothing else may run on the map meanwhile.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="weights">The model's weights: matrices are outputs × inputs, as those of maps are.</param>
    /// <param name="options">How the model calls them. Weights that no parameter is called by are left alone: a model has more than one map's.</param>
    /// <returns>What was set, and where loading is not strict what kept its values.</returns>
    /// <exception cref="InvalidDataException">A trained parameter is missing where loading is strict, a weight has another shape, or a table holds positions that are none. Nothing was changed.</exception>
    /// <exception cref="NotSupportedException">A weight that a parameter is called by is of a kind that is not read.</exception>
    /// <exception cref="InvalidOperationException">An edit is open.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static LoadReport Load<T>(this Map<T> map, OnnxWeights weights, LoadOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(weights);
        options ??= new LoadOptions();
        StoredType type = typeof(T) == typeof(float) ? StoredType.F32 : StoredType.F64;
        var tensors = new List<(string, StoredType, ImmutableArray<int>, ReadOnlyMemory<T>)>();
        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role != Role.Seeded))
        {
            string name = options.Prefix + (options.TensorName?.Invoke(info.Name) ?? info.Name);
            if (weights.Unreadable.TryGetValue(name, out string? why))
            {
                throw new NotSupportedException(why);
            }

            if (weights.Weights.TryGetValue(name, out OnnxWeight? weight))
            {
                T[] values = new T[weight.Shape.Aggregate(1, (product, extent) => product * extent)];
                weights.Read(name, weight.Shape.AsSpan(), values.AsSpan());
                tensors.Add((name, type, weight.Shape, values));
            }
            else if (options.IsStrict && info.Role == Role.Trained)
            {
                string hint = TensorFile.Nearest(name, weights.Weights.Keys) is { } other ? $": was '{other}' meant?" : ".";
                throw new InvalidDataException($"Parameter '{info.Name}' of {map.Description.Name} is no weight of the model{(name == info.Name ? "" : $" as '{name}'")}{hint}");
            }
        }

        using var file = new MemoryStream();
        TensorFile.Write(file, tensors, ImmutableDictionary<string, string>.Empty);
        file.Position = 0;
        return map.Load(file, options);
    }
}
