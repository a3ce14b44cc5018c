using Weft.Compiler;
using Weft.Compiler.Binding;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Tests.Syntax;

public class WeftParserTests
{
    private const string Everything = """
        // A comment
        import "other.weft"
        /// Vectors that all share.
        bank shared_vectors[64, 8] ~ uniform(0.02)

        /// First line
        ///   second line
        operator everything(n, m[], alpha = n / 2) : n -> prod(m)
          require n % 2 == 0 and not (n < 4 or n > 100) // why
          param A(k < len(m))[m[k], n] ~ zeros, s
          frozen W[n, n], X[n,
            n] ~ normal(1e-2)
          shared seeded(3 + 4) B[n]
          let C = A[0][:, 1..3]' * -W <*> B + - - X ⊕ W ᵀ
          let D = if n^2 < 2^len(m) then W else frozen dense(n, n) . W
          penalty size = norm(W)^2
          penalty sum_of[] = s * A[0][i, j] / 2^n
          let T[i, j c] = 2 * A[0][i, r] * W[r, j c:4] / alpha
          = [C, sum(i < n) (A[0][i] * 2); C, C]
        operator index : 6 -> 6
          param U[2, 3, 4]
          y[i a] = U[i,a,r] * U[j,c,r]
                   * x[j c]
                 - 2 * U[i, a, 0] * x[j:2 c]
        layer act(n) : n -> n = gelu . bias . dense(n, n)
        model Digits : 784 -> 10
          layer stem = act(784)
          layer head = bias . dense(10, 784)
        """;

    [Fact]
    public void EveryConstruct_HasItsPlaceInTheTree()
    {
        ParsedFile file = Parse(Everything);
        Assert.Empty(file.Diagnostics);
        Snapshot.Match(SyntaxPrinter.Print(file.Syntax));
    }

    [Fact]
    public void Printing_IsReadBackAsTheSameTree()
    {
        foreach (ParsedFile file in StandardLibrary.Files.Append(Parse(Everything)))
        {
            string printed = SyntaxPrinter.Print(file.Syntax);
            ParsedFile again = Parse(printed);
            Assert.Empty(again.Diagnostics);
            Assert.Equal(printed, SyntaxPrinter.Print(again.Syntax));
        }
    }

    [Theory]
    [InlineData("a + b - c", "a + b - c")]
    [InlineData("a + b * c ⊗ d", "a + (b * (c ⊗ d))")]
    [InlineData("a ⊕ b + c * d", "(a ⊕ b) + (c * d)")]
    [InlineData("-a * b'", "(-a) * b'")]
    [InlineData("-a[0]'", "-a[0]'")]
    [InlineData("- - a", "a")]
    [InlineData("a or b and not c == d", "a or (b and (not (c == d)))")]
    [InlineData("a <*> b <+> c", "(a ⊗ b) ⊕ c")]
    [InlineData("sum(i < 3) f(i)' * g", "(sum(i < 3) f(i)') * g")]
    [InlineData("sum(i < 3) product(j < 2) A", "sum(i < 3) (product(j < 2) A)")]
    [InlineData("Aᵀ", "A'")]
    [InlineData("-a^2 * b", "(-(a ^ 2)) * b")]
    [InlineData("2^3^n", "2 ^ (3 ^ n)")]
    [InlineData("2^-k^2", "2 ^ (-(k ^ 2))")]
    [InlineData("a ⊗ b'^2 * c[0]^k", "(a ⊗ (b' ^ 2)) * (c[0] ^ k)")]
    [InlineData("sum(i < 3) a[i]^2 * b", "(sum(i < 3) (a[i] ^ 2)) * b")]
    [InlineData("if a < b then f . g else if c then d else e . h", "(if a < b then (f . g) else (if c then d else (e . h)))")]
    [InlineData("a + (if c then d else e)'", "a + (if c then d else e)'")]
    [InlineData("a + if c then d else e", null)]
    [InlineData("if c then d", null)]
    [InlineData("2^", null)]
    [InlineData("1.5e3 / .5", null)]
    public void Precedence_IsAsWritten(string text, string? tree)
    {
        ParsedFile file = Parse($"operator f : 1 -> 1 = {text}");
        if (tree is null)
        {
            Assert.NotEmpty(file.Diagnostics);
            return;
        }

        Assert.Empty(file.Diagnostics);
        var map = (MapSyntax)file.Syntax.Declarations[0];
        Assert.Equal(tree, SyntaxPrinter.Print(((ChainBody)map.Body!).Links[0]));
    }

    [Fact]
    public void Spans_AreExact()
    {
        const string Text = "\n  operator  f : 3 -> 4\n    =   A  *  ( B + C )  // end\n";
        var map = (MapSyntax)Parse(Text).Syntax.Declarations[0];
        Assert.Equal("operator  f : 3 -> 4\n    =   A  *  ( B + C )", Slice(Text, map));
        Assert.Equal("f", Text.Substring(map.Name.Span.Start, map.Name.Span.Length));
        var product = (ChainSyntax)((ChainBody)map.Body!).Links[0];
        Assert.Equal("A", Slice(Text, product.First));
        Assert.Equal("( B + C )", Slice(Text, product.Rest[0].Operand));
    }

