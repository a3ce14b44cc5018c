using System.Text.RegularExpressions;

namespace Weft.Compiler.Emission;

/// <summary>
/// Names in generated code. Types of the runtime are named from the root, since a user's types, namespaces, parameters and declarations may
/// have the same names; and what a user named gets another name where a member of every map has it.
/// </summary>
internal static class GeneratedNames
{
    public const string System = "global::System";
    public const string Compiler = "global::System.Runtime.CompilerServices";
    public const string Weft = "global::Weft";
    public const string Kernels = "global::Weft.Kernels";
    public const string Ilgpu = "global::ILGPU";
    public const string OnIlgpu = "global::Weft.Ilgpu";

    /// <summary>What the generated part declares: a type cannot have the name of its own member.</summary>
    private static readonly HashSet<string> s_declared = new(StringComparer.Ordinal) { "Facts", "Passes" };

    /// <summary>What it inherits.</summary>
    private static readonly HashSet<string> s_inherited = new(StringComparer.Ordinal)
    {
        "Description", "Inputs", "Outputs", "ParameterCount", "TrainedCount", "Parameters", "Edit", "Initialize", "Forward", "Gradient", "LossGradient",
        "Tangent", "Adjoint", "ToDense", "Dispose", "Equals", "GetHashCode", "GetType", "ToString", "MemberwiseClone", "ReferenceEquals", "Finalize", "Item",
    };

    /// <summary>Whether a type of this name would have a member of its own name.</summary>
    public static bool IsDeclared(string name) => s_declared.Contains(name);

    /// <summary>Whether every map, or its generated part, has a member of this name.</summary>
    public static bool IsMember(string name) => IsDeclared(name) || s_inherited.Contains(name);

    /// <summary>What the variable of a tensor starts with: never a kernel's name, whatever number comes behind it.</summary>
    public static string OfVariable(string name) => Regex.IsMatch(name, "^(Kernel[0-9]*(Tile)?|Function[0-9]*(Loop|Part[0-9]*)?|Positions[0-9]*)$") ? name + "Tensor" : name;
}
