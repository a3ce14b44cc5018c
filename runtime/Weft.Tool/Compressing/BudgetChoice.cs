namespace Weft.Tool.Compressing;

/// <summary>One option for each of many layers, so that all cost no more than a budget and the sum of their losses is least: a knapsack with choices (Sinha and Zoltners 1979).</summary>
internal static class BudgetChoice
{
    /// <summary>Costs are rounded up to so many parts of the budget, where it is more than these.</summary>
    private const int Parts = 20000;

    /// <summary>Chooses.</summary>
    /// <param name="options">The cost and the loss of each option of each layer.</param>
    /// <param name="budget">What all may cost together.</param>
    /// <returns>The number of each layer's option; null where even the cheapest are too much.</returns>
    public static int[]? Choose(IReadOnlyList<IReadOnlyList<(long Cost, double Loss)>> options, long budget)
    {
        if (options.Sum(choices => choices.Min(choice => choice.Cost)) > budget)
        {
            return null;
        }

        // best[p] is the least loss of the layers so far with p parts. What all cost at least needs no rounding: the parts are those of the rest.
        long[] least = [.. options.Select(choices => choices.Min(choice => choice.Cost))];
        long room = budget - least.Sum();
        int parts = (int)Math.Min(Parts, room);
        double part = parts == 0 ? 1 : (double)room / parts;
        double[] best = new double[parts + 1];
        var taken = new List<int[]>();
        for (int k = 0; k < options.Count; k++)
        {
            double[] next = new double[parts + 1];
            int[] from = new int[parts + 1];
            Array.Fill(next, double.PositiveInfinity);
            for (int c = 0; c < options[k].Count; c++)
            {
                (long cost, double loss) = options[k][c];
                double rounded = Math.Ceiling((cost - least[k]) / part);
                for (int p = rounded > parts ? parts + 1 : (int)rounded; p <= parts; p++)
                {
                    double sum = best[p - (int)rounded] + loss;
                    if (sum < next[p])
                    {
                        (next[p], from[p]) = (sum, c);
                    }
                }
            }

            best = next;
            taken.Add(from);
        }

        int[] chosen = new int[options.Count];
        for (int k = options.Count - 1, p = parts; k >= 0; k--)
        {
            chosen[k] = taken[k][p];
            p -= (int)Math.Ceiling((options[k][chosen[k]].Cost - least[k]) / part);
        }

        return chosen;
    }
}
