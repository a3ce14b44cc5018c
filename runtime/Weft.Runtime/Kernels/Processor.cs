using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Weft.Kernels;

/// <summary>What kernels take the processor that runs them to have.</summary>
internal static class Processor
{
    /// <summary>The least second-level cache of a core that is common with vectors of 512 bits, in bytes. Results do not depend on it.</summary>
    public const int SecondLevelBytes = 1 << 20;

    /// <summary>Vector registers.</summary>
    public static int Registers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx512F.VL.IsSupported || AdvSimd.IsSupported ? 32 : 16;
    }
}
