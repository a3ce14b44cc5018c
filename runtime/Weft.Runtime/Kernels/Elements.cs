using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>What is done with a vector of elements of some tensors of the same length.</summary>
public interface IElementwiseLoop<T>
    where T : unmanaged
{
    /// <param name="i">The place of the first element.</param>
    void At<S, V>(int i)
        where S : struct, ILanes<T, V>
        where V : struct;
}

/// <summary>The terms of a sum over tensors of the same length, or what the largest is sought of.</summary>
public interface IElementwiseTerms<T>
    where T : unmanaged
{
    /// <param name="i">The place of the first element.</param>
    V At<S, V>(int i)
        where S : struct, ILanes<T, V>
        where V : struct;
}

/// <summary>Loops over elements, with the widest vectors that the machine has and then with narrower ones.</summary>
public static unsafe class Elements<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static void Run<TLoop>(TLoop loop, int count)
        where TLoop : struct, IElementwiseLoop<T>
    {
        int done = Vector512.IsHardwareAccelerated ? Run<TLoop, Lanes512<T>, Vector512<T>>(loop, 0, count) : 0;
        done = Vector256.IsHardwareAccelerated ? Run<TLoop, Lanes256<T>, Vector256<T>>(loop, done, count) : done;
        done = Vector128.IsHardwareAccelerated ? Run<TLoop, Lanes128<T>, Vector128<T>>(loop, done, count) : done;
        Run<TLoop, Lanes1<T>, T>(loop, done, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run<TLoop, S, V>(TLoop loop, int done, int count)
        where TLoop : struct, IElementwiseLoop<T>
        where S : struct, ILanes<T, V>
        where V : struct
    {
        for (; done + S.Count <= count; done += S.Count)
        {
            loop.At<S, V>(done);
        }

        return done;
    }

    /// <summary>The sum of all terms.</summary>
    public static T Sum<TTerms>(TTerms terms, int count)
        where TTerms : struct, IElementwiseTerms<T> => Reduce<Addition, TTerms>(terms, count, T.Zero);

    /// <summary>The largest of all terms; one that is no number may be passed over.</summary>
    public static T Largest<TTerms>(TTerms terms, int count)
        where TTerms : struct, IElementwiseTerms<T> => Reduce<Maximum, TTerms>(terms, count, T.NegativeInfinity);

    private static T Reduce<TOperation, TTerms>(TTerms terms, int count, T result)
        where TOperation : struct, IReduction
        where TTerms : struct, IElementwiseTerms<T>
    {
        int done = Vector512.IsHardwareAccelerated ? Reduce<TOperation, TTerms, Lanes512<T>, Vector512<T>>(terms, 0, count, ref result) : 0;
        done = Vector256.IsHardwareAccelerated ? Reduce<TOperation, TTerms, Lanes256<T>, Vector256<T>>(terms, done, count, ref result) : done;
        done = Vector128.IsHardwareAccelerated ? Reduce<TOperation, TTerms, Lanes128<T>, Vector128<T>>(terms, done, count, ref result) : done;
        Reduce<TOperation, TTerms, Lanes1<T>, T>(terms, done, count, ref result);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Reduce<TOperation, TTerms, S, V>(TTerms terms, int done, int count, ref T result)
        where TOperation : struct, IReduction
        where TTerms : struct, IElementwiseTerms<T>
        where S : struct, ILanes<T, V>
        where V : struct
    {
        if (done + S.Count > count)
        {
            return done;
        }

        V sum = terms.At<S, V>(done);
        for (done += S.Count; done + S.Count <= count; done += S.Count)
        {
            sum = TOperation.Of<S, V>(sum, terms.At<S, V>(done));
        }

        T* lanes = stackalloc T[S.Count];
        S.Store(sum, lanes);
        for (int i = 0; i < S.Count; i++)
        {
            result = TOperation.Of<Lanes1<T>, T>(result, lanes[i]);
        }

        return done;
    }

    private interface IReduction
    {
        static abstract V Of<S, V>(V a, V b)
            where S : struct, ILanes<T, V>
            where V : struct;
    }

    private readonly struct Addition : IReduction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of<S, V>(V a, V b)
            where S : struct, ILanes<T, V>
            where V : struct => S.Add(a, b);
    }

    private readonly struct Maximum : IReduction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of<S, V>(V a, V b)
            where S : struct, ILanes<T, V>
            where V : struct => S.Max(a, b);
    }
}
