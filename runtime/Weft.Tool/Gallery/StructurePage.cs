using System.Globalization;
using System.Text;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Explanation;
using Weft.Tool.Library;
using Weft.Tool.Pages;

namespace Weft.Tool.Gallery;

/// <summary>The page of a published structure, and the pictures that lie beside it.</summary>
internal sealed class StructurePage
{
    private const int MostFootprints = 4, MostParts = 8;

    private readonly StandardEntry _first;
    private readonly HtmlPage _page;
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);
    private string? _thumbnail;

    /// <param name="structure">The structure.</param>
    /// <param name="index">The file of the index.</param>
    /// <param name="explorer">The address of an explorer, which shows the text behind <c>#</c>; null for none.</param>
    public StructurePage(PublishedStructure structure, string index, string? explorer)
    {
        _first = structure.Entries[0];
        _page = new HtmlPage(structure.Name)
            .Line($"<p><a href=\"{index}\">All structures</a></p>")
            .Heading(1, structure.Name)
            .Line($"<p class=\"faint\">{HtmlPage.Escape(string.Join(" · ", new[] { structure.Id, structure.Group, structure.Paper }.Where(part => part.Length > 0)))}</p>")
            .Paragraph(structure.Use);
        if (structure.Means.Length > 0)
        {
            _page.Paragraph($"Made by means of {structure.Means}.");
        }

        if (structure.State.Length > 0)
        {
            _page.Paragraph($"In this library: {structure.State}.");
        }

        foreach (StandardEntry entry in structure.Entries)
        {
            Add(entry, explorer);
        }
    }

    public HtmlPage Page => _page;

    /// <summary>The pictures, by the names of their files.</summary>
    public IReadOnlyDictionary<string, byte[]> Files => _files;

    /// <summary>The file that stands for the structure: the entries of the first one's matrix, or of what an adapter adds to one, or its network.</summary>
    public string Thumbnail => _thumbnail ?? NetworkFile(_first);

    /// <summary>Whether one of its operators at least has a matrix.</summary>
    public bool HasMatrix { get; private set; }

    /// <summary>Whether the parameters closest to a matrix are known in closed form, for one of its operators at least.</summary>
    public bool HasClosedForm { get; private set; }

    private void Add(StandardEntry entry, string? explorer)
    {
        SizedStructure example = SizedStructure.Of(entry);
        Module module = example.Module;
        Explainer explainer = example.Explain();
        ExplanationReport report = explainer.Full();
        _page.Heading(2, entry.Name).Paragraph(entry.Description).Text(entry.File.Source.Slice(entry.Map.Span));
        if (entry.Paper.Length > 0)
        {
            _page.Paragraph($"Paper: {entry.Paper}.");
        }

        _page.Paragraph(FormattableString.Invariant($"`{example.Formula}` : {module.Inputs} → {module.Outputs}"));
        if (explorer is not null)
        {
            _page.Line($"<p><a href=\"{HtmlPage.Escape(explorer)}#{Uri.EscapeDataString(example.Text)}\">Open it in the explorer</a></p>");
        }

        _page.List([.. report.Ports, .. report.Facts.Where(fact => !fact.StartsWith("Processor", StringComparison.Ordinal))]);
        AddPictures(entry, module, explainer);
        AddSizes(entry);
        _page.Heading(3, "From a matrix");
        if (!module.IsLinear)
        {
            _page.Paragraph("It is a layer, which no matrix is compared with: `Fit` of Weft.Fitting fits it to samples, and training does.");
            return;
        }

        if (explainer.Projection is { Obstacle: { } obstacle })
        {
            _page.Paragraph(report.Costs.Trained == 0 ? "It has no trained parameters: there is nothing to fit."
                : $"`Approximate` of Weft.Fitting fits it to a matrix step by step. No closed form finds the closest parameters: {obstacle}.");
            return;
        }

        HasClosedForm = true;
        _page.Paragraph("The parameters closest to a matrix are known in closed form: `Project` of Weft.Fitting finds them, and `weft fit`.").List(report.Lines("From a dense matrix"));
    }

    private void AddPictures(StandardEntry entry, Module module, Explainer explainer)
    {
        _page.Heading(3, "Pictures");
        string network = Keep(NetworkFile(entry), explainer.Picture());
        List<(string File, string Text)> pictures = [];
        if (ModuleCompiler.Picture(module, out string? obstacle) is { } picture)
        {
            pictures.Add((Keep($"{entry.Name}.svg", picture.ToSvg()), $"The matrix of {entry.Example} with random parameters"));
            // Of one entry, and of all, a footprint says nothing.
            IEnumerable<int> footprints = Enumerable.Range(0, picture.Footprints.Count).Where(k => picture.Footprints[k].Count is var count && count > 1 && count < picture.Rows * picture.Columns);
            pictures.AddRange(footprints.Take(MostFootprints).Select((footprint, k) => (
                Keep($"{entry.Name}-{k + 1}.svg", picture.ToSvg(footprint)),
                $"What {picture.Footprints[footprint].Name} changes of it")));
            HasMatrix = true;

            // Beside a frozen matrix what an adapter adds is not seen: that stands for it, alone.
            if (!module.Parameters.Any(parameter => parameter.Role == Role.Frozen && parameter.Length == module.Inputs * module.Outputs))
            {
                Represent(entry, picture);
            }
        }
        else
        {
            _page.Paragraph(module.IsLinear ? $"There is no picture of its matrix: {obstacle}." : "It is a layer, which has no matrix: its network is drawn.");
        }

        pictures.Add((network, $"The network of {entry.Example}: tensors as bars, indices as wires"));
        Show(pictures);
        (string kind, IReadOnlyList<Operator> parts) = module.Operator switch
        {
            Product product => ("product", product.Operands),
            Sum sum => ("sum", sum.Operands),
            Kronecker product => ("Kronecker product", product.Operands),
            _ => ("", (IReadOnlyList<Operator>)[]),
        };
        MatrixPicture?[] drawn = [.. parts.Count is > 1 and <= MostParts ? parts.Select(part => ModuleCompiler.Picture(module, out _, part: part)) : []];
        if (drawn.Length > 0)
        {
            _page.Paragraph($"It is the {kind} of:");
            Show(drawn.OfType<MatrixPicture>().Select((part, k) => (Keep($"{entry.Name}-part-{k + 1}.svg", part.ToSvg()), part.Title)));
            if (kind == "sum" && drawn[^1] is { } added)
            {
                Represent(entry, added);
            }
        }
    }

    /// <summary>Lets a matrix stand for the structure, where none does so far.</summary>
    private void Represent(StandardEntry entry, MatrixPicture picture)
    {
        if (_thumbnail is null)
        {
            _thumbnail = $"{entry.Name}.png";
            _files[_thumbnail] = picture.ToPng();
        }
    }

    private void Show(IEnumerable<(string File, string Text)> pictures) =>
        _page.Pictures(pictures.Select(one => $"<img src=\"{one.File}\" alt=\"{HtmlPage.Escape(one.Text)}\" loading=\"lazy\">\n"));

    private void AddSizes(StandardEntry entry)
    {
        SizedStructure[] sizes = [.. new[] { 1, 4, 16 }.Select(times => SizedStructure.Of(entry, times)).OfType<SizedStructure>()];
        bool isLinear = sizes.All(size => size.Module.IsLinear);
        string[] heads = ["At sizes", "Inputs", "Outputs", "Trained", "Frozen", "FLOPs per row"];
        _page.Heading(3, "Costs by size").Table(isLinear ? [.. heads, "Dense parameters", "Dense FLOPs"] : heads, sizes.Select(size =>
        {
            MapCosts costs = size.Explain().Full().Costs;
            double dense = (double)size.Module.Inputs * size.Module.Outputs;
            string[] cells = [size.Formula, Number(size.Module.Inputs), Number(size.Module.Outputs), Number(costs.Trained), Number(costs.Frozen), Number(costs.ForwardFlops)];
            return isLinear ? [.. cells, Number(dense), Number(2 * dense)] : cells;
        }));

        static string Number(double value) => value.ToString("N0", CultureInfo.InvariantCulture);
    }

    private static string NetworkFile(StandardEntry entry) => $"{entry.Name}-network.svg";

    private string Keep(string file, string svg)
    {
        _files[file] = Encoding.UTF8.GetBytes(svg);
        return file;
    }
}
