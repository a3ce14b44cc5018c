using System.Text.Json;
using System.Text.RegularExpressions;
using Weft.Compiler.Binding;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;
using Weft.Tests.Architecture;

namespace Weft.Tests.LanguageServer;

/// <summary>The grammar of the extension, which colours texts before the server answers: held against the language's tables, and the library.</summary>
public partial class GrammarTests
{
    private static readonly JsonElement Grammar = JsonDocument.Parse(File.ReadAllText(
        Path.Combine(ArchitectureTests.Root, "runtime", "Weft.LanguageServer", "vscode", "weft.tmLanguage.json"))).RootElement;

    private static readonly Dictionary<string, (Regex Match, JsonElement Rule)> Rules = Grammar.GetProperty("repository").EnumerateObject()
        .ToDictionary(rule => rule.Name, rule => (new Regex(rule.Value.GetProperty("match").GetString()!), rule.Value));

    [Fact]
    public void Words_AreThoseOfTheLanguage()
    {
        AssertWords(Words.Symbols.Where(symbol => symbol.Kind == SymbolKind.Function).Select(symbol => symbol.Name).Except(Words.Links), "function");
        AssertWords(Words.Links, "link");
        AssertWords(Words.Symbols.Where(symbol => symbol.Kind == SymbolKind.Number).Select(symbol => symbol.Name), "constant");
        AssertWords(Words.Repetitions, "repetition");
        AssertWords(Words.Operators, "word", "rate");
        AssertWords(Words.DistributionSymbols.Select(symbol => symbol.Name), "distribution");
        AssertWords([.. Words.FormatSymbols.Select(symbol => symbol.Name), "param", "frozen"], "format");
        AssertWords(Words.PropertySymbols.Select(symbol => symbol.Name), "property");
        AssertWords(Words.Statements, "declaration", "clause");
    }

    /// <summary>The library's words have the colours that the compiler gives them.</summary>
    [Fact]
    public void TheLibrary_IsColouredAsTheCompilerReadsIt()
    {
        var wrong = new List<string>();
        foreach (ParsedFile file in StandardLibrary.Files)
        {
            Dictionary<int, string> scopes = Scopes(file.Source.Text);
            foreach (Piece piece in Classifier.Classify(file, SymbolTable.Of([])))
            {
                string? expected = piece.Kind switch
                {
                    PieceKind.Comment => "comment.",
                    PieceKind.Number => "constant.numeric.",
                    PieceKind.Keyword => "keyword. storage.",
                    PieceKind.Operator => piece.Span.Length == 1 && file.Source.Text[piece.Span.Start] == ':' ? null : "keyword.operator.",
                    PieceKind.Name when piece.Symbol is { IsDeclaration: true, Symbol.IsDeclaration: true } => "entity.name.function.",
                    PieceKind.Name when piece.Symbol?.Symbol.Kind == SymbolKind.Distribution => "support.constant.distribution.",
                    PieceKind.Name when piece.Symbol?.Symbol is { Source: null, Kind: SymbolKind.Function or SymbolKind.Link } => "support.function. keyword.control.",
                    _ => null,
                };
                string found = scopes.GetValueOrDefault(piece.Span.Start, "");
                if (expected is not null && !expected.Split(' ').Any(start => found.StartsWith(start, StringComparison.Ordinal)))
                {
                    wrong.Add($"{file.Source.Path}({file.Source.PositionAt(piece.Span.Start).Line + 1}): {file.Source.Slice(piece.Span)} is '{found}'");
                }
            }
        }

        Assert.Empty(wrong);
    }

    /// <summary>The manifest of the extension names files that are there, and the version of everything else.</summary>
    [Fact]
    public void TheExtension_IsComplete()
    {
        string folder = Path.Combine(ArchitectureTests.Root, "runtime", "Weft.LanguageServer", "vscode");
        JsonElement manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "package.json"))).RootElement;
        JsonElement contributes = manifest.GetProperty("contributes");
        string?[] files =
        [
            manifest.GetProperty("main").GetString(),
            contributes.GetProperty("languages")[0].GetProperty("configuration").GetString(),
            contributes.GetProperty("grammars")[0].GetProperty("path").GetString(),
        ];
        Assert.All(files, file => Assert.True(File.Exists(Path.Combine(folder, file!)), file));
        Assert.Equal(Grammar.GetProperty("scopeName").GetString(), contributes.GetProperty("grammars")[0].GetProperty("scopeName").GetString());
        Assert.Equal(typeof(Weft.LanguageServer.Server).Assembly.GetName().Version!.ToString(3), manifest.GetProperty("version").GetString());
    }

    private static void AssertWords(IEnumerable<string> expected, params string[] rules) => Assert.Equal(
        expected.Order(StringComparer.Ordinal),
        rules.SelectMany(rule => Word().Matches(Rules[rule].Rule.GetProperty("match").GetString()!).Select(match => match.Value)).Distinct().Order(StringComparer.Ordinal));

    /// <summary>The scope at each place where one starts, line by line: the first place that a rule matches, and of several there the first rule.</summary>
    private static Dictionary<int, string> Scopes(string text)
    {
        string[] order = [.. Grammar.GetProperty("patterns").EnumerateArray().Select(pattern => pattern.GetProperty("include").GetString()!.TrimStart('#'))];
        var scopes = new Dictionary<int, string>();
        int start = 0;
        foreach (string line in text.Split('\n'))
        {
            int place = 0;
            while (order
                .Select(name => (Rules[name].Rule, Match: Rules[name].Match.Match(line, place)))
                .Where(rule => rule.Match is { Success: true, Length: > 0 })
                .OrderBy(rule => rule.Match.Index)
                .FirstOrDefault() is { Match: { } match } found)
            {
                if (found.Rule.TryGetProperty("name", out JsonElement name))
                {
                    scopes[start + match.Index + match.Value.Length - match.Value.TrimStart().Length] = name.GetString()!;
                }

                foreach (JsonProperty capture in found.Rule.TryGetProperty("captures", out JsonElement captures) ? captures.EnumerateObject() : default)
                {
                    Group group = match.Groups[int.Parse(capture.Name, System.Globalization.CultureInfo.InvariantCulture)];
                    if (group.Success)
                    {
                        scopes[start + group.Index] = capture.Value.GetProperty("name").GetString()!;
                    }
                }

                place = match.Index + match.Length;
            }

            start += line.Length + 1;
        }

        return scopes;
    }

    /// <summary>A word of an alternation, not of a class of characters or a bracket of another kind.</summary>
    [GeneratedRegex(@"(?<![\\\w{])[a-z][a-z0-9_]+(?![\w}])")]
    private static partial Regex Word();
}
