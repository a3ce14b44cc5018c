using System.Text.RegularExpressions;
using Weft.Tests.Binding;
using Weft.Tool;
using Weft.Tool.Gallery;
using Weft.Tool.Library;

namespace Weft.Tests.Tool;

public class GalleryTests
{
    /// <summary>Each published structure has a page with a picture of its matrix or the reason why there is none, and all that pages name is there.</summary>
    [Fact]
    public void EveryStructureHasAPageWithAPictureOrAReason()
    {
        string folder = Directory.CreateTempSubdirectory("weft").FullName;
        try
        {
            Assert.Equal(0, Cli.Run(["gallery", folder, "--explorer", "index.html"], TextWriter.Null, TextWriter.Null));

            string index = File.ReadAllText(Path.Combine(folder, "index.html"));
            Assert.Equal(93, Regex.Count(index, "<li><a href"));
            Assert.Equal(93, PublishedStructure.All.Select(structure => structure.FileName).Distinct().Count());
            foreach (PublishedStructure structure in PublishedStructure.All)
            {
                string page = File.ReadAllText(Path.Combine(folder, structure.FileName + ".html"));
                Assert.NotEmpty(structure.Entries);
                Assert.Equal(structure.Entries.Count, Regex.Count(page, @"alt=""The matrix of |There is no picture of its matrix: \w|It is a layer, which has no matrix"));
                Assert.Equal(structure.Entries.Count, Regex.Count(page, "<a href=\"index.html#(operator|layer)%20\\w+%28[^\"]+%20example%20"));
                Assert.Equal(structure.Entries.Count, Regex.Count(page, "<h3>From a matrix</h3>\n<p>(It has no trained|It is a layer|The parameters closest|<code>Approximate</code>)"));
                Assert.All(Regex.Matches(page + index, "(?:src|href)=\"([^\"#]+)[\"#]").Select(match => match.Groups[1].Value).Distinct(), file => Assert.True(File.Exists(Path.Combine(folder, file)), file));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The example in the comment of each declaration is of that declaration, and small.</summary>
    [Fact]
    public void EveryExampleIsRight() => Assert.All(StandardEntries.All, entry =>
    {
        Assert.StartsWith(entry.Name + "(", entry.Example, StringComparison.Ordinal);
        var example = SizedStructure.Of(entry);
        Assert.InRange(example.Module.Inputs, 1, 1024);
        Assert.Empty(TestModules.Diagnostics(example.Text));
    });
}
