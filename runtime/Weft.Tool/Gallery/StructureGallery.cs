using System.Text;
using Weft.Tool.Library;
using Weft.Tool.Pages;

namespace Weft.Tool.Gallery;

/// <summary>A page of each published structure, and an index of them.</summary>
internal static class StructureGallery
{
    private const string Title = "Gallery of structures";

    private const string Script = """
        <script>
        const box = document.getElementById('filter'), count = document.getElementById('count');
        box.addEventListener('input', () => {
          const words = box.value.toLowerCase().split(/\s+/);
          let shown = 0;
          for (const group of document.querySelectorAll('.group')) {
            let some = false;
            for (const card of group.querySelectorAll('li')) {
              const fits = words.every(word => card.textContent.toLowerCase().includes(word));
              card.hidden = !fits;
              some ||= fits;
              shown += fits;
            }
            group.hidden = !some;
          }
          count.textContent = shown + ' structures';
        });
        </script>
        """;

    /// <summary>Writes it.</summary>
    /// <param name="folder">Where it goes; made where it is not there.</param>
    /// <param name="isMarkdown">Whether pages are for a site's generator, with its table of contents, and not for a browser.</param>
    /// <param name="explorer">The address of an explorer, which shows the text behind <c>#</c>; null for none.</param>
    public static void Write(string folder, bool isMarkdown, string? explorer)
    {
        Directory.CreateDirectory(folder);
        string ending = isMarkdown ? "md" : "html";
        StructurePage[] pages = [.. PublishedStructure.All.AsParallel().AsOrdered().Select(structure => new StructurePage(structure, $"index.{ending}", explorer))];
        foreach ((PublishedStructure structure, StructurePage page) in PublishedStructure.All.Zip(pages))
        {
            Save(structure.FileName, page.Page);
            foreach ((string file, byte[] content) in page.Files)
            {
                File.WriteAllBytes(Path.Combine(folder, file), content);
            }
        }

        Save("index", Index(pages, ending));
        if (isMarkdown)
        {
            File.WriteAllText(Path.Combine(folder, "toc.yml"), Contents());
        }

        void Save(string name, HtmlPage page) => File.WriteAllText(Path.Combine(folder, $"{name}.{ending}"), isMarkdown ? page.ToMarkdown() : page.ToString());
    }

    private static HtmlPage Index(StructurePage[] pages, string ending)
    {
        HtmlPage index = new HtmlPage(Title).Heading(1, Title)
            .Paragraph("Structures of the literature in Weft: what their matrices look like, what they cost, and what fits them. Blue is positive, orange negative, and what is zero is empty; of adapters it is what they add, of layers, which have no matrix, the network.")
            .Line($"<p><label for=\"filter\">Filter</label> <input id=\"filter\" type=\"search\" placeholder=\"name, author, closed form, layer\"> <span id=\"count\" aria-live=\"polite\">{pages.Length} structures</span></p>");
        foreach (IGrouping<string, (PublishedStructure Structure, StructurePage Page)> group in PublishedStructure.All.Zip(pages).GroupBy(pair => pair.First.Group))
        {
            index.Line("<section class=\"group\">").Heading(2, group.Key).Paragraph(group.First().Structure.Use).Line("<ul class=\"cards\">");
            foreach ((PublishedStructure structure, StructurePage page) in group)
            {
                string kind = page.HasMatrix ? page.HasClosedForm ? "closed form" : "fitted step by step" : "layer";
                index.Line($"<li><a href=\"{structure.FileName}.{ending}\"><img src=\"{page.Thumbnail}\" alt=\"\" loading=\"lazy\"{(page.Thumbnail.EndsWith(".png", StringComparison.Ordinal) ? " class=\"matrix\"" : "")}><strong>{HtmlPage.Escape(structure.Name)}</strong><span class=\"faint\">{HtmlPage.Escape(structure.Paper)}{(structure.Paper.Length > 0 ? " · " : "")}{kind}</span></a></li>");
            }

            index.Line("</ul>").Line("</section>");
        }

        return index.Line(Script);
    }

    private static string Contents()
    {
        var text = new StringBuilder($"- name: {Title}\n  href: index.md\n");
        foreach (IGrouping<string, PublishedStructure> group in PublishedStructure.All.GroupBy(structure => structure.Group))
        {
            text.Append($"- name: {group.Key}\n  items:\n");
            foreach (PublishedStructure structure in group)
            {
                text.Append($"  - name: \"{structure.Name}\"\n    href: {structure.FileName}.md\n");
            }
        }

        return text.ToString();
    }
}
