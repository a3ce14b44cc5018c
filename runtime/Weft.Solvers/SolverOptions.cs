namespace Weft.Solvers;

/// <summary>When solvers end.</summary>
public sealed record SolverOptions
{
    /// <summary>A residual that is at most so large beside the right-hand side ends the iteration: ‖b − A x‖ ≤ Tolerance · ‖b‖; 1e-5 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double Tolerance
    {
        get;
        init => field = double.IsFinite(value) && value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Tolerance), value, "A share of the right-hand side's norm, 0 or above, is expected.");
    } = 1e-5;

    /// <summary>The most steps for each right-hand side; ten times the number of unknowns unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int? IterationLimit
    {
        get;
        init => field = value is null or >= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(IterationLimit), value, "At least one step is expected.");
    }

    internal int StepsFor(int unknowns) => IterationLimit ?? (int)Math.Min(int.MaxValue, 10L * unknowns);
}
