using System.Globalization;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Weft.Compiler;
using Weft.Compiler.Text;

namespace Weft.Generators.Models;

/// <summary>The project's properties, as written.</summary>
internal sealed record ProjectOptions(
    string RootNamespace,
    string Directory,
    string Visibility,
    string Scalar,
    string Batch,
    string Targets,
    string Generate)
{
    public static ProjectOptions Read(AnalyzerConfigOptions options) => new(
        Property(options, "RootNamespace"),
        Property(options, "ProjectDir"),
        Property(options, "WeftVisibility"),
        Property(options, "WeftScalar"),
        Property(options, "WeftBatch"),
        Property(options, "WeftTargets"),
        Property(options, "WeftGenerate"));

    private static string Property(AnalyzerConfigOptions options, string name) =>
        options.TryGetValue("build_property." + name, out string? value) ? value.Trim() : "";
}

/// <summary>What a <c>.weft</c> file's types are like: its item's metadata, else the project's properties, else the defaults.</summary>
/// <param name="Path">The path of the file.</param>
/// <param name="Namespace">The namespace of its types.</param>
/// <param name="Visibility"><c>public</c> or <c>internal</c>.</param>
/// <param name="Scalar">The element type of its types.</param>
/// <param name="Batch">The rows that their plans are made for.</param>
/// <param name="Targets">The devices that its types run on besides the processor.</param>
/// <param name="Generate">Whether the file makes types at all, or is there for other files to use.</param>
/// <param name="Problems">What is wrong with the options themselves.</param>
internal sealed record WeftFileOptions(
    string Path,
    string Namespace,
    string Visibility,
    Scalar Scalar,
    int Batch,
    DeviceTargets Targets,
    bool Generate,
    EquatableArray<DiagnosticInfo> Problems)
{
    public static WeftFileOptions Read(string path, AnalyzerConfigOptions file, ProjectOptions project)
    {
        var reader = new OptionReader(Place.None with { Path = path });
        string Own(string name) =>
            file.TryGetValue("build_metadata.AdditionalFiles." + name, out string? value) ? value.Trim() : "";
        string OwnOr(string name, string inherited) => Own(name) is { Length: > 0 } own ? own : inherited;

        string ownNamespace = Own("WeftNamespace");
        return new WeftFileOptions(
            path,
            ownNamespace.Length > 0
                ? Namespaces.Escape(ownNamespace)
                : Namespaces.OfFile(project.RootNamespace, project.Directory, path),
            reader.Choice("WeftVisibility", OwnOr("WeftVisibility", project.Visibility), "public", "internal"),
            reader.Scalar(OwnOr("WeftScalar", project.Scalar)),
            reader.Batch(OwnOr("WeftBatch", project.Batch)),
            reader.Targets(OwnOr("WeftTargets", project.Targets)),
            reader.Choice("WeftGenerate", OwnOr("WeftGenerate", project.Generate), "true", "false") == "true",
            reader.Problems.ToEquatable());
    }
}

/// <summary>Reads options, and remembers those whose values mean nothing.</summary>
internal sealed class OptionReader(Place place)
{
    public const int DefaultBatch = 64;

    public List<DiagnosticInfo> Problems { get; } = [];

    public Scalar Scalar(string value) => Choice("WeftScalar", value, "float", "double") == "double"
        ? Compiler.Scalar.Double
        : Compiler.Scalar.Float;

    /// <summary>Names joined by commas; ILGPU where nothing is written.</summary>
    public DeviceTargets Targets(string value)
    {
        if (value.Length == 0)
        {
            return DeviceTargets.Ilgpu;
        }

        var targets = DeviceTargets.None;
        foreach (string name in value.Split(','))
        {
            switch (name.Trim().ToLowerInvariant())
            {
                case "cpu":
                    break;
                case "opencl":
                    targets |= DeviceTargets.OpenCl;
                    break;
                case "ilgpu":
                    targets |= DeviceTargets.Ilgpu;
                    break;
                default:
                    Problems.Add(DiagnosticInfo.Of(Descriptors.BadOption, place, "WeftTargets", value, "'cpu', 'opencl', 'ilgpu', or 'opencl,ilgpu'"));
                    return DeviceTargets.None;
            }
        }

        return targets;
    }

    public int Batch(string value)
    {
        if (value.Length == 0)
        {
            return DefaultBatch;
        }

        if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int rows) && rows > 0)
        {
            return rows;
        }

        Problems.Add(DiagnosticInfo.Of(Descriptors.BadOption, place, "WeftBatch", value, "a number of rows from 1"));
        return DefaultBatch;
    }

    /// <summary>One of two values; the first where nothing is written.</summary>
    public string Choice(string name, string value, string first, string second)
    {
        if (value.Length == 0 || string.Equals(value, first, StringComparison.OrdinalIgnoreCase))
        {
            return first;
        }

        if (string.Equals(value, second, StringComparison.OrdinalIgnoreCase))
        {
            return second;
        }

        Problems.Add(DiagnosticInfo.Of(Descriptors.BadOption, place, name, value, $"'{first}' or '{second}'"));
        return first;
    }
}

/// <summary>Namespaces as C# files in the same place get them.</summary>
internal static class Namespaces
{
    /// <summary>The root namespace and the folders from the project to the file; the root alone for a file outside the project.</summary>
    public static string OfFile(string root, string projectDirectory, string path)
    {
        string directory = projectDirectory.Replace('\\', '/').TrimEnd('/') + "/";
        string file = path.Replace('\\', '/');
        string folders = directory.Length > 1 && file.StartsWith(directory, StringComparison.OrdinalIgnoreCase)
            ? file.Substring(directory.Length)
            : "";
        int lastSlash = folders.LastIndexOf('/');
        return Escape(root + "." + (lastSlash < 0 ? "" : folders.Substring(0, lastSlash).Replace('/', '.')));
    }

    /// <summary>Makes every part a C# name: <c>my-lib.class</c> becomes <c>my_lib.@class</c>.</summary>
    public static string Escape(string name) =>
        string.Join(".", name.Split(['.'], StringSplitOptions.RemoveEmptyEntries).Select(EscapePart));

    private static string EscapePart(string part)
    {
        string identifier = string.Concat(part.Select(c => SyntaxFacts.IsIdentifierPartCharacter(c) ? c : '_'));
        if (!SyntaxFacts.IsIdentifierStartCharacter(identifier[0]))
        {
            identifier = "_" + identifier;
        }

        return SyntaxFacts.GetKeywordKind(identifier) == SyntaxKind.None ? identifier : "@" + identifier;
    }
}
