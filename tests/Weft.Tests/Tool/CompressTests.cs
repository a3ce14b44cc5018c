using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Google.Protobuf;
using MathNet.Numerics.LinearAlgebra;
using Microsoft.ML.OnnxRuntime;
using global::Onnx;
using Weft.Compiler;
using Weft.Dynamic;
using Weft.Onnx;
using Weft.Tests.Formulas;
using Weft.Tests.Generators;
using Weft.Tool;
using Weft.Tool.Compressing;
using static Weft.Tests.Onnx.OnnxMessages;
using static global::Onnx.TensorProto.Types;

namespace Weft.Tests.Tool;

/// <summary><c>weft compress</c>: models with structures in the place of their large weights.</summary>
public sealed class CompressTests : IDisposable
{
    private const int Inputs = 24, Hidden = 32, Channels = 10, Taps = 3, Outputs = 8;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    /// <summary>Weights that are nearly of low rank: half of their bytes lose nearly nothing, and nothing but them changes.</summary>
    [Theory]
    [InlineData(9)]
    [InlineData(21)]
    public void Compress_KeepsWhatTheModelDoes(int opset)
    {
        byte[] before = Model(opset);
        string output = Path.Combine(_folder, "out"), data = Data(96);
        (int code, string text, string error) = Run("compress", Write("net.onnx", before), "--data", data, "--output", output, "--least", "100", "--budget", "0.5", "--bits", "32");

        Assert.Equal((0, ""), (code, error));
        Assert.Equal(["Layers", "net.onnx", "report.html"], Directory.EnumerateFileSystemEntries(output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        byte[] after = File.ReadAllBytes(Path.Combine(output, "net.onnx"));
        OnnxModel old = OnnxModel.Open(new MemoryStream(before));
        string[] large = ["fc1", "fc2", "conv"];
        Assert.Equal(large.Order(), old.Layers.Values.Where(layer => layer.Outputs * layer.Inputs >= 100).Select(layer => layer.Weight).Order());

        // The bytes of what is new are at most half of what it replaces.
        HashSet<string> known = [.. ModelProto.Parser.ParseFrom(before).Graph.Initializer.Select(tensor => tensor.Name)];
        GraphProto graph = ModelProto.Parser.ParseFrom(after).Graph;
        long bytes = graph.Initializer.Where(tensor => !known.Contains(tensor.Name) || large.Contains(tensor.Name)).Sum(tensor => (long)tensor.RawData.Length);
        Assert.InRange(bytes, 1, old.Layers.Values.Where(layer => large.Contains(layer.Weight)).Sum(layer => layer.Bytes) / 2);
        Assert.Contains(graph.Node, node => node.OpType == "Relu");

        float[] x = [.. Numbers.Normal(new Random(9), 5 * Inputs).Select(value => (float)value)];
        Numbers.AssertClose(Evaluate(before, x), Evaluate(after, x), 0.03, "outputs");
        Assert.Matches(@"The 3 large weights took \d+,\d+ bytes and take \d,\d+, \d\d\.\d %; 50 % were allowed", text);
        Assert.Matches(@"Output 'y': relative error \d", text);
        Assert.Contains("Structures were fitted for 6 runs of the data, and the outputs compared for 6 others.", text, StringComparison.Ordinal);

        string page = File.ReadAllText(Path.Combine(output, "report.html"));
        Assert.All(large, name => Assert.Contains($"<summary>{name}: ", page, StringComparison.Ordinal));
        Assert.True(page.Split("<svg").Length > 3);
        XDocument.Parse(page[page.IndexOf("<body>", StringComparison.Ordinal)..page.IndexOf("</html>", StringComparison.Ordinal)]);
    }

    /// <summary>The project compiles, and its program finds that each map does what the new model's nodes do.</summary>
    [Fact]
    public void Compress_WritesAProjectOfTheLayers()
    {
        string output = Path.Combine(_folder, "out");
        (int code, _, string error) = Run("compress", Write("net.onnx", Model(13)), "--output", output, "--least", "100");
        Assert.Equal((0, ""), (code, error));
        string project = Path.Combine(output, "Layers");
        string declarations = File.ReadAllText(Path.Combine(project, "layers.weft")), program = File.ReadAllText(Path.Combine(project, "Program.cs")), half = File.ReadAllText(Path.Combine(project, "formats.weft"));
        Assert.Contains("/// MatMul 'a' of net.onnx: in place of the weight 'fc1', 3,072 bytes, by ", declarations, StringComparison.Ordinal);
        Assert.Contains($"<PackageReference Include=\"Weft\" Version=\"{Versions.Package}\" />", File.ReadAllText(Path.Combine(project, "Layers.csproj")), StringComparison.Ordinal);

        const string Usings = "using System;\nusing System.IO;\nusing System.Linq;\n";
        new GeneratorHost(Usings + program, ("/project/formats.weft", half), ("/project/layers.weft", declarations)).AsProgram().SetProperty("RootNamespace", "Layers").Run().AssertClean();

        // What the program does.
        using CompiledWeft compiled = DynamicMaps.Compile(half + declarations.Replace("import \"formats.weft\"\n", "", StringComparison.Ordinal));
        using FileStream parameters = File.OpenRead(Path.Combine(project, "layers.safetensors")), checks = File.OpenRead(Path.Combine(project, "check.safetensors"));
        TensorFile rows = TensorFile.Open(checks);
        string[] names = [.. Regex.Matches(declarations, @"^operator (\w+) :", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];
        Assert.Contains("fc1", names);
        foreach (string name in names)
        {
            using Map<float> map = compiled.CreateFloat(name);
            parameters.Position = 0;
            map.Load(parameters, new LoadOptions { Prefix = name + "." });
            float[] x = Read(name + ".x"), expected = Read(name + ".y"), y = new float[expected.Length];
            map.Forward(x, y);
            Numbers.AssertClose([.. expected.Select(value => (double)value)], [.. y.Select(value => (double)value)], 1e-5, name);
            Assert.Contains($"Check(new {TypeNames.Of(name)}(), \"{name}\");", program, StringComparison.Ordinal);
        }

        float[] Read(string name)
        {
            float[] values = new float[rows.Tensors[name].Shape.Aggregate(1, (product, extent) => product * extent)];
            rows.Read(name, rows.Tensors[name].Shape.AsSpan(), values.AsSpan());
            return values;
        }
    }

    /// <summary>Weights without structure in fewer bits, with an error that these allow.</summary>
    [Theory]
    [InlineData(16, "half", 0.52, 1e-3)]
    [InlineData(8, "int8", 0.32, 0.02)]
    [InlineData(4, "int4", 0.27, 0.15)]
    public void Compress_StoresNumbersInFewerBits(int bits, string name, double budget, double error)
    {
        string output = Path.Combine(_folder, "out");
        (int code, string text, string wrong) = Run("compress", Write("net.onnx", Model(21, noise: 1)), "--data", Data(96), "--output", output, "--least", "100", "--bits", $"{bits}", "--budget", budget.ToString(CultureInfo.InvariantCulture));
        Assert.Equal((0, ""), (code, wrong));
        Assert.Contains($"{name}_dense(", text, StringComparison.Ordinal);
        float[] x = [.. Numbers.Normal(new Random(9), 5 * Inputs).Select(value => (float)value)];
        Numbers.AssertClose(Evaluate(Model(21, noise: 1), x), Evaluate(File.ReadAllBytes(Path.Combine(output, "net.onnx")), x), error, "outputs");
    }

    /// <summary>Rounding in turn loses less than rounding each number by itself, and the language's own rounding changes nothing of what it makes.</summary>
    [Theory]
    [InlineData("int8", "frozen(int8) W[20, 48]")]
    [InlineData("int4", "frozen(int4, 24) W[20, 48]")]
    public void WholeNumbersMakeUpForEachOther(string name, string declaration)
    {
        const int Rows = 20, Columns = 48, Seen = 8;
        var random = new Random(3);
        Matrix<double> matrix = Matrix<double>.Build.DenseOfRowMajor(Rows, Columns, Numbers.Normal(random, Rows * Columns));
        Matrix<double> inputs = Matrix<double>.Build.DenseOfRowMajor(Columns, Seen, Numbers.Normal(random, Columns * Seen)) * Matrix<double>.Build.DenseOfRowMajor(Seen, 100, Numbers.Normal(random, Seen * 100));
        var rows = new RowMoment(inputs.TransposeAndMultiply(inputs) + Matrix<double>.Build.DenseIdentity(Columns));
        Matrix<double> turned = NumberFormat.All.Single(format => format.Name == name).Round(matrix, rows);

        using CompiledWeft compiled = DynamicMaps.Compile($"operator rounded : {Columns} -> {Rows}\n  {declaration}\n  = W");
        using var map = (LinearMap<double>)compiled.CreateDouble("rounded");
        Numbers.AssertClose(turned.ToRowMajorArray(), Rounded(turned), 1e-14, name);
        Assert.True(rows.SquaredNorm(matrix - turned) < 0.5 * rows.SquaredNorm(matrix - Matrix<double>.Build.DenseOfRowMajor(Rows, Columns, Rounded(matrix))));

        double[] Rounded(Matrix<double> values)
        {
            using (ParameterEdit<double> edit = map.Edit())
            {
                values.ToRowMajorArray().CopyTo(edit["W"]);
            }

            double[] dense = new double[Rows * Columns];
            map.ToDense(dense);
            return dense;
        }
    }

    /// <summary>Without data inputs are drawn, and that is said.</summary>
    [Fact]
    public void Compress_SaysThatInputsAreRandom()
    {
        (int code, string text, string error) = Run("compress", Write("net.onnx", Model(13)), "--output", Path.Combine(_folder, "out"), "--least", "500");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("The inputs were random numbers, since no data were given", text, StringComparison.Ordinal);
        Assert.Contains("The inputs were random numbers", File.ReadAllText(Path.Combine(_folder, "out", "report.html")), StringComparison.Ordinal);
    }

    /// <summary>A formula of the user's is tried, and the project has its declaration.</summary>
    [Fact]
    public void Compress_TriesFormulasOfTheUser()
    {
        string file = Path.Combine(_folder, "mine.weft"), output = Path.Combine(_folder, "out");
        File.WriteAllText(file, "operator halves(m, n) : n -> m\n  param(half) W[m, n]\n  = W\n");
        (int code, string text, string error) = Run("compress", Write("net.onnx", Model(9, noise: 1)), file, "--output", output, "--least", "500", "--budget", "0.6", "--bits", "32", "--formula", "halves(m, n)");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("halves(32, 24)", text, StringComparison.Ordinal);
        Assert.StartsWith("import \"mine.weft\"\n", File.ReadAllText(Path.Combine(output, "Layers", "layers.weft")), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(output, "Layers", "mine.weft")));
        float[] x = [.. Numbers.Normal(new Random(9), 5 * Inputs).Select(value => (float)value)];
        Numbers.AssertClose(Evaluate(Model(9, noise: 1), x), Evaluate(File.ReadAllBytes(Path.Combine(output, "net.onnx")), x), 3e-3, "outputs");
    }

    [Fact]
    public void Compress_SaysWhatIsWrong()
    {
        string model = Write("net.onnx", Model(13)), output = Path.Combine(_folder, "out");
        Wrong(2, "there is no file 'nowhere.onnx'", "nowhere.onnx");
        Wrong(1, "Not an ONNX model", Write("no.onnx", [1, 2, 3]));
        Wrong(2, "no weight of 1,000,000 numbers or more that MatMul, Gemm or Conv multiply by: lower --least", model, "--least", "1000000");
        Wrong(2, "there is no file or folder 'nowhere.npy'", model, "--data", "nowhere.npy");
        Wrong(2, "has no .npy, .npz, .safetensors files", model, "--data", Directory.CreateDirectory(Path.Combine(_folder, "empty")).FullName);
        Wrong(1, "the array has the shape [3, 5]; the model has the input 'x' of the shape [?, 24]", model, "--data", NumPy("bad.npy", 3, 5, new double[15]));
        Wrong(1, "is not finite", model, "--data", NumPy("nan.npy", 1, Inputs, [.. Enumerable.Repeat(double.NaN, Inputs)]));
        Wrong(2, "--shape: the model has no input 'z'", model, "--shape", "z=1,24");
        Wrong(2, "--shape: the model has the input 'x' of the shape [?, 24], not [1, 23]", model, "--shape", "x=1,23");
        Wrong(2, "--shape: an input and its sizes", model, "--shape", "x=a");
        Wrong(2, "--budget: a share above 0 and up to 1 was expected", model, "--budget", "2");
        Wrong(2, "--least: a number from 1 was expected", model, "--least", "0");
        Wrong(2, "--bits: 32, 16, 8 or 4 was expected", model, "--bits", "5");
        Wrong(2, "raise --budget", model, "--least", "100", "--budget", "0.001");
        Wrong(1, "a linear map 32 -> 60 is expected", model, "--least", "700", "--formula", "dense(m, m)");
        Assert.False(Path.Exists(output));
        Directory.CreateDirectory(output);
        Wrong(2, "exists already: name a folder that is to be made by --output", model);
        Assert.Empty(Directory.EnumerateFileSystemEntries(output));
        Assert.DoesNotContain(Directory.EnumerateDirectories(_folder), folder => Path.GetFileName(folder).StartsWith(".out", StringComparison.Ordinal));

        void Wrong(int expected, string message, params string[] arguments)
        {
            (int code, _, string error) = Run(["compress", .. arguments, "--output", output, .. arguments.Contains("--least") ? Array.Empty<string>() : ["--least", "100"]]);
            Assert.Equal(expected, code);
            Assert.Contains(message, error, StringComparison.Ordinal);
        }
    }

    /// <summary>What costs least of all choices that fit, as trying all of them says.</summary>
    [Fact]
    public void TheBudgetIsSpentWhereItHelpsMost()
    {
        var random = new Random(5);
        for (int round = 0; round < 50; round++)
        {
            (long Cost, double Loss)[][] options = [.. Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, 5).Select(_ => ((long)random.Next(0, 100), random.NextDouble())).ToArray())];
            long budget = random.Next(40, 300);
            double best = All(0).Where(sum => sum.Cost <= budget).Select(sum => sum.Loss).DefaultIfEmpty(double.NaN).Min();
            int[]? chosen = BudgetChoice.Choose(options, budget);
            Assert.Equal(double.IsNaN(best), chosen is null);
            if (chosen is not null)
            {
                Assert.True(chosen.Select((c, k) => options[k][c].Cost).Sum() <= budget);
                Assert.Equal(best, chosen.Select((c, k) => options[k][c].Loss).Sum(), 1e-12);
            }

            IEnumerable<(long Cost, double Loss)> All(int k) => k == options.Length ? [(0, 0)]
                : options[k].SelectMany(one => All(k + 1).Select(rest => (one.Cost + rest.Cost, one.Loss + rest.Loss)));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A network of a product, a <c>Gemm</c> of a transpose and a <c>Conv</c>, whose weights are of rank 3 but for noise.</summary>
    private static byte[] Model(int opset, double noise = 0.01)
    {
        var random = new Random(2);
        GraphProto graph = Graph(
            [
                Weight("fc1", DataType.Float, [Inputs, Hidden], NearLowRank(Inputs, Hidden)),
                Weight("fc2", DataType.Float, [Channels * Taps * 2, Hidden], NearLowRank(Channels * Taps * 2, Hidden)),
                Weight("bias", DataType.Float, [Channels * Taps * 2], Numbers.Normal(random, Channels * Taps * 2)),
                Weight("conv", DataType.Float, [Outputs, Channels, Taps], NearLowRank(Outputs, Channels * Taps)),
            ],
            Node("MatMul", ["x", "fc1"], "a"),
            Node("Relu", ["a"], "b"),
            Node("Gemm", ["b", "fc2", "bias"], "c", Attribute("transB", 1)),
            Node("Constant", [], "shape", new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = Shape(-1, Channels, Taps * 2) }),
            Node("Reshape", ["c", "shape"], "d"),
            Node("Conv", ["d", "conv"], "y", Attributes("pads", 1, 1)));
        graph.Input.Add(Info("x", "rows", Inputs));
        graph.Output.Add(Info("y", "rows", Outputs, Taps * 2));
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
        return model.ToByteArray();

        double[] NearLowRank(int rows, int columns)
        {
            const int Rank = 3;
            double[] left = Numbers.Normal(random, rows * Rank), right = Numbers.Normal(random, Rank * columns), rest = Numbers.Normal(random, rows * columns);
            return [.. Enumerable.Range(0, rows * columns).Select(i => (noise * rest[i]) + (Enumerable.Range(0, Rank).Sum(k => left[(i / columns * Rank) + k] * right[(k * columns) + (i % columns)]) / 5))];
        }

        static TensorProto Shape(params long[] extents)
        {
            var tensor = new TensorProto { DataType = (int)DataType.Int64, RawData = ByteString.CopyFrom([.. extents.SelectMany(BitConverter.GetBytes)]) };
            tensor.Dims.Add(extents.Length);
            return tensor;
        }
    }

    private static double[] Evaluate(byte[] model, float[] x)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(model, options);
        using var input = OrtValue.CreateTensorValueFromMemory(x, [x.Length / Inputs, Inputs]);
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(new RunOptions(), ["x"], [input], ["y"]);
        return [.. results[0].GetTensorDataAsSpan<float>().ToArray().Select(value => (double)value)];
    }

    private string Data(int rows) => NumPy("data.npy", rows, Inputs, Numbers.Normal(new Random(3), rows * Inputs));

    private string NumPy(string name, int rows, int columns, double[] values)
    {
        string header = string.Create(CultureInfo.InvariantCulture, $"{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
        return Write(name, [0x93, .. "NUMPY\x01\x00"u8, .. BitConverter.GetBytes((ushort)header.Length), .. Encoding.ASCII.GetBytes(header), .. values.SelectMany(BitConverter.GetBytes)]);
    }

    private string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        return (Cli.Run(arguments, output, error), output.ToString(), error.ToString());
    }
}
