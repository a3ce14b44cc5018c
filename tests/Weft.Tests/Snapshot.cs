using System.Runtime.CompilerServices;

namespace Weft.Tests;

/// <summary>
/// Holds a text against a file, with Verify's conventions: <c>snapshots/Class.Name.verified.txt</c> beside the test is what
/// it should be, <c>.received.txt</c> is written when it is something else. UPDATE_SNAPSHOTS=1 accepts what is received.
/// </summary>
internal static class Snapshot
{
    /// <param name="text">What the test made. Line ends do not matter.</param>
    /// <param name="testFile">The test's file: names the folder and the class.</param>
    /// <param name="name">The test's method, or what distinguishes this snapshot from the test's others.</param>
    public static void Match(string text, [CallerFilePath] string testFile = "", [CallerMemberName] string name = "")
    {
        string folder = Path.Combine(Path.GetDirectoryName(testFile)!, "snapshots");
        string stem = Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(testFile)}.{name}");
        string verifiedPath = stem + ".verified.txt";
        string receivedPath = stem + ".received.txt";

        string received = Normalize(text);
        string? verified = File.Exists(verifiedPath) ? Normalize(File.ReadAllText(verifiedPath)) : null;
        if (received == verified)
        {
            File.Delete(receivedPath);
            return;
        }

        Directory.CreateDirectory(folder);
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            File.Delete(receivedPath);
            File.WriteAllText(verifiedPath, received);
            return;
        }

        File.WriteAllText(receivedPath, received);
        Assert.Fail(verified is null
            ? $"There is no {verifiedPath}. UPDATE_SNAPSHOTS=1 accepts {receivedPath}."
            : $"{verifiedPath} differs {FirstDifference(verified, received)}");
    }

    private static string Normalize(string text) => text.Replace("\r\n", "\n", StringComparison.Ordinal).TrimEnd('\n') + "\n";

    private static string FirstDifference(string verified, string received)
    {
        string[] expected = verified.Split('\n');
        string[] actual = received.Split('\n');
        int line = 0;
        while (line < expected.Length && line < actual.Length && expected[line] == actual[line])
        {
            line++;
        }

        return $"in line {line + 1}:\n- {expected.ElementAtOrDefault(line)}\n+ {actual.ElementAtOrDefault(line)}";
    }
}
