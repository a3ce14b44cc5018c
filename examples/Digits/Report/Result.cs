using Weft.Examples.Digits.Training;
using Weft.Reports;

namespace Weft.Examples.Digits.Report;

/// <summary>What came out for one structure.</summary>
/// <param name="Structure">The structure's name.</param>
/// <param name="Parameters">The number of trained parameters.</param>
/// <param name="Flops">The floating-point operations of the forward pass of one sample.</param>
/// <param name="Score">The accuracy, or the relative error.</param>
/// <param name="Timing">The times of one sample.</param>
internal sealed record Result(string Structure, int Parameters, long Flops, double Score, Timing Timing)
{
    /// <summary>Scores against operations.</summary>
    /// <param name="title">What was learned.</param>
    /// <param name="results">A point each.</param>
    /// <param name="scoreScale">Makes the vertical axis from the scores.</param>
    public static PlotPanel Panel(string title, IReadOnlyList<Result> results, Func<IEnumerable<double>, Scale> scoreScale) => new(
        title,
        Scale.Amounts("FLOPs per sample, forward", results.Select(result => (double)result.Flops)),
        scoreScale(results.Select(result => result.Score)),
        [.. results.Select(result => new PlotPoint(result.Structure, result.Flops, result.Score))]);
}
