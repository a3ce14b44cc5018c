using System.Text;

namespace Weft.Compiler;

/// <summary>How a declaration's name becomes a C# name.</summary>
public static class TypeNames
{
    /// <summary><c>digits_dense</c> becomes <c>DigitsDense</c>; a name that is in Pascal case stays as it is.</summary>
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

        return result.Length == 0 || char.IsDigit(result[0]) ? "_" + result : result.ToString();
    }
}
