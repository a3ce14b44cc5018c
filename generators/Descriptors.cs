using Microsoft.CodeAnalysis;
using Weft.Compiler.Text;

namespace Weft.Generators;

/// <summary>The diagnostics of the generator itself (WEFT0400 to WEFT0499), and the Roslyn form of the compiler's.</summary>
internal static class Descriptors
{
    /// <summary>The attribute is on a class that is not partial, or that is in a type that is not.</summary>
    public const string NotPartial = "WEFT0400";

    /// <summary>The attribute is on a type that cannot be a map: static, abstract, generic, a record, a file's own.</summary>
    public const string UnsuitableType = "WEFT0401";

    /// <summary>The class already has another base class.</summary>
    public const string OtherBase = "WEFT0402";

    /// <summary>The attribute has no formula.</summary>
    public const string NoFormula = "WEFT0403";

    /// <summary>An option of the attribute, the file or the project has no such value.</summary>
    public const string BadOption = "WEFT0404";

    /// <summary>Two declarations become the same C# type.</summary>
    public const string SameType = "WEFT0405";

    /// <summary>The names of two generated types differ in case only: their files would have the same name.</summary>
    public const string SameFile = "WEFT0406";

    /// <summary>A mistake of ours.</summary>
    public const string Internal = "WEFT9999";

    public static DiagnosticDescriptor For(string id, Severity severity) => new(
        id,
        "Weft",
        "{0}",
        "Weft",
        severity switch
        {
            Severity.Info => DiagnosticSeverity.Info,
            Severity.Warning => DiagnosticSeverity.Warning,
            _ => DiagnosticSeverity.Error,
        },
        isEnabledByDefault: true);
}
