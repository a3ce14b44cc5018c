using System.Globalization;

namespace Weft.Compiler.Planning;

/// <summary>Prints contraction orders: <c>((x R) L)</c>.</summary>
public static class PlanPrinter
{
    public static string Print(PlanNode? node) => node switch
    {
        null => "0",
        FactorNode factor => factor.Factor.Tensor.Name,
        SharedNode shared => shared.Name,
        ContractionNode contraction => $"({Print(contraction.Left)} {Print(contraction.Right)})",
        _ => throw new InvalidOperationException(node.ToString()),
    };

    /// <summary>The chosen order of each term with its cost, and those that begin differently with theirs.</summary>
    public static IEnumerable<string> Print(TermPlan plan, int alternatives)
    {
        yield return $"{Print(plan.Root)}  cost {Quantity(plan.Cost)}";
        foreach ((PlanNode root, double cost) in plan.Alternatives.Take(alternatives))
        {
            yield return $"  not {Print(root)}: {Ratio(cost / plan.Cost)} times the cost{(Reason(plan.Root!, root) is { Length: > 0 } reason ? $", {reason}" : "")}";
        }
    }

    /// <summary>Why another order costs more, as a clause; empty where nothing stands out.</summary>
    public static string Reason(PlanNode chosen, PlanNode other)
    {
        ContractionNode? merged = TermPlan.Contractions(other).FirstOrDefault(node => !node.PerRow);
        double widest = Widest(other);
        return merged is not null && !TermPlan.Contractions(chosen).Any(node => !node.PerRow)
            ? $"it multiplies out {Print(merged)}"
            : widest > Widest(chosen) ? $"its widest intermediate has {Quantity(widest)} elements" : "";
    }

    private static double Widest(PlanNode node) => TermPlan.Contractions(node)
        .Select(contraction => contraction.Indices.Aggregate(1.0, (product, index) => product * index.Extent))
        .DefaultIfEmpty(0)
        .Max();

    /// <summary>A count with three digits and a unit: 131 k, 2.10 M.</summary>
    public static string Quantity(double value)
    {
        (double scaled, string unit) = value switch
        {
            >= 1e9 => (value / 1e9, " G"),
            >= 1e6 => (value / 1e6, " M"),
            >= 1e4 => (value / 1e3, " k"),
            _ => (value, ""),
        };
        return scaled.ToString(unit.Length == 0 ? "0" : "G3", CultureInfo.InvariantCulture) + unit;
    }

    public static string Ratio(double value) => value.ToString(value < 10 ? "0.00" : "0", CultureInfo.InvariantCulture);
}
