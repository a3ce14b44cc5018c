using System.Runtime.InteropServices;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Editing;
using Weft.Compiler.Explanation;
using Weft.Compiler.Planning;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Examples.Explorer;

/// <summary>Everything that the page shows of one text: a file with declarations, or a formula alone.</summary>
internal sealed class Exploration
{
    /// <summary>What a formula without a name is called.</summary>
    public const string FormulaName = "formula";

    /// <summary>How many products of numbers the entries of a matrix take at most: a second or two in a browser.</summary>
    public const long MostProducts = 1 << 23;

    private const int Batch = 64, Alternatives = 5;

    private readonly ParsedFile _file;
    private readonly BindResult _bound;
    private readonly IReadOnlyList<Diagnostic> _diagnostics;

    public Exploration(string text)
    {
        _file = WeftCompiler.Parse(new SourceText("text", text));
        bool isFormula = _file.Syntax.Declarations.Count == 0 && _file.Syntax.Imports.Count == 0;
        _bound = isFormula ? WeftCompiler.BindFormula(_file.Source, [], FormulaName) : WeftCompiler.Bind([_file]);
        _diagnostics = isFormula ? _bound.Diagnostics : WeftCompiler.InOrder([_file], _file.Diagnostics.Concat(_bound.Diagnostics));
    }

    /// <summary>Colours, mistakes and declarations.</summary>
    public TextReport Text() => new(
        [.. Classifier.Classify(_file, SymbolTable.Of([_file])).Select(piece => new ColouredPiece(piece.Span.Start, piece.Span.Length, Colour(piece), Help(piece)))],
        [.. _diagnostics.Select(Mistake)],
        [.. _bound.Modules.Select(module => new DeclaredMap(module.Name, Side(module.InputPorts, module.Inputs), Side(module.OutputPorts, module.Outputs), module.IsLinear))]);

    /// <summary>What the compiler makes of a map that the text declares.</summary>
    public MapReport Map(string name)
    {
        Module module = Find(name);
        var options = new GenerateOptions(TypeNames.Of(name), Batch: Batch);
        try
        {
            Explainer explainer = ModuleCompiler.Explain(module, options);
            double dense = (double)module.Inputs * module.Outputs;
            (int trained, int stored) = (explainer.Schedule.TrainedCount, explainer.Schedule.ParameterCount);
            return new MapReport(
                Fault: null,
                new Costs(
                    trained,
                    stored - trained,
                    module.IsLinear ? dense : null,
                    explainer.Schedule.ForwardFlops,
                    explainer.Schedule.ReverseFlops,
                    module.IsLinear ? 2 * dense : null),
                explainer.Properties,
                [.. module.Parameters.Select(parameter => new ParameterRow(parameter.Name, string.Join(" × ", parameter.Shape), parameter.Role.ToString().ToLowerInvariant(), parameter.Length))],
                [.. explainer.Laws.Distinct().Select(law => $"{law.Name}: {law.Statement}")],
                [.. explainer.Plans.Select(Order)],
                explainer.Picture(),
                explainer.Full().ToString(),
                ModuleCompiler.Compile(module, options).Code,
                Kernels(module, options));
        }
        catch (CompilationException exception)
        {
            return new MapReport(exception.Message, null, [], [], [], [], "", "", "", "");
        }
    }

    /// <summary>How much of the peak of each processor the forward pass of a map is predicted to reach, and how much its memory allows.</summary>
    public MachinesReport Machines(string name)
    {
        Module module = Find(name);
        try
        {
            List<(ProcessorModel Processor, Explainer Explainer)> all =
                [.. ProcessorModel.Named.Select(processor => (processor, ModuleCompiler.Explain(module, new GenerateOptions(TypeNames.Of(name), Batch: Batch) { Processor = processor })))];
            List<RooflinePoint> points = [.. all.SelectMany(one => new[] { one.Explainer.Roofline(Batch), one.Explainer.Roofline(1) }).OfType<RooflinePoint>()];
            return new MachinesReport(
                [.. all.Select(one => new MachineRow(
                    one.Processor.Name,
                    $"{one.Processor.Registers} × {8 * one.Processor.VectorBytes} bits",
                    $"{one.Processor.FirstLevelBytes >> 10}, {one.Processor.SecondLevelBytes >> 10}, {one.Processor.ThirdLevelBytes >> 10} KiB",
                    one.Explainer.PredictedShare(Batch),
                    one.Explainer.PredictedShare(1)))],
                points.Count > 0 ? RooflinePicture.Draw(points) : "");
        }
        catch (CompilationException)
        {
            // It is told where the map is.
            return new MachinesReport([], "");
        }
    }

