using System.Collections.Immutable;

namespace Weft.Fitting;

/// <summary>How far <see cref="LeastSquaresFit"/> goes.</summary>
public sealed record FitOptions
{
    /// <summary>The most steps from a start; 100 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int StepLimit { get; init => field = AtLeastOne(value, nameof(StepLimit)); } = 100;

    /// <summary>The most products with the derivative that a step is made of; 200 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int ProductLimit { get; init => field = AtLeastOne(value, nameof(ProductLimit)); } = 200;

    /// <summary>Three steps in a row that lower the error by less than this share of it end the fit; 1e-6 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double Tolerance
    {
        get;
        init => field = double.IsFinite(value) && value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Tolerance), value, "A share of the error, 0 or above, is expected.");
    } = 1e-6;

    /// <summary>How many starts are tried, of which the best counts; 1 unless set. Those after the first are drawn.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int Starts { get; init => field = AtLeastOne(value, nameof(Starts)); } = 1;

    /// <summary>What starts are drawn by; the same seed gives the same fit.</summary>
    public int Seed { get; init; }

    private static int AtLeastOne(int value, string name) =>
        value >= 1 ? value : throw new ArgumentOutOfRangeException(name, value, "A number from 1 is expected.");
}

/// <summary>Why a fit ended.</summary>
public enum FitStatus
{
    /// <summary>The error is within rounding of zero, its gradient is zero, or steps hardly lower it any more.</summary>
    Converged,

    /// <summary>The limit of steps was reached first.</summary>
    StepLimit,

    /// <summary>No step lowers the error: numbers of this type allow none that is smaller from here.</summary>
    Stagnated,
}

/// <summary>What <see cref="LeastSquaresFit"/> found.</summary>
/// <param name="Status">Why the best start ended.</param>
/// <param name="RelativeError">‖y − f(x)‖ / ‖y‖ over what counts, of what was kept: no more than that of the start.</param>
/// <param name="Errors">The relative error of the best start, at first and after each step: it never rises.</param>
/// <param name="Products">Products with the derivative or its transpose, of all starts.</param>
public sealed record FitReport(FitStatus Status, double RelativeError, ImmutableArray<double> Errors, int Products)
{
    /// <summary>The steps of the best start that lowered the error.</summary>
    public int Steps => Errors.Length - 1;
}
