using System.Text;
using System.Text.RegularExpressions;

namespace Weft.Fuzz.Inputs;

/// <summary>Changes of inputs that are right into ones that nearly are.</summary>
internal static partial class Mutations
{
    private static readonly string[] Numbers =
        ["0", "1", "2", "3", "5", "7", "8", "9", "16", "17", "64", "100", "255", "256", "1000", "4096", "65536", "1000000", "2147483646", "2147483647", "2147483648", "4294967296", "1e9", "1e19", "1e308", "1e400", "0.5", "-1", "1e-320"];

    private static readonly string[] Tokens =
        ["(", ")", "[", "]", "{", "}", ",", ";", ":", "=", "+", "-", "*", "/", "%", "<", ">", "<=", "==", "!=", "->", ".", "'", "ᵀ", "\"", "⊗", "⊕", "\n", "\n  ", "\t", " ", "#", "///", "//", "$", "\\", "@", "^",
            "operator", "layer", "model", "bank", "import", "require", "param", "frozen", "seeded", "shared", "let", "penalty", "not", "and", "or", "if", "then", "else", "x", "y", "i", "bias", "relu", "softmax", "eye", "dense", "kron", "sum", "product", "inverse", "where",
            "\u2028", "\0", "\ufeff", "é", "\U0001F600", "1e", "0x10", "1.", "1..2", "_", "where(1 < 2, 1, 2)"];

    /// <summary>Bytes changed, left out, doubled and moved.</summary>
    public static byte[] OfBytes(byte[] input, Random random, IReadOnlyList<byte[]> others)
    {
        var bytes = new List<byte>(input);
        for (int edit = Few(random); edit > 0; edit--)
        {
            int at = random.Next(bytes.Count + 1), length = Math.Min(1 << random.Next(6), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                    break;
                case 4:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                case 5 when at + 8 <= bytes.Count:
                    byte[] number = BitConverter.GetBytes(random.Next(2) == 0 ? random.Next(-2, 300) : long.MaxValue >> random.Next(64));
                    Array.ForEach(number[..(1 << random.Next(4))], part => bytes[at++] = part);
                    break;
                default:
                    byte[] other = others[random.Next(others.Count)];
                    int start = random.Next(other.Length);
                    bytes.InsertRange(at, other.AsSpan(start, Math.Min(1 << random.Next(8), other.Length - start)).ToArray());
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>Tokens left out, doubled, exchanged, taken from elsewhere, and numbers changed.</summary>
    public static string OfTokens(string text, Random random, int edits)
    {
        List<string> tokens = [.. Token().Matches(text).Select(match => match.Value)];
        for (; edits > 0 && tokens.Count > 0; edits--)
        {
            int at = random.Next(tokens.Count), other = random.Next(tokens.Count);
            switch (random.Next(8))
            {
                case 0:
                    tokens.RemoveAt(at);
                    break;
                case 1:
                    tokens.Insert(at, tokens[at]);
                    break;
                case 2:
                    (tokens[at], tokens[other]) = (tokens[other], tokens[at]);
                    break;
                case 3:
                    tokens[at] = tokens[other];
                    break;
                case 4:
                    tokens.InsertRange(at, tokens.GetRange(other, Math.Min(random.Next(1, 9), tokens.Count - other)));
                    break;
                case 5:
                    tokens.Insert(at, Tokens[random.Next(Tokens.Length)]);
                    break;
                default:
                    int[] numbers = [.. Enumerable.Range(0, tokens.Count).Where(i => char.IsAsciiDigit(tokens[i][0]))];
                    if (numbers.Length > 0)
                    {
                        tokens[numbers[random.Next(numbers.Length)]] = Numbers[random.Next(Numbers.Length)];
                    }

                    break;
            }
        }

        return string.Concat(tokens);
    }

    /// <summary>Tokens without any order.</summary>
    public static string Soup(Random random)
    {
        var text = new StringBuilder();
        for (int i = random.Next(1, 60); i > 0; i--)
        {
            text.Append(random.Next(5) == 0 ? Numbers[random.Next(Numbers.Length)] : Tokens[random.Next(Tokens.Length)]);
            if (random.Next(3) == 0)
            {
                text.Append(' ');
            }
        }

        return text.ToString();
    }

    /// <summary>1 most often, and rarely many.</summary>
    public static int Few(Random random)
    {
        int count = 1;
        while (count < 40 && random.Next(3) > 0)
        {
            count++;
        }

        return count;
    }

    [GeneratedRegex(@"[\p{L}_][\p{L}\p{N}_]*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Token();
}
