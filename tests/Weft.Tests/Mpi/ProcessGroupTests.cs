using Weft.Mpi;
using Weft.Tests.Runtime;

namespace Weft.Tests.Mpi;

/// <summary>What ranks do together; each is a process that enters this assembly, see <see cref="Formulas.InstructionSetTests"/>.</summary>
public class ProcessGroupTests
{
    /// <summary>The argument that leads to <see cref="Run"/>.</summary>
    public const string Argument = "ranks";

    private const string Assembly = "Weft.Tests.dll";

    [RanksFact]
    public async Task MeansOfAllRowsAreEverywhere()
    {
        (int exitCode, string output) = await Ranks.RunAsync(4, Assembly, Argument, nameof(Means));

        Assert.True(exitCode == 0, output);
        Assert.Equal(
            ["0: (0, 2) 1.75 [1.75 17.5] [5 6]", "1: (2, 3) 1.75 [1.75 17.5] [5 6]", "2: (5, 2) 1.75 [1.75 17.5] [5 6]", "3: (7, 3) 1.75 [1.75 17.5] [5 6]"],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [RanksFact]
    public async Task GradientsOfOtherLengths_EndAllRanks()
    {
        (int exitCode, string output) = await Ranks.RunAsync(2, Assembly, Argument, nameof(Lengths));

        Assert.NotEqual(0, exitCode);
        Assert.Matches("Rank 1 has 4 numbers and rank 0 3|Rank 0 has 3 numbers and rank 1 4", output); // the first to say so ends the other
    }

    [RanksFact]
    public async Task AnExceptionOfOneRank_EndsThoseThatWait()
    {
        (int exitCode, string output) = await Ranks.RunAsync(4, Assembly, Argument, nameof(Fault));

        Assert.NotEqual(0, exitCode);
        Assert.Contains("Rank 2 of 4 failed, which ends all: System.NullReferenceException", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Rank 2 is past", output, StringComparison.Ordinal);
    }

    /// <summary>What one rank does.</summary>
    internal static int Run(string what)
    {
        ProcessGroup.Run(what switch
        {
            nameof(Means) => Means,
            nameof(Lengths) => Lengths,
            nameof(Fault) => Fault,
            _ => throw new ArgumentException($"There is no '{what}'."),
        });
        return 0;
    }

    /// <summary>Rank 3 has no rows, and nonsense in their place; the mean of 1, 2 and 2 with the weights 1, 2 and 1 is 7/4.</summary>
    private static void Means(ProcessGroup group)
    {
        double[] losses = [1, 2, 2, double.NaN], weights = [1, 2, 1, 0];
        double[] gradient = [losses[group.Rank], 10 * losses[group.Rank]];
        double loss = group.Average<double>(gradient, losses[group.Rank], weights[group.Rank]);

        using var map = new SignedDense<float>(1, 2);
        using (ParameterEdit<float> edit = map.Edit())
        {
            edit.All[0] = 5 + group.Rank;
            edit.All[1] = 6 + group.Rank;
        }

        group.Broadcast(map);
        Console.WriteLine(FormattableString.Invariant($"{group.Rank}: {group.Part(10)} {loss} [{gradient[0]} {gradient[1]}] [{map.Parameters[0]} {map.Parameters[1]}]"));
    }

    private static void Lengths(ProcessGroup group) => group.Average<float>(new float[3 + group.Rank], 0, 1);

    private static void Fault(ProcessGroup group)
    {
        float[]? gradient = group.Rank == 2 ? null : [1];
        group.Average<float>(gradient, 0, gradient!.Length);
        Console.WriteLine($"Rank {group.Rank} is past");
    }
}
