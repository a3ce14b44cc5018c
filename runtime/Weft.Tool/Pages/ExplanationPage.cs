using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Explanation;

namespace Weft.Tool.Pages;

/// <summary>What <c>weft explain --html</c> writes: all that is known of declarations, with a picture of each matrix.</summary>
internal sealed class ExplanationPage(string title)
{
    /// <summary>Footprints beyond so many would be pages of pictures.</summary>
    private const int MostFootprints = 12;

    private readonly HtmlPage _page = new(title);

    /// <param name="module">The declaration.</param>
    /// <param name="type">What it becomes.</param>
    /// <param name="network">Its network as a drawing.</param>
    /// <param name="picture">Its matrix; null where there is none.</param>
    /// <param name="obstacle">Why there is none.</param>
    public void Add(Module module, GeneratedType type, string network, MatrixPicture? picture, string? obstacle)
    {
        ExplanationReport report = type.Explanation;
        _page.Heading(1, report.Title).Text(module.Formula);
        if (report.Ports.Count > 0)
        {
            _page.List(report.Ports);
        }

        _page.List(report.Facts);
        if (module.Parameters.Count > 0)
        {
            _page.Heading(2, "Parameters").Table(
                ["Name", "Shape", "Elements", "Role"],
                module.Parameters.Select(parameter => new[]
                {
                    parameter.Name,
                    $"[{string.Join(", ", parameter.Shape)}]",
                    FormattableString.Invariant($"{parameter.Length:N0}"),
                    parameter.Role.ToString().ToLowerInvariant(),
                }));
        }

        _page.Heading(2, "Matrix");
        if (picture is null)
        {
            _page.Paragraph($"There is no picture: {obstacle}.");
        }
        else
        {
            // A footprint that is the whole matrix would be the same picture again.
            IEnumerable<int> footprints = Enumerable.Range(0, picture.Footprints.Count).Where(k => picture.Footprints[k].Count < picture.Rows * picture.Columns);
            _page.Pictures([picture.ToSvg(), .. footprints.Take(MostFootprints).Select(footprint => picture.ToSvg(footprint))]);
        }

        foreach (ExplanationSection section in report.Sections.Where(section => section.Lines.Count > 0))
        {
            string text = string.Join('\n', section.Lines);
            _page.Heading(2, section.Title);
            if (section.Title == "Network")
            {
                _page.Pictures([network]);
            }

            _ = section.Title == "Steps" ? _page.Details($"{section.Lines.Count} lines", text) : _page.Text(text);
        }

        _page.Heading(2, "Generated C#").Details($"{type.Code.Count(character => character == '\n')} lines", type.Code);
    }

    public override string ToString() => _page.ToString();
}
