using System.Text;
using Weft.Compiler;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Fuzz.Inputs;

namespace Weft.Fuzz.Targets;

/// <summary>The scanner and the parser: any text gives a tree and diagnostics.</summary>
internal sealed class SyntaxTarget : TextTarget
{
    public override string Name => "syntax";

    public override byte[] Make(Random random) => random.Next(10) switch
    {
        < 5 => MutatedBytes(random),
        < 8 => MutatedTokens(random, Mutations.Few(random)),
        _ => Encoding.UTF8.GetBytes("operator t : 3 -> 3\n  = " + Mutations.Soup(random)),
    };

    public override void Run(byte[] input)
    {
        string text = Text(input);
        ParsedFile file = WeftCompiler.Parse(new SourceText("t.weft", text));
        Check(file.Diagnostics, text.Length);
        SyntaxPrinter.Print(file.Syntax);
    }
}
