using Weft.Examples.Digits.Training;

namespace Weft.Examples.Digits.Report;

/// <summary>What came out for one structure.</summary>
/// <param name="Structure">The structure's name.</param>
/// <param name="Parameters">The number of trained parameters.</param>
/// <param name="Flops">The floating-point operations of the forward pass of one sample.</param>
/// <param name="Score">The accuracy, or the relative error.</param>
/// <param name="Timing">The times of one sample.</param>
internal sealed record Result(string Structure, int Parameters, long Flops, double Score, Timing Timing);
