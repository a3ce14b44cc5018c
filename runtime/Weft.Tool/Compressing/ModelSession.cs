using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Weft.Tool.Compressing;

/// <summary>A tensor that goes into a model, or comes out.</summary>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">Its elements, row-major.</param>
internal sealed record ModelTensor(long[] Shape, double[] Values);

/// <summary>An input of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its shape; −1 is an extent that a run chooses.</param>
internal sealed record ModelInput(string Name, TensorElementType Type, int[] Shape)
{
    /// <summary>Whether its elements are whole numbers.</summary>
    public bool IsWhole => Type is not (TensorElementType.Float or TensorElementType.Double);

    public override string ToString() => $"'{Name}' of the shape [{string.Join(", ", Shape.Select(extent => extent < 0 ? "?" : FormattableString.Invariant($"{extent}")))}]";
}

/// <summary>A model in ONNX Runtime, on the processor.</summary>
internal sealed class ModelSession : IDisposable
{
    private readonly InferenceSession _session;

    /// <param name="model">The model's message.</param>
    /// <param name="threads">How many threads an operator may use; 0 is as many as there are cores.</param>
    /// <exception cref="InvalidDataException">ONNX Runtime refuses the model; its message says why.</exception>
    public ModelSession(byte[] model, int threads = 0)
    {
        _session = Try("ONNX Runtime refuses the model", () =>
        {
            using var options = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            return new InferenceSession(model, options);
        });
        Inputs = [.. _session.InputNames.Select(name => (Name: name, Data: _session.InputMetadata[name])).Select(input => new ModelInput(
            input.Name,
            input.Data.IsTensor ? input.Data.ElementDataType : throw new InvalidDataException($"the input '{input.Name}' is no tensor"),
            input.Data.Dimensions))];
        Outputs = [.. _session.OutputNames.Where(name => _session.OutputMetadata[name] is { IsTensor: true, ElementDataType: TensorElementType.Float or TensorElementType.Double })];
    }

    public IReadOnlyList<ModelInput> Inputs { get; }

    /// <summary>The outputs of floating-point numbers.</summary>
    public IReadOnlyList<string> Outputs { get; }

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">A tensor for each input, by name.</param>
    /// <param name="outputs">The outputs that are wanted.</param>
    /// <exception cref="InvalidDataException">ONNX Runtime refuses the inputs; its message says why.</exception>
    public ModelTensor[] Run(IReadOnlyDictionary<string, ModelTensor> inputs, IReadOnlyList<string> outputs)
    {
        OrtValue[] values = [.. Inputs.Select(input => Value(input, inputs[input.Name]))];
        try
        {
            using var options = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> results = Try("ONNX Runtime does not run the model on these inputs", () => _session.Run(options, [.. Inputs.Select(input => input.Name)], values, outputs));
            return [.. results.Select(Read)];
        }
        finally
        {
            Array.ForEach(values, value => value.Dispose());
        }
    }

    public void Dispose() => _session.Dispose();

    private static ModelTensor Read(OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        double[] numbers = info.ElementDataType == TensorElementType.Double
            ? value.GetTensorDataAsSpan<double>().ToArray()
            : Array.ConvertAll(value.GetTensorDataAsSpan<float>().ToArray(), number => (double)number);
        return new ModelTensor(info.Shape, numbers);
    }

    private static OrtValue Value(ModelInput input, ModelTensor tensor)
    {
        double[] values = tensor.Values;
        return input.Type switch
        {
            TensorElementType.Float => Of(values, value => (float)value),
            TensorElementType.Double => Of(values, value => value),
            TensorElementType.Int64 => Of(values, value => (long)value),
            TensorElementType.Int32 => Of(values, value => (int)value),
            TensorElementType.UInt8 => Of(values, value => (byte)value),
            TensorElementType.Bool => Of(values, value => value != 0),
            _ => throw new InvalidDataException($"the input {input} holds numbers of the type {input.Type}, which are not given; Float, Double, Int64, Int32, UInt8 and Bool are"),
        };

        OrtValue Of<T>(double[] numbers, Converter<double, T> convert)
            where T : unmanaged => OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(numbers, convert), tensor.Shape);
    }

    private static T Try<T>(string what, Func<T> run)
    {
        try
        {
            return run();
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InvalidDataException($"{what}: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is DllNotFoundException or TypeInitializationException { InnerException: DllNotFoundException or EntryPointNotFoundException })
        {
            throw new UsageException($"ONNX Runtime does not run on this system, {RuntimeInformation.RuntimeIdentifier}: {(exception.InnerException ?? exception).Message}");
        }
    }
}
