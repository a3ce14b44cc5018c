namespace Weft.Compiler.Algebra;

/// <summary>
/// How a tensor's numbers can be stored in fewer bits than an element has, without loss: its values are such numbers. Kernels widen them
/// as they load them. The runtime has a type of the same name for each.
/// </summary>
public enum StorageFormat
{
    /// <summary>The upper half of a single-precision number.</summary>
    BFloat16,

    /// <summary>A half-precision number (IEEE 754 binary16).</summary>
    Float16,

    /// <summary>A whole number from −127 to 127.</summary>
    Int8,

    /// <summary>A whole number from −8 to 7.</summary>
    Int4,

    /// <summary>One of the sixteen values of NormalFloat (Dettmers et al. 2023).</summary>
    NormalFloat4,
}

public static class StorageFormats
{
    /// <summary>Bits of one number.</summary>
    public static int Bits(this StorageFormat format) => format switch
    {
        StorageFormat.BFloat16 or StorageFormat.Float16 => 16,
        StorageFormat.Int8 => 8,
        _ => 4,
    };
}
