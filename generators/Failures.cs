using Weft.Compiler.Text;
using Weft.Generators.Models;

namespace Weft.Generators;

/// <summary>What keeps a unit from being generated: a size that does not fit, or a mistake of ours, told in one line. A generator that throws would take all its other output with it.</summary>
internal static class Failures
{
    /// <summary>The diagnostic, at no place yet.</summary>
    public static Diagnostic Of(Exception exception)
    {
        if (exception is CompilationException known)
        {
            return known.At("", default);
        }

        string where = exception.StackTrace?.Split('\n').FirstOrDefault()?.Trim() ?? "";
        return DiagnosticDescriptors.Internal.At(
            "", default, $"{exception.GetType().Name}: {exception.Message} {where}".Replace('\r', ' ').Replace('\n', ' ').TrimEnd());
    }

    public static DiagnosticInfo At(this Diagnostic failure, Place place) => new(failure.Id, failure.Severity, failure.Message, place);
}
