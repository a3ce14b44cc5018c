namespace Weft.Tests.Generators;

/// <summary>What editors offer inside the formulas of attributes: the compiler's own remedies, as each kind of C# literal writes them.</summary>
public class RemedyTests
{
    [Theory]
    [InlineData("""[Weft("monarh(64, 8)")] public partial class Map;""", "Write 'monarch'", "monarh", """[Weft("monarch(64, 8)")] public partial class Map;""")]
    [InlineData("""[Weft(@"eye(4) @ eye(4)")] public partial class Map;""", "Write '*'", "@", """[Weft(@"eye(4) * eye(4)")] public partial class Map;""")]
    [InlineData("""[Weft("\u0065ye(4) ×\u0020eye(4)")] public partial class Map;""", "Write '*'", "×", """[Weft("\u0065ye(4) *\u0020eye(4)")] public partial class Map;""")]
    [InlineData("""[Weft("helper(8)")] public partial class Map;""", "Write 'helped'", "helper", """[Weft("helped(8)")] public partial class Map;""")]
    [InlineData("""[Weft("eye(4)")] public class Map;""", "Add 'partial'", "Map", """[Weft("eye(4)")] public partial class Map;""")]
    public async Task ARemedy_IsOfferedAtItsPlace(string source, string title, string place, string mended)
    {
        (string, string, string) offered = Assert.Single(await Host(source).OfferedAsync());

        Assert.Equal((title, place, "using Weft;\n" + mended), offered);
        Host(mended).Run().AssertClean();
    }

    [Fact]
    public async Task ARawString_KeepsItsIndentation()
    {
        const string source = "[Weft(\"\"\"\n    operator all : 4 -> 4 = eye(4)\n\n    layer two : 4 -> 4 = gelu(\n        bias(all))\n    \"\"\")]\npublic partial class Map;\n";

        (string _, string place, string mended) = Assert.Single(await Host(source).OfferedAsync());

        Assert.Equal("gelu(\n        bias(all))", place);
        Assert.Contains("\n    layer two : 4 -> 4 = gelu . bias . all\n    \"\"\")]\n", mended, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[Weft("eye(4)")] public partial class Map;""")]
    [InlineData("""[Weft("eye(4) * eye(5)")] public partial class Map;""")]
    [InlineData("""[Weft("monarh" + "(64, 8)")] public partial class Map;""")]
    [InlineData("""[Obsolete("monarh(64, 8)")] public partial class Map;""")]
    public async Task WhereNothingIsToMend_NothingIsOffered(string source) => Assert.Empty(await Host(source).OfferedAsync());

    private static GeneratorHost Host(string source) => new("using Weft;\n" + source, ("/project/own.weft", "operator helped(n) : n -> n = eye(n)\n"));
}
