using Weft.Compiler.Algebra;
using Weft.Compiler.Network;

namespace Weft.Compiler.Scheduling;

/// <summary>A place that a step is handed a pointer to.</summary>
public sealed record Place(Storage Storage, Aspect Aspect, int Offset);

/// <summary>One step of a schedule.</summary>
public abstract record Step
{
    /// <summary>The storage that is written.</summary>
    public abstract Place Target { get; }
}

/// <summary>Runs a kernel, which does <paramref name="Contraction"/>: what a device with kernels of its own starts from.</summary>
public sealed record KernelStep(Kernel Kernel, Place A, Place? B, Place C, bool Accumulate, Contraction Contraction) : Step
{
    public override Place Target => C;
}

/// <summary>Fills a storage with zeros, all rows of it.</summary>
public sealed record ClearStep(Place C) : Step
{
    public override Place Target => C;
}

/// <summary><c>c[o, i] (+)= a[o, table[i]]</c>, or with the table on the other side.</summary>
public sealed record PermuteStep(Place A, Place C, int Outer, IReadOnlyList<int> Table, bool Transposed, bool Accumulate) : Step
{
    public override Place Target => C;
}

/// <summary><c>c = f(a)</c>, elementwise.</summary>
public sealed record ActivationStep(Activation Activation, Place A, Place C) : Step
{
    public override Place Target => C;
}

/// <summary><c>c (+)= f'(z) · a</c>: what the chain rule makes of an activation in either direction.</summary>
public sealed record DerivativeStep(Activation Activation, Place Z, Place A, Place C, bool Accumulate) : Step
{
    public override Place Target => C;
}

/// <summary>What is done with a function of weights.</summary>
public enum FunctionMode
{
    Value,
    Gradient,
    Tangent,
}

/// <summary>Evaluates a function of weights, its gradient or its tangent.</summary>
public sealed record FunctionStep(FunctionWeight Function, FunctionMode Mode, Storage Result, IReadOnlyList<Storage> Arguments) : Step
{
    public override Place Target => new(Result, Mode == FunctionMode.Value ? Aspect.Value : Aspect.Mirror, 0);
}

/// <summary>
/// Copies a weight into the order in which kernels read it; <paramref name="Scatter"/>: adds a gradient back from that order.
/// </summary>
public sealed record PackStep(
    Storage Source, int Offset, Storage Packed, IReadOnlyList<int> Extents, IReadOnlyList<int> Strides, Aspect Aspect, bool Scatter) : Step
{
    public override Place Target => new(Packed, Aspect, 0);
}
