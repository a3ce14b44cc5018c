using System.ComponentModel;
using System.Reflection;
using System.Text.RegularExpressions;
using Weft.Dynamic;
using Weft.Fitting;
using Weft.Mpi;
using Weft.Onnx;
using Weft.OpenCl;
using Weft.Solvers;

namespace Weft.Tests.Architecture;

/// <summary>What a user of the packages sees: what users read and call; what only generated code does is in Weft.Kernels.</summary>
public class PublicSurfaceTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Type[] Types =
    [
        .. new[] { typeof(Map<>), typeof(Role), typeof(OpenClMap<>), typeof(Projection), typeof(ILinearOperator<>), typeof(WeftAssembly), typeof(OnnxExport), typeof(ProcessGroup) }.SelectMany(type => type.Assembly.GetExportedTypes()),
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

    /// <summary>What a user can need is named in SPEC.md, or a member of what is named takes or gives it.</summary>
    [Fact]
    public void UsersNamespacesHoldWhatUsersNeed()
    {
        string specification = File.ReadAllText(Path.Combine(ArchitectureTests.Root, "SPEC.md"));
        var needed = new HashSet<Type>(OfUsers.Where(type => IsNamed(type) || IsExtension(type)));
        for (int known = 0; known < needed.Count;)
        {
            known = needed.Count;
            needed.UnionWith([.. needed.SelectMany(Uses).Where(type => Types.Contains(type))]);
        }

        Assert.Equal(OfUsers.Where(needed.Contains), OfUsers);

        bool IsNamed(MemberInfo member) =>
            Regex.IsMatch(specification, $@"\b{member.Name.Split('`')[0].Replace("Attribute", "", StringComparison.Ordinal)}\b");

        // A class of extension methods is not named where they are used.
        bool IsExtension(Type type) => type is { IsAbstract: true, IsSealed: true } && type.GetMethods(Declared).Any(method => method.IsPublic && IsNamed(method));
    }

    private static IEnumerable<Type> Uses(Type type) => type.GetMembers(Declared).OfType<MethodInfo>().Where(IsVisible)
        .SelectMany(method => method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType))
        .Append(type.BaseType)
        .OfType<Type>()
        .SelectMany(used => used.GenericTypeArguments.Append(used))
        .Select(used => used.HasElementType ? used.GetElementType()! : used)
        .Select(used => used.IsGenericType ? used.GetGenericTypeDefinition() : used);

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
