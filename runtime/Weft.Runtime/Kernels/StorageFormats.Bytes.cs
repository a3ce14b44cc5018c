using System.ComponentModel;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>
/// Floating-point numbers of 8 bits with 4 of exponent and 3 of fraction, up to 448, one not-a-number and no infinities (Micikevicius et al.,
/// <i>FP8 Formats for Deep Learning</i>, 2022). Larger numbers become the largest.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct E4M3<T> : IStorageFormat<T>, ISingles, IByteFloat
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    static int IByteFloat.Fraction => 3;

    static int IByteFloat.Last => 0x7E;

    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(ByteFloat<E4M3<T>>.Widen(Vector128.CreateScalar((int)*(sbyte*)StorageFormats<T>.Address<E4M3<T>>(p))).ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<E4M3<T>, V>(p);

    public static void Write(T* source, byte* target, int count) => ByteFloat<E4M3<T>>.Write(source, target, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p) => ByteFloat<E4M3<T>>.Widen(Widening.From8(*(uint*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p) => ByteFloat<E4M3<T>>.Widen(Widening.From8(*(ulong*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => ByteFloat<E4M3<T>>.Widen(Widening.From8(Vector128.Load((sbyte*)p)));
}

/// <summary>
/// Floating-point numbers of 8 bits with 5 of exponent and 2 of fraction, up to 57,344: those of <see cref="Half"/> with a shorter fraction
/// (Micikevicius et al. 2022). Larger numbers and infinities become the largest.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct E5M2<T> : IStorageFormat<T>, ISingles, IByteFloat
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    static int IByteFloat.Fraction => 2;

    static int IByteFloat.Last => 0x7B;

    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(ByteFloat<E5M2<T>>.Widen(Vector128.CreateScalar((int)*(sbyte*)StorageFormats<T>.Address<E5M2<T>>(p))).ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<E5M2<T>, V>(p);

    public static void Write(T* source, byte* target, int count) => ByteFloat<E5M2<T>>.Write(source, target, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p) => ByteFloat<E5M2<T>>.Widen(Widening.From8(*(uint*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p) => ByteFloat<E5M2<T>>.Widen(Widening.From8(*(ulong*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => ByteFloat<E5M2<T>>.Widen(Widening.From8(Vector128.Load((sbyte*)p)));
}

/// <summary>The parts of a floating-point number of 8 bits: a sign, then the exponent, then the fraction.</summary>
internal interface IByteFloat
{
    /// <summary>Bits of the fraction.</summary>
    static abstract int Fraction { get; }

    /// <summary>The code of the largest number; those above it, but for the sign, are infinity or no numbers.</summary>
    static abstract int Last { get; }
}

/// <summary>
/// Widens and rounds floating-point numbers of 8 bits. Numbers with the least exponent are multiples of a power of two; the exponent of the others
/// moves up to that of a single, and twice as far where it means infinity or no number. No step has a subnormal single, which processors are slow with.
/// </summary>
internal static unsafe class ByteFloat<TFormat>
    where TFormat : struct, IByteFloat
{
    private const int SignBit = unchecked((int)0x80000000);

    private static int Bias => (1 << (6 - TFormat.Fraction)) - 1;

    /// <summary>How far the fraction of a single is above that of a code.</summary>
    private static int Shift => 23 - TFormat.Fraction;

    private static int Up => (127 - Bias) << 23;

    /// <summary>What the codes count with the least exponent.</summary>
    private static float Unit => BitConverter.Int32BitsToSingle((127 + 1 - Bias - TFormat.Fraction) << 23);

    /// <summary>Numbers whose codes are widened with their signs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(Vector128<int> codes)
    {
        Vector128<int> size = codes & Vector128.Create(0x7F), up = Vector128.Create(Up);
        Vector128<int> normal = (size << Shift) + up + (Vector128.GreaterThan(size, Vector128.Create(TFormat.Last)) & up);
        Vector128<int> least = (Vector128.ConvertToSingle(size) * Unit).AsInt32();
        Vector128<int> value = Vector128.ConditionalSelect(Vector128.LessThan(size, Vector128.Create(1 << TFormat.Fraction)), least, normal);
        return (value | (codes & Vector128.Create(SignBit))).AsSingle();
    }

    /// <inheritdoc cref="Widen(Vector128{int})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector256<int> codes)
    {
        Vector256<int> size = codes & Vector256.Create(0x7F), up = Vector256.Create(Up);
        Vector256<int> normal = (size << Shift) + up + (Vector256.GreaterThan(size, Vector256.Create(TFormat.Last)) & up);
        Vector256<int> least = (Vector256.ConvertToSingle(size) * Unit).AsInt32();
        Vector256<int> value = Vector256.ConditionalSelect(Vector256.LessThan(size, Vector256.Create(1 << TFormat.Fraction)), least, normal);
        return (value | (codes & Vector256.Create(SignBit))).AsSingle();
    }

    /// <inheritdoc cref="Widen(Vector128{int})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<int> codes)
    {
        Vector512<int> size = codes & Vector512.Create(0x7F), up = Vector512.Create(Up);
        Vector512<int> normal = (size << Shift) + up + (Vector512.GreaterThan(size, Vector512.Create(TFormat.Last)) & up);
        Vector512<int> least = (Vector512.ConvertToSingle(size) * Unit).AsInt32();
        Vector512<int> value = Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(1 << TFormat.Fraction)), least, normal);
        return (value | (codes & Vector512.Create(SignBit))).AsSingle();
    }

    /// <summary>Rounds numbers to the nearest, of two to the even one; beyond the largest to it.</summary>
    public static void Write<T>(T* source, byte* target, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int i = 0;
        if (typeof(T) == typeof(float))
        {
            for (; i + (2 * Vector256<int>.Count) <= count; i += 2 * Vector256<int>.Count)
            {
                float* values = (float*)source + i;
                Vector256<short> shorts = Vector256.Narrow(Round(Vector256.Load(values)), Round(Vector256.Load(values + Vector256<float>.Count)));
                Vector128.Narrow(shorts.GetLower().AsUInt16(), shorts.GetUpper().AsUInt16()).Store(target + i);
            }
        }

        for (; i < count; i++)
        {
            target[i] = (byte)Round(Vector256.CreateScalar(StorageFormats<T>.OddSingle(source[i]))).ToScalar();
        }
    }

    /// <summary>Below the first number of a fraction of full length, a sum with a number whose last bit is the unit rounds; above it the bits themselves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<float> values)
    {
        float first = BitConverter.Int32BitsToSingle((127 + 1 - Bias) << 23);
        Vector256<float> largest = Vector256.Create(BitConverter.Int32BitsToSingle((TFormat.Last << Shift) + Up)), size = Vector256.Abs(values);
        size = Vector256.ConditionalSelect(Vector256.GreaterThan(size, largest), largest, size);
        Vector256<float> sum = Vector256.Create(Unit * (1 << 23));
        Vector256<int> least = (size + sum).AsInt32() - sum.AsInt32();
        Vector256<int> bits = size.AsInt32() - Vector256.Create(Up);
        Vector256<int> normal = (bits + Vector256.Create((1 << (Shift - 1)) - 1) + ((bits >> Shift) & Vector256<int>.One)) >> Shift;
        Vector256<int> code = Vector256.ConditionalSelect(Vector256.LessThan(size, Vector256.Create(first)).AsInt32(), least, normal);
        code = Vector256.ConditionalSelect(Vector256.Equals(values, values).AsInt32(), code, Vector256.Create(0x7F));
        return code | (Vector256.ShiftRightLogical(values.AsInt32(), 24) & Vector256.Create(0x80));
    }
}
