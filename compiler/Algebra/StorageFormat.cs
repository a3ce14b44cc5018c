using Weft.Compiler.Text;

namespace Weft.Compiler.Algebra;

/// <summary>
/// How a tensor's numbers can be stored in fewer bits than an element has, without loss: its values are such numbers. Kernels widen them
/// as they load them. What the compiler knows of a format is its row in <see cref="StorageFormats.All"/>.
/// </summary>
/// <param name="name">The runtime's type for it, which rounds, packs and loads; what loads it on ILGPU's accelerators has that name too.</param>
/// <param name="bits">Bits of one number.</param>
public sealed class StorageFormat(string name, int bits)
{
    public string Name { get; } = name;

    public int Bits { get; } = bits;

    /// <summary>
    /// What it is called in formulas, where rounding to it is a function of each element by itself: that of the function and that of the
    /// format. Null where a quantizer makes the numbers.
    /// </summary>
    public string? Rounding { get; init; }

    /// <summary>How devices load it, of whole bytes; null where they keep such numbers as elements.</summary>
    public DeviceCodes? Device { get; init; }

    /// <summary>The bytes that so many numbers take.</summary>
    public int BytesOf(int count) => Limits.Fit((((long)count * Bits) + 7) / 8, "a tensor in a short format");

    public override string ToString() => Name;
}

/// <summary>How numbers in a short format are loaded in OpenCL C. ILGPU's loads are <c>IlgpuCodes</c>' methods of the format's name.</summary>
/// <param name="Type">The type of a pointer's target.</param>
/// <param name="Load">Floats from an array at a position that counts vectors, for the width of a vector; 1 for a number by itself.</param>
/// <param name="Functions">What a program with such loads begins with.</param>
public sealed record DeviceCodes(string Type, Func<string, string, int, string> Load, string Functions = "");

public static class StorageFormats
{
    /// <summary>The upper half of a single-precision number.</summary>
    public static readonly StorageFormat BFloat16 = new("BFloat16", 16)
    {
        Rounding = "bf16",
        Device = new("ushort", (array, index, width) => width == 1
            ? $"as_float((uint){array}[{index}] << 16)"
            : FormattableString.Invariant($"as_float{width}(convert_uint{width}({Vectors(array, "ushort", width)}[{index}]) << 16)")),
    };

    /// <summary>A half-precision number (IEEE 754 binary16).</summary>
    public static readonly StorageFormat Float16 = new("Float16", 16)
    {
        Rounding = "half",
        Device = new("half", (array, index, width) => width == 1
            ? $"vload_half({index}, {array})"
            : FormattableString.Invariant($"vloada_half{width}({index}, {array})")),
    };

    /// <summary>A number with 4 bits of exponent and 3 of fraction, without infinities (Micikevicius et al. 2022).</summary>
    public static readonly StorageFormat E4M3 = new("E4M3", 8) { Rounding = "e4m3", Device = Bytes("e4m3", fraction: 3, last: 0x7E) };

    /// <summary>A number with 5 bits of exponent and 2 of fraction (Micikevicius et al. 2022).</summary>
    public static readonly StorageFormat E5M2 = new("E5M2", 8) { Rounding = "e5m2", Device = Bytes("e5m2", fraction: 2, last: 0x7B) };

    /// <summary>A whole number from −128 to 127.</summary>
    public static readonly StorageFormat Int8 = new("Int8", 8);

    /// <summary>A whole number from −8 to 7.</summary>
    public static readonly StorageFormat Int4 = new("Int4", 4);

    /// <summary>One of the sixteen values of NormalFloat (Dettmers et al. 2023).</summary>
    public static readonly StorageFormat NormalFloat4 = new("NormalFloat4", 4);

    public static IReadOnlyList<StorageFormat> All { get; } = [BFloat16, Float16, E4M3, E5M2, Int8, Int4, NormalFloat4];

    /// <summary>
    /// Floating-point numbers of 8 bits. The smallest are multiples of a power of two; the exponent of others is moved up to that of a float,
    /// twice as far where it means infinity or no number. No step has a subnormal float, which not every device knows.
    /// </summary>
    /// <param name="name">What the function for a number is called.</param>
    /// <param name="fraction">Bits of the fraction.</param>
    /// <param name="last">The code of the largest number.</param>
    private static DeviceCodes Bytes(string name, int fraction, int last)
    {
        int normal = 1 << fraction, bias = (1 << (6 - fraction)) - 1, up = (127 - bias) << 23;
        string functions = FormattableString.Invariant($$"""
            float {{name}}(uchar code)
            {
                uint size = code & 0x7F;
                float value = size < {{normal}} ? size * 0x1p-{{bias - 1 + fraction}}f : as_float((size << {{23 - fraction}}) + (size <= {{last}} ? 0x{{up:X}} : 0x{{2 * up:X}}));
                return code & 0x80 ? -value : value;
            }

            float4 {{name}}x4(uchar4 codes)
            {
                return (float4)({{name}}(codes.s0), {{name}}(codes.s1), {{name}}(codes.s2), {{name}}(codes.s3));
            }

            float8 {{name}}x8(uchar8 codes)
            {
                return (float8)({{name}}x4(codes.lo), {{name}}x4(codes.hi));
            }

            """);
        return new("uchar", (array, index, width) => width == 1
            ? $"{name}({array}[{index}])"
            : FormattableString.Invariant($"{name}x{width}({Vectors(array, "uchar", width)}[{index}])"), functions);
    }

    private static string Vectors(string array, string type, int width) => FormattableString.Invariant($"((__global const {type}{width} *){array})");
}
