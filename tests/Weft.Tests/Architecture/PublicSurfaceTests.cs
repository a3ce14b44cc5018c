using System.ComponentModel;
using System.Reflection;
using System.Text.RegularExpressions;
using Weft.Dynamic;
using Weft.Fitting;
using Weft.OpenCl;

namespace Weft.Tests.Architecture;

/// <summary>What a user of the packages sees: what users read and call; what only generated code does is in Weft.Kernels.</summary>
public class PublicSurfaceTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Type[] Types =
    [
        .. new[] { typeof(Map<>), typeof(Role), typeof(OpenClMap<>), typeof(Projection), typeof(WeftAssembly) }.SelectMany(type => type.Assembly.GetExportedTypes()),
    ];

    private static IEnumerable<Type> OfUsers => Types.Where(type => type.Namespace != "Weft.Kernels");

    [Fact]
    public void NoMethodTakesMoreThanSixArguments() => Assert.Empty(Types
        .SelectMany(type => type.GetMembers(Declared).OfType<MethodBase>())
        .Where(method => IsVisible(method) && method.GetParameters().Length > 6)
        .Select(method => $"{method.DeclaringType}.{method.Name} takes {method.GetParameters().Length}"));

    [Fact]
    public void NothingIsHiddenByAttribute() => Assert.Empty(Types
        .SelectMany(type => type.GetMembers(Declared).Append(type))
        .Where(member => member.IsDefined(typeof(EditorBrowsableAttribute)))
        .Select(member => $"{member.DeclaringType}.{member.Name}"));

    /// <summary>SPEC.md says what each type is for that a user can need.</summary>
    [Fact]
    public void UsersNamespacesHoldWhatUsersNeed()
    {
        string specification = File.ReadAllText(Path.Combine(ArchitectureTests.Root, "SPEC.md"));
        string[] names = [.. OfUsers.Select(type => type.Name.Split('`')[0].Replace("Attribute", "", StringComparison.Ordinal))];
        Assert.Equal(names.Where(name => Regex.IsMatch(specification, $@"\b{name}\b")), names);
    }

    /// <summary>What makes a map, a constructor that generated code calls, may; what users call may not.</summary>
    [Fact]
    public void NoMemberOfUsersNamesAKernel() => Assert.Empty(OfUsers
        .SelectMany(type => type.GetMembers(Declared).OfType<MethodInfo>())
        .Where(method => IsVisible(method) && method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType).Any(IsOfKernels))
        .Select(method => $"{method.DeclaringType}.{method.Name}"));

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsOfKernels(Type type) =>
        type.HasElementType ? IsOfKernels(type.GetElementType()!) : type.Namespace == "Weft.Kernels" || type.GenericTypeArguments.Any(IsOfKernels);
}