    /// <summary>A text, and every message with its place.</summary>
    public static TheoryData<string, string[]> Mistakes => new()
    {
        { "operator f(n : 3 -> 3\n = eye(3)", ["1:11 WEFT0003 '(' is never closed: expected ')'"] },
        { "operator f(n; m) : n -> n\n = eye(n)", ["1:13 WEFT0005 expected ',' or ')', found ';'"] },
        { "operator f 3 -> 3\n = eye(3)", ["1:12 WEFT0005 expected ':' and the sizes, found '3'"] },
        { "operator f : 3\n = eye(3)", ["1:15 WEFT0005 expected '->', found the end of the statement"] },
        { "operator : 3 -> 3\n = eye(3)", ["1:10 WEFT0005 expected a name, found ':'"] },
        { "operator f : 3 -> 3\n  param A[4 3]\n  = A", ["2:13 WEFT0005 expected ',' or ']', found '3'"] },
        { "operator f : 3 -> 3\n  = A +", ["2:8 WEFT0005 expected an expression, found the end of the statement"] },
        { "operator f : 3 -> 3\n  = A * * B", ["2:9 WEFT0005 expected an expression (a power is written a^b), found '*'"] },
        { "operator f : 3 -> 3\n  = eye(3) eye(3)", ["2:12 WEFT0005 expected '.' or the end of the statement, found 'eye'"] },
        { "operator f : 3 -> 3\n  = (eye(3]", ["2:11 WEFT0004 expected ')', found ']'"] },
        { "operator f : 3 -> 3\n  = eye(3))", ["2:11 WEFT0004 expected no closing bracket, found ')'"] },
        { "operator f : 3 -> 3\n  = eye(3) $ 2", ["2:12 WEFT0001 unexpected character '$'"] },
        { "operator f : 3 -> 3\n  let = 3\n  = eye(3)", ["2:7 WEFT0005 expected a name, found '='"] },
        { "operator f : 3 -> 3\n  y[i,] = A[i] * x[i]", ["2:7 WEFT0005 expected an index, found ']'"] },
        { "operator f : 3 -> 3", ["1:10 WEFT0008 operator 'f' has no body: expected '= …' or 'y[…] = …'"] },
        { "operator f : 3 -> 3\n  = eye(3)\n  = eye(3)", ["3:3 WEFT0009 'f' already has a body"] },
        { "param A[3]", ["1:1 WEFT0007 'param' belongs inside an operator or a layer"] },
        { "import \"foo\nimport 5", ["1:8 WEFT0002 expected '\"' before the end of the line", "2:8 WEFT0005 expected a file name in quotes, found '5'"] },
        { "operator f : 3 -> 3\n  = 1e999 * eye(3)", ["2:5 WEFT0010 the number '1e999' is out of range"] },
        { "hello world", ["1:1 WEFT0005 expected a statement such as 'operator', 'param', 'let' or '=', found 'hello'"] },
        { "model M : 3 -> 3\n  = gelu", ["1:7 WEFT0008 model 'M' has no body: expected a line 'layer name = …'", "2:3 WEFT0007 '=' belongs inside an operator or a layer"] },
        {
            "operator f : 3 -> 3\n  param A[3\n  = A\noperator g : 3 -> 3\n  = )\noperator h(n) : -> n\n  = eye(n)",
            [
                "2:10 WEFT0003 '[' is never closed: expected ']'",
                "5:5 WEFT0004 expected no closing bracket, found ')'",
                "6:17 WEFT0005 expected an expression, found '->'",
            ]
        },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Mistakes_AreReportedWhereTheyAre(string text, string[] expected)
    {
        ParsedFile file = Parse(text);
        Assert.Equal(expected, file.Diagnostics.Select(diagnostic =>
        {
            LinePosition position = file.Source.PositionAt(diagnostic.Span.Start);
            return $"{position.Line + 1}:{position.Character + 1} {diagnostic.Id} {diagnostic.Message}";
        }));
    }

    [Fact]
    public void WindowsLineEnds_ChangeNothing()
    {
        ParsedFile file = Parse(Everything.Replace("\n", "\r\n", StringComparison.Ordinal));
        Assert.Empty(file.Diagnostics);
        Assert.Equal(SyntaxPrinter.Print(Parse(Everything).Syntax), SyntaxPrinter.Print(file.Syntax));
    }

    [Fact]
    public void PositionAt_CountsLinesOfBothKinds()
    {
        var source = new SourceText("f", "a\r\nbc\n\nd");
        Assert.Equal(new LinePosition(0, 1), source.PositionAt(1));
        Assert.Equal(new LinePosition(1, 0), source.PositionAt(3));
        Assert.Equal(new LinePosition(3, 1), source.PositionAt(100));
        Assert.Equal(new LinePosition(0, 2), (source with { Text = "xyz" }).PositionAt(2));
    }

    private static ParsedFile Parse(string text) => WeftCompiler.Parse(new SourceText("test.weft", text));

    private static string Slice(string text, SyntaxNode node) => text.Substring(node.Span.Start, node.Span.Length);
}
