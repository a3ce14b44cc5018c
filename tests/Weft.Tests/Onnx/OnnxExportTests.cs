using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using global::Onnx;
using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Dynamic;
using Weft.Onnx;
using Weft.Tests.Binding;
using Weft.Tests.Formulas;

namespace Weft.Tests.Onnx;

/// <summary>Exported models are standard, and what their maps are: the standard library and random formulas in ONNX Runtime against the interpreter.</summary>
public class OnnxExportTests
{
    [Fact]
    public void EveryOperatorAndLayerOfTheLibrary() =>
        AssertNone(Library.Formulas.Select((formula, i) => (formula, Library.Modules[i])));

    [Fact]
    public void RandomFormulas() => AssertNone(Enumerable.Range(7000, 60).Select(seed => ($"seed {seed}:\n{AlgebraPrinter.Print(RandomFormula.Create(seed))}", RandomFormula.Create(seed))));

    /// <summary>A structure costs what it does in Weft: as many products as it has factors, of their sizes, and no larger weight.</summary>
    [Theory]
    [InlineData("kronecker([8, 8, 8], [8, 8, 8])", 3, 3 * 64)]
    [InlineData("low_rank(64, 96, 4)", 2, 4 * (64 + 96))]
    [InlineData("monarch(256, 16)", 2, 2 * 16 * 256)]
    [InlineData("lora(64, 96, 4)", 3, (64 * 96) + (4 * (64 + 96)))]
    public void CostsStayThoseOfTheStructure(string formula, int products, int weights)
    {
        GraphProto graph = Create(TestModules.Formula(formula)).Graph;
        Assert.Equal(products, graph.Node.Count(node => node.OpType == "MatMul"));
        Assert.Equal(weights, graph.Initializer.Where(tensor => tensor.DataType == (int)TensorProto.Types.DataType.Float && tensor.Dims.Count > 0).Sum(tensor => tensor.Dims.Aggregate(1L, (product, extent) => product * extent)));
    }

    /// <summary>Inputs and outputs have the names, types and axes of the signature, parameters and documentation are there.</summary>
    [Fact]
    public void AModelSaysWhatItIs()
    {
        const string Text = """
            /// Looks up and moves on.
            layer step(n) : token[3] < 9, h[n], x[3, n] -> h[n], y[3, n]
              param E[9, n], W[n, n]
              h[c] = W[c, d] * h[d]
              y[i, c] = E[token[i], c] + x[i, c]
            layer one : token[3] < 9, h[4], x[3, 4] -> h[4], y[3, 4] = step(4)
            """;
        ModelProto model = Create(TestModules.Last(Text));
        Assert.Equal((OnnxExport.Opset, "Weft"), ((int)model.OpsetImport.Single().Version, model.ProducerName));
        Assert.Equal("layer one : token[3] < 9, h[4], x[3, 4] -> h[4], y[3, 4] = step(4)", model.Graph.DocString);
        Assert.Equal(["token Int64 [rows, 3]", "h Float [rows, 4]", "x Float [rows, 3, 4]"], model.Graph.Input.Select(Show));
        Assert.Equal(["next_h Float [rows, 4]", "y Float [rows, 3, 4]"], model.Graph.Output.Select(Show));
        Assert.Empty(new[] { "E", "W" }.Except(model.Graph.Initializer.Select(tensor => tensor.Name)));
        Assert.Contains(model.Graph.Node, node => node.OpType == "MatMul" && node.DocString.Contains("W[", StringComparison.Ordinal));

        static string Show(ValueInfoProto value) =>
            $"{value.Name} {(TensorProto.Types.DataType)value.Type.TensorType.ElemType} [{string.Join(", ", value.Type.TensorType.Shape.Dim.Select(dim => dim.DimParam.Length > 0 ? dim.DimParam : $"{dim.DimValue}"))}]";
    }

    /// <summary>A parameter may be called as an output is, or as an operator of ONNX.</summary>
    [Fact]
    public void NamesDoNotMeet()
    {
        Module module = TestModules.Last("layer named : 3 -> 3\n  param y[3], MatMul[3, 3], x_2[3]\n  let h[i] = MatMul[i, j] * x[j] + x_2[i]\n  let t = tanh(h)\n  y[i] = y[i] * t[i]");
        Assert.Null(OnnxRun.Fault(module, seed: 1));
        Assert.Equal("y", Assert.Single(Create(module).Graph.Output).Name);
        Assert.Contains(Create(module).Graph.Initializer, tensor => tensor.Name == "MatMul");
    }

    /// <summary>What is stored in fewer bits is so in the file.</summary>
    [Theory]
    [InlineData("frozen(bf16) W[24, 32]", 16)]
    [InlineData("frozen(half) W[24, 32]", 16)]
    [InlineData("frozen(e4m3) W[24, 32]", 8)]
    [InlineData("frozen(e5m2) W[24, 32]", 8)]
    [InlineData("frozen(int8) W[24, 32]", 8)]
    [InlineData("frozen(int4, 8) W[24, 32]", 4)]
    [InlineData("frozen(uint4, 8) W[24, 32]", 4)]
    [InlineData("frozen(nf4, 8) W[24, 32]", 4)]
    public void StorageFormatsAreTheFilesToo(string declaration, int bits)
    {
        Module module = TestModules.Last($"operator stored : 32 -> 24\n  {declaration}\n  = W");
        Assert.Null(OnnxRun.Fault(module, seed: 3));
        TensorProto codes = Create(module).Graph.Initializer.MaxBy(tensor => tensor.Dims.Aggregate(1L, (product, extent) => product * extent))!;
        Assert.StartsWith("W", codes.Name);
        Assert.Equal(24 * 32 * bits / 8, codes.RawData.Length);
    }

