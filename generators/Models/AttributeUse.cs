using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Weft.Compiler;
using Weft.Compiler.Algebra;
using Weft.Compiler.Syntax;
using Weft.Compiler.Text;
using SourceText = Weft.Compiler.Text.SourceText;

namespace Weft.Generators.Models;

/// <summary>A member that a user's part of a class declares; a constructor by its name in metadata.</summary>
internal sealed record UserMember(string Name, Place Place);

/// <summary>One <c>[Weft("…")]</c> on a class.</summary>
/// <param name="TypeName">The name of the class.</param>
/// <param name="Namespace">The namespace of the class.</param>
/// <param name="ContainingTypes">The headers of the types around it, outermost first.</param>
/// <param name="QualifiedName">The name of the class with its namespace and the types around it.</param>
/// <param name="Formula">The text of the formula.</param>
/// <param name="Source">How the formula is written.</param>
/// <param name="Name">The place of the class's name.</param>
/// <param name="Scalar">The element type, where the attribute gives one.</param>
/// <param name="Batch">The rows to plan for, where the attribute gives them.</param>
/// <param name="Targets">What the type runs on, where the attribute says so.</param>
/// <param name="Derived">The flags of what the type has besides its passes.</param>
/// <param name="Accessibility">The accessibility of the class: <c>public</c>.</param>
/// <param name="Base">The map that the user's part derives from: <c>LinearMap&lt;float&gt;</c>; empty where it names none.</param>
/// <param name="Members">What the user's part declares that the generated one could too.</param>
/// <param name="Diagnostics">Why the class cannot be generated.</param>
internal sealed record AttributeUse(
    string TypeName,
    string Namespace,
    EquatableArray<string> ContainingTypes,
    string QualifiedName,
    string Formula,
    LiteralText Source,
    Place Name,
    Scalar? Scalar,
    int? Batch,
    DeviceTargets? Targets,
    int Derived,
    string Accessibility,
    string Base,
    EquatableArray<UserMember> Members,
    EquatableArray<DiagnosticInfo> Diagnostics)
{
    private static readonly SymbolDisplayFormat Qualified =
        SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted);

    /// <summary>Reads the attribute; null where C# itself has already refused its arguments.</summary>
    public static AttributeUse? Read(TypeDeclarationSyntax declaration, INamedTypeSymbol type, AttributeData attribute, CancellationToken cancellationToken)
    {
        if (attribute.ApplicationSyntaxReference?.GetSyntax(cancellationToken) is not AttributeSyntax syntax ||
            syntax.ArgumentList?.Arguments.FirstOrDefault(argument => argument.NameEquals is null) is not { } formulaArgument ||
            attribute.ConstructorArguments.Length == 0)
        {
            return null;
        }

        Place name = Place.Of(declaration.Identifier.GetLocation());
        int members = Named(attribute, "Members") is int flags ? flags : 0;
        List<DiagnosticInfo> diagnostics = Check(type, declaration, name, members).ToList();

        LiteralText source = LiteralText.Of(formulaArgument.Expression);
        string text = attribute.ConstructorArguments[0].Value as string ?? "";
        if (string.IsNullOrWhiteSpace(text))
        {
            diagnostics.Add(DiagnosticInfo.Of(Descriptors.NoFormula, source.Place));
        }

        int? batch = Named(attribute, nameof(Batch)) is int rows ? rows : null;
        if (batch < 1)
        {
            AttributeArgumentSyntax argument = syntax.ArgumentList.Arguments
                .First(argument => argument.NameEquals?.Name.Identifier.ValueText == nameof(Batch));
            diagnostics.Add(DiagnosticInfo.Of(
                Descriptors.BadOption, Place.Of(argument.GetLocation()), nameof(Batch), batch, "a number of rows from 1"));
        }

        return new AttributeUse(
            Escape(type.Name),
            type.ContainingNamespace.IsGlobalNamespace ? "" : type.ContainingNamespace.ToDisplayString(Qualified),
            ContainingTypesOf(declaration).Reverse().Select(outer => $"partial {Keyword(outer)} {outer.Identifier.Text}").ToEquatable(),
            type.ToDisplayString(Qualified),
            text,
            source,
            name,
            Named(attribute, nameof(Scalar)) is int scalar ? (scalar == 1 ? Compiler.Scalar.Double : Compiler.Scalar.Float) : null,
            batch,
            Named(attribute, nameof(Targets)) is int targets ? (DeviceTargets)targets : null,
            members,
            SyntaxFacts.GetText(type.DeclaredAccessibility),
            type.BaseType is { } parent && IsMap(parent) ? parent.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat) : "",
            type.GetMembers()
                .Where(member => member is { IsImplicitlyDeclared: false } and not IMethodSymbol { MethodKind: MethodKind.Constructor, Parameters.Length: > 0 })
                .Select(member => new UserMember(member.Name, Place.Of(member.Locations[0])))
                .ToEquatable(),
            diagnostics.ToEquatable());
    }

    /// <summary>Binds the formula, whose diagnostics have the path of <see cref="Name"/>.</summary>
    public BindResult Bind(IReadOnlyList<ParsedFile> files, CancellationToken cancellationToken) =>
        WeftCompiler.BindFormula(new SourceText(Name.Path, Formula), files, TypeName.TrimStart('@'), cancellationToken, Derived);

    /// <summary>The class and the types around it that are not partial, as they have to be.</summary>
    public static IEnumerable<TypeDeclarationSyntax> Closed(TypeDeclarationSyntax declaration) =>
        ContainingTypesOf(declaration).Prepend(declaration).Where(part => !part.Modifiers.Any(SyntaxKind.PartialKeyword));

    private static object? Named(AttributeData attribute, string name) =>
        attribute.NamedArguments.FirstOrDefault(argument => argument.Key == name).Value.Value;

    private static IEnumerable<DiagnosticInfo> Check(INamedTypeSymbol type, TypeDeclarationSyntax declaration, Place name, int members)
    {
        foreach (TypeDeclarationSyntax part in Closed(declaration))
        {
            yield return DiagnosticInfo.Of(Descriptors.NotPartial, name, part.Identifier.ValueText);
        }

        string? kind =
            type.IsRecord ? "a record"
            : type.TypeKind != TypeKind.Class ? "not a class"
            : type.IsStatic ? "static"
            : type.IsAbstract ? "abstract"
            : type.IsFileLocal ? "local to its file"
            : type.IsGenericType ? "generic, or inside a generic type"
            : TypeNames.IsReserved(type.Name) || MapMember.Of(members).Any(member => type.Name == member.Name || type.Name == member.TypeName) ? "named like a member of its generated part"
            : null;
        if (kind is not null)
        {
            yield return DiagnosticInfo.Of(Descriptors.UnsuitableType, name, type.Name, kind);
        }

        if (type.BaseType is { SpecialType: not (SpecialType.System_Object or SpecialType.System_ValueType) } parent && !IsMap(parent))
        {
            yield return DiagnosticInfo.Of(Descriptors.OtherBase, name, type.Name, parent.Name, "a map of Weft");
        }
    }

    private static bool IsMap(INamedTypeSymbol type) =>
        type is { MetadataName: "Map`1" or "LinearMap`1", ContainingNamespace: { Name: "Weft", ContainingNamespace.IsGlobalNamespace: true } };

    private static IEnumerable<TypeDeclarationSyntax> ContainingTypesOf(TypeDeclarationSyntax declaration) =>
        declaration.Ancestors().OfType<TypeDeclarationSyntax>();

    private static string Keyword(TypeDeclarationSyntax declaration) => declaration is RecordDeclarationSyntax record
        ? $"record {record.ClassOrStructKeyword.Text}".TrimEnd()
        : declaration.Keyword.Text;

    /// <summary>Words of C#, those of some contexts and of later versions too, are of small letters.</summary>
    private static string Escape(string name) => name.All(c => c is >= 'a' and <= 'z') ? "@" + name : name;
}
