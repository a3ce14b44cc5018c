using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Kernels;

/// <summary>What is done with a vector of elements of some tensors of the same length.</summary>
internal interface IElementwiseLoop<T>
    where T : unmanaged
{
    /// <param name="i">The place of the first element.</param>
    void At<S, V>(int i)
        where S : struct, ILanes<T, V>
        where V : struct;
}

/// <summary>Loops over elements, with the widest vectors that the machine has and then with narrower ones.</summary>
internal static class Elements<T>
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
}
