using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Weft.Kernels;

namespace Weft.Measuring;

/// <summary>What the machine can do, measured: operations of one core and the bandwidth of each level of its memory.</summary>
internal sealed unsafe class MeasuredMachine
{
    private const int Rounds = 2000;

    public static readonly Variant PeakKernel = new("FMA peak", () => RunPeak());

    public MeasuredMachine(Stopclock clock)
    {
        Peak = PeakFlops / clock.Race(PeakKernel)[0];
        Levels = [Level("L1", 24 << 10), Level("L2", 512 << 10), Level("L3", 8 << 20), Level("DRAM", 256 << 20)];

        MemoryLevel Level(string name, int bytes)
        {
            using var buffer = new FloatBuffer(bytes / sizeof(float));
            return new MemoryLevel(name, bytes, bytes / clock.Race(new Variant(name, () => _ = Read(buffer.Pointer, buffer.Length)))[0]);
        }
    }

    /// <summary>Floating-point operations of one run of <see cref="PeakKernel"/>.</summary>
    public static double PeakFlops => 2.0 * Chains * Rounds * (Vector512.IsHardwareAccelerated ? 16 : 8);

    /// <summary>Operations per second.</summary>
    public double Peak { get; }

    /// <summary>From the nearest memory on.</summary>
    public IReadOnlyList<MemoryLevel> Levels { get; }

    private const int Chains = 12;

    /// <summary>The level that holds so much, if the rest of a call is small.</summary>
    public MemoryLevel LevelOf(double bytes) => bytes <= 768 << 10 ? Levels[1] : bytes <= 16 << 20 ? Levels[2] : Levels[3];

    private static void RunPeak()
    {
        if (Vector512.IsHardwareAccelerated)
        {
            _ = Multiply<Lanes512<float>, Vector512<float>>();
        }
        else
        {
            _ = Multiply<Lanes256<float>, Vector256<float>>();
        }
    }

    /// <summary>Independent chains of multiply-adds: more than the units' latency can hold up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static V Multiply<S, V>()
        where S : struct, ILanes<float, V>
        where V : struct
    {
        V a = S.Broadcast(0.999f), b = S.Broadcast(0.001f);
        V c0 = b, c1 = b, c2 = b, c3 = b, c4 = b, c5 = b, c6 = b, c7 = b, c8 = b, c9 = b, c10 = b, c11 = b;
        for (int i = 0; i < Rounds; i++)
        {
            c0 = S.FusedMultiplyAdd(c0, a, b);
            c1 = S.FusedMultiplyAdd(c1, a, b);
            c2 = S.FusedMultiplyAdd(c2, a, b);
            c3 = S.FusedMultiplyAdd(c3, a, b);
            c4 = S.FusedMultiplyAdd(c4, a, b);
            c5 = S.FusedMultiplyAdd(c5, a, b);
            c6 = S.FusedMultiplyAdd(c6, a, b);
            c7 = S.FusedMultiplyAdd(c7, a, b);
            c8 = S.FusedMultiplyAdd(c8, a, b);
            c9 = S.FusedMultiplyAdd(c9, a, b);
            c10 = S.FusedMultiplyAdd(c10, a, b);
            c11 = S.FusedMultiplyAdd(c11, a, b);
        }

        return S.Add(
            S.Add(S.Add(S.Add(c0, c1), S.Add(c2, c3)), S.Add(S.Add(c4, c5), S.Add(c6, c7))),
            S.Add(S.Add(c8, c9), S.Add(c10, c11)));
    }

    /// <summary>Inlined where nobody looks at the sum, it would touch but one line in four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Read(float* p, int length)
    {
        Vector512<float> a = default, b = default, c = default, d = default;
        for (float* end = p + length; p < end; p += 64)
        {
            a += Vector512.Load(p);
            b += Vector512.Load(p + 16);
            c += Vector512.Load(p + 32);
            d += Vector512.Load(p + 48);
        }

        return Vector512.Sum(a + b + c + d);
    }
}

/// <param name="Name">L1, L2, L3 or DRAM.</param>
/// <param name="Bytes">What was read to measure it.</param>
/// <param name="Bandwidth">Bytes per second of one core.</param>
internal sealed record MemoryLevel(string Name, long Bytes, double Bandwidth);
