using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Weft.Compiler.Text;
using Weft.Generators;

namespace Weft.Tests.Generators;

public class CatalogueTests
{
    [Fact]
    public void EveryDiagnostic_IsInTheReleaseTables()
    {
        IEnumerable<string> released = new[] { "AnalyzerReleases.Shipped.md", "AnalyzerReleases.Unshipped.md" }
            .SelectMany(file => File.ReadLines(PathOf(file)))
            .Select(line => Regex.Match(line, @"^(WEFT\d{4}) \| Weft \| (\w+) \|"))
            .Where(match => match.Success)
            .Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}");

        Assert.Equal(
            Descriptors.All.Select(descriptor => $"{descriptor.Id} {descriptor.Severity}").Order(StringComparer.Ordinal),
            released.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void EveryDiagnostic_HasAnIdOfItsOwn()
    {
        Assert.Equal(Descriptors.All.Count, Descriptors.All.Select(descriptor => descriptor.Id).Distinct().Count());
        Assert.All(Descriptors.All, descriptor => Assert.Matches(@"^WEFT\d{4}$", descriptor.Id));
    }

    [Fact]
    public void HelpLinks_LeadToTheSiteOfTheBuild()
    {
        Assert.Equal("https://weft.example/docs/diagnostics.html#weft0113", DiagnosticDescriptors.CannotMultiply.LinkOn("https://weft.example/docs/"));
        Assert.Null(DiagnosticDescriptors.CannotMultiply.LinkOn(""));
        Assert.All(Descriptors.All, descriptor => Assert.Equal(descriptor.HelpLink ?? "", Descriptors.For(descriptor.Id, descriptor.Severity).HelpLinkUri));
    }

    [Fact]
    public void EveryOptionOfAFile_IsVisibleToTheCompiler()
    {
        XDocument props = XDocument.Load(PathOf("build/Weft.props"));
        string[] options = ["WeftBatch", "WeftGenerate", "WeftScalar", "WeftTargets", "WeftVisibility"];

        Assert.Equal(
            options.Append("WeftNamespace").Order(StringComparer.Ordinal),
            props.Descendants("CompilerVisibleItemMetadata").Select(item => (string)item.Attribute("MetadataName")!).Order(StringComparer.Ordinal));
        Assert.Equal(
            options.Concat(["ProjectDir", "RootNamespace"]).Order(StringComparer.Ordinal),
            props.Descendants("CompilerVisibleProperty").Select(item => (string)item.Attribute("Include")!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TheWarningOfTheTargets_IsInTheCatalogue()
    {
        XElement warning = Assert.Single(XDocument.Load(PathOf("build/Weft.targets")).Descendants("Warning"));

        Assert.Equal((Descriptors.OtherLanguage.Id, Descriptors.OtherLanguage.Format), ((string)warning.Attribute("Code")!, (string)warning.Attribute("Text")!));
    }

    private static string PathOf(string file, [CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "../../../generators", file);
}
