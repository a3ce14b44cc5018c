using System.Text;
using Weft.Compiler;
using Weft.Compiler.Editing;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using Weft.Fuzz.Inputs;

namespace Weft.Fuzz.Targets;

/// <summary>The scanner, the parser and the formatter: any text gives a tree and diagnostics, and formatted the same tree.</summary>
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
        string printed = SyntaxPrinter.Print(file.Syntax);
        if (Formatter.Format(file) is not { } formatted)
        {
            return;
        }

        ParsedFile again = WeftCompiler.Parse(new SourceText("t.weft", formatted));
        if (again.Diagnostics.Count > 0 || SyntaxPrinter.Print(again.Syntax) != printed)
        {
            throw new FuzzException($"formatting changes what it says: {formatted}");
        }

        if (Formatter.Format(again) != formatted)
        {
            throw new FuzzException($"formatting changes what is formatted: {formatted}");
        }
    }
}
