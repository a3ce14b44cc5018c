using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;

namespace Weft;

/// <summary>What of a map is saved.</summary>
public enum StoredParameters
{
    /// <summary>The trained and the frozen parameters.</summary>
    All,

    /// <summary>The trained parameters: an adapter without what it adapts.</summary>
    Trained,

    /// <summary>
    /// The trained parameters; of those that only matter through their k largest elements in each row (<see cref="ParameterInfo.TopK"/>)
    /// their positions and k − 1 weights, as VB-LoRA is saved (Li et al. 2024). The map is the same up to rounding; training cannot go on from it,
    /// since the elements that were not chosen are lost.
    /// </summary>
    Compact,
}

/// <summary>What a file held.</summary>
/// <param name="Loaded">The parameters that were set.</param>
/// <param name="Selections">Those of them that were stored as choices: they give the same map, but training cannot go on from them.</param>
public sealed record LoadReport(ImmutableArray<string> Loaded, ImmutableArray<string> Selections)
{
    /// <summary>Trained parameters that the file lacks, which kept their values; none where loading is strict.</summary>
    public ImmutableArray<string> Missing { get; init; } = [];

    /// <summary>Tensors of the file that no parameter has; none where loading is strict.</summary>
    public ImmutableArray<string> Unused { get; init; } = [];

    /// <summary>
    /// Whether every parameter that was set has all of its values, none of them a choice only. An optimizer's state is in no file but a
    /// <see cref="Checkpoint"/>: training goes on from these parameters with a new one.
    /// </summary>
    public bool IsComplete => Selections.IsEmpty;
}

/// <summary>How parameters of a map are found in a file that calls or writes them otherwise.</summary>
public sealed record LoadOptions
{
    /// <summary>What stands before each name in the file; tensors without it are not looked at.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>The name of a parameter's tensor behind the prefix, from the parameter's name; the same unless given.</summary>
    public Func<string, string>? TensorName { get; init; }

    /// <summary>Whether the file holds a parameter with its last two axes exchanged, from the parameter's name; none unless given.</summary>
    public Func<string, bool>? IsTransposed { get; init; }

    /// <summary>Whether every trained parameter has to be in the file, and every tensor has to be a parameter's. What is not is reported otherwise.</summary>
    public bool IsStrict { get; init; } = true;
}

/// <summary>Parameters of a map in a file of the safetensors format, by their names. Of seeded ones only the seed is stored.</summary>
public static class ParameterStorage
{
    private const string Indices = "#indices";
    private const string Weights = "#weights";
    internal const string SeededPrefix = "seeded:";
    private const string RolePrefix = "role:";

    /// <summary>Says of a compact file which weight of each row is left out: the smallest, which stands last. Weft's first files left out the largest.</summary>
    private const string LeftOut = "left_out", Smallest = "smallest";

    /// <summary>Saves parameters to a safetensors file.</summary>
    /// <param name="map">The map.</param>
    /// <param name="stream">The stream that the file is written to.</param>
    /// <param name="parameters">Which of the parameters are saved.</param>
    /// <param name="type">The type that numbers are written as; the map's own unless given.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type is not one of floating-point numbers.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static void Save<T>(this Map<T> map, Stream stream, StoredParameters parameters = StoredParameters.All, StoredType? type = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        StoredType numbers = type ?? (typeof(T) == typeof(float) ? StoredType.F32 : StoredType.F64);
        if (numbers > StoredType.BF16)
        {
            throw new ArgumentOutOfRangeException(nameof(type), type, "A type of floating-point numbers is expected.");
        }

