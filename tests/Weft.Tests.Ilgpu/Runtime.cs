using ILGPU.Execution;

namespace ILGPU.Runtime;

public interface IContiguousArrayView<T>
    where T : unmanaged
{
    internal Span<T> Elements { get; }
}

public abstract class Accelerator : IDisposable
{
    private protected Accelerator(string name, int maxNumThreadsPerGroup)
    {
        Name = name;
        MaxNumThreadsPerGroup = maxNumThreadsPerGroup;
        DefaultStream = CreateStream();
    }

    public string Name { get; }

    public long MemorySize => 1L << 32;

    public int MaxNumThreadsPerGroup { get; }

    public AcceleratorStream DefaultStream { get; }

    public AcceleratorStream CreateStream() => new Execution.Queue(this);

    public MemoryBuffer1D<T, Stride1D.Dense> Allocate1D<T>(long length)
        where T : unmanaged => new(this, new byte[length * System.Runtime.CompilerServices.Unsafe.SizeOf<T>()], length);

    public void Dispose() => DefaultStream.Dispose();
}

public abstract class AcceleratorStream : IDisposable
{
    private protected AcceleratorStream(Accelerator accelerator) => Accelerator = accelerator;

    public Accelerator Accelerator { get; }

    public abstract void Synchronize();

    internal abstract void Enqueue(Action work);

    public void Dispose() => Synchronize();
}

public sealed class MemoryBuffer1D<T, TStride> : IDisposable
    where T : unmanaged
    where TStride : struct
{
    private byte[]? memory;

    internal MemoryBuffer1D(Accelerator accelerator, byte[] memory, long length)
    {
        Accelerator = accelerator;
        this.memory = memory;
        Length = length;
    }

    public Accelerator Accelerator { get; }

    public long Length { get; }

    public ArrayView<T> AsContiguous() => new(memory ?? throw new ObjectDisposedException(nameof(MemoryBuffer1D<T, TStride>)), 0, Length);

    public void Dispose() => memory = null;
}

public static class ArrayViewExtensions
{
    public static void MemSetToZero<T>(this ArrayView<T> view, AcceleratorStream stream)
        where T : unmanaged => stream.Enqueue(() => Elements(view).Clear());

    public static void CopyFromCPU<T, TView>(this TView target, AcceleratorStream stream, ref T cpuData, long length)
        where T : unmanaged
        where TView : IContiguousArrayView<T>
    {
        stream.Synchronize();
        System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(ref cpuData, (int)length).CopyTo(target.Elements);
    }

    public static void CopyToCPU<T, TView>(this TView source, AcceleratorStream stream, ref T cpuData, long length)
        where T : unmanaged
        where TView : IContiguousArrayView<T>
    {
        stream.Synchronize();
        source.Elements[..(int)length].CopyTo(System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref cpuData, (int)length));
    }

    private static Span<T> Elements<T>(IContiguousArrayView<T> view)
        where T : unmanaged => view.Elements;
}

public static class KernelLoaders
{
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3> LoadKernel<T1, T2, T3>(this Accelerator accelerator, Action<T1, T2, T3> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c)).Run());
    }

    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> LoadKernel<T1, T2, T3, T4>(
        this Accelerator accelerator, Action<T1, T2, T3, T4> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c, d) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c, d)).Run());
    }

    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> LoadKernel<T1, T2, T3, T4, T5>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c, d, e) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c, d, e)).Run());
    }

    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> LoadKernel<T1, T2, T3, T4, T5, T6>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c, d, e, f) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c, d, e, f)).Run());
    }

    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7> LoadKernel<T1, T2, T3, T4, T5, T6, T7>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c, d, e, f, g) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c, d, e, f, g)).Run());
    }

    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c, d, e, f, g, h) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c, d, e, f, g, h)).Run());
    }

    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c, d, e, f, g, h, i) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c, d, e, f, g, h, i)).Run());
    }

    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
    {
        Check(accelerator, action);
        return (stream, config, a, b, c, d, e, f, g, h, i, j) => stream.Enqueue(() => new Grid3D(config, () => action(a, b, c, d, e, f, g, h, i, j)).Run());
    }

    /// <summary>Kernels are static methods.</summary>
    private static void Check(Accelerator accelerator, Delegate action)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        if (!action.Method.IsStatic)
        {
            throw new NotSupportedException($"{action.Method.Name} is not static.");
        }
    }
}
