using System.Numerics;

namespace Weft.Execution;

/// <summary>The memory that one worker needs besides the map's weights; each part is made when it is first asked for.</summary>
internal sealed unsafe class Workspace<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private AlignedBuffer<T>? scratch;
    private AlignedBuffer<T>? rows;
    private AlignedBuffer<T>? block;

    /// <summary>Scratch for rows that are processed together; its content is arbitrary.</summary>
    public T* Scratch(int rows, int perRow)
    {
        AlignedBuffer<T> buffer = Ensure(ref scratch, rows * perRow);
        buffer.Forget();
        return buffer.Pointer;
    }

    /// <summary>Rows of a chunk that no caller sees; their content is arbitrary.</summary>
    public AlignedBuffer<T> Rows(int length) => Ensure(ref rows, length);

    /// <summary>A block in the layout of the weights, for a gradient or a tangent; its content is arbitrary.</summary>
    public AlignedBuffer<T> Block(int length) => Ensure(ref block, length);

    private static AlignedBuffer<T> Ensure(ref AlignedBuffer<T>? buffer, int length) =>
        buffer != null && buffer.Holds(length) ? buffer : buffer = new AlignedBuffer<T>(length);
}