    /// <summary>A map by its formula, one of declarations by their file; and what was declared otherwise is refused.</summary>
    [Fact]
    public void AMapIsExportedByItsFormula()
    {
        const string Text = """
            operator scaled(n, c) : n -> n
              param W[n, n]
              = c * W
            operator twice : 5 -> 5 = scaled(5, 2)
            """;
        using CompiledWeft compiled = DynamicMaps.Compile(Text, "a.weft"), library = DynamicMaps.CompileFormula("gelu . bias . monarch(12, 3)");
        using Map<float> twice = compiled.CreateFloat("twice"), never = compiled.CreateFloat("twice");
        using Map<double> layer = library.CreateDouble("Formula");
        twice.Initialize(1);
        layer.Initialize(1);
        AssertSame(layer, new OnnxExportOptions());
        AssertSame(twice, new OnnxExportOptions { Files = Files(Text) });
        Assert.Throws<WeftException>(() => OnnxExport.Create(twice));
        Assert.Throws<InvalidOperationException>(() => OnnxExport.Create(never, new OnnxExportOptions { Files = Files(Text) }));
        Assert.Contains("compiled from other declarations", Assert.Throws<ArgumentException>(() => OnnxExport.Create(
            twice, new OnnxExportOptions { Files = Files(Text.Replace("param W", "frozen W", StringComparison.Ordinal)) })).Message);

        static Dictionary<string, string> Files(string text) => new() { ["b.weft"] = text };
    }

    /// <summary>From the smallest numbers to the largest, at poles and outside of domains, functions of one number are what they are, to the rounding of 1.</summary>
    [Fact]
    public void FunctionsOfOneNumberAtAllSizes()
    {
        double[] sizes = [0, 1e-30, 1e-12, 1e-6, 1e-3, 0.1, 0.5, 0.9, 1, 2, 5, 10, 20, 60, 88, 100, 1e10, 1e30];
        double[] x = [.. sizes.Concat(sizes.Select(size => -size)).Select(value => (double)(float)value)];
        string[] functions =
        [
            .. Activations.ByName.Keys,
            "abs", "sign", "step", "shift(0.5)", "round_ste", "elu(0.5)", "gelu_exact", "hardswish", "soft_threshold(0.3)", "hard_threshold(0.3)",
        ];
        Assert.All(functions, function =>
        {
            Module module = TestModules.Formula($"{function} . eye({x.Length})");
            using var session = new InferenceSession(Create(module).ToByteArray());
            double[] expected = new Interpreter(module, []).Evaluate(x), actual = OnnxRun.Evaluate(module, session, x);
            Assert.All(expected.Zip(actual), pair =>
            {
                float value = (float)pair.First;
                Assert.True(value.Equals((float)pair.Second) || Math.Abs(value - pair.Second) <= 1e-6 * Math.Max(1, Math.Abs(value)), $"{value} is {pair.Second}");
            });
        });
    }

    /// <summary>What ONNX has no operators for is refused by name, and only where it differs from row to row.</summary>
    [Fact]
    public void WhatCannotBeExportedIsRefusedByName()
    {
        Module module = TestModules.Last("layer inverted : 9 -> 9\n  let A[i, j] = x[i:3 j:3]\n  let B = inverse(A)\n  y[i j] = B[i, j]");
        Assert.Contains("inverse", Assert.Throws<OnnxExportException>(() => Create(module)).Message);
        Assert.Null(OnnxRun.Fault(TestModules.Last("operator o : 3 -> 3\n  param A[3, 3]\n  = inverse(shift(cayley(A), 0.1))"), seed: 1));

        module = TestModules.Last("layer inverted : 9 -> 9\n  let A[i, j] = x[i:3 k:3] * x[j:3 k:3] + (i == j)\n  let B = inverse(A)\n  y[i j] = B[i, j]");
        Assert.Contains("inverse_spd", Assert.Throws<OnnxExportException>(() => Create(module)).Message);
        Assert.Null(OnnxRun.Fault(
            TestModules.Last("operator o : 3 -> 3\n  frozen K[3, 3] spd\n  param S[3, 3] symmetric, L[3, 3] unit_lower\n  = inverse(K) * S * inverse(L) + logdet(K) * eye(3)"), seed: 1));
    }

    private static void AssertSame<T>(Map<T> map, OnnxExportOptions options)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        using var file = new MemoryStream();
        OnnxExport.Write(map, file, options);
        double[] x = Numbers.Rows(map.Description, new Random(2), 3);
        T[] y = new T[3 * map.Outputs];
        map.Forward([.. x.Select(T.CreateTruncating)], y);
        using var session = new InferenceSession(file.ToArray());
        using var input = OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(x, value => (float)value), [3, map.Inputs]);
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(new RunOptions(), ["x"], [input], ["y"]);
        Numbers.AssertClose([.. y.Select(double.CreateTruncating)], [.. results[0].GetTensorDataAsSpan<float>().ToArray().Select(value => (double)value)], 1e-5, map.Description.Formula);
    }

    private static ModelProto Create(Module module) => OnnxRun.Create(module, OnnxRun.Draw(module, new Random(1)));

    private static void AssertNone(IEnumerable<(string Name, Module Module)> modules)
    {
        string[] faults = [.. modules.AsParallel().AsOrdered().Select((one, i) => Fault(one.Module, i) is { } fault ? $"{one.Name}: {fault}" : null).OfType<string>()];
        Assert.True(faults.Length == 0, string.Join('\n', faults));

        static string? Fault(Module module, int seed)
        {
            try
            {
                return OnnxRun.Fault(module, seed);
            }
            catch (OnnxRuntimeException exception)
            {
                return exception.Message;
            }
        }
    }
}
