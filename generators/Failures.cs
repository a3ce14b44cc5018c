using Weft.Generators.Models;

namespace Weft.Generators;

/// <summary>Mistakes of ours, told in one line: a generator that throws would take all its other output with it.</summary>
internal static class Failures
{
    public static string Describe(Exception exception)
    {
        string where = exception.StackTrace?.Split('\n').FirstOrDefault()?.Trim() ?? "";
        return $"{exception.GetType().Name}: {exception.Message} {where}".Replace('\r', ' ').Replace('\n', ' ').TrimEnd();
    }

    public static DiagnosticInfo Diagnostic(string failure, Place place) =>
        DiagnosticInfo.Of(Descriptors.Internal, place, failure);
}
