using System.Globalization;
using System.Numerics;

namespace Weft;

/// <summary>
/// A training run in one safetensors file: the parameters by their names, the optimizer's state and the number of steps taken. A run that is resumed from
/// it goes through the same bits as one that never stopped, as far as the rest of it is a function of the number of the step.
/// </summary>
public static class Checkpoint
{
    private const string FormatName = "weft-checkpoint";
    private const string StatePrefix = "#optimizer.";

    /// <summary>Writes a checkpoint. The file is there with all of it or as it was before, wherever the process ends.</summary>
    /// <param name="path">The file; one of that name is replaced.</param>
    /// <param name="map">The map that is trained.</param>
    /// <param name="optimizer">The optimizer that has stepped this map, or no map yet.</param>
    /// <param name="step">The number of steps taken.</param>
    /// <exception cref="ArgumentException">The optimizer has stepped another map, or its history is on a device.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of steps is negative.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static void Save<T>(string path, Map<T> map, Optimizer<T> optimizer, long step)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ReadOnlySpan<T> parameters = map.Parameters;
        ParameterInfo[] stored = [.. map.Description.Parameters.Where(info => info.Role != Role.Seeded)];
        (string Name, T[] Values)[] state = optimizer.StateOf(map);
        StoredTensor[] tensors =
        [
            .. stored.Select(info => new StoredTensor(info.Name, TypeOf<T>(), info.Shape)),
            .. state.Select(vector => new StoredTensor(StatePrefix + vector.Name, TypeOf<T>(), [vector.Values.Length])),
        ];
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = FormatName,
            ["name"] = map.Description.Name,
            ["step"] = step.ToString(CultureInfo.InvariantCulture),
            ["optimizer"] = optimizer.Settings,
            ["learning_rate"] = optimizer.LearningRate.ToString("R", CultureInfo.InvariantCulture),
            ["optimizer_numbers"] = string.Join(" ", optimizer.Numbers.Select(number => number.ToString("R", CultureInfo.InvariantCulture))),
        };

        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role == Role.Seeded))
        {
            metadata[ParameterStorage.SeededPrefix + info.Name] = ParameterStorage.Draw(info);
        }

        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (FileStream file = File.Create(temporary))
            {
                var writer = new TensorWriter(file, tensors, metadata);
                foreach (ParameterInfo info in stored)
                {
                    writer.Write(parameters.Slice(info.Offset, info.Length));
                }

                foreach ((_, T[] values) in state)
                {
                    writer.Write<T>(values);
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            // In a folder that is not there it would hide what failed.
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>Sets a map and its optimizer to what a checkpoint holds. Nothing else may run on the map meanwhile.</summary>
    /// <param name="path">The file.</param>
    /// <param name="map">The map: of the formula and the element type that the file is of.</param>
    /// <param name="optimizer">An optimizer of the same kind and settings that has stepped this map, or no map yet; its learning rate is set too.</param>
    /// <returns>The number of steps taken.</returns>
    /// <exception cref="InvalidDataException">
    /// It is no checkpoint, or one of another map, element type or optimizer; the message says which. Nothing was changed.
    /// </exception>
    /// <exception cref="ArgumentException">The optimizer has stepped another map, or its history is on a device.</exception>
    /// <exception cref="InvalidOperationException">An edit is open.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static long Load<T>(string path, Map<T> map, Optimizer<T> optimizer)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(optimizer);
        using FileStream stream = File.OpenRead(path);
        TensorFile file = TensorFile.Open(stream);
        Require(Text("format") == FormatName, "it was not written as a checkpoint");
        Require(Text("optimizer") == optimizer.Settings, $"its optimizer is {Text("optimizer")}, not {optimizer.Settings}");
        Require(long.TryParse(Text("step"), NumberStyles.None, CultureInfo.InvariantCulture, out long step), "its number of steps cannot be read");
        Require(Number(Text("learning_rate"), out double learningRate) && double.IsFinite(learningRate) && learningRate >= 0, "its learning rate cannot be read");
        string[] texts = Text("optimizer_numbers").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        double[] numbers = new double[texts.Length];
        Require(texts.Length == optimizer.Numbers.Length && texts.Select((text, i) => Number(text, out numbers[i])).All(isNumber => isNumber), "the optimizer's numbers cannot be read");
        StoredType type = TypeOf<T>();
        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role != Role.Seeded))
        {
            Require(file.Tensors.TryGetValue(info.Name, out StoredTensor? tensor), $"it has no parameter '{info.Name}'");
            Require(tensor!.Type == type, $"'{info.Name}' is {tensor.TypeName}, and the map has {type}");
        }

        (string Name, T[] Values)[] state = [.. optimizer.StateOf(map).Select(vector => (vector.Name, new T[vector.Values.Length]))];
        foreach ((string name, T[] values) in state)
        {
            Require(
                file.Tensors.TryGetValue(StatePrefix + name, out StoredTensor? tensor) && tensor.Type == type && tensor.Shape.SequenceEqual([values.Length]),
                $"the optimizer's '{name}' is not there for {values.Length} parameters");
            file.Read<T>(StatePrefix + name, [values.Length], values);
        }

        stream.Position = 0;
        map.Load(stream, new LoadOptions { IsStrict = false });
        optimizer.Restore(state, numbers, learningRate);
        return step;

        string Text(string name) => file.Metadata.TryGetValue(name, out string? text) ? text : "";

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                throw new InvalidDataException($"'{path}' is no checkpoint of {map.Description.Name}: {fault}.");
            }
        }

        static bool Number(string text, out double number) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number);
    }

    private static StoredType TypeOf<T>() => typeof(T) == typeof(float) ? StoredType.F32 : StoredType.F64;
}
