using System.CommandLine;
using System.Globalization;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Reports;
using Weft.Tool.Fitting;

namespace Weft.Tool.Commands;

/// <summary><c>weft fit</c>: the structures that are closest to a matrix.</summary>
internal static class FitCommand
{
    public static Command Create(Session session)
    {
        var matrix = new Argument<string>("matrix") { Description = "The matrix: a .npy or .mtx file, or a tensor as file.safetensors:NAME." };
        Argument<string[]> files = CommandParts.Files(ArgumentArity.ZeroOrMore);
        var formulas = new Option<string[]>("--formula") { Description = "A formula to try besides the library's, with m and n for the matrix's rows and columns and r for a size that grows: \"low_rank(m, n, r)\"." };
        var budget = new Option<double>("--budget")
        {
            Description = "The most parameters, as a share of the matrix's elements.",
            DefaultValueFactory = _ => 0.1,
            CustomParser = result =>
            {
                bool isNumber = double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double share);
                if (!isNumber || !(share > 0 && share <= 1))
                {
                    result.AddError("--budget: a share above 0 and up to 1 was expected.");
                }

                return share;
            },
        };
        var samples = new Option<string?>("--samples") { Description = "Vectors as they come in, a row each, as a file like the matrix's: the error is then that of what the matrix makes of them." };
        var steps = new Option<int>("--steps") { Description = "The most steps for a structure without a closed form, or with --samples.", DefaultValueFactory = _ => 20 };
        steps.Validators.Add(result =>
        {
            if (result.GetValue(steps) < 1)
            {
                result.AddError("--steps: a number from 1 was expected.");
            }
        });
        Option<string?> picture = CommandParts.Written("--svg", "Where a picture of the errors goes.");
        Option<string?> path = CommandParts.Written("--output", "Where the closest structure's parameters go, as a safetensors file.");
        var command = new Command("fit", "Finds structures that are close to a matrix.") { matrix, files, formulas, budget, samples, steps, picture, path };
        command.SetAction(parsed => session.Run(() => Fit(session, new FitRequest(
            parsed.GetRequiredValue(matrix),
            parsed.GetValue(samples),
            parsed.GetValue(steps),
            parsed.GetValue(files) ?? [],
            parsed.GetValue(formulas) ?? [],
            parsed.GetValue(budget),
            parsed.GetValue(picture),
            parsed.GetValue(path)))));
        return command;
    }

    /// <summary>Fits structures to a matrix, prints the best of them, and draws and writes them where a file is given.</summary>
    private static int Fit(Session session, FitRequest request)
    {
        foreach (string text in new[] { request.Matrix, request.Samples }.OfType<string>())
        {
            if (MatrixFile.Split(text).Path is var file && !File.Exists(file))
            {
                throw new UsageException($"there is no file '{file}'");
            }
        }

        IReadOnlyList<ParsedFile> files = session.Parse(request.Files);
        DenseMatrix matrix = MatrixFile.Read(request.Matrix);
        DenseMatrix? samples = request.Samples is null ? null : MatrixFile.Read(request.Samples);
        if (samples is not null && samples.Columns != matrix.Columns)
        {
            throw new InvalidDataException($"{request.Samples} has rows of {samples.Columns}; {matrix.Columns} are expected, the columns of the matrix");
        }

        double budget = request.Budget * matrix.Rows * matrix.Columns;
        if (Candidates(session, request, files, matrix, budget) is not { } candidates)
        {
            return Session.WrongText;
        }

        if (candidates.Count == 0)
        {
            throw new UsageException(FormattableString.Invariant($"no structure has as few as {Math.Floor(budget):F0} parameters: raise --budget"));
        }

        using var search = new StructureSearch(matrix, samples, candidates, request.Steps);
        SearchReport.Print(ReportConsole.Over(session.Output), matrix, search);
        if (request.Picture is { } picture)
        {
            File.WriteAllText(picture, SearchReport.Draw(matrix, search));
        }

        if (request.Output is { } path)
        {
            using FileStream stream = File.Create(path);
            SearchReport.Save(search.Closest, stream);
            session.Output.WriteLine($"{search.Closest.Formula} is in {path}");
        }

        return 0;
    }

    /// <summary>The library's structures and the user's, at sizes under a budget; null where a formula of the user's is wrong, which is reported.</summary>
    private static List<Candidate>? Candidates(
        Session session, FitRequest request, IReadOnlyList<ParsedFile> files, DenseMatrix matrix, double budget)
    {
        (int m, int n) = (matrix.Rows, matrix.Columns);
        var candidates = new List<Candidate>();
        foreach (string formula in request.Formulas)
        {
            BindResult? wrong = null;
            List<Module> bound = [];
            candidates.AddRange(StructureSearch.Spread(Structures.Of(formula, m, n), Try, budget, asked: formula));
            if (bound.Count == 0)
            {
                List<SourceText> texts = [.. files.Select(file => file.Source), new SourceText("formula", Structures.Of(formula, m, n).First())];
                foreach (Diagnostic diagnostic in WeftCompiler.InOrder(files, files.SelectMany(file => file.Diagnostics).Concat(wrong!.Diagnostics)))
                {
                    session.Report(diagnostic, texts);
                }

                return null;
            }

            if (bound.Find(module => !module.IsLinear || (module.Inputs, module.Outputs) != (n, m)) is { } other)
            {
                throw new InvalidDataException(
                    $"{formula} is {(other.IsLinear ? "" : "not linear, and ")}{other.Inputs} -> {other.Outputs}; a linear map {n} -> {m} is expected, as the matrix is {m} × {n}: write m and n for its sizes");
            }

            if (bound.SelectMany(module => module.Parameters).FirstOrDefault(parameter => parameter.Role == Role.Frozen) is { } frozen)
            {
                throw new InvalidDataException($"{formula} has the frozen parameter '{frozen.Name}', which a fit does not give: leave it out, or make it trained");
            }

            Module? Try(string text)
            {
                BindResult result = WeftCompiler.BindFormula(new SourceText("formula", text), files, Session.FormulaName);
                wrong ??= result;
                bound.AddRange(result.Modules);
                return result.Modules.FirstOrDefault();
            }
        }

        foreach (IEnumerable<string> family in Structures.Of(m, n))
        {
            candidates.AddRange(StructureSearch.Spread(
                family, text => WeftCompiler.BindFormula(new SourceText("formula", text), [], Session.FormulaName).Modules.FirstOrDefault(), budget, asked: null));
        }

        return candidates;
    }
}
