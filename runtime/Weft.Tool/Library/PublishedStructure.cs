using System.Text.RegularExpressions;
using Weft.LanguageServer;

namespace Weft.Tool.Library;

/// <summary>A structure of the literature, as the specification's tables have it.</summary>
/// <param name="Id"><c>T1-01</c>.</param>
/// <param name="Name">What it is called.</param>
/// <param name="Paper">Author and year, in short; empty where none is told.</param>
/// <param name="Group">The table that it is in.</param>
/// <param name="Use">What the structures of that table are for.</param>
/// <param name="Means">What it is made by means of, in Markdown.</param>
/// <param name="State">What of the paper is not there, or is this library's choice; empty where nothing is to be said.</param>
/// <param name="Entries">What the library has of it, the main one first.</param>
internal sealed partial record PublishedStructure(
    string Id, string Name, string Paper, string Group, string Use, string Means, string State, IReadOnlyList<StandardEntry> Entries)
{
    /// <summary>All of them, in the order of the tables.</summary>
    public static IReadOnlyList<PublishedStructure> All { get; } = [.. Specification.Rows.Where(row => row.Table == "Id" && Number().IsMatch(row.Cells[0])).Select(Of)];

    /// <summary>A name for its files: <c>monarch</c>.</summary>
    public string FileName => Word().Replace(Name.Replace('²', '2').ToLowerInvariant(), "-").Trim('-');

    private static PublishedStructure Of(SpecificationRow row)
    {
        Match name = NameAndPaper().Match(row.Cells[1]);
        return new PublishedStructure(
            row.Cells[0],
            name.Groups[1].Value,
            name.Groups[2].Value,
            row.Section,
            Specification.WithoutLinks(row.Introduction),
            row.Cells[4],
            row.Cells[5],
            [.. Code().Matches(row.Cells[2]).SelectMany(code => Named(code.Groups[1].Value)).Distinct()]);
    }

    /// <summary>The library's declarations of a name, in which … stands for any part.</summary>
    private static IEnumerable<StandardEntry> Named(string name)
    {
        string pattern = $"^{Regex.Escape(name).Replace("…", "\\w+", StringComparison.Ordinal)}$";
        return StandardEntries.All.Where(entry => Regex.IsMatch(entry.Name, pattern));
    }

    [GeneratedRegex(@"^T1-\d+$")]
    private static partial Regex Number();

    [GeneratedRegex(@"^(.*?)(?: \(([^()]*\d{4})\))?$")]
    private static partial Regex NameAndPaper();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex Word();
}
