using Microsoft.CodeAnalysis;
using Weft.Compiler.Text;
using Descriptor = Weft.Compiler.Text.DiagnosticDescriptor;

namespace Weft.Generators;

/// <summary>The generator's own diagnostics (<c>WEFT0400</c> to <c>0499</c>), and Roslyn's form of all of them.</summary>
internal static class Descriptors
{
    public static readonly Descriptor NotPartial =
        new("WEFT0400", Severity.Error, "Class is not partial", "'{0}' must be partial: the other part is generated");

    public static readonly Descriptor UnsuitableType =
        new("WEFT0401", Severity.Error, "Type cannot be a map", "'{0}' is {1}: expected a class that can be created");

    public static readonly Descriptor OtherBase =
        new("WEFT0402", Severity.Error, "Class has another base", "'{0}' derives from '{1}': the generated part makes it derive from {2}, and a class has one base");

    public static readonly Descriptor NoFormula =
        new("WEFT0403", Severity.Error, "No formula", "expected a formula, such as \"monarch(1024, 32)\"");

    public static readonly Descriptor BadOption =
        new("WEFT0404", Severity.Error, "Unknown option value", "{0} is '{1}': expected {2}");

    public static readonly Descriptor SameType =
        new("WEFT0405", Severity.Error, "Two declarations of a type", "the type '{0}' is declared at {1} too: neither is made");

    public static readonly Descriptor SameFile =
        new("WEFT0406", Severity.Error, "Names differ in case only", "the type '{0}' differs from '{1}' of {2} in case only: their files would have one name, so neither is made");

    public static readonly Descriptor NeedsUnsafe =
        new("WEFT0407", Severity.Error, "Unsafe code is not allowed", "generated maps walk over memory by pointer: set AllowUnsafeBlocks to true in the project");

    /// <summary>Given by the package's targets: where the language is another, no generator runs.</summary>
    public static readonly Descriptor OtherLanguage =
        new("WEFT0408", Severity.Warning, "Another language than C#", "what Weft generates is C#: a project in another language gets no types, so put its .weft files into a C# project and reference that");

    public static readonly Descriptor SameMember =
        new("WEFT0409", Severity.Error, "Member of the generated part", "'{0}' declares {1}, which its generated part has for {2}: expected {3}");

    /// <summary>Of <see cref="RemedyAnalyzer"/>.</summary>
    public static readonly Descriptor Remedy =
        new("WEFT0410", Severity.Hidden, "Remedy", "{0}");

    /// <summary>Those above, and the compiler's.</summary>
    public static IReadOnlyList<Descriptor> All { get; } =
    [
        .. DiagnosticDescriptors.All,
        NotPartial, UnsuitableType, OtherBase, NoFormula, BadOption, SameType, SameFile, NeedsUnsafe, OtherLanguage, SameMember, Remedy,
    ];

    private static readonly Dictionary<string, Microsoft.CodeAnalysis.DiagnosticDescriptor> ById =
        All.ToDictionary(descriptor => descriptor.Id, ToRoslyn, StringComparer.Ordinal);

    /// <summary>Roslyn's form. The message is finished before it gets there, so its format is the message itself.</summary>
    public static Microsoft.CodeAnalysis.DiagnosticDescriptor For(string id, Severity severity) =>
        ById.TryGetValue(id, out var known) ? known : ToRoslyn(new Descriptor(id, severity, id, "{0}"));

    private static Microsoft.CodeAnalysis.DiagnosticDescriptor ToRoslyn(Descriptor descriptor) => new(
        descriptor.Id,
        descriptor.Title,
        "{0}",
        "Weft",
        descriptor.Severity switch
        {
            Severity.Hidden => DiagnosticSeverity.Hidden,
            Severity.Info => DiagnosticSeverity.Info,
            Severity.Warning => DiagnosticSeverity.Warning,
            _ => DiagnosticSeverity.Error,
        },
        isEnabledByDefault: true,
        helpLinkUri: descriptor.HelpLink);
}
