using System.Text;
using Weft.Compiler.Algebra;
using Weft.Compiler.Emission;

namespace Weft.Compiler;

/// <summary>How a declaration's name becomes a C# name.</summary>
public static class TypeNames
{
    /// <summary>Whether a map of this name would have a member of its own name, which C# does not allow.</summary>
    public static bool IsReserved(string name) => GeneratedNames.IsDeclared(name);

    /// <summary>What a member that a map's type declares is for; null for one that it does not.</summary>
    /// <param name="module">The map.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="members">The flags of what it has besides its passes.</param>
    /// <param name="member">The name of the member.</param>
    public static string? UseOf(Module module, string type, int members, string member) =>
        member is "Facts" or "Passes" ? "what the map does"
        : MapMember.Of(members).FirstOrDefault(derived => member == derived.Name || member == derived.TypeName) is { } other ? $"'{other.Function}' of the map"
        : GeneratedNames.Properties(module, type, members).FirstOrDefault(pair => pair.Value == member).Key is { } parameter ? $"the parameter '{parameter}'"
        : null;

    /// <summary>
    /// <c>digits_dense</c> becomes <c>DigitsDense</c>; a name that is in Pascal case stays as it is. One that a member of the type has gets
    /// <c>Map</c> behind it: <c>passes</c> becomes <c>PassesMap</c>.
    /// </summary>
    public static string Of(string name)
    {
        var result = new StringBuilder(name.Length);
        bool startsWord = true;
        foreach (char character in name)
        {
            if (!char.IsLetterOrDigit(character))
            {
                startsWord = true;
                continue;
            }

            result.Append(startsWord ? char.ToUpperInvariant(character) : character);
            startsWord = false;
        }

        string type = result.Length == 0 || char.IsDigit(result[0]) ? "_" + result : result.ToString();
        return IsReserved(type) ? type + "Map" : type;
    }
}
