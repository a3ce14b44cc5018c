using System.Collections.Immutable;
using System.Numerics;

namespace Weft.Kernels;

/// <summary>A map's passes for a device: its kernels and the order in which they are run.</summary>
public sealed record DeviceProgram
{
    /// <summary>
    /// The kernels, in OpenCL C 1.2. Each takes its operands, a pointer and a start for each, then <c>rows</c> and <c>accumulate</c>.
    /// Null where the map was not compiled for OpenCL.
    /// </summary>
    public string? Source { get; init; }

    /// <summary>Their names and grids.</summary>
    public required ImmutableArray<DeviceKernel> Kernels { get; init; }

    /// <summary>What is derived from parameters, once per change of them.</summary>
    public required ImmutableArray<DeviceLaunch> Prepare { get; init; }

    /// <summary>The output for a chunk of rows.</summary>
    public required ImmutableArray<DeviceLaunch> Forward { get; init; }

    /// <summary>The output for at most <see cref="FewRows"/> rows.</summary>
    public required ImmutableArray<DeviceLaunch> ForwardFew { get; init; }

    /// <summary>The output, and what <see cref="Reverse"/> reads, for a chunk of rows.</summary>
    public required ImmutableArray<DeviceLaunch> Record { get; init; }

    /// <summary>The same for at most <see cref="FewRows"/> rows.</summary>
    public required ImmutableArray<DeviceLaunch> RecordFew { get; init; }

    /// <summary>The gradients for a chunk of rows.</summary>
    public required ImmutableArray<DeviceLaunch> Reverse { get; init; }

    /// <summary>The same for at most <see cref="FewRows"/> rows.</summary>
    public required ImmutableArray<DeviceLaunch> ReverseFew { get; init; }

    /// <summary>What gradients of derived tensors mean for the parameters, as far as the host has no part in it.</summary>
    public required ImmutableArray<DeviceLaunch> FinishGradient { get; init; }

    /// <summary>Adds the gradients of the parameters to those asked for.</summary>
    public required ImmutableArray<DeviceLaunch> AddGradient { get; init; }

    /// <summary>The gradient and the value of a loss, by its <see cref="DeviceLoss"/>, after the forward pass.</summary>
    public required ImmutableArray<ImmutableArray<DeviceLaunch>> Losses { get; init; }

    /// <summary>A step of an optimizer, by its <see cref="DeviceRule"/>.</summary>
    public required ImmutableArray<ImmutableArray<DeviceLaunch>> Optimizers { get; init; }

    /// <summary>
    /// Where parameters that are not trained are, constants, and those functions of tensors that the host evaluates: in its weight block and in
    /// the device's.
    /// </summary>
    public required ImmutableArray<DeviceSegment> Functions { get; init; }

    /// <summary>Tensors that the device has in short formats.</summary>
    public required ImmutableArray<DeviceCodes> Codes { get; init; }

    /// <summary>Bytes of the block of codes; each tensor begins at a multiple of 16.</summary>
    public required int CodeBytes { get; init; }

    /// <summary>Whether a step of an optimizer changes one of them.</summary>
    public required bool FunctionsChange { get; init; }

    /// <summary>Gradients that the host takes further, because they go through functions: in its block of gradients and in the device's.</summary>
    public required ImmutableArray<DeviceSegment> FunctionGradients { get; init; }

    /// <summary>Elements of the device's weight block; the trained parameters come first, at the same places as in the host's.</summary>
    public required int WeightCount { get; init; }

    /// <summary>Elements of the device's block of weight gradients; the trained parameters come first.</summary>
    public required int GradientCount { get; init; }

    /// <summary>Elements for the parts of sums over a batch.</summary>
    public required int PartialCount { get; init; }

    /// <summary>Elements of scratch for a row of a chunk: forward, and forward and backward.</summary>
    public required (int Forward, int Gradient) ScratchPerRow { get; init; }

    /// <summary>The most rows of a chunk.</summary>
    public required int MaxRows { get; init; }

    /// <summary>The work items of the largest group.</summary>
    public int LargestGroup => Kernels.Max(kernel => kernel.GroupX * kernel.GroupY);

    /// <summary>Up to so many rows, kernels are others.</summary>
    internal const int FewRows = 8;

    internal int MostOperands =>
        new[] { Prepare, Forward, ForwardFew, Record, RecordFew, Reverse, ReverseFew, FinishGradient, AddGradient }.Concat(Losses).Concat(Optimizers)
            .SelectMany(launches => launches)
            .Max(launch => launch.Operands.Length);
}

/// <summary>A kernel, the size of its groups, and what the groups along each axis share out.</summary>
public readonly record struct DeviceKernel(string Name, int GroupX, int GroupY, DeviceAxis X, DeviceAxis Y, DeviceAxis Z);

/// <summary>An extent, times the rows of the chunk if so, in tiles.</summary>
public readonly record struct DeviceAxis(int Extent, bool TimesRows, int Tile)
{
    /// <summary>The number of groups along the axis.</summary>
    public long Groups(int rows) => (((long)Extent * (TimesRows ? rows : 1)) + Tile - 1) / Tile;
}

/// <summary>Elements that lie at one place in the host's block and at another in the device's.</summary>
public readonly record struct DeviceSegment(int Host, int Device, int Length);

/// <summary>A tensor that the device has in a short format: elements of the host's weight block, and the byte that it begins at in the block of codes.</summary>
public abstract record DeviceCodes(int Host, int Device, int Length)
{
    /// <summary>The bytes that it takes.</summary>
    internal abstract int Bytes { get; }

    /// <summary>Packs elements into the format.</summary>
    internal abstract unsafe void Pack(void* elements, byte* codes);
}

/// <summary>A tensor in a format.</summary>
public sealed record DeviceCodes<T, TFormat>(int Host, int Device, int Length) : DeviceCodes(Host, Device, Length)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TFormat : struct, IStorageFormat<T>
{
    internal override int Bytes => (int)((((long)Length * TFormat.Bits) + 7) / 8);

    internal override unsafe void Pack(void* elements, byte* codes) => TFormat.Write((T*)elements, codes, Length);
}

/// <summary>Where an operand begins: an offset, plus one for each row of a full chunk.</summary>
public readonly record struct DeviceOperand(DeviceBlock Block, int Offset, int OffsetPerRow);

/// <summary>A kernel, by its index, and what it is run on. The last operand is written.</summary>
public readonly record struct DeviceLaunch(int Kernel, bool Accumulate, ImmutableArray<DeviceOperand> Operands);
