using System.Globalization;

namespace Weft.Compiler.Text;

/// <summary>How large things can be.</summary>
public static class Limits
{
    /// <summary>A number of elements, if it is one that a block can have.</summary>
    /// <exception cref="CompilationException">It is larger.</exception>
    public static int Fit(long size, string what) => size <= MemoryBlock.MaxLength ? (int)size : throw CompilationException.TooLarge(what, size, MemoryBlock.MaxLength);

    /// <summary>What a diagnostic says of a size that is beyond a limit.</summary>
    public static string Message(string what, double size, long limit) => string.Format(
        CultureInfo.InvariantCulture,
        double.IsInfinity(size) ? "{0} would have more than {2} elements, which is the limit" : "{0} would have {1:0} elements: the limit is {2}",
        what,
        size,
        limit);
}
