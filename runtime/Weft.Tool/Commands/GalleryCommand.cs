using System.CommandLine;
using Weft.Tool.Gallery;
using Weft.Tool.Library;

namespace Weft.Tool.Commands;

/// <summary><c>weft gallery</c>: a page of each published structure of the library.</summary>
internal static class GalleryCommand
{
    public static Command Create(Session session)
    {
        var folder = new Argument<string>("folder") { Description = "Where the pages go." };
        var markdown = new Option<bool>("--markdown") { Description = "Writes Markdown for a site's generator, with toc.yml, instead of HTML for a browser." };
        var explorer = new Option<string?>("--explorer") { Description = "The address of an explorer, to which pages link with the text behind '#'." };
        var command = new Command("gallery", "Writes a page of each published structure of the library, with pictures and costs.") { folder, markdown, explorer };
        command.SetAction(parsed => session.Run(() =>
        {
            string path = parsed.GetRequiredValue(folder);
            StructureGallery.Write(path, parsed.GetValue(markdown), parsed.GetValue(explorer));
            session.Output.WriteLine(FormattableString.Invariant($"{PublishedStructure.All.Count} structures are in {Path.Combine(path, parsed.GetValue(markdown) ? "index.md" : "index.html")}"));
            return 0;
        }));
        return command;
    }
}
