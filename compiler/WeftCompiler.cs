using Weft.Compiler.Algebra;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Compiler;

/// <summary>The modules that texts declare, and what is wrong with them.</summary>
/// <param name="Modules">The modules that could be bound.</param>
/// <param name="Diagnostics">In the order of the files and of their places. Those of parsing a file are in its <see cref="ParsedFile"/>.</param>
/// <param name="Origins">Where each of the modules is declared, in their order. Empty for a formula, which is its own origin.</param>
public sealed record BindResult(
    EquatableArray<Module> Modules,
    EquatableArray<Diagnostic> Diagnostics,
    EquatableArray<Origin> Origins = default);

/// <summary>The name of a declaration, where it is declared.</summary>
/// <param name="Path">The <see cref="SourceText.Path"/> of the file.</param>
/// <param name="Name">The place of the name.</param>
public sealed record Origin(string Path, TextSpan Name);

/// <summary>The entry to the compiler: from texts to modules.</summary>
public static class WeftCompiler
{
    /// <summary>Parses one text. The result depends on nothing else, so it can be cached by the text.</summary>
    public static ParsedFile Parse(SourceText source) => WeftParser.Parse(source);

    /// <summary>Binds every operator, layer and model without parameters in these files.</summary>
    /// <param name="files">The files of a project; they can import one another, and all see the standard library.</param>
    /// <param name="ct">Stops the work.</param>
    /// <param name="parts">Where what the parts of the files come to is noted, if anywhere.</param>
    public static BindResult Bind(IReadOnlyList<ParsedFile> files, CancellationToken ct = default, BoundParts? parts = null)
    {
        var diagnostics = new List<Diagnostic>();
        ScopeTable table = Resolve(files, diagnostics);
        foreach (FileScope scope in table.Scopes)
        {
            new NameChecker(scope, table, diagnostics, ct).CheckFile();
        }

        HashSet<string> visible = [.. files.Select(file => file.Source.Path)];
        var modules = new List<Module>();
        var origins = new List<Origin>();
        foreach (Declaration declaration in table.Scopes.SelectMany(ConcreteDeclarations))
        {
            if (new BindingContext(table, visible, diagnostics, ct) { Parts = parts }.Modules.Bind(declaration, declaration.Name) is { } module)
            {
                modules.Add(module);
                origins.Add(new Origin(declaration.Scope.Path, declaration.Syntax.Name.Span));
            }
        }

        return new BindResult(modules.ToEquatable(), InOrder(files, diagnostics), origins.ToEquatable());
    }

    /// <summary>
    /// Binds the text of an attribute: one formula, such as <c>monarch(1024, 32)</c> or the name of a declaration without
    /// parameters, or a whole text with declarations, of which the last without parameters counts.
    /// </summary>
    /// <param name="formula">The text of the formula.</param>
    /// <param name="files">The project's files, whose declarations it can name.</param>
    /// <param name="name">The name of the module.</param>
    /// <param name="ct">Stops the work.</param>
    /// <param name="members">What the module's type is to have besides: the flags of <see cref="MapMember"/>.</param>
    /// <returns>One module and those of its members, in the order of <see cref="MapMember.All"/>, or diagnostics that all point into <paramref name="formula"/>.</returns>
    public static BindResult BindFormula(SourceText formula, IReadOnlyList<ParsedFile> files, string name, CancellationToken ct = default, int members = 0)
    {
        ScopeTable table = Resolve(files, []);
        var diagnostics = new List<Diagnostic>();
        ModuleBinder binder = new BindingContext(table, [formula.Path], diagnostics, ct).Modules;
        FileScope scope;
        Module? module;
        if (WeftParser.ParseFormula(formula) is { } parsed)
        {
            diagnostics.AddRange(parsed.Diagnostics);
            scope = new FileScope(new ParsedFile(formula, new FileSyntax(default, default, default), default), StandardLibrary.Scope);
            scope.Imported.AddRange(table.Scopes);
            module = diagnostics.Count == 0 && new NameChecker(scope, table, diagnostics, ct).CheckFormula(parsed.Links)
                ? binder.Bind(scope, parsed.Links, name)
                : null;
        }
        else
        {
            ParsedFile file = WeftParser.Parse(formula);
            diagnostics.AddRange(file.Diagnostics);
            scope = new FileScope(file, StandardLibrary.Scope);
            table.ResolveImports(scope, diagnostics);
            scope.Imported.AddRange(table.Scopes.Except(scope.Imported).ToList());
            new NameChecker(scope, table, diagnostics, ct).CheckFile();
            Declaration? last = ConcreteDeclarations(scope).LastOrDefault();
            module = last is null ? null : binder.Bind(last, name);
            if (last is null && diagnostics.Count == 0)
            {
                diagnostics.Add(DiagnosticDescriptors.NothingDeclared.At(formula.Path, new TextSpan(0, formula.Text.Length)));
            }
        }

        List<Module?> modules = [module, .. module is null ? [] : MapMember.Of(members).Select(member => binder.Derive(module, scope, member))];
        bool isWrong = modules.Contains(null) || diagnostics.Any(diagnostic => diagnostic.Severity == Severity.Error);
        return new BindResult(isWrong ? default : modules.OfType<Module>().ToEquatable(), InOrder([], diagnostics));
    }

    private static ScopeTable Resolve(IReadOnlyList<ParsedFile> files, List<Diagnostic> diagnostics)
    {
        var table = new ScopeTable(files);
        foreach (FileScope scope in table.Scopes)
        {
            table.ResolveImports(scope, diagnostics);
        }

        return table;
    }

    private static IEnumerable<Declaration> ConcreteDeclarations(FileScope scope) =>
        scope.Declarations.Where(declaration => declaration.Syntax is MapSyntax { Parameters.Count: 0 });

    /// <summary>Diagnostics once each, by the order of the files and then of the places.</summary>
    public static EquatableArray<Diagnostic> InOrder(IReadOnlyList<ParsedFile> files, IEnumerable<Diagnostic> diagnostics)
    {
        List<string> paths = [.. files.Select(file => file.Source.Path)];
        return diagnostics
            .Distinct()
            .OrderBy(diagnostic => paths.IndexOf(diagnostic.Path))
            .ThenBy(diagnostic => diagnostic.Span.Start)
            .ToEquatable();
    }
}
