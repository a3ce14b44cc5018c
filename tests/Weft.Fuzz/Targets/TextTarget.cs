using System.Text;
using Weft.Compiler.Text;
using Weft.Fuzz.Inputs;

namespace Weft.Fuzz.Targets;

/// <summary>A target whose inputs are texts.</summary>
internal abstract class TextTarget : FuzzTarget
{
    /// <summary>Longer messages are read by nobody.</summary>
    private const int MostMessage = 2000;

    private static readonly byte[][] Seeds = [.. Texts.Library.Concat(Texts.Examples).Select(Encoding.UTF8.GetBytes)];

    protected static byte[] MutatedBytes(Random random) => Mutations.OfBytes(Seeds[random.Next(Seeds.Length)], random, Seeds);

    protected static byte[] MutatedTokens(Random random, int edits) => Encoding.UTF8.GetBytes(Mutations.OfTokens(Texts.Module(random), random, edits));

    protected static string Text(byte[] input) => Encoding.UTF8.GetString(input);

    /// <summary>Diagnostics point into the text, are short, and do not say that the compiler failed.</summary>
    protected static void Check(IEnumerable<Diagnostic> diagnostics, int length)
    {
        foreach (Diagnostic diagnostic in diagnostics)
        {
            if (diagnostic.Id == DiagnosticDescriptors.Internal.Id)
            {
                throw new FuzzException($"the compiler failed: {diagnostic.Message}");
            }

            if (diagnostic.Span.Start < 0 || diagnostic.Span.Length < 0 || diagnostic.Span.End > length)
            {
                throw new FuzzException($"a diagnostic outside its text: {diagnostic}");
            }

            if (diagnostic.Message.Length > MostMessage)
            {
                throw new FuzzException($"a long message {diagnostic.Id}: {diagnostic.Message}");
            }
        }
    }
}
