using Weft.Fitting;

namespace Weft.Tests.Fitting;

public class RankChoiceTests
{
    /// <summary>No other choice of ranks that fits leaves less, but for one rank; all choices for three small spectra are tried.</summary>
    [Fact]
    public void ABudget_GoesWhereItTakesMostAway()
    {
        var random = new Random(5);
        for (int trial = 0; trial < 50; trial++)
        {
            double[][] spectra = [.. Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, 5).Select(_ => Math.Exp(-4 * random.NextDouble())).OrderDescending().ToArray())];
            double[] costs = [.. Enumerable.Range(0, 3).Select(_ => (double)random.Next(1, 5))];
            double budget = random.Next(0, 30);

            int[] ranks = RankChoice.ByBudget(spectra, costs, budget);

            Assert.InRange(ranks.Zip(costs, (rank, cost) => rank * cost).Sum(), 0, budget);
            double least = double.PositiveInfinity, left = Left(ranks);
            for (int choice = 0; choice < 6 * 6 * 6; choice++)
            {
                int[] other = [choice % 6, choice / 6 % 6, choice / 36];
                least = other.Zip(costs, (rank, cost) => rank * cost).Sum() <= budget ? Math.Min(least, Left(other)) : least;
            }

            double oneRank = spectra.Zip(ranks, (values, rank) => rank < 5 ? values[rank] * values[rank] : 0).Max() * 4;
            Assert.InRange(left, least - 1e-12, least + oneRank);

            double Left(int[] of) => spectra.Zip(of, (values, rank) => values.Skip(rank).Sum(value => value * value)).Sum();
        }

        Assert.Equal([2, 0], RankChoice.ByBudget([[3, 2, 0], [1]], [10, 10], 29));
        Assert.Throws<ArgumentException>(() => RankChoice.ByBudget([[1, 2]], [1], 1));
        Assert.Throws<ArgumentException>(() => RankChoice.ByBudget([[1]], [1, 1], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RankChoice.ByBudget([[1]], [0], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RankChoice.ByBudget([[1]], [1], double.NaN));
    }

    [Fact]
    public void EnergyIsTheSumOfSquares()
    {
        Assert.Equal([0, 1, 1, 2, 3], new[] { 0, 0.5, 16.0 / 21, 0.8, 1 }.Select(share => RankChoice.ByEnergy([4, 2, 1, 0], share)));
        Assert.Throws<ArgumentOutOfRangeException>(() => RankChoice.ByEnergy([1], 1.1));
        Assert.Throws<ArgumentException>(() => RankChoice.ByEnergy([1, double.NaN], 0.5));
    }

    /// <summary>What a rank leaves is what the fit leaves, with samples too.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatARankLeaves_IsWhatTheFitLeaves(bool hasSamples)
    {
        double[] matrix = [.. Formulas.Numbers.Normal(new Random(1), 7 * 5)], samples = hasSamples ? [.. Formulas.Numbers.Normal(new Random(2), 9 * 5).Select((value, i) => value * (1 + (i % 5)))] : [];
        double[] values = RankChoice.SingularValues<double>(matrix, 5, samples);
        using var map = new CompiledMap<double>("low_rank(7, 5, 2)");

        FitReport report = map.Map.Approximate<double>(matrix, samples, new FitOptions { Tolerance = 1e-12, StepLimit = 300 });

        Assert.Equal(5, values.Length);
        Assert.Equal(Math.Sqrt(values.Skip(2).Sum(value => value * value) / values.Sum(value => value * value)), report.RelativeError, 1e-8);
        Assert.Throws<ArgumentException>(() => RankChoice.SingularValues<double>(matrix, 4));
    }
}
