using System.Collections.Immutable;

namespace Weft.Kernels;

/// <summary>How the trained parameters of a linear map that are closest to a dense matrix are computed.</summary>
/// <param name="Obstacle">Why there is no closed form; null where there is one.</param>
public sealed record ProjectionPlan(string? Obstacle)
{
    /// <summary>What is computed, each part from elements of the matrix and for parameters of its own.</summary>
    public ImmutableArray<ProjectionPart> Parts { get; init; } = [];

    /// <summary>Row r of the matrix that the terms reach is this row of the map's; empty for the same.</summary>
    public ImmutableArray<int> Rows { get; init; } = [];

    /// <summary>Column c of the matrix that the terms reach is this column of the map's; empty for the same.</summary>
    public ImmutableArray<int> Columns { get; init; } = [];

    /// <summary>Whether a part of the map does not depend on trained parameters, and is subtracted first.</summary>
    public bool HasConstantTerms { get; init; }

    /// <summary>Where another value of a frozen parameter can take up a change of trained ones; also where there is no closed form.</summary>
    public ImmutableArray<WeightSum> Sums { get; init; } = [];
}

/// <summary>A tensor <c>Coefficient · Weight + …</c>, outside of which the weight does not matter.</summary>
/// <param name="Weight">The name of the frozen parameter.</param>
/// <param name="Offset">Where the sum is in the weight block.</param>
/// <param name="Coefficient">What the weight is multiplied by in the sum.</param>
/// <param name="Parameters">The trained parameters that do not matter outside of the sum either.</param>
public sealed record WeightSum(string Weight, int Offset, double Coefficient, ImmutableArray<string> Parameters);

/// <summary>Terms with the trained parameters that they alone have.</summary>
/// <param name="Terms">
/// One product; or several products of two tensors that reach the same elements, whose ranks add; or terms with one trained tensor each:
/// then the parameters are those of least squares.
/// </param>
/// <param name="Splits">The order in which tensors are split off the products.</param>
/// <param name="Last">The factor that takes what is left; −1 for least squares.</param>
public sealed record ProjectionPart(ImmutableArray<ProjectionTerm> Terms, ImmutableArray<ProjectionSplit> Splits, int Last);

/// <summary><c>matrix[Output, Input] += Coefficient · ∏ weights[Factors]</c>, summed over the indices that are in neither, where every window holds.</summary>
/// <param name="Coefficient">What the product is multiplied by.</param>
/// <param name="Extents">The extent of each index.</param>
/// <param name="Output">The row of the matrix, affine in the indices.</param>
/// <param name="Input">The column of the matrix, affine in the indices.</param>
/// <param name="Factors">The place of each factor's element in the weight block.</param>
/// <param name="Windows">The conditions under which there is a product.</param>
public sealed record ProjectionTerm(
    double Coefficient,
    ImmutableArray<int> Extents,
    ProjectionPosition Output,
    ProjectionPosition Input,
    ImmutableArray<ProjectionPosition> Factors,
    ImmutableArray<ProjectionWindow> Windows);

/// <summary><c>Offset + Σ Strides[k] · index k</c>.</summary>
public sealed record ProjectionPosition(int Offset, ImmutableArray<int> Strides);

/// <summary><c>0 ≤ Position &lt; Length</c>.</summary>
public sealed record ProjectionWindow(ProjectionPosition Position, int Length);

/// <summary>A factor is split off the rest of a product. For each value of the shared indices its own are the rows of a matrix.</summary>
/// <param name="Term">The number of the term among those of the part.</param>
/// <param name="Factor">The number of the factor in the term.</param>
/// <param name="Neighbor">The factor that has all of its summed and shared indices; −1 if it becomes ones because another has all its indices.</param>
/// <param name="Own">The indices of the factor that no other has.</param>
/// <param name="Shared">The indices of the factor that are of the matrix, and that others have too.</param>
/// <param name="Bonds">The summed indices of the factor.</param>
public sealed record ProjectionSplit(int Term, int Factor, int Neighbor, ImmutableArray<int> Own, ImmutableArray<int> Shared, ImmutableArray<int> Bonds)
{
    /// <summary>What the rank of the matrix is at most.</summary>
    public int Rank { get; init; }
}
