using Google.Protobuf;
using Weft.Compiler.Algebra;
using Weft.Onnx;
using global::Onnx;

namespace Weft.Tool.Compressing;

/// <summary>A structure with parameters in the place of a layer's weight.</summary>
/// <param name="Formula">Its formula.</param>
/// <param name="Module">What it means.</param>
/// <param name="Parameters">Gives the elements of its parameters, by name.</param>
/// <param name="Error">‖(W − A) x‖ / ‖W x‖ over the rows x that come in, as roots of sums of squares.</param>
internal sealed record LayerFit(string Formula, Module Module, Func<IReadOnlyDictionary<string, double[]>> Parameters, double Error)
{
    /// <summary>The rows that plans are made for.</summary>
    private const int Batch = 64;

    /// <summary>What its tensors take in the model.</summary>
    public long Bytes { get; init; }

    /// <summary>What it is called in a picture.</summary>
    public string Family => Formula[..(Formula.IndexOf('(', StringComparison.Ordinal) is >= 0 and var end ? end : Formula.Length)];

    /// <summary>Its nodes and tensors.</summary>
    /// <exception cref="OnnxExportException">ONNX has no operators for it.</exception>
    public GraphProto ToGraph() => Export().Graph;

    /// <summary>It alone, as a model.</summary>
    public byte[] ToModel() => Export().ToByteArray();

    private ModelProto Export()
    {
        IReadOnlyDictionary<string, double[]> parameters = Parameters();
        return OnnxExport.Create(Module, Batch, place => parameters[place.Parameter.Name]);
    }
}

/// <summary>A layer of a model, and the structures that were fitted to it.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Fits">The structures, by their bytes; none takes as many as the weight.</param>
/// <param name="Refused">Why others cannot stand there, by their formulas.</param>
internal sealed record FittedLayer(OnnxLayer Layer, IReadOnlyList<LayerFit> Fits, IReadOnlyDictionary<string, string> Refused);
