using System.CommandLine;
using Weft.Compiler.Syntax;
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
        Option<string[]> formulas = CommandParts.Formulas();
        Option<double> budget = CommandParts.Share("--budget", "The most parameters, as a share of the matrix's elements.", 0.1);
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
        if (Candidates.Of(session, request.Formulas, files, matrix.Rows, matrix.Columns, budget, budget) is not { } candidates)
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
}
