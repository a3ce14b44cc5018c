using System.IO.Compression;
using Weft.Tool.Fitting;

namespace Weft.Tool.Compressing;

/// <summary>What a model is run on: tensors for its inputs, for one run after the other.</summary>
/// <param name="Runs">For each run a tensor for each input, by name.</param>
/// <param name="IsRandom">Whether they were drawn.</param>
internal sealed record ModelData(IReadOnlyList<IReadOnlyDictionary<string, ModelTensor>> Runs, bool IsRandom)
{
    /// <summary>Rows of a run, where the model takes any number, and runs of random inputs.</summary>
    private const int Rows = 8, RandomRuns = 4, RandomRows = 8;

    private static readonly string[] s_kinds = [".npy", ".npz", ".safetensors"];

    /// <summary>The first runs, of which the new parameters are found, and the others, on which the outputs are compared; all for both where there is one.</summary>
    public (ModelData Fitted, ModelData Compared) Split() => Runs.Count == 1 ? (this, this)
        : (this with { Runs = [.. Runs.Where((_, k) => k % 2 == 0)] }, this with { Runs = [.. Runs.Where((_, k) => k % 2 == 1)] });

    /// <summary>Draws inputs: numbers of a normal distribution.</summary>
    /// <param name="inputs">The model's inputs.</param>
    /// <param name="shapes">Shapes that a user gave, by input.</param>
    /// <exception cref="UsageException">A shape is open, or an input holds whole numbers, of which it is not known what they may be.</exception>
    public static ModelData Random(IReadOnlyList<ModelInput> inputs, IReadOnlyDictionary<string, int[]> shapes)
    {
        if (shapes.Keys.FirstOrDefault(name => inputs.All(input => input.Name != name)) is { } unknown)
        {
            throw new UsageException($"--shape: the model has no input '{unknown}', but {string.Join(", ", inputs)}");
        }

        if (inputs.FirstOrDefault(input => input.IsWhole) is { } whole)
        {
            throw new UsageException($"the input {whole} holds whole numbers, of which it is not known what they may be: give inputs by --data");
        }

        var random = new Random(1);
        return new ModelData(
            [.. Enumerable.Range(0, RandomRuns).Select(_ => inputs.ToDictionary(input => input.Name, input => Normal(random, Shape(input)), StringComparer.Ordinal))],
            IsRandom: true);

        int[] Shape(ModelInput input)
        {
            if (shapes.TryGetValue(input.Name, out int[]? given))
            {
                return given.Length == input.Shape.Length && given.Zip(input.Shape).All(pair => pair.Second < 0 || pair.First == pair.Second)
                    ? given
                    : throw new UsageException($"--shape: the model has the input {input}, not [{string.Join(", ", given)}]");
            }

            // An open first axis is that of rows.
            int[] shape = [.. input.Shape.Select((extent, axis) => extent < 0 && axis == 0 ? RandomRows : extent)];
            return shape.All(extent => extent >= 0) ? shape
                : throw new UsageException($"the input {input} leaves sizes open: give them by --shape \"{input.Name}={string.Join(",", input.Shape.Select((extent, axis) => extent >= 0 ? FormattableString.Invariant($"{extent}") : axis == 0 ? "1" : "64"))}\", or inputs by --data");
        }
    }

    /// <summary>Reads inputs from a file, or from all such files of a folder, in the order of their names.</summary>
    /// <param name="path">An array of the only input as <c>.npy</c>, or arrays by the names of the inputs as <c>.npz</c> or <c>.safetensors</c>; or a folder of these.</param>
    /// <param name="inputs">The model's inputs.</param>
    /// <exception cref="UsageException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A file is none of these, or does not fit the inputs.</exception>
    public static ModelData Read(string path, IReadOnlyList<ModelInput> inputs)
    {
        string[] files = Directory.Exists(path) ? [.. Directory.GetFiles(path).Where(file => s_kinds.Contains(Path.GetExtension(file).ToLowerInvariant())).Order(StringComparer.Ordinal)]
            : File.Exists(path) ? [path]
            : throw new UsageException($"there is no file or folder '{path}'");
        return files.Length == 0
            ? throw new UsageException($"'{path}' has no {string.Join(", ", s_kinds)} files")
            : new ModelData([.. files.SelectMany(file => Split(file, Arrays(file, inputs), inputs))], IsRandom: false);
    }

