using Weft.Tests.Mpi;

namespace Weft.Tests.Examples;

/// <summary>The example of several processes: however many there are, it is the same training.</summary>
public sealed class DistributedTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft").FullName;

    /// <summary>250 rows are 125 for each of two ranks, and 62 or 63 for each of four; a checkpoint of two is gone on from by four.</summary>
    [RanksFact]
    public async Task RanksTrainAsOneProcessDoes()
    {
        string one = Path.Combine(_folder, "one"), two = Path.Combine(_folder, "two"), again = Path.Combine(_folder, "again");
        await Run(1, one, 20);
        await Run(2, two, 10);
        await Run(2, again, 10);
        Assert.Equal(await File.ReadAllBytesAsync(two), await File.ReadAllBytesAsync(again));

        string output = await Run(4, two, 20);

        Assert.Contains("Processes: 4, steps 10 to 20", output, StringComparison.Ordinal);
        (float[] expected, float[] actual) = (Parameters(one), Parameters(two));
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        Assert.Contains(expected.Zip(Parameters(again)), pair => Math.Abs(pair.First - pair.Second) > 1e-3f); // ten steps are more than that
    }

    [RanksFact]
    public async Task ACheckpointThatCannotBeWritten_EndsAllRanks()
    {
        string path = Path.Combine(_folder, "nowhere", "checkpoint");
        (int exitCode, string output) = await Ranks.RunAsync(2, "distributed.dll", "--steps", "20", "--checkpoint", path);

        Assert.NotEqual(0, exitCode);
        Assert.Contains("Rank 0 of 2 failed", output, StringComparison.Ordinal);
        Assert.Contains("nowhere", output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<string> Run(int ranks, string checkpoint, int steps)
    {
        (int exitCode, string output) = await Ranks.RunAsync(ranks, "distributed.dll", "--steps", $"{steps}", "--checkpoint", checkpoint);
        Assert.True(exitCode == 0, output);
        return output;
    }

    private static float[] Parameters(string checkpoint)
    {
        using var map = new Weft.Examples.Distributed.Tones();
        Checkpoint.Load(checkpoint, map, new Sgd<float>(learningRate: 0, momentum: 0.9));
        return [.. map.Parameters];
    }
}
