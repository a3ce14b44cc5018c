using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Weft.Execution;

namespace Weft.Kernels;

/// <summary>What kernels take the processor that runs them to have.</summary>
internal static class Processor
{
    private static Machine? machine;

    /// <summary>The machine: that which was set, or that which is found when it is first asked for.</summary>
    /// <exception cref="FormatException">What the environment pins is wrong.</exception>
    public static Machine Machine
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref machine) ?? Find();
        set => Volatile.Write(ref machine, value);
    }

    /// <summary>Bits of the widest vectors; 0 for none.</summary>
    public static int VectorBits => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>Vector registers.</summary>
    public static int Registers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx512F.VL.IsSupported || AdvSimd.IsSupported ? 32 : 16;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Machine Find()
    {
        Interlocked.CompareExchange(ref machine, MachineProbe.Probe(), null);
        return machine;
    }
}
