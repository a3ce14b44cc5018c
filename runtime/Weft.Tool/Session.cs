using Google.Protobuf;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Editing;
using Weft.Compiler.Planning;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.LanguageServer;
using Weft.Onnx;
using Weft.Reports;
using Weft.Tool.Fitting;

namespace Weft.Tool;

/// <summary>One run of the tool.</summary>
internal sealed class Session(TextWriter output, TextWriter error)
{
    public const int WrongText = 1, WrongUsage = 2;

    private const string FormulaName = "Formula";

    /// <summary>Prints what is wrong with files, as a build would find it; 0 where nothing is an error.</summary>
    public int Check(IReadOnlyList<string> files)
    {
        if (Missing(files) is { } missing)
        {
            return Fail(missing);
        }

        bool isRight = Bind(files, formula: null) is { } bound
            && bound.Modules.Select((module, k) => Try(bound, k, () => ModuleCompiler.Compile(module, new GenerateOptions("Map")))).ToList().TrueForAll(made => made is not null);
        return isRight ? 0 : WrongText;
    }

    /// <summary>Prints a text of the formula, of the declaration that is named, or of each that the files themselves declare.</summary>
    public int Print(
        IReadOnlyList<string> files, string? formula, string? name, int batch, Scalar scalar, Func<Module, GenerateOptions, string> text)
    {
        if (Choose(files, formula, name, out Bound? bound, out List<int> chosen) is { } wrong)
        {
            return wrong;
        }

        EquatableArray<Module> modules = bound!.Modules;
        string?[] texts = [.. chosen.Select(k => Try(
            bound, k, () => text(modules[k], new GenerateOptions(TypeNames.Of(modules[k].Name), Scalar: scalar, Batch: batch)).TrimEnd()))];
        output.WriteLine(string.Join(Environment.NewLine + Environment.NewLine, texts.Where(made => made is not null)));
        return texts.Contains(null) ? WrongText : 0;
    }

    /// <summary>Writes the formula, or the one declaration that there is or that is named, as a model with the parameters of a file.</summary>
    public int WriteOnnx(IReadOnlyList<string> files, string? formula, string? name, int batch, string parameters, string model)
    {
        if (Missing([.. files, parameters]) is { } missing)
        {
            return Fail(missing);
        }

        if (Choose(files, formula, name, out Bound? bound, out List<int> chosen) is { } wrong)
        {
            return wrong;
        }

        if (chosen.Count > 1)
        {
            return Fail($"a model is one declaration: name it by --operator; there is {string.Join(", ", bound!.Modules.Select(module => module.Name))}");
        }

        try
        {
            using FileStream stored = File.OpenRead(parameters);
            if (Try(bound!, chosen[0], () => OnnxExport.Create(bound!.Modules[chosen[0]], TensorFile.Open(stored), batch)) is not { } made)
            {
                return WrongText;
            }

            File.WriteAllBytes(model, made.ToByteArray());
            return 0;
        }
        catch (Exception exception) when (exception is InvalidDataException or OnnxExportException or NotSupportedException or InvalidOperationException)
        {
            error.WriteLine($"weft: {exception.Message}");
            return WrongText;
        }
    }

    /// <summary>
    /// Gives files Weft's style, or with <paramref name="check"/> finds those without; names what changes, and reports what cannot be read, which
    /// stays as it is. 0 where nothing is left to do.
    /// </summary>
    public int Format(IReadOnlyList<string> paths, bool check, TextReader input)
    {
        const string StandardInput = "-";
        if (Missing([.. paths.Where(path => path != StandardInput && !Directory.Exists(path))]) is { } missing)
        {
            return Fail(missing);
        }

        bool isDone = true;
        foreach (string path in paths.SelectMany(path => Directory.Exists(path) ? ProjectFiles.Below(path) : [path]))
        {
            bool isInput = path == StandardInput;
            ParsedFile file = WeftCompiler.Parse(new SourceText(path, isInput ? input.ReadToEnd() : File.ReadAllText(path)));
            string? formatted = Formatter.Format(file);
            bool changes = formatted is not null && formatted != file.Source.Text;
            isDone &= formatted is not null && !(check && changes);
            foreach (Diagnostic diagnostic in file.Diagnostics)
            {
                error.WriteLine(DiagnosticText.Format(diagnostic, [file.Source]));
            }

            if (isInput && !check)
            {
                output.Write(formatted);
            }
            else if (changes)
            {
                output.WriteLine(path);
                if (!check)
                {
                    File.WriteAllText(path, formatted);
                }
            }
        }

        return isDone ? 0 : WrongText;
    }

