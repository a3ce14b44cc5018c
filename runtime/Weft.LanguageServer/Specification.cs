using System.Text.RegularExpressions;
using Weft.Compiler.Editing;

namespace Weft.LanguageServer;

/// <summary>What SPEC.md says of the language's own names: the rows of its tables, and its list of links.</summary>
internal static partial class Specification
{
    private static readonly Lazy<Dictionary<(string Table, string Name), string>> s_rows = new(Read);

    /// <summary>What a function, a link, a distribution or a format does; null for anything else.</summary>
    public static string? Of(Symbol symbol) => symbol.Kind switch
    {
        SymbolKind.Function => string.Join("\n\n", new[] { Find("Function", symbol.Name), Find("Activation", symbol.Name) }.OfType<string>()),
        SymbolKind.Link => Find("Activation", symbol.Name) ?? Find("", symbol.Name),
        SymbolKind.Distribution => Find("Distribution", symbol.Name),
        SymbolKind.Format => Find("Format", symbol.Name),
        _ => null,
    };

    /// <summary>What a word before a counter does, where the list of links says it.</summary>
    public static string? OfRepetition(string word) => Find("", word);

    private static string? Find(string table, string name) => s_rows.Value.GetValueOrDefault((table, name));

    private static Dictionary<(string, string), string> Read()
    {
        using var reader = new StreamReader(typeof(Specification).Assembly.GetManifestResourceStream("SPEC.md")!);
        var rows = new Dictionary<(string, string), string>();
        string[] heads = [];
        while (reader.ReadLine() is { } line)
        {
            string[] cells = line.StartsWith('|') ? [.. Cell().Split(line.Trim('|')).Select(cell => cell.Trim())] : [];
            if (cells.Length == 0)
            {
                heads = [];
                if (Bullet().Match(line) is { Success: true } bullet)
                {
                    Add("", bullet.Groups[1].Value, bullet.Groups[2].Value);
                }
            }
            else if (heads.Length == 0)
            {
                heads = cells;
            }
            else if (!cells[0].StartsWith("---", StringComparison.Ordinal))
            {
                Add(heads[0], cells[0], string.Join("\n\n", cells.Skip(1).Where(cell => cell.Length > 0)));
            }
        }

        return rows;

        void Add(string table, string names, string text)
        {
            foreach (Match name in Code().Matches(names))
            {
                rows.TryAdd((table, name.Groups[1].Value), Link().Replace(text, "$1").Replace("\\|", "|", StringComparison.Ordinal));
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
