using global::Onnx;

namespace Weft.Onnx;

/// <summary>A node that reads a weight, or what only moves or widens its elements.</summary>
/// <param name="Node">The node.</param>
/// <param name="At">Which of its inputs that is.</param>
/// <param name="IsTransposed">Whether the matrix of outputs × inputs is the transpose of the weight.</param>
/// <param name="Scale">What the matrix is multiplied by besides.</param>
/// <param name="IsFlat">Whether the matrix has all axes but the first in its rows.</param>
/// <param name="IsProduct">Whether the node multiplies by the matrix at all.</param>
internal readonly record struct WeightUse(NodeProto Node, int At, bool IsTransposed, double Scale = 1, bool IsFlat = false, bool IsProduct = true);
