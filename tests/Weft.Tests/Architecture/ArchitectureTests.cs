using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Weft.Tests.Architecture;

/// <summary>docs/architecture.md lists the compiler's folders so that each knows those above it only; the sources are held to that.</summary>
public partial class ArchitectureTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(ThisFolder(), "..", "..", ".."));

    private static readonly string[] Folders =
    [
        .. Row().Matches(File.ReadAllText(Path.Combine(Root, "docs", "architecture.md")).Split("## ")[1]).Select(match => match.Groups[1].Value),
    ];

    [Fact]
    public void EveryFolderIsListed() => Assert.Equal(
        Directory.GetDirectories(Path.Combine(Root, "compiler")).Select(Path.GetFileName).Except(["bin", "obj"]).Order(StringComparer.Ordinal),
        Folders.Order(StringComparer.Ordinal));

    [Fact]
    public void ArrowsPointOneWay()
    {
        var wrong = new List<string>();
        for (int k = 0; k < Folders.Length; k++)
        {
            string[] below = [.. Folders.Skip(k + 1)];
            foreach (string file in Directory.GetFiles(Path.Combine(Root, "compiler", Folders[k]), "*.cs", SearchOption.AllDirectories))
            {
                string text = Comment().Replace(File.ReadAllText(file), "");
                Assert.Matches($@"namespace (Weft\.Compiler\.{Folders[k]}|System[\w.]*);", text);
                wrong.AddRange(Reference().Matches(text).Select(match => match.Groups[1].Value).Where(below.Contains).Distinct().Select(folder => $"{Folders[k]}/{Path.GetFileName(file)} knows {folder}"));

                // The doors are above all folders.
                wrong.AddRange(Door().Matches(text).Select(match => $"{Folders[k]}/{Path.GetFileName(file)} knows {match.Value}"));
            }
        }

        Assert.Empty(wrong);
    }

    private static string ThisFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    [GeneratedRegex(@"^\| `(\w+)` \| ", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("//.*|\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Comment();

    /// <summary>A using, or the first part of a qualified name inside the namespace.</summary>
    [GeneratedRegex(@"(?:using (?:static |\w+ = )?Weft\.Compiler\.|(?<![\w.])(?:Weft\.)?Compiler\.|(?<![\w.])(?=[A-Z]\w+\.[A-Z]))(\w+)")]
    private static partial Regex Reference();

    [GeneratedRegex(@"\b(?:ModuleCompiler|WeftCompiler)\b")]
    private static partial Regex Door();
}
