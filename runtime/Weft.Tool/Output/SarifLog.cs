using System.Text.Json.Serialization;
using Weft.Compiler.Text;

namespace Weft.Tool.Output;

/// <summary>What <c>weft check --sarif</c> writes: the part of SARIF 2.1.0 (OASIS 2020) that a compiler fills.</summary>
internal sealed record SarifLog(IReadOnlyList<SarifLog.Run> Runs)
{
    [JsonPropertyName("$schema")]
    [JsonPropertyOrder(-2)]
    public string Schema { get; } = "https://json.schemastore.org/sarif-2.1.0.json";

    [JsonPropertyOrder(-1)]
    public string Version { get; } = "2.1.0";

    public static string Write(IReadOnlyList<Finding> findings)
    {
        List<DiagnosticDescriptor> known = [.. DiagnosticDescriptors.All];
        IReadOnlyList<Rule> rules = [.. known.Select(rule => new Rule(
            rule.Id, new Text(rule.Title), new Text(DiagnosticJson.Help(rule.Id)), rule.HelpLink, new Configuration(Level(rule.Severity))))];
        var driver = new Driver("weft", Versions.Tool, rules);
        return ToolJson.Write(new SarifLog([new Run(new Tool(driver), "utf16CodeUnits", [.. findings.Select(finding => Of(finding, known))])]));
    }

    private static Result Of(Finding finding, List<DiagnosticDescriptor> known)
    {
        (Diagnostic diagnostic, SourceText? text) = finding;
        var file = new Artifact(Address(diagnostic.Path));
        return new Result(
            diagnostic.Id,
            known.FindIndex(rule => rule.Id == diagnostic.Id),
            Level(diagnostic.Severity),
            new Text(diagnostic.Message),
            [new Location(new PhysicalLocation(file, text is null ? null : Region.Of(text, diagnostic.Span)))],
            text is not null && diagnostic.Fix is { } fix
                ? [new Fix([new ArtifactChange(file, [new Replacement(Region.Of(text, fix.Span), new Text(fix.Text))])])]
                : null);
    }

    /// <summary>A path as a reference to a resource: relative to where the tool runs, or of a file.</summary>
    private static string Address(string path) => Path.IsPathRooted(path)
        ? new Uri(path).AbsoluteUri
        : string.Join('/', path.Split('/', Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));

    private static string Level(Severity severity) => severity switch
    {
        Severity.Error => "error",
        Severity.Warning => "warning",
        _ => "note",
    };

    public sealed record Run(Tool Tool, string ColumnKind, IReadOnlyList<Result> Results);

    public sealed record Tool(Driver Driver);

    public sealed record Driver(string Name, string Version, IReadOnlyList<Rule> Rules);

    public sealed record Rule(string Id, Text ShortDescription, Text Help, string? HelpUri, Configuration DefaultConfiguration);

    public sealed record Configuration(string Level);

    public sealed record Text([property: JsonPropertyName("text")] string Words);

    public sealed record Result(string RuleId, int RuleIndex, string Level, Text Message, IReadOnlyList<Location> Locations, IReadOnlyList<Fix>? Fixes);

    public sealed record Location(PhysicalLocation PhysicalLocation);

    public sealed record PhysicalLocation(Artifact ArtifactLocation, Region? Region);

    public sealed record Artifact(string Uri);

    public sealed record Fix(IReadOnlyList<ArtifactChange> ArtifactChanges);

    public sealed record ArtifactChange(Artifact ArtifactLocation, IReadOnlyList<Replacement> Replacements);

    public sealed record Replacement(Region DeletedRegion, Text InsertedContent);
}
