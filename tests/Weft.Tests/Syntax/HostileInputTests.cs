using System.Text;
using Weft.Compiler;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tests.Syntax;

/// <summary>Whatever a text holds ends in diagnostics: on a stack as small as those that compilers run on.</summary>
public class HostileInputTests
{
    private const int StackSize = 1024 * 1024;
    private const int Many = 100_000;

    public static TheoryData<string, string> Texts => new()
    {
        { "open", "= " + Repeat("(") },
        { "nested", "= " + Repeat("(") + "eye(3)" + Repeat(")") },
        { "nested at the limit", "= " + Repeat("(", 198) + "eye(3)" + Repeat(")", 198) },
        { "nested in chains", "= " + Repeat("1 + 2 * (", 199) + "$" + Repeat(")", 199) },
        { "nested calls that fail inside", "= " + Repeat("f(1, ", 150) + "* *" + Repeat(")", 150) },
        { "brackets", "= " + Repeat("[") + "1" + Repeat("]") },
        { "closed", "= " + Repeat(")") },
        { "minus", "= " + Repeat("-") + "eye(3)" },
        { "not", "require " + Repeat("not ") + "1 < 2\n = eye(3)" },
        { "prime", "= eye(3)" + Repeat("'") },
        { "sum", "= eye(3)" + Repeat(" + eye(3)") },
        { "product", "= eye(3)" + Repeat(" * eye(3)") },
        { "kronecker", "= eye(3)" + Repeat(" ⊗ eye(3)") },
        { "repetitions", "= " + Repeat("sum(i < 2) ") + "eye(3)" },
        { "repetitions in each other", "= " + Repeat("sum(i < 2) ", 100) + "(eye(3) * i)" },
        { "slices", "param A[3, 3]\n = A" + Repeat("[:, :]'") },
        { "statements", Repeat("let a = (\n") },
        { "lets", string.Concat(Enumerable.Range(0, 2000).Select(i => $"let A{i + 1} = " + (i == 0 ? "eye(3)\n" : $"A{i}' + A{i}\n"))) + "= A1000" },
        { "tower of lets", string.Concat(Enumerable.Range(0, 2000).Select(i => $"let A{i + 1} = " + (i == 0 ? "eye(3)\n" : $"2 * A{i}'\n"))) + "= A1999" },
        { "quotes", Repeat("\"") },
        { "surrogates", Repeat("\ud83d\ude00\ud83d") },
        { "long name", "= " + Repeat("a") },
        { "long number", "= " + Repeat("9") },
        { "indices", "y[" + Repeat("i ") + "] = x[i]" },
        { "terms", "y[i] = x[i]" + Repeat(" + x[i]") },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void EndsInDiagnostics(string name, string body)
    {
        Assert.NotNull(name);
        CompileOnSmallStack($"operator f : 3 -> 3\n  {body}\n");
    }

    [Fact]
    public void ChainsOfCallsEndInDiagnostics()
    {
        var text = new StringBuilder("operator f0(n) : n -> n = eye(n)\noperator g0(n) : n -> n = eye(n)\n");
        for (int i = 1; i < 3000; i++)
        {
            text.Append($"operator f{i}(n) : n -> n = {Repeat("2 * (1 - ", 4)}f{i - 1}(n){Repeat(")", 4)}\n");
            text.Append($"operator g{i}(n) : n -> n = g{i - 1}(n)\n");
        }

        text.Append("operator f : 3 -> 3 = f2999(3)\noperator g : 3 -> 3 = g2999(3)\n");
        Assert.Contains("levels deep", CompileOnSmallStack(text.ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public void MutationsOfTheStandardLibraryEndInDiagnostics()
    {
        const string Alphabet = "()[]{},;:=+-*/%<>~.'\"⊗⊕ᵀ \n0129abkmnrxy_$\\/";
        var random = new Random(20241);
        string library = string.Concat(StandardLibrary.Files.Select(file => file.Source.Text))
            + "operator T : 15 -> 15 = monarch(15, 3)\noperator U : 42 -> 30 = tensor_train([3, 5, 2], [7, 2, 3], [1, 3, 2, 1])\n";
        var texts = new List<string>();
        for (int i = 0; i < 150; i++)
        {
            var text = new StringBuilder(library);
            for (int edit = random.Next(1, 12); edit > 0; edit--)
            {
                int at = random.Next(text.Length);
                switch (random.Next(4))
                {
                    case 0:
                        text.Remove(at, Math.Min(random.Next(1, 30), text.Length - at));
                        break;
                    case 1:
                        text.Insert(at, Alphabet[random.Next(Alphabet.Length)]);
                        break;
                    case 2:
                        text[at] = Alphabet[random.Next(Alphabet.Length)];
                        break;
                    default:
                        text.Insert(at, library.AsSpan(random.Next(library.Length - 40), random.Next(1, 40)));
                        break;
                }
            }

            texts.Add(text.ToString());
        }

        CompileOnSmallStack([.. texts]);
    }

    private static string Repeat(string text, int count = Many) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();

    /// <summary>Compiles as a file and as a formula, and checks that every diagnostic points into the text.</summary>
    private static string CompileOnSmallStack(params string[] texts)
    {
        string messages = "";
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    messages = string.Join("\n", texts.Select(Compile));
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            },
            StackSize);
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(120)), "It takes too long.");
        Assert.Null(failure);
        return messages;
    }

    private static string Compile(string text)
    {
        var source = new SourceText("test.weft", text);
        ParsedFile file = WeftCompiler.Parse(source);
        Diagnostic[] diagnostics =
        [
            .. file.Diagnostics,
            .. WeftCompiler.Bind([file]).Diagnostics,
            .. WeftCompiler.BindFormula(source, [], "Test").Diagnostics,
        ];
        Assert.All(diagnostics, diagnostic => Assert.InRange(diagnostic.Span.End, diagnostic.Span.Start, text.Length));
        SyntaxPrinter.Print(file.Syntax);
        return string.Join("\n", diagnostics.Select(diagnostic => diagnostic.Message));
    }
}
