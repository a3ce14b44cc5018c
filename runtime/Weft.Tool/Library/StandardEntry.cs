using System.Text.RegularExpressions;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tool.Library;

/// <summary>An operator or a layer of the standard library, and what its file says of it.</summary>
internal sealed partial record StandardEntry(ParsedFile File, MapSyntax Map)
{
    public string Name => Map.Name.Text;

    /// <summary>What its file holds: <c>low rank</c>.</summary>
    public string Family => Path.GetFileNameWithoutExtension(File.Source.Path).Replace('_', ' ');

    /// <summary><c>operator monarch(n, b) : n -> n</c>.</summary>
    public string Signature => File.Source.Slice(TextSpan.FromBounds(Map.Span.Start, Map.Outputs!.Span.End));

    /// <summary>It with sizes at which it shows what it is: <c>monarch(64, 8)</c>.</summary>
    public string Example => ExamplePart().Match(Map.Documentation).Groups[1].Value;

    /// <summary>All that is written about it.</summary>
    public string Documentation => Whitespace().Replace(Map.Documentation, " ").Trim();

    /// <summary>All of that but its paper and its example.</summary>
    public string Description => PaperPart().Replace(Whitespace().Replace(ExamplePart().Replace(Map.Documentation, ""), " ").Trim(), "", 1);

    /// <summary>The first sentence of that, without its paper.</summary>
    public string Summary => PaperPart().Replace(Sentence().Match(Documentation).Value, "", 1).TrimEnd('.', ':');

    /// <summary>The first paper that it names; empty where it names none.</summary>
    public string Paper => PaperPart().Match(Documentation).Groups[1].Value;

    /// <summary>Its text in Weft, with what is written about it.</summary>
    public string Text
    {
        get
        {
            string[] before = File.Source.Text[..Map.Span.Start].Split('\n');
            IEnumerable<string> comment = before.SkipLast(1).Reverse().TakeWhile(line => line.StartsWith("///", StringComparison.Ordinal)).Reverse();
            return string.Join('\n', comment.Append(File.Source.Slice(Map.Span)));
        }
    }

    [GeneratedRegex(@"^Example: (.+)\.$", RegexOptions.Multiline)]
    private static partial Regex ExamplePart();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();

    /// <summary>Up to a full stop before a capital, or to the end.</summary>
    [GeneratedRegex(@"^.*?(?:\.(?=\s+\p{Lu})|$)", RegexOptions.Singleline)]
    private static partial Regex Sentence();

    /// <summary>A parenthesis with a year in it, and the title in quotes that may follow.</summary>
    [GeneratedRegex("""\s?\(([^()]*\b(?:1[89]|20)\d\d\b(?:[^()"]|"[^"]*")*)\)""")]
    private static partial Regex PaperPart();
}
