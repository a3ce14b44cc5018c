using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Projection;

/// <summary>What of a term is there at all: <c>0 ≤ Position &lt; Length</c>.</summary>
public sealed record Window(Affine Position, int Length);

/// <summary>A term of the whole map, from x to y: <c>matrix[Output, Input] += Coefficient · ∏ Factors</c>, summed over every other index.</summary>
public sealed record MapTerm(double Coefficient, IReadOnlyList<Factor> Factors, Affine Output, Affine Input, IReadOnlyList<Window> Windows)
{
    public IEnumerable<Index> External => Output.Indices.Concat(Input.Indices).Distinct();

    public IEnumerable<Index> Indices => External.Concat(Factors.SelectMany(factor => factor.Position.Indices)).Distinct();

    public MapTerm Map(Func<Affine, Affine> rewrite) => this with
    {
        Factors = [.. Factors.Select(factor => factor with { Position = rewrite(factor.Position) })],
        Output = rewrite(Output),
        Input = rewrite(Input),
        Windows = [.. Windows.Select(window => window with { Position = rewrite(window.Position) })],
    };
}

/// <summary>How the trained tensors of some terms are found from the elements of a matrix that these terms alone reach.</summary>
public abstract record ProjectionPart(IReadOnlyList<MapTerm> Terms)
{
    /// <summary>Those of further products too.</summary>
    public virtual IEnumerable<MapTerm> AllTerms => Terms;
}

/// <summary>Every term has one trained tensor: an orthogonal projection, by the normal equations.</summary>
public sealed record LeastSquaresPart(IReadOnlyList<MapTerm> Terms) : ProjectionPart(Terms);

/// <summary>
/// One term, whose tensors are split off one after the other; the last one takes what is left. A product of two is a truncated singular
/// value decomposition for each value of what they share, a chain the TT-SVD (Oseledets 2011), a core with a factor for each mode the
/// sequentially truncated HOSVD (Vannieuwenhoven, Vandebril and Meerbergen 2012).
/// </summary>
/// <param name="Term">The term of the map whose tensors are found.</param>
/// <param name="Ones">Tensors, each absorbed by another that has all of its indices: they become ones.</param>
/// <param name="Splits">The tensors that are split off, in order.</param>
/// <param name="Last">The number of the tensor that takes what is left.</param>
public sealed record FactorizationPart(MapTerm Term, IReadOnlyList<int> Ones, IReadOnlyList<Split> Splits, int Last) : ProjectionPart([Term])
{
    /// <summary>Further products of two tensors that reach the same elements: the ranks add up.</summary>
    public IReadOnlyList<FactorizationPart> Others { get; init; } = [];

    public override IEnumerable<MapTerm> AllTerms => Terms.Concat(Others.SelectMany(other => other.Terms));
}

/// <summary>A tensor is split off the rest of a product.</summary>
/// <param name="Factor">The tensor's number in the term.</param>
/// <param name="Neighbor">The tensor that has all the summed and the shared indices.</param>
/// <param name="Own">Indices that only it has: the rows of a matrix for each value of the shared ones. The rest's are the columns.</param>
/// <param name="Shared">Indices of the matrix that others have too.</param>
/// <param name="Bonds">The summed indices of the tensor.</param>
/// <param name="Rank">What the rank of that matrix is at most.</param>
public sealed record Split(
    int Factor, int Neighbor, IReadOnlyList<Index> Own, IReadOnlyList<Index> Shared, IReadOnlyList<Index> Bonds, int Rank);

/// <summary>How the trained parameters that are closest to a dense matrix are computed, or why there is no closed form.</summary>
/// <param name="Obstacle">The reason; null where there is a closed form.</param>
/// <param name="Parts">What is computed, each from elements of the matrix and for tensors of its own.</param>
/// <param name="Rows">Row r of the matrix of the terms is this row of the dense one; empty for the same.</param>
/// <param name="Columns">Column c of the matrix of the terms is this column of the dense one; empty for the same.</param>
/// <param name="HasConstantTerms">Whether terms without trained tensors are subtracted first.</param>
public sealed record ProjectionPlan(
    string? Obstacle, IReadOnlyList<ProjectionPart> Parts, IReadOnlyList<int> Rows, IReadOnlyList<int> Columns, bool HasConstantTerms)
{
    public static ProjectionPlan None(string obstacle) => new(obstacle, [], [], [], false);
}
