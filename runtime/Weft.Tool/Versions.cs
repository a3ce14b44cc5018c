using System.Reflection;
using System.Runtime.InteropServices;
using Weft.Compiler;

namespace Weft.Tool;

/// <summary>Which tool, compiler and runtime this is.</summary>
internal static class Versions
{
    /// <summary>The version of the tool alone.</summary>
    public static string Tool => Of(typeof(Versions));

    /// <summary>The version of the packages that belong to the tool: its own, without what it was built from.</summary>
    public static string Package => Tool.Split('+')[0];

    /// <summary>A line for each part.</summary>
    public static string Describe() => string.Join(
        Environment.NewLine,
        $"weft {Tool}",
        $"compiler {Of(typeof(WeftCompiler))}, runtime {Of(typeof(Map<>))}",
        $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}");

    private static string Of(Type type) => type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
