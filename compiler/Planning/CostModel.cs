namespace Weft.Compiler.Planning;

/// <summary>
/// What a step costs, in units of one floating-point operation at full rate. FLOPs alone mislead: a plan also pays for the bytes that it
/// writes and reads again, and for every step that it starts.
/// </summary>
/// <param name="Batch">Rows that a plan is made for.</param>
/// <param name="IsForFewRows">
/// Whether there are many calls for each update, and few rows in each. If not, the reverse pass counts too: it repeats a contraction for each
/// operand that needs a gradient.
/// </param>
/// <param name="Device">The device that a plan is made for; null for the processor.</param>
public sealed record CostModel(int Batch, bool IsForFewRows = false, DeviceModel? Device = null)
{
    /// <summary>Calls of a few rows between updates.</summary>
    private const double CallsPerUpdate = 100;

    /// <summary>The processor that a plan is made for, if no device.</summary>
    public ProcessorModel Processor { get; init; } = ProcessorModel.Default;

    /// <summary>The model for calls of a few rows, forward only.</summary>
    public CostModel ForFewRows => this with { Batch = 1, IsForFewRows = true };

    /// <summary>Cost of a function of tensors.</summary>
    /// <param name="operations">What it takes, in operations at full rate, beside writing the result.</param>
    /// <param name="result">Elements of the result.</param>
    /// <param name="perRow">Whether it runs for every row of the batch, or once per update.</param>
    public double Function(double operations, double result, bool perRow) => ((perRow ? Batch : 1) * (IsForFewRows ? 1 : 2) * operations) + Contraction(0, result, perRow, gradients: 1);

    /// <summary>Cost of one pairwise contraction.</summary>
    /// <param name="space">Product of the extents of all indices of both operands.</param>
    /// <param name="result">Elements of the result.</param>
    /// <param name="perRow">Whether it runs for every row of the batch, or once per update.</param>
    /// <param name="gradients">How many of the two operands need a gradient.</param>
    /// <param name="read">Elements of both operands, for all rows. Many rows share them in a processor's caches; for few they count.</param>
    public double Contraction(double space, double result, bool perRow, int gradients, double read = 0)
    {
        int passes = IsForFewRows ? 1 : 1 + gradients;
        double rows = perRow ? Batch : 1;
        if (Device is not null)
        {
            return passes * Device.Seconds(2 * space * rows, read + (result * rows)) * Device.FlopsPerSecond;
        }

        if (IsForFewRows)
        {
            double once = Math.Max(2 * space * rows, Processor.OperationsPerElement * (read + (rows * result))) + Processor.OperationsPerStep;
            return perRow ? once : once / CallsPerUpdate;
        }

        return (passes * rows * ((2 * space) + (Processor.OperationsPerElement * result))) + (passes * Processor.OperationsPerStep);
    }
}
