using System.Numerics;
using System.Runtime.Intrinsics;
using Weft.Kernels;

namespace Weft.Tests.Runtime;

public sealed unsafe class LanesTests
{
    [Fact]
    public void EveryWidthComputesWhatOneElementAtATimeDoes()
    {
        Check<float, Vector512<float>, Lanes512<float>>(16);
        Check<double, Vector512<double>, Lanes512<double>>(8);
        Check<float, Vector256<float>, Lanes256<float>>(8);
        Check<double, Vector256<double>, Lanes256<double>>(4);
        Check<float, Vector128<float>, Lanes128<float>>(4);
        Check<double, Vector128<double>, Lanes128<double>>(2);
        Check<float, float, Lanes1<float>>(1);
        Check<double, double, Lanes1<double>>(1);
    }

    [Fact]
    public void ExtentsAreTheirNames() => Assert.Equal(
        [1, 2, 3, 6, 12],
        [Count<Extent1>(), Count<Extent2>(), Count<Extent3>(), Count<Extent6>(), Count<Extent12>()]);

    private static int Count<TExtent>()
        where TExtent : struct, IExtent => TExtent.Count;

    private static void Check<T, V, TLanes>(int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where V : struct
        where TLanes : ILanes<T, V>
    {
        Assert.Equal(count, TLanes.Count);
        T[] a = Numbers.Draw<T>(count, 1), b = Numbers.Draw<T>(count, 2), c = Numbers.Draw<T>(count, 3), wide = Numbers.Draw<T>(5 * count, 4);
        double tolerance = typeof(T) == typeof(float) ? 1e-6 : 1e-15;
        fixed (T* pa = a, pb = b, pc = c, pw = wide)
        {
            V va = TLanes.Load(pa), vb = TLanes.Load(pb), vc = TLanes.Load(pc);
            Expect(i => a[i], va);
            Expect(_ => T.Zero, TLanes.Zero);
            Expect(_ => a[0], TLanes.Broadcast(a[0]));
            Expect(i => a[i] + b[i], TLanes.Add(va, vb));
            Expect(i => a[i] * b[i], TLanes.Multiply(va, vb));
            Expect(i => a[i] * b[i] + c[i], TLanes.FusedMultiplyAdd(va, vb, vc));
            Expect(i => wide[5 * i], TLanes.LoadStrided(pw, 5));
            Expect(i => wide[5 * count - 5 - 5 * i], TLanes.LoadStrided(pw + 5 * count - 5, -5));
            Numbers.AssertClose<T>([a.Aggregate((sum, value) => sum + value)], [TLanes.Sum(va)], tolerance * count);

            T[] untouched = [.. wide];
            TLanes.StoreStrided(va, pw, 5);
            for (int i = 0; i < wide.Length; i++)
            {
                Assert.Equal(i % 5 == 0 ? a[i / 5] : untouched[i], wide[i]);
            }
        }

        void Expect(Func<int, T> expected, V actual)
        {
            T[] found = new T[count];
            fixed (T* p = found)
            {
                TLanes.Store(actual, p);
            }

            Numbers.AssertClose<T>([.. Enumerable.Range(0, count).Select(expected)], found, tolerance);
        }
    }
}