        ReadOnlySpan<T> stored = map.Parameters;
        var tensors = new List<(string, StoredType, ImmutableArray<int>, ReadOnlyMemory<T>)>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "weft", ["name"] = map.Description.Name };
        foreach (ParameterInfo info in map.Description.Parameters)
        {
            if (info.Role == Role.Seeded)
            {
                metadata[SeededPrefix + info.Name] = Draw(info);
            }
            else if (parameters == StoredParameters.All || info.Role == Role.Trained)
            {
                ReadOnlySpan<T> values = stored.Slice(info.Offset, info.Length);
                metadata[RolePrefix + info.Name] = info.Role.ToString().ToLowerInvariant();
                if (parameters == StoredParameters.Compact && info.TopK > 0)
                {
                    metadata[LeftOut] = Smallest;
                    (T[] indices, T[] weights) = Choices(info, values);
                    ImmutableArray<int> shape = info.Shape[..^1];
                    tensors.Add((info.Name + Indices, info.RowLength <= 256 ? StoredType.U8 : info.RowLength <= 65536 ? StoredType.U16 : StoredType.U32, shape.Add(info.TopK), indices));
                    tensors.Add((info.Name + Weights, numbers, shape.Add(info.TopK - 1), weights));
                }
                else
                {
                    tensors.Add((info.Name, numbers, info.Shape, values.ToArray()));
                }
            }
        }

        TensorFile.Write(stream, tensors, metadata);
    }

    /// <summary>Sets parameters from a file. Nothing else may run on the map meanwhile.</summary>
    /// <param name="map">The map.</param>
    /// <param name="stream">A stream that can seek, at the beginning of the file.</param>
    /// <param name="options">Other names and layouts; by default those that <see cref="Save{T}"/> writes.</param>
    /// <returns>What was set. Every trained parameter is in the file unless loading is not strict; frozen ones that are not keep their values.</returns>
    /// <exception cref="InvalidDataException">
    /// It is not such a file; a trained parameter is missing, a tensor is not one of the map's or has another shape, a seeded one is drawn
    /// otherwise, or a table holds positions that are none. Nothing was changed.
    /// </exception>
    /// <exception cref="ArgumentException">The stream cannot seek, or a parameter of fewer than two axes is said to be transposed.</exception>
    /// <exception cref="InvalidOperationException">An edit is open.</exception>
    /// <exception cref="ObjectDisposedException">The map is disposed.</exception>
    public static LoadReport Load<T>(this Map<T> map, Stream stream, LoadOptions? options = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        options ??= new LoadOptions();
        T[] values = map.Parameters.ToArray();
        TensorFile file = TensorFile.Open(stream);
        bool leavesOutLargest = file.Metadata.TryGetValue("format", out string? format) && format == "weft" && !file.Metadata.ContainsKey(LeftOut);
        var loaded = ImmutableArray.CreateBuilder<string>();
        var selections = ImmutableArray.CreateBuilder<string>();
        var missing = ImmutableArray.CreateBuilder<string>();
        SortedSet<string> unused = new(file.Tensors.Keys.Where(name => name.StartsWith(options.Prefix, StringComparison.Ordinal)), StringComparer.Ordinal);
        foreach (ParameterInfo info in map.Description.Parameters)
        {
            if (info.Role == Role.Seeded)
            {
                if (file.Metadata.TryGetValue(SeededPrefix + info.Name, out string? draw) && draw != Draw(info))
                {
                    throw new InvalidDataException($"Parameter '{info.Name}' of the file is drawn by '{draw}', that of {map.Description.Name} by '{Draw(info)}'.");
                }

                continue;
            }

            string name = options.Prefix + (options.TensorName?.Invoke(info.Name) ?? info.Name);
            bool isTransposed = options.IsTransposed?.Invoke(info.Name) == true;
            if (isTransposed && info.Shape.Length < 2)
            {
                throw new ArgumentException($"'{info.Name}' of {map.Description.Name} has {info.Shape.Length} axes; there are no two to exchange.", nameof(options));
            }

            Span<T> target = values.AsSpan(info.Offset, info.Length);
            if (file.Tensors.TryGetValue(name, out StoredTensor? tensor))
            {
                ImmutableArray<int> shape = isTransposed ? info.Shape[..^2].AddRange(info.RowLength, info.Shape[^2]) : info.Shape;
                Require(tensor, shape);
                file.Read(name, shape.AsSpan(), target);
                if (isTransposed)
                {
                    Transpose(target, info.Shape[^2], info.RowLength);
                }

                unused.Remove(name);
            }
            else if (file.Tensors.TryGetValue(name + Indices, out StoredTensor? indices) && file.Tensors.TryGetValue(name + Weights, out StoredTensor? weights) && info.TopK > 0)
            {
                Require(indices, info.Shape[..^1].Add(info.TopK));
                Require(weights, info.Shape[..^1].Add(info.TopK - 1));
                T[] chosen = new T[indices.Length], shares = new T[weights.Length];
                file.Read(indices.Name, indices.Shape.AsSpan(), chosen);
                file.Read(weights.Name, weights.Shape.AsSpan(), shares);
                Choose(info, chosen, shares, leavesOutLargest, target);
                selections.Add(info.Name);
                unused.Remove(indices.Name);
                unused.Remove(weights.Name);
            }
            else if (info.Role != Role.Trained)
            {
                continue;
            }
            else if (options.IsStrict)
            {
                string hint = TensorFile.Nearest(name, unused) is { } other ? $": was '{other}' meant?" : ".";
                throw new InvalidDataException($"Parameter '{info.Name}' of {map.Description.Name} is not in the file{(name == info.Name ? "" : $" as '{name}'")}{hint}");
            }
            else
            {
                missing.Add(info.Name);
                continue;
            }

            loaded.Add(info.Name);
        }

        if (options.IsStrict && unused.Min is { } first)
        {
            throw new InvalidDataException($"{map.Description.Name} has no parameter '{first}', which is in the file.");
        }

        map.Replace(values);
        return new LoadReport(loaded.ToImmutable(), selections.ToImmutable()) { Missing = missing.ToImmutable(), Unused = [.. unused] };
    }

    /// <summary>
    /// Copies the leading part of each parameter of a larger map of the same structure: the nested map of fewer columns of a factor, rank or
    /// width. To cut a rank with the least error instead, use Weft.Fitting. Nothing else may run on the map meanwhile.
    /// </summary>
    /// <param name="map">The smaller map.</param>
    /// <param name="larger">A map with the same names of stored parameters, of as many axes, none of them shorter.</param>
    /// <exception cref="ArgumentException">The larger map has other parameters, or a shorter axis; nothing was changed.</exception>
    /// <exception cref="ObjectDisposedException">A map is disposed.</exception>
    public static void CopyLeading<T>(this Map<T> map, Map<T> larger)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(larger);
        T[] values = new T[map.ParameterCount];
        foreach (ParameterInfo info in map.Description.Parameters.Where(info => info.Role != Role.Seeded))
        {
            ParameterView<T> source = larger[info.Name];
            ImmutableArray<int> shape = source.Info.Shape;
            if (shape.Length != info.Shape.Length || info.Shape.Zip(shape, (small, large) => small > large).Any(isLonger => isLonger))
            {
                throw new ArgumentException($"'{info.Name}' has the shape [{string.Join(", ", shape)}], of which [{string.Join(", ", info.Shape)}] is not the leading part.", nameof(larger));
            }

            for (int i = 0; i < info.Length; i++)
            {
                int rest = i, place = 0, stride = 1;
                for (int axis = shape.Length - 1; axis >= 0; axis--)
                {
                    (rest, int at) = Math.DivRem(rest, info.Shape[axis]);
                    place += at * stride;
                    stride *= shape[axis];
                }

                values[info.Offset + i] = source.Values[place];
            }
        }

        using ParameterEdit<T> edit = map.Edit();
        values.CopyTo(edit.All);
    }

    /// <summary>Exchanges the last two axes of what was read, of so many rows and columns afterwards.</summary>
    private static void Transpose<T>(Span<T> values, int rows, int columns)
        where T : unmanaged
    {
        T[] read = values.ToArray();
        for (int i = 0; i < values.Length; i++)
        {
            (int matrix, int place) = Math.DivRem(i, rows * columns);
            values[i] = read[(matrix * rows * columns) + (place % columns * rows) + (place / columns)];
        }
    }

    private static void Require(StoredTensor tensor, ImmutableArray<int> shape)
    {
        if (tensor.Type == StoredType.Other || !tensor.Shape.SequenceEqual(shape))
        {
            throw new InvalidDataException($"'{tensor.Name}' of the file is {tensor.Type} of shape [{string.Join(", ", tensor.Shape)}]; [{string.Join(", ", shape)}] is expected.");
        }
    }

    /// <summary>How a seeded parameter is drawn.</summary>
    internal static string Draw(ParameterInfo info) => string.Create(
        CultureInfo.InvariantCulture,
        $"{info.Seed} {info.Initializer.Distribution} {info.Initializer.Scale:R} [{string.Join(", ", info.Shape)}]");

    /// <summary>The positions of the k largest elements of each row, the largest first (of equal ones the lower position), and the softmax over them without the last, as the files of PEFT (Hugging Face) have them.</summary>
    private static (T[] Indices, T[] Weights) Choices<T>(ParameterInfo info, ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int length = info.RowLength, k = info.TopK, rows = info.Length / length;
        T[] indices = new T[rows * k], weights = new T[rows * (k - 1)];
        for (int row = 0; row < rows; row++)
        {
            double[] logits = new double[length];
            for (int i = 0; i < length; i++)
            {
                logits[i] = double.CreateTruncating(values[(row * length) + i]);
            }

            int[] chosen = [.. Enumerable.Range(0, length).OrderByDescending(i => logits[i]).Take(k)];
            double sum = chosen.Sum(i => Math.Exp(logits[i] - logits[chosen[0]]));
            for (int i = 0; i < k; i++)
            {
                indices[(row * k) + i] = T.CreateTruncating(chosen[i]);
                if (i < k - 1)
                {
                    weights[(row * (k - 1)) + i] = T.CreateTruncating(Math.Exp(logits[chosen[i]] - logits[chosen[0]]) / sum);
                }
            }
        }

        return (indices, weights);
    }

    /// <summary>Logits of which the chosen ones have the given softmax, and the others are smaller.</summary>
    private static void Choose<T>(ParameterInfo info, T[] indices, T[] weights, bool leavesOutLargest, Span<T> logits)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const double Least = 1e-30;

        // What weights of 8 bits, which add up to 1, may be too large by.
        const double Rounding = 1.0 / 256;
        int length = info.RowLength, k = info.TopK;
        T lowest = T.CreateTruncating(2 * Math.Log(Least));
        logits.Fill(lowest);
        for (int row = 0; row < info.Length / length; row++)
        {
            // The weight that is left out is what the others leave, so it comes last.
            double rest = 1;
            int first = leavesOutLargest ? 1 : 0;
            for (int n = 0; n < k; n++)
            {
                int i = (first + n) % k;
                T position = indices[(row * k) + i];
                int index = T.IsInteger(position) && position >= T.Zero && position < T.CreateTruncating(length) ? int.CreateTruncating(position) : -1;
                double weight = n == k - 1 ? (Math.Abs(rest) < Rounding ? Math.Max(rest, 0) : rest) : double.CreateTruncating(weights[(row * (k - 1)) + n]);
                rest -= weight;
                if (index < 0 || logits[(row * length) + index] != lowest || !(weight >= 0))
                {
                    throw new InvalidDataException(string.Create(
                        CultureInfo.InvariantCulture, $"'{info.Name}' of the file chooses {position} with weight {weight}: positions from 0 to {length - 1} are expected, each once, with weights of 0 and more that add up to 1 at most."));
                }

                logits[(row * length) + index] = T.CreateTruncating(Math.Log(Math.Max(weight, Least)));
            }
        }
    }
}
