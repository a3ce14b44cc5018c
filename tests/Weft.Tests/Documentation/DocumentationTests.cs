using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.Compiler;
using Weft.Compiler.Binding;
using Weft.Compiler.Rewriting;
using Weft.Compiler.Syntax;
using Weft.Generators;
using Weft.Tests.Binding;
using Weft.Tests.Generators;

namespace Weft.Tests.Documentation;

/// <summary>What README.md, SPEC.md and the pages of docs/ print is true.</summary>
public class DocumentationTests
{
    /// <summary>Every document, by its path in the repository. What the site's build makes is none.</summary>
    private static string[] Paths { get; } =
    [
        "README.md", "SPEC.md", "CHANGELOG.md",
        .. Directory.EnumerateFiles(Path.Combine(Root(), "docs"), "*.md", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root(), path).Replace('\\', '/'))
            .Where(path => path.Split('/')[1] is not ("bin" or "obj"))
            .Order(StringComparer.Ordinal),
    ];

    public static TheoryData<string> Documents => [.. Paths];

    /// <summary>Every block of Weft that is meant to be right.</summary>
    public static TheoryData<string, int, string> Texts
    {
        get
        {
            var data = new TheoryData<string, int, string>();
            foreach ((string document, Block block) in All("weft"))
            {
                data.Add(document, block.Line, block.Text);
            }

            return data;
        }
    }

    /// <summary>Every block that is meant to be wrong, with its diagnostic's id.</summary>
    public static TheoryData<string, int, string, string> WrongTexts => Wrong("weft-error");

    /// <summary>Every C# block that is meant to be wrong, likewise.</summary>
    public static TheoryData<string, int, string, string> WrongPrograms => Wrong("csharp-error");

    /// <summary>Every C# block, with the Weft block before it: the project's file.</summary>
    public static TheoryData<string, int, string, string> Programs
    {
        get
        {
            var data = new TheoryData<string, int, string, string>();
            foreach ((string document, Block block) in All("csharp"))
            {
                string file = All("weft").LastOrDefault(other => other.Document == document && other.Block.Line < block.Line).Block?.Text ?? "";
                data.Add(document, block.Line, block.Text, file);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void Weft_IsRight(string document, int line, string text)
    {
        IReadOnlyList<string> diagnostics = TestModules.Diagnostics(text);
        Assert.True(diagnostics.Count == 0, $"{document}({line}): {string.Join('\n', diagnostics)}");
    }

    [Theory]
    [MemberData(nameof(WrongTexts))]
    public void WrongWeft_GivesTheDiagnosticThatIsNamed(string document, int line, string text, string id)
    {
        string diagnostic = Assert.Single(TestModules.Diagnostics(text));
        Assert.Equal(id, diagnostic.Split(' ')[1]);

        // Where the text quotes the message, it is that message.
        string message = diagnostic.Split(' ', 3)[2];
        foreach (Match quoted in Regex.Matches(BlockAt(document, line).Before, @"(?<!\*)\*([^*]+)\*:"))
        {
            Assert.StartsWith(quoted.Groups[1].Value, message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void CSharp_Compiles(string document, int line, string program, string file)
    {
        GeneratorRun run = Run(program, file);
        IEnumerable<Diagnostic> mistakes = run.Diagnostics.Concat(run.Output.GetDiagnostics()).Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning);
        Assert.True(!mistakes.Any(), $"{document}({line}): {string.Join('\n', mistakes)}");
    }

    [Theory]
    [MemberData(nameof(WrongPrograms))]
    public void WrongCSharp_GivesTheDiagnosticThatIsNamed(string document, int line, string program, string id)
    {
        ImmutableArray<Diagnostic> diagnostics = Run(program, "").Diagnostics;
        Assert.True(diagnostics.Select(diagnostic => diagnostic.Id).SequenceEqual([id]), $"{document}({line}): {string.Join('\n', diagnostics)}");
    }

    [Fact]
    public void Readme_ShowsAnExplanationAsItIs()
    {
        Match sample = Regex.Match(Read("README.md"), @"explain --formula ""([^""]+)""\n((?:    .*\n|\n)+?)        …\n");
        GeneratedType type = ModuleCompiler.Compile(TestModules.Formula(sample.Groups[1].Value) with { Name = "Formula" }, new GenerateOptions("Formula"));

        string shown = Regex.Replace(sample.Groups[2].Value, "^    ", "", RegexOptions.Multiline);
        Assert.StartsWith(shown, type.Explanation.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Specification_NamesEveryDiagnosticOnce()
    {
        IEnumerable<string> rows = Regex.Matches(Read("SPEC.md"), @"^\| (WEFT\d{4}) \| (\w+) \|", RegexOptions.Multiline)
            .Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}");
        Assert.Equal(
            Descriptors.All.Select(descriptor => $"{descriptor.Id} {descriptor.Severity.ToString().ToLowerInvariant()}").Order(StringComparer.Ordinal),
            rows.Order(StringComparer.Ordinal));
    }

    /// <summary>Help links lead to the headings.</summary>
    [Fact]
    public void Diagnostics_HaveASectionEach()
    {
        IEnumerable<string> sections = Regex.Matches(Prose("docs/diagnostics.md"), @"^## (.*)\n(?:\n\*\*(.*?)\.\*\*)?", RegexOptions.Multiline)
            .Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}");
        Assert.Equal(Descriptors.All.Select(descriptor => $"{descriptor.Id} {descriptor.Title}").Order(StringComparer.Ordinal), sections);
    }

    [Fact]
    public void Specification_GivesEveryStandardOperatorItsSignature()
    {
        string specification = Read("SPEC.md");
        foreach (ParsedFile file in StandardLibrary.Files)
        {
            foreach (MapSyntax map in file.Syntax.Declarations.OfType<MapSyntax>())
            {
                string parameters = string.Join(", ", map.Parameters.Select(parameter => file.Source.Slice(parameter.Span)));
                Assert.Contains($"| `{map.Name.Text}({parameters})` |", specification, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Specification_NamesTheFileOfEveryPublishedStructure()
    {
        Dictionary<string, string> files = StandardLibrary.Files
            .SelectMany(file => file.Syntax.Declarations, (file, declaration) => (declaration.Name.Text, Path.GetFileName(file.Source.Path)))
            .ToDictionary(pair => pair.Text, pair => pair.Item2, StringComparer.Ordinal);
        string[][] rows = [.. Regex.Matches(Read("SPEC.md"), @"^\| T1-\d+ \|.*", RegexOptions.Multiline).Select(match => match.Value.Split('|'))];
        Assert.Equal(93, rows.Length);
        Assert.All(rows, row => Assert.All(
            Regex.Matches(row[3], @"`(\w+)`").Select(match => match.Groups[1].Value),
            name => Assert.Contains($"`{files[name]}`", row[4], StringComparison.Ordinal)));
    }

    [Fact]
    public void Specification_NamesEveryLawOnce()
    {
        string road = Section(Read("SPEC.md"), "18. ");
        IEnumerable<string> rows = Regex.Matches(road, @"^\| `([a-z-]+)` \|", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        Assert.Equal(Laws.All.Select(law => law.Name), rows);
    }

    [Fact]
    public void Specification_NamesEveryBuiltIn()
    {
        string specification = Read("SPEC.md");
        Assert.All(
            Builtins.Functions.Keys.Concat(Compiler.Algebra.Activations.ByName.Keys).Concat(Builtins.Distributions.Keys),
            name => Assert.Matches($@"`{name}[(`]", specification));
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_LeadSomewhere(string document)
    {
        foreach (Match link in Regex.Matches(Prose(document), @"\]\(([^)#]*)(#[^)]+)?\)"))
        {
            string target = Path.GetRelativePath(Root(), Path.Combine(Root(), Path.GetDirectoryName(document)!, link.Groups[1].Value));
            string path = link.Groups[1].Length == 0 ? document : target;
            Assert.True(File.Exists(Path.Combine(Root(), path)) || Directory.Exists(Path.Combine(Root(), path)), $"{document}: {link.Value}: no {path}");
            Assert.True(!link.Groups[2].Success || Anchors(path).Contains(link.Groups[2].Value), $"{document}: {link.Value}: no such heading in {path}");
        }
    }

    /// <summary>The site has every page in a table of contents.</summary>
    [Fact]
    public void Pages_AreInTheContents()
    {
        HashSet<string> listed = [.. Directory.EnumerateFiles(Path.Combine(Root(), "docs"), "toc.yml", SearchOption.AllDirectories).SelectMany(
            contents => Regex.Matches(File.ReadAllText(contents), @"href: (\S+\.md)").Select(match => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(contents)!, match.Groups[1].Value))))];
        Assert.All(
            Paths.Where(document => document is not ("README.md" or "docs/index.md")),
            document => Assert.Contains(Path.GetFullPath(Path.Combine(Root(), document)), listed));
    }

    /// <summary>Every block that is meant to be wrong, with the last id that the heading and the paragraph before it name.</summary>
    private static TheoryData<string, int, string, string> Wrong(string language)
    {
        var data = new TheoryData<string, int, string, string>();
        foreach ((string document, Block block) in All(language))
        {
            data.Add(document, block.Line, block.Text, Regex.Matches($"{block.Heading} {block.Before}", @"WEFT\d{4}").Last().Value);
        }

        return data;
    }

    private static GeneratorRun Run(string program, string file)
    {
        string usings = program.Contains("using Weft;", StringComparison.Ordinal) ? "using System;\n" : "using System;\nusing Weft;\n";
        GeneratorHost host = new GeneratorHost(usings + program, ("/project/maps.weft", file)).SetProperty("RootNamespace", "MyProject");
        host = program.Contains("using ILGPU;", StringComparison.Ordinal) ? host.ReferenceIlgpu() : host;
        bool hasStatements = CSharpSyntaxTree.ParseText(program).GetCompilationUnitRoot().Members.Any(member => member is GlobalStatementSyntax);
        return (hasStatements ? host.AsProgram() : host).Run();
    }

    private static IEnumerable<(string Document, Block Block)> All(string language) => Paths
        .SelectMany(document => BlocksOf(document).Where(block => block.Language == language).Select(block => (document, block)));

    private static Block BlockAt(string document, int line) => BlocksOf(document).Single(block => block.Line == line);

    private static List<Block> BlocksOf(string document)
    {
        string[] lines = Read(document).Split('\n');
        var blocks = new List<Block>();
        string heading = "";
        for (int i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                heading = lines[i].StartsWith('#') ? lines[i] : heading;
                continue;
            }

            int end = Array.IndexOf(lines, "```", i + 1);
            IEnumerable<string> before = lines.Take(i).Reverse().SkipWhile(line => line.Length == 0).TakeWhile(line => line.Length > 0).Reverse();
            blocks.Add(new Block(lines[i][3..], i + 2, heading, string.Join(' ', before), string.Join('\n', lines[(i + 1)..end]) + "\n"));
            i = end;
        }

        return blocks;
    }

    /// <summary>A document without its fenced blocks.</summary>
    private static string Prose(string document) => Regex.Replace(Read(document), @"^```.*?^```$", "", RegexOptions.Multiline | RegexOptions.Singleline);

    private static HashSet<string> Anchors(string document) => [.. Regex.Matches(Prose(document), @"^#+ (.*)$", RegexOptions.Multiline).Select(match =>
        "#" + Regex.Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-'))];

    private static string Section(string text, string title)
    {
        int start = text.IndexOf("\n## " + title, StringComparison.Ordinal);
        int end = text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return text[start..(end < 0 ? text.Length : end)];
    }

    private static string Read(string document) => File.ReadAllText(Path.Combine(Root(), document)).Replace("\r\n", "\n", StringComparison.Ordinal);

    private static string Root([CallerFilePath] string thisFile = "") => Path.Combine(Path.GetDirectoryName(thisFile)!, "../../..");

    /// <summary>A fenced block.</summary>
    /// <param name="Language">What it is marked as.</param>
    /// <param name="Line">Its first line.</param>
    /// <param name="Heading">That of the section that it is in.</param>
    /// <param name="Before">The paragraph before it, on one line.</param>
    /// <param name="Text">What it holds.</param>
    private sealed record Block(string Language, int Line, string Heading, string Before, string Text);
}
