using System.Reflection;
using System.Text.RegularExpressions;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Module = Weft.Compiler.Algebra.Module;

namespace Weft.Examples.Explorer;

/// <summary>Texts to begin with: the standard library's structures, with their own text and sizes that can be drawn, and README's.</summary>
internal static partial class Examples
{
    private static readonly string[] Library =
    [
        "low_rank(64, 64, 4)",
        "monarch(64, 8)",
        "monarch_rectangular(64, 96, 8)",
        "kronecker([8, 8], [8, 8])",
        "kronecker_sum(8, 8)",
        "block_diagonal(64, 64, 8)",
        "tucker(64, 64, 8, 8)",
        "cp([8, 8], [8, 8], 3)",
        "tensor_train([4, 4, 4], [4, 4, 4], [1, 4, 4, 1])",
        "block_tensor_train([8, 8], [8, 8], [1, 4, 1])",
        "blast(64, 64, 4, 4, 8)",
        "householder(64, 8)",
        "circulant(64)",
        "toeplitz(64, 64)",
        "low_displacement_rank(64, 2)",
        "convolution_1d(2, 2, 32, 3)",
        "arrow(64)",
        "n_of_m(64, 64, 2, 4)",
        "dct(64)",
        "walsh_hadamard(64)",
        "fft(8, 8)",
        "lora(64, 64, 4)",
        "dora(64, 64, 4)",
        "oft(64, 64, 8)",
        "vb_lora(64, 64, 4, 2, 16, 8)",
        "feed_forward(64, 256)",
        "swiglu(64, 192)",
        "attention(16, 32, 4, 8)",
        "transformer_block(16, 32, 4, 64)",
        "gru(16, 8, 16)",
    ];

    /// <summary>All of them, in groups.</summary>
    public static IReadOnlyList<Example> All => [.. OfReadme(), .. Library.Select(OfLibrary)];

    private static IEnumerable<Example> OfReadme()
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("README.md")!);
        return [.. Block().Matches(reader.ReadToEnd()).Select(match => match.Groups[1].Value.Trim() + "\n").Select(text => new Example("README", Declared().Matches(text)[^1].Groups[1].Value, text))];
    }

    /// <summary>The declaration as the library has it, which can be changed, and one of its instances.</summary>
    private static Example OfLibrary(string formula)
    {
        string name = formula[..formula.IndexOf('(', StringComparison.Ordinal)];
        (ParsedFile file, DeclarationSyntax declaration) = StandardLibrary.Files
            .SelectMany(file => file.Syntax.Declarations.Select(declaration => (file, declaration)))
            .First(one => one.declaration.Name.Text == name);
        var map = (MapSyntax)declaration;
        string documentation = string.Concat(map.Documentation.Split('\n').Select(line => $"/// {line}\n"));
        Module module = WeftCompiler.BindFormula(new SourceText("example", formula), [], "example").Modules[0];
        string kind = map.Kind.ToString().ToLowerInvariant();
        return new Example("Standard library", name, $"{documentation}{file.Source.Slice(map.Span)}\n\n{kind} example : {module.Inputs} -> {module.Outputs} = {formula}\n");
    }

    [GeneratedRegex("^```weft\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^(?:operator|layer|model) (\w+)", RegexOptions.Multiline)]
    private static partial Regex Declared();
}
