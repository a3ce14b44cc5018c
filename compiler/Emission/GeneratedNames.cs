using System.Text.RegularExpressions;
using Weft.Compiler.Algebra;

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

    /// <summary>What the generated part declares, some of it where inputs have names: a type cannot have the name of its own member.</summary>
    private static readonly HashSet<string> s_declared = new(StringComparer.Ordinal) { "Facts", "Passes", "Forward", "Gradient", "LossGradient" };

    /// <summary>What it inherits.</summary>
    private static readonly HashSet<string> s_inherited = new(StringComparer.Ordinal)
    {
        "Description", "Inputs", "Outputs", "ParameterCount", "TrainedCount", "Parameters", "Edit", "Follow", "Initialize", "Tangent", "AddPenalties", "Adjoint", "ToDense", "Dispose", "Equals", "GetHashCode", "GetType", "ToString", "MemberwiseClone", "ReferenceEquals", "Finalize", "Item",
    };

    /// <summary>Whether a type of this name would have a member of its own name.</summary>
    public static bool IsDeclared(string name) => s_declared.Contains(name);

    /// <summary>Whether every map, or its generated part, has a member of this name.</summary>
    public static bool IsMember(string name) => IsDeclared(name) || s_inherited.Contains(name);

    /// <summary>The properties that show the parameters, by the parameters' names.</summary>
    /// <param name="module">The map.</param>
    /// <param name="typeName">Its type.</param>
    /// <param name="members">The flags of what that has besides.</param>
    public static IReadOnlyDictionary<string, string> Properties(Module module, string typeName, int members)
    {
        var taken = new HashSet<string>(MapMember.Of(members).SelectMany(member => new[] { member.Name, member.TypeName }), StringComparer.Ordinal) { typeName };
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Parameter parameter in module.Parameters)
        {
            string name = Identifier(parameter.Name);
            while (!taken.Add(name) || IsMember(name))
            {
                name += "Parameter";
            }

            properties.Add(parameter.Name, name);
        }

        return properties;
    }

    /// <summary>A name in Pascal case, of letters and digits alone.</summary>
    public static string Identifier(string name)
    {
        string[] parts = name.Split('.', '[', ']', '_', ' ');
        string joined = string.Concat(parts.Where(part => part.Length > 0).Select(part => char.ToUpperInvariant(part[0]) + part.Substring(1)));
        string clean = string.Concat(joined.Where(c => char.IsLetterOrDigit(c)));
        return clean.Length == 0 || char.IsDigit(clean[0]) ? "P" + clean : clean;
    }

    /// <summary>What the variable of a tensor starts with: never a kernel's name, whatever number comes behind it.</summary>
    public static string OfVariable(string name) => Regex.IsMatch(name, "^(Kernel[0-9]*(Tile)?|Function[0-9]*(Loop|Part[0-9]*)?|Positions[0-9]*)$") ? name + "Tensor" : name;
}
