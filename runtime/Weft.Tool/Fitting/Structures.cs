using System.Globalization;
using System.Text.RegularExpressions;

namespace Weft.Tool.Fitting;

/// <summary>The structures that are tried on a matrix: those of the standard library that are projected in closed form, each at several sizes.</summary>
internal static partial class Structures
{
    /// <summary>Families of formulas for m × n matrices; those of one differ in a size alone.</summary>
    public static IEnumerable<IEnumerable<string>> Of(int m, int n)
    {
        yield return Ladder(Math.Min(m, n)).Select(r => Text($"low_rank({m}, {n}, {r})"));
        yield return Ladder(Math.Min(m, n)).Where(b => b > 1).Select(b => Text($"{(m % b == 0 && n % b == 0 ? "monarch_rectangular" : "monarch_padded")}({m}, {n}, {b})"));
        yield return Ladder(Math.Min(m, n)).Where(b => b > 1 && b < Math.Max(m, n) && m % b == 0 && n % b == 0).Select(b => Text($"block_diagonal({m}, {n}, {b})"));
        foreach ((int outer, int inner) in Halves(m))
        {
            foreach ((int first, int second) in Halves(n))
            {
                yield return Ladder(Math.Min(outer * first, inner * second)).Select(r => r == 1
                    ? Text($"kronecker([{outer}, {inner}], [{first}, {second}])")
                    : Text($"tensor_train([{outer}, {inner}], [{first}, {second}], [1, {r}, 1])"));
                yield return Ladder(Math.Min(outer, second)).Select(r => Text($"block_tensor_train([{outer}, {inner}], [{first}, {second}], [1, {r}, 1])"));
            }
        }

        if (Thirds(m) is var (a, b, c) && Thirds(n) is var (d, e, f))
        {
            yield return Ladder(Math.Min(a * d, c * f)).Select(r => Text($"tensor_train([{a}, {b}, {c}], [{d}, {e}, {f}], [1, {r}, {r}, 1])"));
        }

        yield return [Text($"toeplitz({m}, {n})")];
        yield return [Text($"hankel({m}, {n})")];
        if (m == n)
        {
            yield return [Text($"diagonal({n})")];
            yield return [Text($"arrow({n})")];
            foreach ((int outer, int inner) in Halves(n))
            {
                yield return [Text($"kronecker_sum({outer}, {inner})")];
            }
        }
    }

    /// <summary>A user's formula at the sizes of a matrix: the words <c>m</c> and <c>n</c> are its rows and columns, and <c>r</c> grows.</summary>
    public static IEnumerable<string> Of(string formula, int m, int n)
    {
        string sized = SizeWord().Replace(formula, word => word.Value switch { "m" => Text($"{m}"), "n" => Text($"{n}"), _ => word.Value });
        IEnumerable<int> ranks = Ranks().IsMatch(sized) ? Ladder(Math.Min(m, n)) : [1];
        return ranks.Select(r => Ranks().Replace(sized, Text($"{r}")));
    }

    /// <summary>1, 2, 3, 4, 6, 8, 12, 16, … up to a number.</summary>
    private static IEnumerable<int> Ladder(int most)
    {
        for (long power = 1; power <= most; power *= 2)
        {
            yield return (int)power;
            if (power > 1 && power * 3 / 2 <= most)
            {
                yield return (int)(power * 3 / 2);
            }
        }
    }

    /// <summary>The ways to write a number as a product of two above 1 that are nearest to each other: one for a square, else both orders.</summary>
    private static IEnumerable<(int First, int Second)> Halves(int number)
    {
        int divisor = Divisor(number, (int)Math.Sqrt(number));
        return divisor == 1 ? []
            : divisor * divisor == number ? [(divisor, divisor)]
            : [(divisor, number / divisor), (number / divisor, divisor)];
    }

    /// <summary>A number as a product of three above 1, as near to each other as divisors are.</summary>
    private static (int First, int Second, int Third)? Thirds(int number)
    {
        int third = Divisor(number, (int)Math.Round(Math.Cbrt(number)));
        return third == 1 || Halves(number / third).FirstOrDefault() is not { First: > 1 } rest ? null : (rest.Second, rest.First, third);
    }

    /// <summary>The largest divisor of a number up to another.</summary>
    private static int Divisor(int number, int most) => Enumerable.Range(1, most).Last(candidate => number % candidate == 0);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\b[mn]\b")]
    private static partial Regex SizeWord();

    [GeneratedRegex(@"\br\b")]
    private static partial Regex Ranks();
}