    /// <summary>Fits structures to a matrix, prints the best of them, and draws and writes them where a file is given.</summary>
    public int Fit(FitRequest request)
    {
        if (Missing([MatrixFile.Split(request.Matrix).Path, .. request.Files]) is { } missing)
        {
            return Fail(missing);
        }

        try
        {
            DenseMatrix matrix = MatrixFile.Read(request.Matrix);
            double budget = request.Budget * matrix.Rows * matrix.Columns;
            if (Candidates(request, matrix, budget) is not { } candidates)
            {
                return WrongText;
            }

            if (candidates.Count == 0)
            {
                return Fail(FormattableString.Invariant($"no structure has as few as {Math.Floor(budget):F0} parameters: raise --budget"));
            }

            using var search = new StructureSearch(matrix, candidates);
            FitReport.Print(ReportConsole.Over(output), matrix, search);
            if (request.Picture is { } picture)
            {
                File.WriteAllText(picture, FitReport.Draw(matrix, search));
            }

            if (request.Output is { } path)
            {
                using FileStream stream = File.Create(path);
                FitReport.Save(search.Closest, stream);
                output.WriteLine($"{search.Closest.Formula} is in {path}");
            }

            return 0;
        }
        catch (Exception exception) when (exception is InvalidDataException or CompilationException)
        {
            error.WriteLine($"weft: {exception.Message}");
            return WrongText;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Fail(exception.Message);
        }
    }

