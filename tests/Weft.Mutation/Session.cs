using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Weft.Mutation;

/// <summary>Makes mutants, has them checked one after the other in a process of their own, and writes the report.</summary>
internal sealed class Session(string project, IReadOnlyList<string> folders, int count, int seed)
{
    /// <summary>What starts <c>Weft.Tests</c> as the process that checks mutants.</summary>
    public const string Argument = "mutants";

    private const double Enough = 0.9;

    private readonly string _tests = Path.GetFullPath(Path.Combine("tests", "Weft.Tests", "bin", "Release", "net10.0"));
    private readonly Dictionary<int, string> _verdicts = [];

    /// <returns>0 where nine in ten are killed.</returns>
    public int Run(string output)
    {
        project = Path.GetFullPath(project);
        string name = Path.GetFileNameWithoutExtension(Directory.GetFiles(project, "*.csproj").Single());
        string work = Directory.CreateTempSubdirectory("weft-mutants").FullName;
        try
        {
            foreach (string file in Directory.GetFiles(_tests, "*", SearchOption.AllDirectories))
            {
                string copy = Path.Combine(work, Path.GetRelativePath(_tests, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            MutatedAssembly assembly = MutatedAssembly.Create(
                project, Path.Combine(_tests, name + ".dll"), folders, count, seed, Path.Combine(work, name + ".dll"));
            Console.WriteLine($"{assembly.Mutants.Count} mutants of {name}");
            var rest = new Queue<int>(assembly.Mutants.Keys.Order());
            while (rest.Count > 0)
            {
                Check(work, name, rest, () => Report(assembly, output));
            }

            return Report(assembly, output) >= Enough ? 0 : 1;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Checks mutants until none is left, or one ends the process or does not end itself.</summary>
    private void Check(string work, string name, Queue<int> rest, Action done)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = work,
            ArgumentList = { "exec", Path.Combine(work, "Weft.Tests.dll"), Argument, name },
        };

        // A mutant that allocates without end is stopped before the machine is.
        start.Environment["DOTNET_GCHeapHardLimit"] = "C0000000";
        start.Environment["DOTNET_TieredPGO"] = "0";
        using Process process = Process.Start(start)!;
        process.BeginErrorReadLine();
        Console.WriteLine(process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The checks do not pass without a mutant."));
        string? verdict = "";
        while (verdict is not null && rest.TryDequeue(out int number))
        {
            process.StandardInput.WriteLine(number);
            process.StandardInput.Flush();
            verdict = process.StandardOutput.ReadLine();
            _verdicts[number] = verdict ?? "killed\tit does not end, or ends the process";
            done();
        }

        process.StandardInput.Close();
        process.WaitForExit();
    }

    private double Report(MutatedAssembly assembly, string output)
    {
        var text = new StringBuilder("| Folder | Places | Tried | Do not compile | Killed | Survived |\n|---|---|---|---|---|---|\n");
        foreach (string folder in folders)
        {
            string[] verdicts = [.. _verdicts.Where(pair => assembly.Folders[pair.Key] == folder).Select(pair => pair.Value)];
            int killed = verdicts.Count(IsKilled);
            text.Append(CultureInfo.InvariantCulture,
                $"| {folder} | {assembly.Places[folder]} | {verdicts.Length} | {assembly.Refused[folder]} | {killed} ({(double)killed / Math.Max(1, verdicts.Length):P0}) | {verdicts.Length - killed} |\n");
        }

        foreach (bool killed in new[] { false, true })
        {
            text.Append(killed ? "\nKilled:\n\n" : "\nSurvived:\n\n");
            foreach ((int number, string verdict) in _verdicts.Where(pair => IsKilled(pair.Value) == killed).OrderBy(pair => pair.Key))
            {
                Mutant mutant = assembly.Mutants[number];
                text.Append(CultureInfo.InvariantCulture, $"- {assembly.Folders[number]}/{mutant.Place}: `{mutant.Before}` -> `{mutant.After}`: {verdict.Replace('\t', ' ')}\n");
            }
        }

        File.WriteAllText(output, text.ToString());
        return (double)_verdicts.Values.Count(IsKilled) / _verdicts.Count;
    }

    private static bool IsKilled(string verdict) => verdict.StartsWith("killed", StringComparison.Ordinal);
}
