using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Tool.Sources;

namespace Weft.Tool;

/// <summary>One run of the tool: what it reads and writes, and what it has found wrong with texts.</summary>
internal sealed class Session(TextReader input, TextWriter output, TextWriter error)
{
    public const int WrongText = 1, WrongUsage = 2;

    /// <summary>The name of the map that a formula is.</summary>
    public const string FormulaName = "Formula";

    private readonly List<Finding> _findings = [];

    public TextWriter Output => output;

    public TextWriter Error => error;

    /// <summary>All that was found wrong, in the order of the texts.</summary>
    public IReadOnlyList<Finding> Findings => _findings;

    /// <summary>Whether what is found wrong is kept and not printed.</summary>
    public bool IsQuiet { get; set; }

    /// <summary>Runs a command; what stops it is told without a trace.</summary>
    public int Run(Func<int> command)
    {
        try
        {
            return command();
        }
        catch (UsageException exception)
        {
            return Fail(exception.Message, WrongUsage);
        }
        catch (Exception exception) when (exception is InvalidDataException or CompilationException)
        {
            return Fail(exception.Message, WrongText);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Fail(exception.Message, WrongUsage);
        }
    }

    public SourceText Read(string path) => SourceFiles.Read(path, input);

    public void Report(Diagnostic diagnostic, IEnumerable<SourceText> texts)
    {
        var finding = new Finding(diagnostic, texts.FirstOrDefault(text => text.Path == diagnostic.Path));
        _findings.Add(finding);
        if (!IsQuiet)
        {
            error.WriteLine(finding);
        }
    }

    /// <summary>Parses the texts that arguments name and, after them, the files that they import. An import that is not there is left to the compiler to report.</summary>
    public IReadOnlyList<ParsedFile> Parse(IEnumerable<string> arguments)
    {
        var parsed = new List<ParsedFile>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>(SourceFiles.Find(arguments));
        while (waiting.TryDequeue(out string? path))
        {
            bool isInput = path == SourceFiles.StandardInput;
            if (!isInput && !(File.Exists(path) && known.Add(Path.GetFullPath(path))))
            {
                continue;
            }

            ParsedFile file = WeftCompiler.Parse(Read(path));
            parsed.Add(file);
            foreach (ImportSyntax import in file.Syntax.Imports)
            {
                waiting.Enqueue(Path.Combine(isInput ? "" : Path.GetDirectoryName(path) ?? "", import.File));
            }
        }

        return parsed;
    }

    /// <summary>Binds what files declare, or a formula over them, and reports all diagnostics; null where one is an error.</summary>
    public BoundTexts? Bind(IReadOnlyList<string> arguments, string? formula)
    {
        IReadOnlyList<ParsedFile> parsed = Parse(arguments);
        var formulaText = new SourceText("formula", formula ?? "");
        BindResult result = formula is null
            ? WeftCompiler.Bind(parsed)
            : WeftCompiler.BindFormula(formulaText, parsed, FormulaName);

        var bound = new BoundTexts(result.Modules, result.Origins, parsed, [.. parsed.Select(file => file.Source), formulaText]);
        List<Diagnostic> diagnostics = [.. WeftCompiler.InOrder(parsed, parsed.SelectMany(file => file.Diagnostics).Concat(result.Diagnostics))];
        diagnostics.ForEach(diagnostic => Report(diagnostic, bound.Texts));
        return diagnostics.Exists(diagnostic => diagnostic.Severity == Severity.Error) ? null : bound;
    }

    /// <summary>Finds the formula, the declaration that is named, or all that the files themselves declare; null where a text is wrong.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public Chosen? Choose(Subject subject)
    {
        if (Bind(subject.Files, subject.Formula) is not { } bound)
        {
            return null;
        }

        EquatableArray<Module> modules = bound.Modules;
        List<int> chosen = [.. Enumerable.Range(0, modules.Count).Where(k => subject.Name is null || modules[k].Name == subject.Name)];
        return chosen.Count > 0 ? new Chosen(bound, chosen) : throw new UsageException(modules.Count == 0
            ? "nothing is declared without parameters: name one with its sizes by --formula"
            : $"'{subject.Name}' is not declared without parameters; there is {string.Join(", ", modules.Select(module => module.Name))}");
    }

    /// <summary>The one declaration that a command is about; null where a text is wrong.</summary>
    /// <exception cref="UsageException">There are several, or none.</exception>
    public Chosen? ChooseOne(Subject subject) => Choose(subject) switch
    {
        { Numbers.Count: > 1 } several => throw new UsageException(
            $"this takes one declaration: name it by --operator; there is {string.Join(", ", several.Bound.Modules.Select(module => module.Name))}"),
        var one => one,
    };

    /// <summary>Compiles one of the modules; null where it is too large, which is reported at its declaration.</summary>
    public T? Try<T>(BoundTexts bound, int module, Func<T?> compile)
        where T : class
    {
        try
        {
            return compile();
        }
        catch (CompilationException exception)
        {
            (string path, TextSpan span) = bound.Origins.Count > 0 ? (bound.Origins[module].Path, bound.Origins[module].Name) : (bound.Texts[^1].Path, default);
            Report(exception.At(path, span), bound.Texts);
            return null;
        }
    }

    /// <summary>Prints a text of each declaration that a command is about, with an empty line between two.</summary>
    public int Print(Subject subject, Func<Module, string> text)
    {
        if (Choose(subject) is not { } chosen)
        {
            return WrongText;
        }

        string?[] texts = [.. chosen.Numbers.Select(number => Try(chosen.Bound, number, () => text(chosen.Bound.Modules[number]).TrimEnd()))];
        output.WriteLine(string.Join(Environment.NewLine + Environment.NewLine, texts.Where(made => made is not null)));
        return texts.Contains(null) ? WrongText : 0;
    }

    private int Fail(string message, int code)
    {
        error.WriteLine($"weft: {message}");
        return code;
    }
}

/// <summary>What was bound, the files, and the texts that places are in.</summary>
internal sealed record BoundTexts(EquatableArray<Module> Modules, EquatableArray<Origin> Origins, IReadOnlyList<ParsedFile> Files, IReadOnlyList<SourceText> Texts);

/// <summary>The modules of what was bound that a command is about, by their numbers.</summary>
internal sealed record Chosen(BoundTexts Bound, IReadOnlyList<int> Numbers)
{
    public IEnumerable<Module> Modules => Numbers.Select(number => Bound.Modules[number]);
}

/// <summary>The declarations of files, one of them, or a formula over them.</summary>
internal sealed record Subject(IReadOnlyList<string> Files, string? Name, string? Formula);

/// <summary>A diagnostic with the text that it is in, where that is known.</summary>
internal sealed record Finding(Diagnostic Diagnostic, SourceText? Text)
{
    public override string ToString() => DiagnosticText.Format(Diagnostic, Text is null ? [] : [Text]);
}

/// <summary>What was asked for cannot be done: a file or a declaration that is not there.</summary>
internal sealed class UsageException(string message) : Exception(message);
