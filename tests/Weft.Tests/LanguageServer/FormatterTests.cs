using System.Text;
using System.Text.RegularExpressions;
using Weft.Compiler;
using Weft.Compiler.Binding;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Fuzz.Inputs;
using Weft.Tests.Architecture;

namespace Weft.Tests.LanguageServer;

public partial class FormatterTests
{
    /// <summary>Random texts of each kind; 10,000 take a minute.</summary>
    private const int RandomTexts = 100;

    [Fact]
    public void TheLibraryTheExamplesAndTheSpecification_HaveTheStyle()
    {
        IEnumerable<string> files = new[] { "compiler", "examples", "tests/Weft.Benchmarks.Gpu" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(ArchitectureTests.Root, folder), "*.weft", SearchOption.AllDirectories))
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(File.ReadAllText);
        IEnumerable<string> blocks = new[] { "SPEC.md", "README.md" }
            .SelectMany(name => Block().Matches(File.ReadAllText(Path.Combine(ArchitectureTests.Root, name))).Select(match => match.Groups[1].Value));
        string[] texts = [.. files, .. blocks];
        Assert.True(texts.Length > 60);
        Assert.All(texts, text => Assert.Equal(text, Format(text)));
    }

    /// <summary>What is random between the tokens goes, and what the text says stays.</summary>
    [Fact]
    public void RandomBlanksAndComments_ChangeNothingButThemselves()
    {
        var random = new Random(1);
        int read = 0;
        for (int number = 0; number < RandomTexts; number++)
        {
            string text = random.Next(3) switch
            {
                0 => new Sketch(random).Text,
                1 => Texts.Examples[random.Next(Texts.Examples.Length)],
                _ => Texts.Library[random.Next(Texts.Library.Length)],
            };
            if (Parse(text).Diagnostics.Count > 0)
            {
                continue;
            }

            read++;
            text = Ruffle(text, random);
            ParsedFile before = Parse(text);
            Assert.Empty(before.Diagnostics);
            string formatted = Format(text)!;
            ParsedFile after = Parse(formatted);
            Assert.True(SyntaxPrinter.Print(before.Syntax) == SyntaxPrinter.Print(after.Syntax) && after.Diagnostics.Count == 0, $"{text}\n--- became ---\n{formatted}");
            Assert.Equal(Comments(text), Comments(formatted));
            Assert.Equal(formatted, Format(formatted));
        }

        Assert.True(read > RandomTexts / 2);
    }

    /// <summary>Texts that nobody would write: where they can be read, the same holds.</summary>
    [Fact]
    public void TextsOutOfOrder_KeepTheirMeaning()
    {
        var random = new Random(2);
        int read = 0;
        for (int number = 0; number < RandomTexts; number++)
        {
            string text = Mutations.OfTokens(Texts.Module(random), random, 1);
            ParsedFile before = Parse(text);
            string? formatted = Format(text);
            Assert.Equal(before.Diagnostics.Count > 0, formatted is null);
            if (formatted is not null)
            {
                read++;
                ParsedFile after = Parse(formatted);
                Assert.True(SyntaxPrinter.Print(before.Syntax) == SyntaxPrinter.Print(after.Syntax) && after.Diagnostics.Count == 0, $"{text}\n--- became ---\n{formatted}");
                Assert.Equal(formatted, Format(formatted));
            }
        }

        Assert.True(read > RandomTexts / 20);
    }

    [Theory]
    [InlineData("operator  f( n,m ) :n->m=dense( m,n )", "operator f(n, m) : n -> m = dense(m, n)\n")]
    [InlineData("operator f : 3 -> 3\n\n\n\n= eye( 3 )*2\n\n\n", "operator f : 3 -> 3\n\n  = eye(3) * 2\n")]
    [InlineData("layer f(t,n):t*n->t * n\n= a\n. b\n", "layer f(t, n) : t*n -> t * n\n  = a\n  . b\n")]
    [InlineData("operator f : 3 -> 3\n  y [i]=A[ i,j : 4 ]*x[j]\n+B[i]*x[i]", "operator f : 3 -> 3\n  y[i] = A[i, j:4] * x[j]\n    + B[i] * x[i]\n")]
    [InlineData("operator f : 3 -> 3\n  require - n<3\n  param A[3]~zeros rate - 1, rate[2]\n  = (sum( i<3 ) A[i])(2)", null)]
    [InlineData("operator f : 3 -> 3\n  require - n<3\n  param A[3]~zeros rate - 1, rate[2]\n  = sum( i<3 )[A,B;C,D]'", "operator f : 3 -> 3\n  require -n < 3\n  param A[3] ~ zeros rate -1, rate[2]\n  = sum(i < 3) [A, B; C, D]'\n")]
    [InlineData("operator f : 3 -> 3 // why\n  // above\n= f(\na,\nb\n)\n  // below\n\n// of g\n   /// Text\noperator g : 3 -> 3 = A<*>B", "operator f : 3 -> 3 // why\n  // above\n  = f(\n      a,\n      b\n    )\n  // below\n\n// of g\n/// Text\noperator g : 3 -> 3 = A <*> B\n")]
    [InlineData("model m : 3 -> 3\r\nlayer a=relu.b(3)\r\n", "model m : 3 -> 3\r\n  layer a = relu . b(3)\r\n")]
    [InlineData("operator f( n ) : 2 ^ n->2^ - n = if n<1 then(a ^ 2)else[ A,B ]", "operator f(n) : 2^n -> 2^-n = if n < 1 then (a^2) else [A, B]\n")]
    [InlineData("operator f : 3 -> 3\nparam W[3,3]\npenalty  p=norm( W )^2\n   penalty q[ ]=W[ i,j ]*2^-1\n=W", "operator f : 3 -> 3\n  param W[3, 3]\n  penalty p = norm(W)^2\n  penalty q[] = W[i, j] * 2^-1\n  = W\n")]
    [InlineData("// alone", "// alone\n")]
    [InlineData("", "")]
    [InlineData("operator f : 3 -> 3 = T[ 0 .. 2 , : ]*- - 1+not (a)or b and-c ⊕d", "operator f : 3 -> 3 = T[0..2, :] * --1 + not (a) or b and -c ⊕ d\n")]
    public void Examples(string text, string? expected) => Assert.Equal(expected, Format(text));

    private static string? Format(string text) => Formatter.Format(Parse(text));

    private static ParsedFile Parse(string text) => WeftCompiler.Parse(new SourceText("t.weft", text));

    private static string[] Comments(string text) => [.. Comment().Matches(text).Select(match => match.Value.TrimEnd())];

    /// <summary>A text with other blanks, and comments at ends of lines.</summary>
    private static string Ruffle(string text, Random random)
    {
        var result = new StringBuilder();
        foreach (string line in text.Split('\n'))
        {
            bool isComment = line.TrimStart().StartsWith("//", StringComparison.Ordinal);
            result.Append(' ', random.Next(5));
            result.Append(isComment ? line.TrimStart() : Blank().Replace(line.Trim(), _ => new string(' ', random.Next(1, 4))));
            result.Append(random.Next(8) == 0 && !isComment ? "  // c" + random.Next(100) : "").Append(random.Next(4) == 0 ? "\t" : "");
            result.Append(random.Next(10) == 0 ? "\n\n\n" : random.Next(10) == 0 && !isComment ? "\n    // own line\n" : "\n");
        }

        return result.ToString();
    }

    [GeneratedRegex(@"^```weft(?:-error)?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(" +")]
    private static partial Regex Blank();
}
