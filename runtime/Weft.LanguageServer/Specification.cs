using System.Text.RegularExpressions;
using Weft.Compiler.Editing;

namespace Weft.LanguageServer;

/// <summary>A row of a table of SPEC.md, or an entry of its list of links, which is a row of a table without a head.</summary>
/// <param name="Section">The heading above it.</param>
/// <param name="Introduction">The paragraph under that heading.</param>
/// <param name="Table">The head of the table's first column.</param>
/// <param name="Cells">What it says, in Markdown.</param>
public sealed record SpecificationRow(string Section, string Introduction, string Table, IReadOnlyList<string> Cells);

/// <summary>What SPEC.md says of the language's own names, its library and its diagnostics.</summary>
public static partial class Specification
{
    private static readonly Lazy<IReadOnlyList<SpecificationRow>> s_rows = new(() => [.. Read()]);
    private static readonly Lazy<Dictionary<(string Table, string Name), string>> s_texts = new(Texts);

    /// <summary>The rows of all of its tables, in their order.</summary>
    public static IReadOnlyList<SpecificationRow> Rows => s_rows.Value;

    /// <summary>A text without its links to other parts of SPEC.md.</summary>
    public static string WithoutLinks(string text) => Link().Replace(text, "$1");

    /// <summary>What a function, a link, a distribution, a format or a property does; null for anything else.</summary>
    internal static string? Of(Symbol symbol) => symbol.Kind switch
    {
        SymbolKind.Function => string.Join("\n\n", new[] { Find("Function", symbol.Name), Find("Activation", symbol.Name) }.OfType<string>()),
        SymbolKind.Link => Find("Activation", symbol.Name) ?? Find("", symbol.Name),
        SymbolKind.Distribution => Find("Distribution", symbol.Name),
        SymbolKind.Format => Find("Format", symbol.Name),
        SymbolKind.Property => Find("Property", symbol.Name),
        _ => null,
    };

    /// <summary>What a word before a counter does, where the list of links says it.</summary>
    internal static string? OfRepetition(string word) => Find("", word);

    private static string? Find(string table, string name) => s_texts.Value.GetValueOrDefault((table, name));

    private static Dictionary<(string, string), string> Texts()
    {
        var texts = new Dictionary<(string, string), string>();
        foreach (SpecificationRow row in Rows)
        {
            string text = WithoutLinks(string.Join("\n\n", row.Cells.Skip(1).Where(cell => cell.Length > 0)));
            foreach (Match name in Code().Matches(row.Cells[0]))
            {
                texts.TryAdd((row.Table, name.Groups[1].Value), text);
            }
        }

        return texts;
    }

    private static IEnumerable<SpecificationRow> Read()
    {
        using var reader = new StreamReader(typeof(Specification).Assembly.GetManifestResourceStream("SPEC.md")!);
        string section = "", introduction = "";
        bool isIntroduction = false;
        string? table = null;
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('|'))
            {
                table = null;
                if (line.StartsWith('#'))
                {
                    (section, introduction, isIntroduction) = (line.TrimStart('#', ' '), "", true);
                }
                else if (line.Length == 0)
                {
                    isIntroduction &= introduction.Length == 0;
                }
                else if (Bullet().Match(line) is { Success: true } bullet)
                {
                    isIntroduction = false;
                    yield return new SpecificationRow(section, introduction, "", [bullet.Groups[1].Value, bullet.Groups[2].Value]);
                }
                else if (isIntroduction)
                {
                    introduction += introduction.Length > 0 ? $" {line}" : line;
                }

                continue;
            }

            string[] cells = [.. Cell().Split(line.Trim('|')).Select(cell => cell.Trim().Replace("\\|", "|", StringComparison.Ordinal))];
            if (table is null)
            {
                table = cells[0];
            }
            else if (!cells[0].StartsWith("---", StringComparison.Ordinal))
            {
                yield return new SpecificationRow(section, introduction, table, cells);
            }
        }
    }

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Cell();

    [GeneratedRegex(@"^- ((?:`[^`]+`(?: and )?)+): (.*)$")]
    private static partial Regex Bullet();

    [GeneratedRegex(@"`(\w+)[^`]*`")]
    private static partial Regex Code();

    [GeneratedRegex(@"\[((?:[^\]`]|`[^`]*`)+)\]\(#[^)]*\)")]
    private static partial Regex Link();
}
