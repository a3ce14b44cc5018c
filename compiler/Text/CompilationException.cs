namespace Weft.Compiler.Text;

/// <summary>Why a bound module does not become a type: its sizes are beyond what there can be, or the compiler made a mistake.</summary>
/// <param name="descriptor">What kind of reason it is.</param>
/// <param name="arguments">What the descriptor's message is filled with.</param>
/// <param name="inner">What was thrown, if that is the reason.</param>
public sealed class CompilationException(DiagnosticDescriptor descriptor, object[] arguments, Exception? inner = null)
    : Exception(descriptor.At("", default, arguments).Message, inner)
{
    /// <summary>The name of the module, once it is known.</summary>
    public string Module { get; internal set; } = "";

    /// <summary>A size that does not fit.</summary>
    /// <param name="what">What has the size: "the weights with their packed copies".</param>
    /// <param name="size">The number of elements; infinity where they cannot be counted.</param>
    /// <param name="limit">The most that there can be.</param>
    public static CompilationException TooLarge(string what, double size, long limit) =>
        new(DiagnosticDescriptors.TooLarge, [Limits.Message(what, size, limit)]);

    /// <summary>The elements of a tensor.</summary>
    /// <param name="shape">The extent of each axis.</param>
    /// <param name="name">The name of the tensor, for messages.</param>
    /// <exception cref="CompilationException">They are more than a block can have.</exception>
    internal static int Length(IReadOnlyList<int> shape, string name)
    {
        double length = shape.Aggregate(1.0, (product, extent) => product * extent);
        return length <= MemoryBlock.MaxLength ? (int)length : throw TooLarge($"the tensor {name}[{string.Join(", ", shape)}]", length, MemoryBlock.MaxLength);
    }

    /// <summary>A diagnostic at the place of the declaration.</summary>
    public Diagnostic At(string path, TextSpan span) => new(descriptor.Id, descriptor.Severity, Message, path, span);
}