    private static Dictionary<string, ModelTensor> Arrays(string file, IReadOnlyList<ModelInput> inputs)
    {
        try
        {
            using FileStream stream = File.OpenRead(file);
            switch (Path.GetExtension(file).ToLowerInvariant())
            {
                case ".npy":
                    return inputs.Count == 1 ? new Dictionary<string, ModelTensor> { [inputs[0].Name] = Array(stream) }
                        : throw new InvalidDataException($"it holds one array, and the model has the inputs {string.Join(", ", inputs)}: give a .npz or .safetensors file with an array of each name");

                case ".npz":
                    using (var archive = new ZipArchive(stream))
                    {
                        return archive.Entries.Where(entry => Path.GetExtension(entry.Name) == ".npy").ToDictionary(entry => Path.GetFileNameWithoutExtension(entry.FullName), entry =>
                        {
                            using Stream part = entry.Open();
                            return Array(part);
                        }, StringComparer.Ordinal);
                    }

                case ".safetensors":
                    TensorFile tensors = TensorFile.Open(stream);
                    return tensors.Tensors.Values.Where(tensor => inputs.Any(input => input.Name == tensor.Name)).ToDictionary(tensor => tensor.Name, tensor =>
                    {
                        double[] values = new double[Length([.. tensor.Shape])];
                        tensors.Read<double>(tensor.Name, tensor.Shape.AsSpan(), values);
                        return new ModelTensor([.. tensor.Shape.Select(extent => (long)extent)], values);
                    }, StringComparer.Ordinal);

                default:
                    throw new InvalidDataException($"inputs are read from {string.Join(", ", s_kinds)} files");
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or OverflowException or NotSupportedException)
        {
            throw new InvalidDataException($"{file}: {(exception is EndOfStreamException ? "the file ends too early" : exception.Message)}", exception);
        }

        static ModelTensor Array(Stream stream)
        {
            (int[] shape, double[] values) = NumPyFile.Read(stream);
            return new ModelTensor([.. shape.Select(extent => (long)extent)], values);
        }
    }

    /// <summary>Runs of the rows of a file: as many as the model takes at once.</summary>
    private static IEnumerable<IReadOnlyDictionary<string, ModelTensor>> Split(string file, Dictionary<string, ModelTensor> arrays, IReadOnlyList<ModelInput> inputs)
    {
        foreach (ModelInput input in inputs)
        {
            if (!arrays.TryGetValue(input.Name, out ModelTensor? array))
            {
                throw new InvalidDataException($"{file}: there is no array for the input {input}; there is {(arrays.Count == 0 ? "none" : string.Join(", ", arrays.Keys))}");
            }

            bool fits = array.Shape.Length == input.Shape.Length && array.Values.Length > 0
                && array.Shape.Zip(input.Shape).Select((pair, axis) => pair.Second < 0 || pair.First == pair.Second || (axis == 0 && pair.First % pair.Second == 0)).All(one => one);
            if (!fits)
            {
                throw new InvalidDataException($"{file}: the array has the shape [{string.Join(", ", array.Shape)}]; the model has the input {input}");
            }

            int wrong = System.Array.FindIndex(array.Values, value => !double.IsFinite(value));
            if (wrong >= 0)
            {
                throw new InvalidDataException($"{file}: element {wrong} of '{input.Name}' is not finite");
            }
        }

        ModelInput first = inputs[0];
        long rows = first.Shape.Length == 0 ? 1 : arrays[first.Name].Shape[0], size = first.Shape.Length == 0 ? 1 : first.Shape[0] < 0 ? Math.Min(rows, Rows) : first.Shape[0];
        if (inputs.FirstOrDefault(input => (input.Shape.Length == 0 ? 1 : arrays[input.Name].Shape[0]) != rows) is { } other)
        {
            if (rows > size)
            {
                throw new InvalidDataException($"{file}: '{first.Name}' has {rows} rows and '{other.Name}' {arrays[other.Name].Shape.FirstOrDefault(1)}");
            }

            size = rows;
        }

        if (rows <= size)
        {
            yield return arrays;
            yield break;
        }

        for (long row = 0; row < rows; row += size)
        {
            (long from, long count) = (row, Math.Min(size, rows - row));
            yield return inputs.ToDictionary(input => input.Name, input =>
            {
                ModelTensor all = arrays[input.Name];
                int width = (int)(all.Values.Length / rows);
                return new ModelTensor([count, .. all.Shape[1..]], all.Values[(int)(from * width)..(int)((from + count) * width)]);
            }, StringComparer.Ordinal);
        }
    }

    private static int Length(int[] shape) => shape.Aggregate(1, (product, extent) => checked(product * extent));

    /// <summary>Numbers of a normal distribution (Box and Muller 1958).</summary>
    public static ModelTensor Normal(Random random, int[] shape)
    {
        return new ModelTensor([.. shape.Select(extent => (long)extent)], [.. Enumerable.Range(0, Length(shape)).Select(_ => Draw())]);

        double Draw() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