    /// <summary>The library's structures and the user's, at sizes under a budget; null where a formula of the user's is wrong, which is reported.</summary>
    private List<Candidate>? Candidates(FitRequest request, DenseMatrix matrix, double budget)
    {
        (int m, int n) = (matrix.Rows, matrix.Columns);
        List<ParsedFile> files = Parse(request.Files);
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
                    error.WriteLine(DiagnosticText.Format(diagnostic, texts));
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
                BindResult result = WeftCompiler.BindFormula(new SourceText("formula", text), files, FormulaName);
                wrong ??= result;
                bound.AddRange(result.Modules);
                return result.Modules.FirstOrDefault();
            }
        }

        foreach (IEnumerable<string> family in Structures.Of(m, n))
        {
            candidates.AddRange(StructureSearch.Spread(
                family, text => WeftCompiler.BindFormula(new SourceText("formula", text), [], FormulaName).Modules.FirstOrDefault(), budget, asked: null));
        }

        return candidates;
    }

    /// <summary>Prints the machine that maps are run for here.</summary>
    public int PrintMachine()
    {
        try
        {
            output.WriteLine(WeftOptions.Machine);
            return 0;
        }
        catch (FormatException exception)
        {
            return Fail(exception.Message);
        }
    }

    /// <summary>The processor that this runs on.</summary>
    /// <exception cref="FormatException">What the environment pins of the machine is wrong.</exception>
    public static ProcessorModel ThisProcessor()
    {
        const int CommonWays = 8;
        Machine machine = WeftOptions.Machine;
        return new ProcessorModel(
            machine.Name,
            Math.Max(sizeof(double), machine.VectorBits / 8),
            machine.VectorRegisters,
            (int)machine.FirstLevel.Bytes,
            machine.FirstLevel.Ways > 0 ? machine.FirstLevel.Ways : CommonWays,
            (int)machine.SecondLevelOfCore,
            (int)machine.LastLevel);
    }

    /// <summary>Finds the formula, the declaration that is named, or all that the files themselves declare; the exit code where there is none.</summary>
    private int? Choose(IReadOnlyList<string> files, string? formula, string? name, out Bound? bound, out List<int> chosen)
    {
        (bound, chosen) = (null, []);
        if (Missing(files) is { } missing)
        {
            return Fail(missing);
        }

        bound = Bind(files, formula);
        if (bound is null)
        {
            return WrongText;
        }

        EquatableArray<Module> modules = bound.Modules;
        chosen = [.. Enumerable.Range(0, modules.Count).Where(k => name is null || modules[k].Name == name)];
        return chosen.Count > 0 ? null : Fail(modules.Count == 0
            ? "nothing is declared without parameters: name one with its sizes by --formula"
            : $"'{name}' is not declared without parameters; there is {string.Join(", ", modules.Select(module => module.Name))}");
    }

    /// <summary>Compiles one of the modules; null where it is too large, which is reported at its declaration.</summary>
    private T? Try<T>(Bound bound, int module, Func<T> compile)
        where T : class
    {
        try
        {
            return compile();
        }
        catch (CompilationException exception)
        {
            (string path, TextSpan span) = bound.Origins.Count > 0 ? (bound.Origins[module].Path, bound.Origins[module].Name) : (bound.Texts[^1].Path, default);
            error.WriteLine(DiagnosticText.Format(exception.At(path, span), bound.Texts));
            return null;
        }
    }

    /// <summary>What was bound, and the texts that places are in.</summary>
    private sealed record Bound(EquatableArray<Module> Modules, EquatableArray<Origin> Origins, IReadOnlyList<SourceText> Texts);

    private static string? Missing(IReadOnlyList<string> files) =>
        files.FirstOrDefault(file => !File.Exists(file)) is { } missing ? $"there is no file '{missing}'" : null;

    /// <summary>Reports all diagnostics; null where one is an error.</summary>
    private Bound? Bind(IReadOnlyList<string> files, string? formula)
    {
        List<ParsedFile> parsed = Parse(files);
        var formulaText = new SourceText("formula", formula ?? "");
        BindResult result = formula is null
            ? WeftCompiler.Bind(parsed)
            : WeftCompiler.BindFormula(formulaText, parsed, FormulaName);

        List<SourceText> texts = [.. parsed.Select(file => file.Source), formulaText];
        List<Diagnostic> diagnostics = [.. WeftCompiler.InOrder(parsed, parsed.SelectMany(file => file.Diagnostics).Concat(result.Diagnostics))];
        foreach (Diagnostic diagnostic in diagnostics)
        {
            error.WriteLine(DiagnosticText.Format(diagnostic, texts));
        }

        return diagnostics.Any(diagnostic => diagnostic.Severity == Severity.Error) ? null : new Bound(result.Modules, result.Origins, texts);
    }

    /// <summary>Parses files and, after them, those that they import. An import that is not there is left to the compiler to report.</summary>
    private static List<ParsedFile> Parse(IEnumerable<string> files)
    {
        var parsed = new List<ParsedFile>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>(files);
        while (waiting.TryDequeue(out string? path))
        {
            if (!File.Exists(path) || !known.Add(Path.GetFullPath(path)))
            {
                continue;
            }

            ParsedFile file = WeftCompiler.Parse(new SourceText(path, File.ReadAllText(path)));
            parsed.Add(file);
            foreach (ImportSyntax import in file.Syntax.Imports)
            {
                waiting.Enqueue(Path.Combine(Path.GetDirectoryName(path) ?? "", import.File));
            }
        }

        return parsed;
    }

    private int Fail(string message)
    {
        error.WriteLine($"weft: {message}");
        return WrongUsage;
    }
}
