using System.Globalization;

namespace Weft.Compiler.Text;

/// <summary>How large things can be.</summary>
public static class Limits
{
    /// <summary>Elements of one block of memory, such as all weights of a map: what an array of .NET holds, from a cache line on.</summary>
    public const int Block = 2_147_483_575;

    /// <summary>A number of elements, if it is one that a block can have.</summary>
    /// <exception cref="CompilationException">It is larger.</exception>
    public static int Fit(long size, string what) => size <= Block ? (int)size : throw CompilationException.TooLarge(what, size, Block);

    /// <summary>What a diagnostic says of a size that is beyond a limit.</summary>
    public static string Message(string what, double size, long limit) => string.Format(
        CultureInfo.InvariantCulture,
        double.IsInfinity(size) ? "{0} would have more than {2} elements, which is the limit" : "{0} would have {1:0} elements: the limit is {2}",
        what,
        size,
        limit);
}
