using System.Globalization;
using System.Reflection;

namespace Weft.Compiler.Text;

/// <summary>One kind of <see cref="Diagnostic"/>: what all of its occurrences have in common.</summary>
/// <param name="Id"><c>WEFT</c> and four digits; never used again for something else.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Title">What is wrong, in a few words.</param>
/// <param name="Format">The message, with the places of one occurrence as <c>{0}</c>.</param>
public sealed record DiagnosticDescriptor(string Id, Severity Severity, string Title, string Format)
{
    /// <summary>What users wrote may be of any length: more of it in a message is read by nobody.</summary>
    private const int MostCharacters = 600;

    /// <summary>The address of what docs/diagnostics.md says of it, on the site of the build that made the compiler; null where that has none.</summary>
    public string? HelpLink => LinkOn(DiagnosticDescriptors.Site);

    /// <summary>The same on any site.</summary>
    internal string? LinkOn(string site) => site.Length == 0 ? null : $"{site.TrimEnd('/')}/diagnostics.html#{Id.ToLowerInvariant()}";

    public Diagnostic At(string path, TextSpan span, params object[] arguments) =>
        new(Id, Severity, string.Format(CultureInfo.InvariantCulture, Format, [.. arguments.Select(Shortened)]), path, span)
        {
            Fix = arguments.OfType<Remedy>().FirstOrDefault()?.At(span),
        };

    /// <summary>A text without its middle, where it is too long.</summary>
    internal static object Shortened(object argument) => ((argument as Remedy)?.Text ?? argument) is string { Length: > MostCharacters } text
        ? $"{text.Substring(0, MostCharacters / 2)}…{text.Substring(text.Length - (MostCharacters / 2))}"
        : argument;
}

/// <summary>Every diagnostic that parsing (<c>WEFT0001</c> to <c>0099</c>) and binding (<c>WEFT0100</c> to <c>0199</c>) can give, and <c>WEFT9999</c>.</summary>
public static class DiagnosticDescriptors
{
    public static readonly DiagnosticDescriptor UnexpectedCharacter =
        Error("WEFT0001", "Unexpected character", "unexpected character '{0}'{1}");

    public static readonly DiagnosticDescriptor UnterminatedString =
        Error("WEFT0002", "Unterminated text", "expected '\"' before the end of the line");

    public static readonly DiagnosticDescriptor UnclosedBracket =
        Error("WEFT0003", "Unclosed bracket", "'{0}' is never closed: expected '{1}'");

    public static readonly DiagnosticDescriptor MismatchedBracket =
        Error("WEFT0004", "Mismatched bracket", "expected {0}, found '{1}'");

    public static readonly DiagnosticDescriptor UnexpectedToken =
        Error("WEFT0005", "Syntax error", "expected {0}, found {1}");

    public static readonly DiagnosticDescriptor TooDeep =
        Error("WEFT0006", "Nested too deeply", "nested more than {0} levels deep: name a part with 'let'");

    public static readonly DiagnosticDescriptor MisplacedStatement =
        Error("WEFT0007", "Misplaced statement", "'{0}' belongs inside {1}");

    public static readonly DiagnosticDescriptor MissingBody =
        Error("WEFT0008", "Missing body", "{0} '{1}' has no body: expected {2}");

    public static readonly DiagnosticDescriptor SecondBody =
        Error("WEFT0009", "Second body", "'{0}' already has a body");

    public static readonly DiagnosticDescriptor NumberOutOfRange =
        Error("WEFT0010", "Number out of range", "the number '{0}' is out of range");

    public static readonly DiagnosticDescriptor UnknownName =
        Error("WEFT0100", "Unknown name", "unknown name '{0}'{1}");

    public static readonly DiagnosticDescriptor DuplicateName =
        Error("WEFT0101", "Duplicate name", "'{0}' is already declared here");

    public static readonly DiagnosticDescriptor UnknownImport =
        Error("WEFT0102", "Unknown import", "cannot find '{0}' among the project's Weft files{1}");

    public static readonly DiagnosticDescriptor AmbiguousName =
        Error("WEFT0103", "Ambiguous name", "'{0}' is declared in {1} and in {2}");

    public static readonly DiagnosticDescriptor ArgumentCount =
        Error("WEFT0104", "Wrong number of arguments", "{0} takes {1}, found {2}");

    public static readonly DiagnosticDescriptor NotCallable =
        Error("WEFT0105", "Not callable", "'{0}' is {1} and cannot be called{2}");

    public static readonly DiagnosticDescriptor NeedsArguments =
        Error("WEFT0106", "Arguments needed", "'{0}' needs its arguments: write {1}");

    public static readonly DiagnosticDescriptor Recursion =
        Error("WEFT0107", "Endless recursion", "'{0}' calls itself {1}: {2}; let sizes become smaller, and end by them: 'if n <= 1 then … else …'");

    public static readonly DiagnosticDescriptor TooLarge =
        Error("WEFT0108", "Too large", "{0}");

    public static readonly DiagnosticDescriptor RequireFailed =
        Error("WEFT0109", "Requirement not met", "{0}requires {1}{2}");

