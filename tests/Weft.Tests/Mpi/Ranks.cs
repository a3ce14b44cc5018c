using System.Diagnostics;

namespace Weft.Tests.Mpi;

/// <summary>Runs a program of the tests' folder on several ranks of this machine.</summary>
internal static class Ranks
{
    private static readonly string? s_launcher = (
        from name in new[] { "mpiexec.mpich", "mpiexec.hydra" }
        from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        select Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Why there are no ranks, or null.</summary>
    public static string? Missing { get; } = s_launcher is null ? "There is no mpiexec.mpich or mpiexec.hydra: MPICH is not installed." : null;

    /// <summary>Fails where the program has not ended after a minute.</summary>
    /// <returns>The exit code, and what all ranks have written.</returns>
    public static async Task<(int ExitCode, string Output)> RunAsync(int ranks, string assembly, params string[] arguments)
    {
        var start = new ProcessStartInfo(s_launcher!, ["-n", $"{ranks}", Environment.ProcessPath!, "exec", Path.Combine(AppContext.BaseDirectory, assembly), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{assembly} hangs: {await output}{await errors}");
        }

        return (process.ExitCode, await output + await errors);
    }
}

/// <summary>A test that needs MPICH's mpiexec: skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RanksFactAttribute : FactAttribute
{
    public RanksFactAttribute() => Skip = Ranks.Missing;
}
