using System.Text;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tests.Syntax;

/// <summary>Whatever a text holds ends in diagnostics: on a stack as small as those that compilers run on.</summary>
public class HostileInputTests
{
    private const int StackSize = 1024 * 1024;
    private const int Many = 100_000;

    // Work, counted by what it allocates: what the binder may do at most, twice; and what grows with the text, no faster than the text.
    private const long MostAllocated = 1L << 29;
    private const long MostAllocatedPerCharacter = 20_000;

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

    public static TheoryData<string, string> Repetitions => new()
    {
        { "gblr(2, 16, 1000000, 20)", "more than 200000 repetitions" },
        { "low_displacement_rank(8, 1000000)", "more than 200000 repetitions" },
        { "2 * low_displacement_rank(4, 65536)' ⊗ eye(2)", "more than 200000 steps" },
        { "surm_displacement(8, 1000000000)", "more than 200000 repetitions" },
        { "product(i < 100000) dense(3, 3)", "more than 20000 parameters" },
        { "product(i < 150000) permute([1, 0])", "more than 200000 steps" },
        { $"permute([{string.Join(", ", Enumerable.Range(0, 65537))}])", "a list of 65537 numbers, where the limit is 65536" },
    };

    /// <summary>A text of a few words can ask for any amount of work: what is too much is said before it is done.</summary>
    [Theory]
    [MemberData(nameof(Repetitions))]
    public void TooMuchWork_IsRefused(string formula, string message) =>
        Assert.Contains(message, CompileOnSmallStack(formula), StringComparison.Ordinal);

    /// <summary>What binds may still be too much for what comes behind the binder, or be little whatever its sizes say.</summary>
    [Theory]
    [InlineData("crop(2147483647, 1, 2147483646)", "the tensor x[2147483647] would have 2147483647 elements")]
    [InlineData("crop(100000000, 1, 99999999)", null)]
    [InlineData("crop(100000000, 50000000, 7) * (eye(20000000) ⊗ dense(5, 5))", null)]
    [InlineData("product(i < 10000) dense(3, 3)", "a product of more than 256 tensors")]
    [InlineData("kron(i < 1000) dense(1, 1)", "a product of more than 256 tensors")]
    public void WhatIsBehindTheBinder_IsBounded(string formula, string? message)
    {
        Module module = Assert.Single(WeftCompiler.BindFormula(new SourceText("test", formula), [], "Test").Modules);
        long before = GC.GetAllocatedBytesForCurrentThread();
        CompilationException? exception = Record.Exception(() => { ModuleCompiler.Compile(module, new GenerateOptions("Test")); }) as CompilationException;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostAllocated);
        Assert.Contains(message ?? "", exception?.Message ?? "", StringComparison.Ordinal);
        Assert.Equal(message is null, exception is null);
    }

    [Fact]
    public void MessagesAreShort_WhateverNamesAre()
    {
        string name = Repeat("a", 9000);
        Assert.All(
            WeftCompiler.BindFormula(new SourceText("test", $"{name}(3) * {name}b"), [], "Test").Diagnostics,
            diagnostic => Assert.InRange(diagnostic.Message.Length, 1, 1500));
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
        thread.Join();
        Assert.Null(failure);
        return messages;
    }

    private static string Compile(string text)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        string messages = Diagnose(text);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostAllocated + (MostAllocatedPerCharacter * text.Length));
        return messages;
    }

    private static string Diagnose(string text)
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
