using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tool;

/// <summary>One run of the tool: files and perhaps a formula over them.</summary>
internal sealed class Session(IEnumerable<FileInfo> files, string? formula)
{
    private const string FormulaPath = "formula";

    /// <summary>Prints the diagnostics; 0 where none is an error.</summary>
    public int Check() => Bind() is null ? 1 : 0;

    /// <summary>Prints a text of each declaration, or of the one that is named.</summary>
    public int Print(string? name, int batch, Scalar scalar, Func<GeneratedType, string> text)
    {
        if (formula is null && !files.Any())
        {
            return Fail("a file or --formula was expected");
        }

        if (Bind() is not { } modules)
        {
            return 1;
        }

        List<Module> chosen = modules.Where(module => name is null || module.Name == name).ToList();
        if (chosen.Count == 0)
        {
            string declared = modules.Count == 0 ? "nothing without parameters" : string.Join(", ", modules.Select(module => module.Name));
            return Fail(name is null ? "no declaration without parameters was found" : $"'{name}' was not found; there is {declared}");
        }

        foreach (Module module in chosen)
        {
            var options = new GenerateOptions(TypeNames.Of(module.Name), Scalar: scalar, Batch: batch);
            Console.Out.WriteLine(text(ModuleCompiler.Compile(module, options)).TrimEnd());
        }

        return 0;
    }

    private List<Module>? Bind()
    {
        var parsed = new List<ParsedFile>();
        foreach (FileInfo file in files)
        {
            if (!file.Exists)
            {
                Fail($"there is no file '{file}'");
                return null;
            }

            parsed.Add(WeftCompiler.Parse(new SourceText(file.ToString(), File.ReadAllText(file.FullName))));
        }

        var formulaText = new SourceText(FormulaPath, formula ?? "");
        BindResult result = formula is null
            ? WeftCompiler.Bind(parsed)
            : WeftCompiler.BindFormula(formulaText, parsed, "Formula");

        List<SourceText> texts = [.. parsed.Select(file => file.Source), formulaText];
        List<Diagnostic> diagnostics = [.. parsed.SelectMany(file => file.Diagnostics).Concat(result.Diagnostics).Distinct()];
        foreach (Diagnostic diagnostic in diagnostics)
        {
            Console.Error.WriteLine(DiagnosticText.Format(diagnostic, texts));
        }

        return diagnostics.Any(diagnostic => diagnostic.Severity == Severity.Error) ? null : [.. result.Modules];
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"weft: {message}");
        return 1;
    }
}
