using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tests.Binding;

/// <summary>Texts to modules, for tests.</summary>
internal static class TestModules
{
    public static ParsedFile File(string text, string path = "test.weft") => WeftCompiler.Parse(new SourceText(path, text));

    /// <summary>The module of a formula that must be right.</summary>
    public static Module Formula(string formula, params ParsedFile[] files)
    {
        BindResult result = WeftCompiler.BindFormula(new SourceText("formula", formula), files, "Test");
        Assert.Empty(result.Diagnostics);
        return Assert.Single(result.Modules);
    }

    /// <summary>The last declaration of a text that must be right.</summary>
    public static Module Last(string text)
    {
        Assert.Empty(Diagnostics(text));
        return WeftCompiler.Bind([File(text)]).Modules[^1] with { Name = "F" };
    }

    /// <summary>All diagnostics of a text, as <c>line:column id message</c> counted from one.</summary>
    public static IReadOnlyList<string> Diagnostics(string text)
    {
        ParsedFile file = File(text);
        return [.. file.Diagnostics.Concat(WeftCompiler.Bind([file]).Diagnostics).OrderBy(diagnostic => diagnostic.Span.Start).Select(diagnostic => Show(file, diagnostic))];
    }

    public static string Show(ParsedFile file, Diagnostic diagnostic)
    {
        LinePosition position = file.Source.PositionAt(diagnostic.Span.Start);
        return $"{position.Line + 1}:{position.Character + 1} {diagnostic.Id} {diagnostic.Message}";
    }
}