    public static readonly DiagnosticDescriptor WrongKind =
        Error("WEFT0110", "Wrong kind of value", "expected {0}, found {1}");

    public static readonly DiagnosticDescriptor NotAnInteger =
        Error("WEFT0111", "Not a whole number", "expected a whole number, found {0}");

    public static readonly DiagnosticDescriptor SizeOutOfRange =
        Error("WEFT0112", "Size out of range", "expected a size from 1 to 2147483647, found {0}");

    public static readonly DiagnosticDescriptor CannotMultiply =
        Error("WEFT0113", "Shapes do not fit in a product", "cannot multiply {0} by {1}: the left factor takes {2} inputs, the right one gives {3} outputs");

    public static readonly DiagnosticDescriptor CannotAdd =
        Error("WEFT0114", "Shapes do not fit in a sum", "cannot add {0} and {1}: both must have the same shape{2}");

    public static readonly DiagnosticDescriptor CannotStack =
        Error("WEFT0115", "Shapes do not fit in a block matrix", "cannot put {0} {1} {2}: both must have the same number of {3}");

    public static readonly DiagnosticDescriptor SignatureMismatch =
        Error("WEFT0116", "Body does not fit the signature", "the signature of '{0}' says {1}, but its body is {2}");

    public static readonly DiagnosticDescriptor ChainMismatch =
        Error("WEFT0117", "Links do not fit", "{0} takes {1} inputs, but is given {2}");

    public static readonly DiagnosticDescriptor WrongAxes =
        Error("WEFT0118", "Wrong number of axes", "{0} needs a tensor of {1}, found {2}");

    public static readonly DiagnosticDescriptor OutOfRange =
        Error("WEFT0119", "Out of range", "{0} is out of range: expected {1}");

    public static readonly DiagnosticDescriptor ExtentConflict =
        Error("WEFT0120", "Extents differ", "{0} has extent {1}, but {2}");

    public static readonly DiagnosticDescriptor ExtentUnknown =
        Error("WEFT0121", "Extent unknown", "the extent of index '{0}' cannot be found from the tensors: state it as '{0}:4'");

    public static readonly DiagnosticDescriptor InputFactor =
        Error("WEFT0122", "Input in index notation", "{0}");

    public static readonly DiagnosticDescriptor OutputIndex =
        Error("WEFT0123", "Index of the result", "{0}");

    public static readonly DiagnosticDescriptor NotAPermutation =
        Error("WEFT0124", "Not a permutation", "expected each of 0 to {0} once, found {1}");

    public static readonly DiagnosticDescriptor UnknownDistribution =
        Error("WEFT0125", "Unknown distribution", "unknown distribution '{0}'{1}");

    public static readonly DiagnosticDescriptor BrokenDeclaration =
        Error("WEFT0126", "Errors in a declaration used here", "'{0}' has errors of its own in {1}");

    public static readonly DiagnosticDescriptor NothingDeclared =
        Error("WEFT0127", "Nothing to generate", "expected a formula, or an operator, layer or model without parameters");

    public static readonly DiagnosticDescriptor InvalidArithmetic =
        Error("WEFT0128", "Invalid arithmetic", "{0} is not a finite number");

    public static readonly DiagnosticDescriptor NotLinear =
        Error("WEFT0129", "Not linear", "'{0}' is not linear: it can be a link of a layer, not a part of an operator");

    public static readonly DiagnosticDescriptor UnusedParameter =
        new("WEFT0130", Severity.Warning, "Unused parameter", "'{0}' is never used");

    public static readonly DiagnosticDescriptor UnknownFormat =
        Error("WEFT0131", "Unknown format", "unknown format '{0}'{1}");

    public static readonly DiagnosticDescriptor ProcessorOnly =
        new("WEFT0132", Severity.Warning, "Not for devices", "'{0}' runs on the processor only: devices do not have {1}");

    public static readonly DiagnosticDescriptor PositionTooLarge =
        Error("WEFT0133", "Position too large", "positions up to {1} are in '{0}', and a float holds whole numbers up to 16777216 only: write Scalar = WeftScalar.Double, or use smaller tables");

    public static readonly DiagnosticDescriptor Internal =
        Error("WEFT9999", "The compiler failed", "the Weft compiler failed, which is a mistake in it: {0}");

    /// <summary>Where the documentation is: the build's <c>PackageProjectUrl</c>, empty where it has none.</summary>
    internal static string Site { get; } = typeof(DiagnosticDescriptors).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == nameof(Site))
        .Value ?? "";

    /// <summary>All of them, in the order of their ids.</summary>
    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
        [.. typeof(DiagnosticDescriptors)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => field.GetValue(null))
            .OfType<DiagnosticDescriptor>()
            .OrderBy(descriptor => descriptor.Id, StringComparer.Ordinal)];

    /// <summary>That of a diagnostic of the compiler.</summary>
    public static DiagnosticDescriptor Find(string id) => All.First(descriptor => descriptor.Id == id);

    private static DiagnosticDescriptor Error(string id, string title, string format) =>
        new(id, Severity.Error, title, format);
}
