using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;

namespace Weft.Generators.Models;

/// <summary>A file, parsed. Without syntax only where the parser itself failed.</summary>
internal sealed record ParsedText(SourceText Source, ParsedFile? File, EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>All the project's files together: what they declare, and what is wrong with them.</summary>
internal sealed record BoundFiles(EquatableArray<Declared<Module>> Modules, EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>A thing and the place that declares it.</summary>
internal sealed record Declared<T>(T Value, Place Place);

/// <summary>An attribute's formula, bound: a unit of work and those of the type's members, unless something is wrong.</summary>
internal sealed record BoundAttribute(Unit? Unit, Place Place, string Accessibility, EquatableArray<DiagnosticInfo> Diagnostics, EquatableArray<Unit> Members = default);

/// <summary>A type to generate. Holds no places, so that moving text around does not generate it again.</summary>
internal sealed record Unit(Module Module, GenerateOptions Options)
{
    /// <summary>The type's full name: what two units must not share.</summary>
    public string TypeName => string.Join(
        ".",
        new[] { Options.Namespace }.Concat(Options.ContainingTypes.Select(LastWord)).Append(Options.TypeName).Where(part => part.Length > 0));

    /// <summary>The name of the generated file.</summary>
    public string HintName => TypeName.Replace("@", "") + ".g.cs";

    /// <summary>The map, and, where the project has ILGPU and the map is meant to run on it, the type that does.</summary>
    public IEnumerable<Unit> Types(string accessibility, bool hasIlgpu)
    {
        if (!Options.Targets.HasFlag(DeviceTargets.Ilgpu))
        {
            return [this];
        }

        return hasIlgpu
            ? [this, this with { Options = Options.ForIlgpu(accessibility) }]
            : [this with { Options = Options with { Targets = Options.Targets & ~DeviceTargets.Ilgpu } }];
    }

    private static string LastWord(string header) => header.Substring(header.LastIndexOf(' ') + 1);
}

/// <summary>A generated file; or, where the compiler failed, what it said. With both it is a warning.</summary>
internal sealed record GeneratedFile(string TypeName, string HintName, string? Code, Diagnostic? Failure);

/// <summary>The type that a declaration becomes.</summary>
internal sealed record DeclaredType(string TypeName, string HintName, bool IsIlgpu, Place Place);
