using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>
/// A way to store numbers in fewer bits than an element has. Kernels move through it by the same strides as through elements: their pointers
/// are <see cref="StorageFormats{T}.Scale">scaled</see>, and only a load finds out where the bits are.
/// </summary>
public unsafe interface IStorageFormat<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The bits of one number: 16, 8 or 4.</summary>
    static abstract int Bits { get; }

    /// <summary>One number at a scaled pointer.</summary>
    static abstract T Read(T* p);

    /// <summary>A vector of numbers from a scaled pointer on; where two numbers share a byte, from an even one on.</summary>
    static abstract V Load<S, V>(T* p)
        where S : struct, ILanes<T, V>
        where V : struct;

    /// <summary>Rounds numbers to this format; where two share a byte and their count is odd, the last half byte is zero.</summary>
    static abstract void Write(T* source, byte* target, int count);
}

/// <summary>What a format of single-precision numbers, or of fewer bits, has to know to be loaded into any vector.</summary>
internal unsafe interface ISingles
{
    static abstract Vector128<float> Load128(byte* p);

    static abstract Vector256<float> Load256(byte* p);

    static abstract Vector512<float> Load512(byte* p);
}

/// <summary>Packs tensors into short formats, and finds numbers in them.</summary>
public static unsafe class StorageFormats<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>
    /// A pointer for numbers of a format that counts in elements: the address times the number of them that fit into an element. So
    /// <c>p + i</c> is number i, whatever the format.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T* Scale<TFormat>(T* p)
        where TFormat : struct, IStorageFormat<T> => (T*)((nuint)p * (nuint)(8 * sizeof(T) / TFormat.Bits));

    /// <summary>The address of the number at a scaled pointer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte* Address<TFormat>(T* p)
        where TFormat : struct, IStorageFormat<T> => (byte*)((nuint)p / (nuint)(8 * sizeof(T) / TFormat.Bits));

    /// <summary>Packs <c>source[Σ iₐ·strideₐ]</c>, row-major over the extents, as <see cref="Layouts{T}.Gather"/> does, into a format.</summary>
    /// <param name="source">The strided elements.</param>
    /// <param name="target">The numbers, one after the other; overwritten.</param>
    /// <param name="extents">The extent of each axis, at most 8.</param>
    /// <param name="strides">The distance in the source between neighbours along each axis.</param>
    public static void Pack<TFormat>(T* source, T* target, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides)
        where TFormat : struct, IStorageFormat<T>
    {
        // Blocks of the last axes go by way of the stack: as many whole ones as fit, or pieces of the last.
        const int Block = 2048;
        int inner = extents.Length, count = 1;
        while (inner > 0 && (long)count * extents[inner - 1] <= Block)
        {
            count *= extents[--inner];
        }

        int pieces = inner == 0 ? 1 : extents[inner - 1];
        int outer = Math.Max(inner - 1, 0), whole = Math.Max(1, Block / count & ~1);
        int stride = inner == 0 ? 0 : strides[inner - 1];
        Span<int> blockExtents = stackalloc int[extents.Length - inner + 1], blockStrides = stackalloc int[extents.Length - inner + 1];
        extents[inner..].CopyTo(blockExtents[1..]);
        strides[inner..].CopyTo(blockStrides[1..]);
        blockStrides[0] = stride;
        T* block = stackalloc T[Block];
        byte* to = (byte*)target;
        Span<int> index = stackalloc int[outer + 1];
        index.Clear();
        while (true)
        {
            for (int piece = 0; piece < pieces; piece += whole)
            {
                blockExtents[0] = Math.Min(whole, pieces - piece);
                Layouts<T>.Gather(source + ((nint)piece * stride), block, blockExtents, blockStrides);
                TFormat.Write(block, to, blockExtents[0] * count);
                to += ((long)blockExtents[0] * count * TFormat.Bits + 7) / 8;
            }

            int axis = outer - 1;
            while (axis >= 0 && ++index[axis] == extents[axis])
            {
                source -= (nint)strides[axis] * (extents[axis] - 1);
                index[axis--] = 0;
            }

            if (axis < 0)
            {
                return;
            }

            source += strides[axis];
        }
    }

    /// <summary>A vector of any width, from single-precision ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Load<TFormat, V>(T* p)
        where TFormat : struct, IStorageFormat<T>, ISingles
        where V : struct
    {
        byte* q = Address<TFormat>(p);
        if (typeof(V) == typeof(Vector512<float>))
        {
            return Unsafe.BitCast<Vector512<float>, V>(TFormat.Load512(q));
        }

        if (typeof(V) == typeof(Vector256<float>))
        {
            return Unsafe.BitCast<Vector256<float>, V>(TFormat.Load256(q));
        }

        if (typeof(V) == typeof(Vector128<float>))
        {
            return Unsafe.BitCast<Vector128<float>, V>(TFormat.Load128(q));
        }

        if (typeof(V) == typeof(Vector512<double>))
        {
            Vector256<float> singles = TFormat.Load256(q);
            return Unsafe.BitCast<Vector512<double>, V>(Vector512.Create(Vector256.WidenLower(singles), Vector256.WidenUpper(singles)));
        }

        if (typeof(V) == typeof(Vector256<double>))
        {
            Vector128<float> singles = TFormat.Load128(q);
            return Unsafe.BitCast<Vector256<double>, V>(Vector256.Create(Vector128.WidenLower(singles), Vector128.WidenUpper(singles)));
        }

        return Each<TFormat, V>(p);
    }

    /// <summary>
    /// A single-precision number that rounds to one with a shorter fraction as the number itself does (Boldo and Melquiond 2008): towards zero,
    /// with the last bit set where anything was lost.
    /// </summary>
    internal static float OddSingle(T value)
    {
        float single = float.CreateTruncating(value);
        T back = T.CreateTruncating(single);
        if (back == value || T.IsNaN(value))
        {
            return single;
        }

        uint bits = BitConverter.SingleToUInt32Bits(single);
        return BitConverter.UInt32BitsToSingle((T.Abs(back) > T.Abs(value) ? bits - 1 : bits) | 1);
    }

    /// <summary>A vector of any width, number by number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Each<TFormat, V>(T* p)
        where TFormat : struct, IStorageFormat<T>
        where V : struct
    {
        if (typeof(V) == typeof(T))
        {
            return Unsafe.BitCast<T, V>(TFormat.Read(p));
        }

        T* elements = stackalloc T[Unsafe.SizeOf<V>() / sizeof(T)];
        for (int i = 0; i < Unsafe.SizeOf<V>() / sizeof(T); i++)
        {
            elements[i] = TFormat.Read(p + i);
        }

        return Unsafe.ReadUnaligned<V>(elements);
    }
}
