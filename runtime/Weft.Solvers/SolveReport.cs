using System.Collections.Immutable;

namespace Weft.Solvers;

/// <summary>Why the iteration for a right-hand side ended.</summary>
public enum SolveStatus
{
    /// <summary>The residual is within the tolerance.</summary>
    Converged,

    /// <summary>The limit of steps was reached first.</summary>
    IterationLimit,

    /// <summary>Further steps bring no smaller residual: the system has no solution, or numbers of this type none that is closer.</summary>
    Stagnated,

    /// <summary>The operator or the preconditioner is not positive definite, which the method needs: a direction p was found with pᵀ A p ≤ 0.</summary>
    Indefinite,

    /// <summary>The right-hand side, or what was made of it, has a number that is not finite.</summary>
    NotFinite,
}

/// <summary>What became of one right-hand side.</summary>
/// <param name="Status">Why its iteration ended.</param>
/// <param name="Iterations">The steps that were made for it.</param>
/// <param name="Residual">What the tolerance was held against, computed anew from the solution at the end.</param>
public readonly record struct RowReport(SolveStatus Status, int Iterations, double Residual);

/// <summary>What became of a batch of right-hand sides.</summary>
/// <param name="Rows">A report for each, in their order.</param>
public sealed record SolveReport(ImmutableArray<RowReport> Rows)
{
    /// <summary>Whether all have converged.</summary>
    public bool IsConverged => Rows.All(row => row.Status == SolveStatus.Converged);

    /// <summary>The most steps that one of them took; so many products with A were made, each of the rows that were left, and a few to check.</summary>
    public int Iterations => Rows.Select(row => row.Iterations).DefaultIfEmpty().Max();

    /// <summary>The largest residual of all; 0 for an empty batch.</summary>
    public double Residual => Rows.Select(row => row.Residual).DefaultIfEmpty().Max();
}
