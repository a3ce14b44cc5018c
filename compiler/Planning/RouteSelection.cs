using Weft.Compiler.Algebra;
using Weft.Compiler.Network;

namespace Weft.Compiler.Planning;

/// <summary>One of several ways to write an operator, and how many times its cost the others have.</summary>
/// <param name="Chosen">The cheapest way to write the operator.</param>
/// <param name="Others">The others, cheapest first.</param>
public sealed record Route(Operator Chosen, IReadOnlyList<(Operator Operator, double Times)> Others);

/// <summary>Replaces every <see cref="Alternatives"/> by the one that costs least: a direct or a fast transform, factors or their product.</summary>
public static class RouteSelection
{
    /// <summary>The module without alternatives, and what was chosen, innermost first.</summary>
    /// <param name="module">The module.</param>
    /// <param name="costs">What is compared.</param>
    /// <param name="isPossible">Whether the targets have what a way needs; null for all.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static (Module Module, IReadOnlyList<Route> Routes) Select(
        Module module, CostModel costs, Func<LoweredModule, bool>? isPossible = null, CancellationToken cancellationToken = default)
    {
        var routes = new List<Route>();
        return (module with { Links = module.Links.MapOperators(op => Choose(op, [])) }, routes);

        Operator Choose(Operator op, IReadOnlyList<IndexVariable> enclosing)
        {
            cancellationToken.ThrowIfCancellationRequested();
            IReadOnlyList<IndexVariable> inside = op is Indexed indexed ? [.. enclosing, indexed.Variable] : enclosing;
            Operator current = op.MapOperands(operand => Choose(operand, inside));
            if (current is not Alternatives alternatives)
            {
                return current;
            }

            // Every repetition costs what the first does.
            // What no target has counts as if it took forever: the first way, if none is possible.
            double Weigh(Operator way) => Lowered(enclosing.Aggregate(way, (repeated, index) => repeated.At(index, 0))) is var lowered && isPossible?.Invoke(lowered) == false
                ? double.PositiveInfinity
                : Cost(lowered, costs);
            (Operator Operator, double Cost)[] ranked = [.. alternatives.Operands.Select(way => (way, Weigh(way))).OrderBy(way => way.Item2)];
            routes.Add(new Route(ranked[0].Operator, [.. ranked.Skip(1).Where(way => !double.IsInfinity(way.Cost)).Select(way => (way.Operator, way.Cost / ranked[0].Cost))]));
            return ranked[0].Operator;
        }
    }

    private static LoweredModule Lowered(Operator op) => Lowering.Lower(new Module("", "", "", op.Columns, op.Rows, Text.EquatableArray.Of<Link>(new LinearLink(op)), default));

    /// <summary>The cost of an operator by itself: of its plans, of what is gathered, and of functions.</summary>
    private static double Cost(LoweredModule lowered, CostModel costs)
    {
        var weights = new HashSet<Tensor>();
        return lowered.Statements.Sum(statement => statement switch
        {
            SumStatement sum => sum.Terms.Sum(Term),
            FunctionStatement { Call: var call } => costs.Function(call.Operations, call.Length, perRow: true),
            _ => costs.Contraction(0, statement.Target.Length, perRow: true, gradients: 1),
        });

        double Term(Term term) => ContractionPlanner.Plan(term, costs).Cost + term.Factors.Sum(factor => Weight(factor.Tensor));

        double Weight(Tensor weight) => !weights.Add(weight) ? 0 : weight switch
        {
            NetworkWeight network => network.Definition.Sum(Term),
            FunctionWeight { Call: var call } => costs.Function(call.Operations, call.Length, perRow: false) + call.Arguments.Sum(Weight),
            _ => 0,
        };
    }
}
