using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>
/// The vector operations that a kernel is written in. A kernel that is generic over its lanes is one text that the just-in-time
/// compiler specialises for each width; a width that is a constant for it costs nothing.
/// </summary>
/// <typeparam name="T">The element: <see cref="float"/> or <see cref="double"/>.</typeparam>
/// <typeparam name="V">The vector of elements.</typeparam>
public unsafe interface ILanes<T, V>
    where T : unmanaged
    where V : struct
{
    /// <summary>The number of elements in a vector.</summary>
    static abstract int Count { get; }

    static abstract V Zero { get; }

    /// <summary>Reads <see cref="Count"/> consecutive elements; no alignment is needed.</summary>
    static abstract V Load(T* p);

    /// <summary>Writes <see cref="Count"/> consecutive elements; no alignment is needed.</summary>
    static abstract void Store(V v, T* p);

    static abstract V Broadcast(T value);

    static abstract V Add(V a, V b);

    static abstract V Multiply(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Divide(V a, V b);

    /// <summary>The smaller of each two; where the second is no number, that.</summary>
    static abstract V Min(V a, V b);

    /// <summary>The larger of each two; where the second is no number, that.</summary>
    static abstract V Max(V a, V b);

    static abstract V Sqrt(V v);

    /// <summary>2ⁿ for whole n, of which it and its reciprocal are normal numbers.</summary>
    static abstract V PowerOfTwo(V n);

    /// <summary>The natural logarithm: the same for an element whatever the width of its vector.</summary>
    static abstract V Log(V v);

    /// <summary>a where v is positive, b where it is not, or is no number.</summary>
    static abstract V WherePositive(V v, V a, V b);

    /// <summary>a·b + c: rounded once where the hardware fuses, twice where it does not (a fused emulation would be far slower).</summary>
    static abstract V FusedMultiplyAdd(V a, V b, V c);

    /// <summary>
    /// Each element and the one whose position differs in a bit: their sum where the position has it not, and where it has, the other less the element.
    /// Written without locals, since those keep the constants of all stages in registers.
    /// </summary>
    static abstract V Butterfly(V v, int bit);

    /// <summary>The sum of the elements, half to half: the library's own adds each quarter up by itself, at twice the time.</summary>
    static abstract T Sum(V v);

    /// <summary>The elements from the last to the first.</summary>
    static abstract V Reverse(V v);

    /// <summary>Reads <c>p[0], p[2], …</c> and <c>p[1], p[3], …</c></summary>
    static abstract (V Even, V Odd) LoadPairs(T* p);

    /// <summary>Writes <c>p[0], p[2], …</c> and <c>p[1], p[3], …</c></summary>
    static abstract void StorePairs(V even, V odd, T* p);

    /// <summary>Reads <c>p[0], p[stride], p[2·stride], …</c></summary>
    static abstract V LoadStrided(T* p, int stride);

    /// <summary>Writes <c>p[0], p[stride], p[2·stride], …</c></summary>
    static abstract void StoreStrided(V v, T* p, int stride);
}

/// <summary>Vectors of 512 bits.</summary>
public readonly unsafe struct Lanes512<T> : ILanes<T, Vector512<T>>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512<T>.Count;
    }

    public static Vector512<T> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512<T>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(T* p) => Vector512.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<T> v, T* p) => v.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Broadcast(T value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Add(Vector512<T> a, Vector512<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Multiply(Vector512<T> a, Vector512<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Subtract(Vector512<T> a, Vector512<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Divide(Vector512<T> a, Vector512<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Min(Vector512<T> a, Vector512<T> b) => Vector512.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Max(Vector512<T> a, Vector512<T> b) => Vector512.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Sqrt(Vector512<T> v) => Vector512.Sqrt(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> PowerOfTwo(Vector512<T> n) => typeof(T) == typeof(float)
        ? Vector512.ShiftLeft((n.AsSingle() + Vector512.Create(Exponents.Single)).AsInt32(), 23).As<int, T>()
        : Vector512.ShiftLeft((n.AsDouble() + Vector512.Create(Exponents.Double)).AsInt64(), 52).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Log(Vector512<T> v) => typeof(T) == typeof(float)
        ? Vector512.Log(v.AsSingle()).As<float, T>()
        : Vector512.Log(v.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> WherePositive(Vector512<T> v, Vector512<T> a, Vector512<T> b) => Vector512.ConditionalSelect(Vector512.GreaterThan(v, Vector512<T>.Zero), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> FusedMultiplyAdd(Vector512<T> a, Vector512<T> b, Vector512<T> c) => typeof(T) == typeof(float)
        ? Vector512.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector512.MultiplyAddEstimate(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Butterfly(Vector512<T> v, int bit) => typeof(T) == typeof(float)
        ? FusedMultiplyAdd(
            v,
            Vector512.ConditionalSelect(Vector512.Equals(Vector512<int>.Indices & Vector512.Create(bit), Vector512<int>.Zero).AsSingle(), Vector512<float>.One, Vector512.Create(-1f)).As<float, T>(),
            Vector512.Shuffle(v.AsSingle(), Vector512<int>.Indices ^ Vector512.Create(bit)).As<float, T>())
        : FusedMultiplyAdd(
            v,
            Vector512.ConditionalSelect(Vector512.Equals(Vector512<long>.Indices & Vector512.Create((long)bit), Vector512<long>.Zero).AsDouble(), Vector512<double>.One, Vector512.Create(-1.0)).As<double, T>(),
            Vector512.Shuffle(v.AsDouble(), Vector512<long>.Indices ^ Vector512.Create((long)bit)).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector512<T> v) => Lanes256<T>.Sum(v.GetLower() + v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Reverse(Vector512<T> v) => typeof(T) == typeof(float)
        ? Vector512.Shuffle(v.AsSingle(), Vector512<int>.Indices ^ Vector512.Create(Vector512<int>.Count - 1)).As<float, T>()
        : Vector512.Shuffle(v.AsDouble(), Vector512<long>.Indices ^ Vector512.Create(Vector512<long>.Count - 1L)).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<T> Even, Vector512<T> Odd) LoadPairs(T* p)
    {
        if (typeof(T) != typeof(float))
        {
            return (LoadStrided(p, 2), LoadStrided(p + 1, 2));
        }

        // A pair is a number of 64 bits, of which half is kept.
        (Vector512<ulong> first, Vector512<ulong> second) = (Load(p).AsUInt64(), Load(p + Count).AsUInt64());
        return (Vector512.Narrow(first, second).As<uint, T>(), Vector512.Narrow(first >>> 32, second >>> 32).As<uint, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector512<T> even, Vector512<T> odd, T* p)
    {
        if (typeof(T) != typeof(float))
        {
            StoreStrided(even, p, 2);
            StoreStrided(odd, p + 1, 2);
            return;
        }

        Store((Vector512.WidenLower(even.AsUInt32()) | (Vector512.WidenLower(odd.AsUInt32()) << 32)).As<ulong, T>(), p);
        Store((Vector512.WidenUpper(even.AsUInt32()) | (Vector512.WidenUpper(odd.AsUInt32()) << 32)).As<ulong, T>(), p + Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> LoadStrided(T* p, int stride) => Vector512.Create(
        Lanes256<T>.LoadStrided(p, stride),
        Lanes256<T>.LoadStrided(p + (nint)stride * Vector256<T>.Count, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreStrided(Vector512<T> v, T* p, int stride)
    {
        // By way of the stack: a tile has many of these, and a loop is little code.
        Vector512<T> copy = v;
        T* elements = (T*)&copy;
        for (int i = 0; i < Vector512<T>.Count; i++, p += stride)
        {
            *p = elements[i];
        }
    }
}

/// <summary>Vectors of 256 bits.</summary>
public readonly unsafe struct Lanes256<T> : ILanes<T, Vector256<T>>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256<T>.Count;
    }

    public static Vector256<T> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256<T>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load(T* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<T> v, T* p) => v.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Broadcast(T value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Add(Vector256<T> a, Vector256<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Multiply(Vector256<T> a, Vector256<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Subtract(Vector256<T> a, Vector256<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Divide(Vector256<T> a, Vector256<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Min(Vector256<T> a, Vector256<T> b) => Vector256.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Max(Vector256<T> a, Vector256<T> b) => Vector256.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Sqrt(Vector256<T> v) => Vector256.Sqrt(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> PowerOfTwo(Vector256<T> n) => typeof(T) == typeof(float)
        ? Vector256.ShiftLeft((n.AsSingle() + Vector256.Create(Exponents.Single)).AsInt32(), 23).As<int, T>()
        : Vector256.ShiftLeft((n.AsDouble() + Vector256.Create(Exponents.Double)).AsInt64(), 52).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Log(Vector256<T> v) => typeof(T) == typeof(float)
        ? Vector256.Log(v.AsSingle()).As<float, T>()
        : Vector256.Log(v.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> WherePositive(Vector256<T> v, Vector256<T> a, Vector256<T> b) => Vector256.ConditionalSelect(Vector256.GreaterThan(v, Vector256<T>.Zero), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> FusedMultiplyAdd(Vector256<T> a, Vector256<T> b, Vector256<T> c) => typeof(T) == typeof(float)
        ? Vector256.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector256.MultiplyAddEstimate(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Butterfly(Vector256<T> v, int bit) => typeof(T) == typeof(float)
        ? FusedMultiplyAdd(
            v,
            Vector256.ConditionalSelect(Vector256.Equals(Vector256<int>.Indices & Vector256.Create(bit), Vector256<int>.Zero).AsSingle(), Vector256<float>.One, Vector256.Create(-1f)).As<float, T>(),
            Vector256.Shuffle(v.AsSingle(), Vector256<int>.Indices ^ Vector256.Create(bit)).As<float, T>())
        : FusedMultiplyAdd(
            v,
            Vector256.ConditionalSelect(Vector256.Equals(Vector256<long>.Indices & Vector256.Create((long)bit), Vector256<long>.Zero).AsDouble(), Vector256<double>.One, Vector256.Create(-1.0)).As<double, T>(),
            Vector256.Shuffle(v.AsDouble(), Vector256<long>.Indices ^ Vector256.Create((long)bit)).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector256<T> v) => Vector128.Sum(v.GetLower() + v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Reverse(Vector256<T> v) => typeof(T) == typeof(float)
        ? Vector256.Shuffle(v.AsSingle(), Vector256<int>.Indices ^ Vector256.Create(Vector256<int>.Count - 1)).As<float, T>()
        : Vector256.Shuffle(v.AsDouble(), Vector256<long>.Indices ^ Vector256.Create(Vector256<long>.Count - 1L)).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<T> Even, Vector256<T> Odd) LoadPairs(T* p)
    {
        if (typeof(T) != typeof(float))
        {
            return (LoadStrided(p, 2), LoadStrided(p + 1, 2));
        }

        // A pair is a number of 64 bits, of which half is kept.
        (Vector256<ulong> first, Vector256<ulong> second) = (Load(p).AsUInt64(), Load(p + Count).AsUInt64());
        return (Vector256.Narrow(first, second).As<uint, T>(), Vector256.Narrow(first >>> 32, second >>> 32).As<uint, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector256<T> even, Vector256<T> odd, T* p)
    {
        if (typeof(T) != typeof(float))
        {
            StoreStrided(even, p, 2);
            StoreStrided(odd, p + 1, 2);
            return;
        }

        Store((Vector256.WidenLower(even.AsUInt32()) | (Vector256.WidenLower(odd.AsUInt32()) << 32)).As<ulong, T>(), p);
        Store((Vector256.WidenUpper(even.AsUInt32()) | (Vector256.WidenUpper(odd.AsUInt32()) << 32)).As<ulong, T>(), p + Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> LoadStrided(T* p, int stride) => Vector256.Create(
        Lanes128<T>.LoadStrided(p, stride),
        Lanes128<T>.LoadStrided(p + (nint)stride * Vector128<T>.Count, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreStrided(Vector256<T> v, T* p, int stride)
    {
        // By way of the stack: a tile has many of these, and a loop is little code.
        Vector256<T> copy = v;
        T* elements = (T*)&copy;
        for (int i = 0; i < Vector256<T>.Count; i++, p += stride)
        {
            *p = elements[i];
        }
    }
}

/// <summary>Vectors of 128 bits.</summary>
public readonly unsafe struct Lanes128<T> : ILanes<T, Vector128<T>>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128<T>.Count;
    }

    public static Vector128<T> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128<T>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Load(T* p) => Vector128.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<T> v, T* p) => v.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Broadcast(T value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Add(Vector128<T> a, Vector128<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Multiply(Vector128<T> a, Vector128<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Subtract(Vector128<T> a, Vector128<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Divide(Vector128<T> a, Vector128<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Min(Vector128<T> a, Vector128<T> b) => Vector128.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Max(Vector128<T> a, Vector128<T> b) => Vector128.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Sqrt(Vector128<T> v) => Vector128.Sqrt(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> PowerOfTwo(Vector128<T> n) => typeof(T) == typeof(float)
        ? Vector128.ShiftLeft((n.AsSingle() + Vector128.Create(Exponents.Single)).AsInt32(), 23).As<int, T>()
        : Vector128.ShiftLeft((n.AsDouble() + Vector128.Create(Exponents.Double)).AsInt64(), 52).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Log(Vector128<T> v) => typeof(T) == typeof(float)
        ? Vector128.Log(v.AsSingle()).As<float, T>()
        : Vector128.Log(v.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> WherePositive(Vector128<T> v, Vector128<T> a, Vector128<T> b) => Vector128.ConditionalSelect(Vector128.GreaterThan(v, Vector128<T>.Zero), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> FusedMultiplyAdd(Vector128<T> a, Vector128<T> b, Vector128<T> c) => typeof(T) == typeof(float)
        ? Vector128.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector128.MultiplyAddEstimate(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Butterfly(Vector128<T> v, int bit) => typeof(T) == typeof(float)
        ? FusedMultiplyAdd(
            v,
            Vector128.ConditionalSelect(Vector128.Equals(Vector128<int>.Indices & Vector128.Create(bit), Vector128<int>.Zero).AsSingle(), Vector128<float>.One, Vector128.Create(-1f)).As<float, T>(),
            Vector128.Shuffle(v.AsSingle(), Vector128<int>.Indices ^ Vector128.Create(bit)).As<float, T>())
        : FusedMultiplyAdd(
            v,
            Vector128.ConditionalSelect(Vector128.Equals(Vector128<long>.Indices & Vector128.Create((long)bit), Vector128<long>.Zero).AsDouble(), Vector128<double>.One, Vector128.Create(-1.0)).As<double, T>(),
            Vector128.Shuffle(v.AsDouble(), Vector128<long>.Indices ^ Vector128.Create((long)bit)).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector128<T> v) => Vector128.Sum(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Reverse(Vector128<T> v) => typeof(T) == typeof(float)
        ? Vector128.Shuffle(v.AsSingle(), Vector128<int>.Indices ^ Vector128.Create(Vector128<int>.Count - 1)).As<float, T>()
        : Vector128.Shuffle(v.AsDouble(), Vector128<long>.Indices ^ Vector128.Create(Vector128<long>.Count - 1L)).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<T> Even, Vector128<T> Odd) LoadPairs(T* p)
    {
        if (typeof(T) != typeof(float))
        {
            return (LoadStrided(p, 2), LoadStrided(p + 1, 2));
        }

        // A pair is a number of 64 bits, of which half is kept.
        (Vector128<ulong> first, Vector128<ulong> second) = (Load(p).AsUInt64(), Load(p + Count).AsUInt64());
        return (Vector128.Narrow(first, second).As<uint, T>(), Vector128.Narrow(first >>> 32, second >>> 32).As<uint, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector128<T> even, Vector128<T> odd, T* p)
    {
        if (typeof(T) != typeof(float))
        {
            StoreStrided(even, p, 2);
            StoreStrided(odd, p + 1, 2);
            return;
        }

        Store((Vector128.WidenLower(even.AsUInt32()) | (Vector128.WidenLower(odd.AsUInt32()) << 32)).As<ulong, T>(), p);
        Store((Vector128.WidenUpper(even.AsUInt32()) | (Vector128.WidenUpper(odd.AsUInt32()) << 32)).As<ulong, T>(), p + Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> LoadStrided(T* p, int stride)
    {
        nint step = stride;
        if (typeof(T) == typeof(float))
        {
            float* f = (float*)p;
            return Vector128.Create(f[0], f[step], f[2 * step], f[3 * step]).As<float, T>();
        }

        double* d = (double*)p;
        return Vector128.Create(d[0], d[step]).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreStrided(Vector128<T> v, T* p, int stride)
    {
        nint step = stride;
        p[0] = v.GetElement(0);
        p[step] = v.GetElement(1);
        if (typeof(T) == typeof(float))
        {
            p[2 * step] = v.GetElement(2);
            p[3 * step] = v.GetElement(3);
        }
    }
}

/// <summary>One element at a time: what remains of a row, and hardware without vectors.</summary>
public readonly unsafe struct Lanes1<T> : ILanes<T, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    public static T Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => T.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load(T* p) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T v, T* p) => *p = v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Broadcast(T value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Add(T a, T b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Multiply(T a, T b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Subtract(T a, T b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Divide(T a, T b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Min(T a, T b) => T.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Max(T a, T b) => T.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sqrt(T v) => T.Sqrt(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T PowerOfTwo(T n) => T.ScaleB(T.One, int.CreateTruncating(n));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log(T v) => Lanes128<T>.Log(Vector128.CreateScalar(v)).ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T WherePositive(T v, T a, T b) => v > T.Zero ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T FusedMultiplyAdd(T a, T b, T c) => T.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Butterfly(T v, int bit) => v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Reverse(T v) => v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T Even, T Odd) LoadPairs(T* p) => (p[0], p[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(T even, T odd, T* p) => (p[0], p[1]) = (even, odd);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(T v) => v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadStrided(T* p, int stride) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreStrided(T v, T* p, int stride) => *p = v;
}

/// <summary>What added to a whole number leaves the biased exponent of that power of two in the lowest bits.</summary>
internal static class Exponents
{
    public const float Single = (1.5f * (1 << 23)) + 127;

    public const double Double = (1.5 * (1L << 52)) + 1023;
}
