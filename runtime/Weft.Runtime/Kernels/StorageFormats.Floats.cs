using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>The upper half of a single-precision number, rounded to the nearest, of two to the even one.</summary>
public readonly unsafe struct BFloat16<T> : IStorageFormat<T>, ISingles
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(BitConverter.UInt32BitsToSingle((uint)*(ushort*)StorageFormats<T>.Address<BFloat16<T>>(p) << 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<BFloat16<T>, V>(p);

    public static void Write(T* source, byte* target, int count)
    {
        int i = 0;
        if (typeof(T) == typeof(float))
        {
            for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count)
            {
                float* values = (float*)source + i;
                Vector256.Narrow(Round(Vector256.Load(values)), Round(Vector256.Load(values + Vector256<float>.Count))).Store((ushort*)target + i);
            }
        }

        for (; i < count; i++)
        {
            ((ushort*)target)[i] = (ushort)Round(Vector256.CreateScalar(StorageFormats<T>.OddSingle(source[i]))).ToScalar();
        }
    }

    /// <summary>Rounds in the upper half; a number that is none stays so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(Vector256<float> values)
    {
        Vector256<uint> bits = values.AsUInt32();
        Vector256<uint> rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, bits | Vector256.Create(0x400000u)) >> 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p) => (Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)p).AsUInt16()) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p) => (Widening.From16(Vector128.Load((ushort*)p)) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => (Widening.From16(Vector256.Load((ushort*)p)) << 16).AsSingle();
}

/// <summary>Half precision (IEEE 754 binary16).</summary>
public readonly unsafe struct Float16<T> : IStorageFormat<T>, ISingles
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(*(Half*)StorageFormats<T>.Address<Float16<T>>(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<Float16<T>, V>(p);

    public static void Write(T* source, byte* target, int count)
    {
        var halves = new Span<Half>(target, count);
        if (typeof(T) == typeof(float))
        {
            TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(source, count), halves);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            halves[i] = (Half)double.CreateTruncating(source[i]);
        }
    }

    // Widened with its sign and shifted, a half has its parts where a single has them, but for the sign's copies. The exponent is put right by
    // a product, which is exact and takes care of subnormal numbers; infinity, and what is no number, by hand.
    private const float ExponentScale = 5.192296858534828e33f; // 2^112
    private const int SignAndMagnitude = unchecked((int)0x8FFFE000), Exponent = 0x0F800000, Infinity = 0x7F800000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p)
    {
        Vector128<int> bits = (Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)p).AsInt16()) << 13) & Vector128.Create(SignAndMagnitude);
        Vector128<int> value = (bits.AsSingle() * ExponentScale).AsInt32();
        Vector128<int> exponent = Vector128.Create(Exponent);
        return Vector128.ConditionalSelect(Vector128.Equals(bits & exponent, exponent), value | Vector128.Create(Infinity), value).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p)
    {
        Vector256<int> bits = (Widening.From16(Vector128.Load((short*)p)) << 13) & Vector256.Create(SignAndMagnitude);
        Vector256<int> value = (bits.AsSingle() * ExponentScale).AsInt32();
        Vector256<int> exponent = Vector256.Create(Exponent);
        return Vector256.ConditionalSelect(Vector256.Equals(bits & exponent, exponent), value | Vector256.Create(Infinity), value).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p)
    {
        Vector512<int> bits = (Widening.From16(Vector256.Load((short*)p)) << 13) & Vector512.Create(SignAndMagnitude);
        Vector512<int> value = (bits.AsSingle() * ExponentScale).AsInt32();
        Vector512<int> exponent = Vector512.Create(Exponent);
        return Vector512.ConditionalSelect(Vector512.Equals(bits & exponent, exponent), value | Vector512.Create(Infinity), value).AsSingle();
    }
}

/// <summary>Wider integers from narrow ones, in one instruction where the machine has it.</summary>
internal static class Widening
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> From16(Vector128<ushort> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(v).AsUInt32()
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> From16(Vector256<ushort> v) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector512UInt32(v)
        : Vector512.Create(Vector256.WidenLower(v), Vector256.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> From16(Vector128<short> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(v)
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> From16(Vector256<short> v) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector512Int32(v)
        : Vector512.Create(Vector256.WidenLower(v), Vector256.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> From8(uint v) => Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(v).AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> From8(ulong v)
    {
        Vector128<sbyte> bytes = Vector128.CreateScalarUnsafe(v).AsSByte();
        if (Avx2.IsSupported)
        {
            return Avx2.ConvertToVector256Int32(bytes);
        }

        Vector128<short> shorts = Vector128.WidenLower(bytes);
        return Vector256.Create(Vector128.WidenLower(shorts), Vector128.WidenUpper(shorts));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> From8(Vector128<sbyte> v)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector512Int32(v);
        }

        Vector256<short> shorts = Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));
        return Vector512.Create(Vector256.WidenLower(shorts), Vector256.WidenUpper(shorts));
    }
}
