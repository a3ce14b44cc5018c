using System.Globalization;

namespace Weft.Tool.Fitting;

/// <summary>A dense matrix.</summary>
/// <param name="Rows">The number of rows: a map's outputs.</param>
/// <param name="Columns">The number of columns: its inputs.</param>
/// <param name="Values">[rows, columns], row-major.</param>
internal sealed record DenseMatrix(int Rows, int Columns, double[] Values);

/// <summary>
/// Matrices from files: NumPy's <c>.npy</c> (format versions 1 to 3), Matrix Market's <c>.mtx</c> (Boisvert, Pozo and Remington 1996), and a tensor of a
/// <c>.safetensors</c> file.
/// </summary>
internal static partial class MatrixFile
{
    private const string Safetensors = ".safetensors";

    /// <summary>The path of the file that a text names, which for a tensor is <c>path.safetensors:name</c>, and the name.</summary>
    public static (string Path, string? Tensor) Split(string text)
    {
        int end = text.IndexOf(Safetensors + ":", StringComparison.OrdinalIgnoreCase);
        return end < 0 ? (text, null) : (text[..(end + Safetensors.Length)], text[(end + Safetensors.Length + 1)..]);
    }

    /// <summary>Reads a matrix.</summary>
    /// <exception cref="InvalidDataException">The file is none of these, or holds no matrix of finite real numbers; the message says what is expected.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static DenseMatrix Read(string text)
    {
        (string path, string? tensor) = Split(text);
        using FileStream stream = File.OpenRead(path);
        try
        {
            DenseMatrix matrix = Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".npy" => ReadNumPy(stream),
                ".mtx" => ReadMatrixMarket(stream),
                Safetensors => ReadTensor(stream, tensor),
                _ => throw new InvalidDataException("a matrix is read from a .npy or .mtx file, or from a tensor as file.safetensors:NAME"),
            };
            int wrong = Array.FindIndex(matrix.Values, value => !double.IsFinite(value));
            return matrix.Values.Length == 0 ? throw new InvalidDataException("the matrix has no elements")
                : wrong < 0 ? matrix
                : throw new InvalidDataException($"the element in row {wrong / matrix.Columns} and column {wrong % matrix.Columns} is not finite");
        }
        catch (Exception exception) when (exception is OverflowException or EndOfStreamException)
        {
            throw new InvalidDataException(exception is OverflowException ? "the matrix has more elements than an array" : "the file ends too early", exception);
        }
        catch (NotSupportedException exception)
        {
            throw new InvalidDataException(exception.Message, exception);
        }
    }

    private static DenseMatrix ReadTensor(FileStream stream, string? name)
    {
        TensorFile file = TensorFile.Open(stream);
        IEnumerable<string> matrices = file.Tensors.Values.Where(tensor => tensor.Shape.Length == 2).Select(tensor => tensor.Name).Order(StringComparer.Ordinal);
        if (name is null || !file.Tensors.TryGetValue(name, out StoredTensor? stored))
        {
            throw new InvalidDataException($"{(name is null ? "a tensor is named as file.safetensors:NAME" : $"there is no tensor '{name}'")}; the file's matrices are {List([.. matrices])}");
        }

        if (stored.Shape.Length != 2)
        {
            throw new InvalidDataException($"'{name}' has the shape [{string.Join(", ", stored.Shape)}]: a matrix has two axes; the file's matrices are {List([.. matrices])}");
        }

        (int rows, int columns) = (stored.Shape[0], stored.Shape[1]);
        double[] values = new double[checked(rows * columns)];
        file.Read<double>(name, stored.Shape.AsSpan(), values);
        return new DenseMatrix(rows, columns, values);
    }

    private static string List(IReadOnlyList<string> names)
    {
        const int Most = 8;
        return names.Count == 0 ? "none"
            : string.Join(", ", names.Take(Most)) + (names.Count > Most ? $" and {names.Count - Most} others" : "");
    }

    private static DenseMatrix ReadNumPy(Stream stream)
    {
        (int[] shape, double[] values) = NumPyFile.Read(stream);
        return shape.Length == 2
            ? new DenseMatrix(shape[0], shape[1], values)
            : throw new InvalidDataException($"the array has the shape ({string.Join(", ", shape)}): a matrix has two axes; save a.reshape(rows, columns)");
    }

    private static DenseMatrix ReadMatrixMarket(Stream stream)
    {
        using var reader = new StreamReader(stream);
        string[] banner = Words(reader.ReadLine()?.ToLowerInvariant());
        if (banner is not ["%%matrixmarket", "matrix", "array" or "coordinate", "real" or "integer" or "double", "general" or "symmetric" or "skew-symmetric"])
        {
            throw new InvalidDataException(
                $"its first line is '{string.Join(' ', banner)}'; '%%MatrixMarket matrix array|coordinate real|integer general|symmetric|skew-symmetric' is expected");
        }

        (bool isDense, string symmetry) = (banner[2] == "array", banner[4]);
        int number = 1;
        string[] sizes = Next();
        (int rows, int columns) = (Whole(sizes, 0, 0), Whole(sizes, 1, 0));
        if (sizes.Length != (isDense ? 2 : 3) || (symmetry != "general" && rows != columns))
        {
            throw Wrong($"{(isDense ? "rows and columns" : "rows, columns and the number of entries")}{(symmetry == "general" ? "" : " of a square matrix")}");
        }

        double[] values = new double[checked(rows * columns)];
        int entries = isDense ? 0 : Whole(sizes, 2, 0);
        for (int k = 0; k < entries; k++)
        {
            string[] words = Next();
            Set(Index(words, 0, rows), Index(words, 1, columns), Number(words, 2));
        }

        // By columns; of a symmetric matrix from the diagonal down, of a skew-symmetric one from below it.
        for (int j = 0; isDense && j < columns; j++)
        {
            for (int i = symmetry == "general" ? 0 : symmetry == "symmetric" ? j : j + 1; i < rows; i++)
            {
                Set(i, j, Number(Next(), 0));
            }
        }

        return new DenseMatrix(rows, columns, values);

        void Set(int i, int j, double value)
        {
            // Entries of one place are added up.
            values[(i * columns) + j] += value;
            if (symmetry != "general" && i != j)
            {
                values[(j * columns) + i] += symmetry == "symmetric" ? value : -value;
            }
        }

        string[] Next()
        {
            while (true)
            {
                string line = reader.ReadLine() ?? throw new EndOfStreamException();
                number++;
                if (Words(line) is { Length: > 0 } words && !words[0].StartsWith('%'))
                {
                    return words;
                }
            }
        }

        int Whole(string[] words, int k, int least) =>
            k < words.Length && int.TryParse(words[k], NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) && value >= least
                ? value
                : throw Wrong("a whole number");

        int Index(string[] words, int k, int size) => Whole(words, k, 1) is int value && value <= size ? value - 1 : throw Wrong($"a number from 1 to {size}");

        double Number(string[] words, int k) =>
            k < words.Length && double.TryParse(words[k], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw Wrong("a number");

        InvalidDataException Wrong(string expected) => new($"line {number}: {expected} was expected");
    }

    private static string[] Words(string? line) => line?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) ?? [];

}
