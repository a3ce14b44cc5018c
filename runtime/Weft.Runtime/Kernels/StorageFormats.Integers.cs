using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>Whole numbers from −127 to 127.</summary>
public readonly unsafe struct Int8<T> : IStorageFormat<T>, ISingles
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(*(sbyte*)StorageFormats<T>.Address<Int8<T>>(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<Int8<T>, V>(p);

    public static void Write(T* source, byte* target, int count)
    {
        int i = 0;
        if (typeof(T) == typeof(float))
        {
            for (; i + Vector128<sbyte>.Count <= count; i += Vector128<sbyte>.Count)
            {
                float* values = (float*)source + i;
                Vector128.Narrow(Shorts(values), Shorts(values + Vector128<short>.Count)).Store((sbyte*)target + i);
            }
        }

        for (; i < count; i++)
        {
            ((sbyte*)target)[i] = sbyte.CreateTruncating(source[i]);
        }

        static Vector128<short> Shorts(float* p) =>
            Vector128.Narrow(Vector128.ConvertToInt32(Vector128.Load(p)), Vector128.ConvertToInt32(Vector128.Load(p + Vector128<float>.Count)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p) => Vector128.ConvertToSingle(Widening.From8(*(uint*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p) => Vector256.ConvertToSingle(Widening.From8(*(ulong*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => Vector512.ConvertToSingle(Widening.From8(Vector128.Load((sbyte*)p)));
}

/// <summary>Whole numbers from −8 to 7, 8 more than each in four bits; of two in a byte the first is the lower.</summary>
public readonly unsafe struct Int4<T> : IStorageFormat<T>, ISingles
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Least = -8;

    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(Nibbles.Read(p) + Least);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => StorageFormats<T>.Load<Int4<T>, V>(p);

    public static void Write(T* source, byte* target, int count)
    {
        for (int i = 0; i < count; i += 2)
        {
            int low = int.CreateTruncating(source[i]) - Least;
            int high = i + 1 < count ? int.CreateTruncating(source[i + 1]) - Least : 0;
            target[i / 2] = (byte)(low | high << 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p) => Vector128.ConvertToSingle(Nibbles.Load128(p) + Vector128.Create(Least));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p) => Vector256.ConvertToSingle(Nibbles.Load256(p) + Vector256.Create(Least));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => Avx512F.IsSupported
        ? Avx512F.PermuteVar16x32(Vector512.Create(-8f, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7), Nibbles.Shift512(p))
        : Vector512.ConvertToSingle(Vector512.Create(Nibbles.Load256(p), Nibbles.Load256(p + 4)) + Vector512.Create(Least));
}

/// <summary>The sixteen values of NormalFloat by their numbers in four bits; of two in a byte the first is the lower (Dettmers et al. 2023).</summary>
public readonly unsafe struct NormalFloat4<T> : IStorageFormat<T>, ISingles
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(T* p) => T.CreateTruncating(Values[Nibbles.Read(p)]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct => typeof(T) == typeof(float) ? StorageFormats<T>.Load<NormalFloat4<T>, V>(p) : StorageFormats<T>.Each<NormalFloat4<T>, V>(p);

    public static void Write(T* source, byte* target, int count)
    {
        Span<T> between = stackalloc T[15];
        for (int k = 0; k < between.Length; k++)
        {
            between[k] = T.CreateTruncating((Values[k] + Values[k + 1]) / 2);
        }

        for (int i = 0; i < count; i += 2)
        {
            target[i / 2] = (byte)(Number(source[i], between) | (i + 1 < count ? Number(source[i + 1], between) << 4 : 0));
        }

        static int Number(T value, ReadOnlySpan<T> between)
        {
            int number = 0;
            foreach (T border in between)
            {
                number += value > border ? 1 : 0;
            }

            return number;
        }
    }

    /// <summary>What <see cref="ParameterFunctions{T}.FillNormalFloat"/> computes; as constants they can stand in registers.</summary>
    internal static ReadOnlySpan<double> Values =>
    [
        -1, -0.696192805632343, -0.5250729594465007, -0.39491742591990714, -0.28444130892108216, -0.1847734028004557, -0.09104997598578052, 0,
        0.0795803149584091, 0.16093014438029077, 0.24611225134745945, 0.33791513671312795, 0.4407097318642161, 0.562616887969985, 0.7229566441594732, 1,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ISingles.Load128(byte* p)
    {
        Vector128<int> numbers = Nibbles.Load128(p);
        return Vector128.Create((float)Values[numbers[0]], (float)Values[numbers[1]], (float)Values[numbers[2]], (float)Values[numbers[3]]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ISingles.Load256(byte* p)
    {
        Vector256<int> numbers = Nibbles.Load256(p);
        Vector512<float> all = Table();
        return Avx2.IsSupported
            ? Vector256.ConditionalSelect(
                Vector256.GreaterThan(numbers, Vector256.Create(7)).AsSingle(),
                Avx2.PermuteVar8x32(all.GetUpper(), numbers),
                Avx2.PermuteVar8x32(all.GetLower(), numbers))
            : Vector256.Create(Load<NormalFloat4<T>>(p), Load<NormalFloat4<T>>(p + 2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> ISingles.Load512(byte* p) => Avx512F.IsSupported
        ? Avx512F.PermuteVar16x32(Table(), Nibbles.Shift512(p))
        : Vector512.Create(Vector256.Create(Load<NormalFloat4<T>>(p), Load<NormalFloat4<T>>(p + 2)), Vector256.Create(Load<NormalFloat4<T>>(p + 4), Load<NormalFloat4<T>>(p + 6)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Load<TSelf>(byte* p)
        where TSelf : struct, ISingles => TSelf.Load128(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Table() => Vector512.Create(
        -1f, -0.696192805632343f, -0.5250729594465007f, -0.39491742591990714f, -0.28444130892108216f, -0.1847734028004557f, -0.09104997598578052f, 0f,
        0.0795803149584091f, 0.16093014438029077f, 0.24611225134745945f, 0.33791513671312795f, 0.4407097318642161f, 0.562616887969985f, 0.7229566441594732f, 1f);
}

/// <summary>Numbers of four bits.</summary>
internal static unsafe class Nibbles
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Read<T>(T* p)
        where T : unmanaged
    {
        // A scaled pointer holds 16 times the address for elements of 64 bits, 8 times for those of 32: the bit below says which half.
        nuint half = (nuint)p / (nuint)sizeof(T);
        return *(byte*)(half / 2) >> (int)(half % 2 * 4) & 15;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load128(byte* p)
    {
        uint four = *(ushort*)p;
        return Vector128.Create((int)(four & 15), (int)(four >> 4 & 15), (int)(four >> 8 & 15), (int)(four >> 12));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load256(byte* p) => Avx2.IsSupported
        ? (Avx2.ShiftRightLogicalVariable(Vector256.Create(*(uint*)p), Vector256.Create(0u, 4, 8, 12, 16, 20, 24, 28)) & Vector256.Create(15u)).AsInt32()
        : Vector256.Create(Load128(p), Load128(p + 2));

    /// <summary>Numbers in the last four bits, with others above them: all that a permutation reads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Shift512(byte* p) => Avx512F.ShiftRightLogicalVariable(
        Vector512.Create(Vector256.Create(*(uint*)p), Vector256.Create(*(uint*)(p + 4))),
        Vector512.Create(0u, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28)).AsInt32();
}
