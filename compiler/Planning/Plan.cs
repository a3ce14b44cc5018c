using Weft.Compiler.Network;
using Index = Weft.Compiler.Network.Index;

namespace Weft.Compiler.Planning;

/// <summary>A node of a contraction tree: a tensor over named indices, for each row of the batch or once.</summary>
public abstract record PlanNode(IReadOnlyList<Index> Indices, bool PerRow, bool NeedsGradient)
{
    /// <summary>Whether it is a tensor that is stored in a short format.</summary>
    public bool IsShort => this is FactorNode { Factor.Tensor.Format: not null };
}

/// <summary>An operand of the term.</summary>
public sealed record FactorNode(Factor Factor) : PlanNode([.. Factor.Position.Indices], Factor.Tensor.Rate == Rate.Row, Factor.Tensor.IsTrained);

/// <summary>Two tensors contracted into one: every index that neither the rest of the term nor its output has is summed.</summary>
public sealed record ContractionNode(PlanNode Left, PlanNode Right, IReadOnlyList<Index> Indices, bool PerRow, bool NeedsGradient)
    : PlanNode(Indices, PerRow, NeedsGradient);

/// <summary>A part whose value another part has, of this term or of one before it: computed once.</summary>
/// <param name="Name">The name of the tensor that holds the value.</param>
/// <param name="Of">The plan of the part, which is not computed again.</param>
public sealed record SharedNode(string Name, PlanNode Of) : PlanNode(Of.Indices, Of.PerRow, Of.NeedsGradient);

/// <summary>The order chosen for a term, and the best of those that begin (at the root) differently.</summary>
/// <param name="Term">The term that is planned.</param>
/// <param name="Root">The tree; null for a constant.</param>
/// <param name="Cost">Its cost by the model.</param>
/// <param name="Alternatives">The other trees, cheapest first, with their costs.</param>
public sealed record TermPlan(Term Term, PlanNode? Root, double Cost, IReadOnlyList<(PlanNode Root, double Cost)> Alternatives)
{
    /// <summary>This plan, or the one of so high a rank among those that it rejects; itself where there is none.</summary>
    public TermPlan Ranked(int rank) => rank == 0 || rank > Alternatives.Count
        ? this
        : this with { Root = Alternatives[rank - 1].Root, Cost = Alternatives[rank - 1].Cost, Alternatives = [] };

    public static IEnumerable<ContractionNode> Contractions(PlanNode node) => node is ContractionNode contraction
        ? Contractions(contraction.Left).Concat(Contractions(contraction.Right)).Append(contraction)
        : [];

    /// <summary>Elements of a tensor with such indices.</summary>
    public static double Size(IEnumerable<Index> indices) => indices.Aggregate(1.0, (product, index) => product * index.Extent);
}
