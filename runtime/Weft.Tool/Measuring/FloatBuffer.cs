using System.Runtime.InteropServices;

namespace Weft.Measuring;

/// <summary>Floats that do not move and start on a page; they live as long as the program's case.</summary>
internal sealed unsafe class FloatBuffer : IDisposable
{
    private const nuint Page = 4096;

    public FloatBuffer(int length)
    {
        Pointer = (float*)NativeMemory.AlignedAlloc((nuint)length * sizeof(float), Page);
        Length = length;
        Span.Clear();
    }

    public float* Pointer { get; }

    public int Length { get; }

    public Span<float> Span => new(Pointer, Length);

    /// <summary>Numbers between -1 and 1 that the seed repeats.</summary>
    public static FloatBuffer Random(int length, int seed)
    {
        var buffer = new FloatBuffer(length);
        Fill(buffer.Span, seed);
        return buffer;
    }

    public static void Fill(Span<float> span, int seed)
    {
        var random = new Random(seed);
        foreach (ref float value in span)
        {
            value = (random.NextSingle() * 2) - 1;
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(Pointer);
}
