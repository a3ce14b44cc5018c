using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>
/// Floating-point numbers of 8 bits with 4 of exponent and 3 of fraction, up to 448, one not-a-number and no infinities (Micikevicius et al.,
/// <i>FP8 Formats for Deep Learning</i>, 2022). Larger numbers become the largest.
/// </summary>
public readonly unsafe struct E4M3<T> : IStorageFormat<T>, ISingles
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Fraction = 3, Bias = 7, Last = 0x7E;

    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(ByteFloats.Widen(Vector128.CreateScalar((int)*(sbyte*)StorageFormats<T>.Address<E4M3<T>>(p)), Fraction, Bias, Last).ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<E4M3<T>, V>(p);

    public static void Write(T* source, byte* target, int count) => ByteFloats.Write(source, target, count, Fraction, Bias, Last);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p) => ByteFloats.Widen(Widening.From8(*(uint*)p), Fraction, Bias, Last);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p) => ByteFloats.Widen(Widening.From8(*(ulong*)p), Fraction, Bias, Last);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => ByteFloats.Widen(Widening.From8(Vector128.Load((sbyte*)p)), Fraction, Bias, Last);
}

/// <summary>
/// Floating-point numbers of 8 bits with 5 of exponent and 2 of fraction, up to 57,344: those of <see cref="Half"/> with a shorter fraction
/// (Micikevicius et al. 2022). Larger numbers and infinities become the largest.
/// </summary>
public readonly unsafe struct E5M2<T> : IStorageFormat<T>, ISingles
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Fraction = 2, Bias = 15, Last = 0x7B;

    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(ByteFloats.Widen(Vector128.CreateScalar((int)*(sbyte*)StorageFormats<T>.Address<E5M2<T>>(p)), Fraction, Bias, Last).ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<E5M2<T>, V>(p);

    public static void Write(T* source, byte* target, int count) => ByteFloats.Write(source, target, count, Fraction, Bias, Last);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p) => ByteFloats.Widen(Widening.From8(*(uint*)p), Fraction, Bias, Last);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p) => ByteFloats.Widen(Widening.From8(*(ulong*)p), Fraction, Bias, Last);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => ByteFloats.Widen(Widening.From8(Vector128.Load((sbyte*)p)), Fraction, Bias, Last);
}

/// <summary>
/// Widens and rounds floating-point numbers of 8 bits: a sign, an exponent and a fraction. Those with the least exponent are multiples of a power of
/// two; the exponent of the others moves up to that of a single, and twice as far where it means infinity or no number. No step has a subnormal
/// single, which processors are slow with. The parts of a format are constants of the caller, so that they are constants in its loops.
/// </summary>
internal static unsafe class ByteFloats
{
    /// <summary>Numbers whose codes are widened with their signs.</summary>
    /// <param name="codes">A code in each lane.</param>
    /// <param name="fraction">Bits of the fraction.</param>
    /// <param name="bias">The exponent of 1 as it is stored.</param>
    /// <param name="last">The code of the largest number; those above it are infinity or no numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(Vector128<int> codes, int fraction, int bias, int last)
    {
        Vector128<int> size = codes & Vector128.Create(0x7F), up = Vector128.Create((127 - bias) << 23);
        Vector128<int> normal = (size << (23 - fraction)) + up + (Vector128.GreaterThan(size, Vector128.Create(last)) & up);
        Vector128<int> least = (Vector128.ConvertToSingle(size) * BitConverter.Int32BitsToSingle((128 - bias - fraction) << 23)).AsInt32();
        Vector128<int> value = Vector128.ConditionalSelect(Vector128.LessThan(size, Vector128.Create(1 << fraction)), least, normal);
        return (value | (codes & Vector128.Create(int.MinValue))).AsSingle();
    }

    /// <inheritdoc cref="Widen(Vector128{int}, int, int, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector256<int> codes, int fraction, int bias, int last)
    {
        Vector256<int> size = codes & Vector256.Create(0x7F), up = Vector256.Create((127 - bias) << 23);
        Vector256<int> normal = (size << (23 - fraction)) + up + (Vector256.GreaterThan(size, Vector256.Create(last)) & up);
        Vector256<int> least = (Vector256.ConvertToSingle(size) * BitConverter.Int32BitsToSingle((128 - bias - fraction) << 23)).AsInt32();
        Vector256<int> value = Vector256.ConditionalSelect(Vector256.LessThan(size, Vector256.Create(1 << fraction)), least, normal);
        return (value | (codes & Vector256.Create(int.MinValue))).AsSingle();
    }

    /// <inheritdoc cref="Widen(Vector128{int}, int, int, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<int> codes, int fraction, int bias, int last)
    {
        Vector512<int> size = codes & Vector512.Create(0x7F), up = Vector512.Create((127 - bias) << 23);
        Vector512<int> normal = (size << (23 - fraction)) + up + (Vector512.GreaterThan(size, Vector512.Create(last)) & up);
        Vector512<int> least = (Vector512.ConvertToSingle(size) * BitConverter.Int32BitsToSingle((128 - bias - fraction) << 23)).AsInt32();
        Vector512<int> value = Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(1 << fraction)), least, normal);
        return (value | (codes & Vector512.Create(int.MinValue))).AsSingle();
    }

    /// <summary>Rounds numbers to the nearest, of two to the even one; beyond the largest to it.</summary>
    public static void Write<T>(T* source, byte* target, int count, int fraction, int bias, int last)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int i = 0;
        if (typeof(T) == typeof(float))
        {
            for (; i + (2 * Vector256<int>.Count) <= count; i += 2 * Vector256<int>.Count)
            {
                Vector256<int> lower = Round(Vector256.Load((float*)source + i), fraction, bias, last);
                Vector256<short> shorts = Vector256.Narrow(lower, Round(Vector256.Load((float*)source + i + Vector256<int>.Count), fraction, bias, last));
                Vector128.Narrow(shorts.GetLower().AsUInt16(), shorts.GetUpper().AsUInt16()).Store(target + i);
            }
        }

        for (; i < count; i++)
        {
            target[i] = (byte)Round(Vector256.CreateScalar(StorageFormats<T>.OddSingle(source[i])), fraction, bias, last).ToScalar();
        }
    }

    /// <summary>
    /// Numbers with the least exponent are rounded by a sum whose last bit is their unit, others in the bits themselves.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<float> values, int fraction, int bias, int last)
    {
        int shift = 23 - fraction, up = (127 - bias) << 23;
        Vector256<float> largest = Vector256.Create(BitConverter.Int32BitsToSingle((last << shift) + up)), size = Vector256.Abs(values);
        size = Vector256.ConditionalSelect(Vector256.GreaterThan(size, largest), largest, size);
        Vector256<float> sum = Vector256.Create(BitConverter.Int32BitsToSingle((128 + shift - bias) << 23));
        Vector256<int> least = (size + sum).AsInt32() - sum.AsInt32(), bits = size.AsInt32() - Vector256.Create(up);
        Vector256<int> normal = (bits + Vector256.Create((1 << (shift - 1)) - 1) + ((bits >> shift) & Vector256<int>.One)) >> shift;
        Vector256<float> first = Vector256.Create(BitConverter.Int32BitsToSingle((128 - bias) << 23));
        Vector256<int> code = Vector256.ConditionalSelect(Vector256.LessThan(size, first).AsInt32(), least, normal);
        code = Vector256.ConditionalSelect(Vector256.Equals(values, values).AsInt32(), code, Vector256.Create(0x7F));
        return code | (Vector256.ShiftRightLogical(values.AsInt32(), 24) & Vector256.Create(0x80));
    }
}
