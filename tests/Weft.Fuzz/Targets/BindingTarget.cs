using System.Text;
using Weft.Compiler;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Fuzz.Inputs;

namespace Weft.Fuzz.Targets;

/// <summary>The binder: any text gives modules or diagnostics, in bounded work; as a file and as a formula.</summary>
internal sealed class BindingTarget : TextTarget
{
    public override string Name => "binding";

    // Each text is bound twice.
    public override long MostAllocated => 2 * base.MostAllocated;

    public override byte[] Make(Random random) => random.Next(10) switch
    {
        0 => MutatedBytes(random),
        1 => Encoding.UTF8.GetBytes(Mutations.OfTokens(Texts.Call(random), random, random.Next(3))),
        < 5 => MutatedTokens(random, 1),
        _ => MutatedTokens(random, random.Next(1, 5)),
    };

    public override void Run(byte[] input)
    {
        string text = Text(input);
        var source = new SourceText("t.weft", text);
        ParsedFile file = WeftCompiler.Parse(source);
        Check([.. file.Diagnostics, .. WeftCompiler.Bind([file]).Diagnostics], text.Length);
        Check(WeftCompiler.BindFormula(source, [], "T").Diagnostics, text.Length);
    }
}