    /// <summary>The matrix of a map, with parameters drawn from a seed.</summary>
    public MatrixReport Matrix(string name, int seed)
    {
        Module module = Find(name);
        try
        {
            MatrixPicture? picture = ModuleCompiler.Picture(module, out string? obstacle, seed, mostProducts: MostProducts);
            return picture is null ? Without(obstacle!) : new MatrixReport(
                Obstacle: null,
                picture.Rows,
                picture.Columns,
                picture.Least,
                picture.Most,
                Convert.ToBase64String(MemoryMarshal.AsBytes<float>([.. picture.Entries.Cast<double>().Select(entry => (float)entry)])),
                [.. picture.Footprints.Zip(Bits(picture), (footprint, bits) => new FootprintRow(footprint.Name, footprint.IsOfFirst, footprint.Count, bits))],
                picture.ToSvg());
        }
        catch (CompilationException exception)
        {
            return Without(exception.Message);
        }

        static MatrixReport Without(string obstacle) => new(obstacle, 0, 0, 0, 0, "", [], "");
    }

    private Module Find(string name) => _bound.Modules.First(module => module.Name == name);

    private static string Side(EquatableArray<Port> ports, int length) => ports.Count == 0 ? $"{length}" : string.Join(", ", ports);

    private static string Kernels(Module module, GenerateOptions options)
    {
        try
        {
            return ModuleCompiler.OpenCl(module, options);
        }
        catch (CompilationException exception)
        {
            return $"// {exception.Message}\n";
        }
    }

    private static Order Order(TermPlan plan) => new(
        PlanPrinter.Print(plan.Root),
        PlanPrinter.Quantity(plan.Cost),
        [.. plan.Alternatives.Take(Alternatives).Select(other => new RejectedOrder(PlanPrinter.Print(other.Root), other.Cost / plan.Cost, PlanPrinter.Reason(plan.Root!, other.Root)))]);

    /// <summary>The entries of each footprint.</summary>
    private static IEnumerable<string> Bits(MatrixPicture picture)
    {
        byte[][] bits = [.. picture.Footprints.Select(_ => new byte[((picture.Rows * picture.Columns) + 7) / 8])];
        for (int place = 0; place < picture.Rows * picture.Columns; place++)
        {
            foreach (int footprint in picture.At(place / picture.Columns, place % picture.Columns))
            {
                bits[footprint][place / 8] |= (byte)(1 << (place % 8));
            }
        }

        return bits.Select(Convert.ToBase64String);
    }

    private Mistake Mistake(Diagnostic diagnostic)
    {
        LinePosition position = _file.Source.PositionAt(diagnostic.Span.Start);
        return new Mistake(
            diagnostic.Id,
            diagnostic.Severity.ToString().ToLowerInvariant(),
            diagnostic.Message,
            diagnostic.Span.Start,
            diagnostic.Span.Length,
            position.Line + 1,
            position.Character + 1,
            diagnostic.Fix is { } fix ? new Correction(fix.Span.Start, fix.Span.Length, fix.Text) : null);
    }

    private static string Colour(Piece piece) => piece.Symbol is { } use
        ? use.Symbol.Kind switch
        {
            SymbolKind.Operator or SymbolKind.Layer or SymbolKind.Model or SymbolKind.Step or SymbolKind.Function or SymbolKind.Link => "function",
            SymbolKind.Tensor or SymbolKind.Bank or SymbolKind.Let => "tensor",
            SymbolKind.Input or SymbolKind.Output => "port",
            SymbolKind.Distribution or SymbolKind.Format => "word",
            _ => "size",
        }
        : piece.Kind.ToString().ToLowerInvariant();

    /// <summary>How a name is declared, and what was written about it.</summary>
    private static string? Help(Piece piece) => piece.Symbol is not { } use ? null
        : use.Symbol is { IsDeclaration: true, Declaration.Documentation: { Length: > 0 } documentation } ? $"{use.Symbol.Signature}: {documentation.Replace('\n', ' ')}"
        : $"{use.Symbol.Signature}: {use.Symbol.Kind.ToString().ToLowerInvariant()}";
}
