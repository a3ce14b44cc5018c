using System.Collections.Immutable;

namespace Weft.Onnx;

/// <summary>A weight of a model that nodes multiply rows by, y = W x for each, in whose place a map can stand.</summary>
/// <param name="Weight">The name of the weight.</param>
/// <param name="Outputs">The rows of W; of a <c>Conv</c> its channels.</param>
/// <param name="Inputs">The columns of W; of a <c>Conv</c> the channels that come in times the taps.</param>
/// <param name="Bytes">What its numbers take in the model, with what they are scaled by.</param>
/// <param name="Nodes">The nodes, as <c>Conv 'name'</c>.</param>
/// <param name="IsPointwise">Whether rows lie in the model as they are: any map can stand here. Else, for a <c>Conv</c> that has more than a tap, strides or padding, only products of matrices.</param>
public sealed record OnnxLayer(string Weight, int Outputs, int Inputs, long Bytes, ImmutableArray<string> Nodes, bool IsPointwise);
