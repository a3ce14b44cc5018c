using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tool;

/// <summary>One run of the tool.</summary>
internal sealed class Session(TextWriter output, TextWriter error)
{
    public const int WrongText = 1, WrongUsage = 2;

    private const string FormulaName = "Formula";

    /// <summary>Prints what is wrong with files; 0 where nothing is an error.</summary>
    public int Check(IReadOnlyList<string> files) =>
        Missing(files) is { } missing ? Fail(missing) : Bind(files, formula: null) is null ? WrongText : 0;

    /// <summary>Prints a text of the formula, of the declaration that is named, or of each that the files themselves declare.</summary>
    public int Print(
        IReadOnlyList<string> files, string? formula, string? name, int batch, Scalar scalar, Func<Module, GenerateOptions, string> text)
    {
        if (Missing(files) is { } missing)
        {
            return Fail(missing);
        }

        if (Bind(files, formula) is not { } modules)
        {
            return WrongText;
        }

        List<Module> chosen = [.. modules.Where(module => name is null || module.Name == name)];
        if (chosen.Count == 0)
        {
            return Fail(modules.Count == 0
                ? "nothing is declared without parameters: name one with its sizes by --formula"
                : $"'{name}' is not declared without parameters; there is {string.Join(", ", modules.Select(module => module.Name))}");
        }

        IEnumerable<string> texts = chosen
            .Select(module => new GenerateOptions(TypeNames.Of(module.Name), Scalar: scalar, Batch: batch))
            .Zip(chosen, (options, module) => text(module, options).TrimEnd());
        output.WriteLine(string.Join(Environment.NewLine + Environment.NewLine, texts));

        return 0;
    }

    private static string? Missing(IReadOnlyList<string> files) =>
        files.FirstOrDefault(file => !File.Exists(file)) is { } missing ? $"there is no file '{missing}'" : null;

    /// <summary>Reports all diagnostics; null where one is an error.</summary>
    private IReadOnlyList<Module>? Bind(IReadOnlyList<string> files, string? formula)
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

        return diagnostics.Any(diagnostic => diagnostic.Severity == Severity.Error) ? null : result.Modules;
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
