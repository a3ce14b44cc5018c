using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using global::Onnx;
using Weft.Compiler.Algebra;
using Weft.Compiler.Oracle;
using Weft.Onnx;
using Weft.Tests.Formulas;

namespace Weft.Tests.Onnx;

/// <summary>Exported models in ONNX Runtime, on one thread, against the interpreter.</summary>
internal static class OnnxRun
{
    private static readonly int[] Batches = [1, 3];

    /// <summary>The first deviation of a module's model, in words, or null.</summary>
    public static string? Fault(Module module, int seed)
    {
        string? fault = null;

        // A number that is rounded, compared or sorted may stand where float and double decide otherwise: not in every draw.
        for (int draw = 0; draw < 3; draw++)
        {
            var random = new Random(seed + draw);
            Dictionary<string, double[]> parameters = Draw(module, random);
            double[] x = Rounded(Numbers.Rows(module, random, Batches.Max()));
            double[] expected = new Interpreter(module, parameters).Evaluate(x);
            using var session = new InferenceSession(Create(module, parameters).ToByteArray(), Options);
            fault = Batches.Select(batch => Compare(module, session, x[..(batch * module.Inputs)], expected[..(batch * module.Outputs)])).FirstOrDefault(found => found is not null);
            if (fault is null)
            {
                return null;
            }
        }

        return fault;
    }

    private static SessionOptions Options { get; } = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };

    private static string? Compare(Module module, InferenceSession session, double[] x, double[] expected)
    {
        double[] actual = Evaluate(module, session, x);
        double error = Numbers.RelativeError([.. expected, 1e-3], [.. actual, 1e-3]);
        return error <= 1e-4 ? null : $"off by {error:G3} for {x.Length / module.Inputs} rows";
    }

    public static ModelProto Create(Module module, Dictionary<string, double[]> parameters) => OnnxExport.Create(module, batch: 64, place => parameters[place.Parameter.Name]);

    /// <summary>What a session makes of rows.</summary>
    public static double[] Evaluate(Module module, InferenceSession session, double[] x)
    {
        int batch = x.Length / module.Inputs;
        Port[] inputs = module.InputPorts.Count > 0 ? [.. module.InputPorts] : [new Port("x", new([module.Inputs]), 0)];
        Port[] outputs = module.OutputPorts.Count > 0 ? [.. module.OutputPorts] : [new Port("y", new([module.Outputs]), 0)];
        Assert.Equal(inputs.Select(port => port.Name), session.InputNames);
        OrtValue[] values = [.. inputs.Select(port => Value(port, batch, [.. Part(x, port, module.Inputs, batch)]))];
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(new RunOptions(), session.InputNames, values, session.OutputNames);
        double[] y = new double[batch * module.Outputs];
        for (int k = 0; k < outputs.Length; k++)
        {
            Assert.Equal([batch, .. outputs[k].Shape.Select(extent => (long)extent)], results[k].GetTensorTypeAndShape().Shape);
            ReadOnlySpan<float> numbers = results[k].GetTensorDataAsSpan<float>();
            for (int i = 0; i < numbers.Length; i++)
            {
                y[(i / outputs[k].Length * module.Outputs) + outputs[k].Offset + (i % outputs[k].Length)] = numbers[i];
            }
        }

        Array.ForEach(values, value => value.Dispose());
        return y;
    }

    private static OrtValue Value(Port port, int batch, double[] numbers)
    {
        long[] shape = [batch, .. port.Shape.Select(extent => (long)extent)];
        return port.IsPositions
            ? OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(numbers, number => (long)number), shape)
            : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(numbers, number => (float)number), shape);
    }

    private static IEnumerable<double> Part(double[] x, Port port, int inputs, int batch) =>
        Enumerable.Range(0, batch).SelectMany(row => x.Skip((row * inputs) + port.Offset).Take(port.Length));

    /// <summary>Parameters of a size at which products of many neither overflow nor vanish; tables as they are drawn.</summary>
    public static Dictionary<string, double[]> Draw(Module module, Random random)
    {
        using Map<float> map = InterpretedMap.Create<float>(module);
        map.Initialize(random.Next());
        return module.Parameters.ToDictionary(
            parameter => parameter.Name,
            parameter =>
            {
                double scale = parameter.Initializer.Distribution is Distribution.Whole or Distribution.Distinct ? 1 : 1 / Math.Sqrt(parameter.Shape.LastOrDefault(1));
                return Rounded([.. map[parameter.Name].Values.ToArray().Select(value => scale * value)]);
            },
            StringComparer.Ordinal);
    }

    private static double[] Rounded(double[] numbers) => Array.ConvertAll(numbers, number => (double)(float)number);
}
