using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.LanguageServer;

/// <summary>Commands above each declaration that becomes a type: what <c>weft explain</c> and <c>weft emit</c> print.</summary>
internal static class Lenses
{
    public const string Explain = "weft.explain", Emit = "weft.emit";

    public static CodeLens[] Of(Snapshot snapshot, ParsedFile file, string uri) =>
    [
        .. file.Syntax.Declarations
            .Where(declaration => declaration is MapSyntax { IsBroken: false, Parameters.Count: 0 })
            .SelectMany(declaration => new[] { ("explain", Explain), ("show generated C#", Emit) }.Select(lens => new CodeLens(
                snapshot.Lines(file).RangeOf(declaration.Name.Span), new Command(lens.Item1, lens.Item2, [uri, declaration.Name.Text])))),
    ];

    /// <summary>The text that a command makes of a declaration, with the name of a file for it; null where it has errors.</summary>
    public static async Task<(string File, string Text)?> RunAsync(Snapshot snapshot, string command, string uri, string name)
    {
        Bound bound = await snapshot.Bound;
        string path = Paths.Of(uri);
        Module? module = bound.Result.Modules.Where((module, k) => module.Name == name && bound.Result.Origins[k].Path == path).FirstOrDefault();
        if (module is null)
        {
            return null;
        }

        GeneratedType type = Compile(module, snapshot.Stopped);
        return command == Emit ? ($"{TypeNames.Of(name)}.cs", type.Code) : ($"{name}.txt", type.Explanation.ToString());
    }

    /// <exception cref="CompilationException">The module is too large.</exception>
    public static GeneratedType Compile(Module module, CancellationToken ct) =>
        ModuleCompiler.Compile(module, new GenerateOptions(TypeNames.Of(module.Name)), ct);
}
