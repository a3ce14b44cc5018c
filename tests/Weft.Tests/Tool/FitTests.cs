using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Weft.Dynamic;
using Weft.Tests.Fitting;
using Weft.Tests.Formulas;
using Weft.Tool;
using Weft.Tool.Fitting;

namespace Weft.Tests.Tool;

public sealed class FitTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    [Fact]
    public void Fit_FindsTheStructureOfAMatrix()
    {
        double[] a = Numbers.Normal(new Random(1), 6), b = Numbers.Normal(new Random(2), 12), matrix = new double[8 * 9];
        for (int i = 0; i < 8; i++)
        {
            for (int j = 0; j < 9; j++)
            {
                matrix[(i * 9) + j] = a[(i / 4 * 3) + (j / 3)] * b[(i % 4 * 3) + (j % 3)];
            }
        }

        string picture = Path.Combine(_folder, "front.svg"), output = Path.Combine(_folder, "closest.safetensors");
        (int exitCode, string text, string error) = Run("fit", NumPy("a.npy", 8, 9, matrix), "--budget", "0.4", "--svg", picture, "--output", output);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"kronecker\(\[2, 4\], \[3, 3\]\) +18 +25\.0 % +\d+ +(0\.00E0|\d\.\d\dE-1\d)\b", text);
        Assert.Contains("The matrix is 8 × 9: 72 numbers, 144 FLOPs.", text, StringComparison.Ordinal);

        // What is worse in all is not shown; what has fewer parameters or FLOPs is.
        Assert.DoesNotContain("low_rank(8, 9, 2)", text, StringComparison.Ordinal);
        Assert.Contains("low_rank(8, 9, 1)", text, StringComparison.Ordinal);
        XElement root = XDocument.Load(picture).Root!;
        XNamespace svg = "http://www.w3.org/2000/svg";
        Assert.Equal(2, root.Elements(svg + "text").Count(label => label.Value == "kronecker"));

        // The file is that of the formula among its texts.
        using FileStream stream = File.OpenRead(output);
        string formula = TensorFile.Open(stream).Metadata["formula"];
        Assert.Equal("kronecker([2, 4], [3, 3])", formula);
        using CompiledMap<double> compiled = new(formula);
        stream.Position = 0;
        compiled.Map.Load(stream, new LoadOptions { IsStrict = false });
        Assert.Equal(matrix.Select(value => Math.Round(value, 12)), compiled.Map.Dense().Select(value => Math.Round(value, 12)));
    }

    [Fact]
    public void Fit_TriesFormulasOfTheUser()
    {
        string file = Path.Combine(_folder, "mine.weft"), matrix = Path.Combine(_folder, "a.mtx");
        File.WriteAllText(file, "operator tied(m, n, r) : n -> m\n  require r < 3\n  param d[r]\n  y[i] = d[k] * (i % r == k) * (i == j) * x[j:n]\n  require m == n\n");
        File.WriteAllText(matrix, "%%MatrixMarket matrix coordinate real general\n5 5 5\n1 1 2\n2 2 3\n3 3 2\n4 4 3\n5 5 2\n");

        (int exitCode, string text, string error) = Run("fit", matrix, file, "--budget", "0.1", "--formula", "tied(m, n, r)");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"tied\(5, 5, 2\) +2 +8\.0 % +\d+ +(0\.00E0|\d\.\d\dE-1\d)\b", text);
    }

    /// <summary>What has no closed form is found step by step; with samples the error counts where they are.</summary>
    [Fact]
    public void Fit_GoesStepByStep_WhereThereIsNoClosedForm()
    {
        using var truth = new CompiledMap<double>("blast(12, 10, 2, 2, 2)");
        truth.Map.Initialize(3);
        string matrix = NumPy("a.npy", 12, 10, truth.Map.Dense());

        (int exitCode, string text, string error) = Run("fit", matrix, "--budget", "0.5", "--formula", "blast(m, n, 2, 2, r)", "--steps", "100");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"blast\(12, 10, 2, 2, 2\)\s+\d+ +\d+\.\d % +\d+ +(0\.00E0|\d\.\d\dE-([89]|\d\d))\b", text);

        // Of two columns the first is never used, and the second is of rank 1.
        double[] wide = [7, 1, -3, 2, 5, 3], used = [0, 1, 0, -2, 0, 3];
        (exitCode, text, error) = Run("fit", NumPy("b.npy", 3, 2, wide), "--budget", "0.9", "--samples", NumPy("x.npy", 3, 2, used));

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"(0\.00E0|\d\.\d\dE-\d\d)\b", text);
        (exitCode, _, error) = Run("fit", NumPy("b.npy", 3, 2, wide), "--samples", NumPy("x.npy", 2, 3, used));
        Assert.Equal(1, exitCode);
        Assert.Contains("has rows of 3; 2 are expected, the columns of the matrix", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("low_rank(m, n, r", 1, "error WEFT")]
    [InlineData("low_rank(n, m + 1, r)", 1, "is 5 -> 3; a linear map 3 -> 4 is expected, as the matrix is 4 × 3: write m and n for its sizes")]
    [InlineData("relu . low_rank(m, n, r)", 1, "not linear")]
    [InlineData("lora(m, n, r)", 1, "has the frozen parameter 'W'")]
    [InlineData("symmetric_toeplitz(3) * dense(3, 3)", 1, "is 3 -> 3")]
    public void Fit_SaysWhatIsWrongWithAFormula(string formula, int code, string message)
    {
        (int exitCode, string output, string error) = Run("fit", NumPy("a.npy", 4, 3, Numbers.Normal(new Random(1), 12)), "--budget", "1", "--formula", formula);
        Assert.Equal((code, ""), (exitCode, output));
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Fit_SaysWhatIsWrongWithACommandLine()
    {
        string matrix = NumPy("a.npy", 2, 2, [1, 2, 3, 4]);
        Assert.Equal((2, "weft: there is no file 'nowhere.npy'\n"), Wrong("fit", "nowhere.npy"));
        Assert.Equal((2, "weft: no structure has as few as 1 parameters: raise --budget\n"), Wrong("fit", matrix, "--budget", "0.3"));
        foreach ((string option, string value, string message) in new[]
        {
            ("--budget", "3", "a share above 0 and up to 1 was expected."),
            ("--steps", "0", "a number from 1 was expected."),
            ("--output", "nowhere/a.safetensors", "a file in a folder that exists was expected"),
        })
        {
            (int exitCode, string error) = Wrong("fit", matrix, option, value);
            Assert.Equal(2, exitCode);
            Assert.Contains($"{option}: {message}", error, StringComparison.Ordinal);
        }

        (int, string) Wrong(params string[] arguments)
        {
            (int code, _, string said) = Run(arguments);
            return (code, said);
        }
    }

    [Fact]
    public void MatricesAreReadAsTheyWereWritten()
    {
        double[] values = [1, 2.5, -3, 4, 0.125, 6];
        Same(values, NumPy("rows.npy", 2, 3, values));
        Same(values, NumPy("columns.npy", 2, 3, [1, 4, 2.5, 0.125, -3, 6], isByColumns: true));
        Same(values, NumPy("single.npy", 2, 3, values, "<f4", value => BitConverter.GetBytes((float)value)));
        Same(values, NumPy("half.npy", 2, 3, values, "<f2", value => BitConverter.GetBytes((Half)value), version: 2));
        Same(values, Text("array.mtx", "%%MatrixMarket matrix array real general\n% a comment\n\n2 3\n1\n4\n2.5\n.125\n-3\n6\n"));
        Same(values, Text("entries.mtx", "%%MatrixMarket matrix coordinate real general\n2 3 6\n1 1 1\n1 2 2.5\n1 3 -3\n2 1 4\n2 3 6\n2 2 125e-3\n"));
        Same([1, 2, 2, 3], Text("symmetric.mtx", "%%MatrixMarket matrix array integer symmetric\n2 2\n1\n2\n3\n"), 2);
        Same([0, -2, 2, 0], Text("skew.mtx", "%%MatrixMarket matrix coordinate integer skew-symmetric\n2 2 1\n2 1 2\n"), 2);
        string tensors = Path.Combine(_folder, "model.safetensors");
        using (FileStream stream = File.Create(tensors))
        {
            TensorFile.Write<double>(stream, [("a:b", StoredType.F64, [2, 3], values), ("v", StoredType.F32, [1], new double[1])], new Dictionary<string, string>());
        }

        Same(values, tensors + ":a:b");

        static void Same(double[] expected, string path, int columns = 3)
        {
            DenseMatrix matrix = MatrixFile.Read(path);
            Assert.Equal((2, columns), (matrix.Rows, matrix.Columns));
            Assert.Equal(expected, matrix.Values);
        }
    }

    [Fact]
    public void WhatIsNoMatrixIsRefused()
    {
        string tensors = Path.Combine(_folder, "model.safetensors");
        using (FileStream stream = File.Create(tensors))
        {
            TensorFile.Write<double>(stream, [("w", StoredType.F64, [1, 1], new double[1]), ("v", StoredType.F32, [1], new double[1])], new Dictionary<string, string>());
        }

        Refused("a .npy or .mtx file, or from a tensor as file.safetensors:NAME", Text("a.csv", "1,2"));
        Refused("named as file.safetensors:NAME; the file's matrices are w", tensors);
        Refused("there is no tensor 'x'; the file's matrices are w", tensors + ":x");
        Refused("'v' has the shape [1]: a matrix has two axes", tensors + ":v");
        Refused("not a .npy file", Text("a.npy", "no header at all"));
        Refused("'<i8'; '<f8', '<f4' and '<f2' are read: save a.astype('<f8')", NumPy("whole.npy", 1, 2, [1, 2], "<i8"));
        Refused("the file ends too early", NumPy("short.npy", 3, 3, [1, 2]));
        Refused("row 1 and column 0 is not finite", NumPy("nan.npy", 2, 1, [1, double.NaN]));
        Refused("the matrix has no elements", NumPy("none.npy", 0, 3, []));
        Refused("more elements than an array", NumPy("large.npy", 100000, 100000, []));
        Refused("'%%matrixmarket matrix array complex general'; '%%MatrixMarket matrix", Text("complex.mtx", "%%MatrixMarket matrix array complex general\n"));
        Refused("line 3: a number from 1 to 2 was expected", Text("place.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 3 5\n"));
        Refused("line 2: rows, columns and the number of entries of a square matrix was expected", Text("wide.mtx", "%%MatrixMarket matrix coordinate real symmetric\n2 3 1\n1 1 5\n"));
        Refused("line 3: a number was expected", Text("number.mtx", "%%MatrixMarket matrix array real general\n1 1\nx\n"));

        static void Refused(string message, string path) =>
            Assert.Contains(message, Assert.Throws<InvalidDataException>(() => MatrixFile.Read(path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        return (Cli.Run(arguments, output, error), output.ToString(), error.ToString());
    }

    private string Text(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Writes an array as numpy.save does.</summary>
    private string NumPy(
        string name, int rows, int columns, double[] values, string type = "<f8", Func<double, byte[]>? bytes = null, bool isByColumns = false, byte version = 1)
    {
        string header = string.Create(CultureInfo.InvariantCulture, $"{{'descr': '{type}', 'fortran_order': {isByColumns}, 'shape': ({rows}, {columns}), }}\n");
        string path = Path.Combine(_folder, name);
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', version, 0]);
        writer.Write(version == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes(header.Length));
        writer.Write(Encoding.ASCII.GetBytes(header));
        foreach (double value in values)
        {
            writer.Write((bytes ?? BitConverter.GetBytes)(value));
        }

        return path;
    }
}
